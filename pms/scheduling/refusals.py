"""Why the starts of one day that are not offered are not: for staff, and for a caller who wants exactly one of them.

Works start by start, and so can say for each which of the rules refused it, and which row was in the way of whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from pms.domain.localtime import wall_to_utc
from pms.domain.records import ResourceKind
from pms.scheduling.hours import Windows, clock, instants, intersect
from pms.scheduling.reasons import Reason, mildest
from pms.scheduling.rules import Busy, BusyKind, Rule, Team, is_a

_MINUTE = timedelta(minutes=1)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A start on the grid that is not offered, in UTC, and why; ``rows`` are in the way of those who could take it."""

    start: datetime
    reason: Reason
    rows: tuple[Busy, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Question:
    """One day as it was asked about. ``rows`` are the busy rows that can be in the way on it."""

    day: date
    where: ZoneInfo
    windows: Windows
    teams: Sequence[Team]
    rows: Sequence[Busy]
    rule: Rule
    earliest: datetime
    is_beyond: bool

    @cached_property
    def open(self) -> tuple[Span, ...]:
        """The instants between which some team works."""
        spans = {instants(self.day, window, self.where) for _, own in self._hours for window in own}
        return tuple(sorted(spans))

    def refusals(self) -> Iterator[Refusal]:
        """Yield every start that no team can take, ordered, with the reason of the team that came closest."""
        verdicts: dict[datetime, list[Refusal | None]] = {}
        for team, own in self._hours:
            concerning = [row for row in self.rows if row.concerns(team)]
            for start, window in _grid(self.day, self.where, own, self.rule.step_minutes):
                verdicts.setdefault(start, []).append(self._refusal(start, window, concerning, team))
        for start in sorted(verdicts):
            refused = [verdict for verdict in verdicts[start] if verdict]
            if len(refused) == len(verdicts[start]):
                rows = dict.fromkeys(row for one in refused for row in one.rows)
                yield Refusal(start, mildest([one.reason for one in refused]), tuple(rows))

    @cached_property
    def _hours(self) -> list[tuple[Team, Windows]]:
        return [
            (team, self.windows if team.windows is None else intersect(self.windows, team.windows))
            for team in self.teams
        ]

    def _refusal(self, start: datetime, window: Span, rows: Sequence[Busy], team: Team) -> Refusal | None:
        if self.is_beyond:
            return Refusal(start, Reason.HORIZON)
        if start < self.earliest:
            return Refusal(start, Reason.NOTICE)
        needed = self._padded(start) if self.rule.buffers_inside_hours else self._span(start)
        if not (window[0] <= needed[0] and needed[1] <= window[1]):
            return Refusal(start, Reason.DOES_NOT_FIT)
        return self._conflict(start, rows, team)

    def _conflict(self, start: datetime, rows: Sequence[Busy], team: Team) -> Refusal | None:
        """Return the firmest reason among the busy rows in the way, each side keeping its own buffers."""
        in_the_way = [row for row in rows if _overlap(self._padded(start), _turnover(row))]
        hard = [row for row in in_the_way if _overlap(self._span(start), occupied(row))]
        if hard:
            order = list(Reason)
            reason = max((_busy_reason(row, team) for row in hard), key=order.index)
            return Refusal(start, reason, tuple(in_the_way))
        return Refusal(start, Reason.BUFFER, tuple(in_the_way)) if in_the_way else None

    def _span(self, start: datetime) -> Span:
        return start, start + timedelta(minutes=self.rule.duration_minutes)

    def _padded(self, start: datetime) -> Span:
        return _widened(self._span(start), self.rule.before_minutes, self.rule.after_minutes)


def occupied(row: Busy) -> Span:
    """Return the time that a row takes; one without a usable length still takes its start."""
    return row.start, row.end if row.end > row.start else row.start + _MINUTE


def _grid(day: date, where: ZoneInfo, windows: Windows, step: int) -> Iterable[tuple[datetime, Span]]:
    """Yield the instants of all grid times with their window; a skipped hour has none, a doubled one two."""
    for window in windows:
        span = instants(day, window, where)
        for minute in range(window.start, window.end, step):
            for instant in wall_to_utc(day, clock(minute), where).utc:
                # A doubled time may have its second reading after a window that closes within that hour.
                if span[0] <= instant < span[1]:
                    yield instant, span


def _busy_reason(row: Busy, team: Team) -> Reason:
    if row.kind is BusyKind.HOLD:
        return Reason.HOLD
    taken = row.resources & team.resources
    if row.kind is BusyKind.BLOCKOUT or not taken:
        return Reason.BLOCKOUT
    if any(is_a(ResourceKind.CLINICIAN, key) for key in taken):
        return Reason.CLINICIAN_BUSY
    return Reason.ROOM_BUSY if any(is_a(ResourceKind.OPERATORY, key) for key in taken) else Reason.RESOURCE_BUSY


def _turnover(row: Busy) -> Span:
    return _widened(occupied(row), row.before_minutes, row.after_minutes)


def _widened(span: Span, before: int, after: int) -> Span:
    return span[0] - timedelta(minutes=before), span[1] + timedelta(minutes=after)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
