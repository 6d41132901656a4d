"""Teams, reasons and nights on which the clocks change: what the shared cases do not say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import ResourceKind
from pms.scheduling.hours import Window, Windows
from pms.scheduling.reasons import Reason, error_for
from pms.scheduling.rules import Busy, BusyKind, Rule, Team, is_a, resource
from pms.scheduling.slots import Day, day_slots

DAY = date(2026, 5, 12)
NEW_YORK = ZoneInfo("America/New_York")
LONG_AGO = datetime(2026, 5, 1, tzinfo=UTC)
NINE = datetime(2026, 5, 12, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA, BEN = resource(ResourceKind.CLINICIAN, "1"), resource(ResourceKind.CLINICIAN, "2")
ROOM = resource(ResourceKind.OPERATORY, "1")
NINE_TO_ELEVEN = (Window(540, 660),)
RULE = Rule(duration_minutes=60, step_minutes=60)


def at(hour: float) -> datetime:
    """New York wall-clock hour of the day as an instant."""
    return NINE + timedelta(hours=hour - 9)


def compute(windows: Windows = NINE_TO_ELEVEN, **given: Any) -> Day:
    team = Team(frozenset({ADA, ROOM}))
    parameters = {"day": DAY, "where": NEW_YORK, "teams": [team], "busy": [], "rule": RULE, "now": LONG_AGO}
    return day_slots(windows=windows, **{**parameters, **given})


def busy(resources: set[str], kind: BusyKind = BusyKind.APPOINTMENT, **buffers: int) -> Busy:
    return Busy(NINE, NINE + HOUR, frozenset(resources), kind=kind, **buffers)


def test_a_clinician_and_a_room_of_the_same_number_are_two_resources() -> None:
    assert compute(busy=[busy({resource(ResourceKind.CLINICIAN, "2")})]).slots[0].start == NINE
    assert ADA != ROOM
    assert is_a(ResourceKind.CLINICIAN, ADA)
    assert not is_a(ResourceKind.CLINICIAN, ROOM)


def test_a_slot_takes_the_first_free_team_in_the_order_given() -> None:
    ada, ben = Team(frozenset({ADA, ROOM})), Team(frozenset({BEN, ROOM}))
    day = compute(teams=[ada, ben], busy=[busy({ADA})])
    assert [(slot.start, slot.team) for slot in day.slots] == [(NINE, ben), (NINE + HOUR, ada)]
    assert (day.slots[0].end, day.slots[0].local.isoformat()) == (NINE + HOUR, "2026-05-12T09:00:00-04:00")


def test_a_team_keeps_its_own_hours_within_the_practice_s() -> None:
    late = Team(frozenset({ADA}), windows=(Window(570, 1200),))
    assert [slot.start for slot in compute(teams=[late]).slots] == [at(9.5)]
    both = compute(teams=[late, Team(frozenset({BEN}))])
    assert [slot.start for slot in both.slots] == [at(9), at(9.5), at(10)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([busy({ADA})], Reason.CLINICIAN_BUSY),
        ([busy({ROOM})], Reason.ROOM_BUSY),
        ([busy({ROOM}), busy({ADA})], Reason.CLINICIAN_BUSY),
        ([busy({ADA, ROOM}, BusyKind.HOLD)], Reason.HOLD),
        ([busy({ADA}, BusyKind.BLOCKOUT)], Reason.BLOCKOUT),
        ([busy(set())], Reason.BLOCKOUT),
        ([Busy(at(10), at(11), frozenset({ADA}), before_minutes=10)], Reason.BUFFER),
        ([Busy(at(9), at(9), frozenset({ADA}))], Reason.CLINICIAN_BUSY),
        ([Busy(at(9.5), at(9), frozenset({ADA}))], Reason.CLINICIAN_BUSY),
    ],
    ids=["clinician", "room", "firmest", "hold", "blockout", "practice", "buffer", "no length", "negative length"],
)
def test_reasons_of_busy_time(rows: list[Busy], reason: Reason) -> None:
    assert compute(busy=rows).why_not(NINE) is reason


def test_a_refused_slot_has_the_reason_of_the_team_that_came_closest() -> None:
    teams = [Team(frozenset({ADA})), Team(frozenset({BEN}))]
    assert compute(teams=teams, busy=[busy({ADA}), busy({BEN}, BusyKind.HOLD)]).why_not(NINE) is Reason.HOLD


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (at(9), None),
        (at(9.5), Reason.NOT_ON_GRID),
        (at(12), Reason.CLOSED),
        (at(7), Reason.CLOSED),
        (at(11), Reason.CLOSED),
    ],
)
def test_why_not(start: datetime, reason: Reason | None) -> None:
    assert compute().why_not(start) is reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"windows": ()}, Reason.CLOSED),
        ({"teams": []}, Reason.NO_MAPPING),
        ({"now": at(9)}, None),
        ({"now": at(12)}, Reason.NOTICE),
        ({"rule": Rule(60, 60, notice_minutes=181), "now": at(7)}, Reason.NOTICE),
        ({"rule": Rule(60, 60, horizon_days=10)}, Reason.HORIZON),
        ({"rule": Rule(60, 60, horizon_days=11), "now": LONG_AGO + 5 * HOUR}, None),
        ({"rule": Rule(180, 60)}, Reason.DOES_NOT_FIT),
        ({"busy": [Busy(at(9), at(11))]}, Reason.BLOCKOUT),
        ({"teams": [Team(frozenset({ADA}), windows=())]}, Reason.CLOSED),
    ],
)
def test_the_reason_of_an_empty_day(given: dict[str, Any], reason: Reason | None) -> None:
    day = compute(**given)
    assert (day.reason, bool(day.slots)) == (reason, reason is None)


def test_buffers_count_on_both_sides_and_stay_inside_hours_only_if_told() -> None:
    rule = Rule(duration_minutes=60, step_minutes=60, before_minutes=10, after_minutes=10)
    inside = Rule(60, 60, before_minutes=10, after_minutes=10, buffers_inside_hours=True)
    assert len(compute(rule=rule).slots) == 2
    assert compute(rule=inside).reason is Reason.DOES_NOT_FIT
    # Ten minutes for the new appointment and ten for the one that is there: fifteen are too few.
    row = Busy(at(10.25), at(11), frozenset({ADA}), before_minutes=10)
    assert compute(rule=rule, busy=[row]).why_not(NINE) is Reason.BUFFER


def test_a_doubled_hour_is_offered_twice_and_a_missing_one_never() -> None:
    night = (Window(0, 240),)
    autumn = compute(night, day=date(2026, 11, 1))
    assert [slot.local.strftime("%H%z") for slot in autumn.slots] == [
        "00-0400",
        "01-0400",
        "01-0500",
        "02-0500",
        "03-0500",
    ]
    early = compute((Window(0, 90),), day=date(2026, 11, 1), rule=Rule(30, 60))
    assert [slot.local.strftime("%H%z") for slot in early.slots] == ["00-0400", "01-0400"]
    assert early.refusals == ()
    spring = compute(night, day=date(2026, 3, 8), now=datetime(2026, 3, 1, tzinfo=UTC))
    assert [slot.local.hour for slot in spring.slots] == [0, 1, 3]


def test_a_row_of_the_day_before_keeps_its_distance() -> None:
    midnight = at(0)
    row = Busy(midnight - HOUR, midnight, frozenset({ADA}))
    rule = Rule(duration_minutes=60, step_minutes=60, before_minutes=10)
    assert compute((Window(0, 120),), busy=[row], rule=rule).why_not(midnight) is Reason.BUFFER


@pytest.mark.parametrize(
    "numbers",
    [
        {"duration_minutes": 0},
        {"duration_minutes": 30, "step_minutes": 0},
        {"duration_minutes": 30, "after_minutes": -1},
        {"duration_minutes": 30, "horizon_days": -1},
    ],
)
def test_a_rule_without_sense_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"positive|negative"):
        Rule(**numbers)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.CLOSED, errors.OutsideHours),
        (Reason.DOES_NOT_FIT, errors.OutsideHours),
        (Reason.NOT_ON_GRID, errors.NotOnGrid),
        (Reason.NOTICE, errors.TooSoon),
        (Reason.HORIZON, errors.TooFar),
        (Reason.NO_MAPPING, errors.OnRequestOnly),
        (Reason.HOLD, errors.SlotTaken),
        (Reason.BUFFER, errors.SlotTaken),
        (Reason.BLOCKOUT, errors.SlotTaken),
        (Reason.ROOM_BUSY, errors.SlotTaken),
    ],
)
def test_error_for(reason: Reason, error: type[errors.ParlaeError]) -> None:
    assert type(error_for(reason)) is error
