"""bookAppointment, against the sandbox: what the caller hears is what the practice's own system has."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from datetime import time as clock
from typing import Any

import pytest

from accounts.models import Account
from pms.models import (
    AppointmentType,
    AuditPhase,
    Booking,
    BookingState,
    PmsAuditLog,
    SlotOffer,
    Task,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import bookings, calls
from pms.services.bookings import Wish
from tests.conftest import Sim
from tests.talking import (
    ALDER,
    JOSE,
    NEW_YORK,
    Caller,
    SetClock,
    asked_of_the_pms,
    bookings_sent,
    cancel_at_the_desk,
    codes,
    in_the_pms,
    quiet_day,
    slow_office,
    trusting_any_copy,
)

NOTED = "so nothing has been scheduled. I have left the team a note about it."


def steal(sim: Sim, at: str = "09:00", *, cloud: bool, provider: str = "HY1", room: str = "Hyg 1", **more: str) -> str:
    """Have the desk take a time of the quiet day."""
    day = quiet_day().isoformat()
    asked = {"provider_id": provider, "operatory": room, "date": day, "time": at, "cloud": cloud, **more}
    return str(sim("POST", "steal", office_id=ALDER, **asked)["appointment_sr_no"])


class TestBooked:
    def test_by_code_is_what_was_offered(self, cora: Caller, sim: Sim) -> None:
        code = codes(cora.open_times(time="10:00"))[1]

        result = cora.book(slotCode=code, notes="Prefers mornings")

        [row] = in_the_pms(sim, "1001")
        booking = Booking.objects.get()
        number = " ".join(booking.confirmation_number)
        assert result.say.startswith("The appointment is booked for Tuesday, ")
        assert result.say.endswith(f" at 10 AM with Perpetua Lindqvist. The confirmation number is {number}.")
        assert (row["time"], row["length"], row["provider_id"], row["operatory"]) == ("10:00", "60", "HY1", "Hyg 1")
        assert (row["type"], row["description"]) == ("Cleaning", "Prefers mornings")
        assert (booking.state, booking.pms_appointment_id) == (BookingState.CONFIRMED, row["appointment_sr_no"])

    @pytest.mark.parametrize("code", ["a2", " A2 ", "code A2", "(A2)", "A 2", "A-2."])
    def test_by_code_however_the_model_writes_it(self, cora: Caller, code: str) -> None:
        cora.open_times()

        assert " at 1 PM with " in cora.book(slotCode=code).say

    @pytest.mark.parametrize("at", ["15:30", "3:30 PM", "15:30:00", "15:30Z"])
    def test_by_date_and_time(self, cora: Caller, sim: Sim, at: str) -> None:
        assert " at 3:30 PM with " in cora.book(at).say
        assert [row["time"] for row in in_the_pms(sim, "1001")] == ["15:30"]

    def test_by_start_time_in_one(self, cora: Caller, sim: Sim) -> None:
        cora.use("bookAppointment", appointmentType="Cleaning", startTime=f"{quiet_day()}T15:30:00")

        assert [row["time"] for row in in_the_pms(sim, "1001")] == ["15:30"]

    def test_with_the_clinician_who_was_wished(self, cora: Caller, sim: Sim) -> None:
        assert "with Casimir Bellweather" in cora.book(providerId="Dr. Bellweather").say
        assert [row["provider_id"] for row in in_the_pms(sim, "1001")] == ["HY2"]

    def test_for_as_long_as_the_type_takes_whatever_the_model_says(self, cora: Caller, sim: Sim) -> None:
        cora.book(duration="15", length=15)

        assert [row["length"] for row in in_the_pms(sim, "1001")] == ["60"]

    def test_in_this_practice_whatever_the_model_says(self, cora: Caller, sim: Sim) -> None:
        cora.book(practiceId="D20002", accountId="another", office_id="D20002")

        assert len(in_the_pms(sim, "1001")) == 1
        assert sim("GET", "writebacks", office_id="D20002")["writebacks"] == []

    def test_with_a_note_longer_than_anybody_reads(self, cora: Caller) -> None:
        assert cora.book(notes="Knees. " * 1000).outcome == "ok"

    def test_leaves_intent_and_outcome_in_the_audit_log(self, cora: Caller) -> None:
        cora.book()

        intent, outcome = PmsAuditLog.objects.filter(action="bookAppointment").order_by("seq")
        assert (intent.phase, outcome.phase) == (AuditPhase.INTENT, AuditPhase.OUTCOME)
        assert intent.access_id == outcome.access_id == WriteBack.objects.get().access_id
        assert {intent.patient_id, outcome.patient_id} == {"1001"}
        assert outcome.success
        assert '"state": "CONFIRMED"' in (outcome.request_summary or "")

    def test_needs_both_the_end_and_the_id_to_be_called_so(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "config", tell_created_id=False)

        result = cora.book()

        assert "not final yet" in result.say
        assert Booking.objects.get().state == BookingState.PENDING
        assert len(in_the_pms(sim, "1001")) == 1


class TestCode:
    def test_of_another_call_is_none(self, practice: Account, cora: Caller, sim: Sim) -> None:
        Caller(practice).open_times()

        result = cora.book(slotCode="A1")

        assert result.outcome == "slot_expired"
        assert bookings_sent(sim) == 0

    def test_is_good_for_fifteen_minutes(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        offer = SlotOffer.objects.get(code="A1")

        cora.clock = SetClock(offer.expires_at)
        late = cora.book(slotCode="A1")
        cora.clock = SetClock(offer.expires_at - timedelta(seconds=30))
        in_time = cora.book(slotCode="A1")

        assert (late.outcome, late.say) == (
            "slot_expired",
            "That offer has expired. Let me look up the open times again.",
        )
        assert in_time.outcome == "ok"
        assert bookings_sent(sim) == 1

    def test_that_nobody_gave_is_none(self, cora: Caller) -> None:
        assert cora.book(slotCode="B7").outcome == "slot_expired"

    def test_needs_a_verified_patient_first(self, caller: Caller) -> None:
        caller.open_times()

        assert caller.book(slotCode="A1").outcome == "not_verified"


class TestTaken:
    def test_between_offer_and_booking_is_answered_with_other_times(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        steal(sim, "08:00", cloud=True)

        result = cora.book(slotCode="A1")

        assert result.outcome == "slot_taken"
        assert result.say.startswith("I'm sorry, that time is taken. On Tuesday, ")
        assert codes(result.say) == ["A4", "A5", "A6"]
        assert (bookings_sent(sim), in_the_pms(sim, "1001")) == (0, [])
        assert not Booking.objects.exists()

    def test_and_the_answers_codes_book(self, cora: Caller, sim: Sim) -> None:
        steal(sim, cloud=True)
        refused = cora.book(providerId="HY1")

        assert cora.book(slotCode=codes(refused.say)[0]).outcome == "ok"
        assert len(in_the_pms(sim, "1001")) == 1

    def test_where_only_the_pms_knows_it_fails_there_and_is_told_so(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        steal(sim, "08:00", cloud=False)

        result = cora.book(slotCode="A1")

        booking = Booking.objects.get()
        assert result.outcome == "slot_taken"
        assert result.say.startswith("I'm sorry, that time has just been taken. On Tuesday, ")
        assert codes(result.say)
        assert (booking.state, booking.failure) == (BookingState.FAILED, "slot_taken")
        assert WriteBack.objects.get().state == WriteBackState.FAILED
        assert in_the_pms(sim, "1001") == []

    def test_by_the_patients_own_appointment_with_somebody_else_is_said(self, cora: Caller, sim: Sim) -> None:
        steal(sim, "09:30", cloud=True, provider="DR1", room="Op 1", patient_id="1001")

        result = cora.book("09:00")

        assert result.outcome == "person_overlap"
        assert "already an appointment for this patient" in result.say
        assert bookings_sent(sim) == 0
        assert not Booking.objects.exists()

    def test_by_the_patients_own_appointment_with_the_same_clinician_is_said(self, cora: Caller, sim: Sim) -> None:
        steal(sim, "09:00", cloud=True, patient_id="1001")

        assert cora.book("09:00", providerId="HY1").outcome == "person_overlap"

    def test_by_the_patients_own_booking_of_another_kind_is_said(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")

        result = cora.book("09:30", appointmentType="exam")

        assert result.outcome == "person_overlap"
        assert bookings_sent(sim) == 1

    def test_by_an_appointment_that_ends_when_the_other_begins_is_free(self, cora: Caller, sim: Sim) -> None:
        steal(sim, "08:00", cloud=True, provider="DR1", room="Op 1", patient_id="1001")

        assert cora.book("09:00").outcome == "ok"

    @pytest.mark.parametrize(
        ("at", "weekday", "outcome"),
        [("12:00", 1, "outside_hours"), ("11:30", 1, "outside_hours"), ("10:07", 1, "not_on_grid"),
         ("07:00", 1, "outside_hours"), ("10:00", 6, "outside_hours")],
    )  # fmt: skip
    def test_by_the_practices_rules_is_refused_with_what_there_is(
        self, cora: Caller, sim: Sim, at: str, weekday: int, outcome: str
    ) -> None:
        result = cora.book(at, date=quiet_day(weekday).isoformat())

        assert result.outcome == outcome
        assert bool(codes(result.say)) is (weekday != 6)
        assert bookings_sent(sim) == 0

    def test_inside_the_minimum_notice_is_too_soon(self, practice: Account, sim: Sim) -> None:
        trusting_any_copy(practice)
        start = SetClock(Caller(practice).clock.now() + (quiet_day() - Caller(practice).clock.now().date()))
        nine = start.now().replace(hour=14, minute=0, second=0, microsecond=0)
        cora = Caller(practice, clock=SetClock(nine - timedelta(minutes=90))).verified()

        result = cora.book(nine.astimezone(practice.zone).strftime("%H:%M"))

        assert result.outcome == "too_soon"


class TestPending:
    def test_is_said_well_within_the_budget(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "config", writeback_delay=600)
        cora.open_times()
        started = time.monotonic()

        result = cora.book(slotCode="A1")

        booking = Booking.objects.get()
        assert 2 < time.monotonic() - started < 6
        assert "has been sent to the practice's system, but it is not final yet" in result.say
        assert " ".join(booking.confirmation_number) in result.say
        assert (booking.state, booking.pms_appointment_id) == (BookingState.PENDING, "")
        assert result.answer
        assert (result.answer.status, result.answer.data["status"]) == (202, "pending")

    def test_leaves_the_reference_of_the_write_and_no_record_id(
        self, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow_office(sim, monkeypatch)

        cora.book()

        write_back = WriteBack.objects.get()
        [sent] = sim("GET", "writebacks", office_id=ALDER)["writebacks"]
        assert (write_back.state, write_back.reference, write_back.record_id) == ("PENDING", sent["id"], "")
        assert write_back.next_attempt_at

    @pytest.mark.parametrize(
        "fault",
        [
            {"error_code": "API2003"},
            {"error_code": "API2004"},
            {"error_code": "API2001"},
            {"kind": "html", "status": 502},
            {"kind": "timeout", "hold_seconds": 30},
        ],
        ids=["401", "not entitled", "500", "gateway page", "silence"],
    )
    def test_is_said_where_the_state_cannot_be_asked(self, cora: Caller, sim: Sim, fault: dict[str, Any]) -> None:
        sim("POST", "fail", path="/v4/writeback_status", times=20, **fault)

        result = cora.book(seconds=4)

        assert result.outcome == "ok"
        assert "not final yet" in result.say
        assert Booking.objects.get().state == BookingState.PENDING


class TestUnknown:
    @pytest.mark.parametrize(
        "lose",
        [
            ("lose_answer", {}),
            ("lose_answer", {"hold_seconds": 30}),
            ("fail", {"path": "/v4/appointment", "status": 500}),
            ("fail", {"path": "/v4/appointment", "error_code": "API2002"}),
            ("fail", {"path": "/v4/appointment", "kind": "html", "status": 502}),
            ("fail", {"path": "/v4/appointment", "kind": "drop"}),
        ],
        ids=["answer lost", "no answer in time", "500", "503", "gateway page", "connection dropped"],
    )
    def test_is_said_and_a_person_is_told(self, cora: Caller, sim: Sim, lose: tuple[str, dict[str, Any]]) -> None:
        sim("POST", lose[0], **lose[1])
        started = time.monotonic()

        result = cora.book(seconds=4)

        assert time.monotonic() - started < 6
        booking = Booking.objects.get()
        assert result.outcome == "outcome_unknown"
        assert "can't say yet whether it went through" in result.say
        assert booking.state == BookingState.UNKNOWN
        assert WriteBack.objects.get().state == WriteBackState.UNKNOWN
        assert Task.objects.get(booking=booking).kind == "booking_outcome_unknown"
        assert bookings_sent(sim) == 1

    def test_keeps_the_time_for_whoever_may_have_it(self, practice: Account, cora: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")
        cora.book(providerId="HY1")

        other = Caller(practice).verified(JOSE).book(providerId="HY1")

        assert other.outcome == "slot_taken"

    def test_is_what_a_crash_after_sending_is_called(
        self, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(**_kwargs: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("pms.services.write_backs.settle", crash)

        result = cora.book()

        assert result.outcome == "outcome_unknown"
        assert bookings_sent(sim) == 1
        assert Booking.objects.get().state == BookingState.UNKNOWN

    def test_is_what_a_crash_while_sending_is_called(
        self, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_args: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("pms.providers.sikka.service.SikkaService.book_appointment", crash)

        result = cora.book()

        assert result.outcome == "outcome_unknown"
        assert Booking.objects.get().state == BookingState.UNKNOWN


class TestNotMade:
    def test_with_the_office_offline_leaves_nothing_but_a_request(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        result = cora.book()

        booking = Booking.objects.get()
        assert result.outcome == "on_request_only"
        assert "I have left the team a request" in result.say
        assert booking.state == BookingState.FAILED
        assert Task.objects.get().kind == "booking_requested"
        assert sim("GET", "writebacks", office_id=ALDER)["writebacks"] == []
        sim("POST", "office", office_id=ALDER, online=True)
        assert in_the_pms(sim, "1001") == []

    def test_with_a_request_that_the_vendor_refuses(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointment", error_code="API1026")

        result = cora.book()

        booking = Booking.objects.get()
        assert (result.outcome, booking.state) == ("write_rejected", BookingState.FAILED)
        assert result.say.endswith(NOTED)
        assert Task.objects.get(booking=booking).kind == "booking_write_rejected"

    def test_with_a_write_that_the_office_refuses(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")

        result = cora.book()

        booking = Booking.objects.get()
        assert (result.outcome, booking.state, booking.failure) == ("write_rejected", "FAILED", "refused_by_pms")
        assert result.say.endswith(NOTED)
        assert Task.objects.get(booking=booking).kind == "booking_failed"
        assert in_the_pms(sim, "1001") == []

    def test_frees_the_time_again(self, practice: Account, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")
        cora.book(providerId="HY1")

        assert Caller(practice).verified(JOSE).book(providerId="HY1").outcome == "ok"

    def test_can_be_asked_for_once_more(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointment", error_code="API1026")
        cora.book()

        again = cora.book()

        assert "is booked for" in again.say
        assert len(in_the_pms(sim, "1001")) == 1

    def test_with_a_pms_that_is_silent_when_asked_once_more(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        sim("DELETE", "requests")
        sim("POST", "config", latency=1.4, latency_path="/v4/appointments")

        result = cora.book(slotCode="A1", seconds=4)

        booking = Booking.objects.get()
        assert result.outcome == "pms_unavailable"
        assert asked_of_the_pms(sim).count(("GET", "/appointments")) == 2
        assert bookings_sent(sim) == 0
        assert (booking.state, booking.failure) == (BookingState.FAILED, "pms_unavailable")
        assert not WriteBack.objects.exists()

    def test_with_a_pms_that_times_out_when_asked_once_more(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        sim("DELETE", "requests")
        sim("POST", "config", latency=3, latency_path="/v4/appointments")

        result = cora.book(slotCode="A1", seconds=4.5)

        assert result.outcome == "pms_unavailable"
        assert bookings_sent(sim) == 0
        assert Booking.objects.get().state == BookingState.FAILED

    def test_where_the_taken_time_has_alternatives_that_cannot_be_read(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        steal(sim, "08:00", cloud=True)
        sim("POST", "config", latency=2, latency_path="/v4/appointments")

        result = cora.book(slotCode="A1", seconds=3.5)

        assert (result.outcome, result.say) == ("slot_taken", "I'm sorry, that time is taken.")

    def test_after_its_hold_ran_out_and_somebody_else_was_quicker(
        self, practice: Account, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hold = bookings.hold
        somebody = Caller(practice).verified(JOSE)

        def held_for_too_long(**kwargs: Any) -> Booking:
            booking = hold(**kwargs)
            monkeypatch.setattr(bookings, "hold", hold)
            Booking.objects.update(hold_expires_at=cora.clock.now())
            assert somebody.book(providerId="HY1").outcome == "ok"
            return booking

        monkeypatch.setattr(bookings, "hold", held_for_too_long)

        result = cora.book(providerId="HY1")

        assert result.outcome == "slot_taken"
        assert codes(result.say)
        assert [row["patient_id"] for row in in_the_pms(sim)] == ["1010"]
        assert bookings_sent(sim) == 1

    def test_after_the_caller_hung_up_in_the_middle(
        self, practice: Account, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hold = bookings.hold

        def held_then_hung_up(**kwargs: Any) -> Booking:
            booking = hold(**kwargs)
            calls.note(call=cora.call, progress=calls.Progress(status="ended"), now=cora.clock.now())
            return booking

        monkeypatch.setattr(bookings, "hold", held_then_hung_up)

        result = cora.book()

        assert result.outcome == "slot_expired"
        assert Booking.objects.get().state == BookingState.EXPIRED
        assert bookings_sent(sim) == 0


class TestKey:
    def test_that_expires_in_the_middle_is_renewed_and_books_once(self, cora: Caller, sim: Sim) -> None:
        cora.open_times()
        sim("POST", "config", rotate_keys=True)
        sim("POST", "expire_key", office_id=ALDER)
        sim("DELETE", "requests")

        result = cora.book(slotCode="A1")

        assert "is booked for" in result.say
        assert asked_of_the_pms(sim).count(("POST", "/request_key")) == 1
        assert len(in_the_pms(sim, "1001")) == 1

    def test_that_is_refused_when_sending_is_renewed_and_sent_once_more(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointment", error_code="API1025")

        result = cora.book()

        assert "is booked for" in result.say
        assert len(in_the_pms(sim, "1001")) == 1
        assert len(sim("GET", "writebacks", office_id=ALDER)["writebacks"]) == 1


class TestAgain:
    def test_the_same_wish_has_one_appointment(self, cora: Caller, sim: Sim) -> None:
        first = cora.book()

        again = cora.book()

        assert again.say == f"You already have that one. {first.say}"
        assert bookings_sent(sim) == 1

    def test_the_same_wish_in_a_later_call_has_one_appointment(self, practice: Account, cora: Caller, sim: Sim) -> None:
        cora.book()

        assert Caller(practice).verified().book().say.startswith("You already have that one. ")
        assert bookings_sent(sim) == 1

    def test_the_same_pending_wish_is_still_pending(
        self, cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow_office(sim, monkeypatch)
        first = cora.book()

        assert cora.book().say == f"I have asked for that one already. {first.say}"
        assert bookings_sent(sim) == 1

    def test_the_same_unknown_wish_is_still_unknown(self, cora: Caller, sim: Sim) -> None:
        sim("POST", "lose_answer")
        first = cora.book()

        assert cora.book().say == first.say
        assert bookings_sent(sim) == 1

    def test_a_wish_that_the_desk_has_cancelled_meanwhile_is_booked_anew(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        cora.book("09:00")
        old = Booking.objects.get()
        Booking.objects.update(verified_at=cora.clock.now())
        cancel_at_the_desk(sandbox, old.pms_appointment_id)

        again = cora.book("09:00")

        old.refresh_from_db()
        assert again.say.startswith("The appointment is booked for")
        assert old.state == BookingState.CANCELLED
        assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled", "Scheduled"]

    def test_a_wish_that_the_desk_still_shows_is_not_booked_twice(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        sim("POST", "refresh", office_id=ALDER)
        Booking.objects.update(verified_at=cora.clock.now())

        again = cora.book("09:00")

        assert again.say.startswith("You already have that one.")
        assert bookings_sent(sim) == 1
        assert PmsAuditLog.objects.filter(action="checkBooking", phi_accessed=True, patient_id="1001").count() == 1

    def test_a_wish_held_by_a_process_that_died_is_booked(self, cora: Caller, sim: Sim) -> None:
        kept = abandoned(cora, seconds=31)

        result = cora.book()

        kept.refresh_from_db()
        assert "is booked for" in result.say
        assert kept.state == BookingState.EXPIRED
        assert len(in_the_pms(sim, "1001")) == 1

    def test_a_wish_that_another_request_is_making_is_still_being_worked_on(self, cora: Caller, sim: Sim) -> None:
        abandoned(cora, seconds=5)

        result = cora.book()

        assert result.outcome == "still_working"
        assert bookings_sent(sim) == 0


def abandoned(caller: Caller, *, seconds: float) -> Booking:
    """Leave a booking that was held and never sent, as a process does that dies there."""
    kind = AppointmentType.objects.get(account=caller.call.account, name="Cleaning")
    nine = datetime.combine(quiet_day(), clock(9), tzinfo=NEW_YORK)
    wish = Wish(
        patient_id="1001",
        appointment_type=kind,
        starts_at=nine,
        clinician_id="HY1",
        operatory_id="Hyg 1",
        clinician_name="Perpetua Lindqvist",
    )
    return bookings.hold(
        integration=caller.call.account.integrations.get(),
        wish=wish,
        call=caller.call,
        key="",
        now=caller.clock.now() - timedelta(seconds=seconds),
    )
