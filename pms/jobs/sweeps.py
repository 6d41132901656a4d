"""The sweeps: each loads what is due and makes one service call per row."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.utils import timezone

from pms.domain.clock import Clock, SystemClock
from pms.models import WriteBack
from pms.services import cache, completing, connecting, counters, following

log = structlog.get_logger(__name__)


def follow_write_backs(clock: Clock | None = None) -> int:
    """Follow every due write-back one step; a row that breaks is logged, tried again later and parked in the end."""
    clock = clock or SystemClock()
    done = 0
    for write_back in following.claim_due(clock=clock):
        if not _survives(following.follow, write_back, clock):
            _survives(following.postpone, write_back, clock)
        done += 1
    return done


def housekeeping() -> None:
    """Release expired holds, complete audit outcomes, try refused connections again, and forget what has expired."""
    now = timezone.now()
    cache.purge(now=now)
    counters.remove_expired()
    restored = connecting.recheck_rejected(clock=SystemClock())
    released = following.release_expired_holds(now=now)
    completed = completing.complete_outcomes(now=now)
    if released or completed or restored:
        log.info("housekeeping", count=released, done=completed, rows=restored)


def _survives(step: Callable[..., None], write_back: WriteBack, clock: Clock) -> bool:
    """Take a step with one row; what is wrong with it must not stop the others, and its lease ends by itself."""
    try:
        step(write_back=write_back, clock=clock)
    except Exception as error:
        log.error("write-back broke its job", write_id=str(write_back.pk), exc_info=error)
        return False
    return True
