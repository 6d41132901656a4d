"""How a connection stands: how old the vendor's copy of the practice is, and whether the office's computer is there.

What the vendor tells is kept in the connection's row. A change leaves one event, however many have noticed it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from pms.models import PmsIntegration
from pms.providers import registry
from pms.providers.base import Health
from pms.services import audit
from pms.services.gateway import Access

_ACTOR = "job:health"


def check(access: Access) -> Health:
    """Ask the PMS how the connection stands, note it and return it. Raises what the PMS raises."""
    found = access.pms.health()
    note(access.integration, found, access.clock.now())
    return found


def note(integration: PmsIntegration, health: Health, now: datetime) -> None:
    """Keep what was told ``now`` in the connection's row and in ``integration``; what was not told stays as it was.

    Nothing is kept where somebody else has noted something since ``integration`` was read, nor if it has other
    credentials by now. Writes evidence, so it may not be called inside a transaction.
    """
    was_stale = integration.checked_at is not None and is_stale(integration, integration.checked_at)
    unchanged = _as_used(integration).filter(checked_at=integration.checked_at)
    changes: dict[str, Any] = {"checked_at": now}
    if health.data_as_of is not None:
        changes["last_sync_at"] = health.data_as_of
    if unchanged.update(**changes) == 0:
        integration.refresh_from_db(fields=["last_sync_at", "checked_at", "office_is_offline"])
        return
    for name, value in changes.items():
        setattr(integration, name, value)
    if health.office_is_offline is not None:
        _note_office(integration, _as_used(integration), is_offline=health.office_is_offline)
    if is_stale(integration, now) != was_stale:
        _tell(integration, "data_current" if was_stale else "data_stale")


def note_offline(integration: PmsIntegration, now: datetime) -> None:
    """Keep that a write was refused ``now`` because the office's computer is offline, until a check tells otherwise.

    A check that was made later counts more. Writes evidence, as ``note``.
    """
    earlier = Q(checked_at__isnull=True) | Q(checked_at__lte=now)
    _note_office(integration, _as_used(integration).filter(earlier), is_offline=True)


def age(integration: PmsIntegration, now: datetime) -> timedelta | None:
    """Return how old the vendor's copy is, ``None`` if nobody has told when it was taken."""
    taken_at = integration.last_sync_at
    return None if taken_at is None else max(now - taken_at, timedelta(0))


def is_stale(integration: PmsIntegration, now: datetime) -> bool:
    """Return whether the vendor's copy is too old to offer times from, or of an unknown age; never of live reads."""
    longest, known = _longest_age(integration), age(integration, now)
    return longest is not None and (known is None or known > longest)


def _longest_age(integration: PmsIntegration) -> timedelta | None:
    """Return how old the copy may be: ``maxDataAgeMinutes`` of the settings, else what is usual for the vendor."""
    usual = registry.service_class(integration.provider).copy_max_age
    minutes = (integration.config or {}).get("maxDataAgeMinutes")
    if usual is None or not isinstance(minutes, int) or isinstance(minutes, bool) or minutes <= 0:
        return usual
    return timedelta(minutes=minutes)


def _note_office(integration: PmsIntegration, row: QuerySet[PmsIntegration], *, is_offline: bool) -> None:
    has_changed = row.filter(office_is_offline=not is_offline).update(office_is_offline=is_offline) == 1
    integration.refresh_from_db(fields=["office_is_offline"])
    if has_changed:
        _tell(integration, "office_offline" if is_offline else "office_online")


def _as_used(integration: PmsIntegration) -> QuerySet[PmsIntegration]:
    """Return the connection's row, unless it has other credentials by now: they may lead to another office."""
    return PmsIntegration.objects.filter(pk=integration.pk, credentials=bytes(integration.credentials))


def _tell(integration: PmsIntegration, what: str) -> None:
    audit.record_event(
        kind=f"integration.{what}",
        actor=_ACTOR,
        account_id=integration.account_id,
        detail={"provider": integration.provider, "integration": str(integration.pk)},
    )
