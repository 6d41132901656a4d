"""When a day is open: wall-clock windows, their set arithmetic, and their edges as instants.

A window is half open and lies within one local day. ``Windows`` are ordered, disjoint and do not touch. Hours that run
past midnight are two windows on two days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pms.domain.localtime import resolve_edge
from pms.domain.records import DaySchedule, ResourceKind

DAY_MINUTES = 24 * 60


class Window(NamedTuple):
    """Wall-clock minutes since local midnight, from ``start`` to before ``end``; 1440 is the next midnight."""

    start: int
    end: int


Windows = tuple[Window, ...]


def windows(pairs: Iterable[tuple[time, time]]) -> Windows:
    """Return clean windows from opening and closing times, whose seconds are ignored.

    A closing time of 00:00 or 23:59 means midnight; a pair that ends before it starts opens nothing.
    """
    return merge(Window(_minutes(opens), _closing(closes)) for opens, closes in pairs)


def merge(pieces: Iterable[Window]) -> Windows:
    """Return the union: ordered, with touching and overlapping windows joined and empty ones dropped."""
    joined: list[Window] = []
    for piece in sorted(pieces):
        if piece.start >= piece.end:
            continue
        if joined and piece.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, piece.end))
        else:
            joined.append(piece)
    return tuple(joined)


def intersect(*sets: Windows) -> Windows:
    """Return the time that all sets share, such as practice, clinician and operatory; none at all is the whole day."""
    shared: Windows = (Window(0, DAY_MINUTES),)
    for other in sets:
        shared = merge(Window(max(a.start, b.start), min(a.end, b.end)) for a in shared for b in other)
    return shared


def subtract(base: Windows, removed: Windows) -> Windows:
    """Return ``base`` without ``removed``."""
    edges = [0, *(edge for piece in removed for edge in (piece.start, piece.end)), DAY_MINUTES]
    gaps = merge(Window(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True))
    return intersect(base, gaps)


def of_day(
    day: date,
    weekly: Mapping[int, Windows],
    *,
    closures: Iterable[date] = (),
    special: Mapping[date, Windows] | None = None,
) -> Windows:
    """Return the windows of one local day.

    A special day stands as it is, even against a closure; a closure beats ``weekly``, which maps ``date.weekday()``.
    """
    if special and day in special:
        return special[day]
    return () if day in closures else weekly.get(day.weekday(), ())


def of_schedules(schedules: Iterable[DaySchedule], day: date, kind: ResourceKind, identifier: str) -> Windows | None:
    """Return the windows that a practice system lists for one resource, ``None`` if it says nothing about that day.

    Several rows of one day add up, but a holiday among them closes it.
    """
    rows = [row for row in schedules if (row.day, row.kind, row.resource_id) == (day, kind, identifier)]
    if not rows:
        return None
    return () if any(row.is_holiday for row in rows) else windows(pair for row in rows for pair in row.windows)


def instants(day: date, window: Window, where: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the UTC instants of a window's edges, which always resolve."""
    return _edge(day, window.start, where), _edge(day, window.end, where)


def clock(minute: int) -> time:
    """Return a minute of the day before midnight as a wall-clock time."""
    return time(minute // 60, minute % 60)


def _edge(day: date, minute: int, where: ZoneInfo) -> datetime:
    return resolve_edge(day + timedelta(days=minute // DAY_MINUTES), clock(minute % DAY_MINUTES), where)


def _minutes(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _closing(wall: time) -> int:
    # Many systems cannot store 24:00 and write the last minute, or the first one of the next day.
    return DAY_MINUTES if _minutes(wall) in (0, DAY_MINUTES - 1) else _minutes(wall)
