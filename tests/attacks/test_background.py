"""What goes on behind a caller's back, attacked: rules that change on the way, the circuit, the sweeps, retention."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Account, User
from pms.domain.clock import Budget
from pms.jobs import sweeps
from pms.models import (
    AppointmentType,
    Booking,
    BookingState,
    Operation,
    PmsAuditLog,
    PmsIntegration,
    Resolution,
    Task,
    TaskState,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import circuit, requests, retention, write_backs
from pms.services.audit import Asker
from pms.services.circuit import FAILURES
from tests import agreement
from tests.api.test_rules import put, read
from tests.api.test_setup import Person, member
from tests.conftest import Sim, copied_since
from tests.talking import (
    ALDER,
    JOSE,
    NOBODY,
    Caller,
    SetClock,
    bookings_sent,
    carry_out,
    in_the_pms,
    look,
    made_at_the_desk,
    move_at_the_desk,
    slow_write,
    trusting_any_copy,
)

GRACE = write_backs.REQUEST_GRACE.total_seconds()


@pytest.fixture
def owner(practice: Account) -> Person:
    return member(practice)


@pytest.fixture
def theodora(practice: Account, sim: Sim) -> Caller:
    """Somebody new, whose record is on its way."""
    slow_write(sim, "POST patient")
    caller = Caller(practice, number="")
    assert "not final yet" in caller.use("createPatient", **NOBODY).say
    return caller


def made_and_sent(sim: Sim) -> None:
    """Let the office make the record, and the job send what has waited for it."""
    carry_out(sim)
    look(seconds=GRACE)
    look(seconds=GRACE + 1)


class TestRulesThatChangeWhileABookingWaits:
    def test_an_approved_request_of_a_new_patient_is_sent_when_the_record_is_there(
        self, theodora: Caller, sim: Sim
    ) -> None:
        assert theodora.book("09:00", appointmentType="crown").outcome == "on_request_only"
        task, clock = Task.objects.get(kind=requests.KIND), SetClock()
        booked = requests.approve(
            task=task,
            user=User.objects.create(email="ana@alder.example", name="Ana"),
            asker=Asker(actor="user:ana", endpoint="test", method="POST"),
            clock=clock,
            budget=Budget(8, clock),
        )
        assert booked.booking.state == BookingState.PENDING

        made_and_sent(sim)

        write_back = WriteBack.objects.get(operation=Operation.BOOK)
        assert (write_back.state, bookings_sent(sim)) != (WriteBackState.WAITING, 0)

    def test_a_kind_that_becomes_one_for_requests_does_not_leave_it_waiting(
        self, theodora: Caller, owner: Person, sim: Sim
    ) -> None:
        assert "is kept" in theodora.book("09:00", providerId="HY1").say
        types = read(owner)["appointmentTypes"]
        changed = [{**one, "mode": "REQUEST"} if one["name"] == "Cleaning" else one for one in types]
        assert put(owner, appointmentTypes=changed).status_code == 200

        made_and_sent(sim)

        assert WriteBack.objects.get(operation=Operation.BOOK).state != WriteBackState.WAITING

    def test_it_is_as_long_as_the_time_that_is_kept_for_it(self, theodora: Caller, owner: Person, sim: Sim) -> None:
        assert "is kept" in theodora.book("09:00", providerId="HY1").say
        types = read(owner)["appointmentTypes"]
        changed = [{**one, "durationMinutes": 90} if one["name"] == "Cleaning" else one for one in types]
        assert put(owner, appointmentTypes=changed).status_code == 200

        made_and_sent(sim)
        sim("POST", "clock", advance_seconds=5)

        booking = Booking.objects.get()
        [row] = in_the_pms(sim)
        assert int(row["length"]) == (booking.ends_at - booking.starts_at).total_seconds() / 60


class TestAProcessThatDies:
    def test_between_an_approval_and_its_booking_loses_no_request(self, cora: Caller) -> None:
        assert cora.book("09:00", appointmentType="crown").outcome == "on_request_only"
        task, ana = Task.objects.get(kind=requests.KIND), User.objects.create(email="ana@alder.example", name="Ana")
        requests._decide(task, Resolution.APPROVED, timezone.now(), ana)  # and here the machine goes down

        for hours in (1, 25):
            sweeps.follow_write_backs(SetClock.later(hours=hours))
            sweeps.do_duties(SetClock.later(hours=hours))
            sweeps.housekeeping()

        assert Booking.objects.exists() or Task.objects.filter(state=TaskState.OPEN).exists()


class TestWhoHasNotAgreed:
    def test_no_job_reads_patients_dates(self, practice: Account, sim: Sim) -> None:
        """``bookable`` says then that no patient data is touched."""
        Caller(practice, number="").verified().book("09:00", providerId="HY1")
        sim("POST", "refresh", office_id=ALDER)
        look(minutes=2)
        assert Booking.objects.get().verified_at is not None
        agreement.withdraw()

        sweeps.do_duties(SetClock.later(minutes=3))

        assert not PmsAuditLog.objects.filter(action="syncBookings").exists()


class TestWhatTheDeskDoes:
    def test_another_room_at_the_same_time_still_needs_whoever_assists(
        self, practice: Account, sandbox: Sandbox, sim: Sim
    ) -> None:
        """Who assists is in our rows alone."""
        cleaning = AppointmentType.objects.get(account=practice, name="Cleaning")
        cleaning.resources = [{"clinicianId": "HY1", "operatoryId": "Hyg 1", "assistantId": "HY2"}]
        cleaning.save()
        AppointmentType.objects.create(
            account=practice,
            name="Whitening",
            duration_minutes=60,
            resources=[{"clinicianId": "HY2", "operatoryId": "Hyg 2"}],
        )
        Caller(practice, number="").verified().book("09:00")
        sim("POST", "refresh", office_id=ALDER)
        look(minutes=2)
        booking = Booking.objects.get()
        assert (booking.assistant_id, booking.verified_at is None) == ("HY2", False)
        jose = Caller(practice, number="").verified(JOSE)
        assert jose.book("09:00", appointmentType="whitening").outcome == "slot_taken"

        move_at_the_desk(sandbox, booking.pms_appointment_id, operatory="Op 1")
        copied_since(sim)
        sweeps.do_duties(SetClock.later(hours=2))

        assert jose.book("09:00", appointmentType="whitening").outcome == "slot_taken"


class TestAnOfficeThatWasOffline:
    def test_is_not_called_so_forever_where_nobody_tells_that_it_is_back(
        self, cora: Caller, practice: Account, sim: Sim
    ) -> None:
        """A write was refused once; the vendor's lists that tell of the office's computer are not ours to read."""
        PmsIntegration.objects.update(office_offline_at=timezone.now())
        for path in ("/v4/data_sync_status", "/v4/health_check"):
            sim("POST", "fail", path=path, status=403, times=1000)
        trusting_any_copy(practice)
        for hours in (1, 12, 24, 48):
            sweeps.do_duties(SetClock.later(hours=hours))

        later = Caller(practice, clock=SetClock.later(hours=49)).verified()

        result = later.book("09:00", providerId="HY1")
        assert result.outcome == "ok", result.say


def fail(caller: Caller, sim: Sim, times: int) -> None:
    """Have the vendor fail at whatever the next accesses ask."""
    sim("POST", "fail", status=500, times=times)
    for _ in range(times):
        assert caller.use("getAppointments").outcome == "pms_unavailable"


@pytest.mark.django_db(transaction=True)
class TestTheOpenCircuit:
    def test_of_a_cancellation_that_was_sent_nobody_hears_that_nothing_was_changed(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        number = made_at_the_desk(sandbox)
        sim("POST", "lose_answer", method="PATCH")
        assert cora.cancel(number).outcome == "outcome_unknown"
        fail(cora, sim, FAILURES - 1)
        assert circuit.is_open(PmsIntegration.objects.get().pk)

        again = cora.cancel(number)

        assert "nothing has been scheduled or changed" not in again.say, again.say

    def test_of_a_cancellation_that_is_done_nobody_hears_that_nothing_was_changed(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        number = made_at_the_desk(sandbox)
        assert "has been cancelled" in cora.cancel(number).say
        fail(cora, sim, FAILURES)

        again = cora.cancel(number)

        assert "nothing has been scheduled or changed" not in again.say, again.say

    def test_of_a_note_that_was_sent_nobody_hears_that_nothing_was_changed(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer", method="POST")
        first = cora.use("addPatientNote", content="I am afraid of needles")
        assert first.outcome == "outcome_unknown"
        fail(cora, sim, FAILURES - 1)

        again = cora.use("addPatientNote", content="I am afraid of needles")

        assert "nothing has been scheduled or changed" not in again.say, again.say

    def test_a_system_that_answers_everything_is_not_left_alone(self, cora: Caller, sim: Sim) -> None:
        """What is short is our own budget: the last of several uses in one message has little of it left."""
        for _ in range(FAILURES):
            assert cora.book("09:00", seconds=1.2).outcome == "pms_unavailable"

        assert not circuit.is_open(PmsIntegration.objects.get().pk)
        assert cora.use("getAppointments").outcome == "ok"


class TestRetention:
    def test_a_practice_that_keeps_everything_forever_stops_nobody(self, practice: Account) -> None:
        Account.objects.filter(pk=practice.pk).update(keeps_days=1_000_000)

        assert retention.forget(now=timezone.now()) == {}
