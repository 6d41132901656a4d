"""Wall clocks and instants beyond the shared cases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from pms.domain import localtime
from pms.domain.localtime import UnknownZone, WallStatus, zone

NEW_YORK = zone("America/New_York")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def test_the_zone_data_in_use_is_recent() -> None:
    assert localtime.zone_data_is_recent()


@pytest.mark.parametrize(
    "name", ["", "EST5EDT4", "America/Nowhere", "../etc/passwd", "/etc/passwd", "America", "a\0b", "zone.tab"]
)
def test_unknown_zones(name: str) -> None:
    with pytest.raises(UnknownZone) as raised:
        zone(name)
    assert str(raised.value) == "Not the name of an IANA time zone."


def test_a_doubled_time_has_two_instants_in_order() -> None:
    found = localtime.wall_to_utc(date(2026, 11, 1), time(1, 30), NEW_YORK)
    assert (found.status, found.utc) == (WallStatus.AMBIGUOUS, (utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 6, 30)))
    assert localtime.wall_to_utc(date(2026, 11, 1), time(1, 30, fold=1), NEW_YORK) == found


@pytest.mark.parametrize(
    ("day", "wall", "zone_name", "expected"),
    [
        (date(2026, 5, 12), time(8), "America/New_York", utc(2026, 5, 12, 12)),
        (date(2026, 3, 8), time(2), "America/New_York", utc(2026, 3, 8, 7)),
        (date(2026, 3, 8), time(2, 30), "America/New_York", utc(2026, 3, 8, 7)),
        (date(2026, 3, 8), time(2, 59, 59), "America/New_York", utc(2026, 3, 8, 7)),
        (date(2026, 3, 8), time(3), "America/New_York", utc(2026, 3, 8, 7)),
        (date(2026, 11, 1), time(1, 30), "America/New_York", utc(2026, 11, 1, 5, 30)),
        # Half an hour only, and a midnight that does not exist.
        (date(2026, 10, 4), time(2, 10), "Australia/Lord_Howe", utc(2026, 10, 3, 15, 30)),
        (date(2018, 11, 4), time(0), "America/Sao_Paulo", utc(2018, 11, 4, 3)),
    ],
)
def test_resolve_edge(day: date, wall: time, zone_name: str, expected: datetime) -> None:
    assert localtime.resolve_edge(day, wall, zone(zone_name)) == expected


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    start, end = localtime.day_bounds(date(2026, 3, 8), NEW_YORK)
    assert (start, end - start) == (utc(2026, 3, 8, 5), timedelta(hours=23))


def test_add_minutes_is_elapsed_time_in_any_zone() -> None:
    before = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)
    after = localtime.add_minutes(before, 60)
    assert (after.isoformat(), after.tzinfo) == ("2026-11-01T01:30:00-05:00", NEW_YORK)
    assert localtime.add_minutes(utc(2026, 3, 8, 6, 30), 60) == utc(2026, 3, 8, 7, 30)


def test_to_local_and_back() -> None:
    assert localtime.to_local(utc(2026, 5, 13, 1), NEW_YORK).isoformat() == "2026-05-12T21:00:00-04:00"


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 5, 12), date(2026, 5, 12), 18),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
        (date(2026, 5, 12), date(2026, 5, 12), 0),
    ],
)
def test_age_on(born: date, on: date, age: int) -> None:
    assert localtime.age_on(born, on) == age
