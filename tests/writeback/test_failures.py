"""Writes that fail, or whose end nobody hears of (scheduling cases WB-05 to WB-07, WB-10, WB-15 and WB-17)."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.models import Booking, BookingState, ConnectionStatus, PmsIntegration, Task, WriteBack, WriteBackState
from pms.services import bookings, tasks, write_backs
from tests.conftest import Sim, copied_since
from tests.regressions.kinds import DONE
from tests.talking import (
    ALDER,
    JOSE,
    Caller,
    asked_of_the_pms,
    bookings_sent,
    carry_out,
    codes,
    in_the_pms,
    kinds,
    look,
    quiet_day,
)
from tests.writeback.ends import End, end

GRACE = write_backs.REQUEST_GRACE.total_seconds()
NOTED = "so nothing has been scheduled. I have left the team a note about it."


def taken_at_the_desk(sim: Sim, *, is_shown: bool) -> None:
    """Have somebody at the desk give nine o'clock with HY1 to José; the copy shows it or not."""
    where = {"provider_id": "HY1", "operatory": "Hyg 1", "patient_id": "1010"}
    when = {"date": quiet_day().isoformat(), "time": "09:00"}
    sim("POST", "steal", office_id=ALDER, cloud=is_shown, **where, **when)


def test_wb_05_what_the_office_refuses_is_not_booked_its_time_is_free_and_nobody_tries_again(
    practice: Account, cora: Caller, sim: Sim
) -> None:
    sim("POST", "fail_write", result="Operatory is required")

    result = cora.book("09:00", providerId="HY1")
    ended = end(sim)
    looks = look(hours=1)
    other = Caller(practice, number="").verified(JOSE).book("09:00", providerId="HY1")

    assert result.outcome == "write_rejected"
    assert result.say.endswith(NOTED)
    assert ended == End(BookingState.FAILED, WriteBackState.FAILED, made=0, tasks=("booking_failed",))
    assert looks == 0
    assert tasks.detail(Task.objects.get(kind="booking_failed"))["refusedWith"] == "Operatory is required"
    assert "Operatory" not in result.say
    assert other.outcome == "ok"
    assert bookings_sent(sim) == 2


def test_wb_06_unavailable_and_then_accepted_is_one_appointment(cora: Caller, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/appointment", error_code="API2002")

    said = [cora.book("09:00", providerId="HY1") for _ in range(2)]
    ended = end(sim)
    sent = bookings_sent(sim)
    copied_since(sim)
    look(minutes=15)
    not_there = end(sim)
    again = cora.book("09:00", providerId="HY1")

    assert [one.outcome for one in said] == ["outcome_unknown"] * 2
    assert ended == End(BookingState.UNKNOWN, WriteBackState.UNKNOWN, made=0, tasks=("booking_outcome_unknown",))
    assert sent == 1
    assert (not_there.state, not_there.made) == (BookingState.FAILED, 0)
    assert again.say.startswith("The appointment is booked for")
    assert len(in_the_pms(sim, "1001")) == 1
    asked = [one for one in asked_of_the_pms(sim) if one in (("POST", "/appointment"), ("GET", "/writebacks"))]
    assert asked == [("POST", "/appointment"), ("GET", "/writebacks"), ("POST", "/appointment")]


@pytest.mark.parametrize("held", [0, 30], ids=["connection broken", "silence"])
def test_wb_07_what_was_sent_and_never_answered_is_searched_before_anybody_sends_it_again(
    cora: Caller, sim: Sim, held: int
) -> None:
    sim("POST", "lose_answer", path="/v4/appointment", hold_seconds=held)
    sim("DELETE", "requests")

    said = [cora.book("09:00", providerId="HY1", seconds=3).say, cora.book("09:00", providerId="HY1").say]
    ended = end(sim)
    carry_out(sim)
    look(seconds=GRACE)

    assert all("can't say yet whether it went through" in say for say in said)
    assert ended == End(BookingState.UNKNOWN, WriteBackState.UNKNOWN, made=1, tasks=("booking_outcome_unknown",))
    assert end(sim) == End(BookingState.CONFIRMED, WriteBackState.DONE, made=1, tasks=("booking_outcome_unknown",))
    assert tasks.detail(Task.objects.get())["meanwhile"] == "The practice's system has it."
    assert bookings_sent(sim) == 1
    assert ("GET", "/writebacks") in asked_of_the_pms(sim)
    assert cora.book("09:00", providerId="HY1").say.startswith("You already have that one.")


def test_wb_10_what_the_desk_took_a_minute_ago_is_found_before_writing(cora: Caller, sim: Sim) -> None:
    [code, *_] = codes(cora.open_times(time="09:00", providerId="HY1"))
    taken_at_the_desk(sim, is_shown=True)

    result = cora.book(slotCode=code)

    assert result.outcome == "slot_taken"
    assert "taken" in result.say
    assert 1 <= len(codes(result.say)) <= 3
    assert bookings_sent(sim) == 0
    assert not Booking.objects.exists()
    assert [row["patient_id"] for row in in_the_pms(sim)] == ["1010"]
    assert kinds() == []


def test_wb_10_what_only_the_office_knows_is_refused_there_and_answered_alike(cora: Caller, sim: Sim) -> None:
    [code, *_] = codes(cora.open_times(time="09:00", providerId="HY1"))
    taken_at_the_desk(sim, is_shown=False)

    result = cora.book(slotCode=code)

    assert result.outcome == "slot_taken"
    assert "taken" in result.say
    assert 1 <= len(codes(result.say)) <= 3
    assert end(sim) == End(BookingState.FAILED, WriteBackState.FAILED, made=0)
    assert [row["patient_id"] for row in in_the_pms(sim)] == ["1010"]


def test_wb_15_a_note_is_cut_to_what_the_vendor_takes_and_kept_whole_by_us(cora: Caller, sim: Sim) -> None:
    note = ("Please call 😀 before\nnoon; <b>urgent</b> & very long. " * 7)[:300].strip()

    result = cora.book("09:00", providerId="HY1", notes=note)

    [row] = in_the_pms(sim, "1001")
    task = Task.objects.get()
    assert result.say.startswith("The appointment is booked for")
    assert row["description"].startswith("Please call before noon")
    assert len(row["description"]) < len(note)
    assert not set("\n\r😀<>&;") & set(row["description"])
    assert bookings.reveal_note(Booking.objects.get()) == note
    assert (task.kind, tasks.detail(task)["note"]) == ("booking_note", note)


@pytest.mark.parametrize("times", [1, 2])
def test_wb_17_a_key_that_is_refused_is_renewed_once_and_used_once_more(cora: Caller, sim: Sim, times: int) -> None:
    sim("POST", "fail", path="/v4/appointments", error_code="API1025", times=times)
    sim("DELETE", "requests")

    said = cora.open_times(time="09:00", providerId="HY1")

    assert asked_of_the_pms(sim).count(("POST", "/request_key")) == 1
    assert asked_of_the_pms(sim).count(("GET", "/appointments")) == 2
    assert bool(codes(said)) == (times == 1)
    assert times == 1 or "take a message" in said


@pytest.mark.parametrize("code", ["API2003", "API2007"])
def test_wb_17_credentials_that_are_refused_when_writing_switch_the_connection_off(
    cora: Caller, sim: Sim, code: str
) -> None:
    cora.open_times()
    sim("POST", "fail", path="/v4/appointment", error_code=code)
    sim("DELETE", "requests")

    result = cora.book("09:00", providerId="HY1")
    kept = cora.use("takeMessage", message="Please call me back.")

    assert result.outcome == "credentials_rejected"
    assert not DONE.search(result.say)
    assert PmsIntegration.objects.get().status == ConnectionStatus.ERROR
    assert bookings_sent(sim) == 1
    assert (Booking.objects.get().state, WriteBack.objects.get().state, in_the_pms(sim)) == ("FAILED", "FAILED", [])
    assert kept.outcome == "ok"
    assert kinds() == ["booking_credentials_rejected", "message"]
