"""getAppointments by voice: date and time of what a verified patient has ahead, and nothing that is not so."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain.speech import say_when
from pms.jobs import sweeps
from pms.models import AuditPhase, Booking, PmsAuditLog, SecurityEvent, WriteBack
from pms.sandbox import Sandbox
from tests.conftest import Sim
from tests.talking import (
    MILO,
    NEW_YORK,
    Caller,
    SetClock,
    Slow,
    asked_of_the_pms,
    cancel_at_the_desk,
    made_at_the_desk,
    move_at_the_desk,
    quiet_day,
)

NONE_AHEAD = "I don't see any appointment coming up."


def at(hour: int, minute: int = 0) -> str:
    """Return a time of the quiet day as it is said."""
    return say_when(datetime.combine(quiet_day(), time(hour, minute)))


pytestmark = pytest.mark.usefixtures("quick_office")


def shown(sim: Sim) -> None:
    """Let the vendor's copy show what was written, and let the job see that it does."""
    sim("POST", "clock", advance_seconds=600)
    sim("POST", "refresh")
    sweeps.follow_write_backs(SetClock.later(minutes=11))


class TestWhoAsks:
    def test_must_be_verified_and_nothing_is_asked_before(self, caller: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        assert caller.use("getAppointments").outcome == "not_verified"
        assert asked_of_the_pms(sim) == []

    def test_hears_of_no_other_patient(self, cora: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = cora.use("getAppointments", patientId="1010")

        assert (result.outcome, asked_of_the_pms(sim)) == ("not_verified", [])
        assert SecurityEvent.objects.filter(kind="verification.scope").count() == 1

    def test_is_not_believed_what_the_model_says_of_it(self, caller: Caller) -> None:
        assert caller.use("getAppointments", patientId="1001", verified=True, kind="SYSTEM").outcome == "not_verified"

    def test_says_which_patient_if_there_are_two(self, cora: Caller, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, patient_id="1002")
        cora.verified(MILO)

        assert cora.use("getAppointments").outcome == "ambiguous_patient"
        assert cora.use("getAppointments", patientId="1001").say == NONE_AHEAD
        assert at(9) in cora.use("getAppointments", patientId="1002").say

    def test_hears_of_a_child_only_as_its_parent(self, practice: Account, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, patient_id="1002")
        alone, parent = Caller(practice).verified(MILO), Caller(practice).verified().verified(MILO)

        assert alone.use("getAppointments", patientId="1002").outcome == "minor_needs_guardian"
        assert at(9) in parent.use("getAppointments", patientId="1002").say

    def test_in_a_later_call_must_be_verified_again(self, practice: Account, cora: Caller) -> None:
        assert Caller(practice).use("getAppointments", patientId="1001").outcome == "not_verified"

    def test_leaves_one_row_in_the_audit_log(self, cora: Caller) -> None:
        cora.ahead()

        row = PmsAuditLog.objects.get(action="getAppointments")
        assert (row.phase, row.patient_id, row.phi_accessed) == (AuditPhase.READ, "1001", True)


class TestAppointments:
    def test_are_told_by_date_time_and_id_and_nothing_else(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        first, second = made_at_the_desk(sandbox), made_at_the_desk(sandbox, "13:30")
        sim("DELETE", "requests")

        said = cora.ahead()

        [asked] = [row for row in sim("GET", "requests")["requests"] if row["path"] == "/v4/appointments"]
        assert said == f"Coming up: {at(9)} (appointment {first}) and {at(13, 30)} (appointment {second})."
        assert asked["query"]["patient_id"] == "1001"
        assert not {"patient_name", "note", "description"} & set(asked["query"]["fields"].split(","))

    def test_are_told_to_a_machine_in_a_call_with_no_more(self, cora: Caller, sandbox: Sandbox) -> None:
        number = made_at_the_desk(sandbox, description="Prefers mornings")
        cora.book("13:00")

        result = cora.use("getAppointments")

        assert result.answer
        first, second = result.answer.data["appointments"]
        assert (first["id"], first["patientId"], first["status"]) == (number, "1001", "scheduled")
        for row in (first, second):
            assert {row[name] for name in ("patientName", "providerName")} == {None}
            assert {row[name] for name in ("appointmentType", "providerId", "notes")} == {""}

    def test_that_are_none_are_said_to_be_none(self, cora: Caller) -> None:
        assert cora.ahead() == NONE_AHEAD

    def test_that_have_begun_are_not_ahead(self, practice: Account, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox)
        later = made_at_the_desk(sandbox, "13:30")
        noon = datetime.combine(quiet_day(), time(12), tzinfo=NEW_YORK)

        said = Caller(practice, clock=SetClock(noon)).verified().ahead()

        assert said == f"Coming up: {at(13, 30)} (appointment {later})."

    def test_that_the_desk_has_cancelled_are_not_offered(self, cora: Caller, sandbox: Sandbox) -> None:
        cancel_at_the_desk(sandbox, made_at_the_desk(sandbox))

        assert cora.ahead() == NONE_AHEAD

    def test_months_ahead_are_told_with_their_year(self, cora: Caller, sandbox: Sandbox) -> None:
        far = quiet_day() + timedelta(days=330)
        made_at_the_desk(sandbox, day=far)

        assert f", {far.year} at 9 AM" in cora.ahead()

    def test_of_somebody_else_are_not_told(self, cora: Caller, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, patient_id="1003")

        assert cora.ahead() == NONE_AHEAD

    def test_cannot_be_told_while_the_pms_is_down(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointments", times=9, status=503)

        assert cora.use("getAppointments").outcome == "pms_unavailable"


class TestOurOwn:
    """What the vendor's copy does not show yet."""

    def test_booking_is_told_before_and_after_the_copy_shows_it(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        number = Booking.objects.get().pms_appointment_id
        before = cora.ahead()
        sim("POST", "refresh")
        between = cora.ahead()
        shown(sim)

        assert before == between == cora.ahead() == f"Coming up: {at(9)} (appointment {number})."
        assert Booking.objects.get().verified_at

    def test_booking_that_is_pending_is_named_as_not_final(self, cora: Caller, slow: Slow) -> None:
        slow()
        cora.book("09:00")
        number = Booking.objects.get().confirmation_number

        assert cora.ahead() == (f"Coming up: {at(9)} (appointment {number}), which is requested and not final yet.")

    def test_booking_that_is_unknown_is_named_as_not_final(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")
        cora.book("09:00")

        assert cora.ahead().endswith("), which is requested and not final yet.")

    def test_booking_that_failed_is_none(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")
        cora.book("09:00")

        assert cora.ahead() == NONE_AHEAD

    def test_booking_that_is_only_held_is_none(self, cora: Caller, slow: Slow) -> None:
        slow()
        cora.book("09:00")
        Booking.objects.update(state="HELD")

        assert cora.ahead() == NONE_AHEAD

    def test_cancellation_is_not_undone_by_an_old_copy(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox)
        cora.cancel()

        before = cora.ahead()
        shown(sim)

        assert before == cora.ahead() == NONE_AHEAD

    def test_cancellation_of_ones_own_booking_is_not_undone_either(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        cora.cancel()

        before = cora.ahead()
        shown(sim)

        assert before == cora.ahead() == NONE_AHEAD

    def test_cancellation_that_is_pending_leaves_it_with_a_remark(
        self, cora: Caller, sandbox: Sandbox, slow: Slow
    ) -> None:
        number = made_at_the_desk(sandbox)
        slow()
        cora.cancel()

        assert cora.ahead() == (
            f"Coming up: {at(9)} (appointment {number}), for which a cancellation is on its way and not final yet."
        )

    def test_move_is_told_at_its_new_time_only(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        number = made_at_the_desk(sandbox)
        cora.move("14:00")

        before = cora.ahead()
        shown(sim)

        assert before == cora.ahead() == f"Coming up: {at(14)} (appointment {number})."

    def test_move_of_ones_own_booking_is_told_at_its_new_time_only(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        number = Booking.objects.get().pms_appointment_id
        cora.move("14:00")

        before = cora.ahead()
        shown(sim)

        assert before == cora.ahead() == f"Coming up: {at(14)} (appointment {number})."

    def test_second_move_is_told_at_the_last_time_only(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        number = made_at_the_desk(sandbox)
        cora.move("14:00")
        cora.move("15:00")

        before = cora.ahead()
        shown(sim)

        assert before == cora.ahead() == f"Coming up: {at(15)} (appointment {number})."

    def test_move_that_is_pending_leaves_the_old_time_with_a_remark(
        self, cora: Caller, sandbox: Sandbox, slow: Slow
    ) -> None:
        number = made_at_the_desk(sandbox)
        slow()
        cora.move("14:00")

        assert cora.ahead() == (
            f"Coming up: {at(9)} (appointment {number}), for which a move to {at(14)} is on its way and not final yet."
        )

    def test_pending_move_of_ones_own_booking_is_one_appointment(self, cora: Caller, sim: Sim, slow: Slow) -> None:
        cora.book("09:00")
        number = Booking.objects.get().pms_appointment_id
        slow("PUT appointment")
        cora.move("14:00")

        before = cora.ahead()
        sim("POST", "refresh")

        remark = f"for which a move to {at(14)} is on its way and not final yet"
        assert before == cora.ahead() == f"Coming up: {at(9)} (appointment {number}), {remark}."

    def test_pending_cancellation_of_ones_own_booking_is_remarked_too(self, cora: Caller, slow: Slow) -> None:
        cora.book("09:00")
        slow("PATCH appointment")
        cora.cancel()

        assert cora.ahead().endswith("), for which a cancellation is on its way and not final yet.")

    def test_move_is_given_up_where_the_desk_has_moved_it_elsewhere(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        number = made_at_the_desk(sandbox)
        cora.move("14:00")
        move_at_the_desk(sandbox, number, time="16:00")
        shown(sim)

        assert cora.ahead() == f"Coming up: {at(16)} (appointment {number})."

    def test_cancellation_is_given_up_where_the_desk_has_taken_it_back(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        number = made_at_the_desk(sandbox)
        cora.cancel()
        move_at_the_desk(sandbox, number, time="16:00", status="Scheduled")
        shown(sim)

        assert cora.ahead() == f"Coming up: {at(16)} (appointment {number})."

    @pytest.mark.parametrize("looks", [0, 1])
    def test_older_change_is_not_laid_over_a_newer_one_that_is_shown(
        self, cora: Caller, sandbox: Sandbox, sim: Sim, looks: int
    ) -> None:
        made_at_the_desk(sandbox)
        cora.confirm()
        cora.cancel()
        later = WriteBack.objects.get(operation="cancelAppointment")
        sim("POST", "refresh")
        WriteBack.objects.filter(pk=later.pk).update(verified_at=timezone.now(), next_attempt_at=None)
        for _ in range(looks):
            shown(sim)

        assert cora.ahead() == NONE_AHEAD


def test_arguments_that_are_for_servers_change_nothing_for_a_caller(cora: Caller, sandbox: Sandbox) -> None:
    made_at_the_desk(sandbox)
    odd: dict[str, Any] = {"startDate": "2020-01-01", "endDate": "2020-01-02", "status": "cancelled", "providerId": "X"}

    assert at(9) in cora.use("getAppointments", **odd).say
