"""Faults that a test or a demo has asked for: the next answers that go wrong, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .errors import CODES, body
from .message import Answer, Request, as_json

KINDS = ("status", "text", "html", "timeout", "drop")
DEFAULT_HOLD = 30.0


@dataclass
class Fault:
    """The next `times` requests that match `method` and `path` ("" or a pattern such as /v4/appointments/*) fail.

    kind: status = the JSON body of `error_code`; text, html = a page that is not JSON; timeout = silence for `hold`
    seconds, then the connection closes; drop = the connection closes at once. The request itself is not carried out.
    """

    kind: str
    times: int
    path: str
    method: str
    status: int
    error_code: str
    hold: float

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> "Fault":
        """Read the body of POST /_sim/fail; ValueError says what is wrong with it."""
        kind = str(asked.get("kind", "status"))
        error_code = str(asked.get("error_code", ""))
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if error_code and error_code not in CODES:
            raise ValueError("unknown error_code")
        default = CODES[error_code].status if error_code else 500
        return cls(
            kind,
            int(asked.get("times", 1)),
            str(asked.get("path", "")),
            str(asked.get("method", "")).upper(),
            int(asked.get("status", default)),
            error_code,
            float(asked.get("hold_seconds", DEFAULT_HOLD)),
        )

    def matches(self, request: Request) -> bool:
        """Whether this request is one of them."""
        return (
            self.times > 0
            and (not self.method or self.method == request.method)
            and (not self.path or fnmatchcase(request.path, self.path))
        )

    def answer(self) -> Answer:
        """The broken answer of the kinds status, text and html."""
        if self.kind == "text":
            return Answer(self.status, b"The service is unavailable.", "text/plain; charset=utf-8")
        if self.kind == "html":
            return Answer(self.status, b"<html><body><h1>Bad Gateway</h1></body></html>", "text/html; charset=utf-8")
        flat = body(self.error_code or ("" if self.status == 429 else "API2001"))
        return as_json({**flat, "http_code": str(self.status)}, self.status)


@dataclass
class Faults:
    """All faults that are still to come, and the latency. Seconds; `latency_path` "" means every path."""

    latency: float = 0.0
    latency_path: str = ""
    queue: list[Fault] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    answers_to_lose: int = 0
    lost_hold: float = 0.0

    def take(self, request: Request) -> Fault | None:
        """The fault that hits this request, used up once."""
        fault = next((one for one in self.queue if one.matches(request)), None)
        if fault:
            fault.times -= 1
            self.queue = [one for one in self.queue if one.times > 0]
        return fault

    def take_failure(self) -> str | None:
        """The text with which the next write-back fails, if it shall."""
        return self.failures.pop(0) if self.failures else None

    def take_lost_answer(self) -> bool:
        """Whether the answer of this accepted write shall be lost."""
        if self.answers_to_lose <= 0:
            return False
        self.answers_to_lose -= 1
        return True

    def delay(self, request: Request) -> float:
        """Seconds to wait before answering."""
        return self.latency if not self.latency_path or fnmatchcase(request.path, self.latency_path) else 0.0
