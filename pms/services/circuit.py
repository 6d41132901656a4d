"""A circuit breaker for each connection: a PMS that does not answer is left alone for a while, by all processes.

    closed --5 failures in a row within a minute--> open --30 s--> one access probes --it is answered--> closed
                                                      ^                 |
                                                      +--it is not: 60 s, 120 s … 5 minutes

The state is in the cache that counts for our own limits, as integers, because that cache keeps nothing else. Instants
are compared with the access's clock. A cache that cannot be read opens nothing and stops nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import structlog
from django.core.cache import caches

from pms.domain import errors

log = structlog.get_logger(__name__)

FAILURES = 5
WITHIN_SECONDS = 60
FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 300
# Longer than the longest budget (30 s), so that there is one probe at a time; one whose process died is replaced then.
PROBE_SECONDS = 60
_KEPT_SECONDS = 24 * 3600
# One integer holds both: until when it is open, in seconds since 1970, and how often in a row it was opened.
_PARTS = 10


class Change(StrEnum):
    """What one access has done to a circuit."""

    OPENED = "opened"
    CLOSED = "closed"


class Circuit:
    """The circuit of one integration as one access meets it: ``enter`` before the PMS is asked, ``leave`` after."""

    def __init__(self, integration_id: UUID) -> None:
        self._state, self._failures, self._probe = (
            f"circuit:{integration_id}:{name}" for name in ("state", "failures", "probe")
        )
        self._seen = 0
        self._has_failures = False
        self._is_probe = False

    def enter(self, *, now: datetime, is_test: bool = False) -> None:
        """Raise ``CircuitOpen`` unless the PMS may be asked now. A person's ``is_test`` always may."""
        try:
            may_ask = self._may_ask(now, is_test)
        except Exception as error:  # noqa: BLE001  # every backend has its own
            log.error("circuit not read", exception=type(error).__name__)
            return
        if not may_ask:
            wait = int((_until(self._seen) - now).total_seconds())
            raise errors.CircuitOpen(retry_after_seconds=max(1, wait))

    def leave(self, *, now: datetime, has_answered: bool | None) -> Change | None:
        """Note how the access ended, and return what that has changed; ``None`` says that the PMS was not asked."""
        try:
            return self._note(now, has_answered)
        except Exception as error:  # noqa: BLE001
            log.error("circuit not kept", exception=type(error).__name__)
            return None

    def _may_ask(self, now: datetime, is_test: bool) -> bool:
        cache = caches["limits"]
        kept = cache.get_many((self._state, self._failures))
        self._seen, self._has_failures = kept.get(self._state, 0), self._failures in kept
        if not self._seen or is_test:
            return True
        if now < _until(self._seen) or not cache.add(self._probe, 1, PROBE_SECONDS):
            return False
        self._is_probe = cache.get(self._state, 0) == self._seen
        if self._is_probe:
            return True
        cache.delete(self._probe)  # another probe has ended in between: what it has found counts
        return self._may_ask(now, is_test)

    def _note(self, now: datetime, has_answered: bool | None) -> Change | None:
        try:
            if has_answered is None:
                return None
            return self._close() if has_answered else self._count(now)
        finally:
            if self._is_probe:
                caches["limits"].delete(self._probe)

    def _close(self) -> Change | None:
        """Forget what there is to forget: usual traffic writes nothing."""
        if self._has_failures:
            caches["limits"].delete(self._failures)
        return Change.CLOSED if self._seen and caches["limits"].delete(self._state) else None

    def _count(self, now: datetime) -> Change | None:
        cache = caches["limits"]
        if self._is_probe and cache.get(self._state, 0) == self._seen:  # a person's test may have closed it
            cache.set(self._state, _packed(now, self._seen % _PARTS + 1), _KEPT_SECONDS)
        if self._seen:
            return None
        cache.add(self._failures, 0, WITHIN_SECONDS)
        if cache.incr(self._failures) < FAILURES:
            return None
        return Change.OPENED if cache.add(self._state, _packed(now, 1), _KEPT_SECONDS) else None


def open_until(integration_id: UUID) -> datetime | None:
    """Return when an open circuit lets the next access try, perhaps a while ago; ``None`` if it is closed."""
    try:
        kept = caches["limits"].get(f"circuit:{integration_id}:state")
    except Exception as error:  # noqa: BLE001
        log.error("circuit not read", exception=type(error).__name__)
        return None
    return _until(kept) if kept else None


def is_open(integration_id: UUID) -> bool:
    """Return whether a PMS is left alone, or only tried, because it does not answer."""
    return open_until(integration_id) is not None


def _until(state: int) -> datetime:
    return datetime.fromtimestamp(state // _PARTS, UTC)


def _packed(now: datetime, times: int) -> int:
    pause = min(FIRST_PAUSE_SECONDS << (times - 1), LONGEST_PAUSE_SECONDS)
    return (int(now.timestamp()) + pause) * _PARTS + min(times, _PARTS - 1)
