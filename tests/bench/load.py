"""Callers: ``python -m tests.bench.load`` reads a job from standard input and writes what it measured to the output.

One process and one event loop. A caller is one phone call: it sends its next request when the last one is answered, at
once on a kept-alive connection or, if it thinks in between, some seconds later on a new one. Each request is signed
when it is sent. The answers are looked at only as far as needed to know which of the expected ones they are.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pms.management.processes import Failed
from tests.bench.phone import named, signed

_ROOT = Path(__file__).resolve().parents[2]
_SETTLING_SECONDS = 0.5
_GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Caller:
    """One phone call: the bodies it sends in turns, and the secret of the line that it is on."""

    bodies: list[str]
    secret: str


@dataclass(frozen=True, slots=True)
class Job:
    """What to do: every caller sends to ``path`` for ``seconds``; each answer must contain one of ``expected``.

    ``think_seconds`` pass on average between an answer and the caller's next request, half to one and a half of them.
    """

    host: str
    port: int
    path: str
    expected: list[str]
    seconds: float
    callers: list[Caller]
    think_seconds: float = 0.0


@dataclass(slots=True)
class Measured:
    """What came of it. ``latencies`` and ``waits`` (for the practice's system) are milliseconds.

    They are of the answers within ``seconds``; each has the number of the expected text that was ``heard``, and its
    moment, in seconds since the start. ``answers`` are all, the first half second and the last ones too. ``cpu_share``
    is the part of one core that this process used: near 1, it would be what is measured.
    """

    seconds: float = 0.0
    answers: int = 0
    cpu_share: float = 0.0
    latencies: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def samples(self) -> Iterator[tuple[float, float, int]]:
        """Yield latency, wait and what was heard of every answer."""
        return zip(self.latencies, self.waits, self.heard, strict=True)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer as it came, and when."""

    head: bytes
    body: bytes
    at: float


class _Conversation(asyncio.Protocol):
    """One caller: one request at a time."""

    def __init__(self, job: Job, caller: Caller, measured: Measured, started: float) -> None:
        self._head = f"POST {job.path} HTTP/1.1\r\nHost: {job.host}\r\nContent-Type: application/json\r\n"
        self._head += "Connection: close\r\n" if job.think_seconds else ""
        self._job = job
        self._caller = caller
        self._measured = measured
        self._started = started
        self._asked = 0
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Ask until the time is over. The first time comes at any moment of a pause: callers do not call at once."""
        until, think = self._started + self._job.seconds, self._job.think_seconds
        pause = random.uniform(0, think)
        try:
            while time.perf_counter() + pause < until:
                await asyncio.sleep(pause)
                await self._ask()
                pause = think * random.uniform(0.5, 1.5)
        except OSError as error:
            self._measured.unexpected.append(f"the connection failed: {type(error).__name__}")
        finally:
            self._hang_up()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= int(_header(head.lower(), b"content-length") or 0):
            self._received = b""
            self._answer.set_result(_Answer(head, body, time.perf_counter()))

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        sent_at = time.perf_counter()
        if self._transport is None:
            await loop.create_connection(lambda: self, self._job.host, self._job.port)
        self._answer = loop.create_future()
        body = named(self._caller.bodies[self._asked % len(self._caller.bodies)])
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed(self._caller.secret, body).items())
        self._asked += 1
        if self._transport is not None:
            self._transport.write(f"{self._head}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self._answer
        self._note(answer, sent_at)
        if self._job.think_seconds:
            self._hang_up()

    def _note(self, answer: _Answer, sent_at: float) -> None:
        measured, moment = self._measured, answer.at - self._started
        measured.answers += 1
        heard = next((n for n, text in enumerate(self._job.expected) if text.encode() in answer.body), None)
        if b" 200 " not in answer.head[:16] or heard is None:
            measured.unexpected.append((answer.head[:16] + answer.body[:200]).decode(errors="replace"))
        elif _SETTLING_SECONDS <= moment <= self._job.seconds:
            measured.latencies.append((answer.at - sent_at) * 1000)
            measured.waits.append(float(_header(answer.head.lower(), b"x-bench-waited") or 0))
            measured.heard.append(heard)
            measured.moments.append(moment)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._transport = None


def _header(headers: bytes, name: bytes) -> bytes:
    _, found, rest = headers.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


async def measure(job: Job) -> Measured:
    """Run the callers of a job and return what they measured, the first half second aside."""
    measured = Measured(seconds=job.seconds - _SETTLING_SECONDS)
    started, cpu = time.perf_counter(), _cpu_seconds()
    conversations = [_Conversation(job, caller, measured, started) for caller in job.callers]
    async with asyncio.timeout(job.seconds + _GRACE_SECONDS):
        await asyncio.gather(*(one.run() for one in conversations))
    measured.cpu_share = (_cpu_seconds() - cpu) / (time.perf_counter() - started)
    return measured


def called(job: Job, title: str) -> Measured:
    """Run the callers in a process of their own. Raises ``Failed`` if one got another answer than it should."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(job)),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"The callers failed: {done.stderr.strip()[-500:]}")
    measured = Measured(**json.loads(done.stdout))
    if measured.unexpected:
        raise Failed(f"{title}: {len(measured.unexpected)} wrong answers, such as: {measured.unexpected[0]}")
    return measured


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    asked = json.load(sys.stdin)
    job = Job(**{**asked, "callers": [Caller(**caller) for caller in asked["callers"]]})
    json.dump(asdict(asyncio.run(measure(job))), sys.stdout)


if __name__ == "__main__":
    main()
