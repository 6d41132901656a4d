"""How a booking stands, and what was sent for it, in the words of a practice manager."""

from __future__ import annotations

from collections.abc import Mapping

from pms.models import Booking, BookingState, Operation, WriteBackState

# What a booking's state means for whoever looks at the day: the word, and what it says.
STATES: Mapping[str, tuple[str, str]] = {
    BookingState.HELD: ("Being made", "The time is kept for a caller. Nothing has been sent to your system yet."),
    BookingState.EXPIRED: ("Given up", "The time was kept for a caller and given back. Nothing was sent."),
    BookingState.PENDING: ("On its way to your system", "It has been sent, and your system has not finished yet."),
    BookingState.UNKNOWN: (
        "We do not know yet",
        "It was sent, and no answer came. Parlae goes on asking; the team has a task.",
    ),
    BookingState.CONFIRMED: ("Booked", "Your system has it."),
    BookingState.FAILED: ("Not booked", "Your system refused it. Nothing of it is there, and the team has a task."),
    BookingState.MISMATCH: ("Needs a person", "Your system shows something else than was booked. The team has a task."),
    BookingState.LOST: ("Needs a person", "Your system does not show it any more. The team has a task."),
    BookingState.CANCELLED: ("Cancelled", "It has been cancelled."),
    BookingState.RESCHEDULED: ("Moved", "Another booking has taken its place."),
}
_CHECKED = "Booked and checked", "Your system has it, and shows it as it was booked."
_TAKEN_BACK = "Taken back", "It was taken back before it was in your system."
# The filters of the list, with the states each of them shows.
GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "booked": ("Booked", (BookingState.CONFIRMED,)),
    "on_its_way": ("On their way", (BookingState.HELD, BookingState.PENDING)),
    "attention": ("Need somebody", (BookingState.UNKNOWN, BookingState.MISMATCH, BookingState.LOST)),
    "over": (
        "Over",
        (BookingState.CANCELLED, BookingState.RESCHEDULED, BookingState.FAILED, BookingState.EXPIRED),
    ),
}
OPERATIONS: Mapping[str, str] = {
    Operation.BOOK: "Booking",
    Operation.MOVE: "Move",
    Operation.CANCEL: "Cancellation",
    Operation.CONFIRM: "Confirmation",
    Operation.CREATE_PATIENT: "New patient",
    Operation.UPDATE_PATIENT: "Change of contact details",
    Operation.ADD_NOTE: "Note",
    Operation.ADD_INSURANCE: "Insurance",
    Operation.POST_PAYMENT: "Payment",
}
WRITES: Mapping[str, str] = {
    WriteBackState.WAITING: "Waits for the patient's record",
    WriteBackState.SENDING: "Being sent",
    WriteBackState.PENDING: "On its way to your system",
    WriteBackState.UNKNOWN: "We do not know yet",
    WriteBackState.DONE: "Done",
    WriteBackState.FAILED: "Not done",
    WriteBackState.PARKED: "Needs a person",
}


def state(booking: Booking) -> str:
    """Return how a booking stands."""
    return _told(booking)[0]


def meaning(booking: Booking) -> str:
    """Return what that means."""
    return _told(booking)[1]


def _told(booking: Booking) -> tuple[str, str]:
    if booking.state == BookingState.CONFIRMED and booking.verified_at is not None:
        return _CHECKED
    if booking.state == BookingState.FAILED and booking.failure == "withdrawn":
        return _TAKEN_BACK
    return STATES[booking.state]
