"""A tool call that is delivered again is answered, not done, again."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import ToolCall, ToolCallState
from pms.tools.context import Result
from tests.conftest import Sim
from tests.talking import CORA, NOBODY, Caller, SetClock, bookings_sent, quiet_day, together


def test_a_repeated_booking_is_written_once_and_answered_alike(cora: Caller, sim: Sim) -> None:
    said = [cora.book(tool_call_id="call_1").say for _ in range(3)]

    assert len(set(said)) == 1
    assert said[0].startswith("The appointment is booked for")
    assert bookings_sent(sim) == 1
    assert ToolCall.objects.filter(tool="bookAppointment").count() == 1


def test_a_repeated_failure_counts_once(caller: Caller) -> None:
    said = {caller.use("findPatient", tool_call_id="call_1", **NOBODY).outcome for _ in range(5)}

    assert said == {"patient_not_found"}
    assert caller.use("findPatient", **CORA).outcome == "ok"


def test_other_arguments_under_the_same_id_are_refused(cora: Caller, sim: Sim) -> None:
    cora.book("09:00", tool_call_id="call_1")

    other = cora.book("10:00", tool_call_id="call_1")

    assert other.outcome == "idempotency_conflict"
    assert "have not changed anything" in other.say
    assert bookings_sent(sim) == 1


def test_another_tool_under_the_same_id_is_refused(cora: Caller) -> None:
    day = {"appointmentType": "cleaning", "date": quiet_day().isoformat()}
    cora.use("checkAvailability", tool_call_id="call_1", **day)

    assert cora.use("bookAppointment", tool_call_id="call_1", **day).outcome == "idempotency_conflict"


def test_the_same_id_in_another_call_is_another_tool_call(practice: Account, sim: Sim) -> None:
    said = {Caller(practice).verified().book(at, tool_call_id="call_1").outcome for at in ("09:00", "10:00")}

    assert said == {"ok"}
    assert bookings_sent(sim) == 2


@pytest.mark.parametrize("tool_call_id", ["x" * 5000, "call \u00e9\u4e2d", "a\x00b", "\ud800"])
def test_an_id_of_any_kind_is_one_tool_call(cora: Caller, sim: Sim, tool_call_id: str) -> None:
    said = {cora.book(tool_call_id=tool_call_id).say for _ in range(2)}

    assert len(said) == 1
    assert bookings_sent(sim) == 1


def test_what_is_kept_of_a_tool_call_is_sealed(cora: Caller) -> None:
    cora.book(notes="Afraid of needles")

    rows = str(list(ToolCall.objects.values_list()))
    assert "ok" in rows
    assert not any(word in rows for word in ("Whitfield", "needles", "booked for"))


def test_a_call_whose_process_died_is_taken_over_after_its_lease(cora: Caller, sim: Sim) -> None:
    first = cora.book(tool_call_id="call_1")
    ToolCall.objects.filter(tool_call_id="call_1").update(
        state=ToolCallState.RUNNING, answer=None, lease_until=timezone.now() + timedelta(seconds=30)
    )

    meanwhile = cora.book(tool_call_id="call_1", seconds=0.5)
    cora.clock = SetClock.later(seconds=31)
    afterwards = cora.book(tool_call_id="call_1")

    assert meanwhile.outcome == "still_working"
    assert afterwards.say == first.say
    assert bookings_sent(sim) == 1


@pytest.mark.django_db(transaction=True)
class TestTwins:
    """RC-05 and RC-06 are in tests/races."""

    def test_hear_that_it_is_being_worked_on_when_it_takes_too_long(self, practice: Account, sim: Sim) -> None:
        cora = Caller(practice).verified()
        cora.open_times()
        sim("POST", "config", latency=1.2, latency_path="/v4/appointment")

        def impatient() -> Result:
            while not ToolCall.objects.filter(tool_call_id="call_1").exists():
                time.sleep(0.01)
            return cora.book(tool_call_id="call_1", seconds=0.6)

        first, second = together(lambda: cora.book(tool_call_id="call_1"), impatient)

        assert "is booked for" in first.say
        assert (second.outcome, second.say) == ("still_working", "I'm still working on that. One moment, please.")
        assert bookings_sent(sim) == 1
