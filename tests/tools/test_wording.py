"""The words for every state of every write and for every error: one line, and nothing called done that is not."""

from __future__ import annotations

import re
import uuid

import pytest

from pms.domain import errors
from pms.models import Booking, BookingState, Operation, WriteBackState
from pms.services import appointments, availability, changes, moves, newcomers, placing, registering
from pms.tools import messages, wording
from pms.tools.registry import TOOLS

# Said of the appointment or the record itself; "could not be cancelled" claims nothing.
CLAIMS = re.compile(
    r"\b(?:booked|confirmed|all set)\b|\b(?:is|are|was|been|have) (?:now |already )?(?:moved|cancelled)\b"
    r"|\bthere is a record\b",
    re.IGNORECASE,
)
WHEN, WHO = "Tuesday, December 1st at 9:30 AM", "Casimir Bellweather"
TO_BE_CHECKED = "That needs the team's attention, and I have asked them to check."
UNKNOWN = (
    "I sent that to the practice's system but did not hear back, so I can't say yet whether it went through. "
    "I have asked the team to check."
)
NOTHING = f"The request for {WHEN} did not go through, so nothing has been scheduled."


def sentence(state: BookingState) -> str:
    return wording.booking_sentence(Booking(state=state, confirmation_number="K7M3XR"), WHEN, WHO)


def moved(state: BookingState) -> str:
    booking = Booking(state=state, confirmation_number="K7M3XR", moved_appointment_id="90001")
    return wording.booking_sentence(booking, WHEN, WHO)


def subclasses(of: type[errors.ParlaeError]) -> list[type[errors.ParlaeError]]:
    return [of, *(below for one in of.__subclasses__() for below in subclasses(one))]


# Those that are raised with a write of ours, whose state the words come from.
OF_A_WRITE = {placing.TimeNotFree, appointments.BookingUnknown, changes.ChangeUnknown, registering.CreationUnknown}
ERRORS = sorted({*subclasses(errors.ParlaeError)} - OF_A_WRITE, key=lambda one: one.__name__)
SAID_OF_DONE = re.compile(
    r"has been cancelled|marked as confirmed|There is a record|on file now|have added|been entered"
)
# What a sentence may claim, by the state of the write it is about; in every other state nothing.
TRUE_OF_BOOKINGS = {
    BookingState.CONFIRMED: "booked",
    BookingState.CANCELLED: "cancelled",
    BookingState.RESCHEDULED: "moved",
}
TRUE_OF_MOVES = {**TRUE_OF_BOOKINGS, BookingState.CONFIRMED: "moved"}
TRUE_OF_CHANGES = {Operation.CANCEL: "cancelled", Operation.CONFIRM: "confirmed"}


def claims(said: str) -> set[str]:
    """Return what a sentence claims to be done, by its last word."""
    assert "\n" not in said
    assert said.endswith(".")
    return {claim.split()[-1].lower() for claim in CLAIMS.findall(said)}


@pytest.mark.parametrize("state", list(BookingState))
def test_only_a_confirmed_booking_is_called_booked(state: BookingState) -> None:
    said = wording.before(Booking(state=state, confirmation_number="K7M3XR")) + sentence(state)

    assert claims(said) == {TRUE_OF_BOOKINGS[state]} if state in TRUE_OF_BOOKINGS else not claims(said)


@pytest.mark.parametrize("state", list(BookingState))
def test_only_a_confirmed_move_is_called_moved(state: BookingState) -> None:
    said = wording.before(Booking(state=state, moved_appointment_id="90001")) + moved(state)

    assert claims(said) == {TRUE_OF_MOVES[state]} if state in TRUE_OF_MOVES else not claims(said)


@pytest.mark.parametrize("stood_before", [False, True])
@pytest.mark.parametrize("state", list(WriteBackState))
@pytest.mark.parametrize("operation", TRUE_OF_CHANGES)
def test_only_a_change_that_is_done_is_called_so(
    operation: Operation, state: WriteBackState, stood_before: bool
) -> None:
    said = wording.change_sentence(operation, state, WHEN, stood_before=stood_before)

    assert claims(said) == ({TRUE_OF_CHANGES[operation]} if state is WriteBackState.DONE else set())


@pytest.mark.parametrize("state", list(WriteBackState))
def test_only_a_record_that_is_made_is_said_to_be_there(state: WriteBackState) -> None:
    said = wording.new_patient_sentence(state, "Theodora", "5001")

    assert claims(said) == ({"record"} if state is WriteBackState.DONE else set())


def said_of(operation: Operation, state: WriteBackState) -> str:
    """Return what is said of a write of any kind that is no booking."""
    if operation in TRUE_OF_CHANGES:
        return wording.change_sentence(operation, state, WHEN)
    if operation == Operation.CREATE_PATIENT:
        return wording.new_patient_sentence(state, "Theodora", "5001")
    return wording.chart_sentence(operation, state, "ten dollars")


@pytest.mark.parametrize("state", list(WriteBackState))
@pytest.mark.parametrize("operation", sorted(set(Operation) - {Operation.BOOK, Operation.MOVE}))
def test_no_kind_of_write_is_called_done_in_any_other_state(operation: Operation, state: WriteBackState) -> None:
    said = said_of(operation, state)

    assert "\n" not in said
    assert bool(SAID_OF_DONE.search(said)) == (state is WriteBackState.DONE)


@pytest.mark.parametrize("patient_id", [f"new-{uuid.uuid4().hex}", "5001"], ids=["handle", "id"])
@pytest.mark.parametrize("state", list(BookingState))
def test_a_booking_that_waits_for_its_patient_is_never_called_sent(state: BookingState, patient_id: str) -> None:
    booking = Booking(state=state, confirmation_number="K7M3XR", patient_id=patient_id)
    said = wording.booking_sentence(booking, WHEN, WHO, is_waiting=patient_id == "5001")

    assert state in TRUE_OF_BOOKINGS or not claims(said)
    assert "has been sent" not in said


@pytest.mark.parametrize("state", list(WriteBackState))
def test_only_what_is_done_is_told_to_be_done_over_rest(state: WriteBackState) -> None:
    assert (wording.PUBLIC_WRITE_STATES[state] == "done") is (state is WriteBackState.DONE)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_no_error_sounds_like_a_booking(error: type[errors.ParlaeError]) -> None:
    assert not CLAIMS.search(error("").spoken) or error is errors.DuplicatePatient
    assert "\n" not in error("").spoken
    assert error("").spoken[-1] in ".?"
    assert not CLAIMS.search(error.default_message) or error is errors.AlreadyBooked


@pytest.mark.parametrize(
    "said",
    [
        appointments._NOT_MADE,
        appointments._OTHER_CLINICIAN,
        placing.NOT_HELD,
        *availability._WORDS.values(),
        moves._STANDS,
        moves._NOT_MOVED,
        moves._BY_THE_TEAM,
        moves._NOT_FINAL,
        moves._OTHER_CHANGE,
        *changes._NOT_CHANGED.values(),
        *changes._BY_THE_TEAM.values(),
        changes._OTHER_CHANGE,
        changes._PASSED,
        registering._NOT_MADE,
        newcomers._NO_RECORD,
        messages._NOT_KEPT,
    ],
)
def test_no_sentence_of_what_was_not_done_sounds_as_if_it_were(said: str) -> None:
    assert not CLAIMS.search(said)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_no_filler_promises_what_is_not_done_yet(tool: object) -> None:
    filler: str = tool.filler  # type: ignore[attr-defined]

    assert not CLAIMS.search(filler)


def test_the_words_are_these() -> None:
    assert {state: sentence(state) for state in BookingState} == {
        "HELD": "The request for Tuesday, December 1st at 9:30 AM with Casimir Bellweather has not been sent yet, so "
        "nothing has been scheduled.",
        "EXPIRED": NOTHING,
        "PENDING": "The request for Tuesday, December 1st at 9:30 AM with Casimir Bellweather has been sent to the "
        "practice's system, but it is not final yet. If it does not go through, the team will be told. The reference "
        "number is K 7 M 3 X R.",
        "UNKNOWN": UNKNOWN,
        "CONFIRMED": "The appointment is booked for Tuesday, December 1st at 9:30 AM with Casimir Bellweather. The "
        "confirmation number is K 7 M 3 X R.",
        "FAILED": NOTHING,
        "MISMATCH": TO_BE_CHECKED,
        "LOST": TO_BE_CHECKED,
        "CANCELLED": "That appointment has been cancelled.",
        "RESCHEDULED": "That appointment has been moved to another time.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (BookingState.CONFIRMED, "You already have that one. "),
        (BookingState.PENDING, "I have asked for that one already. "),
        (BookingState.UNKNOWN, ""),
    ],
)
def test_a_repeated_wish_is_answered_by_its_state(state: BookingState, said: str) -> None:
    assert wording.before(Booking(state=state)) == said


def test_the_words_of_a_move_are_these() -> None:
    stands = "so the appointment stays as it was."

    assert {state: moved(state) for state in BookingState} == {
        "HELD": f"The move to {WHEN} with {WHO} has not been sent yet, {stands}",
        "EXPIRED": f"The move to {WHEN} did not go through, {stands}",
        "PENDING": f"The move to {WHEN} with {WHO} has been sent to the practice's system, but it is not final yet. "
        "Until it is, the old time stands. If it does not go through, the team will be told. The reference number is "
        "K 7 M 3 X R.",
        "UNKNOWN": UNKNOWN,
        "CONFIRMED": f"The appointment has been moved to {WHEN} with {WHO}. The confirmation number is K 7 M 3 X R.",
        "FAILED": f"The move to {WHEN} did not go through, {stands}",
        "MISMATCH": TO_BE_CHECKED,
        "LOST": TO_BE_CHECKED,
        "CANCELLED": "That appointment has been cancelled.",
        "RESCHEDULED": "That appointment has been moved to another time since.",
    }


@pytest.mark.parametrize(
    ("operation", "what", "done"),
    [
        (Operation.CANCEL, "cancellation", f"The appointment on {WHEN} has been cancelled."),
        (Operation.CONFIRM, "note that you are coming", f"The appointment on {WHEN} is marked as confirmed."),
    ],
)
def test_the_words_of_a_change_are_these(operation: Operation, what: str, done: str) -> None:
    pending = (
        f"The {what} for {WHEN} has been sent to the practice's system, but it is not final yet. "
        "If it does not go through, the team will be told."
    )

    assert {state: wording.change_sentence(operation, state, WHEN) for state in WriteBackState} == {
        "WAITING": pending,
        "SENDING": pending,
        "PENDING": pending,
        "UNKNOWN": UNKNOWN,
        "DONE": done,
        "FAILED": f"The {what} for {WHEN} did not go through, so the appointment still stands.",
        "PARKED": TO_BE_CHECKED,
    }
