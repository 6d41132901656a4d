"""The appointment book: about a month back and a month ahead, none of the active appointments overlapping."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import count
from random import Random

from . import cast
from .fields import Row
from .practice import VISIT_TYPES, Clinician, Hours, Profile, VisitType
from .rows import RowWriter, Visit

DAYS_EACH_WAY = 31
FIRST_NUMBER = 70001
GRID = 10  # minutes
KEPT_FREE = 60  # minutes that stay free for every clinician on every working day ahead

CLOSED_DAY_DISTANCE = 10


def closed_days(today: date) -> frozenset[date]:
    """The one day with a holiday flag: the first Monday to Thursday at least 10 days ahead."""
    day = today + timedelta(days=CLOSED_DAY_DISTANCE)
    while day.weekday() > 3:
        day += timedelta(days=1)
    return frozenset({day})


def minutes(clock: str) -> int:
    """ "HH:MM" as minutes since midnight."""
    return int(clock[:2]) * 60 + int(clock[3:5])


def clock(value: int) -> str:
    """Minutes since midnight as "HH:MM"."""
    return f"{value // 60:02d}:{value % 60:02d}"


def working_spans(practice: Hours, clinician: Hours, weekday: int) -> list[tuple[int, int]]:
    """When the practice is open and the clinician works, in minutes since midnight."""
    spans = []
    for opens, closes in practice.get(weekday, ()):
        for begins, ends in clinician.get(weekday, ()):
            start, end = max(minutes(opens), minutes(begins)), min(minutes(closes), minutes(ends))
            if start < end:
                spans.append((start, end))
    return spans


class Diary:
    """Fills the book of one office; everything follows from the random generator handed in."""

    def __init__(self, profile: Profile, write: RowWriter, patients: Mapping[str, Row], today: date, random: Random):
        self.profile, self.write, self.patients, self.today, self.random = profile, write, patients, today, random
        self.numbers = count(FIRST_NUMBER)
        known = {person.patient_id for person in profile.people}
        # Who may turn up at random, by location: the cast stays out, so that its appointments are known.
        self.extras: dict[str, list[str]] = {place.practice_id: [] for place in profile.locations}
        for number, row in patients.items():
            if number not in known and row["status"] == "Active":
                self.extras[row["practice_id"]].append(number)

    def rows(self) -> list[Row]:
        """All appointments, by number."""
        return [
            self.write.appointment(visit, self.patients[visit.patient_id], made=self._made(visit.day))
            for visit in self._visits()
        ]

    def _made(self, day: date) -> date:
        return min(self.today, day) - timedelta(days=self.random.randint(1, 60))

    def _visits(self) -> Iterator[Visit]:
        closed = closed_days(self.today)
        fixed = self._fixed()
        yield from fixed
        for distance in range(-DAYS_EACH_WAY, DAYS_EACH_WAY + 1):
            day = self.today + timedelta(days=distance)
            if day in closed:
                continue
            for who in self.profile.clinicians:
                place = next(one for one in self.profile.locations if one.practice_id == who.practice_id)
                busy = {
                    (minutes(visit.time), minutes(visit.time) + visit.minutes)
                    for visit in fixed
                    if visit.day == day and visit.provider_id == who.provider_id
                }
                for span in working_spans(place.hours, who.hours, day.weekday()):
                    yield from self._fill(day, who, span, busy)

    def _fixed(self) -> list[Visit]:
        """The known appointments of Alder's cast: one of Núñez ahead, one of Whitfield behind."""
        if self.profile.people is not cast.ALDER:
            return []
        ahead = self.today + timedelta(days=5)
        while ahead.weekday() > 3 or ahead in closed_days(self.today):
            ahead += timedelta(days=1)
        behind = self.today - timedelta(days=20)
        while behind.weekday() > 3:
            behind -= timedelta(days=1)
        return [
            Visit(str(next(self.numbers)), cast.JOSE_NUNEZ.patient_id, "DR1", "Op 1", ahead, "09:00", 60, "Filling"),
            Visit(
                str(next(self.numbers)),
                cast.CORA_WHITFIELD.patient_id,
                "DR2",
                "Op 2",
                behind,
                "14:00",
                60,
                "New Patient Exam",
                status="Complete",
            ),
        ]

    def _fill(self, day: date, who: Clinician, span: tuple[int, int], busy: set[tuple[int, int]]) -> Iterator[Visit]:
        """Appointments inside one span, an hour of the day's longest part kept free."""
        start, end = span
        kept = set(busy)
        if end - start >= 4 * 60 or self.random.random() < 0.5:
            gap = start + GRID * self.random.randrange((end - start - KEPT_FREE) // GRID + 1)
            kept.add((gap, gap + KEPT_FREE))
        at = start
        while at < end:
            kind = self._kind(who)
            until = at + kind.minutes
            if until > end or any(at < closes and opens < until for opens, closes in kept):
                at += GRID
                continue
            if self.random.random() < 0.72:
                room = "Op 3" if who.room == "Op 2" and self.random.random() < 0.3 else who.room
                yield self._visit(day, who, room, at, kind)
                at = until + (GRID if self.random.random() < 0.2 else 0)
            else:
                # Somebody who broke or cancelled here: the time is free again, the row stays.
                if self.random.random() < 0.35:
                    yield self._gone(day, who, at, kind)
                at += 3 * GRID

    def _kind(self, who: Clinician) -> VisitType:
        hygiene = who.specialty == "Hygienist"
        return self.random.choice([kind for kind in VISIT_TYPES if kind.hygiene is hygiene])

    def _visit(self, day: date, who: Clinician, room: str, at: int, kind: VisitType) -> Visit:
        past = day < self.today
        return Visit(
            str(next(self.numbers)),
            self.random.choice(self.extras[who.practice_id]),
            who.provider_id,
            room,
            day,
            clock(at),
            kind.minutes,
            kind.name,
            status="Complete" if past else "Scheduled",
            confirmed=past or self.random.random() < 0.3,
            code=kind.code,
        )

    def _gone(self, day: date, who: Clinician, at: int, kind: VisitType) -> Visit:
        # PMSs tell it in three ways: by the status alone, by the flag alone, or by both.
        status, flag = self.random.choice(
            (("Broken", "False"), ("Cancelled", ""), ("Scheduled", "True"), ("Cancelled", "True"))
        )
        return Visit(
            str(next(self.numbers)),
            self.random.choice(self.extras[who.practice_id]),
            who.provider_id,
            who.room,
            day,
            clock(at),
            kind.minutes,
            kind.name,
            status=status,
            cancelled=flag,
            code=kind.code,
        )
