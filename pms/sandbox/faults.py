"""Faults that a test or a demo has asked for: the next answers that go wrong, and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Self, TypeVar

from .errors import CODES, body
from .message import Answer, Request, as_json

KINDS = ("status", "text", "html", "timeout", "drop")
DEFAULT_HOLD = 30.0
LONGEST_SECONDS = 10**9


def seconds(value: Any) -> float:
    """Seconds out of a command; ValueError if they are negative."""
    number = float(value)
    if not 0 <= number < LONGEST_SECONDS:
        raise ValueError("seconds must not be negative")
    return number


@dataclass(kw_only=True)
class Turns:
    """How often something shall happen, and how often not before that."""

    times: int
    skip: int

    @staticmethod
    def read(asked: Mapping[str, Any]) -> dict[str, Any]:
        """The values of this class, out of a command; ValueError says what is wrong with them."""
        times, skip = int(asked.get("times", 1)), int(asked.get("skip", 0))
        if times < 1 or skip < 0:
            raise ValueError("times must be at least 1, skip must not be negative")
        return {"times": times, "skip": skip}


@dataclass(kw_only=True)
class Aim(Turns):
    """Requests with this `method` and `path`: "" for all, or a pattern such as /v4/appointments/*."""

    path: str
    method: str

    @staticmethod
    def read(asked: Mapping[str, Any]) -> dict[str, Any]:
        """The values of this class, out of a command."""
        path, method = str(asked.get("path", "")), str(asked.get("method", "")).upper()
        return {**Turns.read(asked), "path": path, "method": method}

    def matches(self, request: Request) -> bool:
        """Whether this request is one of them."""
        return self.method in ("", request.method) and (not self.path or fnmatchcase(request.path, self.path))


@dataclass(kw_only=True)
class Fault(Aim):
    """A request fails; it is not carried out.

    kind: status = the JSON body of `error_code`; text, html = a page that is not JSON; timeout = silence for `hold`
    seconds, then the connection closes; drop = the connection closes at once. `retry_after` is for Vapi alone.
    """

    kind: str
    status: int
    error_code: str
    hold: float
    retry_after: int = 0

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Self:
        """Read the body of POST /_sim/fail; ValueError says what is wrong with it."""
        kind = str(asked.get("kind", "status"))
        error_code = str(asked.get("error_code", ""))
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if error_code and error_code not in CODES:
            raise ValueError("unknown error_code")
        default = CODES[error_code].status if error_code else 500
        status, hold = int(asked.get("status", default)), seconds(asked.get("hold_seconds", DEFAULT_HOLD))
        retry_after = int(asked.get("retry_after", 0))
        return cls(
            **cls.read(asked), kind=kind, status=status, error_code=error_code, hold=hold, retry_after=retry_after
        )

    def answer(self) -> Answer:
        """The broken answer of the kinds status, text and html."""
        if self.kind == "text":
            return Answer(self.status, b"The service is unavailable.", "text/plain; charset=utf-8")
        if self.kind == "html":
            return Answer(self.status, b"<html><body><h1>Bad Gateway</h1></body></html>", "text/html; charset=utf-8")
        flat = body(self.error_code or ("" if self.status == 429 else "API2001"))
        return as_json({**flat, "http_code": str(self.status)}, self.status)


@dataclass(kw_only=True)
class Loss(Aim):
    """A request is carried out and its answer never arrives: silence for `hold` seconds, then the connection closes.

    Without path and method that is the next request that writes, else any that is not refused.
    """

    hold: float

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Self:
        """Read the body of POST /_sim/lose_answer; ValueError says what is wrong with it."""
        return cls(**cls.read(asked), hold=seconds(asked.get("hold_seconds", 0)))

    def hits(self, request: Request, *, writes: bool) -> bool:
        """Whether this request, which was carried out, is one of them."""
        return self.matches(request) and (writes or bool(self.path or self.method))


@dataclass(kw_only=True)
class Failure(Turns):
    """The office's computer fails at a write-back, with the text `result`: at any, or at one of `method` and `api`."""

    result: str
    method: str
    api: str

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Self:
        """Read the body of POST /_sim/fail_write; ValueError says what is wrong with it."""
        method, api = str(asked.get("method", "")).upper(), str(asked.get("api", ""))
        return cls(**cls.read(asked), result=str(asked.get("result", "Writeback failed")), method=method, api=api)

    def matches(self, method: str, api: str) -> bool:
        """Whether a write-back, by its method and its name in /writebacks, is one of them."""
        return self.method in ("", method) and self.api in ("", api)


_Kind = TypeVar("_Kind", bound=Turns)


@dataclass
class Faults:
    """All faults that are still to come, and the latency. Seconds; `latency_path` "" means every path."""

    latency: float = 0.0
    latency_path: str = ""
    queue: list[Fault] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def take(self, request: Request) -> Fault | None:
        """The fault that hits this request, used up once."""
        return _taken(self.queue, lambda fault: fault.matches(request))

    def take_loss(self, request: Request, *, writes: bool) -> Loss | None:
        """How the answer to this request, which was carried out, is lost, if it shall be."""
        return _taken(self.losses, lambda loss: loss.hits(request, writes=writes))

    def take_failure(self, method: str, api: str) -> str | None:
        """The text with which this write-back fails, if it shall."""
        failure = _taken(self.failures, lambda failure: failure.matches(method, api))
        return failure.result if failure else None

    def delay(self, request: Request) -> float:
        """Seconds to wait before answering."""
        return self.latency if not self.latency_path or fnmatchcase(request.path, self.latency_path) else 0.0


def _taken(faults: list[_Kind], is_due: Callable[[_Kind], bool]) -> _Kind | None:
    """The first due one, removed after its last time; one that still skips leaves this turn to the next."""
    for fault in filter(is_due, faults):
        if fault.skip:
            fault.skip -= 1
            continue
        fault.times -= 1
        if not fault.times:
            faults.remove(fault)
        return fault
    return None
