"""When a practice, its clinicians and its rooms work: what the PMS tells, else what the practice has written down.

A day that the practice has named counts as it says, whatever the PMS tells of it; hours that nobody has told are never
invented.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from accounts import hours as written
from accounts.models import Account
from pms.domain.localtime import day_bounds
from pms.domain.records import DaySchedule, ResourceKind
from pms.models import Blockout, SpecialDay, WeeklyHours
from pms.scheduling import hours
from pms.scheduling.hours import Window, Windows
from pms.scheduling.rules import Busy, BusyKind, Team, resource
from pms.scheduling.slots import Opening
from pms.services import plain

Whose = tuple[ResourceKind, str]
# The people and the room of an appointment: clinician, operatory, and perhaps an assistant.
Trio = tuple[str, str, str]

_WHOLE = (Window(0, hours.DAY_MINUTES),)


class Calendar:
    """The hours of the days from ``first`` to ``last``, of everybody at a practice."""

    def __init__(self, account: Account, plans: Iterable[DaySchedule], first: date, last: date) -> None:
        self._told: dict[tuple[date, Whose], list[DaySchedule]] = defaultdict(list)
        self._places: dict[date, set[str]] = defaultdict(set)
        for plan in plans:
            self._told[plan.day, (plan.kind, plan.resource_id)].append(plan)
            if plan.kind is ResourceKind.PRACTICE:
                self._places[plan.day].add(plan.resource_id)
        self._weekly = {
            (ResourceKind(row.kind), row.resource_id): {day: _windows(row.hours, day) for day in range(7)}
            for row in plain.find(WeeklyHours, account_id=account.pk)
        }
        self._special: dict[Whose, dict[date, Windows]] = defaultdict(dict)
        for row in plain.find_overlapping(SpecialDay, "day", "day", first, last, account_id=account.pk):
            self._special[ResourceKind(row.kind), row.resource_id][row.day] = _windows({"1": row.windows}, 0)

    def opening(self, day: date, trios: Sequence[Trio]) -> Opening:
        """Return the practice's windows of a day, and the teams with theirs, in the order of the trios."""
        practice = self._practice(day)
        known = {who: self._hours(day, who) for trio in trios for who in _members(trio)}
        teams = []
        for trio in trios:
            members = _members(trio)
            told = [windows for windows in (practice, *(known[who] for who in members)) if windows is not None]
            is_told = practice is not None or known[members[0]] is not None
            shared = hours.intersect(*told) if is_told else ()
            teams.append(Team(frozenset(resource(*who) for who in members), shared, trio))
        return Opening(_WHOLE if practice is None else practice, teams, is_told=self._is_told(day, practice, known))

    def _is_told(self, day: date, practice: Windows | None, known: dict[Whose, Windows | None]) -> bool:
        """Return whether anybody has said when appointments of these people are possible on that day."""
        clinicians = (windows for who, windows in known.items() if who[0] is ResourceKind.CLINICIAN)
        return practice is not None or any(windows is not None for windows in clinicians)

    def _practice(self, day: date) -> Windows | None:
        places = self._places.get(day, set())
        own = (ResourceKind.PRACTICE, "")
        if day in self._special[own] or not places:
            return self._hours(day, own)
        # A system may list several rows for the practice under names of its own.
        told = [self._pms_hours(day, (ResourceKind.PRACTICE, place)) for place in sorted(places)]
        return hours.intersect(*[windows for windows in told if windows is not None])

    def _hours(self, day: date, whose: Whose) -> Windows | None:
        special, told = self._special[whose], self._pms_hours(day, whose)
        if told is not None:
            return special.get(day, told)
        weekly = self._weekly.get(whose)
        if weekly is None and day not in special:
            return None
        return hours.of_day(day, weekly or {}, special=special)

    def _pms_hours(self, day: date, whose: Whose) -> Windows | None:
        rows = self._told.get((day, whose))
        return hours.of_schedules(rows, day, *whose) if rows else None


def blocked(account: Account, first: date, last: date) -> list[Busy]:
    """Return the time that the practice has blocked on the local days, both inclusive."""
    start, end = day_bounds(first, account.zone)[0], day_bounds(last, account.zone)[1]
    rows = plain.find_overlapping(Blockout, "starts_at", "ends_at", start, end, account_id=account.pk)
    return [
        Busy(
            start=row.starts_at,
            end=row.ends_at,
            resources=frozenset({resource(ResourceKind(row.kind), row.resource_id)} if row.resource_id else ()),
            kind=BusyKind.BLOCKOUT,
        )
        for row in rows
    ]


def _members(trio: Trio) -> list[Whose]:
    clinician, operatory, assistant = trio
    members = [(ResourceKind.CLINICIAN, clinician), (ResourceKind.OPERATORY, operatory)]
    return [*members, (ResourceKind.CLINICIAN, assistant)] if assistant else members


def _windows(stored: object, weekday: int) -> Windows:
    """Return the windows of a weekday, Monday 0, as a practice has written them down."""
    return hours.merge(Window(*pair) for pair in written.windows(stored, weekday + 1))
