"""The start times of local days, each with the team that takes it, and a reason for each one not offered.

The grid is anchored at the start of every window, on the wall clock, so that times stay round whatever is booked and
however the clocks change. All intervals are half open. Nothing here is offered twice, guessed or rounded.

A day is an integer: bit ``n`` is minute ``n`` since local midnight, elapsed. The busy minutes of a person or a room are
gathered once, and then a whole day of starts is tried with a handful of shifts. Why a start is not offered is worked
out only when somebody asks (``refusals``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from pms.domain.localtime import day_bounds, to_local, wall_to_utc
from pms.scheduling.hours import DAY_MINUTES, Window, Windows, clock, instants, intersect
from pms.scheduling.reasons import Reason
from pms.scheduling.refusals import Question, Refusal, Span, occupied
from pms.scheduling.rules import Busy, Rule, Team

_DAY = timedelta(days=1)
# The key of what takes the whole practice.
_PRACTICE = frozenset({""})


@dataclass(frozen=True, slots=True)
class Slot:
    """A start that can be booked: ``start`` and ``end`` in UTC, ``local`` the start in the practice's zone."""

    start: datetime
    end: datetime
    local: datetime
    team: Team


@dataclass(frozen=True, slots=True)
class Opening:
    """When the practice is open on one local day, and the teams of that day in the order of preference.

    ``is_told`` is false where nobody has said when they work: then nothing is open, which is not the same as closed.
    """

    windows: Windows
    teams: Sequence[Team]
    is_told: bool = True


@dataclass(frozen=True)
class Day:
    """What one local day offers."""

    slots: tuple[Slot, ...]
    _question: Question = field(repr=False, compare=False)
    _is_told: bool = field(default=True, repr=False, compare=False)

    @cached_property
    def refusals(self) -> tuple[Refusal, ...]:
        """The starts on the grid that are not offered, ordered, each with its reason."""
        offered = {slot.start for slot in self.slots}
        return tuple(one for one in self._question.refusals() if one.start not in offered)

    @property
    def open(self) -> tuple[Span, ...]:
        """The instants between which some team works."""
        return self._question.open

    @property
    def reason(self) -> Reason | None:
        """Why the day has no slot at all, ``None`` if it has one: what refused the most times."""
        if self.slots:
            return None
        if not self._question.teams:
            return Reason.NO_MAPPING
        if not self._is_told:
            return Reason.NO_HOURS
        counts = Counter(refusal.reason for refusal in self.refusals)
        return counts.most_common(1)[0][0] if counts else Reason.CLOSED

    def why_not(self, start: datetime) -> Reason | None:
        """Return why exactly this aware instant is not offered, ``None`` if it is."""
        if any(slot.start == start for slot in self.slots):
            return None
        refused = next((refusal.reason for refusal in self.refusals if refusal.start == start), None)
        if refused is not None or not self._question.teams:
            return refused or Reason.NO_MAPPING
        if not self._is_told:
            return Reason.NO_HOURS
        return Reason.NOT_ON_GRID if any(a <= start < b for a, b in self.open) else Reason.CLOSED


def day_slots(
    *,
    day: date,
    where: ZoneInfo,
    windows: Windows,
    teams: Sequence[Team],
    busy: Iterable[Busy],
    rule: Rule,
    now: datetime,
) -> Day:
    """Return the offered starts of ``day``, ordered, each instant once.

    ``windows`` are the practice's of that day. ``teams`` are in the order of preference: a slot gets the first free
    one. ``now`` is aware. The order of ``busy`` does not matter, and rows of other days do no harm.
    """
    opening = Opening(windows, teams)
    return next(days_slots(days=[day], where=where, opening=lambda _: opening, busy=busy, rule=rule, now=now))


def days_slots(
    *,
    days: Sequence[date],
    where: ZoneInfo,
    opening: Callable[[date], Opening],
    busy: Iterable[Busy],
    rule: Rule,
    now: datetime,
) -> Iterator[Day]:
    """Yield what each of the ordered ``days`` offers; a day is computed when it is asked for."""
    book = _Book(days, where, rule, busy)
    last_day = rule.last_day(now, where)
    earliest = rule.earliest_start(now)
    for number, day in enumerate(days):
        opened = opening(day)
        is_beyond = last_day is not None and day > last_day
        slots = () if is_beyond else tuple(_slots(book, number, opened, earliest))
        question = Question(day, where, opened.windows, opened.teams, book.rows[number], rule, earliest, is_beyond)
        yield Day(slots, question, opened.is_told)


class _Book:
    """The busy minutes of every resource on each day, as bits from ``before_minutes`` before local midnight on.

    So early, because the buffer before the day's first appointments lies there.
    """

    def __init__(self, days: Sequence[date], where: ZoneInfo, rule: Rule, busy: Iterable[Busy]) -> None:
        self.days, self.where, self.rule = days, where, rule
        self.bounds = [day_bounds(day, where) for day in days]
        self.rows: list[list[Busy]] = [[] for _ in days]
        self._masks: list[dict[str, int]] = [{} for _ in days]
        self._blocked: list[dict[str, int]] = [{} for _ in days]
        self._length = rule.before_minutes + rule.duration_minutes + rule.after_minutes
        if days:
            self._enter(busy)

    def blocked(self, number: int, resources: Iterable[str]) -> int:
        """Return the starts on a day for which one of the resources is not free long enough, buffers included."""
        known = self._blocked[number]
        found = 0
        for key in resources:
            if key not in known:
                known[key] = _smeared(self._masks[number].get(key, 0), self._length)
            found |= known[key]
        return found

    def _enter(self, busy: Iterable[Busy]) -> None:
        origin, before, after = self.bounds[0][0], self.rule.before_minutes, self.rule.after_minutes
        begins = [_minutes(start - origin) - before for start, _ in self.bounds]
        ends = [_minutes(end - origin) + after for _, end in self.bounds]
        rows, masks, days = self.rows, self._masks, len(ends)
        # Written out, because a month at a large practice has thousands of rows. Seconds round to the outside.
        for row in busy:
            start, end = occupied(row)
            after_origin, before_origin = start - origin, origin - end
            first = after_origin.days * DAY_MINUTES + after_origin.seconds // 60 - row.before_minutes
            last = row.after_minutes - before_origin.days * DAY_MINUTES - before_origin.seconds // 60
            number = bisect_right(ends, first)
            while number < days and begins[number] < last:
                rows[number].append(row)
                begin, end_of_day = begins[number], ends[number]
                from_bit = first - begin if first > begin else 0
                to_bit = (last if last < end_of_day else end_of_day) - begin
                mask = (1 << to_bit) - (1 << from_bit)
                of_day = masks[number]
                for key in row.resources or _PRACTICE:
                    of_day[key] = of_day.get(key, 0) | mask
                number += 1


def _slots(book: _Book, number: int, opened: Opening, earliest: datetime) -> Iterator[Slot]:
    """Yield the slots of a day in order, each with the first team that is free."""
    midnight, end = book.bounds[number]
    takers: dict[int, Team] = {}
    grids: dict[Windows | None, int] = {}
    taken = (1 << max(-_minutes(midnight - earliest), 0)) - 1  # too soon
    taken |= book.blocked(number, _PRACTICE)
    for team in opened.teams:
        grid = grids.get(team.windows)
        if grid is None:
            own = opened.windows if team.windows is None else _shared(opened.windows, team.windows)
            grid = grids[team.windows] = _grid(book.days[number], book.where, own, book.rule, end - midnight == _DAY)
        free = grid & ~taken
        if not free:
            continue
        free &= ~book.blocked(number, team.resources)
        taken |= free
        while free:
            lowest = free & -free
            takers[lowest.bit_length() - 1] = team
            free ^= lowest
    length = timedelta(minutes=book.rule.duration_minutes)
    for minute in sorted(takers):
        start = midnight + timedelta(minutes=minute)
        yield Slot(start, start + length, to_local(start, book.where), takers[minute])


_shared = lru_cache(maxsize=1024)(intersect)  # most days of a month are alike


def _grid(day: date, where: ZoneInfo, windows: Windows, rule: Rule, is_plain: bool) -> int:
    """Return the starts on the grid that fit into their window, as minutes since midnight."""
    if is_plain:
        return _plain_grid(windows, rule)
    midnight = day_bounds(day, where)[0]
    found = 0
    for window in windows:
        opens, closes = (_minutes(edge - midnight) for edge in instants(day, window, where))
        for wall in range(window.start, window.end, rule.step_minutes):
            # A skipped time has no instant. A doubled one has two, the second perhaps after a window that closes
            # within that hour.
            for instant in wall_to_utc(day, clock(wall), where).utc:
                start = _minutes(instant - midnight)
                if _fits(start, Window(opens, closes), rule):
                    found |= 1 << start
    return found


@lru_cache(maxsize=1024)
def _plain_grid(windows: Windows, rule: Rule) -> int:
    """Return the grid of a day on which the wall clock runs as time does."""
    starts = (
        start
        for window in windows
        for start in range(window.start, window.end, rule.step_minutes)
        if _fits(start, window, rule)
    )
    return sum(1 << start for start in starts)


def _fits(start: int, window: Window, rule: Rule) -> bool:
    before, after = (rule.before_minutes, rule.after_minutes) if rule.buffers_inside_hours else (0, 0)
    return window.start <= start - before and start + rule.duration_minutes + after <= window.end


def _smeared(mask: int, length: int) -> int:
    """Return a mask with every bit set from which one of the next ``length`` bits is set."""
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        mask |= mask >> step
        covered += step
    return mask


def _minutes(span: timedelta) -> int:
    """Return the whole minutes of a span, rounded down."""
    return span.days * DAY_MINUTES + span.seconds // 60
