"""What ``status-update`` and ``end-of-call-report`` say of a call; pure, and safe for any JSON.

Vapi's documents, SDK and recordings disagree on where things are, so each is looked for in more than one place. The
embedded ``call`` is a snapshot of its creation: its ``status`` and ``cost`` are never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import TypeGuard

from pms.domain.speech import flatten
from pms.services.calls import Progress
from pms.vapi.envelope import Message

TYPES = frozenset({"status-update", "end-of-call-report"})
MAX_TRANSCRIPT_CHARACTERS = 200_000
MAX_SUMMARY_CHARACTERS = 10_000
MAX_LINK_CHARACTERS = 2000

_REPORT = "end-of-call-report"
_ENDED = "ended"
# Vapi began later; what is older is no time of a call.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11
_MAX_COST = Decimal(100_000)
_SMALLEST = Decimal("0.0001")
# No instant, length or amount of a call is larger.
_MAX_NUMBER = 1e15

Json = Mapping[str, object]


def read(message: Message, *, now: datetime) -> Progress:
    """Return what a message of one of ``TYPES`` says; what is missing, garbage or in the future is left out."""
    said = message.fields
    if message.type != _REPORT:
        return Progress(status=_text(said.get("status")), ended_reason=_reason(said))
    started_at, ended_at = _times(said, now)
    return Progress(
        status=_ENDED,
        ended_reason=_reason(said),
        started_at=started_at,
        ended_at=ended_at,
        cost=_cost(said),
        transcript=_first(said, ("artifact", "transcript"), ("transcript",))[:MAX_TRANSCRIPT_CHARACTERS],
        summary=_first(said, ("analysis", "summary"), ("summary",))[:MAX_SUMMARY_CHARACTERS],
        recording=_recording(said),
    )


def _reason(said: Json) -> str:
    return flatten(_first(said, ("endedReason",), ("call", "endedReason")))


def _times(said: Json, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return start and end; one that is missing follows from the other and the length."""
    started_at, ended_at = (_time(said, name, now) for name in ("startedAt", "endedAt"))
    seconds = said.get("durationSeconds")
    if _is_number(seconds) and 0 <= seconds <= timedelta(days=1).total_seconds():
        length = timedelta(seconds=seconds)
        if started_at is None and ended_at is not None:
            started_at = ended_at - length
        elif ended_at is None and started_at is not None and started_at + length <= now:
            ended_at = started_at + length
    if started_at is not None and ended_at is not None and ended_at < started_at:
        return None, None
    return started_at, ended_at


def _time(said: Json, name: str, now: datetime) -> datetime | None:
    found = (_instant(_at(said, path)) for path in ((name,), ("call", name)))
    return next((at for at in found if at is not None and _EARLIEST <= at <= now), None)


def _instant(value: object) -> datetime | None:
    """Return an instant from ISO 8601 with a zone, or from seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else None
        if _is_number(value):
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _cost(said: Json) -> Decimal | None:
    """Return what the call cost in US dollars: Vapi's sum, else the sum of its parts."""
    whole = _amount(said.get("cost"))
    parts = said.get("costs")
    if whole is not None or not isinstance(parts, list):
        return whole
    amounts = [_amount(part.get("cost")) for part in parts if isinstance(part, Mapping)]
    known = [amount for amount in amounts if amount is not None]
    return _bounded(sum(known, Decimal())) if known else None


def _amount(value: object) -> Decimal | None:
    if not (_is_number(value) or isinstance(value, str)):
        return None
    try:
        return _bounded(Decimal(str(value)[:40]))
    except InvalidOperation:
        return None


def _bounded(amount: Decimal) -> Decimal | None:
    if not amount.is_finite() or not 0 <= amount < _MAX_COST:
        return None
    return amount.quantize(_SMALLEST, ROUND_DOWN)


def _recording(said: Json) -> str:
    """Return the best link to a recording; Vapi lets in nobody without the key, so it is a name and no access."""
    link = _first(
        said,
        ("artifact", "recording", "stereoUrl"),
        ("artifact", "recording", "mono", "combinedUrl"),
        ("artifact", "recording", "mono", "assistantUrl"),
        ("artifact", "recording", "mono", "customerUrl"),
        ("artifact", "recordingUrl"),
        ("recordingUrl",),
    )
    return link if link.startswith("https://") and len(link) <= MAX_LINK_CHARACTERS else ""


def _first(said: Json, *paths: tuple[str, ...]) -> str:
    """Return the first of these places that holds text."""
    return next((text for text in _texts(said, paths) if text.strip()), "")


def _texts(said: Json, paths: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    return (_text(_at(said, path)) for path in paths)


def _at(said: object, path: tuple[str, ...]) -> object:
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER
