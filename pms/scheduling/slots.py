"""The start times of one local day, each with the team that takes it, and a reason for each one not offered.

The grid is anchored at the start of every window, on the wall clock, so that times stay round whatever is booked and
however the clocks change. All intervals are half open. Nothing here is offered twice, guessed or rounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pms.domain.localtime import day_bounds, to_local, wall_to_utc
from pms.domain.records import ResourceKind
from pms.scheduling.hours import Windows, clock, instants, intersect
from pms.scheduling.reasons import Reason, mildest
from pms.scheduling.rules import Busy, BusyKind, Rule, Team, is_a

_MINUTE = timedelta(minutes=1)

Span = tuple[datetime, datetime]
_Verdict = tuple[Team, Reason | None]


@dataclass(frozen=True, slots=True)
class Slot:
    """A start that can be booked: ``start`` and ``end`` in UTC, ``local`` the start in the practice's zone."""

    start: datetime
    end: datetime
    local: datetime
    team: Team


@dataclass(frozen=True, slots=True)
class Refusal:
    """A start on the grid that is not offered, in UTC, and why."""

    start: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Day:
    """What one local day offers. ``open`` are the instants between which some team works."""

    slots: tuple[Slot, ...]
    refusals: tuple[Refusal, ...]
    open: tuple[Span, ...]
    is_mapped: bool = True

    @property
    def reason(self) -> Reason | None:
        """Why the day has no slot at all, ``None`` if it has one: what refused the most times."""
        if self.slots:
            return None
        if not self.is_mapped:
            return Reason.NO_MAPPING
        counts = Counter(refusal.reason for refusal in self.refusals)
        return counts.most_common(1)[0][0] if counts else Reason.CLOSED

    def why_not(self, start: datetime) -> Reason | None:
        """Return why exactly this aware instant is not offered, ``None`` if it is."""
        if any(slot.start == start for slot in self.slots):
            return None
        for refusal in self.refusals:
            if refusal.start == start:
                return refusal.reason
        if not self.is_mapped:
            return Reason.NO_MAPPING
        return Reason.NOT_ON_GRID if any(a <= start < b for a, b in self.open) else Reason.CLOSED


@dataclass(frozen=True, slots=True)
class _Limits:
    """The rule with the instants and dates it comes down to for one request."""

    rule: Rule
    earliest: datetime
    is_beyond: bool

    def span(self, start: datetime) -> Span:
        return start, start + timedelta(minutes=self.rule.duration_minutes)

    def padded(self, start: datetime) -> Span:
        return _widened(self.span(start), self.rule.before_minutes, self.rule.after_minutes)


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
    """Return the offered and refused starts of ``day``, ordered, each instant once.

    ``windows`` are the practice's of that day. ``teams`` are in the order of preference: a slot gets the first free
    one. ``now`` is aware. The order of ``busy`` does not matter, and rows of other days do no harm.
    """
    limits = _limits(rule, day, where, now)
    rows = _rows_of_day(busy, day, where, rule)
    shared = [windows if team.windows is None else intersect(windows, team.windows) for team in teams]
    grids = {own: list(_grid(day, where, own, rule.step_minutes)) for own in set(shared)}
    verdicts: dict[datetime, list[_Verdict]] = {}
    for team, own in zip(teams, shared, strict=True):
        concerning = [row for row in rows if row.concerns(team)]
        for start, span in grids[own]:
            verdicts.setdefault(start, []).append((team, _refusal(start, span, concerning, team, limits)))
    spans = {instants(day, window, where) for own in grids for window in own}
    return _day(verdicts, limits, where, tuple(sorted(spans)), is_mapped=bool(teams))


def _limits(rule: Rule, day: date, where: ZoneInfo, now: datetime) -> _Limits:
    last_day = rule.last_day(now, where)
    return _Limits(rule, rule.earliest_start(now), last_day is not None and day > last_day)


def _rows_of_day(busy: Iterable[Busy], day: date, where: ZoneInfo, rule: Rule) -> list[Busy]:
    """Return the rows that can be in the way on that day, so that a month of rows is not compared slot by slot."""
    near = _widened(day_bounds(day, where), rule.before_minutes, rule.after_minutes)
    return [row for row in busy if _overlap(near, _turnover(row))]


def _day(
    verdicts: dict[datetime, list[_Verdict]], limits: _Limits, where: ZoneInfo, spans: tuple[Span, ...], is_mapped: bool
) -> Day:
    """Sum up what the teams said: the first free one takes the slot, or the mildest reason refuses it."""
    slots, refusals = [], []
    for start, of_teams in sorted(verdicts.items(), key=lambda item: item[0]):
        free = next((team for team, reason in of_teams if reason is None), None)
        if free is not None:
            slots.append(Slot(*limits.span(start), to_local(start, where), free))
        else:
            refusals.append(Refusal(start, mildest([reason for _, reason in of_teams if reason])))
    return Day(tuple(slots), tuple(refusals), spans, is_mapped)


def _grid(day: date, where: ZoneInfo, windows: Windows, step: int) -> Iterable[tuple[datetime, Span]]:
    """Yield the instants of all grid times with their window; a skipped hour has none, a doubled one two."""
    for window in windows:
        span = instants(day, window, where)
        for minute in range(window.start, window.end, step):
            for instant in wall_to_utc(day, clock(minute), where).utc:
                # A doubled time may have its second reading after a window that closes within that hour.
                if span[0] <= instant < span[1]:
                    yield instant, span


def _refusal(start: datetime, window: Span, busy: Sequence[Busy], team: Team, limits: _Limits) -> Reason | None:
    if limits.is_beyond:
        return Reason.HORIZON
    if start < limits.earliest:
        return Reason.NOTICE
    needed = limits.padded(start) if limits.rule.buffers_inside_hours else limits.span(start)
    if not (window[0] <= needed[0] and needed[1] <= window[1]):
        return Reason.DOES_NOT_FIT
    return _conflict(start, busy, team, limits)


def _conflict(start: datetime, busy: Sequence[Busy], team: Team, limits: _Limits) -> Reason | None:
    """Return the firmest reason among the busy rows in the way, each side keeping its own buffers."""
    in_the_way = [row for row in busy if _overlap(limits.padded(start), _turnover(row))]
    hard = [row for row in in_the_way if _overlap(limits.span(start), _occupied(row))]
    if hard:
        order = list(Reason)
        return max((_busy_reason(row, team) for row in hard), key=order.index)
    return Reason.BUFFER if in_the_way else None


def _busy_reason(row: Busy, team: Team) -> Reason:
    if row.kind is BusyKind.HOLD:
        return Reason.HOLD
    taken = row.resources & team.resources
    if row.kind is BusyKind.BLOCKOUT or not taken:
        return Reason.BLOCKOUT
    if any(is_a(ResourceKind.CLINICIAN, key) for key in taken):
        return Reason.CLINICIAN_BUSY
    return Reason.ROOM_BUSY if any(is_a(ResourceKind.OPERATORY, key) for key in taken) else Reason.RESOURCE_BUSY


def _occupied(row: Busy) -> Span:
    # A row without a usable length still takes its start.
    return row.start, max(row.end, row.start + _MINUTE)


def _turnover(row: Busy) -> Span:
    return _widened(_occupied(row), row.before_minutes, row.after_minutes)


def _widened(span: Span, before: int, after: int) -> Span:
    return span[0] - timedelta(minutes=before), span[1] + timedelta(minutes=after)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
