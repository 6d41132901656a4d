"""What may be logged: an allow-list of keys, and of the characters that their values may have.

A list of what to hide always misses something, so everything is hidden that is not named here. Values are checked as
well, because an allowed key may be given the wrong thing by mistake: a phone number or an e-mail address does not pass
as a code. Messages of exceptions never pass; their class and their frames do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from traceback import walk_tb
from types import FrameType

REDACTED = "[redacted]"
MAX_ITEMS = 60
MAX_NUMBER = 10**9
PATH_PARTS = 3

# Our own identifiers and the vendors' opaque ones; they may hold long runs of digits.
_ID_KEYS = frozenset(
    {
        "request_id", "account_id", "user_id", "integration_id", "line_id", "credential_id", "call_id", "tool_call_id",
        "booking_id", "write_id", "task_id", "audit_id", "event_id", "job_id", "key_id", "reference", "idempotency_key",
    }
)  # fmt: skip

ALLOWED_KEYS = _ID_KEYS | frozenset(
    {
        # The line itself: what structlog and logging add, and the fixed text of the event.
        "event", "level", "logger", "timestamp", "pid", "thread", "version",
        # What was asked: the route's pattern (never the path), the method, the tool, the kind of message.
        "method", "route", "tool", "message_type", "face", "feature", "scheme", "role", "action",
        # Which part did it: names from our own code and settings.
        "provider", "operation", "capability", "job", "queue", "backend", "database", "cache", "command", "migration",
        # How it ended: codes from our own tables, states, and the vendor's status number.
        "code", "status", "status_code", "upstream_status", "upstream_code", "outcome", "state", "from_state",
        "to_state", "reason", "flags", "success", "retryable",
        # How much and how long: counts, milliseconds, seconds.
        "count", "calls", "rows", "attempts", "attempt", "size_bytes", "duration_ms", "upstream_ms", "wait_ms",
        "budget_left_ms", "retry_after_seconds", "age_seconds", "lag_seconds", "limit", "seq", "due", "done", "failed",
        # What broke: class names and frames, without messages and without source text.
        "exception", "cause", "stack",
    }
)  # fmt: skip

_CODE = re.compile(r"[A-Za-z0-9_.:/<>{}\-\[\],]{0,200}")
# Fixed sentences of our own and frames also have spaces; URL patterns may be regular expressions.
_SPACED = re.compile(r"[A-Za-z0-9_.:/<>{}\-\[\], ]{0,200}")
_ROUTE = re.compile(r"[A-Za-z0-9_.:/<>{}\-\[\]()?^$+*|\\]{0,200}")
_PATTERNS = {"event": _SPACED, "stack": _SPACED, "thread": _SPACED, "route": _ROUTE}
# Seven digits in a row, or in the groups of a phone number, or a bare date such as a date of birth: no code, pattern
# or time stamp of ours has them.
_PERSONAL = re.compile(r"\d{7}|\d{3}[-. ]\d{4}(?!\d)|\d{3}[-. ]\d{3}[-. ]\d{4}|\d{4}-\d{2}-\d{2}(?![\dT])")
_ID = re.compile(r"[A-Za-z0-9_:.\-]{0,100}")
# A telephone number written as an identifier is still a telephone number.
_ONLY_DIGITS = re.compile(r"[\d.\-]{7,}")


def allowed(event: Mapping[str, object]) -> dict[str, object]:
    """Return what of a log event may be written: named keys only, each value plain and checked.

    Numbers, booleans and ``None`` pass; text passes if it looks like a code, an id or a pattern; lists are checked item
    by item. Everything else becomes `REDACTED`, so that a mistake is seen without its content.
    """
    return {key: _value(key, value) for key, value in event.items() if key in ALLOWED_KEYS}


def exception_name(error: BaseException) -> str:
    """Return the class of an exception with its module, without its message."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def stack_of(error: BaseException) -> list[str]:
    """Return the frames of an exception as ``file:line:function``, the outermost first, then those of its causes.

    A cause is introduced by its class name. Neither messages nor source text nor values of variables appear.
    """
    lines: list[str] = []
    for link in _chain(error):
        lines += [f"caused by {exception_name(link)}"] if lines or link is not error else []
        lines += [_frame(frame, number) for frame, number in walk_tb(link.__traceback__)]
    return lines[:MAX_ITEMS]


def _value(key: str, value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(key, item) for item in value[:MAX_ITEMS]]
    return _plain(key, value)


def _plain(key: str, value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) and abs(value) <= MAX_NUMBER else REDACTED
    return str(value) if isinstance(value, str) and _is_safe(key, value) else REDACTED


def _is_safe(key: str, text: str) -> bool:
    if key in _ID_KEYS:
        return bool(_ID.fullmatch(text)) and not _ONLY_DIGITS.fullmatch(text)
    return bool(_PATTERNS.get(key, _CODE).fullmatch(text)) and not _PERSONAL.search(text)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it came from, each once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _frame(frame: FrameType, line: int) -> str:
    """Return one frame, its file reduced to the last parts of the path: where the code lies is nobody's business."""
    parts = frame.f_code.co_filename.replace("\\", "/").split("/")
    return f"{'/'.join(parts[-PATH_PARTS:])}:{line}:{frame.f_code.co_name}"
