"""What becomes of a booking after the caller has hung up: the follow-up job, against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.jobs import sweeps
from pms.models import (
    AuditPhase,
    Booking,
    BookingState,
    PmsAuditLog,
    PmsIntegration,
    Task,
    TaskState,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import bookings, following, tasks, write_backs
from tests.conftest import Sim, copied_since
from tests.providers.fakes import FakeClock
from tests.talking import (
    ALDER,
    JOSE,
    Caller,
    SetClock,
    bookings_sent,
    cancel_at_the_desk,
    carry_out,
    in_the_pms,
    look,
    move_at_the_desk,
    slow_write,
    together,
)

GRACE = write_backs.REQUEST_GRACE.total_seconds()


def pending(practice: Account, sim: Sim, at: str = "09:00", person: dict[str, str] | None = None) -> Booking:
    """Return a booking that the office has not carried out when the caller hangs up."""
    slow_write(sim)
    result = Caller(practice, number="").verified(person).book(at, providerId="HY1")
    assert "not final yet" in result.say
    return Booking.objects.latest("created_at")


def lost(practice: Account, sim: Sim, *, arrived: bool = True) -> Booking:
    """Return a booking whose answer never came, whether or not the vendor took it."""
    if arrived:
        sim("POST", "lose_answer")
    else:
        sim("POST", "fail", path="/v4/appointment")
    assert Caller(practice, number="").verified().book(providerId="HY1").outcome == "outcome_unknown"
    return Booking.objects.latest("created_at")


def now_in(booking: Booking) -> str:
    booking.refresh_from_db()
    return booking.state


class TestPending:
    def test_is_confirmed_once_the_office_has_made_it(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        carry_out(sim)

        assert look(seconds=GRACE) == 1

        [row] = in_the_pms(sim, "1001")
        write_back = WriteBack.objects.get()
        assert now_in(booking) == BookingState.CONFIRMED
        assert booking.pms_appointment_id == write_back.record_id == row["appointment_sr_no"]
        assert write_back.reference != write_back.record_id
        assert not Task.objects.exists()

    def test_is_left_to_its_request_at_first(self, practice: Account, sim: Sim) -> None:
        pending(practice, sim)

        assert look(seconds=GRACE - 10) == 0

    def test_fails_if_the_office_refuses_and_a_person_is_told(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        sim("POST", "fail_write", result="Operatory does not exist")
        carry_out(sim)

        look(seconds=GRACE)

        task = Task.objects.get()
        assert (now_in(booking), booking.failure) == (BookingState.FAILED, "refused_by_pms")
        assert (task.kind, task.booking, task.call) == ("booking_failed", booking, booking.call)
        assert tasks.detail(task) == {
            "patientId": "1001",
            "startsAt": booking.starts_at.isoformat(),
            "confirmationNumber": booking.confirmation_number,
            "refusedWith": "Operatory does not exist",
        }
        assert look(hours=1) == 0

    def test_fails_if_the_desk_was_quicker_and_a_person_is_told(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        day = booking.starts_at.date().isoformat()
        sim("POST", "steal", office_id=ALDER, provider_id="HY1", operatory="Hyg 1", date=day, time="09:00", cloud=True)
        carry_out(sim)

        look(seconds=GRACE)

        assert (now_in(booking), booking.failure) == (BookingState.FAILED, "slot_taken")
        assert Task.objects.get().kind == "booking_failed"

    def test_is_looked_at_less_and_less_often(self, practice: Account, sim: Sim) -> None:
        pending(practice, sim)
        passed, waits = GRACE, []

        for _ in range(9):
            clock = FakeClock(timezone.now() + timedelta(seconds=passed))
            assert sweeps.follow_write_backs(clock) == 1
            planned = WriteBack.objects.get().next_attempt_at
            assert planned
            wait = round((planned - clock.now()).total_seconds())
            assert look(seconds=passed + wait - 5) == 0
            waits.append(wait)
            passed += wait + 1

        assert waits == [30, 60, 120, 240, 480, 900, 900, 900, 900]

    def test_is_parked_for_a_person_after_a_day(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)

        look(hours=24, minutes=1)

        assert now_in(booking) == BookingState.PENDING
        assert WriteBack.objects.get().state == WriteBackState.PARKED
        assert Task.objects.get().kind == "booking_unresolved"
        assert look(hours=48) == 0

    @pytest.mark.parametrize("fault", [{"status": 500}, {"error_code": "API2003"}, {"kind": "drop", "times": 3}])
    def test_stays_so_while_the_vendor_cannot_tell(self, practice: Account, sim: Sim, fault: dict[str, Any]) -> None:
        booking = pending(practice, sim)
        carry_out(sim)
        sim("POST", "fail", path="/v4/writeback_status", **fault)

        look(seconds=GRACE)
        then = now_in(booking)
        look(seconds=GRACE + 40)

        assert then == BookingState.PENDING
        assert now_in(booking) == BookingState.CONFIRMED

    def test_is_confirmed_by_reading_back_where_asking_is_not_allowed(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        carry_out(sim)
        sim("POST", "fail", path="/v4/writeback_status", times=99, error_code="API2004")

        look(seconds=GRACE)
        before = now_in(booking)
        sim("POST", "refresh", office_id=ALDER)
        look(seconds=GRACE + 40)

        [row] = in_the_pms(sim, "1001")
        assert before == BookingState.PENDING
        assert (now_in(booking), booking.pms_appointment_id) == (BookingState.CONFIRMED, row["appointment_sr_no"])

    def test_is_confirmed_by_reading_back_where_no_id_is_told(self, practice: Account, sim: Sim) -> None:
        sim("POST", "config", tell_created_id=False, refresh_lag=900)
        booking = pending(practice, sim)
        sim("POST", "clock", advance_seconds=601)

        look(seconds=GRACE)
        before = now_in(booking)
        sim("POST", "refresh", office_id=ALDER)
        look(seconds=GRACE + 40)

        [row] = in_the_pms(sim, "1001")
        assert before == BookingState.PENDING
        assert (now_in(booking), booking.pms_appointment_id) == (BookingState.CONFIRMED, row["appointment_sr_no"])

    def test_leaves_an_audit_row_for_every_look(self, practice: Account, sim: Sim) -> None:
        pending(practice, sim)

        look(seconds=GRACE)

        row = PmsAuditLog.objects.get(action="followWriteBack")
        assert (row.actor, row.phase, row.patient_id) == ("job:write-backs", AuditPhase.READ, "1001")
        assert row.phi_accessed


class TestUnknown:
    def test_is_confirmed_when_it_is_found(self, practice: Account, sim: Sim) -> None:
        sim("POST", "lose_answer")
        result = Caller(practice).verified().book()
        booking = Booking.objects.get()
        carry_out(sim)

        look(seconds=GRACE)

        [row] = in_the_pms(sim, "1001")
        assert result.outcome == "outcome_unknown"
        assert (now_in(booking), booking.pms_appointment_id) == (BookingState.CONFIRMED, row["appointment_sr_no"])
        task = Task.objects.get()
        assert (task.kind, task.state) == ("booking_outcome_unknown", TaskState.OPEN)  # the patient waits for a word
        assert tasks.detail(task)["meanwhile"] == "The practice's system has it."
        assert tasks.detail(task)["patientId"] == "1001"
        assert bookings_sent(sim) == 1

    def test_is_found_pending_first_and_confirmed_later(self, practice: Account, sim: Sim) -> None:
        sim("POST", "config", writeback_delay=600)
        sim("POST", "lose_answer")
        Caller(practice).verified().book()
        booking = Booking.objects.get()

        look(seconds=GRACE)
        between = (now_in(booking), WriteBack.objects.get().state)
        carry_out(sim)
        look(seconds=GRACE + 40)

        assert between == (BookingState.UNKNOWN, WriteBackState.PENDING)
        assert now_in(booking) == BookingState.CONFIRMED

    def test_fails_when_there_is_no_trace_of_it_for_long_enough(self, practice: Account, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointment", status=503)
        Caller(practice).verified().book()
        booking = Booking.objects.get()

        look(seconds=GRACE)
        at_first = now_in(booking)
        carry_out(sim)
        sim("POST", "refresh", office_id=ALDER)
        look(minutes=3)

        assert at_first == BookingState.UNKNOWN
        assert (now_in(booking), booking.failure) == (BookingState.FAILED, "never_arrived")
        unknown, failed = Task.objects.order_by("created_at")
        assert (unknown.kind, failed.kind) == ("booking_outcome_unknown", "booking_failed")
        assert tasks.detail(unknown)["meanwhile"] == "It is not in the practice's system."
        assert "meanwhile" not in tasks.detail(failed)
        assert in_the_pms(sim, "1001") == []

    def test_is_not_mistaken_for_an_earlier_booking_of_the_same_wish(
        self, practice: Account, sandbox: Sandbox, sim: Sim
    ) -> None:
        cora = Caller(practice).verified()
        cora.book("09:00", providerId="HY1")
        earlier = Booking.objects.get()
        Booking.objects.update(verified_at=timezone.now())
        cancel_at_the_desk(sandbox, earlier.pms_appointment_id)
        sim("POST", "fail", path="/v4/appointment", status=503)
        cora.book("09:00", providerId="HY1")
        later = Booking.objects.exclude(pk=earlier.pk).get()
        carry_out(sim)
        sim("POST", "refresh", office_id=ALDER)

        look(minutes=3)

        assert (now_in(later), later.failure) == (BookingState.FAILED, "never_arrived")
        assert now_in(earlier) == BookingState.CANCELLED

    def test_stays_so_while_nothing_can_be_asked(self, practice: Account, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointment", status=503)
        Caller(practice).verified().book()
        sim("POST", "fail", path="/v4/writebacks", times=9, status=500)

        look(minutes=3)

        assert Booking.objects.get().state == BookingState.UNKNOWN

    @pytest.mark.parametrize("arrived", [True, False])
    def test_is_what_a_process_leaves_that_dies_while_sending(self, practice: Account, sim: Sim, arrived: bool) -> None:
        lost(practice, sim, arrived=arrived)
        carry_out(sim)
        sim("POST", "refresh", office_id=ALDER)
        Booking.objects.update(state=BookingState.PENDING)
        WriteBack.objects.update(state=WriteBackState.SENDING)
        Task.objects.all().delete()
        copied_since(sim)

        look(minutes=3)

        booking = Booking.objects.get()
        rows = [row["appointment_sr_no"] for row in in_the_pms(sim, "1001")]
        assert booking.state == (BookingState.CONFIRMED if arrived else BookingState.FAILED)
        assert rows == [booking.pms_appointment_id] * arrived
        assert Task.objects.filter(kind="booking_outcome_unknown").count() == 1


class TestReadBack:
    @pytest.fixture
    def booking(self, practice: Account) -> Booking:
        """A confirmed booking that the vendor's copy does not show yet."""
        Caller(practice).verified().book("09:00", providerId="HY1")
        return Booking.objects.get()

    def test_that_is_equal_verifies_the_booking(self, booking: Booking, sim: Sim) -> None:
        sim("POST", "refresh", office_id=ALDER)

        look(minutes=1)

        assert now_in(booking) == BookingState.CONFIRMED
        assert booking.verified_at
        assert WriteBack.objects.get().next_attempt_at is None
        assert look(hours=2) == 0

    def test_that_shows_nothing_yet_proves_nothing(self, booking: Booking) -> None:
        look(minutes=1)

        assert now_in(booking) == BookingState.CONFIRMED
        assert booking.verified_at is None
        assert WriteBack.objects.get().next_attempt_at

    @pytest.mark.parametrize("change", [{"time": "15:00"}, {"operatory": "Hyg 2"}, {"provider_id": "HY2"}])
    def test_that_is_different_is_a_mismatch_for_a_person(
        self, booking: Booking, sandbox: Sandbox, change: dict[str, str]
    ) -> None:
        move_at_the_desk(sandbox, booking.pms_appointment_id, **change)

        look(minutes=1)

        assert now_in(booking) == BookingState.MISMATCH
        assert booking.verified_at is None
        assert Task.objects.get().kind == "booking_mismatch"
        assert look(hours=2) == 0

    def test_that_shows_it_cancelled_is_a_mismatch_too(self, booking: Booking, sandbox: Sandbox) -> None:
        cancel_at_the_desk(sandbox, booking.pms_appointment_id)

        look(minutes=1)

        assert now_in(booking) == BookingState.MISMATCH

    def test_that_never_comes_is_told_to_a_person_without_taking_anything_back(self, booking: Booking) -> None:
        look(hours=24, minutes=1)

        assert now_in(booking) == BookingState.CONFIRMED
        assert WriteBack.objects.get().state == WriteBackState.DONE
        assert Task.objects.get().kind == "booking_unresolved"
        assert look(hours=48) == 0


class TestSweep:
    def test_goes_on_after_a_row_that_breaks(self, practice: Account, sim: Sim) -> None:
        broken = lost(practice, sim)
        WriteBack.objects.update(payload=b"1.k1.nothing")
        whole = pending(practice, sim, "10:00", JOSE)
        carry_out(sim)

        assert look(seconds=GRACE) == 2

        kept = WriteBack.objects.get(booking=broken)
        assert (now_in(broken), now_in(whole)) == (BookingState.UNKNOWN, BookingState.CONFIRMED)
        assert kept.lease_until is None
        assert kept.next_attempt_at
        assert kept.next_attempt_at > SetClock.later(seconds=GRACE).now()

    def test_asks_a_silent_pms_once_and_leaves_its_other_rows_for_the_next_sweep(
        self, practice: Account, sim: Sim
    ) -> None:
        one, other = pending(practice, sim), pending(practice, sim, "10:00", JOSE)
        carry_out(sim)
        sim("POST", "fail", path="/v4/writeback_status", kind="drop", times=3)

        looked = [look(seconds=GRACE)]
        states = [now_in(one), now_in(other)]
        looked.append(look(seconds=GRACE + 1))

        assert looked == [1, 1]
        assert states == [BookingState.PENDING] * 2
        assert [now_in(one), now_in(other)] == [BookingState.PENDING, BookingState.CONFIRMED]

    def test_parks_a_row_that_always_breaks(self, practice: Account, sim: Sim) -> None:
        broken = lost(practice, sim)
        WriteBack.objects.update(payload=b"1.k1.nothing")

        look(hours=24, minutes=1)

        assert WriteBack.objects.get().state == WriteBackState.PARKED
        assert Task.objects.get(kind="booking_unresolved").booking == broken

    def test_follows_a_connection_that_is_switched_off_meanwhile(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        PmsIntegration.objects.update(status="ERROR")
        carry_out(sim)

        look(seconds=GRACE)

        assert now_in(booking) == BookingState.CONFIRMED

    def test_releases_holds_that_ran_out(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        Booking.objects.update(state=BookingState.HELD)

        early = following.release_expired_holds(now=timezone.now())
        late = following.release_expired_holds(now=timezone.now() + bookings.HOLD_FOR)

        assert (early, late, now_in(booking)) == (0, 1, BookingState.EXPIRED)

    def test_does_the_housekeeping(self, practice: Account, sim: Sim) -> None:
        booking = pending(practice, sim)
        past = timezone.now() - timedelta(seconds=1)
        Booking.objects.update(state=BookingState.HELD, hold_expires_at=past)

        sweeps.housekeeping()

        assert now_in(booking) == BookingState.EXPIRED

    def test_goes_on_keeping_house_after_a_part_that_breaks(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**_: Any) -> int:
            raise ZeroDivisionError

        booking = pending(practice, sim)
        Booking.objects.update(state=BookingState.HELD, hold_expires_at=timezone.now() - timedelta(seconds=1))
        for part in ("cache.purge", "connecting.recheck_rejected"):
            monkeypatch.setattr(f"pms.services.{part}", broken)

        sweeps.housekeeping()

        assert now_in(booking) == BookingState.EXPIRED


class Stepping:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) + timedelta(minutes=5)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def accounts(count: int) -> list[Account]:
    return [Account.objects.create(name=f"Alder {number}", time_zone="America/New_York") for number in range(count)]


def due_row(integration: PmsIntegration) -> WriteBack:
    """Return a write-back that has been due for a minute."""
    past = timezone.now() - timedelta(minutes=1)
    return WriteBack.objects.create(
        account=integration.account,
        integration=integration,
        access_id=integration.pk,
        operation="bookAppointment",
        payload=b"",
        sent_at=past,
        next_attempt_at=past,
    )


class TestClaim:
    @pytest.fixture
    def due(self, db: None) -> list[WriteBack]:
        """A due row of each of twelve practices."""
        return [due_row(PmsIntegration.objects.create(account=one, provider="SIKKA")) for one in accounts(12)]

    def test_takes_each_row_once_until_its_lease_ends(self, due: list[WriteBack]) -> None:
        clock = Stepping()

        first = list(following.claim_due(clock=clock))
        again = list(following.claim_due(clock=clock))
        clock.sleep(following.LEASE.total_seconds())
        after = list(following.claim_due(clock=clock))

        assert (len(first), again, len(after)) == (12, [], 12)
        assert {row.attempts for row in after} == {2}

    def test_leases_a_row_from_the_moment_it_is_taken(self, due: list[WriteBack]) -> None:
        clock = Stepping()
        claimed = following.claim_due(clock=clock)

        for _ in range(4):
            next(claimed)
            clock.sleep(following.BUDGET_SECONDS)
        last = next(claimed)

        assert last.lease_until == clock.now() + following.LEASE

    def test_takes_no_more_than_asked(self, due: list[WriteBack]) -> None:
        assert len(list(following.claim_due(clock=Stepping(), limit=5))) == 5

    def test_follows_a_connection_one_row_at_a_time(self, due: list[WriteBack]) -> None:
        clock = Stepping()
        busy = due[0].integration
        waiting = due_row(busy)
        WriteBack.objects.filter(pk=waiting.pk).update(next_attempt_at=due[0].next_attempt_at - timedelta(minutes=1))

        mine = list(following.claim_due(clock=clock))
        theirs = list(following.claim_due(clock=clock))
        WriteBack.objects.filter(pk=waiting.pk).update(lease_until=None, next_attempt_at=None)
        afterwards = list(following.claim_due(clock=clock))

        assert [row.pk for row in mine if row.integration_id == busy.pk] == [waiting.pk]
        assert (len(mine), theirs) == (12, [])
        assert [row.pk for row in afterwards] == [due[0].pk]

    def test_gives_a_connections_rows_out_one_after_the_other(self, due: list[WriteBack]) -> None:
        clock = Stepping()
        rows = {due_row(due[0].integration).pk for _ in range(3)} | {due[0].pk}
        WriteBack.objects.exclude(pk__in=rows).update(next_attempt_at=None)

        taken = []
        for row in following.claim_due(clock=clock):
            taken.append(row.pk)
            WriteBack.objects.filter(pk=row.pk).update(lease_until=None, next_attempt_at=None)

        assert set(taken) == rows
        assert len(taken) == 4

    def test_leaves_out_a_connection_that_turns_silent_meanwhile(self, due: list[WriteBack]) -> None:
        rows = {due[0].pk, due_row(due[0].integration).pk, due_row(due[0].integration).pk}
        silent: set[UUID] = set()

        taken = []
        for row in following.claim_due(clock=Stepping(), silent=silent):
            taken.append(row.pk)
            silent.add(row.integration_id)
            WriteBack.objects.filter(pk=row.pk).update(lease_until=None)

        assert len(rows & set(taken)) == 1
        assert len(taken) == 12

    def test_does_not_let_a_silent_connection_take_up_the_sweep(self, due: list[WriteBack]) -> None:
        """Its rows stay due, so that they are the oldest in every sweep."""
        silent = due[0].integration
        older = due[0].next_attempt_at - timedelta(hours=1) if due[0].next_attempt_at else None
        for _ in range(10):
            WriteBack.objects.filter(pk=due_row(silent).pk).update(next_attempt_at=older)

        taken = {row.integration_id for row in following.claim_due(clock=Stepping(), limit=11, silent={silent.pk})}

        assert taken == {row.integration_id for row in due[1:]}

    @pytest.mark.django_db(transaction=True)
    def test_gives_the_rows_of_one_connection_to_one_of_eight_workers(self, due: list[WriteBack]) -> None:
        clock = Stepping()
        rows = {due_row(due[0].integration).pk for _ in range(7)}
        WriteBack.objects.exclude(pk__in=rows).update(next_attempt_at=None)
        claim: Callable[[], list[WriteBack]] = lambda: list(following.claim_due(clock=clock))  # noqa: E731

        taken = [row.pk for claimed in together(*[claim] * 8) for row in claimed]

        assert len(taken) == 1
        assert taken[0] in rows

    @pytest.mark.django_db(transaction=True)
    def test_gives_each_row_to_one_of_two_workers(self, due: list[WriteBack]) -> None:
        clock = Stepping()
        claim: Callable[[], list[WriteBack]] = lambda: list(following.claim_due(clock=clock))  # noqa: E731

        one, other = together(claim, claim)

        assert len(one) + len(other) == 12
        assert {row.pk for row in (*one, *other)} == {row.pk for row in due}
