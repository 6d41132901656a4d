"""How a connection stands: how old the vendor's copy of the practice is, and whether the office's computer is there.

What the vendor tells is kept in the connection's row. A change leaves one event, however many have noticed it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from pms.models import PmsIntegration
from pms.providers import registry
from pms.providers.attention import longest_age
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
        integration.refresh_from_db(fields=["last_sync_at", "checked_at", "office_offline_at"])
        return
    for name, value in changes.items():
        setattr(integration, name, value)
    _note_what_is_told(integration, health, now)
    if is_stale(integration, now) != was_stale:
        _tell(integration, "data_current" if was_stale else "data_stale")


def note_offline(integration: PmsIntegration, now: datetime) -> None:
    """Keep that a write was refused ``now`` because the office's computer is offline, until a check tells otherwise.

    A check that was made later counts more. Writes evidence, as ``note``.
    """
    earlier = Q(checked_at__isnull=True) | Q(checked_at__lte=now)
    _note_office(integration, _as_used(integration).filter(earlier), offline_at=now)


def note_reached(integration: PmsIntegration, now: datetime) -> None:
    """Keep that a write was taken ``now``, so that the office's computer is there. Writes evidence, as ``note``.

    What was told later than that counts more.
    """
    if integration.office_is_offline:
        _note_office(integration, _as_used(integration).filter(office_offline_at__lte=now), offline_at=None)


def age(integration: PmsIntegration, now: datetime) -> timedelta | None:
    """Return how old the vendor's copy is, ``None`` if nobody has told when it was taken."""
    taken_at = integration.last_sync_at
    return None if taken_at is None else max(now - taken_at, timedelta(0))


def is_stale(integration: PmsIntegration, now: datetime) -> bool:
    """Return whether the vendor's copy is too old to offer times from, or of an unknown age; never of live reads."""
    longest, known = _longest_age(integration), age(integration, now)
    return longest is not None and (known is None or known > longest)


def _longest_age(integration: PmsIntegration) -> timedelta | None:
    usual = registry.service_class(integration.provider).copy_max_age
    return longest_age(usual, integration.config or {})


def _note_what_is_told(integration: PmsIntegration, health: Health, now: datetime) -> None:
    """Keep what a check has told of the office; a copy can only be taken while its computer is there."""
    row = _as_used(integration)
    if health.office_is_offline:
        _note_office(integration, row, offline_at=now)
    elif health.office_is_offline is not None:
        _note_office(integration, row, offline_at=None)
    elif health.data_as_of is not None:
        _note_office(integration, row.filter(office_offline_at__lt=health.data_as_of), offline_at=None)


def _note_office(integration: PmsIntegration, row: QuerySet[PmsIntegration], *, offline_at: datetime | None) -> None:
    is_offline = offline_at is not None
    has_changed = row.filter(office_offline_at__isnull=is_offline).update(office_offline_at=offline_at) == 1
    if is_offline and not has_changed:
        row.filter(office_offline_at__lt=offline_at).update(office_offline_at=offline_at)
    integration.refresh_from_db(fields=["office_offline_at"])
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
