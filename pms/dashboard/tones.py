"""Template filters: the tone of how something stands. It only helps the eye; the words beside it say all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django import template

from pms.models import BookingState, TaskState, WriteBackState
from pms.services.outcomes import Outcome
from pms.services.overview_words import Light

register = template.Library()

_GOOD: tuple[str, ...] = (
    BookingState.CONFIRMED,
    WriteBackState.DONE,
    TaskState.DONE,
    Outcome.BOOKED,
    Outcome.MOVED,
    Outcome.CANCELLED,
    Light.GREEN,
    "ok",
    "offered",
)
_WARN: tuple[str, ...] = (
    BookingState.UNKNOWN,
    BookingState.MISMATCH,
    BookingState.LOST,
    WriteBackState.PARKED,
    Outcome.REQUESTED,
    Outcome.MESSAGE,
    Light.AMBER,
    TaskState.OPEN,
    "outcome_unknown",
    "verification_locked",
)
_BAD: tuple[str, ...] = (
    BookingState.FAILED,
    WriteBackState.FAILED,
    Light.RED,
    "credentials_rejected",
    "internal_error",
    "pms_unavailable",
    "upstream_invalid",
    "write_rejected",
)
_TONES: Mapping[str, str] = {
    str(code): tone for tone, codes in (("good", _GOOD), ("warn", _WARN), ("bad", _BAD)) for code in codes
}


@register.filter
def tone(code: str) -> str:
    """Return good, warn or bad for a state, an outcome or a light; empty for all that is neither."""
    return _TONES.get(code, "")


@register.filter
def badge(code: str) -> str:
    """Return the classes of a badge for a state or an outcome."""
    return f"badge badge-{_TONES[code]}" if code in _TONES else "badge"


@register.filter
def lasting(duration: timedelta | None) -> str:
    """Return how long something took: 3 min 12 s. Empty for what has not ended."""
    if duration is None:
        return ""
    minutes, seconds = divmod(max(0, round(duration.total_seconds())), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
