"""What becomes of a move, a cancellation or a confirmation after the caller has hung up, against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.jobs import sweeps
from pms.models import AuditPhase, Booking, BookingState, PmsAuditLog, Task, WriteBack, WriteBackState
from pms.providers.sikka.service import SikkaService
from pms.sandbox import Sandbox
from pms.services import tasks, write_backs
from tests.conftest import Sim, copied_since
from tests.talking import (
    ALDER,
    JOSE,
    NEW_YORK,
    Caller,
    SetClock,
    Slow,
    cancel_at_the_desk,
    carry_out,
    in_the_pms,
    kinds,
    look,
    made_at_the_desk,
    move_at_the_desk,
    quiet_day,
    slow_office,
    writes_sent,
)

GRACE = write_backs.REQUEST_GRACE.total_seconds()
Ask = Callable[[Caller], object]

pytestmark = pytest.mark.usefixtures("quick_office")

CHANGES: dict[str, Ask] = {
    "move": lambda caller: caller.move("14:00"),
    "cancellation": lambda caller: caller.cancel(),
    "confirmation": lambda caller: caller.confirm(),
}


@pytest.fixture
def own(cora: Caller) -> Booking:
    """A cleaning at nine that Cora has booked; the vendor's copy does not show it yet."""
    cora.book("09:00", providerId="HY1")
    return Booking.objects.get()


@pytest.fixture
def slow(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Let the office take long with changes."""
    return lambda: slow_office(sim, monkeypatch, "PUT appointment", "PATCH appointment")


def row(sim: Sim) -> dict[str, str]:
    """Return Cora's appointment of the quiet day, in the practice's own system."""
    [found] = in_the_pms(sim, "1001")
    return found


def newest(operation: str = "") -> WriteBack:
    return WriteBack.objects.filter(**({"operation": operation} if operation else {})).latest("created_at")


class TestPending:
    def test_move_is_done_once_the_office_has_made_it(self, cora: Caller, own: Booking, sim: Sim, slow: Slow) -> None:
        slow()
        cora.move("14:00")
        moved = Booking.objects.latest("created_at")
        before = Booking.objects.get(pk=own.pk).state
        carry_out(sim)

        look(seconds=GRACE)

        own.refresh_from_db()
        moved.refresh_from_db()
        assert (before, own.state) == (BookingState.CONFIRMED, BookingState.RESCHEDULED)
        assert (moved.state, moved.pms_appointment_id) == (BookingState.CONFIRMED, own.pms_appointment_id)
        assert row(sim)["time"] == "14:00"
        assert " at 2 PM " in cora.ahead()
        assert kinds() == []

    def test_cancellation_is_done_once_the_office_has_made_it(
        self, cora: Caller, own: Booking, sim: Sim, slow: Slow
    ) -> None:
        slow()
        cora.cancel()
        before = Booking.objects.get().state
        carry_out(sim)

        look(seconds=GRACE)

        own.refresh_from_db()
        assert (before, own.state) == (BookingState.CONFIRMED, BookingState.CANCELLED)
        assert row(sim)["status"] == "Cancelled"
        assert cora.ahead() == "I don't see any appointment coming up."
        assert kinds() == []

    def test_confirmation_is_done_once_the_office_has_made_it(
        self, cora: Caller, number: str, sim: Sim, slow: Slow
    ) -> None:
        slow()
        cora.confirm()
        carry_out(sim)

        look(seconds=GRACE)

        assert newest().state == WriteBackState.DONE
        assert cora.confirm().say.endswith("is marked as confirmed.")
        assert len(writes_sent(sim)) == 2  # the desk's booking, and this

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_that_the_office_refuses_is_told_to_a_person(
        self, cora: Caller, own: Booking, sim: Sim, slow: Slow, what: str
    ) -> None:
        slow()
        CHANGES[what](cora)
        sim("POST", "fail_write", result="Appointment is locked")
        carry_out(sim)

        look(seconds=GRACE)

        own.refresh_from_db()
        task = Task.objects.get()
        said = tasks.detail(task)
        assert (task.kind, task.call) == (f"{what}_failed", cora.call)
        assert (said["patientId"], said["appointmentId"]) == ("1001", own.pms_appointment_id)
        assert newest().state == WriteBackState.FAILED
        assert own.state == BookingState.CONFIRMED
        assert (row(sim)["time"], row(sim)["status"]) == ("09:00", "Scheduled")
        assert " at 9 AM " in cora.ahead()
        assert "not final" not in cora.ahead()
        assert look(hours=1) == 0 or newest().state == WriteBackState.FAILED

    def test_move_that_comes_too_late_frees_the_new_time_for_nobody_of_ours(
        self, practice: Account, cora: Caller, number: str, sandbox: Sandbox, sim: Sim, slow: Slow
    ) -> None:
        slow()
        cora.move("14:00")
        sim("POST", "steal", office_id=ALDER, provider_id="HY1", operatory="Hyg 1", date=quiet_day().isoformat(),
            time="14:00", cloud=False)  # fmt: skip
        carry_out(sim)

        look(seconds=GRACE)

        assert Booking.objects.get().failure == "slot_taken"
        assert kinds() == ["move_failed"]
        assert row(sim)["time"] == "09:00"
        assert Caller(practice).verified(JOSE).book("14:00", providerId="HY1").outcome == "slot_taken"

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_is_parked_for_a_person_after_a_day(self, cora: Caller, number: str, slow: Slow, what: str) -> None:
        slow()
        CHANGES[what](cora)

        look(hours=24, minutes=1)

        assert newest().state == WriteBackState.PARKED
        assert kinds() == [f"{what}_unresolved"]
        assert look(hours=48) == 0

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_that_is_stuck_is_told_while_there_is_time(
        self, practice: Account, sandbox: Sandbox, sim: Sim, slow: Slow, what: str
    ) -> None:
        eight = datetime.combine(quiet_day(), time(8), tzinfo=NEW_YORK)
        sim("POST", "clock", advance_seconds=(eight - timezone.now()).total_seconds())
        made_at_the_desk(sandbox, "11:00" if what != "move" else "16:00")
        cora = Caller(practice, clock=SetClock(eight)).verified()
        slow()
        cora.move("11:00") if what == "move" else CHANGES[what](cora)

        sweeps.follow_write_backs(SetClock(eight + timedelta(minutes=80)))
        early = kinds()
        sweeps.follow_write_backs(SetClock(eight + timedelta(minutes=100)))

        assert (early, kinds()) == ([], [f"{what}_unresolved"])

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_leaves_an_audit_row_for_every_look(self, cora: Caller, number: str, slow: Slow, what: str) -> None:
        slow()
        CHANGES[what](cora)

        look(seconds=GRACE)

        logged = PmsAuditLog.objects.get(action="followWriteBack")
        assert (logged.phase, logged.patient_id, logged.phi_accessed) == (AuditPhase.READ, "1001", True)


class TestUnknown:
    LOST = {"move": "PUT", "cancellation": "PATCH", "confirmation": "PATCH"}

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_that_arrived_is_found(self, cora: Caller, own: Booking, sim: Sim, what: str) -> None:
        sim("POST", "lose_answer", method=self.LOST[what])
        CHANGES[what](cora)
        before = newest().state
        carry_out(sim)

        look(seconds=GRACE)

        assert (before, newest().state) == (WriteBackState.UNKNOWN, WriteBackState.DONE)
        assert newest().record_id == own.pms_appointment_id
        assert kinds() == [f"{what}_outcome_unknown"]
        assert tasks.detail(Task.objects.get())["meanwhile"] == "The practice's system has it."
        assert len(writes_sent(sim)) == 2  # the booking, and this

    @pytest.mark.parametrize("what", CHANGES)
    def test_change_that_never_arrived_fails_when_the_copy_is_newer(
        self, cora: Caller, own: Booking, sim: Sim, what: str
    ) -> None:
        sim("POST", "fail", path="/v4/appointments/*", method=self.LOST[what], status=503)
        CHANGES[what](cora)

        look(seconds=GRACE)
        at_first = newest().state
        carry_out(sim)
        sim("POST", "refresh")
        look(minutes=3)

        own.refresh_from_db()
        assert (at_first, newest().state) == (WriteBackState.UNKNOWN, WriteBackState.FAILED)
        assert own.state == BookingState.CONFIRMED
        assert kinds() == [f"{what}_failed", f"{what}_outcome_unknown"]
        assert " at 9 AM " in cora.ahead()

    def test_second_move_to_a_time_is_not_taken_for_the_first(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.move("14:00")
        cora.move("15:00")
        sim("POST", "fail", path="/v4/appointments/*", method="PUT", status=503)
        cora.move("14:00")
        carry_out(sim)
        sim("POST", "refresh")

        look(minutes=3)

        assert newest().state == WriteBackState.FAILED
        assert row(sim)["time"] == "15:00"

    @pytest.mark.parametrize("arrived", [True, False])
    @pytest.mark.parametrize("what", CHANGES)
    def test_is_what_a_process_leaves_that_dies_while_sending(
        self, cora: Caller, own: Booking, sim: Sim, what: str, arrived: bool
    ) -> None:
        if arrived:
            sim("POST", "lose_answer", method=self.LOST[what])
        else:
            sim("POST", "fail", path="/v4/appointments/*", method=self.LOST[what])
        CHANGES[what](cora)
        died = newest()
        WriteBack.objects.filter(pk=died.pk).update(state=WriteBackState.SENDING)
        Booking.objects.filter(pk=died.booking_id).update(state=BookingState.PENDING)
        Task.objects.all().delete()
        copied_since(sim)

        look(minutes=3)

        assert newest().state == (WriteBackState.DONE if arrived else WriteBackState.FAILED)
        assert f"{what}_outcome_unknown" in kinds()
        assert not Booking.objects.filter(state=BookingState.PENDING).exists()


class TestTakenBack:
    """A booking that was to be withdrawn when the vendor could not tell."""

    @pytest.fixture
    def asked(self, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> Booking:
        slow_office(sim, monkeypatch, "POST appointment")
        cora.book("09:00", providerId="HY1")
        sim("POST", "fail", path="/v4/writebacks", method="DELETE", status=500)
        cora.cancel()
        return Booking.objects.get()

    def test_is_withdrawn_by_the_job(self, asked: Booking, sim: Sim) -> None:
        look(seconds=GRACE)

        asked.refresh_from_db()
        carry_out(sim)
        assert asked.state == BookingState.CANCELLED
        assert in_the_pms(sim, "1001") == []
        assert kinds() == []
        assert look(hours=1) == 0

    def test_that_was_made_after_all_is_told_to_a_person(self, asked: Booking, sim: Sim) -> None:
        carry_out(sim)

        look(seconds=GRACE)

        asked.refresh_from_db()
        assert asked.state == BookingState.CONFIRMED
        assert kinds() == ["booking_not_withdrawn"]
        assert Task.objects.get().call == asked.call

    def test_where_nothing_can_be_withdrawn_is_followed_to_its_end(
        self, asked: Booking, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cannot(_self: object, _reference: str, **_more: object) -> bool:
            raise errors.NotSupported

        monkeypatch.setattr(SikkaService, "withdraw_write", cannot)
        carry_out(sim)

        look(seconds=GRACE)

        asked.refresh_from_db()
        assert asked.state == BookingState.CONFIRMED
        assert kinds() == ["booking_not_withdrawn"]


class TestReadBack:
    @pytest.mark.parametrize("what", CHANGES)
    def test_of_an_old_copy_proves_nothing(self, cora: Caller, number: str, what: str) -> None:
        CHANGES[what](cora)

        look(minutes=1)
        look(minutes=10)

        assert (newest().state, newest().verified_at) == (WriteBackState.DONE, None)
        assert newest().next_attempt_at
        assert set(Booking.objects.values_list("state", flat=True)) <= {"CONFIRMED"}
        assert kinds() == []

    @pytest.mark.parametrize("what", CHANGES)
    def test_that_is_equal_verifies_the_change(self, cora: Caller, number: str, sim: Sim, what: str) -> None:
        CHANGES[what](cora)
        sim("POST", "refresh")

        look(minutes=1)

        assert newest().verified_at
        assert newest().next_attempt_at is None
        assert Booking.objects.filter(verified_at__isnull=True).count() == 0
        assert kinds() == []
        assert look(hours=2) == 0

    @pytest.mark.parametrize(
        "change", [{"time": "16:00"}, {"operatory": "Hyg 2"}, {"provider_id": "HY2"}, {"length": "90"}]
    )
    def test_of_a_move_that_shows_something_else_is_a_mismatch(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim, change: dict[str, str]
    ) -> None:
        cora.move("14:00")
        move_at_the_desk(sandbox, number, **change)
        copied_since(sim)

        look(minutes=1)

        booking = Booking.objects.get()
        task = Task.objects.get()
        assert (booking.state, booking.verified_at) == (BookingState.MISMATCH, None)
        assert (task.kind, task.booking) == ("move_mismatch", booking)
        assert newest().state == WriteBackState.PARKED
        assert look(hours=2) == 0

    def test_of_a_move_that_the_desk_has_cancelled_is_a_mismatch(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim
    ) -> None:
        cora.move("14:00")
        cancel_at_the_desk(sandbox, number)
        copied_since(sim)

        look(minutes=1)

        assert Booking.objects.get().state == BookingState.MISMATCH
        assert cora.ahead() == "I don't see any appointment coming up."

    @pytest.mark.parametrize("what", ["cancellation", "confirmation"])
    def test_of_a_status_that_the_desk_has_changed_is_a_mismatch(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim, what: str
    ) -> None:
        CHANGES[what](cora)
        move_at_the_desk(sandbox, number, status="Scheduled" if what == "cancellation" else "Unconfirmed")
        copied_since(sim)

        look(minutes=1)

        assert kinds() == [f"{what}_mismatch"]
        assert newest().state == WriteBackState.PARKED
        assert look(hours=2) == 0

    def test_of_a_cancellation_where_the_row_is_gone_verifies_it(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(_self: object, _appointment_id: str) -> object:
            raise errors.AppointmentNotFound

        cora.cancel()
        monkeypatch.setattr(SikkaService, "get_appointment", gone)
        look(minutes=1)
        early = newest().verified_at
        copied_since(sim)

        look(minutes=2)

        assert early is None
        assert newest().verified_at
        assert kinds() == []

    @pytest.mark.parametrize("what", ["move", "confirmation"])
    def test_of_another_change_where_the_row_is_gone_is_told_to_a_person(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        def gone(_self: object, _appointment_id: str) -> object:
            raise errors.AppointmentNotFound

        CHANGES[what](cora)
        monkeypatch.setattr(SikkaService, "get_appointment", gone)
        copied_since(sim)

        look(minutes=1)

        assert kinds() == [f"{what}_lost"]
        assert set(Booking.objects.values_list("state", flat=True)) <= {"LOST"}

    def test_that_never_comes_is_told_to_a_person_without_taking_anything_back(self, cora: Caller, number: str) -> None:
        cora.move("14:00")

        look(hours=24, minutes=1)

        assert (Booking.objects.get().state, newest().state) == (BookingState.CONFIRMED, WriteBackState.DONE)
        assert kinds() == ["move_unresolved"]
        assert " at 2 PM " in cora.ahead()


class TestOneAfterAnother:
    """What a later change of ours has changed again is no mismatch."""

    @pytest.mark.parametrize(
        "steps",
        [
            ("move",),
            ("cancellation",),
            ("confirmation",),
            ("confirmation", "move"),
            ("confirmation", "cancellation"),
            ("move", "confirmation"),
            ("move", "cancellation"),
            ("move", "confirmation", "cancellation"),
        ],
        ids=" ".join,
    )
    def test_after_a_booking_leaves_no_task(self, cora: Caller, own: Booking, sim: Sim, steps: tuple[str, ...]) -> None:
        for step in steps:
            CHANGES[step](cora)
        copied_since(sim)

        for minutes in (1, 2, 4):
            look(minutes=minutes)

        assert kinds() == []
        assert not WriteBack.objects.filter(next_attempt_at__isnull=False).exists()
        assert newest().verified_at

    def test_move_after_move_leaves_no_task(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.move("14:00")
        cora.move("15:00")
        copied_since(sim)

        look(minutes=1)

        assert kinds() == []
        assert Booking.objects.latest("created_at").verified_at

    def test_cancellation_that_is_not_known_to_be_done_yet_is_no_mismatch(
        self, cora: Caller, own: Booking, sim: Sim, slow: Slow
    ) -> None:
        slow()
        cora.cancel()
        copied_since(sim)

        look(seconds=GRACE - 20)
        first = (Booking.objects.get().state, kinds())
        look(seconds=GRACE + 60)
        look(seconds=GRACE + 240)

        assert first == (BookingState.CONFIRMED, [])
        assert (Booking.objects.get().state, kinds()) == (BookingState.CANCELLED, [])
