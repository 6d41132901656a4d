"""What a PMS told, kept sealed for a while: the practice's people and hours, and for minutes a patient's chart.

Filled inside an access that is open anyway, so that an answer from here is audited like any other. A patient's rows go
under an HMAC of their id, and nothing that was read before our own last write to their chart is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from pms import vault
from pms.models import PmsCachedData, PmsIntegration, WriteBack
from pms.services import jsonable, plain
from pms.services.gateway import Access

T = TypeVar("T")


def kept(
    access: Access, name: str, kind: type[T], ttl: timedelta, fetch: Callable[[], T], *, patient_id: str = ""
) -> T:
    """Return what ``fetch`` gave at most ``ttl`` ago, a record or collection of type ``kind``, or gives now."""
    started = access.clock.now()
    key = f"{name}:{_digest(patient_id)}" if patient_id else name
    place = _place(access.integration.pk, key)
    row = plain.first(PmsCachedData, pms_integration_id=access.integration.pk, cache_key=key)
    if row is not None and row.expires_at > started:
        try:
            found = jsonable.loaded(vault.unseal(row.data, place), kind)
        except vault.CannotOpen:
            pass  # its key was retired: read it again
        else:
            access.summary["cached"] = True
            return found
    fresh = fetch()
    sealed = vault.seal(jsonable.dumped(fresh, kind), place)
    fields = {
        "cache_type": name.partition(":")[0],
        "data": sealed,
        "expires_at": started + ttl,
        "last_fetched_at": started,
    }
    PmsCachedData.objects.update_or_create(pms_integration=access.integration, cache_key=key, defaults=fields)
    is_outdated = patient_id and _was_written_since(access.integration.pk, patient_id, started)
    if is_outdated or not _is_connected_as(access.integration):
        # Read before the chart, or the connection, was changed, and stored after what was kept had been dropped.
        PmsCachedData.objects.filter(pms_integration=access.integration, cache_key=key).delete()
    return fresh


def forget_patient(*, integration_id: UUID, patient_id: str) -> None:
    """Drop what is kept of a patient's chart, because it changes."""
    if patient_id:
        PmsCachedData.objects.filter(
            pms_integration_id=integration_id, cache_key__endswith=f":{_digest(patient_id)}"
        ).delete()


def purge(*, now: datetime) -> int:
    """Delete what has expired; return how many rows that were."""
    return PmsCachedData.objects.filter(expires_at__lte=now).delete()[0]


def _was_written_since(integration_id: UUID, patient_id: str, since: datetime) -> bool:
    changed = Q(sent_at__gte=since) | Q(completed_at__gte=since) | Q(verified_at__gte=since)
    return WriteBack.objects.filter(changed, integration_id=integration_id, patient_id=patient_id).exists()


def _is_connected_as(integration: PmsIntegration) -> bool:
    """Return whether the connection still has the credentials that were read with."""
    return PmsIntegration.objects.filter(pk=integration.pk, credentials=bytes(integration.credentials)).exists()


def _digest(patient_id: str) -> str:
    return vault.digest(patient_id, "cache")


def _place(integration_id: UUID, key: str) -> str:
    return f"pms_cached_data:{integration_id}:{key}"
