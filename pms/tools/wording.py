"""What the agent may say about a booking: a function of its state, and of nothing else.

Only ``CONFIRMED`` is called booked. A test holds these words.
"""

from __future__ import annotations

from pms.domain import errors, speech
from pms.models import Booking, BookingState


def booking_sentence(booking: Booking, when: str, who: str) -> str:
    """Return the sentence for a booking; ``when`` and ``who`` are already said as a person would."""
    number = speech.spell(booking.confirmation_number)
    not_made = f"The request for {when} did not go through, so nothing has been scheduled."
    to_be_checked = "That needs the team's attention, and I have asked them to check."
    return {
        BookingState.HELD: f"The request for {when} with {who} has not been sent yet, so nothing has been scheduled.",
        BookingState.EXPIRED: not_made,
        BookingState.PENDING: f"The request for {when} with {who} has been sent to the practice's system, but it is "
        f"not final yet. If it does not go through, the team will be told. The reference number is {number}.",
        BookingState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        BookingState.CONFIRMED: f"The appointment is booked for {when} with {who}. "
        f"The confirmation number is {number}.",
        BookingState.FAILED: not_made,
        BookingState.MISMATCH: to_be_checked,
        BookingState.LOST: to_be_checked,
        BookingState.CANCELLED: "That appointment has been cancelled.",
        BookingState.RESCHEDULED: "That appointment has been moved to another time.",
    }[BookingState(booking.state)]


def before(booking: Booking) -> str:
    """Return what comes before the sentence when the caller asks again for what another request has made."""
    if booking.state == BookingState.CONFIRMED:
        return "You already have that one. "
    return "I have asked for that one already. " if booking.state == BookingState.PENDING else ""
