"""The sweeps: each loads what is due and makes one service call per row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from pms.domain.clock import Clock, SystemClock
from pms.models import Duty, Setup, WriteBack
from pms.services import cache, completing, connecting, counters, duties, following, requests, retention, setup_checks
from pms.vapi import provisioning_work, rehearsal_play

log = structlog.get_logger(__name__)

# The next sweep goes on with what is left; else sweeps of many connections would take every thread.
DUTIES_FOR = timedelta(seconds=50)
LINES_FOR = timedelta(seconds=50)


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


def check_connections(clock: Clock | None = None) -> int:
    """Run every check of a connection that somebody waits for; return how many."""
    clock, done = clock or SystemClock(), 0
    _tried(setup_checks.end_interrupted, now=clock.now())
    for setup in setup_checks.claim_due(clock=clock):
        _check(setup, clock)
        done += 1
    return done


def play_test_calls(clock: Clock | None = None) -> int:
    """Play the test calls that were asked for, and follow those whose end is open; return how many.

    One that breaks is left until its lease ends, and is then taken up as interrupted.
    """
    clock, done = clock or SystemClock(), 0
    for test_call in rehearsal_play.claim_due(clock=clock):
        _tried(rehearsal_play.carry_out, test_call=test_call, clock=clock)
        done += 1
    return done


def provision_lines(clock: Clock | None = None) -> int:
    """Bring Vapi to what every line that is due needs; return how many. One that breaks is free when its lease ends."""
    clock, done = clock or SystemClock(), 0
    ends_at = clock.monotonic() + LINES_FOR.total_seconds()
    for provisioning in provisioning_work.claim_due(clock=clock):
        _tried(provisioning_work.carry_out, provisioning=provisioning, clock=clock)
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


def _check(setup: Setup, clock: Clock) -> None:
    try:
        setup_checks.carry_out(setup=setup, clock=clock)
    except Exception as error:
        log.error("check broke its job", account_id=str(setup.pk), exc_info=error)
        _tried(setup_checks.break_off, setup=setup, clock=clock)


def _tried(step: Callable[..., int | None], **arguments: Any) -> int:
    """Take a step and return its count; what is wrong with it must not stop the others. Leases end by themselves."""
    try:
        return step(**arguments) or 0
    except Exception as error:
        log.error("job broke", job=step.__name__, exc_info=error)
        return 0
