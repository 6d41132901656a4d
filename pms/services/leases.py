"""Who works on a row that is due: one worker at a time, and on one connection's rows never two at once.

A PMS that does not answer then holds one of the worker's few threads, and leaves the others to everybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from pms.domain import errors
from pms.domain.clock import Clock
from pms.models import Duty, PmsIntegration, WriteBack

Row = TypeVar("Row", WriteBack, Duty)

_LOOKED_AT_ONCE = 20
# The vendor was asked and has answered, so that its other rows may be asked about.
_ANSWERS = (errors.OfficeOffline, errors.Undecided)


def free(rows: QuerySet[Row], now: datetime) -> QuerySet[Row]:
    """Return those of ``rows`` that nobody works on, nor on another row of the same connection."""
    at_work = rows.model._default_manager.filter(integration=OuterRef("integration"), lease_until__gt=now)
    return rows.filter(~Exists(at_work))


def taken(
    due_at: Callable[[datetime], QuerySet[Row]],
    *,
    clock: Clock,
    limit: int,
    lease: timedelta,
    silent: Collection[UUID] = frozenset(),
    **changes: Any,
) -> Iterator[Any]:
    """Yield the keys of due rows, each leased to this caller and to nobody else; ``changes`` are made with the lease.

    ``silent`` may grow meanwhile: the connections in it are left for another time.
    """
    tried: list[Any] = []
    given = 0
    while given < limit:
        # A few at a time, or the rows of a silent connection, which are the oldest, would take up the whole sweep.
        waiting = due_at(clock.now()).exclude(integration__in=silent).exclude(pk__in=tried)
        found = list(waiting.order_by("next_attempt_at", "pk").values_list("pk", "integration_id")[:_LOOKED_AT_ONCE])
        if not found:
            return
        for pk, integration_id in found:
            tried.append(pk)
            if (
                given < limit
                and integration_id not in silent
                and _is_taken(pk, integration_id, due_at, clock, lease, changes)
            ):
                given += 1
                yield pk


def is_silence(error: errors.ParlaeError) -> bool:
    """Return whether a PMS did not answer, or is left alone, so that asking it again at once is no use."""
    return isinstance(error, errors.PmsUnavailable) and not isinstance(error, _ANSWERS)


def _is_taken(
    pk: Any,
    integration_id: UUID,
    due_at: Callable[[datetime], QuerySet[Row]],
    clock: Clock,
    lease: timedelta,
    changes: dict[str, Any],
) -> bool:
    """Lease a row to this caller; return whether it is theirs."""
    now = clock.now()  # of this row: those before it took their time
    with transaction.atomic():
        # The lock makes two workers see each other's leases; who does not get it at once has lost.
        locked = PmsIntegration.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        is_free = bool(locked.filter(pk=integration_id).values_list("pk"))
        return is_free and due_at(now).filter(pk=pk).update(lease_until=now + lease, **changes) == 1
