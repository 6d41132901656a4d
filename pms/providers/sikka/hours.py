"""Sikka's ``practice_schedule``: weekly rows as the days of one resource. Pure functions.

The vendor documents the field names (``monday_start_1`` to ``saturday_end_3``, ``monday_holiday``) and that ``date`` is
the start of the week, but neither the time format nor the values of ``resource_type``. What cannot be read is left
out, which means *unknown*; it is never turned into "closed" or "open".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time, timedelta

from pms.domain.records import DaySchedule, ResourceKind
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import clock, day, flag, text

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KINDS = (
    ("operator", ResourceKind.OPERATORY),
    ("chair", ResourceKind.OPERATORY),
    ("provider", ResourceKind.CLINICIAN),
    ("doctor", ResourceKind.CLINICIAN),
    ("hygien", ResourceKind.CLINICIAN),
    ("practice", ResourceKind.PRACTICE),
    ("office", ResourceKind.PRACTICE),
)

Window = tuple[time, time]


def day_schedules(rows: Iterable[Row], start: date, end: date) -> list[DaySchedule]:
    """Return the days from ``start`` to ``end``, both inclusive, that the rows know."""
    return [one for row in rows for one in _week(row, start, end) if start <= one.day <= end]


def _week(row: Row, start: date, end: date) -> list[DaySchedule]:
    first = day(row.get("date"))
    # The vendor answers with all the weeks there are; most of them are of no day that was asked for.
    if first is None or not start - timedelta(days=6) <= first <= end:
        return []
    kind, resource = _kind(text(row.get("resource_type"))), text(row.get("resource_id"))
    if kind is None or not resource:
        return []
    found = {name: _windows(row, name) for name in _DAYS}
    # A blank day is closed in a week that has hours, and unknown in a week that has none at all.
    has_hours = any(found.values())
    week = []
    for index, (name, windows) in enumerate(found.items()):
        is_holiday = flag(row.get(f"{name}_holiday"))
        if windows is None or not (has_hours or is_holiday):
            continue
        on = first + timedelta(days=(index - first.weekday()) % 7)
        week.append(DaySchedule(on, kind, resource, () if is_holiday else windows, is_holiday))
    return week


def _windows(row: Row, name: str) -> tuple[Window, ...] | None:
    """Return a day's windows in order, ``None`` if the row says nothing readable of that day."""
    pairs = [(row.get(f"{name}_start_{number}"), row.get(f"{name}_end_{number}")) for number in (1, 2, 3)]
    if all(opens is None and closes is None for opens, closes in pairs):
        return None
    windows = []
    for opens, closes in pairs:
        if not text(opens) and not text(closes):
            continue
        begin, finish = clock(opens), clock(closes)
        if begin is None or finish is None or finish < begin:
            return None
        if begin < finish:
            windows.append((begin, finish))
    return tuple(sorted(windows))


def _kind(resource_type: str) -> ResourceKind | None:
    return next((kind for word, kind in _KINDS if word in resource_type.lower()), None)
