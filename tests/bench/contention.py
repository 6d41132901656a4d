"""How many bookings a practice-day takes a second while twenty callers want its times, and whether each one is true.

Every caller has been verified in a phone call of their own. Twenty are on the line at any moment: each asks for the
times of one day, chooses one of the three offered to all of them and books it; whoever has an appointment makes room
for the next, until nothing is free on that day. Then what everybody was told is held against the practice's own book.
"""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pms  # noqa: F401  # the pinned zones
from pms.domain import speech
from pms.management.processes import Failed
from tests.bench import machine, stack
from tests.bench.figures import percentile, spread, table, verdict
from tests.bench.phone import Heard, PhoneCall
from tests.bench.stack import Stack

CALLERS = 20
_DAYS = 5
_WAITING = 40  # as many more as there are times on a day, and some
_OFFICE = "D10001"
_WHERE = ZoneInfo("America/New_York")
_WISH = {"appointmentType": "emergency"}
# The office carries a booking out before it is asked the first time; a slower one costs the same and answers later.
_WRITE_BACK_SECONDS = 0.3
_PAUSE_SECONDS = 1.0  # after "very slow" and its like, as a person would
_PATIENCE_SECONDS = 90.0
# No appointment is in the sandbox's book from then on. The practice books 90 days ahead.
_QUIET_FROM_DAYS = 36

_MADE = re.compile(r"The appointment is booked for (.+?) with ")
_SENT = re.compile(r"The request for (.+?) with .+? has been sent to the practice's system")
_CODE = re.compile(r"\(code (A\d+)\)")
# What else may be heard, by a part of the sentence; nothing else is an answer here.
_WORDS = {
    "taken": "taken",
    "very slow right now": "slow",
    "can't reach the practice's system": "slow",
    "still working on that": "busy",
    "took too long": "busy",
    "can't say yet whether it went through": "unknown",
}

Row = dict[str, str]


@dataclass(slots=True)
class _Day:
    """One practice-day while its times go: what was told to whom, and what was heard how often.

    ``told`` has patients and times as they were said, in pairs; ``took`` are the milliseconds of each booking.
    """

    date: date
    told: list[tuple[str, str]] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    heard: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    last_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, patient: str, outcome: str, heard: Heard, when: str = "") -> None:
        with self.lock:
            self.heard[outcome] += 1
            if when:
                self.told.append((patient, when))
                self.took.append(heard.ms)
                self.last_at = time.perf_counter()
            if outcome == "unknown":
                self.unknown.add(patient)


@dataclass(frozen=True, slots=True)
class _Figures:
    """What one day has come to. ``lost`` were told and are not there; ``silent`` are there and nobody was told."""

    per_second: float
    took: list[float]
    heard: Counter[str]
    lost: int
    doubled: int
    silent: int


def measured(python: str) -> str:
    """Return the table, measured on a server that runs on ``python``."""
    with (
        stack.database_and_cache() as services,
        stack.running(services, practices=1, python=python) as running,
    ):
        stack.sim(running.sandbox, "POST", "config", writeback_delay=_WRITE_BACK_SECONDS)
        sys.stderr.write("contention: verifying callers\n")
        waiting = _verified(running, CALLERS + _WAITING)
        figures, started, used = [], time.monotonic(), time.process_time()
        for number, day in enumerate(_quiet_days()):
            sys.stderr.write(f"contention: day {number + 1} of {_DAYS}\n")
            figures.append(_sold(running, day, waiting))
        client = (time.process_time() - used) / (time.monotonic() - started)
        about = f"{machine.facts()}, {running.database_version}. The callers' process used {client:.0%} of a core."
    return f"{about}\n\n{_table(figures)}"


def _verified(running: Stack, count: int) -> list[tuple[str, PhoneCall]]:
    """Return patients, each with a call of their own in which they have been verified."""
    people = _unmistakable(stack.sim(running.sandbox, "GET", "truth", office_id=_OFFICE)["patients"])[:count]
    if len(people) < count:
        raise Failed(f"contention: the sandbox has {len(people)} patients for {count} callers.")
    calls = []
    for number, person in enumerate(people):
        call = PhoneCall(port=running.port, line=running.lines[0], number=f"+1646555{1000 + number}")
        said = call.use(
            "findPatient",
            firstName=person["firstname"],
            lastName=person["lastname"],
            dateOfBirth=person["birthdate"][:10],
        ).say
        if "I found the record" not in said:
            raise Failed(f"contention: a caller was not verified: {said}")
        calls.append((person["patient_id"], call))
    return calls


def _unmistakable(people: Sequence[Row]) -> list[Row]:
    """Return the adults whom name and date of birth tell from everybody else."""
    names = Counter((row["firstname"], row["lastname"], row["birthdate"]) for row in people)
    oldest, youngest = "1900", str(date.today().year - 19)  # noqa: DTZ011  # a year more or less does not matter
    return [
        row
        for row in people
        if row["status"] == "Active" and row["practice_id"] == "1" and oldest < row["birthdate"] < youngest
        if names[row["firstname"], row["lastname"], row["birthdate"]] == 1
    ]


def _quiet_days() -> list[date]:
    """Return days on which the practice is open and its book still empty: Mondays to Thursdays."""
    first = datetime.now(_WHERE).date() + timedelta(days=_QUIET_FROM_DAYS)
    days = (first + timedelta(days=n) for n in range(_DAYS * 3))
    return [day for day in days if day.weekday() < 4][:_DAYS]


def _sold(running: Stack, day: date, waiting: Sequence[tuple[str, PhoneCall]]) -> _Figures:
    """Let the callers book the day out, and compare what they heard with the book."""
    if _rows_of(running, day):
        raise Failed(f"contention: the book of {day} is not empty.")
    kept, line = _Day(day), iter(waiting)
    deadline = time.perf_counter() + _PATIENCE_SECONDS
    started = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as lines:
        ended = [lines.submit(_one_line, kept, line, deadline) for _ in range(CALLERS)]
    for one in ended:
        one.result()
    if not kept.told:
        raise Failed(f"contention: nobody has booked anything; heard was {dict(kept.heard)}.")
    return _compared(kept, _rows_of(running, day), kept.last_at - started)


def _one_line(kept: _Day, line: Iterator[tuple[str, PhoneCall]], deadline: float) -> None:
    """Take one caller after the other until one hears that the day is full."""
    while True:
        with kept.lock:
            patient, call = next(line)
        if not _served(kept, patient, call, deadline):
            return


def _served(kept: _Day, patient: str, call: PhoneCall, deadline: float) -> bool:
    """Return whether the caller has got an appointment on the day, or may have; else it is full."""
    codes: list[str] = []
    while time.perf_counter() < deadline:
        if not codes:
            offered = call.use("checkAvailability", date=kept.date.isoformat(), **_WISH).say
            if "nothing open" in offered or "can't find any open times" in offered:
                return False
            codes = _CODE.findall(offered)
            if not codes:
                kept.note(patient, _outcome(offered), Heard(offered, 0))
                time.sleep(_PAUSE_SECONDS)
                continue
        heard = call.use("bookAppointment", slotCode=random.choice(codes))
        made, sent = _MADE.search(heard.say), _SENT.search(heard.say)
        if found := made or sent:
            kept.note(patient, "booked" if made else "sent", heard, found[1])
            return True
        outcome = _outcome(heard.say)
        kept.note(patient, outcome, heard)
        if outcome == "unknown":
            return True
        if outcome == "taken":
            codes = _CODE.findall(heard.say)
        else:
            time.sleep(_PAUSE_SECONDS)
    raise Failed(f"contention: {kept.date} was not full after {_PATIENCE_SECONDS:.0f} s; heard was {dict(kept.heard)}.")


def _outcome(said: str) -> str:
    """Return which refusal was heard. Raises ``Failed`` for a sentence that does not belong here."""
    outcome = next((name for words, name in _WORDS.items() if words in said), "")
    if not outcome:
        raise Failed(f"contention: an unexpected answer: {said}")
    return outcome


def _rows_of(running: Stack, day: date) -> list[Row]:
    """Return what stands in the practice's own book on a day."""
    rows = stack.sim(running.sandbox, "GET", "truth", office_id=_OFFICE)["appointments"]
    return [row for row in rows if row["date"].startswith(day.isoformat()) and row["status"] != "Cancelled"]


def _compared(kept: _Day, rows: Sequence[Row], seconds: float) -> _Figures:
    """Hold what was told against the book: a patient's appointment is found by the words for its time."""
    today = datetime.now(_WHERE).date()
    there = Counter((row["patient_id"], speech.say_when(_begins(row), today)) for row in rows)
    told = Counter(kept.told)
    overlaps = sum(_is_doubled(one, other) for one, other in combinations(rows, 2))
    return _Figures(
        per_second=len(kept.told) / seconds,
        took=kept.took,
        heard=kept.heard,
        lost=(told - there).total(),
        doubled=overlaps,
        silent=sum(count for (patient, _), count in (there - told).items() if patient not in kept.unknown),
    )


def _is_doubled(one: Row, other: Row) -> bool:
    """Return whether somebody has two appointments, or a person or a room is wanted twice at once."""
    if one["patient_id"] == other["patient_id"]:
        return True
    shared = any(one[what] == other[what] for what in ("provider_id", "operatory"))
    return shared and _begins(one) < _ends(other) and _begins(other) < _ends(one)


def _begins(row: Row) -> datetime:
    return datetime.fromisoformat(f"{row['date'][:10]}T{row['time']}")


def _ends(row: Row) -> datetime:
    return _begins(row) + timedelta(minutes=int(row["length"]))


def _table(days: Sequence[_Figures]) -> str:
    heard = sum((day.heard for day in days), Counter[str]())
    took = [ms for day in days for ms in day.took]
    zero = {
        "told to a caller and not in the practice's system": sum(day.lost for day in days),
        "a person, clinician or room booked twice": sum(day.doubled for day in days),
        "in the practice's system and not told to its caller": sum(day.silent for day in days),
    }
    rows = [
        [f"bookings, on {len(days)} days", f"{len(took)}", "", ""],
        ["bookings a second, median of the days", spread(sorted(day.per_second for day in days)), "", ""],
        ["`bookAppointment` that books, p50, ms", f"{percentile(took, 0.5):.0f}", "", ""],
        ["`bookAppointment` that books, p95, ms", f"{percentile(took, 0.95):.0f}", "", ""],
        ['heard "booked"', f"{heard['booked']}", "", ""],
        ['heard "sent, not final yet"', f"{heard['sent']}", "", ""],
        ['heard "taken", with other times', f"{heard['taken']}", "", ""],
        ['heard "very slow"', f"{heard['slow']}", "", ""],
        ['heard "still working" or "took too long"', f"{heard['busy']}", "", ""],
        ['heard "can\'t say yet"', f"{heard['unknown']}", "", ""],
        *([what, f"{count}", "0", verdict(count == 0)] for what, count in zero.items()),
    ]
    return table([f"{CALLERS} callers for one practice-day", "measured", "target", ""], rows)
