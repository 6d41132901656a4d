"""What a connection in use needs again and again: its session renewed, its health noted, its bookings compared.

Each kind of work has one row per connection, which rests while the connection is not in use. Work that fails is tried
again, less and less often; a connection's status is not its matter. Work that breaks in a way nobody expects is parked
for a person in the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import baa
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import ConnectionStatus, Duty, DutyKind, PmsIntegration
from pms.services import audit, gateway, health, leases, syncing
from pms.services.audit import Asker
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 20.0
LEASE = timedelta(seconds=90)
EVERY = {
    DutyKind.TOKEN: timedelta(minutes=10),
    DutyKind.HEALTH: timedelta(minutes=5),
    DutyKind.SYNC: timedelta(minutes=15),
}
PARKED_AFTER = 6

_FIRST_INTERVAL = timedelta(minutes=1)
_LONGEST_INTERVAL = timedelta(minutes=30)
# Of an interval: so far apart are connections that began together.
_SPREAD = 0.1
_GOLDEN = 0.618034
# In the place of a failure's code, where it was none that anybody expects.
_BROKEN = "broken"
_IN_USE = Q(status=ConnectionStatus.ACTIVE, account__is_active=True)
_ASKER = Asker(actor="job:duties", endpoint="job:duties", method="JOB")
_ACTIONS = {DutyKind.TOKEN: "keepSession", DutyKind.HEALTH: "checkHealth", DutyKind.SYNC: "syncBookings"}


def prepare(*, clock: Clock) -> int:
    """Give every connection in use its rows, due at once; return how many there were to make."""
    now, made = clock.now(), 0
    for kind in DutyKind:
        without = PmsIntegration.objects.filter(
            _IN_USE, ~Exists(Duty.objects.filter(kind=kind, integration=OuterRef("pk")))
        )
        new = [Duty(integration=one, kind=kind, next_attempt_at=now) for one in without.only("pk")]
        made += len(Duty.objects.bulk_create(new, batch_size=500, ignore_conflicts=True))
    return made


def claim_due(*, clock: Clock, limit: int = 200, silent: Collection[UUID] = frozenset()) -> Iterator[Duty]:
    """Yield due rows of connections in use, each leased to this caller, so that no two workers share one.

    ``silent`` may grow meanwhile: the rows of the connections in it are left for another sweep.
    """
    for pk in leases.taken(_due, clock=clock, limit=limit, lease=LEASE, silent=silent):
        yield Duty.objects.select_related("integration__account").get(pk=pk)


def overdue(now: datetime) -> QuerySet[Duty]:
    """Return the rows that should have been done by ``now``."""
    in_use = PmsIntegration.objects.filter(_IN_USE, pk=OuterRef("integration"))
    return Duty.objects.filter(Exists(in_use), next_attempt_at__lte=now)


def carry_out(*, duty: Duty, clock: Clock) -> bool:
    """Do what is due once and plan the next time; return whether the connection's PMS may be asked on."""
    try:
        is_done = _do(duty, clock)
    except errors.ParlaeError as error:
        log.info(
            "duty failed",
            job=duty.kind,
            code=error.code,
            integration_id=str(duty.integration_id),
            attempts=duty.attempts,
        )
        _fail(duty, error.code, clock.now(), at_least=error.retry_after_seconds)
        return not leases.is_silence(error)
    now = clock.now()
    done_at = now if is_done else duty.done_at
    _end(duty, attempts=0, last_error="", done_at=done_at, next_attempt_at=now + _interval(duty))
    return True


def postpone(*, duty: Duty, clock: Clock) -> None:
    """Plan another try of a row that broke its job; the sixth time in a row it is parked for a person."""
    if _times(duty, _BROKEN) < PARKED_AFTER:
        _fail(duty, _BROKEN, clock.now())
        return
    ended = _end(duty, attempts=PARKED_AFTER, last_error=_BROKEN, next_attempt_at=None, parked_at=clock.now())
    if not ended:
        return
    log.error("duty parked", job=duty.kind, integration_id=str(duty.integration_id), attempts=PARKED_AFTER)
    audit.record_event(
        kind="duty.parked",
        actor=_ASKER.actor,
        account_id=duty.integration.account_id,
        detail={"duty": duty.kind, "integration": str(duty.integration_id)},
    )


def resume(*, duty: Duty, clock: Clock) -> bool:
    """Take up a parked row again; return whether this caller did it."""
    parked = Duty.objects.filter(pk=duty.pk, parked_at__isnull=False)
    done = parked.update(parked_at=None, attempts=0, next_attempt_at=clock.now()) == 1
    duty.refresh_from_db()
    return done


def _due(now: datetime) -> QuerySet[Duty]:
    return leases.free(overdue(now), now)


def _do(duty: Duty, clock: Clock) -> bool:
    """Do one kind of work; return whether anything was to be done."""
    integration, kind = duty.integration, DutyKind(duty.kind)
    if kind is DutyKind.SYNC and not _may_compare(duty, clock.now()):
        return False
    with gateway.reading(
        integration=integration,
        asker=_ASKER,
        action=_ACTIONS[kind],
        phi=kind is DutyKind.SYNC,
        clock=clock,
        budget=Budget(BUDGET_SECONDS, clock),
        is_live=False,
    ) as access:
        _work(kind, access)
    return True


def _may_compare(duty: Duty, now: datetime) -> bool:
    """Return whether there are patients' appointments to read, of a practice that has agreed to it."""
    integration = duty.integration
    is_due = syncing.is_due(integration=integration, now=now, since=duty.done_at)
    return is_due and baa.is_accepted(integration.account)


def _work(kind: DutyKind, access: Access) -> None:
    match kind:
        case DutyKind.TOKEN:
            access.pms.keep_session()
        case DutyKind.HEALTH:
            health.check(access)
        case DutyKind.SYNC:
            syncing.sync(access)


def _fail(duty: Duty, code: str, now: datetime, *, at_least: int | None = None) -> None:
    times = _times(duty, code)
    interval = min(_FIRST_INTERVAL * 2 ** min(times - 1, 10), _LONGEST_INTERVAL)
    wait = max(interval, timedelta(seconds=at_least or 0))
    _end(duty, attempts=times, last_error=code, next_attempt_at=now + wait)


def _times(duty: Duty, code: str) -> int:
    """Return how often in a row it has failed, or has broken, this time included."""
    is_break = code == _BROKEN
    return duty.attempts + 1 if is_break == (duty.last_error == _BROKEN) else 1


def _end(duty: Duty, **changes: object) -> bool:
    """Give the row back with what has come of it; return whether it was still this caller's."""
    mine = Duty.objects.filter(pk=duty.pk, lease_until=duty.lease_until)
    return mine.update(lease_until=None, **changes) == 1


def _interval(duty: Duty) -> timedelta:
    """Return the time to the next turn, a little longer for some rows than for others."""
    every = EVERY[DutyKind(duty.kind)]
    return every * (1 + _SPREAD * (duty.pk * _GOLDEN % 1))
