"""The sweeps: each loads what is due and makes one service call per row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from pms.domain.clock import Clock, SystemClock
from pms.models import Duty, WriteBack
from pms.services import cache, completing, connecting, counters, duties, following, requests, retention

log = structlog.get_logger(__name__)

# The next sweep goes on with what is left; else sweeps of many connections would take every thread.
DUTIES_FOR = timedelta(seconds=50)


def follow_write_backs(clock: Clock | None = None) -> int:
    """Follow every due write-back one step; return how many.

    A row that breaks is logged, tried again later and parked in the end. A PMS that does not answer is not asked again
    about its other rows.
    """
    clock, done, silent = clock or SystemClock(), 0, set[UUID]()
    _tried(requests.take_up_again, now=clock.now())
    for write_back in following.claim_due(clock=clock, silent=silent):
        if not _follow(write_back, clock):
            silent.add(write_back.integration_id)
        done += 1
    return done


def do_duties(clock: Clock | None = None) -> int:
    """Do every due duty of the connections in use; return how many. What fails or breaks is as with write-backs."""
    clock, done, silent = clock or SystemClock(), 0, set[UUID]()
    ends_at = clock.monotonic() + DUTIES_FOR.total_seconds()
    duties.prepare(clock=clock)
    for duty in duties.claim_due(clock=clock, silent=silent):
        if not _do(duty, clock):
            silent.add(duty.integration_id)
        done += 1
        if clock.monotonic() >= ends_at:
            break
    return done


def housekeeping() -> None:
    """Release expired holds, complete audit outcomes, try refused connections again, and forget what has expired."""
    now = timezone.now()
    _tried(cache.purge, now=now)
    _tried(counters.remove_expired)
    restored = _tried(connecting.recheck_rejected, clock=SystemClock())
    released = _tried(following.release_expired_holds, now=now)
    completed = _tried(completing.complete_outcomes, now=now)
    if released or completed or restored:
        log.info("housekeeping", count=released, done=completed, rows=restored)


def forget() -> None:
    """Empty what practices no longer keep."""
    retention.forget(now=timezone.now())


def _follow(write_back: WriteBack, clock: Clock) -> bool:
    try:
        return following.follow(write_back=write_back, clock=clock)
    except Exception as error:
        log.error("write-back broke its job", write_id=str(write_back.pk), exc_info=error)
    _tried(following.postpone, write_back=write_back, clock=clock)
    return True


def _do(duty: Duty, clock: Clock) -> bool:
    try:
        return duties.carry_out(duty=duty, clock=clock)
    except Exception as error:
        log.error("duty broke its job", job=duty.kind, integration_id=str(duty.integration_id), exc_info=error)
    _tried(duties.postpone, duty=duty, clock=clock)
    return True


def _tried(step: Callable[..., int | None], **arguments: Any) -> int:
    """Take a step and return its count; what is wrong with it must not stop the others. Leases end by themselves."""
    try:
        return step(**arguments) or 0
    except Exception as error:
        log.error("job broke", job=step.__name__, exc_info=error)
        return 0
