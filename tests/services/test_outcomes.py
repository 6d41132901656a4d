"""What a call has come to: a rule over our own rows."""

from __future__ import annotations

import itertools
import uuid

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import Booking, BookingState, Call, Operation, WriteBack, WriteBackState
from pms.services import calls, outcomes, tasks
from pms.services.calls import Progress
from pms.services.outcomes import Outcome
from tests.conftest import Sim
from tests.practice import live_call
from tests.services.conftest import Hold
from tests.talking import Caller, Slow, carry_out, look


@pytest.mark.parametrize(("state", "of_booking", "of_move"), [
    (BookingState.CONFIRMED, "booked", "moved"),
    (BookingState.RESCHEDULED, "booked", "moved"),
    (BookingState.PENDING, "requested", "requested"),
    (BookingState.UNKNOWN, "requested", "requested"),
    (BookingState.MISMATCH, "requested", "requested"),
    (BookingState.LOST, "requested", "requested"),
    (BookingState.CANCELLED, "cancelled", "answered"),
    (BookingState.HELD, "answered", "answered"),
    (BookingState.EXPIRED, "answered", "answered"),
    (BookingState.FAILED, "answered", "answered"),
])  # fmt: skip
def test_a_booking_counts_as_made_only_if_the_practice_s_system_has_it(
    state: BookingState, of_booking: str, of_move: str
) -> None:
    assert outcomes.of_booking(state, is_move=False) == of_booking
    assert outcomes.of_booking(state, is_move=True) == of_move


def test_every_state_has_a_word() -> None:
    assert {outcomes.of_booking(state, is_move=False) for state in BookingState} <= set(Outcome)
    assert {state: outcomes.of_cancellation(state).value for state in WriteBackState} == {
        "WAITING": "requested",
        "SENDING": "requested",
        "PENDING": "requested",
        "UNKNOWN": "requested",
        "PARKED": "requested",
        "DONE": "cancelled",
        "FAILED": "answered",
    }


def test_what_weighs_most_is_said() -> None:
    for first, second in itertools.combinations(Outcome, 2):
        assert outcomes.weightiest({second, first}) == first
    assert outcomes.weightiest(set()) == Outcome.ANSWERED


@pytest.fixture
def call(practice: Account) -> Call:
    return live_call(practice)


def cancel_in(call: Call, state: WriteBackState) -> None:
    WriteBack.objects.create(
        account=call.account,
        integration=call.account.integrations.get(),
        call=call,
        operation=Operation.CANCEL,
        appointment_id="1",
        state=state,
        payload=b"",
        access_id=uuid.uuid4(),
        sent_at=timezone.now(),
    )


def test_a_call_in_which_nothing_was_done_was_answered(call: Call) -> None:
    assert outcomes.of(call, was_transferred=False) == "answered"


def test_a_call_is_what_its_own_rows_say(call: Call, hold: Hold) -> None:
    said = [outcomes.of(call, was_transferred=True)]
    tasks.open_task(account=call.account, kind="message", detail={}, call=call)
    said.append(outcomes.of(call, was_transferred=True))
    cancel_in(call, WriteBackState.DONE)
    said.append(outcomes.of(call, was_transferred=True))
    hold()
    Booking.objects.update(call=call, state=BookingState.CONFIRMED, moved_appointment_id="1")
    said.append(outcomes.of(call, was_transferred=True))
    Booking.objects.update(moved_appointment_id="")
    said.append(outcomes.of(call, was_transferred=True))

    assert said == ["transferred", "message", "cancelled", "moved", "booked"]


def test_another_call_s_rows_say_nothing(call: Call, hold: Hold) -> None:
    other = live_call(call.account)
    hold()
    Booking.objects.update(call=other, state=BookingState.CONFIRMED)
    cancel_in(other, WriteBackState.DONE)
    tasks.open_task(account=call.account, kind="message", detail={}, call=other)

    assert outcomes.of(call, was_transferred=False) == "answered"


@pytest.mark.parametrize(("kind", "word"), [
    ("message", "message"),
    ("wants_a_person", "message"),
    ("please_cancel", "message"),
    ("verification_locked", "answered"),
])  # fmt: skip
def test_what_the_caller_left_for_the_team_is_a_message(call: Call, kind: str, word: str) -> None:
    tasks.open_task(account=call.account, kind=kind, detail={}, call=call)

    assert outcomes.of(call, was_transferred=False) == word


def test_a_booking_that_is_made_after_its_call_changes_what_the_call_has_come_to(
    quick_office: None, cora: Caller, slow: Slow, sim: Sim
) -> None:
    slow()
    cora.book()
    calls.note(call=cora.call, progress=Progress(status="ended"), now=timezone.now())
    assert Call.objects.get().outcome == "requested"
    carry_out(sim)

    look(minutes=15)

    assert Call.objects.get().outcome == "booked"
