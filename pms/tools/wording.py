"""What the agent may say about a booking: a function of its state, and of nothing else.

Only ``CONFIRMED`` is called booked. A test holds these words.
"""

from __future__ import annotations

from pms.domain import errors, speech
from pms.models import Booking, BookingState


def booking_sentence(booking: Booking, when: str, who: str) -> str:
    """Return the sentence for a booking; ``when`` and ``who`` are already said as a person would."""
    number = speech.spell(booking.confirmation_number)
    sentences = {
        BookingState.CONFIRMED: f"The appointment is booked for {when} with {who}. "
        f"The confirmation number is {number}.",
        BookingState.RESCHEDULED: "That appointment has been moved to another time.",
        BookingState.CANCELLED: "That appointment has been cancelled.",
        BookingState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        BookingState.MISMATCH: "That needs the team's attention; they will check it and call you.",
        BookingState.LOST: "That needs the team's attention; they will check it and call you.",
    }
    requested = (
        f"The request for {when} with {who} has been sent to the practice's system, but it is not final yet. "
        f"The reference number is {number}."
    )
    not_made = f"The request for {when} did not go through, so nothing has been scheduled."
    if booking.state in (BookingState.HELD, BookingState.PENDING):
        return requested
    return sentences.get(BookingState(booking.state), not_made)
