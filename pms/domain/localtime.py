"""Wall clocks and instants: the only place where a practice's local time meets UTC.

A wall-clock time may be missing (clocks jump forward) or occur twice (clocks go back). What a caller asks for is then
asked about (`wall_to_utc`), the edge of an opening window always has one meaning (`resolve_edge`). Zones come from the
pinned ``tzdata`` package; `zone_data_is_recent` shows whether Python really uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class UnknownZone(ValueError):
    """The text is not the name of a zone in the zone data in use."""


class WallStatus(StrEnum):
    """How many instants a wall-clock time stands for: one, none or two."""

    OK = "ok"
    NONEXISTENT = "nonexistent"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class WallTime:
    """What a wall-clock time means; ``utc`` holds as many ordered instants as ``status`` says."""

    status: WallStatus
    utc: tuple[datetime, ...]


@cache
def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name such as ``America/New_York``.

    Raises `UnknownZone` for everything else, also for names that would reach outside the zone data.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZone("Not the name of an IANA time zone.") from error


def wall_to_utc(day: date, wall: time, where: ZoneInfo) -> WallTime:
    """Return the instants at which the clocks in ``where`` show ``day`` and ``wall`` (naive, its ``fold`` ignored)."""
    instants = _readings(datetime.combine(day, wall.replace(fold=0)), where)
    status = (WallStatus.NONEXISTENT, WallStatus.OK, WallStatus.AMBIGUOUS)[len(instants)]
    return WallTime(status, instants)


def resolve_edge(day: date, wall: time, where: ZoneInfo) -> datetime:
    """Return the one UTC instant of a window's edge.

    A missing time is the first instant after the gap, a doubled one its first occurrence.
    """
    return _edge(datetime.combine(day, wall.replace(fold=0)), where)


def day_bounds(day: date, where: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the UTC instants at which the local day begins and the next one begins; 23 to 25 hours apart."""
    return resolve_edge(day, time.min, where), resolve_edge(day + _DAY, time.min, where)


def local_date_of(instant: datetime, where: ZoneInfo) -> date:
    """Return the calendar date in ``where`` at an aware instant."""
    return instant.astimezone(where).date()


def to_local(instant: datetime, where: ZoneInfo) -> datetime:
    """Return an aware instant as the clocks in ``where`` show it, aware."""
    return instant.astimezone(where)


def add_minutes(instant: datetime, minutes: int) -> datetime:
    """Return the instant ``minutes`` of elapsed time later, in the zone of ``instant``.

    Adding to an aware local datetime directly would move its wall clock instead.
    """
    return (instant.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(instant.tzinfo)


def age_on(date_of_birth: date, on: date) -> int:
    """Return the completed years of life; who is born on 29 February ages on 1 March of a common year."""
    not_yet = (on.month, on.day) < (date_of_birth.month, date_of_birth.day)
    return on.year - date_of_birth.year - not_yet


def zone_data_is_recent() -> bool:
    """Return whether the zone data in use knows that Alberta keeps -06 from November 2026 on.

    System zone files older than that law put winter appointments an hour off, and Python prefers them over the
    ``tzdata`` package unless ``PYTHONTZPATH`` is empty.
    """
    winter = wall_to_utc(date(2026, 12, 15), time(8), zone("America/Edmonton"))
    return winter.utc == (datetime(2026, 12, 15, 14, tzinfo=UTC),)


@lru_cache(maxsize=8192)  # a fortnight of appointments is read again at every call, at the same few times
def _readings(wall: datetime, where: ZoneInfo) -> tuple[datetime, ...]:
    """Return the instants that read ``wall`` in ``where``: candidates count only if they convert back to it."""
    candidates = {wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(c for c in candidates if c.astimezone(where).replace(tzinfo=None, fold=0) == wall))


def _edge(wall: datetime, where: ZoneInfo) -> datetime:
    instants = _readings(wall, where)
    return instants[0] if instants else _end_of_gap(wall, where)


def _end_of_gap(wall: datetime, where: ZoneInfo) -> datetime:
    """Return the instant of the jump: the two readings of a missing time lie on either side of it."""
    early, late = sorted(wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1))
    before = early.astimezone(where).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(where).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
