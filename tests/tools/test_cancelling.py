"""cancelAppointment, against the sandbox: "cancelled" is said only of what the practice's own system has cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import pytest

from accounts.models import Account
from pms.domain.speech import say_when, spell
from pms.jobs import sweeps
from pms.models import AuditPhase, Booking, BookingState, PmsAuditLog, Task, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.services import newcomers, tasks, write_backs
from tests.conftest import Sim
from tests.talking import (
    ALDER,
    JOSE,
    MILO,
    NEW_YORK,
    NOBODY,
    Caller,
    SetClock,
    Slow,
    asked_of_the_pms,
    cancel_at_the_desk,
    in_the_pms,
    made_at_the_desk,
    quiet_day,
    without_capability,
    writes_sent,
)

NOTED = "so the appointment still stands. I have left the team a note to cancel it."
BY_THE_TEAM = "I can't cancel that myself, so I have asked the team to cancel it. Until they have, it stands."
GRACE = write_backs.REQUEST_GRACE.total_seconds()


pytestmark = pytest.mark.usefixtures("quick_office")


@pytest.fixture
def pending(cora: Caller, slow: Slow) -> Booking:
    """A cleaning at nine that Cora has asked for and the office has not made yet."""
    slow("POST appointment")
    assert "not final yet" in cora.book("09:00", providerId="HY1").say
    return Booking.objects.get()


def cancelled(sentence: str = "has been") -> str:
    """Return what is said of a cancellation that is done."""
    return f"The appointment on {say_when(datetime.combine(quiet_day(), time(9)))} {sentence} cancelled."


def statuses(sim: Sim, patient_id: str = "1001") -> list[str]:
    """Return the patient's appointments of the quiet day by their status, in the practice's own system."""
    return [row["status"] for row in in_the_pms(sim, patient_id)]


def cancels_sent(sim: Sim) -> int:
    return sum(method == "PATCH" for method, _ in writes_sent(sim))


class TestCancelled:
    def test_is_the_only_one_ahead_by_the_word_of_that_pms(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = cora.cancel(reason="Has moved away")

        [sent] = [row for row in sim("GET", "requests")["requests"] if row["method"] == "PATCH"]
        assert (result.outcome, result.say) == ("ok", cancelled())
        assert (sent["path"], sent["body"]["value"]) == (f"/v4/appointments/{number}", "Cancelled")
        assert statuses(sim) == ["Cancelled"]
        assert result.answer
        assert (result.answer.status, result.answer.data["status"]) == (200, "done")

    def test_by_another_word_where_the_pms_has_another(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words = [{"service_item": "appointment status", "value": "6", "description": "Cancelled"}]
        monkeypatch.setattr(
            "pms.providers.sikka.reads.SikkaReads._variables", lambda _self, service: [*words] if service else []
        )
        sim("DELETE", "requests")

        cora.cancel()

        [sent] = [row for row in sim("GET", "requests")["requests"] if row["method"] == "PATCH"]
        assert sent["body"]["value"] == "6"

    @pytest.mark.parametrize(
        "name",
        [
            lambda own: own.pms_appointment_id,
            lambda own: str(own.pk),
            lambda own: own.confirmation_number,
            lambda own: own.confirmation_number.lower(),
            lambda own: spell(own.confirmation_number),
        ],
        ids=["id", "booking", "number", "small letters", "spelled"],
    )
    def test_by_whatever_names_it(self, cora: Caller, sim: Sim, name: Callable[[Booking], str]) -> None:
        cora.book("09:00")
        own = Booking.objects.get()
        cora.book("13:00")

        result = cora.cancel(name(own))

        own.refresh_from_db()
        assert result.say == cancelled()
        assert own.state == BookingState.CANCELLED
        assert statuses(sim) == ["Cancelled", "Scheduled"]

    def test_that_is_one_of_several_must_be_named(self, cora: Caller, sandbox: Sandbox, number: str, sim: Sim) -> None:
        made_at_the_desk(sandbox, "13:00")

        asked = cora.cancel()

        assert asked.outcome == "validation_failed"
        assert asked.say.startswith("Which appointment is it: Tuesday, ")
        assert cancels_sent(sim) == 0

    def test_that_is_none_is_said_to_be_none(self, cora: Caller) -> None:
        result = cora.cancel()

        assert (result.outcome, result.say) == ("appointment_not_found", "I don't see any appointment coming up.")

    def test_of_a_child_by_its_parent(self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, patient_id="1002")
        cora.verified(MILO)

        assert Caller(practice).verified(MILO).cancel().outcome == "minor_needs_guardian"
        assert cora.cancel(patientId="1002").outcome == "ok"
        assert statuses(sim, "1002") == ["Cancelled"]

    def test_leaves_intent_and_outcome_in_the_audit_log(self, cora: Caller, number: str) -> None:
        cora.cancel(number)

        intent, outcome = PmsAuditLog.objects.filter(action="cancelAppointment").order_by("seq")
        assert (intent.phase, outcome.phase) == (AuditPhase.INTENT, AuditPhase.OUTCOME)
        assert {intent.patient_id, outcome.patient_id} == {"1001"}
        assert intent.access_id == WriteBack.objects.get().access_id
        assert '"state": "DONE"' in (outcome.request_summary or "")

    def test_makes_room_for_another_booking_of_the_same_time(self, practice: Account, cora: Caller, sim: Sim) -> None:
        cora.book("09:00", providerId="HY1")
        cora.cancel()

        assert cora.book("09:00", providerId="HY1").outcome == "ok"
        assert statuses(sim) == ["Cancelled", "Scheduled"]

    def test_no_longer_stands_in_the_patients_own_way_although_the_copy_shows_it(
        self, cora: Caller, number: str, sim: Sim
    ) -> None:
        before = cora.book("09:00", appointmentType="exam").outcome
        cora.cancel()

        assert (before, cora.book("09:00", appointmentType="exam").outcome) == ("person_overlap", "ok")
        assert statuses(sim) == ["Cancelled", "Scheduled"]


class TestAgain:
    """However often it is asked for, and by whatever name, the PMS is asked once; at once: RC-13 in tests/races."""

    @pytest.mark.parametrize("shown", [False, True], ids=["old copy", "new copy"])
    def test_what_the_desk_made_is_cancelled(self, cora: Caller, number: str, sim: Sim, shown: bool) -> None:
        first = cora.cancel(number)
        if shown:
            sim("POST", "refresh")

        again = cora.cancel(number)

        assert (first.say, again.say) == (cancelled(), cancelled("is"))
        assert cancels_sent(sim) == 1

    @pytest.mark.parametrize("shown", [False, True], ids=["old copy", "new copy"])
    def test_what_was_just_booked_is_cancelled(self, cora: Caller, sim: Sim, shown: bool) -> None:
        cora.book("09:00")
        own = Booking.objects.get()
        cora.cancel()
        if shown:
            sim("POST", "refresh")

        said = {cora.cancel(name).say for name in (own.pms_appointment_id, str(own.pk), own.confirmation_number)}

        assert said == {cancelled("is")}
        assert cancels_sent(sim) == 1

    def test_what_the_desk_has_cancelled_is(self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, number)
        sim("DELETE", "requests")

        result = cora.cancel(number)

        assert (result.outcome, result.say) == ("ok", cancelled("is"))
        assert writes_sent(sim) == []

    @pytest.mark.parametrize("is_own", [False, True], ids=["the desk's", "just booked"])
    def test_what_is_pending_is_pending(
        self, cora: Caller, sandbox: Sandbox, sim: Sim, slow: Slow, is_own: bool
    ) -> None:
        name = booked_by(cora) if is_own else made_at_the_desk(sandbox)
        slow("PATCH appointment")

        said = {cora.cancel(name).say for _ in range(2)}

        assert len(said) == 1
        assert "it is not final yet" in said.pop()
        assert cancels_sent(sim) == 1

    def test_what_is_unknown_is_unknown(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("POST", "lose_answer")

        said = {cora.cancel(number).say for _ in range(2)}

        assert len(said) == 1
        assert "can't say yet whether it went through" in said.pop()
        assert cancels_sent(sim) == 1

    def test_by_the_same_tool_call_is_the_same_answer(self, cora: Caller, number: str, sim: Sim) -> None:
        said = {cora.cancel(number, tool_call_id="call_1").say for _ in range(3)}

        assert said == {cancelled()}
        assert cancels_sent(sim) == 1


class TestNotCancelled:
    def test_once_it_has_begun(self, practice: Account, number: str, sim: Sim) -> None:
        late = SetClock(datetime.combine(quiet_day(), time(9, 5), tzinfo=NEW_YORK))

        result = Caller(practice, clock=late).verified().cancel(number)

        assert (result.outcome, cancels_sent(sim)) == ("date_in_past", 0)
        assert result.say == "That appointment is in the past, so I have not changed anything."

    @pytest.mark.parametrize("identifier", ["Cora's", "a bc", "{{appointment.id}}", "x" * 65])
    def test_by_what_is_no_id(self, cora: Caller, number: str, sim: Sim, identifier: str) -> None:
        assert cora.cancel(identifier).outcome in ("validation_failed", "placeholder")
        assert cancels_sent(sim) == 0

    @pytest.mark.parametrize("identifier", ["99999", "..", "K7M3XR", "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d"])
    def test_by_what_names_nothing(self, cora: Caller, number: str, sim: Sim, identifier: str) -> None:
        result = cora.cancel(identifier)

        assert (result.outcome, result.say) == ("appointment_not_found", "I could not find that appointment.")
        assert cancels_sent(sim) == 0

    def test_of_another_patient(self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        theirs = made_at_the_desk(sandbox, patient_id="1010")

        said = {cora.cancel(name).say for name in (theirs, "99999")}

        assert said == {"I could not find that appointment."}
        assert statuses(sim, "1010") == ["Scheduled"]

    def test_where_the_pms_cannot_is_left_to_the_team(self, cora: Caller, number: str, sim: Sim) -> None:
        """WB-16."""
        without_capability(cora.call.account, "cancel_appointment")

        result = cora.cancel(number, reason="Has to work")

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("not_supported", BY_THE_TEAM)
        assert (task.kind, task.call) == ("please_cancel", cora.call)
        assert tasks.detail(task) == {
            "patientId": "1001",
            "appointmentId": number,
            "startsAt": datetime.combine(quiet_day(), time(9), NEW_YORK).astimezone(UTC).isoformat(),
            "reason": "Has to work",
        }
        assert cancels_sent(sim) == 0
        assert "9 AM" in cora.ahead()

    def test_where_the_pms_has_no_word_for_it_is_left_to_the_team_once(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pms.providers.sikka.reads.SikkaReads._variables", lambda _self, _service: [])

        result = cora.cancel(number)

        assert (result.outcome, result.say) == ("not_supported", BY_THE_TEAM)
        assert Task.objects.count() == 1
        assert cancels_sent(sim) == 0

    def test_with_the_office_offline(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        sim("POST", "office", office_id=ALDER, online=False)

        result = cora.cancel()

        assert result.outcome == "pms_unavailable"
        assert result.say.endswith(NOTED)
        assert Booking.objects.get().state == BookingState.CONFIRMED
        assert Task.objects.get().kind == "cancellation_pms_unavailable"
        assert "9 AM" in cora.ahead()

    @pytest.mark.parametrize(
        ("how", "asked", "kind"),
        [
            ("fail", {"path": "/v4/appointments/*", "method": "PATCH", "error_code": "API1026"}, "write_rejected"),
            ("fail_write", {"method": "PATCH", "result": "Appointment is locked"}, "failed"),
        ],
    )
    def test_with_a_write_that_is_refused(
        self, cora: Caller, number: str, sim: Sim, how: str, asked: dict[str, str], kind: str
    ) -> None:
        sim("POST", how, **asked)

        result = cora.cancel(number)

        assert (result.outcome, statuses(sim)) == ("write_rejected", ["Scheduled"])
        assert result.say.endswith(NOTED)
        assert Task.objects.get().kind == f"cancellation_{kind}"
        assert cora.cancel(number).say == cancelled()

    def test_while_the_pms_cannot_be_read(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointments", times=9, status=503)

        assert cora.cancel(number).outcome == "pms_unavailable"
        assert cancels_sent(sim) == 0

    def test_with_too_little_time_left(self, cora: Caller, number: str, sim: Sim) -> None:
        assert cora.cancel(number, seconds=1.4).outcome == "pms_unavailable"
        assert cancels_sent(sim) == 0


class TestUnknown:
    @pytest.mark.parametrize(
        "lose",
        [
            ("lose_answer", {}),
            ("fail", {"path": "/v4/appointments/*", "method": "PATCH", "status": 500}),
            ("fail", {"path": "/v4/appointments/*", "method": "PATCH", "kind": "drop"}),
        ],
        ids=["answer lost", "500", "connection dropped"],
    )
    def test_is_said_and_a_person_is_told(self, cora: Caller, sim: Sim, lose: tuple[str, dict[str, Any]]) -> None:
        cora.book("09:00")
        sim("POST", lose[0], **lose[1])

        result = cora.cancel()

        assert result.outcome == "outcome_unknown"
        assert "can't say yet whether it went through" in result.say
        assert Booking.objects.get().state == BookingState.CONFIRMED
        assert WriteBack.objects.get(operation="cancelAppointment").state == WriteBackState.UNKNOWN
        assert Task.objects.get().kind == "cancellation_outcome_unknown"
        assert cancels_sent(sim) == 1


class TestPendingBooking:
    """What the PMS has not made yet is taken back."""

    @pytest.mark.parametrize("name", [lambda _own: "", lambda own: str(own.pk), lambda own: own.confirmation_number])
    def test_is_withdrawn(self, cora: Caller, pending: Booking, sim: Sim, name: Callable[[Booking], str]) -> None:
        sim("DELETE", "requests")

        result = cora.cancel(name(pending))

        pending.refresh_from_db()
        sim("POST", "clock", advance_seconds=601)
        assert result.say == cancelled()
        assert pending.state == BookingState.CANCELLED
        assert asked_of_the_pms(sim).count(("DELETE", "/writebacks")) == 1
        assert (statuses(sim), cancels_sent(sim)) == ([], 0)
        assert not Task.objects.exists()
        assert cora.ahead() == "I don't see any appointment coming up."

    def test_is_withdrawn_once(self, cora: Caller, pending: Booking, sim: Sim) -> None:
        cora.cancel()
        sim("DELETE", "requests")

        assert cora.cancel(pending.confirmation_number).say == cancelled("is")
        assert writes_sent(sim) == []
        assert ("DELETE", "/writebacks") not in asked_of_the_pms(sim)

    def test_frees_its_time(self, practice: Account, cora: Caller, pending: Booking) -> None:
        cora.cancel()

        assert Caller(practice).verified(JOSE).book("09:00", providerId="HY1").outcome == "ok"

    def test_that_was_made_meanwhile_is_cancelled_instead(
        self, cora: Caller, pending: Booking, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        sim("POST", "clock", advance_seconds=601)

        result = cora.cancel()

        pending.refresh_from_db()
        assert result.say == cancelled()
        assert pending.state == BookingState.CANCELLED
        assert (statuses(sim), cancels_sent(sim)) == (["Cancelled"], 1)

    def test_that_was_refused_meanwhile_is_said_to_be_none(self, cora: Caller, pending: Booking, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")
        sim("POST", "clock", advance_seconds=601)

        result = cora.cancel()

        pending.refresh_from_db()
        assert result.say == "That request did not go through, so there is nothing to cancel."
        assert pending.state == BookingState.FAILED

    def test_that_cannot_be_asked_about_is_on_its_way_out(self, cora: Caller, pending: Booking, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/writebacks", method="DELETE", status=500)

        result = cora.cancel()
        sweeps.follow_write_backs(SetClock.later(seconds=GRACE))

        pending.refresh_from_db()
        sim("POST", "clock", advance_seconds=601)
        assert result.outcome == "ok"
        assert result.say.startswith("The cancellation for Tuesday, ")
        assert "not final yet" in result.say
        assert not Task.objects.exists()
        assert pending.state == BookingState.CANCELLED
        assert statuses(sim) == []

    def test_whose_withdrawal_was_not_heard_of_is_withdrawn_by_the_job(
        self, cora: Caller, pending: Booking, sim: Sim
    ) -> None:
        sim("POST", "lose_answer", path="/v4/writebacks", method="DELETE")

        result = cora.cancel()
        sweeps.follow_write_backs(SetClock.later(seconds=GRACE))
        sweeps.follow_write_backs(SetClock.later(minutes=10))

        pending.refresh_from_db()
        assert result.say.startswith("The cancellation for Tuesday, ")
        assert pending.state == BookingState.CANCELLED

    def test_that_is_unknown_is_left_to_the_team(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")
        cora.book("09:00")

        result = cora.cancel()

        booking = Booking.objects.get()
        assert result.outcome == "still_working"
        assert result.say.endswith("so I have not changed anything. I have left the team a note.")
        assert booking.state == BookingState.UNKNOWN
        assert set(Task.objects.values_list("kind", flat=True)) == {"booking_outcome_unknown", "please_cancel"}

    def test_that_was_lost_and_found_again_is_withdrawn(self, cora: Caller, sim: Sim, slow: Slow) -> None:
        slow("POST appointment")
        sim("POST", "lose_answer")
        cora.book("09:00", providerId="HY1")
        sweeps.follow_write_backs(SetClock.later(seconds=GRACE))
        found = WriteBack.objects.get()

        result = cora.cancel()

        booking = Booking.objects.get()
        sim("POST", "clock", advance_seconds=601)
        assert (found.state, bool(found.reference)) == (WriteBackState.PENDING, True)
        assert result.say == cancelled()
        task = Task.objects.get(kind="booking_outcome_unknown")
        assert tasks.detail(task)["meanwhile"] == "It was taken back and is not in the practice's system."
        assert booking.state not in (BookingState.UNKNOWN, BookingState.PENDING, BookingState.CONFIRMED)
        assert statuses(sim) == []
        assert cora.book("09:00", providerId="HY1").outcome == "ok"

    def test_of_a_new_patient_is_taken_back_before_it_is_sent(self, caller: Caller, sim: Sim, slow: Slow) -> None:
        slow("POST patient")
        caller.use("createPatient", **NOBODY)
        caller.book("09:00", providerId="HY1")
        sim("DELETE", "requests")

        result = caller.cancel()

        booking = Booking.objects.get()
        sim("POST", "clock", advance_seconds=601)
        sweeps.follow_write_backs(SetClock.later(minutes=2))
        sweeps.follow_write_backs(SetClock.later(minutes=4))
        booking.refresh_from_db()
        assert result.say == cancelled()
        assert (booking.state, WriteBack.objects.get(booking=booking).failure) == ("CANCELLED", "withdrawn")
        assert writes_sent(sim) == []
        assert not newcomers.is_handle(booking.patient_id)
        assert not Task.objects.exists()

    def test_of_a_new_patient_that_is_being_sent_just_now_is_not_called_cancelled(
        self, caller: Caller, slow: Slow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow("POST patient")
        caller.use("createPatient", **NOBODY)
        caller.book("09:00", providerId="HY1")
        withdraw = write_backs.withdraw

        def too_late(write_back: WriteBack) -> bool:
            WriteBack.objects.filter(pk=write_back.pk).update(state=WriteBackState.SENDING)
            return withdraw(write_back)

        monkeypatch.setattr(write_backs, "withdraw", too_late)

        result = caller.cancel()

        assert result.outcome == "still_working"
        assert Booking.objects.get().state == BookingState.PENDING
        assert WriteBack.objects.get(booking__isnull=False).state == WriteBackState.SENDING


def booked_by(caller: Caller) -> str:
    """Book a cleaning at nine and return its id."""
    caller.book("09:00", providerId="HY1")
    return Booking.objects.get().pms_appointment_id
