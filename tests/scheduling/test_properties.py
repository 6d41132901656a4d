"""What must hold for every day, whatever the practice looks like (spec/scheduling, 3.9)."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.scheduling.hours import DAY_MINUTES, Window, Windows, instants, merge, windows
from pms.scheduling.reasons import Reason
from pms.scheduling.rules import Busy, BusyKind, Rule, Team
from pms.scheduling.slots import Day, day_slots
from tests.scheduling import elsewhere

DAY = date(2026, 5, 12)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
MIDNIGHT = datetime(2026, 5, 12, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
YEARS = (2026, 2027, 2028)
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
    again = compute(merge(reversed(open_windows)), teams, busy[::-1], rule)
    assert (again, again.refusals) == (before, before.refusals)
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


def nine_hours(name: str, days: list[date]) -> None:
    """Check that a day from eight to five has nine hours on the hour, by the wall clock, on each of these days."""
    where, from_eight_to_five = ZoneInfo(name), windows([(time(8), time(17))])
    rule = Rule(duration_minutes=60, step_minutes=60)
    for day in days:
        found = day_slots(
            day=day, where=where, windows=from_eight_to_five, teams=[Team(frozenset())], busy=[], rule=rule,
            now=datetime(2025, 12, 1, tzinfo=UTC),
        )  # fmt: skip
        said = [slot.start.astimezone(where).replace(tzinfo=None) for slot in found.slots]
        assert said == [datetime.combine(day, time(hour)) for hour in range(8, 17)], day


def days_of(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=n) for n in range(365 + isleap(year))]


def changes(name: str) -> list[date]:
    """Return the days from 2026 to 2028 on which the clocks of a zone change."""
    where = ZoneInfo(name)
    return [
        day
        for year in YEARS
        for day in days_of(year)
        if datetime.combine(day, time(), where).utcoffset()
        != datetime.combine(day + timedelta(days=1), time(), where).utcoffset()
    ]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("name", US_AND_CANADA)
def test_every_day_of_every_zone_has_nine_hours(name: str, year: int) -> None:
    nine_hours(name, days_of(year))


def test_every_day_on_which_a_clock_changes_has_nine_hours() -> None:
    found = {name: changes(name) for name in US_AND_CANADA}

    for name, days in found.items():
        nine_hours(name, days)

    assert found["America/New_York"] == [
        date(2026, 3, 8), date(2026, 11, 1), date(2027, 3, 14), date(2027, 11, 7), date(2028, 3, 12), date(2028, 11, 5)
    ]  # fmt: skip
    assert (found["America/Phoenix"], found["Pacific/Honolulu"], found["America/Regina"]) == ([], [], [])


class Naive:
    """The same day computed minute by minute: every grid time and every team on its own, against every row.

    Of the product it uses the records that go in, and nothing that computes.
    """

    def __init__(self, day: date, where: ZoneInfo) -> None:
        first = datetime.combine(day, time(), UTC) - timedelta(hours=20)
        every = (first + timedelta(minutes=n) for n in range(60 * 64))
        local = ((utc, utc.astimezone(where)) for utc in every)
        self.clock = [(utc, on.hour * 60 + on.minute) for utc, on in local if on.date() == day]
        self.day = day

    def edge(self, minute: int) -> datetime:
        """Return the first instant of the day that reads so or later: the next midnight if none does."""
        return next((utc for utc, reads in self.clock if reads >= minute), self.clock[-1][0] + MINUTE)

    def grid(self, open_windows: Windows, team: Team, step: int) -> dict[datetime, tuple[datetime, datetime]]:
        """Return the starts of a team, each with the window that it lies in."""
        everybody, own = _minutes(open_windows), _minutes(team.windows)
        is_open = [m in everybody and m in own for m in range(DAY_MINUTES)] + [False]
        found: dict[datetime, tuple[datetime, datetime]] = {}
        opens = 0
        for minute in range(DAY_MINUTES + 1):
            if is_open[minute] and (minute == 0 or not is_open[minute - 1]):
                opens = minute
            if minute and is_open[minute - 1] and not is_open[minute]:
                span = self.edge(opens), self.edge(minute)
                wanted = {m for m in range(opens, minute) if (m - opens) % step == 0}
                found |= {utc: span for utc, reads in self.clock if reads in wanted and span[0] <= utc < span[1]}
        return found

    def takes(self, start: datetime, span: tuple[datetime, datetime], team: Team, busy: list[Busy], rule: Rule) -> bool:
        """Return whether a team can take a start within its window."""
        end = start + rule.duration_minutes * MINUTE
        before, after = start - rule.before_minutes * MINUTE, end + rule.after_minutes * MINUTE
        first, last = (before, after) if rule.buffers_inside_hours else (start, end)
        if first < span[0] or last > span[1]:
            return False
        for row in busy:
            row_end = row.end if row.end > row.start else row.start + MINUTE
            is_theirs = not row.resources or bool(row.resources & team.resources)
            is_before = row_end + row.after_minutes * MINUTE <= before
            is_after = row.start - row.before_minutes * MINUTE >= after
            if is_theirs and not (is_before or is_after):
                return False
        return True


def _minutes(some: Windows | None) -> set[int]:
    return {m for one in some for m in range(one.start, one.end)} if some is not None else set(range(DAY_MINUTES))


@cache
def naive(day: date, name: str) -> Naive:
    return Naive(day, ZoneInfo(name))


# Where and when clocks change in every way there is: by an hour, by half of one, at midnight, over midnight, and back.
ODD_DAYS = [
    ("America/New_York", date(2026, 5, 12)), ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)), ("America/St_Johns", date(2026, 3, 8)),
    ("America/St_Johns", date(2026, 11, 1)), ("America/Los_Angeles", date(2027, 3, 14)),
    ("America/Havana", date(2026, 3, 8)), ("America/Havana", date(2026, 11, 1)),
    ("America/Scoresbysund", date(2026, 3, 28)), ("America/Scoresbysund", date(2026, 10, 24)),
    ("Australia/Lord_Howe", date(2026, 4, 5)), ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Chatham", date(2026, 9, 27)), ("America/Santiago", date(2026, 9, 6)),
    ("America/Vancouver", date(2026, 11, 1)), ("America/Edmonton", date(2026, 12, 15)),
]  # fmt: skip
any_minutes = st.integers(0, DAY_MINUTES)
any_windows = st.lists(st.tuples(any_minutes, any_minutes).map(lambda pair: Window(*sorted(pair))), max_size=3).map(
    merge
)
any_teams = st.lists(
    st.builds(
        lambda who, room, own: Team(frozenset({who, room}), own),
        st.sampled_from(PEOPLE),
        st.sampled_from(ROOMS),
        st.none() | any_windows,
    ),
    max_size=4,
)
any_rules = st.builds(
    Rule,
    duration_minutes=st.integers(1, 200),
    step_minutes=st.integers(1, 90) | st.sampled_from([10, 15, 30, 60]),
    before_minutes=st.integers(0, 45),
    after_minutes=st.integers(0, 45),
    notice_minutes=st.integers(0, 1500),
    horizon_days=st.none() | st.integers(0, 3),
    buffers_inside_hours=st.booleans(),
)


@st.composite
def days_with_rows(draw: st.DrawFn) -> tuple[str, date, list[Busy], datetime]:
    """A day somewhere, rows on and around it to the microsecond, and an instant before or on it."""
    name, day = draw(st.sampled_from(ODD_DAYS))
    midnight = datetime.combine(day, time(), ZoneInfo(name)).astimezone(UTC)

    def row() -> Busy:
        start = midnight + timedelta(seconds=draw(st.integers(-4 * 3600, 27 * 3600)))
        start += timedelta(microseconds=draw(st.sampled_from([0, 0, 1, 999_999])))
        length = timedelta(seconds=draw(st.integers(-600, 6 * 3600) | st.sampled_from([0, 1800, 3600])))
        resources = frozenset(draw(st.sets(st.sampled_from(PEOPLE + ROOMS), max_size=2)))
        before, after = draw(st.integers(0, 40)), draw(st.integers(0, 40))
        return Busy(start, start + length, resources, before, after, draw(st.sampled_from(BusyKind)))

    rows = [row() for _ in range(draw(st.integers(0, 8)))]
    return name, day, rows, midnight + timedelta(seconds=draw(st.integers(-3 * 86400, 16 * 3600)))


@settings(max_examples=200)
@given(days_with_rows(), any_windows, any_teams, any_rules)
def test_the_engine_finds_what_a_naive_look_at_every_minute_finds(
    where: tuple[str, date, list[Busy], datetime], open_windows: Windows, teams: list[Team], rule: Rule
) -> None:
    name, day, busy, now = where
    plain, zone = naive(day, name), ZoneInfo(name)
    last_day = now.astimezone(zone).date() + timedelta(days=rule.horizon_days or 0)
    is_beyond = rule.horizon_days is not None and day > last_day
    takers: dict[datetime, list[Team]] = {}
    for team in teams:
        for start, span in plain.grid(open_windows, team, rule.step_minutes).items():
            is_free = not is_beyond and start >= now + rule.notice_minutes * MINUTE
            takers.setdefault(start, [])
            if is_free and plain.takes(start, span, team, busy, rule):
                takers[start].append(team)

    found = day_slots(day=day, where=zone, windows=open_windows, teams=teams, busy=busy, rule=rule, now=now)

    offered = {start: free[0] for start, free in takers.items() if free}
    assert [(slot.start, slot.team) for slot in found.slots] == sorted(offered.items(), key=lambda item: item[0])
    assert [refusal.start for refusal in found.refusals] == sorted(takers.keys() - offered.keys())
    assert all(slot.end - slot.start == rule.duration_minutes * MINUTE for slot in found.slots)
    assert all(slot.local.astimezone(UTC) == slot.start and slot.local.tzinfo is zone for slot in found.slots)
    for refusal in found.refusals:
        is_too_soon = refusal.start < now + rule.notice_minutes * MINUTE
        assert (refusal.reason is Reason.HORIZON) == is_beyond
        assert (refusal.reason is Reason.NOTICE) == (is_too_soon and not is_beyond)
        assert refusal.reason not in (Reason.NO_MAPPING, Reason.CLOSED, Reason.NOT_ON_GRID)


ELSEWHERE = {"UTC": 0, "America/Los_Angeles": -8 * 3600, "Pacific/Auckland": 12 * 3600}


def test_the_zone_of_the_server_changes_nothing() -> None:
    told = {name: elsewhere.told(name) for name in ELSEWHERE}

    assert {name: one["offset"] for name, one in told.items()} == ELSEWHERE
    computed = [one["computed"] for one in told.values()]
    assert computed[0] == computed[1] == computed[2]
    assert len(computed[0]["slots"]) > 20
    assert "2026-05-14T14:00Z" in str(computed[0]["speech_dates"])
