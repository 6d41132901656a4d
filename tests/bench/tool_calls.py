"""What a tool call costs, beside a bare endpoint on the same server.

Every scenario is compared with the bare endpoint in turns of a few seconds, because a machine is faster in one minute
than in the next: the ratios hold, the absolute figures are this machine's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pms.management.processes import Failed
from tests.bench import machine, stack
from tests.bench.figures import (
    TARGET_MEMORY_MB,
    TARGET_P50,
    TARGET_START_SECONDS,
    TARGET_THROUGHPUT,
    Compared,
    Round,
    percentile,
    spread,
    table,
    verdict,
)
from tests.bench.load import Caller, Job, Measured, called
from tests.bench.phone import WEBHOOK, body_of
from tests.bench.stack import Stack

PRACTICES = 10
CALLERS = 50
_ROUNDS = 3
_WARM_SECONDS = 3.0
_BARE_SECONDS = 2.5
_SECONDS = 3.5
_STARTS = 5
# Ten tool calls in a second of one caller tell enough.
_ONE_CALLER_SECONDS = 2.5

_BARE = "/bench/bare"
_VERY_SLOW = "very slow right now"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One tool, and what its answer must contain; where it asks the PMS, too many callers at once may hear so."""

    title: str
    tool: str
    arguments: Mapping[str, str]
    expected: str
    path: str = WEBHOOK
    asks_pms: bool = False


def scenarios(day: date) -> list[Scenario]:
    """Return what is measured."""
    message = {"message": "Please call me back about my crown.", "callerName": "Cora Whitfield"}
    times = {"date": day.isoformat(), "appointmentType": "cleaning"}
    return [
        Scenario("takeMessage", "takeMessage", message, "I have left that message"),
        Scenario("findPatient, date of birth missing", "findPatient", {"firstName": "Cora"}, "I still need"),
        Scenario("checkAvailability", "checkAvailability", times, "I can offer", asks_pms=True),
    ]


def bare(tool: str, arguments: Mapping[str, str]) -> Scenario:
    """Return the yardstick: the same request, to the bare endpoint."""
    return Scenario("bare endpoint", tool, arguments, '"received"', path=_BARE)


def measured(python: str) -> str:
    """Return the tables, measured on a server that runs on ``python``."""
    day = datetime.now(UTC).date() + timedelta(days=8)
    with stack.database_and_cache() as services:
        with stack.running(services, practices=PRACTICES, python=python) as running:
            _tell("warming up")
            for scenario in scenarios(day):
                _called(running, scenario, CALLERS, _WARM_SECONDS)
            crowd = _compared(running, day, callers=CALLERS, seconds=(_BARE_SECONDS, _SECONDS), rounds=_ROUNDS)
            alone = _compared(running, day, callers=1, seconds=(_ONE_CALLER_SECONDS,) * 2, rounds=1)
            memory = [machine.memory_mb(worker.pid) for worker in stack.web_workers()]
            version = running.database_version
        _tell("cold starts")
        starts = sorted(stack.cold_start(services, python) for _ in range(_STARTS))
    return "\n\n".join([_about(version), _speed(crowd), _added(crowd, alone), _cpu(crowd), _size(memory, starts)])


def _compared(running: Stack, day: date, *, callers: int, seconds: tuple[float, float], rounds: int) -> list[Compared]:
    compared = [Compared(scenario.title, []) for scenario in scenarios(day)]
    for number in range(rounds):
        for scenario, kept in zip(scenarios(day), compared, strict=True):
            _tell(f"{callers} callers, round {number + 1} of {rounds}: {scenario.title}")
            yardstick = _round(running, bare(scenario.tool, scenario.arguments), callers, seconds[0])
            kept.rounds.append((_round(running, scenario, callers, seconds[1]), yardstick))
    return compared


def _round(running: Stack, scenario: Scenario, callers: int, seconds: float) -> Round:
    """Let the callers call for a while, and return the figures of it."""
    before = machine.cpu_seconds(stack.PARTS)
    measured = _called(running, scenario, callers, seconds)
    after = machine.cpu_seconds(stack.PARTS)
    whole = [(ms, wait) for ms, wait, heard in measured.samples() if heard == 0]
    if not whole:
        raise Failed(f"{scenario.title}: no answer within {seconds} seconds.")
    return Round(
        per_second=len(whole) / measured.seconds,
        p50=percentile([ms for ms, _ in whole], 0.5),
        p95=percentile([ms for ms, _ in whole], 0.95),
        added=percentile([ms - wait for ms, wait in whole], 0.5),
        waited=percentile([wait for _, wait in whole], 0.5),
        refused=1 - len(whole) / len(measured.latencies),
        cpu={part: (after[part] - before[part]) * 1000 / measured.answers for part in stack.PARTS},
        client_share=measured.cpu_share,
    )


def _called(running: Stack, scenario: Scenario, callers: int, seconds: float) -> Measured:
    lines = [running.lines[number % PRACTICES] for number in range(callers)]
    secrets = [running.secret if scenario.path == _BARE else line["secret"] for line in lines]
    job = Job(
        host="127.0.0.1",
        port=running.port,
        path=scenario.path,
        expected=[scenario.expected, *([_VERY_SLOW] if scenario.asks_pms else [])],
        seconds=seconds,
        callers=[
            Caller([body_of(line, scenario.tool, scenario.arguments)], secret)
            for line, secret in zip(lines, secrets, strict=True)
        ],
    )
    return called(job, scenario.title)


def _about(version: str) -> str:
    command = stack.command(sys.executable, "parlae.wsgi", 0)
    options = " ".join(option for option in command if re.match("--(workers|threads)", option))
    return f"{machine.facts()}, {version}, Redis; gunicorn {options}."


def _speed(crowd: list[Compared]) -> str:
    """Return requests a second and latencies at many callers, beside the bare endpoint."""
    yardsticks = [bare for one in crowd for _, bare in one.rounds]
    rows = [
        [
            "bare endpoint",
            f"{percentile([one.per_second for one in yardsticks], 0.5):.0f}",
            "1",
            f"{percentile([one.p50 for one in yardsticks], 0.5):.0f}",
            "1",
            f"{percentile([one.p95 for one in yardsticks], 0.5):.0f}",
            "",
            "",
        ]
    ]
    for one in crowd:
        throughput, p50 = one.ratios("per_second"), one.ratios("p50")
        is_met = percentile(throughput, 0.5) >= TARGET_THROUGHPUT and percentile(p50, 0.5) <= TARGET_P50
        rows.append(
            [
                one.title,
                f"{one.median('per_second'):.0f}",
                spread(throughput),
                f"{one.median('p50'):.0f}",
                spread(p50),
                f"{one.median('p95'):.0f}",
                f"{one.median('refused'):.1%}",
                verdict(is_met),
            ]
        )
    head = [
        "50 callers",
        "requests/s",
        "x bare",
        "p50 ms",
        "x bare",
        "p95 ms",
        'heard "very slow"',
        f"at least x {TARGET_THROUGHPUT}, at most x {TARGET_P50:.0f}",
    ]
    return table(head, rows)


def _added(crowd: list[Compared], alone: list[Compared]) -> str:
    """Return how much of a tool call is waiting for the PMS, and how much is Parlae."""
    rows = [
        [
            one.title,
            *(f"{value:.1f}" for value in (one.median("p50"), one.median("waited"), one.median("added"))),
            f"{many.median('added'):.0f}",
        ]
        for one, many in zip(alone, crowd, strict=True)
    ]
    bare_p50 = percentile([bare.p50 for one in alone for _, bare in one.rounds], 0.5)
    rows.insert(0, ["bare endpoint", f"{bare_p50:.1f}", "0.0", f"{bare_p50:.1f}", ""])
    return table(
        ["1 caller, p50 in ms", "whole", "waiting for the PMS", "added by Parlae", "added at 50 callers"], rows
    )


def _cpu(crowd: list[Compared]) -> str:
    """Return what one request costs in CPU time, which depends less on who else uses the machine."""
    yardsticks = [bare for one in crowd for _, bare in one.rounds]
    rows = [["bare endpoint", *(f"{percentile([b.cpu[p] for b in yardsticks], 0.5):.1f}" for p in stack.PARTS), "1"]]
    rows += [[one.title, *(f"{ms:.1f}" for ms in one.cpu().values()), f"{one.cpu_ratio():.1f}"] for one in crowd]
    client = max(own.client_share for one in crowd for pair in one.rounds for own in pair)
    note = f"The callers' own process used at most {client:.0%} of one core."
    return table(["CPU ms a request, 50 callers", *stack.PARTS, "x bare"], rows) + f"\n\n{note}"


def _size(memory: list[tuple[float, float]], starts: list[float]) -> str:
    """Return the memory of the web workers after all that, and the time that a start takes."""
    rss = max(resident for resident, _ in memory)
    start = percentile(starts, 0.5)
    rows = [
        [
            "memory of a web worker after the load, RSS (PSS), MB",
            ", ".join(f"{resident:.0f} ({proportional:.0f})" for resident, proportional in memory),
            f"{TARGET_MEMORY_MB}",
            verdict(rss <= TARGET_MEMORY_MB),
        ],
        [
            f"cold start to the first answer, s, median of {len(starts)}",
            f"{start:.2f} ({starts[0]:.2f}-{starts[-1]:.2f})",
            f"{TARGET_START_SECONDS:.0f}",
            verdict(start <= TARGET_START_SECONDS),
        ],
    ]
    return table(["", "measured", "target", ""], rows)


def _tell(what: str) -> None:
    sys.stderr.write(f"tools: {what}\n")
