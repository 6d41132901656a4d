"""Striking every fault so many times, letting the world recover, and comparing what we said and keep with the truth."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from unittest import mock

from django.core.cache import caches

from pms.services import sending
from tests.safety.attempts import Attempt, Deed
from tests.safety.faults import Fault
from tests.safety.stage import DidNotStrike, Row, Stage, is_over, own_time, places, work

# So long a caller waits for the office in the campaign, so that it ends sooner.
WAITS_SECONDS = 0.5
# More tries, or more callers, than these begin on an empty practice: every caller is somebody else.
_TOGETHER, _PATIENTS = 25, 180
_COPIED_EVERY = timedelta(minutes=10)
NEVER = timedelta(days=999)
# The worker looks after so many minutes each; what it follows, it follows for a day.
_LOOKS = (0.5, 0.5, 1, 1, 2, 5, 5, 5, 10, 10, 20, 30, 30, 60, 60, 60, 120, 120, 240, 240, 480, 480)


@dataclass
class Tally:
    """What became of all tries of one fault. ``wrongs`` says of every try that went wrong what it was."""

    name: str
    times: int = 0
    lost: int = 0
    doubled: int = 0
    untrue: int = 0
    done: int = 0
    tasks: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    ended_after: list[timedelta] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    @property
    def is_safe(self) -> bool:
        """Whether it was tried at all, and nothing was lost, doubled or said wrongly."""
        return bool(self.times) and not (self.lost or self.doubled or self.untrue)

    @property
    def median(self) -> timedelta:
        return statistics.median_low(self.ended_after) if self.ended_after else NEVER


def run(stage: Stage, fault: Fault, *, times: int, seed: int = 1) -> Tally:
    """Strike a fault ``times`` times and return what became of it. The same seed strikes at the same moments."""
    tally = Tally(fault.name)
    with own_time(stage), mock.patch.object(sending, "WAIT_FOR_WRITE_SECONDS", WAITS_SECONDS):
        together = min(_TOGETHER, _PATIENTS // fault.callers)
        for first in range(0, times, together):
            numbers = range(first, min(first + together, times))
            _strike_all(stage, fault, [Random(f"{seed}/{fault.name}/{number}") for number in numbers], tally)
    return tally


def _strike_all(stage: Stage, fault: Fault, randoms: Sequence[Random], tally: Tally) -> None:
    stage.begin()
    groups = [_attempts(stage, fault, number, random) for number, random in enumerate(randoms)]
    fault.prepare(stage)
    struck = [attempts for attempts in groups if _strike(stage, fault, attempts)]
    fault.recover(stage)
    tally.missed += len(groups) - len(struck)
    everybody = [attempt for attempts in struck for attempt in attempts]
    _come_to_an_end(stage, everybody, fault.copied_after)
    if fault.again:
        for attempt in everybody:
            caches["limits"].clear()
            attempt.ask_in_the_end()
        _come_to_an_end(stage, everybody, fault.copied_after)
    rows = stage.appointments()
    for attempts in struck:
        _judge(attempts, rows, tally)


def _attempts(stage: Stage, fault: Fault, number: int, random: Random) -> list[Attempt]:
    """Return the callers of one try, each somebody else, all for one time that nobody else wants."""
    free = places()
    where, old = free[2 * number], free[2 * number + 1]
    deed = fault.deeds[number % len(fault.deeds)]
    first = number * fault.callers
    callers = stage.patients[first : first + fault.callers]
    return [Attempt(stage, number, random, patient_id, where, old, deed) for patient_id in callers]


def _strike(stage: Stage, fault: Fault, attempts: Sequence[Attempt]) -> bool:
    """Let the fault strike one try; return whether it did."""
    caches["limits"].clear()  # no failure of another try, and none of its own calls, counts for this one
    if stage.is_up:
        stage.sim("DELETE", "requests")
    if fault.brings_a_visit and attempts[0].deed is not Deed.BOOK:
        attempts[0].has_a_visit()
    try:
        fault.strike(attempts)
    except DidNotStrike:
        return False
    for attempt in attempts:
        if attempt.heard and attempt.heard[-1].asks_for_a_moment:
            attempt.ask_again_later()
    return True


def _come_to_an_end(stage: Stage, attempts: Sequence[Attempt], copied_after: timedelta) -> None:
    """Let time pass and the worker look until nothing is left to follow; note when each wish had come to its end."""
    passed = since_copy = timedelta()
    _note_ends(stage, attempts, passed)
    for minutes in _LOOKS:
        step = timedelta(minutes=minutes)
        stage.pass_time(step)
        passed, since_copy = passed + step, since_copy + step
        if passed >= copied_after and since_copy >= _COPIED_EVERY:
            stage.sim("POST", "refresh")
            since_copy = timedelta()
        work()
        _note_ends(stage, attempts, passed)
        if is_over():
            return


def _note_ends(stage: Stage, attempts: Sequence[Attempt], passed: timedelta) -> None:
    """Note which wishes have come to their end by now, that had not before."""
    rows = stage.appointments()
    for attempt in attempts:
        if attempt.ended_after is None and attempt.standing(rows).is_ended:
            attempt.ended_after = passed


def _judge(attempts: Sequence[Attempt], rows: list[Row], tally: Tally) -> None:
    """Count one try."""
    standings = [attempt.standing(rows) for attempt in attempts]
    wrongs = [attempt.wrongs(standing) for attempt, standing in zip(attempts, standings, strict=True)]
    is_doubled = sum(standing.active for standing in standings) > 1
    tally.times += 1
    tally.lost += any(is_lost for is_lost, _ in wrongs)
    tally.untrue += any(words for _, words in wrongs)
    tally.doubled += is_doubled
    tally.done += sum(standing.is_done for standing in standings)
    tally.tasks.update(kind for attempt in attempts for kind in attempt.tasks.values_list("kind", flat=True))
    ends = [attempt.ended_after for attempt in attempts]
    tally.ended_after.append(max((end for end in ends if end is not None), default=NEVER))
    for attempt, standing, (is_lost, words) in zip(attempts, standings, wrongs, strict=True):
        if is_lost or words or is_doubled:
            tally.wrongs.append(f"try {attempt.number}: {standing}, {attempt.told()}")
