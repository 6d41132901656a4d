"""Hours that a practice writes down for itself: ``{"1": [["08:00", "17:00"]]}``, by ISO weekday, in its own zone."""

from __future__ import annotations

import re

_WEEKDAYS = frozenset("1234567")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")

Windows = tuple[tuple[int, int], ...]


def windows(stored: object, weekday: int) -> Windows:
    """Return the windows of a weekday in minutes since midnight, each without its end; a day left out has none.

    Raises ``ValueError`` if that day cannot be read.
    """
    if not isinstance(stored, dict):
        raise ValueError("Hours are an object by weekday.")
    return tuple(_window(pair) for pair in _pairs(stored.get(str(weekday), [])))


def check(stored: object) -> None:
    """Raise ``ValueError`` if a day cannot be read, or there is one that is no weekday."""
    for weekday in range(1, 8):
        windows(stored, weekday)
    if isinstance(stored, dict) and not set(stored) <= _WEEKDAYS:
        raise ValueError("Weekdays are 1 (Monday) to 7 (Sunday).")


def _pairs(of_day: object) -> list[object]:
    if not isinstance(of_day, list):
        raise ValueError("The hours of a day are a list of windows.")
    return of_day


def _window(pair: object) -> tuple[int, int]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("A window is a start and an end.")
    opens, closes = (_minutes(clock) for clock in pair)
    if opens >= closes:
        raise ValueError("A window ends after it starts; one over midnight is two.")
    return opens, closes


def _minutes(clock: object) -> int:
    read = _CLOCK.fullmatch(clock) if isinstance(clock, str) else None
    if read is None:
        raise ValueError("A time is HH:MM, at most 24:00.")
    hours, minutes = (int(part) for part in read.groups() if part is not None)
    return hours * 60 + minutes
