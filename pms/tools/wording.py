"""What the agent may say about a write: a function of its state, and of nothing else.

Only what is done is said to be: ``CONFIRMED`` bookings are called booked, and other writes moved, cancelled or noted
when they are ``DONE``. A test holds these words.
"""

from __future__ import annotations

from pms.domain import errors, speech
from pms.models import Booking, BookingState, Operation, WriteBackState
from pms.services import newcomers

# How a write stands, as REST tells it.
PUBLIC_WRITE_STATES = {
    WriteBackState.WAITING: "pending",
    WriteBackState.SENDING: "pending",
    WriteBackState.PENDING: "pending",
    WriteBackState.UNKNOWN: "unknown",
    WriteBackState.PARKED: "unknown",
    WriteBackState.DONE: "done",
    WriteBackState.FAILED: "failed",
}
_TO_BE_CHECKED = "That needs the team's attention, and I have asked them to check."


def booking_sentence(booking: Booking, when: str, who: str, *, is_waiting: bool = False) -> str:
    """Return the sentence for a booking; ``when`` and ``who`` are already said as a person would.

    One that ``is_waiting`` for its patient's record has not been sent.
    """
    number = speech.spell(booking.confirmation_number)
    if booking.moved_appointment_id:
        return _move_sentence(booking, when, who, number)
    not_made = f"The request for {when} did not go through, so nothing has been scheduled."
    return {
        BookingState.HELD: f"The request for {when} with {who} has not been sent yet, so nothing has been scheduled.",
        BookingState.EXPIRED: not_made,
        BookingState.PENDING: _pending_sentence(
            when, who, number, is_waiting=is_waiting or newcomers.is_handle(booking.patient_id)
        ),
        BookingState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        BookingState.CONFIRMED: f"The appointment is booked for {when} with {who}. "
        f"The confirmation number is {number}.",
        BookingState.FAILED: not_made,
        BookingState.MISMATCH: _TO_BE_CHECKED,
        BookingState.LOST: _TO_BE_CHECKED,
        BookingState.CANCELLED: "That appointment has been cancelled.",
        BookingState.RESCHEDULED: "That appointment has been moved to another time.",
    }[BookingState(booking.state)]


def request_sentence(when: str, number: str) -> str:
    """Return the sentence for an appointment that the team has to agree to first."""
    return (
        f"I have left the team a request for {when}. It is not an appointment until they have agreed to it. "
        f"The reference number is {speech.spell(number)}."
    )


def before(booking: Booking) -> str:
    """Return what comes before the sentence when the caller asks again for what another request has made."""
    if booking.state == BookingState.CONFIRMED:
        return "You already have that one. "
    return "I have asked for that one already. " if booking.state == BookingState.PENDING else ""


def change_sentence(operation: Operation, state: WriteBackState, when: str, *, stood_before: bool = False) -> str:
    """Return the sentence for a cancellation or a confirmation of the appointment at ``when``."""
    is_cancel = operation == Operation.CANCEL
    what = "cancellation" if is_cancel else "note that you are coming"
    pending = (
        f"The {what} for {when} has been sent to the practice's system, but it is not final yet. "
        "If it does not go through, the team will be told."
    )
    done = f"The appointment on {when} {'is' if stood_before else 'has been'} cancelled."
    if not is_cancel:
        done = f"The appointment on {when} is marked as confirmed."
    return {
        WriteBackState.WAITING: pending,
        WriteBackState.SENDING: pending,
        WriteBackState.PENDING: pending,
        WriteBackState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        WriteBackState.PARKED: _TO_BE_CHECKED,
        WriteBackState.DONE: done,
        WriteBackState.FAILED: f"The {what} for {when} did not go through, so the appointment still stands.",
    }[state]


def new_patient_sentence(state: WriteBackState, name: str, patient_id: str) -> str:
    """Return the sentence for a new record; ``patient_id`` is for the model to go on with."""
    pending = (
        f"The new record for {name} has been sent to the practice's system, but it is not final yet. "
        f"I can go on with it all the same (patient id {patient_id})."
    )
    return {
        WriteBackState.WAITING: pending,
        WriteBackState.SENDING: pending,
        WriteBackState.PENDING: pending,
        WriteBackState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        WriteBackState.PARKED: _TO_BE_CHECKED,
        WriteBackState.DONE: f"There is a record for {name} now (patient id {patient_id}).",
        WriteBackState.FAILED: "The new record did not go through, so there is none.",
    }[state]


def chart_sentence(operation: Operation, state: WriteBackState, amount: str = "", *, stood_before: bool = False) -> str:
    """Return the sentence for a change of a patient's chart; ``amount`` is a payment's, as it is said.

    What ``stood_before`` was asked for already, and is there once.
    """
    what, done, not_done = {
        Operation.UPDATE_PATIENT: ("new details", "The new details are on file now.", "the record stays as it was"),
        Operation.ADD_NOTE: ("note", "I have added that note.", "nothing has been added"),
        Operation.ADD_INSURANCE: ("insurance", "The insurance is on file now.", "nothing has been added"),
        Operation.POST_PAYMENT: (
            f"record of a payment of {amount}",
            f"A payment of {amount} has been entered into the account. I have not charged anything.",
            "nothing has been recorded",
        ),
    }[operation]
    pending = (
        f"I have sent the {what} to the practice's system, but it is not final yet. "
        "If it does not go through, the team will be told."
    )
    said = {
        WriteBackState.WAITING: pending,
        WriteBackState.SENDING: pending,
        WriteBackState.PENDING: pending,
        WriteBackState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        WriteBackState.PARKED: _TO_BE_CHECKED,
        WriteBackState.DONE: done,
        WriteBackState.FAILED: f"The {what} did not go through, so {not_done}.",
    }[state]
    return f"That was asked for already, and counts once. {said}" if stood_before else said


def _pending_sentence(when: str, who: str, number: str, *, is_waiting: bool) -> str:
    if is_waiting:
        return (
            f"{when} with {who} is kept. The request for it goes out when the practice's system has the new record, so "
            f"it is not final yet. If it does not go through, the team will be told. The reference number is {number}."
        )
    return (
        f"The request for {when} with {who} has been sent to the practice's system, but it is not final yet. "
        f"If it does not go through, the team will be told. The reference number is {number}."
    )


def _move_sentence(booking: Booking, when: str, who: str, number: str) -> str:
    stands = "so the appointment stays as it was."
    return {
        BookingState.HELD: f"The move to {when} with {who} has not been sent yet, {stands}",
        BookingState.EXPIRED: f"The move to {when} did not go through, {stands}",
        BookingState.PENDING: f"The move to {when} with {who} has been sent to the practice's system, but it is not "
        f"final yet. Until it is, the old time stands. If it does not go through, the team will be told. The reference "
        f"number is {number}.",
        BookingState.UNKNOWN: errors.OutcomeUnknown.default_spoken,
        BookingState.CONFIRMED: f"The appointment has been moved to {when} with {who}. "
        f"The confirmation number is {number}.",
        BookingState.FAILED: f"The move to {when} did not go through, {stands}",
        BookingState.MISMATCH: _TO_BE_CHECKED,
        BookingState.LOST: _TO_BE_CHECKED,
        BookingState.CANCELLED: "That appointment has been cancelled.",
        BookingState.RESCHEDULED: "That appointment has been moved to another time since.",
    }[BookingState(booking.state)]
