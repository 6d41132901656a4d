"""What is sent and has no end yet, and how it ends (scheduling cases WB-01 to WB-03, WB-12 to WB-14)."""

from __future__ import annotations

import re
import time

import pytest

from accounts.models import Account
from pms.jobs import sweeps
from pms.models import Booking, BookingState, WriteBack, WriteBackState
from pms.providers.base import Pending
from pms.sandbox import Sandbox
from pms.services import following, write_backs
from tests.conftest import Sim, copied_since
from tests.regressions.kinds import DONE
from tests.talking import (
    Caller,
    SetClock,
    Slow,
    asked_of_the_pms,
    bookings_sent,
    carry_out,
    in_the_pms,
    kinds,
    look,
    move_at_the_desk,
    together,
)
from tests.writeback.ends import End, end, references

GRACE = write_backs.REQUEST_GRACE.total_seconds()


def test_wb_01_what_is_accepted_and_not_made_yet_is_not_called_booked(cora: Caller, sim: Sim, slow: Slow) -> None:
    slow()

    result = cora.book("09:00", providerId="HY1")

    assert "has been sent to the practice's system, but it is not final yet" in result.say
    assert not DONE.search(result.say)
    assert end(sim) == End(BookingState.PENDING, WriteBackState.PENDING, made=0)
    assert Booking.objects.get().pms_appointment_id == ""


def test_wb_02_what_is_made_and_reads_back_alike_is_booked(cora: Caller, sim: Sim) -> None:
    result = cora.book("09:00", providerId="HY1")
    copied_since(sim)
    look(minutes=15)

    booking, write_back = Booking.objects.get(), WriteBack.objects.get()
    assert result.say.startswith("The appointment is booked for")
    assert end(sim) == End(BookingState.CONFIRMED, WriteBackState.DONE, made=1)
    assert booking.verified_at
    assert write_back.verified_at
    assert booking.pms_appointment_id == in_the_pms(sim, "1001")[0]["appointment_sr_no"]


@pytest.mark.parametrize(
    "change", [{"time": "15:00"}, {"provider_id": "HY2"}, {"operatory": "Hyg 2"}], ids=["time", "clinician", "room"]
)
def test_wb_03_what_reads_back_otherwise_is_left_to_a_person_and_not_called_booked(
    practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim, slow: Slow, change: dict[str, str]
) -> None:
    slow("POST appointment")
    said = cora.book("09:00", providerId="HY1").say
    carry_out(sim)
    [made] = in_the_pms(sim, "1001")
    move_at_the_desk(sandbox, made["appointment_sr_no"], **change)

    look(seconds=GRACE)
    look(minutes=15)
    later = Caller(practice).verified().ahead()

    assert "not final yet" in said
    assert end(sim) == End(BookingState.MISMATCH, WriteBackState.PARKED, made=1, tasks=("booking_mismatch",))
    assert not DONE.search(said + later)
    assert Booking.objects.get().verified_at is None


@pytest.mark.django_db(transaction=True)
def test_wb_12_an_end_that_is_known_before_our_own_request_has_an_answer_is_the_same_booking(
    practice: Account, sim: Sim
) -> None:
    cora = Caller(practice).verified()
    cora.open_times()
    sim("POST", "lose_answer", path="/v4/appointment", hold_seconds=1.5)
    sim("DELETE", "requests")

    def by_the_worker() -> list[str]:
        while ("POST", "/appointment") not in asked_of_the_pms(sim):
            time.sleep(0.02)
        sweeps.follow_write_backs(SetClock.later(seconds=GRACE + 5))
        return [Booking.objects.get().state, WriteBack.objects.get().state]

    said, seen = together(lambda: [cora.book("09:00", providerId="HY1", seconds=20).say], by_the_worker)

    assert seen == [BookingState.CONFIRMED, WriteBackState.DONE]
    assert said[0].startswith("The appointment is booked for")
    assert end(sim).state == BookingState.CONFIRMED
    assert (Booking.objects.count(), WriteBack.objects.count(), bookings_sent(sim), end(sim).made) == (1, 1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_wb_13_an_end_that_two_hear_of_at_once_is_one_end(practice: Account, sim: Sim, slow: Slow) -> None:
    slow()
    Caller(practice).verified().book("09:00", providerId="HY1")
    carry_out(sim)
    copies = [WriteBack.objects.select_related("booking__account", "integration__account").get() for _ in range(3)]
    clock = SetClock.later(seconds=GRACE)

    together(*(lambda copy=copy: write_back_followed(copy, clock) for copy in copies))  # type: ignore[misc]

    assert end(sim) == End(BookingState.CONFIRMED, WriteBackState.DONE, made=1)
    assert len(references(sim)) == 1


def test_wb_13_pending_after_done_changes_nothing(cora: Caller, sim: Sim, slow: Slow) -> None:
    slow()
    cora.book("09:00", providerId="HY1")
    early = WriteBack.objects.select_related("booking__account").get()
    carry_out(sim)
    look(seconds=GRACE)
    done = WriteBack.objects.get()

    write_backs.settle(write_back=early, outcome=Pending(done.reference), now=cora.clock.now())
    write_backs.lose_reference(early)

    after = WriteBack.objects.get()
    assert (after.state, after.record_id, after.completed_at) == (done.state, done.record_id, done.completed_at)
    assert end(sim) == End(BookingState.CONFIRMED, WriteBackState.DONE, made=1)
    assert cora.book("09:00", providerId="HY1").say.startswith("You already have that one. The appointment is booked")
    assert bookings_sent(sim) == 1


def test_wb_14_the_id_of_the_write_back_is_never_the_appointments(cora: Caller, sim: Sim, slow: Slow) -> None:
    slow()

    said = [cora.book("09:00", providerId="HY1").say, cora.ahead()]
    before = Booking.objects.get().pms_appointment_id
    carry_out(sim)
    look(seconds=GRACE)
    said += [cora.book("09:00", providerId="HY1").say, cora.ahead()]

    [reference] = references(sim)
    [row] = in_the_pms(sim, "1001")
    write_back = WriteBack.objects.get()
    assert before == ""
    assert (write_back.reference, write_back.record_id) == (reference, row["appointment_sr_no"])
    assert Booking.objects.get().pms_appointment_id == row["appointment_sr_no"] != reference
    assert not [say for say in said if reference in re.findall(r"\d+", say)]
    assert kinds() == []


def write_back_followed(write_back: WriteBack, clock: SetClock) -> None:
    """Follow one write-back as two workers do that have both loaded it."""
    following.follow(write_back=write_back, clock=clock)
