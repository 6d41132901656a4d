"""Callers: ``python -m tests.bench.load`` reads a job from standard input and writes what it measured to the output.

One process and one event loop; every caller is one kept-alive connection in one phone call, and sends its next request
when the last one is answered. Each request is signed when it is sent. The answers are looked at only as far as needed
to know that they are the right ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import resource
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

# Placed into a body once, then replaced for each request.
PLACE_OF_ID = "call_placeholder_of_24_chars"
_SETTLING_SECONDS = 0.5
_GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Caller:
    """One phone call: the body it sends, and the secret of the line that it is on."""

    body: str
    secret: str


@dataclass(frozen=True, slots=True)
class Job:
    """What to do: every caller sends to ``path`` for ``seconds``; each answer must contain ``expected``."""

    host: str
    port: int
    path: str
    expected: str
    seconds: float
    callers: list[Caller]


@dataclass(slots=True)
class Measured:
    """What came of it. ``latencies`` and ``waits`` (for the practice's system) are milliseconds, in pairs.

    They are of the answers within ``seconds``; ``answers`` are all, the first half second and the last ones too.
    ``cpu_share`` is the part of one core that this process used: near 1, it would be what is measured.
    """

    seconds: float = 0.0
    answers: int = 0
    cpu_share: float = 0.0
    latencies: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One caller's connection: one request at a time."""

    def __init__(self, job: Job, caller: Caller, measured: Measured, window: tuple[float, float]) -> None:
        self._head = f"POST {job.path} HTTP/1.1\r\nHost: {job.host}\r\nContent-Type: application/json\r\n"
        self._job = job
        self._caller = caller
        self._measured = measured
        self._from, self._until = window
        self._sent_at = 0.0
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self._measured.unexpected.append("the connection was closed")
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        headers = head.lower()
        if len(body) < int(_header(headers, b"content-length") or 0):
            return
        self._received = b""
        self._note(head, headers, body)
        if time.perf_counter() < self._until:
            self._send()
        elif self._transport is not None:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        body = self._caller.body.replace(PLACE_OF_ID, f"call_{uuid.uuid4().hex[:24]}").encode()
        timestamp = str(round(time.time() * 1000))
        # Vapi's default: the time and the body, joined by a dot.
        signature = hmac.new(self._caller.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        head = (
            f"{self._head}X-Timestamp: {timestamp}\r\nX-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._sent_at = time.perf_counter()
        if self._transport is not None:
            self._transport.write(head.encode() + body)

    def _note(self, head: bytes, headers: bytes, body: bytes) -> None:
        now = time.perf_counter()
        self._measured.answers += 1
        if b" 200 " not in head[:16] or self._job.expected.encode() not in body:
            self._measured.unexpected.append((head[:16] + body[:200]).decode(errors="replace"))
        elif self._from <= now <= self._until:
            self._measured.latencies.append((now - self._sent_at) * 1000)
            self._measured.waits.append(float(_header(headers, b"x-bench-waited") or 0))


def _header(headers: bytes, name: bytes) -> bytes:
    _, found, rest = headers.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


async def measure(job: Job) -> Measured:
    """Run the callers of a job and return what they measured, the first half second aside."""
    measured = Measured()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    window = (started + _SETTLING_SECONDS, started + job.seconds)
    cpu = _cpu_seconds()
    connections = []
    for caller in job.callers:
        connection = _Connection(job, caller, measured, window)
        await loop.create_connection(lambda made=connection: made, job.host, job.port)  # type: ignore[misc]
        connections.append(connection)
    async with asyncio.timeout(job.seconds + _GRACE_SECONDS):
        await asyncio.gather(*(connection.done for connection in connections))
    measured.cpu_share = (_cpu_seconds() - cpu) / (time.perf_counter() - started)
    measured.seconds = window[1] - window[0]
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
