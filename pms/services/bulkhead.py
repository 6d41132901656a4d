"""A bulkhead for each connection: one slow PMS holds at most a quarter of a process's threads.

A short line in front of the places lets a burst at a quick PMS through. At a slow one nobody stands in it for long:
who gets no place within a second hears so, and the thread is another practice's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings

from pms.domain import errors

LONGEST_WAIT_SECONDS = 0.7
# Where no place was taken for so long, all are stuck, and waiting is no use.
STUCK_SECONDS = 1.0


class _Room:
    """The places of one integration in this process, and the line in front of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0
        self._taken_last = 0.0
        self._line: deque[object] = deque()

    def take(self, patience: float) -> None:
        with self._changed:
            if self._line or self._is_full():
                self._stand_in_line(patience)
            self._taken += 1
            self._taken_last = time.monotonic()

    def give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def _stand_in_line(self, patience: float) -> None:
        is_stuck = time.monotonic() - self._taken_last > STUCK_SECONDS
        if is_stuck or patience <= 0 or len(self._line) >= settings.WEB_THREADS // 2:
            raise errors.Crowded
        ticket = object()
        self._line.append(ticket)
        try:
            if not self._changed.wait_for(lambda: self._is_turn_of(ticket), min(patience, LONGEST_WAIT_SECONDS)):
                raise errors.Crowded
        finally:
            self._line.remove(ticket)
            self._changed.notify_all()

    def _is_turn_of(self, ticket: object) -> bool:
        return self._line[0] is ticket and not self._is_full()

    def _is_full(self) -> bool:
        places: int = max(1, settings.WEB_THREADS // 4)
        return self._taken >= places


class _Mine(threading.local):
    """The integrations in whose rooms the current thread has a place."""

    def __init__(self) -> None:
        self.held: set[UUID] = set()


_mine = _Mine()
_rooms: dict[UUID, _Room] = {}
_rooms_lock = threading.Lock()


@contextmanager
def place(*, integration_id: UUID, patience: float) -> Iterator[None]:
    """Hold one of an integration's places; a thread that has one needs no other.

    Waits for it as many seconds as ``patience``, and less than one. Raises ``Crowded`` if there is none by then, or
    will hardly be one.
    """
    if is_held(integration_id):
        yield
        return
    room = _room(integration_id)
    room.take(patience)
    _mine.held.add(integration_id)
    try:
        yield
    finally:
        _mine.held.discard(integration_id)
        room.give_back()


def is_held(integration_id: UUID) -> bool:
    """Return whether the current thread has a place already."""
    return integration_id in _mine.held


def _room(integration_id: UUID) -> _Room:
    with _rooms_lock:
        return _rooms.setdefault(integration_id, _Room())
