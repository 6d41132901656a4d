"""How long the engine takes for a month of open times of a large practice, beside a scan that tries everything.

Pure computing in one process: no database, no server, no network. The scan is what the rules say, written down as
plainly as possible; it must find the very same times.
"""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pms  # noqa: F401  # the pinned zones
from pms.domain.localtime import to_local, wall_to_utc
from pms.domain.records import ResourceKind
from pms.management.processes import Failed
from pms.scheduling.hours import DAY_MINUTES, Window, Windows, clock, intersect
from pms.scheduling.rules import Busy, Rule, Team, resource
from pms.scheduling.slots import Opening, Slot, days_slots
from tests.bench import machine
from tests.bench.figures import TARGET_SLOPE, TARGET_SLOTS_MS, table, verdict

_WHERE = ZoneInfo("America/New_York")
_DAYS = tuple(date(2026, 10, 19) + timedelta(days=n) for n in range(30))  # the clocks change on November 1st
_NOW = datetime(2026, 10, 18, 12, tzinfo=UTC)
_RULE = Rule(duration_minutes=60, step_minutes=15)
_CLINICIANS = tuple(resource(ResourceKind.CLINICIAN, f"C{n}") for n in range(10))
_ROOMS = tuple(resource(ResourceKind.OPERATORY, f"R{n}") for n in range(10))
_PRACTICE: Windows = (Window(8 * 60, 12 * 60), Window(13 * 60, 17 * 60))
# What the clinicians say of themselves: all day, from nine on, until four, and without the lunch gap.
_OWN: tuple[Windows, ...] = (
    _PRACTICE,
    (Window(9 * 60, 12 * 60), Window(13 * 60, 17 * 60)),
    (Window(8 * 60, 12 * 60), Window(13 * 60, 16 * 60)),
    (Window(8 * 60, 17 * 60),),
)
# Everybody in every room.
_TEAMS = tuple(
    Team(frozenset((who, room)), _OWN[n % len(_OWN)], (who, room))
    for n, who in enumerate(_CLINICIANS)
    for room in _ROOMS
)
_BOOKED = 0.6  # of everybody's time, however many appointments that is
_GRID = 5
_GAP = 6  # of that grid: nobody is free for minutes here and there

ROWS = 3000
_GROWTH = (750, 1500, 3000, 6000, 12000)
_RUNS = 31


@dataclass(frozen=True, slots=True)
class _Timed:
    """What one way has found, and in how many milliseconds."""

    slots: tuple[Slot, ...]
    ms: float


def measured() -> str:
    """Return the tables. Raises ``Failed`` if the engine and the scan differ in a single time."""
    sys.stderr.write("slots: the engine\n")
    timed = _in_turns([book(rows) for rows in _GROWTH])
    sys.stderr.write("slots: the scan of every row\n")
    scanned = _timed(_scan, book(ROWS))
    if not scanned.slots or scanned.slots != timed[ROWS].slots:
        raise Failed("slots: the scan of every row finds other times than the engine.")
    return "\n\n".join([_about(), _beside(timed[ROWS], scanned), _growth(timed)])


def book(rows: int) -> list[Busy]:
    """Return a month's appointments in no order, each with a clinician and a room; nobody and no room is taken twice.

    However many there are, they fill the same share of everybody's time: more of them are shorter. Everybody spends
    half a day in one room.
    """
    random = Random(rows)
    halves = [(day, half) for day in _DAYS for half in _PRACTICE]
    busy: list[Busy] = []
    for number, (day, half) in enumerate(halves):
        for who, room in enumerate(random.sample(_ROOMS, len(_ROOMS))):
            place, places = number * len(_CLINICIANS) + who, len(halves) * len(_CLINICIANS)
            count = (place + 1) * rows // places - place * rows // places
            [own] = intersect((half,), _OWN[who % len(_OWN)])
            for visit in _visits(random, own, count):
                start, end = (_instant(day, edge) for edge in visit)
                busy.append(Busy(start, end, frozenset((_CLINICIANS[who], room))))
    random.shuffle(busy)
    return busy


def _visits(random: Random, window: Window, count: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of so many visits in a window, in minutes of the day, with gaps between some of them."""
    if not count:
        return
    units = (window.end - window.start) // _GRID
    booked = round(units * _BOOKED)
    cuts = [0, *sorted(random.sample(range(1, booked), count - 1)), booked]
    pieces = [(end - start, True) for start, end in pairwise(cuts)] + [(_GAP, False)] * ((units - booked) // _GAP)
    random.shuffle(pieces)
    start = window.start
    for length, is_visit in pieces:
        end = start + length * _GRID
        if is_visit:
            yield start, end
        start = end


def _instant(day: date, minute: int) -> datetime:
    return wall_to_utc(day, clock(minute), _WHERE).utc[0]


def _in_turns(books: Sequence[Sequence[Busy]]) -> dict[int, _Timed]:
    """Time the engine with every book in turns, because a machine is not equally fast in every second."""
    runs: list[list[float]] = [[] for _ in books]
    for _ in range(_RUNS):
        for busy, kept in zip(books, runs, strict=True):
            kept.append(_timed(_engine, busy).ms)
    return {len(busy): _Timed(_engine(busy), statistics.median(some)) for busy, some in zip(books, runs, strict=True)}


def _timed(find: Callable[[Sequence[Busy]], tuple[Slot, ...]], busy: Sequence[Busy]) -> _Timed:
    gc.collect()
    started = time.process_time()
    found = find(busy)
    return _Timed(found, (time.process_time() - started) * 1000)


def _engine(busy: Sequence[Busy]) -> tuple[Slot, ...]:
    opening = Opening(_PRACTICE, _TEAMS)
    found = days_slots(days=_DAYS, where=_WHERE, opening=lambda _: opening, busy=busy, rule=_RULE, now=_NOW)
    return tuple(slot for day in found for slot in day.slots)


def _scan(busy: Sequence[Busy]) -> tuple[Slot, ...]:
    """Try every start with every team, and look at every appointment of the month each time."""
    tried = (_tried(day, minute, busy) for day in _DAYS for minute in range(0, DAY_MINUTES, _RULE.step_minutes))
    return tuple(slot for slot in tried if slot)


def _tried(day: date, minute: int, busy: Sequence[Busy]) -> Slot | None:
    start = _instant(day, minute)
    end = start + timedelta(minutes=_RULE.duration_minutes)
    for team in _TEAMS:
        own = intersect(_PRACTICE, team.windows or _PRACTICE)
        fits = any(window.start <= minute and minute + _RULE.duration_minutes <= window.end for window in own)
        if fits and not any(row.start < end and start < row.end and row.concerns(team) for row in busy):
            return Slot(start, end, to_local(start, _WHERE), team)
    return None


def _about() -> str:
    what = f"{len(_DAYS)} days x {len(_CLINICIANS)} clinicians x {len(_ROOMS)} operatories"
    return f"{machine.facts()}: {what}, the median of {_RUNS} runs."


def _beside(engine: _Timed, scanned: _Timed) -> str:
    rows = [
        ["the engine", f"{engine.ms:.1f}", "1", verdict(engine.ms < TARGET_SLOTS_MS)],
        ["a scan of every row, once", f"{scanned.ms:.0f}", f"{scanned.ms / engine.ms:.0f}", ""],
    ]
    return table(
        [f"{ROWS} appointments, {len(engine.slots)} open times", "ms", "x", f"under {TARGET_SLOTS_MS} ms"], rows
    )


def _growth(timed: Mapping[int, _Timed]) -> str:
    numbers, took = [math.log(rows) for rows in timed], [math.log(one.ms) for one in timed.values()]
    slope = statistics.linear_regression(numbers, took).slope
    last = (took[-1] - took[-2]) / (numbers[-1] - numbers[-2])
    head = ["appointments", *map(str, timed), "exponent of growth", "of the last doubling", f"at most {TARGET_SLOPE}"]
    row = ["ms", *(f"{one.ms:.1f}" for one in timed.values()), f"{slope:.2f}", f"{last:.2f}"]
    return table(head, [[*row, verdict(max(slope, last) <= TARGET_SLOPE)]])
