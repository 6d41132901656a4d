"""What a call has come to, in one word, from what our own rows say was done in it."""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum

from django.db.models import Q

from pms.models import Booking, BookingState, Call, Operation, Task, WriteBack, WriteBackState

# What was made, also if it was moved on afterwards.
_MADE = (BookingState.CONFIRMED, BookingState.RESCHEDULED)
# Somebody asked for it, and the practice's system does not have it as asked; of other states nothing is left.
_ASKED_FOR = (BookingState.PENDING, BookingState.UNKNOWN, BookingState.MISMATCH, BookingState.LOST)
_NOT_REACHED = "call.forwarding."  # how Vapi's reasons begin for a transfer that nobody took
_FOR_THE_TEAM = Q(kind__in=("message", "wants_a_person")) | Q(kind__startswith="please_")


class Outcome(StrEnum):
    """The words, the one that weighs most first; a call has the first that is true of it."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REQUESTED = "requested"  # a booking, move or cancellation that the practice's system does not have, or not yet
    MESSAGE = "message"  # something is left for the team to do
    TRANSFERRED = "transferred"
    ANSWERED = "answered"


def weightiest(happened: Set[Outcome]) -> Outcome:
    """Return the word for a call in which all this has happened."""
    return next((outcome for outcome in Outcome if outcome in happened), Outcome.ANSWERED)


def of(call: Call, *, was_transferred: bool) -> Outcome:
    """Return what a call has come to, as our rows stand now."""
    made = Booking.objects.filter(call=call).values_list("state", "moved_appointment_id")
    cancellations = WriteBack.objects.filter(call=call, operation=Operation.CANCEL).values_list("state", flat=True)
    happened = {of_booking(state, is_move=bool(moved)) for state, moved in made}
    happened |= {of_cancellation(state) for state in cancellations}
    if Task.objects.filter(_FOR_THE_TEAM, call=call).exists():
        happened.add(Outcome.MESSAGE)
    if was_transferred:
        happened.add(Outcome.TRANSFERRED)
    return weightiest(happened)


def was_transferred(call: Call, *, is_forwarding: bool = False) -> bool:
    """Return whether the caller was put through, as far as it is known; ``is_forwarding``: somebody was called."""
    is_told = is_forwarding or call.outcome == Outcome.TRANSFERRED or "forward" in call.ended_reason
    return is_told and not call.ended_reason.startswith(_NOT_REACHED)


def renew(call: Call | None) -> None:
    """Say anew what a call has come to that ended before its last write did."""
    if call is not None and call.ended_at is not None:
        Call.objects.filter(pk=call.pk).update(outcome=of(call, was_transferred=was_transferred(call)))


def of_booking(state: str, *, is_move: bool) -> Outcome:
    """Return the word for one booking; nothing is left of one that expired or failed."""
    if state in _MADE:
        return Outcome.MOVED if is_move else Outcome.BOOKED
    if state == BookingState.CANCELLED and not is_move:
        return Outcome.CANCELLED
    return Outcome.REQUESTED if state in _ASKED_FOR else Outcome.ANSWERED


def of_cancellation(state: str) -> Outcome:
    """Return the word for the write-back of one cancellation."""
    if state == WriteBackState.DONE:
        return Outcome.CANCELLED
    return Outcome.ANSWERED if state == WriteBackState.FAILED else Outcome.REQUESTED
