"""Opening hours: set arithmetic, special days, what a practice system lists, edges on days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from pms.domain.records import DaySchedule, ResourceKind
from pms.scheduling import hours
from pms.scheduling.hours import Window, Windows

DAY = date(2026, 5, 12)
WEEKLY = {DAY.weekday(): (Window(480, 720),)}
SPECIAL = (Window(600, 660),)


def w(*edges: int) -> Windows:
    """Windows from hours: ``w(8, 12, 13, 17)``."""
    return tuple(Window(a * 60, b * 60) for a, b in zip(edges[::2], edges[1::2], strict=True))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(time(8), time(12)), (time(13), time(17))], w(8, 12, 13, 17)),
        ([(time(13), time(17)), (time(8), time(13))], w(8, 17)),
        ([(time(8), time(12)), (time(11), time(15))], w(8, 15)),
        ([(time(18), time(0))], w(18, 24)),
        ([(time(18), time(23, 59))], w(18, 24)),
        ([(time(0), time(0))], w(0, 24)),
        ([(time(22), time(6))], ()),
        ([(time(9), time(9))], ()),
        ([], ()),
    ],
)
def test_windows(pairs: list[tuple[time, time]], expected: Windows) -> None:
    assert hours.windows(pairs) == expected


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([w(8, 12, 13, 17), w(9, 15)], w(9, 12, 13, 15)),
        ([w(8, 12), w(12, 17)], ()),
        ([w(8, 17), w(9, 12, 13, 18), w(10, 14)], w(10, 12, 13, 14)),
        ([w(8, 17), ()], ()),
        ([], w(0, 24)),
    ],
)
def test_intersect(sets: list[Windows], expected: Windows) -> None:
    assert hours.intersect(*sets) == expected
    assert hours.intersect(*sets[::-1]) == expected


@pytest.mark.parametrize(
    ("base", "removed", "expected"),
    [
        (w(8, 17), w(12, 13), w(8, 12, 13, 17)),
        (w(8, 17), w(7, 9, 16, 18), w(9, 16)),
        (w(8, 17), w(0, 24), ()),
        (w(8, 17), (), w(8, 17)),
    ],
)
def test_subtract(base: Windows, removed: Windows, expected: Windows) -> None:
    assert hours.subtract(base, removed) == expected


@pytest.mark.parametrize(
    ("closures", "special", "expected"),
    [
        ([], None, WEEKLY[DAY.weekday()]),
        ([DAY], None, ()),
        ([], {DAY: SPECIAL}, SPECIAL),
        ([DAY], {DAY: SPECIAL}, SPECIAL),
        ([], {DAY: ()}, ()),
    ],
    ids=["weekly", "closure beats weekly", "special day", "special opening beats closure", "special closing"],
)
def test_of_day(closures: list[date], special: dict[date, Windows] | None, expected: Windows) -> None:
    assert hours.of_day(DAY, WEEKLY, closures=closures, special=special) == expected


def test_a_weekday_without_hours_is_closed() -> None:
    assert hours.of_day(date(2026, 5, 13), WEEKLY) == ()


def test_of_schedules() -> None:
    def row(identifier: str, opens: int, closes: int, *, is_holiday: bool = False) -> DaySchedule:
        return DaySchedule(DAY, ResourceKind.CLINICIAN, identifier, ((time(opens), time(closes)),), is_holiday)

    rows = [row("1", 8, 12), row("1", 13, 17), row("2", 8, 12), row("2", 0, 1, is_holiday=True)]
    assert hours.of_schedules(rows, DAY, ResourceKind.CLINICIAN, "1") == w(8, 12, 13, 17)
    assert hours.of_schedules(rows, DAY, ResourceKind.CLINICIAN, "2") == ()
    assert hours.of_schedules(rows, DAY, ResourceKind.OPERATORY, "1") is None
    assert hours.of_schedules(rows, date(2026, 5, 13), ResourceKind.CLINICIAN, "1") is None


@pytest.mark.parametrize(
    ("day", "window", "start", "end"),
    [
        (date(2026, 5, 12), Window(0, 1440), utc(2026, 5, 12, 4), utc(2026, 5, 13, 4)),
        (date(2026, 3, 8), Window(150, 240), utc(2026, 3, 8, 7), utc(2026, 3, 8, 8)),
        (date(2026, 11, 1), Window(0, 90), utc(2026, 11, 1, 4), utc(2026, 11, 1, 5, 30)),
    ],
    ids=["whole day", "opens in the missing hour", "closes in the doubled hour"],
)
def test_instants(day: date, window: Window, start: datetime, end: datetime) -> None:
    found = hours.instants(day, window, ZoneInfo("America/New_York"))
    assert found == (start, end)
