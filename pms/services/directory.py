"""What rarely changes at a practice: its people, rooms and opening hours, kept sealed for a while.

Filled inside an access that is open anyway, so that every PMS call belongs to an audited access.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from pms import vault
from pms.domain.records import Clinician, DaySchedule, Operatory, ResourceKind
from pms.models import PmsCachedData
from pms.services import plain
from pms.services.gateway import Access

PEOPLE_TTL = timedelta(hours=1)
SCHEDULE_TTL = timedelta(minutes=15)


def clinicians(access: Access) -> dict[str, Clinician]:
    """Return the active clinicians by id."""
    rows = _cached(access, "clinicians", PEOPLE_TTL, lambda: [asdict(c) for c in access.pms.list_clinicians()])
    return {row["id"]: Clinician(**row) for row in rows if row["is_active"]}


def operatories(access: Access) -> dict[str, Operatory]:
    """Return the bookable operatories by id."""
    rows = _cached(access, "operatories", PEOPLE_TTL, lambda: [asdict(o) for o in access.pms.list_operatories()])
    found = (Operatory(**{**row, "clinician_ids": tuple(row["clinician_ids"])}) for row in rows)
    return {operatory.id: operatory for operatory in found if operatory.is_active}


def schedules(access: Access, start: date, end: date) -> list[DaySchedule]:
    """Return the opening hours of the days, read and kept by whole weeks."""
    first = start - timedelta(days=(start.weekday() + 1) % 7)
    last = end + timedelta(days=(5 - end.weekday()) % 7)
    rows = _cached(
        access, f"schedules:{first}:{last}", SCHEDULE_TTL, lambda: _dumped(access.pms.list_schedules(first, last))
    )
    return [_schedule(row) for row in rows]


def _dumped(rows: Sequence[DaySchedule]) -> list[dict[str, Any]]:
    return [
        {**asdict(row), "day": row.day.isoformat(), "windows": [[a.isoformat(), b.isoformat()] for a, b in row.windows]}
        for row in rows
    ]


def _schedule(row: dict[str, Any]) -> DaySchedule:
    windows = tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in row["windows"])
    return DaySchedule(
        day=date.fromisoformat(row["day"]),
        kind=ResourceKind(row["kind"]),
        resource_id=row["resource_id"],
        windows=windows,
        is_holiday=row["is_holiday"],
    )


def _cached(
    access: Access, key: str, ttl: timedelta, fetch: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    now = access.clock.now()
    place = _place(access.integration.pk, key)
    kept = plain.first(PmsCachedData, pms_integration_id=access.integration.pk, cache_key=key)
    if kept is not None and kept.expires_at > now:
        try:
            rows: list[dict[str, Any]] = vault.unseal(kept.data, place)
        except vault.CannotOpen:
            pass  # its key was retired: read it again
        else:
            return rows
    fresh: list[dict[str, Any]] = json.loads(json.dumps(fetch()))
    PmsCachedData.objects.update_or_create(
        pms_integration=access.integration,
        cache_key=key,
        defaults={
            "cache_type": key.partition(":")[0],
            "data": vault.seal(fresh, place),
            "expires_at": now + ttl,
            "last_fetched_at": now,
        },
    )
    return fresh


def _place(integration_id: UUID, key: str) -> str:
    return f"pms_cached_data:{integration_id}:{key}"
