"""Choosing the few times that a voice agent says out of all that are free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pms.scheduling.slots import Slot

SPOKEN_LIMIT = 3
NOON = 12


class Preference(StrEnum):
    """The half of the day that a caller prefers; the afternoon starts at noon and includes the evening."""

    MORNING = "morning"
    AFTERNOON = "afternoon"


def pick(
    slots: Sequence[Slot],
    limit: int = SPOKEN_LIMIT,
    preference: Preference | None = None,
    near: datetime | None = None,
) -> tuple[Slot, ...]:
    """Return at most ``limit`` of the ordered ``slots``, ordered.

    With ``near``, an aware instant, those around it, one on either side first. Otherwise the first of the morning, the
    first of the afternoon, and then whatever lies farthest from those already chosen. A ``preference`` leaves only its
    half of the day, perhaps nothing.
    """
    wanted = [slot for slot in slots if preference is None or _half(slot) is preference]
    chosen = _around(wanted, near, limit) if near else _spread(wanted, limit)
    return tuple(sorted(chosen, key=lambda slot: slot.start))


def _half(slot: Slot) -> Preference:
    return Preference.MORNING if slot.local.hour < NOON else Preference.AFTERNOON


def _around(slots: Sequence[Slot], near: datetime, limit: int) -> list[Slot]:
    before = [slot for slot in slots if slot.start <= near][-1:]
    after = [slot for slot in slots if slot.start > near][:1]
    sides = sorted([*before, *after], key=lambda slot: _distance(slot, near))
    rest = sorted((slot for slot in slots if slot not in sides), key=lambda slot: _distance(slot, near))
    return [*sides, *rest][:limit]


def _spread(slots: Sequence[Slot], limit: int) -> list[Slot]:
    halves = ([slot for slot in slots if _half(slot) is half] for half in Preference)
    chosen = [half[0] for half in halves if half][:limit]
    while len(chosen) < min(limit, len(slots)):
        rest = [slot for slot in slots if slot not in chosen]
        chosen.append(max(rest, key=lambda slot: min(_distance(slot, other.start) for other in chosen)))
    return chosen


def _distance(slot: Slot, instant: datetime) -> timedelta:
    return abs(slot.start - instant)
