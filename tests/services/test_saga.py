"""A booking for somebody whose record is still being made: kept, sent once when the record is there, or told of."""

from __future__ import annotations

import uuid
from datetime import datetime, time
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.speech import say_when, spell
from pms.jobs import sweeps
from pms.models import (
    AppointmentType,
    Booking,
    BookingState,
    Operation,
    PmsAuditLog,
    Task,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.services import changes, diary, following, newcomers, placing, sending, tasks, write_backs
from pms.services.diary import Entry
from tests.conftest import Sim, copied_since
from tests.talking import (
    ALDER,
    JOSE,
    NEW_YORK,
    NOBODY,
    Caller,
    SetClock,
    bookings_sent,
    carry_out,
    codes,
    in_the_pms,
    kinds,
    look,
    quiet_day,
    slow_write,
    together,
    trusting_any_copy,
    writes_sent,
)

CREATE, BOOK = ("POST", "/patient"), ("POST", "/appointment")
GRACE = write_backs.REQUEST_GRACE.total_seconds()
LEASE = following.LEASE.total_seconds()


def made(sim: Sim) -> None:
    """Let the office make the record, and the job hear of it."""
    carry_out(sim)
    look(seconds=GRACE)


def sent(sim: Sim) -> None:
    """Let the office make the record, and the job send what has waited for it."""
    made(sim)
    look(seconds=GRACE + 1)


def record() -> WriteBack:
    """Return the write-back that makes the record."""
    return WriteBack.objects.get(operation=Operation.CREATE_PATIENT)


def visit() -> Booking:
    """Return the one booking."""
    return Booking.objects.get()


def now_in(booking: Booking) -> str:
    booking.refresh_from_db()
    return booking.state


def newcomer(sim: Sim) -> str:
    """Return the PMS's id of Theodora, who is new there."""
    rows = sim("GET", "truth", office_id=ALDER)["patients"]
    [found] = [row["patient_id"] for row in rows if row["lastname"] == NOBODY["lastName"]]
    return str(found)


@pytest.fixture
def theodora(practice: Account, sim: Sim) -> Caller:
    """Somebody new, whose record is on its way."""
    slow_write(sim, "POST patient")
    caller = Caller(practice, number="")
    assert "not final yet" in caller.use("createPatient", **NOBODY).say
    return caller


@pytest.fixture
def waiting(theodora: Caller) -> Booking:
    """Her cleaning at nine, which waits for the record."""
    assert "is kept" in theodora.book("09:00", providerId="HY1").say
    return visit()


class TestKept:
    def test_is_said_to_be_kept_and_nothing_is_sent(self, theodora: Caller, sim: Sim) -> None:
        result = theodora.book("09:00", providerId="HY1", notes="Has a crown")

        booking, write_back = visit(), WriteBack.objects.get(operation=Operation.BOOK)
        assert result.outcome == "ok"
        assert result.say == (
            f"{say_when(datetime.combine(quiet_day(), time(9)))} with Perpetua Lindqvist is kept. "
            "The request for it goes out when the practice's system has the new record, so it is not final yet. If it "
            f"does not go through, the team will be told. The reference number is {spell(booking.confirmation_number)}."
        )
        assert (booking.state, booking.patient_id) == (BookingState.PENDING, newcomers.handle_of(record()))
        assert (write_back.state, write_back.after, write_back.booking) == (WriteBackState.WAITING, record(), booking)
        assert writes_sent(sim) == [CREATE]

    @pytest.mark.parametrize("with_handle", [True, False])
    def test_for_whoever_was_named_or_is_the_only_one(self, theodora: Caller, with_handle: bool) -> None:
        handle = newcomers.handle_of(record())

        assert "is kept" in theodora.book(**({"patientId": handle} if with_handle else {})).say
        assert visit().patient_id == handle

    def test_by_code(self, theodora: Caller) -> None:
        code = codes(theodora.open_times(time="10:00"))[0]

        assert "is kept" in theodora.book(slotCode=code).say

    def test_is_refused_to_others(self, practice: Account, waiting: Booking, sim: Sim) -> None:
        other = Caller(practice).verified()

        refused = other.book("09:00", providerId="HY1")

        assert refused.outcome == "slot_taken"
        assert "9 AM" not in other.open_times(providerId="HY1", time="09:00")
        assert bookings_sent(sim) == 0

    def test_is_refused_to_others_until_the_job_has_sent_it(
        self, practice: Account, waiting: Booking, sim: Sim
    ) -> None:
        made(sim)

        assert Caller(practice).verified().book("09:00", providerId="HY1").outcome == "slot_taken"

    def test_is_told_again_and_not_kept_twice(self, theodora: Caller, waiting: Booking) -> None:
        again = theodora.book("09:00", providerId="HY1")

        assert again.say.startswith("I have asked for that one already. Tuesday, ")
        assert spell(waiting.confirmation_number) in again.say
        assert visit() == waiting

    def test_is_told_among_the_appointments_ahead(self, theodora: Caller, waiting: Booking) -> None:
        said = theodora.ahead()

        assert f"(appointment {waiting.confirmation_number}), which is requested and not final yet." in said

    def test_is_not_offered_beside_another_at_that_time(self, theodora: Caller, waiting: Booking) -> None:
        assert theodora.book("09:30", providerId="HY2").outcome == "person_overlap"
        assert visit() == waiting

    def test_can_be_neither_moved_nor_marked_and_a_person_is_asked(self, theodora: Caller, waiting: Booking) -> None:
        results = [theodora.move("10:00"), theodora.confirm()]

        assert [one.outcome for one in results] == ["still_working"] * 2
        assert kinds() == ["please_confirm", "please_move"]
        assert (now_in(waiting), Booking.objects.count()) == (BookingState.PENDING, 1)

    def test_is_left_alone_while_there_is_no_record(self, waiting: Booking, sim: Sim) -> None:
        for seconds in (GRACE, 200.0, 400.0):
            look(seconds=seconds)

        assert WriteBack.objects.get(booking=waiting).state == WriteBackState.WAITING
        assert writes_sent(sim) == [CREATE]
        assert not Task.objects.exists()

    def test_needs_no_wait_if_the_record_was_made_at_once(self, practice: Account, sim: Sim) -> None:
        caller = Caller(practice, number="")
        caller.use("createPatient", **NOBODY)

        result = caller.book("09:00")

        assert "The appointment is booked for " in result.say
        assert [row["appointment_sr_no"] for row in in_the_pms(sim, newcomer(sim))] == [visit().pms_appointment_id]
        assert writes_sent(sim) == [CREATE, BOOK]


class TestSent:
    def test_once_when_the_record_is_there(self, waiting: Booking, sim: Sim) -> None:
        sent(sim)
        for minutes in (3, 30):
            look(minutes=minutes)

        [row] = in_the_pms(sim, newcomer(sim))
        assert (row["time"], row["provider_id"], row["operatory"]) == ("09:00", "HY1", "Hyg 1")
        assert (now_in(waiting), waiting.pms_appointment_id) == (BookingState.CONFIRMED, row["appointment_sr_no"])
        assert writes_sent(sim) == [CREATE, BOOK]
        assert kinds() == []

    def test_under_the_id_of_the_pms_everywhere(self, theodora: Caller, waiting: Booking, sim: Sim) -> None:
        handle = newcomers.handle_of(record())

        sent(sim)

        known = newcomer(sim)
        write_back = WriteBack.objects.get(booking=waiting)
        change = write_backs.change_of(write_back)
        assert Booking.objects.get().patient_id == write_back.patient_id == known
        assert [one.patient_id for one in Verification.objects.filter(succeeded=True)] == [known]
        assert getattr(change, "patient_id", "") == known
        assert not Booking.objects.filter(patient_id=handle).exists()
        assert not WriteBack.objects.filter(patient_id=handle).exists()

    def test_with_its_note(self, theodora: Caller, sim: Sim) -> None:
        theodora.book("09:00", notes="Has a crown")

        sent(sim)

        assert [row["description"] for row in in_the_pms(sim, newcomer(sim))] == ["Has a crown"]

    def test_in_the_end_although_the_notice_has_run_out_meanwhile(
        self, practice: Account, waiting: Booking, sim: Sim
    ) -> None:
        made(sim)
        trusting_any_copy(practice)
        an_hour_before = datetime.combine(quiet_day(), time(8), tzinfo=NEW_YORK)

        sweeps.follow_write_backs(SetClock(an_hour_before))

        assert now_in(waiting) == BookingState.CONFIRMED
        assert len(in_the_pms(sim, newcomer(sim))) == 1

    def test_when_a_record_of_which_nothing_was_known_is_found(self, practice: Account, sim: Sim) -> None:
        sim("POST", "lose_answer")
        caller = Caller(practice, number="")
        created = caller.use("createPatient", **NOBODY)
        booked = caller.book("09:00")

        sent(sim)

        assert (created.outcome, "is kept" in booked.say) == ("outcome_unknown", True)
        assert now_in(visit()) == BookingState.CONFIRMED
        assert len(in_the_pms(sim, newcomer(sim))) == 1
        assert writes_sent(sim) == [CREATE, BOOK]

    def test_both_if_two_have_waited(self, theodora: Caller, sim: Sim) -> None:
        theodora.book("09:00")
        theodora.book("13:00", appointmentType="exam", providerId="DR1")

        sent(sim)

        assert sorted(row["time"] for row in in_the_pms(sim, newcomer(sim))) == ["09:00", "13:00"]
        assert set(Booking.objects.values_list("state", flat=True)) == {BookingState.CONFIRMED}
        assert writes_sent(sim) == [CREATE, BOOK, BOOK]

    def test_is_told_as_booked_from_then_on(self, theodora: Caller, waiting: Booking, sim: Sim) -> None:
        sent(sim)

        again = theodora.book("09:00", providerId="HY1")

        assert again.say.startswith("You already have that one. The appointment is booked for Tuesday, ")
        assert visit() == waiting

    def test_is_not_said_to_be_sent_before_it_is(self, theodora: Caller, waiting: Booking, sim: Sim) -> None:
        made(sim)

        again = theodora.book("09:00", providerId="HY1")

        assert bookings_sent(sim) == 0
        assert "has been sent" not in again.say
        assert "not final yet" in again.say

    def test_although_the_record_was_made_while_the_time_was_being_held(
        self, theodora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hold = placing.hold

        def made_meanwhile(*arguments: Any) -> Booking:
            made(sim)
            return hold(*arguments)

        monkeypatch.setattr(placing, "hold", made_meanwhile)
        theodora.book("09:00")
        monkeypatch.undo()

        look(seconds=GRACE + 30)

        assert (now_in(visit()), visit().patient_id) == (BookingState.CONFIRMED, newcomer(sim))
        assert len(in_the_pms(sim, newcomer(sim))) == 1

    def test_later_if_the_vendor_cannot_be_asked_now(self, waiting: Booking, sim: Sim) -> None:
        made(sim)
        sim("POST", "fail", path="/v4/appointments", status=500)

        look(seconds=GRACE + 1)
        then = WriteBack.objects.get(booking=waiting).state
        look(minutes=5)

        assert (then, bookings_sent(sim)) == (WriteBackState.WAITING, 1)
        assert now_in(waiting) == BookingState.CONFIRMED

    def test_leaves_intent_and_outcome_of_the_job_in_the_audit_log(self, waiting: Booking, sim: Sim) -> None:
        sent(sim)

        rows = PmsAuditLog.objects.filter(action="bookAppointment", actor="job:write-backs").order_by("seq")
        assert [(row.phase, row.patient_id) for row in rows] == [
            ("INTENT", newcomer(sim)),
            ("OUTCOME", newcomer(sim)),
        ]
        assert rows[0].access_id == WriteBack.objects.get(booking=waiting).access_id

    @pytest.mark.django_db(transaction=True)
    def test_once_by_two_workers(self, practice: Account, sim: Sim) -> None:
        slow_write(sim, "POST patient")
        caller = Caller(practice, number="")
        caller.use("createPatient", **NOBODY)
        caller.book("09:00")
        made(sim)

        together(*[lambda: look(seconds=GRACE + 1)] * 3)

        assert writes_sent(sim) == [CREATE, BOOK]
        assert len(in_the_pms(sim, newcomer(sim))) == 1
        assert now_in(visit()) == BookingState.CONFIRMED

    @pytest.mark.django_db(transaction=True)
    def test_once_although_the_worker_looks_while_the_caller_asks(self, practice: Account, sim: Sim) -> None:
        slow_write(sim, "POST patient")
        caller = Caller(practice, number="")
        caller.use("createPatient", **NOBODY)
        carry_out(sim)

        together(lambda: bool(caller.book("09:00", seconds=30.0)), lambda: bool(look(seconds=GRACE)))
        for seconds in (20, 60, 120):
            look(seconds=GRACE + seconds)

        assert len(in_the_pms(sim, newcomer(sim))) == 1
        assert (now_in(visit()), visit().patient_id) == (BookingState.CONFIRMED, newcomer(sim))
        assert writes_sent(sim) == [CREATE, BOOK]


class TestFailed:
    def test_with_the_record_that_the_office_refused(self, theodora: Caller, waiting: Booking, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")

        sent(sim)

        assert (now_in(waiting), waiting.failure) == (BookingState.FAILED, "patient_not_created")
        assert kinds() == ["booking_failed", "new_patient_failed"]
        assert {task.call for task in Task.objects.all()} == {theodora.call}
        assert tasks.detail(Task.objects.get(kind="booking_failed")) == {
            "patientId": newcomers.handle_of(record()),
            "startsAt": waiting.starts_at.isoformat(),
            "confirmationNumber": waiting.confirmation_number,
        }
        assert bookings_sent(sim) == 0
        assert look(hours=2) == 0

    def test_leaves_the_time_to_others(self, practice: Account, waiting: Booking, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")
        sent(sim)

        assert Caller(practice).verified().book("09:00", providerId="HY1").outcome == "ok"

    def test_and_nothing_more_is_booked_for_who_has_no_record(self, theodora: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")
        made(sim)

        result = theodora.book("09:00")

        assert result.outcome == "patient_not_found"
        assert result.say.startswith("The record could not be created in the practice's system")
        assert not Booking.objects.exists()

    def test_with_the_record_that_never_arrived(self, practice: Account, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/patient", status=503)
        caller = Caller(practice, number="")
        caller.use("createPatient", **NOBODY)
        caller.book("09:00")
        copied_since(sim)

        look(minutes=3)
        look(minutes=4)

        assert (now_in(visit()), visit().failure) == (BookingState.FAILED, "patient_not_created")
        assert kinds() == ["booking_failed", "new_patient_failed", "new_patient_outcome_unknown"]

    def test_with_the_record_that_a_person_has_to_look_for(self, waiting: Booking) -> None:
        look(hours=24, minutes=1)
        look(hours=24, minutes=20)

        assert record().state == WriteBackState.PARKED
        assert (now_in(waiting), waiting.failure) == (BookingState.FAILED, "patient_not_created")
        assert {"new_patient_unresolved"} < set(kinds())

    @pytest.mark.parametrize(("is_shown", "posts"), [(True, 0), (False, 1)])
    def test_if_the_desk_has_taken_the_time_meanwhile(
        self, waiting: Booking, sim: Sim, is_shown: bool, posts: int
    ) -> None:
        made(sim)
        taken = {"provider_id": "HY1", "operatory": "Hyg 1", "date": quiet_day().isoformat(), "time": "09:00"}
        sim("POST", "steal", office_id=ALDER, patient_id="1010", cloud=is_shown, **taken)

        look(seconds=GRACE + 1)

        assert (now_in(waiting), waiting.failure) == (BookingState.FAILED, "slot_taken")
        assert kinds() == ["booking_failed"]
        assert (bookings_sent(sim), in_the_pms(sim, newcomer(sim))) == (posts, [])

    def test_if_the_time_has_passed_meanwhile(self, waiting: Booking, sim: Sim) -> None:
        made(sim)
        too_late = datetime.combine(quiet_day(), time(9, 1), tzinfo=NEW_YORK)

        sweeps.follow_write_backs(SetClock(too_late))

        assert now_in(waiting) == BookingState.FAILED
        assert "booking_failed" in kinds()
        assert bookings_sent(sim) == 0

    def test_if_the_practice_has_dropped_that_kind_of_visit_meanwhile(self, waiting: Booking, sim: Sim) -> None:
        AppointmentType.objects.filter(name="Cleaning").update(resources=[{"clinicianId": "HY2", "operatoryId": "x"}])
        made(sim)

        look(seconds=GRACE + 1)

        assert now_in(waiting) == BookingState.FAILED
        assert kinds() == ["booking_failed"]
        assert bookings_sent(sim) == 0

    @pytest.mark.parametrize(("fault", "failure"), [
        (("office", {"office_id": ALDER, "online": False}), "pms_unavailable"),
        (("fail_write", {"result": "Operatory does not exist"}), "refused_by_pms"),
    ])  # fmt: skip
    def test_if_it_is_refused_when_it_is_sent(
        self, waiting: Booking, sim: Sim, fault: tuple[str, dict[str, Any]], failure: str
    ) -> None:
        made(sim)
        sim("POST", fault[0], **fault[1])

        look(seconds=GRACE + 1)

        assert (now_in(waiting), waiting.failure) == (BookingState.FAILED, failure)
        assert {"booking_failed"} <= set(kinds())
        assert in_the_pms(sim) == []


class TestWorkerDies:
    @pytest.mark.parametrize("has_arrived", [True, False])
    def test_while_sending_and_the_booking_is_unknown_until_it_is_found(
        self, waiting: Booking, sim: Sim, monkeypatch: pytest.MonkeyPatch, has_arrived: bool
    ) -> None:
        made(sim)

        def dies(access: Any, _write_back: WriteBack, change: Any) -> None:
            if has_arrived:
                sending._perform(access.pms, change)
            raise KeyboardInterrupt

        monkeypatch.setattr(sending, "_send", dies)
        with pytest.raises(KeyboardInterrupt):
            look(seconds=GRACE + 1)
        monkeypatch.undo()
        left = WriteBack.objects.get(booking=waiting)
        sim("POST", "clock", advance_seconds=60)

        assert left.state == WriteBackState.SENDING
        assert look(seconds=GRACE + LEASE - 10) <= 1
        assert now_in(waiting) == BookingState.PENDING
        look(seconds=GRACE + LEASE + 10)
        told = kinds()
        copied_since(sim)
        look(seconds=GRACE + LEASE + 120)

        rows = [row["appointment_sr_no"] for row in in_the_pms(sim, newcomer(sim))]
        assert "booking_outcome_unknown" in told
        assert now_in(waiting) == (BookingState.CONFIRMED if has_arrived else BookingState.FAILED)
        assert rows == [waiting.pms_appointment_id] * has_arrived
        assert bookings_sent(sim) == int(has_arrived)

    def test_before_it_sends_and_another_one_does(
        self, waiting: Booking, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made(sim)

        def dies(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(placing, "why_not_free", dies)
        with pytest.raises(KeyboardInterrupt):
            look(seconds=GRACE + 1)
        monkeypatch.undo()
        at_once = look(seconds=GRACE + 2)
        look(seconds=GRACE + LEASE + 5)

        assert at_once <= 1
        assert now_in(waiting) == BookingState.CONFIRMED
        assert bookings_sent(sim) == 1

    def test_and_the_answer_is_lost_and_it_is_found(self, waiting: Booking, sim: Sim) -> None:
        made(sim)
        sim("POST", "lose_answer", path="/v4/appointment")
        look(seconds=GRACE + 1)
        then = now_in(waiting)
        sim("POST", "clock", advance_seconds=60)

        look(minutes=10)

        assert then == BookingState.UNKNOWN
        assert now_in(waiting) == BookingState.CONFIRMED
        assert kinds() == ["booking_outcome_unknown"]
        assert bookings_sent(sim) == 1


class TestTakenBack:
    @pytest.mark.parametrize("named", [True, False])
    def test_while_it_waits_it_is_cancelled_at_once(
        self, theodora: Caller, waiting: Booking, sim: Sim, named: bool
    ) -> None:
        result = theodora.cancel(waiting.confirmation_number if named else "")

        sent(sim)
        assert result.say.startswith("The appointment on Tuesday, ")
        assert result.say.endswith(" has been cancelled.")
        assert (now_in(waiting), WriteBack.objects.get(booking=waiting).failure) == (
            BookingState.CANCELLED,
            write_backs.WITHDRAWN,
        )
        assert writes_sent(sim) == [CREATE]
        assert kinds() == []
        assert record().state == WriteBackState.DONE

    def test_leaves_the_time_to_others(self, practice: Account, theodora: Caller, waiting: Booking) -> None:
        theodora.cancel()

        assert Caller(practice).verified().book("09:00", providerId="HY1").outcome == "ok"

    def test_twice_is_said_to_be_so(self, theodora: Caller, waiting: Booking) -> None:
        theodora.cancel(waiting.confirmation_number)

        assert "cancelled" in theodora.cancel(waiting.confirmation_number).say
        assert theodora.ahead() == "I don't see any appointment coming up."

    def test_by_nobody_else(self, practice: Account, waiting: Booking) -> None:
        other = Caller(practice).verified(JOSE)

        assert other.cancel(waiting.confirmation_number).outcome == "appointment_not_found"
        assert now_in(waiting) == BookingState.PENDING

    def test_once_the_record_is_there_and_before_it_is_sent(self, theodora: Caller, waiting: Booking, sim: Sim) -> None:
        made(sim)

        result = theodora.cancel()
        look(seconds=GRACE + 1)

        assert result.say.endswith(" has been cancelled.")
        assert (now_in(waiting), bookings_sent(sim)) == (BookingState.CANCELLED, 0)

    def test_once_it_is_booked_it_is_cancelled_like_any_other(
        self, theodora: Caller, waiting: Booking, sim: Sim
    ) -> None:
        sent(sim)

        theodora.cancel(waiting.confirmation_number)

        [row] = in_the_pms(sim, newcomer(sim))
        assert (row["status"], now_in(waiting)) == ("Cancelled", BookingState.CANCELLED)

    def test_while_a_worker_has_begun_to_send_it_is_not_said_to_be_cancelled(
        self, theodora: Caller, waiting: Booking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = diary.find

        def begun_meanwhile(*arguments: Any, **named: Any) -> Entry:
            entry = find(*arguments, **named)
            WriteBack.objects.filter(booking=waiting).update(state=WriteBackState.SENDING)
            return entry

        monkeypatch.setattr(changes.diary, "find", begun_meanwhile)

        result = theodora.cancel(waiting.confirmation_number)

        assert result.outcome == "still_working"
        assert kinds() == ["please_cancel"]
        assert now_in(waiting) == BookingState.PENDING
        assert WriteBack.objects.get(booking=waiting).state == WriteBackState.SENDING


class TestNobodys:
    @pytest.fixture
    def foreign(self, practice: Account) -> str:
        """The handle of somebody whom another practice has had made."""
        other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")
        integration = practice.integrations.get()
        integration.pk, integration.account, integration._state.adding = uuid.uuid4(), other, True
        integration.practice_digest = ""
        integration.save()
        now = timezone.now()
        made = WriteBack.objects.create(
            account=other,
            integration=integration,
            operation=Operation.CREATE_PATIENT,
            state=WriteBackState.DONE,
            record_id="1001",
            payload=b"",
            access_id=uuid.uuid4(),
            sent_at=now,
            completed_at=now,
            verified_at=now,
        )
        return newcomers.handle_of(made)

    def test_handle_of_another_practice_stands_for_nobody_here(self, practice: Account, foreign: str) -> None:
        integration = practice.integrations.get()

        assert newcomers.current_id(account_id=practice.pk, patient_id=foreign) == foreign
        with pytest.raises(errors.PatientNotFound):
            newcomers.resolve(integration=integration, patient_id=foreign)

    def test_handle_of_nobody_stands_for_nobody(self, practice: Account) -> None:
        integration, nobody = practice.integrations.get(), f"new-{uuid.uuid4().hex}"

        assert newcomers.current_id(account_id=practice.pk, patient_id=nobody) == nobody
        with pytest.raises(errors.PatientNotFound):
            newcomers.resolve(integration=integration, patient_id=nobody)

    @pytest.mark.parametrize("patient_id", ["1001", "", "new-", "new-1001", f"NEW-{'0' * 32}", f"new-{'g' * 32}"])
    def test_id_of_the_pms_is_what_it_is(self, practice: Account, patient_id: str) -> None:
        assert newcomers.current_id(account_id=practice.pk, patient_id=patient_id) == patient_id
        assert newcomers.resolve(integration=practice.integrations.get(), patient_id=patient_id) == (patient_id, None)
