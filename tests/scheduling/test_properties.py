"""What must hold for every day, whatever the practice looks like (spec/scheduling, 3.9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.scheduling.hours import DAY_MINUTES, Window, Windows, instants, merge, windows
from pms.scheduling.rules import Busy, Rule, Team
from pms.scheduling.slots import Day, day_slots

DAY = date(2026, 5, 12)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
MIDNIGHT = datetime(2026, 5, 12, 4, tzinfo=UTC)
PEOPLE, ROOMS = ("P1", "P2"), ("OP1", "OP2")
US_AND_CANADA = (
    "America/St_Johns", "America/Halifax", "America/Moncton", "America/New_York", "America/Toronto", "America/Detroit",
    "America/Chicago", "America/Winnipeg", "America/Regina", "America/Denver", "America/Edmonton", "America/Phoenix",
    "America/Boise", "America/Los_Angeles", "America/Vancouver", "America/Whitehorse", "America/Anchorage",
    "America/Puerto_Rico", "Pacific/Honolulu", "America/Adak", "America/Dawson_Creek",
)  # fmt: skip

fast = settings(max_examples=80)

minutes = st.integers(0, DAY_MINUTES // 15).map(lambda quarter: quarter * 15)
window_sets = st.lists(st.tuples(minutes, minutes).map(lambda pair: Window(*sorted(pair))), max_size=3).map(merge)
team_lists = st.lists(
    st.builds(lambda *ids: Team(frozenset(ids)), st.sampled_from(PEOPLE), st.sampled_from(ROOMS)),
    min_size=1,
    max_size=4,
    unique=True,
)
rules = st.builds(
    Rule,
    duration_minutes=st.integers(5, 150),
    step_minutes=st.sampled_from([10, 15, 30, 60]),
    before_minutes=st.integers(0, 20),
    after_minutes=st.integers(0, 20),
    buffers_inside_hours=st.booleans(),
)


@st.composite
def busy_rows(draw: st.DrawFn) -> Busy:
    start = MIDNIGHT + timedelta(minutes=draw(st.integers(-120, DAY_MINUTES)))
    return Busy(
        start,
        start + timedelta(minutes=draw(st.integers(0, 300))),
        frozenset(draw(st.sets(st.sampled_from(PEOPLE + ROOMS), max_size=2))),
        draw(st.integers(0, 15)),
        draw(st.integers(0, 15)),
    )


busy_lists = st.lists(busy_rows(), max_size=6)


def compute(open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule) -> Day:
    return day_slots(day=DAY, where=NEW_YORK, windows=open_windows, teams=teams, busy=busy, rule=rule, now=NOW)


def starts(day: Day) -> list[datetime]:
    return [slot.start for slot in day.slots]


@fast
@given(window_sets, team_lists, busy_lists, rules)
def test_a_booked_slot_was_free_and_is_free_no_longer(
    open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule
) -> None:
    for slot in compute(open_windows, teams, busy, rule).slots[:4]:
        booked = Busy(slot.start, slot.end, slot.team.resources)
        assert slot.start in starts(compute(open_windows, [slot.team], busy, rule))
        assert slot.start not in starts(compute(open_windows, [slot.team], [*busy, booked], rule))


@fast
@given(window_sets, team_lists, busy_lists, rules)
def test_no_slot_overlaps_a_busy_row_or_leaves_its_window(
    open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule
) -> None:
    spans = [instants(DAY, window, NEW_YORK) for window in open_windows]
    for slot in compute(open_windows, teams, busy, rule).slots:
        assert any(opens <= slot.start and slot.end <= closes for opens, closes in spans)
        starts_free = slot.start - timedelta(minutes=rule.before_minutes)
        ends_free = slot.end + timedelta(minutes=rule.after_minutes)
        for row in (row for row in busy if not row.resources or row.resources & slot.team.resources):
            is_before = row.end + timedelta(minutes=row.after_minutes) <= starts_free
            assert is_before or ends_free <= row.start - timedelta(minutes=row.before_minutes)


@fast
@given(window_sets, team_lists, busy_lists, rules, busy_rows())
def test_more_busy_never_adds_a_slot_and_order_changes_nothing(
    open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule, extra: Busy
) -> None:
    before = compute(open_windows, teams, busy, rule)
    assert set(starts(compute(open_windows, teams, [*busy, extra], rule))) <= set(starts(before))
    assert compute(merge(reversed(open_windows)), teams, busy[::-1], rule) == before
    assert starts(compute(open_windows, teams[::-1], busy, rule)) == starts(before)


@fast
@given(window_sets.filter(bool), team_lists, busy_lists, rules, st.integers(1, 180))
def test_closing_later_never_removes_a_slot(
    open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule, longer: int
) -> None:
    last = open_windows[-1]
    extended = (*open_windows[:-1], Window(last.start, min(last.end + longer, DAY_MINUTES)))
    before, after = compute(open_windows, teams, busy, rule), compute(extended, teams, busy, rule)
    assert set(starts(before)) <= set(starts(after))


@fast
@given(window_sets, team_lists, busy_lists, rules)
def test_slots_are_ordered_distinct_and_complete_with_the_refusals(
    open_windows: Windows, teams: list[Team], busy: list[Busy], rule: Rule
) -> None:
    day = compute(open_windows, teams, busy, rule)
    assert all(one < other for one, other in pairwise(starts(day)))
    on_grid = {
        instants(DAY, Window(minute, minute), NEW_YORK)[0]
        for window in open_windows
        for minute in range(window.start, window.end, rule.step_minutes)
    }
    assert {*starts(day), *(refusal.start for refusal in day.refusals)} == on_grid
    assert all(day.why_not(refusal.start) is refusal.reason for refusal in day.refusals)


@pytest.mark.parametrize("name", US_AND_CANADA)
def test_a_plain_day_has_nine_hours_in_every_zone(name: str) -> None:
    where = ZoneInfo(name)
    nine_to_five = windows([(time(8), time(17))])
    rule = Rule(duration_minutes=60, step_minutes=60)
    # Every eleventh day, and the Sundays on which the clocks change.
    days = [date(2026, 1, 1) + timedelta(days=11 * n) for n in range(100)]
    days += [date(2026, 3, 8), date(2026, 11, 1), date(2027, 3, 14), date(2027, 11, 7), date(2028, 3, 12)]
    for day in days:
        found = day_slots(
            day=day, where=where, windows=nine_to_five, teams=[Team(frozenset())], busy=[], rule=rule,
            now=datetime(2025, 12, 1, tzinfo=UTC),
        )  # fmt: skip
        assert [slot.local.time() for slot in found.slots] == [time(hour) for hour in range(8, 17)], day
