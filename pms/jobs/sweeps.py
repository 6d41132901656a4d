"""The sweeps: each loads what is due and makes one service call per row."""

from __future__ import annotations

import structlog
from django.utils import timezone

from pms.domain.clock import SystemClock
from pms.services import completing, following

log = structlog.get_logger(__name__)


def follow_write_backs() -> int:
    """Follow every due write-back one step; a row that breaks is logged and tried again later."""
    clock = SystemClock()
    done = 0
    for write_back in following.claim_due(clock=clock):
        try:
            following.follow(write_back=write_back, clock=clock)
        except Exception as error:  # one poisoned row must not stop the others; its lease ends by itself
            log.error("write-back broke its job", write_id=str(write_back.pk), exc_info=error)
        done += 1
    return done


def housekeeping() -> None:
    """Release expired holds and complete audit outcomes."""
    now = timezone.now()
    released = following.release_expired_holds(now=now)
    completed = completing.complete_outcomes(now=now)
    if released or completed:
        log.info("housekeeping", count=released, done=completed)
