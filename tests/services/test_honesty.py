"""What a second reader found: ways in which a caller, or the staff, could have been told something untrue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Account
from pms.domain.clock import SystemClock
from pms.jobs import sweeps
from pms.models import (
    AppointmentType,
    Booking,
    BookingState,
    ConnectionStatus,
    PmsIntegration,
    SecurityEvent,
    Task,
    ToolCall,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import bookings, calls, claims, connecting, tasks
from tests.conftest import Sim
from tests.practice import CALLER
from tests.talking import Caller, SetClock, bookings_sent, codes, in_the_pms, quiet_day


def steal(sim: Sim, time: str = "09:00", *, provider: str, room: str) -> None:
    where: dict[str, Any] = {"provider_id": provider, "operatory": room, "date": quiet_day().isoformat()}
    sim("POST", "steal", office_id="D10001", time=time, length=60, cloud=False, **where)


def test_a_time_that_the_pms_refused_is_not_offered_again(cora: Caller, sim: Sim) -> None:
    steal(sim, provider="HY1", room="Hyg 1")

    refused = cora.book("09:00", providerId="HY1")
    offered = cora.open_times(providerId="HY1", time="09:00")

    assert refused.outcome == "slot_taken"
    assert "9 AM" not in offered


def test_a_code_and_another_time_beside_it_are_asked_about(cora: Caller, sim: Sim) -> None:
    code = codes(cora.open_times(time="09:00"))[0]

    result = cora.book(slotCode=code, time="16:00")

    assert result.outcome == "validation_failed"
    assert "two different times" in result.say
    assert bookings_sent(sim) == 0


def test_a_code_and_the_same_time_beside_it_book(cora: Caller) -> None:
    code = codes(cora.open_times(time="09:00"))[0]
    starts_at = timezone.localtime(cora.call.slot_offers.get(code=code).starts_at, cora.call.account.zone)

    result = cora.book(slotCode=code, date=f"{starts_at:%Y-%m-%d}", time=f"{starts_at:%H:%M}")

    assert result.outcome == "ok"


def test_the_same_wish_with_another_clinician_is_not_called_done(cora: Caller, sim: Sim) -> None:
    cora.book("09:00", providerId="HY1")

    result = cora.book("09:00", providerId="HY2")

    assert result.outcome == "already_booked"
    assert bookings_sent(sim) == 1


def test_buffers_of_ones_own_appointments_do_not_overlap_oneself(cora: Caller) -> None:
    AppointmentType.objects.filter(name="Cleaning").update(buffer_after_minutes=30)
    cora.book("09:00", providerId="HY1")

    result = cora.book("10:00", appointmentType="exam", providerId="DR1")

    assert result.outcome == "ok"


def test_a_database_that_cannot_hold_says_nothing_about_the_time(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_args: object) -> Booking:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(bookings, "_hold", break_down)

    result = cora.book("09:00")

    assert result.outcome == "internal_error"
    assert bookings_sent(sim) == 0


def test_staff_hear_of_a_stuck_booking_while_there_is_time(practice: Account, sim: Sim) -> None:
    sim("POST", "config", writeback_delay=10**6)
    Caller(practice).verified().book("09:00")
    soon = timezone.now() + timedelta(hours=3)
    Booking.objects.update(starts_at=soon, ends_at=soon + timedelta(hours=1))

    sweeps.follow_write_backs(SetClock.later(minutes=80))
    early = Task.objects.filter(kind="booking_unresolved").count()
    sweeps.follow_write_backs(SetClock.later(minutes=100))

    assert early == 0
    assert Task.objects.filter(kind="booking_unresolved").count() == 1
    assert Booking.objects.get().state == BookingState.PENDING


def test_a_booking_whose_process_died_while_sending_is_not_called_sent(practice: Account, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/appointment", kind="drop")
    cora = Caller(practice).verified()
    cora.book("09:00")
    Booking.objects.update(state=BookingState.PENDING)
    WriteBack.objects.update(state=WriteBackState.SENDING)
    Task.objects.all().delete()

    at_once = cora.book("09:00")
    later = Caller(practice, call=cora.call, clock=SetClock.later(minutes=1)).book("09:00")

    assert at_once.outcome == "still_working"
    assert "can't say yet" in later.say
    assert Task.objects.filter(kind="booking_outcome_unknown").count() == 1


def test_an_answer_that_is_true_for_a_moment_only_is_not_kept(practice: Account, sim: Sim) -> None:
    cora = Caller(practice).verified()
    cora.book("09:00")
    Booking.objects.update(state=BookingState.HELD, verified_at=None)

    busy = cora.book("09:00", tool_call_id="call_b")
    Booking.objects.update(state=BookingState.CONFIRMED)
    again = cora.book("09:00", tool_call_id="call_b")

    assert busy.outcome == "still_working"
    assert again.outcome == "ok"


def test_a_claim_that_was_taken_over_keeps_the_answer_of_its_new_owner(practice: Account) -> None:
    caller = Caller(practice)
    request = {"request_id": "", "clock": caller.clock, "budget": caller.request().budget}
    one = {"call": caller.call, "tool_call_id": "call_x", "tool": "findPatient", "arguments": {}}
    first = claims.take(**one, **request)  # type: ignore[arg-type]
    ToolCall.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = claims.take(**one, **request)  # type: ignore[arg-type]

    claims.answer(claim=second, say="from the second", outcome="ok", clock=caller.clock)
    claims.answer(claim=first, say="from the first", outcome="ok", clock=caller.clock)

    assert claims.take(**one, **request).answer == "from the second"  # type: ignore[arg-type]


def test_words_that_the_pms_cannot_take_reach_the_staff(cora: Caller) -> None:
    note = "Is on blood thinners and allergic to penicillin and latex, needs wheelchair access and an interpreter"

    cora.book("09:00", notes=note)

    assert tasks.detail(Task.objects.get(kind="booking_note"))["note"] == note


def test_a_note_that_the_pms_takes_whole_leaves_no_task(cora: Caller) -> None:
    cora.book("09:00", notes="Prefers mornings!")

    assert not Task.objects.exists()


@pytest.mark.parametrize("patient_id", ["x" * 65, "Cora Whitfield 1987-04-12"])
def test_what_is_no_id_never_gets_to_the_audit_log(cora: Caller, patient_id: str) -> None:
    assert cora.book("09:00", patientId=patient_id).outcome == "validation_failed"


def test_the_number_of_a_call_is_learned_from_whichever_message_names_it(practice: Account) -> None:
    known = {"account": practice, "line": None, "vapi_call_id": "call-7", "now": timezone.now()}

    calls.record(**known, caller="")  # type: ignore[arg-type]
    call = calls.record(**known, caller=CALLER)  # type: ignore[arg-type]
    call.refresh_from_db()

    assert calls.caller_number(call) == CALLER


class TestRefusedConnection:
    def test_is_restored_when_the_vendor_lets_it_in_again(self, practice: Account) -> None:
        self.refuse(minutes_ago=11)

        assert connecting.recheck_rejected(clock=SystemClock()) == 1
        assert PmsIntegration.objects.get().status == ConnectionStatus.ACTIVE
        assert SecurityEvent.objects.filter(kind="integration.restored").count() == 1

    def test_is_not_asked_about_all_the_time(self, practice: Account) -> None:
        self.refuse(minutes_ago=9)

        assert connecting.recheck_rejected(clock=SystemClock()) == 0

    def test_stays_off_while_it_is_refused(self, practice: Account, sandbox: Sandbox, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/authorized_practices", status=401, error_code="API2003", times=9)
        self.refuse(minutes_ago=11)

        assert connecting.recheck_rejected(clock=SystemClock()) == 0
        assert PmsIntegration.objects.get().status == ConnectionStatus.ERROR

    def test_stays_off_if_it_answered_for_another_practice(self, practice: Account) -> None:
        self.refuse(minutes_ago=11, last_error="upstream_invalid")

        assert connecting.recheck_rejected(clock=SystemClock()) == 0

    def refuse(self, *, minutes_ago: int, last_error: str = "credentials_rejected") -> None:
        when = timezone.now() - timedelta(minutes=minutes_ago)
        PmsIntegration.objects.update(status=ConnectionStatus.ERROR, last_error=last_error, updated_at=when)


def test_a_page_of_a_firewall_does_not_switch_a_practice_off(cora: Caller, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/appointments", kind="html", status=403)

    result = cora.book("09:00")

    assert result.outcome == "pms_unavailable"
    assert PmsIntegration.objects.get().status == ConnectionStatus.ACTIVE
    assert in_the_pms(sim, "1001") == []
