"""What other practices' callers notice of one practice whose system takes ten seconds while 200 people call it.

Callers pause between two tool calls, because a person speaks in between. Other practices' callers are measured alone,
and beside the slow practice, in turns. Each turn has a slow practice of its own: it begins with a closed circuit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pms.management.processes import Failed
from tests.bench import machine, stack
from tests.bench.figures import (
    TARGET_BESIDE_SLOW,
    TARGET_CROWDED_MS,
    percentile,
    table,
    verdict,
)
from tests.bench.load import Caller, Job, Measured, called
from tests.bench.phone import WEBHOOK, body_of
from tests.bench.stack import Stack

PRACTICES = 10
OTHERS = 30
CALLERS = 200
LATENCY_SECONDS = 10
# The agent takes as long to say its sentence as the caller to answer.
_PAUSE_SECONDS = 10.0  # of the slow practice's callers
_OTHERS_PAUSE_SECONDS = 2.0
_ROUNDS = 3
# A call that found a place is given up after eight seconds: so long the circuit is closed, and then it is open.
_SECONDS = 14.0
_WARM_SECONDS = 5.0

# Other practices' callers use both in turns; what they hear tells which it was.
_TOOLS = {"checkAvailability": "I can offer", "takeMessage": "I have left that message"}
_VERY_SLOW, _OUT_OF_REACH = range(2)
_REFUSALS = ["very slow right now", "can't reach the practice's system right now"]


class _Heard:
    """What some callers have heard, over all turns, and how many cores Parlae's servers used meanwhile."""

    def __init__(self) -> None:
        self.turns: list[Measured] = []
        self.cores: list[float] = []

    def ms(self, heard: int, *, asked: bool | None = None) -> list[float]:
        """Return how long it took to hear this; ``asked`` or not: only where the practice's system was, or was not."""
        return [
            ms
            for turn in self.turns
            for ms, waited, number in turn.samples()
            if number == heard and asked in (None, waited > 0)
        ]

    def first(self, heard: int) -> list[float]:
        """Return after how many seconds this was heard for the first time, of the turns in which it was."""
        turns = (
            [at for at, number in zip(turn.moments, turn.heard, strict=True) if number == heard] for turn in self.turns
        )
        return [min(moments) for moments in turns if moments]


def measured(python: str) -> str:
    """Return the tables, measured on a server that runs on ``python``."""
    with (
        stack.database_and_cache() as services,
        stack.running(services, practices=PRACTICES, slow_practices=_ROUNDS + 1, python=python) as running,
    ):
        _tell("warming up")
        _others(running, _WARM_SECONDS, pause=0.0)  # every thread has been at work then
        for line in running.slow_lines:
            _at_slow_practice(running, line, callers=2, pause=0.0, expected=[_TOOLS["checkAvailability"]], seconds=1.0)
        stack.sim(running.slow_sandbox, "POST", "config", latency=LATENCY_SECONDS)
        idle, beside, slow = _Heard(), _Heard(), _Heard()
        for number, line in enumerate(running.slow_lines[:_ROUNDS]):
            _tell(f"round {number + 1} of {_ROUNDS}")
            with _metered(idle.cores):
                idle.turns.append(_others(running, _SECONDS))
            _beside(running, line, _PAUSE_SECONDS, beside, slow)
        _tell("beside callers who do not pause")
        harder, restless = _Heard(), _Heard()
        _beside(running, running.slow_lines[_ROUNDS], 0.0, harder, restless)
        client = max(turn.cpu_share for some in (idle, beside, slow) for turn in some.turns)
        about = (
            f"{machine.facts()}, {running.database_version}. A process of callers used at most {client:.0%} of a core."
        )
    notes = f"{_opened(slow)} {_used(idle, beside, harder)}"
    return "\n\n".join([about, _noticed(idle, beside, harder), _answered(slow, restless), notes])


def _beside(running: Stack, line: Mapping[str, Any], pause: float, others: _Heard, slow: _Heard) -> None:
    """Let both kinds of callers call at the same time."""
    with _metered(others.cores), ThreadPoolExecutor(2) as both:
        at_slow = both.submit(
            _at_slow_practice, running, line, callers=CALLERS, pause=pause, expected=_REFUSALS, seconds=_SECONDS
        )
        elsewhere = both.submit(_others, running, _SECONDS)
    others.turns.append(elsewhere.result())
    slow.turns.append(at_slow.result())


@contextmanager
def _metered(cores: list[float]) -> Iterator[None]:
    """Note how many cores web server, database and cache use on average until the block ends."""
    started, before = time.monotonic(), machine.cpu_seconds(stack.PARTS)
    yield
    used = sum(machine.cpu_seconds(stack.PARTS).values()) - sum(before.values())
    cores.append(used / (time.monotonic() - started))


def _others(running: Stack, seconds: float, pause: float = _OTHERS_PAUSE_SECONDS) -> Measured:
    """Let callers of all other practices use both tools in turns."""
    times, message = _times(), {"message": "Please call me back about my crown.", "callerName": "Cora Whitfield"}
    callers = []
    for number in range(OTHERS):
        line = running.lines[number % PRACTICES]
        bodies = [body_of(line, "checkAvailability", times), body_of(line, "takeMessage", message)]
        turn = number // PRACTICES % len(bodies)
        callers.append(Caller(bodies[turn:] + bodies[:turn], line["secret"]))
    expected = list(_TOOLS.values())
    return called(_job(running, callers, expected, seconds, pause), "Other practices")


def _at_slow_practice(
    running: Stack, line: Mapping[str, Any], *, callers: int, pause: float, expected: list[str], seconds: float
) -> Measured:
    """Let callers of one practice ask for open times."""
    calling = [Caller([body_of(line, "checkAvailability", _times())], line["secret"]) for _ in range(callers)]
    return called(_job(running, calling, expected, seconds, pause), "The slow practice")


def _job(running: Stack, callers: list[Caller], expected: list[str], seconds: float, pause: float) -> Job:
    return Job("127.0.0.1", running.port, WEBHOOK, expected, seconds, callers, pause)


def _times() -> dict[str, str]:
    day = datetime.now(UTC).date() + timedelta(days=8)
    return {"date": day.isoformat(), "appointmentType": "cleaning"}


def _noticed(idle: _Heard, beside: _Heard, harder: _Heard) -> str:
    """Return how long other practices' callers wait: alone, beside the slow practice, and beside restless callers."""
    rows = []
    for number, tool in enumerate(_TOOLS):
        alone, near, worst = (_required(one.ms(number), tool) for one in (idle, beside, harder))
        ratio = percentile(near, 0.99) / percentile(alone, 0.99)
        cells = [f"{percentile(some, share):.0f}" for share in (0.5, 0.99) for some in (alone, near)]
        harder_ratio = percentile(worst, 0.99) / percentile(alone, 0.99)
        rows.append(
            [tool, f"{len(near)}", *cells, f"{ratio:.2f}", verdict(ratio <= TARGET_BESIDE_SLOW), f"{harder_ratio:.1f}"]
        )
    head = [
        "other practices, ms",
        "calls",
        "p50 alone",
        "p50 beside",
        "p99 alone",
        "p99 beside",
        "x p99",
        f"at most x {TARGET_BESIDE_SLOW:.0f}",
        "x p99, nobody pauses",
    ]
    return table(head, rows)


def _answered(slow: _Heard, restless: _Heard) -> str:
    """Return what the slow practice's callers hear, and after how long."""
    kinds = [
        ("asked the system in vain", _VERY_SLOW, True, None),
        ('found no place, heard "very slow"', _VERY_SLOW, False, TARGET_CROWDED_MS),
        ('circuit open, heard "can\'t reach"', _OUT_OF_REACH, False, None),
    ]
    rows = []
    for title, heard, asked, target in kinds:
        some, more = (_required(one.ms(heard, asked=asked), title) for one in (slow, restless))
        p99 = percentile(some, 0.99)
        aim = [f"{target}", verdict(p99 <= target)] if target else ["", ""]
        rows.append(
            [title, f"{len(some)}", f"{percentile(some, 0.5):.0f}", f"{p99:.0f}", *aim, f"{percentile(more, 0.99):.0f}"]
        )
    head = [f"{CALLERS} callers of the slow practice", "calls", "p50 ms", "p99 ms", "target", "", "p99, nobody pauses"]
    return table(head, rows)


def _opened(slow: _Heard) -> str:
    opened = _required(slow.first(_OUT_OF_REACH), "circuit open")
    return f"The circuit was open after {min(opened):.1f} to {max(opened):.1f} s, in {len(opened)} of {_ROUNDS} turns."


def _used(idle: _Heard, beside: _Heard, harder: _Heard) -> str:
    alone, near, worst = (percentile(some.cores, 0.5) for some in (idle, beside, harder))
    return (
        f"Web server, database and cache used {alone:.2f} cores alone, {near:.2f} beside, {worst:.2f} if nobody pauses."
    )


def _required(measured: list[float], what: str) -> list[float]:
    if not measured:
        raise Failed(f"slow: nothing was measured of: {what}.")
    return measured


def _tell(what: str) -> None:
    sys.stderr.write(f"slow: {what}\n")
