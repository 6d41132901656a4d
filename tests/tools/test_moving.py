"""rescheduleAppointment, against the sandbox: the old time stands until the practice's own system has the new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.domain.localtime import zone
from pms.domain.speech import spell
from pms.models import AuditPhase, Booking, BookingState, PmsAuditLog, SecurityEvent, Task, TaskState, WriteBack
from pms.sandbox import Sandbox
from pms.services import bookings, tasks
from tests.conftest import Sim, use_sandbox
from tests.practice import seeded
from tests.talking import (
    ALDER,
    JOSE,
    MILO,
    NEW_YORK,
    Caller,
    SetClock,
    Slow,
    asked_of_the_pms,
    cancel_at_the_desk,
    codes,
    find_at_once,
    in_the_pms,
    kinds,
    made_at_the_desk,
    quiet_day,
    together,
    without_capability,
    writes_sent,
)

STANDS = "The appointment stays as it is."
NOTED = f"{STANDS} I have left the team a note to move it."
BY_THE_TEAM = f"I can't move that one myself, so I have asked the team to. {STANDS}"


pytestmark = pytest.mark.usefixtures("quick_office")


@pytest.fixture
def own(cora: Caller) -> Booking:
    """A cleaning at nine that Cora has booked in this call; the vendor's copy does not show it yet."""
    assert cora.book("09:00", providerId="HY1").outcome == "ok"
    return Booking.objects.get()


@pytest.fixture(params=["number", "own"], ids=["the desk's", "just booked"])
def cleaning(request: pytest.FixtureRequest) -> None:
    """Cora's cleaning at nine: once made at the desk, once booked in this call."""
    request.getfixturevalue(request.param)


def times(sim: Sim, patient_id: str = "1001") -> list[str]:
    """Return when the patient's appointments of the quiet day are, in the practice's own system."""
    return [row["time"] for row in in_the_pms(sim, patient_id) if row["status"] == "Scheduled"]


def moves_sent(sim: Sim) -> int:
    return sum(method == "PUT" for method, _ in writes_sent(sim))


class TestMoved:
    def test_by_code_keeps_its_id_and_has_one_time(self, cora: Caller, number: str, sim: Sim) -> None:
        code = codes(cora.open_times(time="14:00"))[1]
        sim("DELETE", "requests")

        result = cora.move(slotCode=code)

        [row], booking = in_the_pms(sim, "1001"), Booking.objects.get()
        assert result.say.startswith("The appointment has been moved to Tuesday, ")
        assert result.say.endswith(
            f" at 2 PM with Perpetua Lindqvist. The confirmation number is {spell(booking.confirmation_number)}."
        )
        assert (row["appointment_sr_no"], row["time"], row["provider_id"]) == (number, "14:00", "HY1")
        assert (booking.state, booking.pms_appointment_id) == (BookingState.CONFIRMED, number)
        assert writes_sent(sim) == [("PUT", f"/appointments/{number}")]

    @pytest.mark.parametrize("at", ["15:30", "3:30 PM", "15:30:00", "15:30Z"])
    def test_by_date_and_time(self, cora: Caller, number: str, sim: Sim, at: str) -> None:
        assert " has been moved to " in cora.move(at).say
        assert times(sim) == ["15:30"]

    def test_by_start_time_in_one(self, cora: Caller, number: str, sim: Sim) -> None:
        assert " at 3:30 PM with " in cora.move(startTime=f"{quiet_day()}T15:30:00").say
        assert times(sim) == ["15:30"]

    def test_to_another_day(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.move("10:00", date=quiet_day(3).isoformat())

        assert times(sim) == []
        assert [row["appointment_sr_no"] for row in in_the_pms(sim, "1001", day=quiet_day(3))] == [number]

    @pytest.mark.parametrize("name", [
        lambda own: own.pms_appointment_id,
        lambda own: str(own.pk),
        lambda own: own.confirmation_number,
        lambda own: own.confirmation_number.lower(),
        lambda own: spell(own.confirmation_number),
    ], ids=["id", "booking", "number", "small letters", "spelled"])  # fmt: skip
    def test_by_whatever_names_it(self, cora: Caller, own: Booking, sim: Sim, name: Callable[[Booking], str]) -> None:
        cora.book("13:00")

        result = cora.move("10:00", appointmentId=name(own))

        assert " at 10 AM " in result.say
        assert sorted(times(sim)) == ["10:00", "13:00"]

    def test_that_is_one_of_several_must_be_named(self, cora: Caller, sandbox: Sandbox, number: str, sim: Sim) -> None:
        second = made_at_the_desk(sandbox, "13:00")
        sim("DELETE", "requests")

        asked = cora.move("15:00")
        then = cora.move("15:00", appointmentId=second)

        assert asked.outcome == "validation_failed"
        assert asked.say.startswith("Which appointment is it: Tuesday, ")
        assert f"(appointment {number}) or " in asked.say
        assert asked.say.endswith(f"(appointment {second})?")
        assert then.outcome == "ok"
        assert sorted(times(sim)) == ["09:00", "15:00"]
        assert moves_sent(sim) == 1

    def test_that_is_none_is_said_to_be_none(self, cora: Caller) -> None:
        result = cora.move()

        assert (result.outcome, result.say) == ("appointment_not_found", "I don't see any appointment coming up.")

    def test_keeps_its_length(self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, "09:00", length="90")

        cora.move("14:00")

        assert [(row["time"], row["length"]) for row in in_the_pms(sim, "1001")] == [("14:00", "90")]
        assert Caller(practice).verified(JOSE).book("15:00", providerId="HY1").outcome == "slot_taken"

    def test_needs_room_for_its_own_length(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, "14:00", length="90")

        said = [cora.move(at).outcome for at in ("11:00", "10:30")]

        assert said == ["outside_hours", "ok"]
        assert times(sim) == ["10:30"]

    def test_keeps_its_clinician(self, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, provider_id="HY2", operatory="Hyg 2")

        assert "with Casimir Bellweather" in cora.move("14:00").say
        assert [row["provider_id"] for row in in_the_pms(sim, "1001")] == ["HY2"]

    def test_takes_another_clinician_only_if_one_is_named(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox, "14:00", patient_id="1003")

        refused = cora.move("14:00")
        moved = cora.move("14:00", providerId="Casimir Bellweather")

        assert refused.outcome == "slot_taken"
        assert "with Casimir Bellweather" in moved.say
        assert [(row["provider_id"], row["operatory"]) for row in in_the_pms(sim, "1001")] == [("HY2", "Hyg 2")]

    def test_to_another_clinician_at_the_time_it_was_just_booked_for(
        self, cora: Caller, own: Booking, sim: Sim
    ) -> None:
        assert "with Casimir Bellweather" in cora.move("09:00", providerId="HY2").say
        assert [(row["time"], row["provider_id"]) for row in in_the_pms(sim, "1001")] == [("09:00", "HY2")]

    def test_to_another_clinician_at_its_own_time(self, cora: Caller, number: str, sim: Sim) -> None:
        assert "with Casimir Bellweather" in cora.move("09:00", providerId="HY2").say
        assert [(row["time"], row["provider_id"]) for row in in_the_pms(sim, "1001")] == [("09:00", "HY2")]

    def test_keeps_the_reason_sealed(self, cora: Caller, number: str) -> None:
        cora.move(reason="Has to work")

        booking = Booking.objects.get()
        assert bookings.reveal_note(booking) == "Has to work"
        assert b"work" not in bytes(booking.note or b"")

    def test_again_and_again_is_one_appointment(self, cora: Caller, own: Booking, sim: Sim) -> None:
        said = [cora.move(at).outcome for at in ("10:00", "14:00", "09:00")]

        states = Booking.objects.order_by("created_at").values_list("state", flat=True)
        assert said == ["ok"] * 3
        assert list(states) == ["RESCHEDULED", "RESCHEDULED", "RESCHEDULED", "CONFIRMED"]
        assert times(sim) == ["09:00"]

    def test_is_still_found_by_its_first_number(self, cora: Caller, own: Booking, sim: Sim) -> None:
        cora.move("14:00")

        assert cora.cancel(own.confirmation_number).outcome == "ok"
        assert times(sim) == []

    def test_frees_the_old_time_once_the_copy_shows_it(
        self, practice: Account, cora: Caller, number: str, sim: Sim
    ) -> None:
        cora.move("14:00")
        somebody = Caller(practice).verified(JOSE)

        before = somebody.book("09:00", providerId="HY1").outcome
        sim("POST", "refresh")
        after = somebody.book("09:00", providerId="HY1").outcome

        assert (before, after) == ("slot_taken", "ok")

    def test_no_longer_stands_in_the_patients_own_way_at_its_old_time(
        self, cora: Caller, number: str, sim: Sim
    ) -> None:
        before = cora.book("09:00", appointmentType="exam").outcome
        cora.move("14:00")

        assert (before, cora.book("09:00", appointmentType="exam").outcome) == ("person_overlap", "ok")
        assert sorted(times(sim)) == ["09:00", "14:00"]

    def test_stands_in_the_patients_own_way_at_its_new_time(self, cora: Caller, number: str) -> None:
        cora.move("14:00")

        assert cora.book("14:00", appointmentType="exam").outcome == "person_overlap"

    def test_takes_the_new_time_at_once(self, practice: Account, cora: Caller, number: str) -> None:
        cora.move("14:00")

        assert " 2 PM" not in cora.open_times(time="14:00", providerId="HY1")
        assert Caller(practice).verified(JOSE).book("14:00", providerId="HY1").outcome == "slot_taken"

    def test_of_a_child_by_its_parent(self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, patient_id="1002")
        cora.verified(MILO)

        assert Caller(practice).verified(MILO).move("14:00").outcome == "minor_needs_guardian"
        assert cora.move("14:00", patientId="1002").outcome == "ok"
        assert times(sim, "1002") == ["14:00"]

    def test_leaves_intent_and_outcome_in_the_audit_log(self, cora: Caller, number: str) -> None:
        cora.move()

        rows = PmsAuditLog.objects.filter(action="rescheduleAppointment").order_by("seq")
        assert [row.phase for row in rows] == [AuditPhase.INTENT, AuditPhase.OUTCOME]
        assert {row.patient_id for row in rows} == {"1001"}
        assert {row.access_id for row in rows} == {WriteBack.objects.get().access_id}
        assert PmsAuditLog.objects.get(action="findAppointment").patient_id == "1001"

    @pytest.mark.parametrize("name", ["Pacific/Honolulu", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"])
    def test_by_the_practices_wall_clock_wherever_it_is(
        self, db: None, sandbox: Sandbox, settings: Settings, sim: Sim, name: str
    ) -> None:
        use_sandbox(settings, sandbox)
        practice = seeded(account={"name": "Alder Dental", "time_zone": name})
        made_at_the_desk(sandbox)

        result = Caller(practice).verified().move("16:00")

        assert " at 4 PM with " in result.say
        assert times(sim) == ["16:00"]
        assert Booking.objects.get().starts_at == datetime.combine(quiet_day(), time(16), tzinfo=zone(name))

    def test_over_a_change_of_the_clocks_keeps_the_wall_clock(
        self, db: None, sandbox: Sandbox, settings: Settings, sim: Sim
    ) -> None:
        use_sandbox(settings, sandbox)
        name, sunday = next_change()
        practice = seeded(account={"name": "Alder Dental", "time_zone": name})
        before, after = sunday - timedelta(days=5), sunday + timedelta(days=2)
        clock = SetClock(datetime.combine(sunday - timedelta(days=9), time(12), tzinfo=zone(name)))
        sim("POST", "clock", advance_seconds=(clock.now() - SetClock().now()).total_seconds())
        made_at_the_desk(sandbox, day=before)

        result = Caller(practice, clock=clock).verified().move("09:00", date=after.isoformat())

        moved = Booking.objects.get()
        assert result.outcome == "ok"
        assert [row["time"] for row in in_the_pms(sim, "1001", day=after)] == ["09:00"]
        assert moved.starts_at == datetime.combine(after, time(9), tzinfo=zone(name))
        assert moved.starts_at - datetime.combine(before, time(9), tzinfo=zone(name)) != timedelta(days=7)


def next_change() -> tuple[str, date]:
    """Return the zone, of one in the north and one in the south, whose clocks change next, and the day they do."""
    names = ("America/New_York", "America/Santiago")
    for number in range(40, 366):  # beyond the appointments that the sandbox begins with
        day = (SetClock().now() + timedelta(days=number)).date()
        for name in names:
            noons = [datetime.combine(day - timedelta(days=n), time(12), tzinfo=zone(name)) for n in (0, 1)]
            if noons[0].utcoffset() != noons[1].utcoffset():
                return name, day
    raise AssertionError("The clocks never change.")


class TestOverItsOwnTime:
    """RC-11."""

    def test_half_an_hour_later_is_allowed_for_what_the_desk_made(self, cora: Caller, number: str, sim: Sim) -> None:
        assert cora.move("09:30").outcome == "ok"
        assert times(sim) == ["09:30"]

    def test_half_an_hour_later_is_allowed_for_what_was_just_booked(self, cora: Caller, own: Booking, sim: Sim) -> None:
        assert cora.move("09:30").outcome == "ok"
        assert times(sim) == ["09:30"]

    def test_twice_half_an_hour_is_allowed_while_the_copy_is_old(self, cora: Caller, number: str, sim: Sim) -> None:
        said = [cora.move(at).outcome for at in ("09:30", "10:00", "09:30")]

        assert said == ["ok"] * 3
        assert times(sim) == ["09:30"]

    def test_somebody_elses_time_is_not(
        self, practice: Account, cora: Caller, own: Booking, sim: Sim, slow: Slow
    ) -> None:
        Caller(practice).verified(JOSE).book("10:00", providerId="HY1")

        assert cora.move("09:30").outcome == "slot_taken"
        assert times(sim) == ["09:00"]


class TestWhose:
    """ID-15: what is another patient's, or another practice's, or nobody's, sounds and costs the same."""

    @pytest.fixture
    def theirs(self, practice: Account, number: str, sim: Sim, slow: Slow) -> dict[str, str]:
        """Names of appointments of José's: one that the desk made, one just booked, one that is pending."""
        jose = Caller(practice).verified(JOSE)
        [desk] = [row["appointment_sr_no"] for row in sim("GET", "truth", office_id=ALDER, patient_id="1010")[
            "appointments"
        ]]  # fmt: skip
        jose.book("11:00")
        booked = Booking.objects.get()
        slow("POST appointment")
        jose.book("15:00")
        pending = Booking.objects.exclude(pk=booked.pk).get()
        return {
            "the desk's": desk,
            "booked": booked.pms_appointment_id,
            "by number": booked.confirmation_number,
            "by booking": str(booked.pk),
            "pending": pending.confirmation_number,
            "pending by booking": str(pending.pk),
        }

    @pytest.mark.parametrize("tool", ["rescheduleAppointment", "cancelAppointment", "confirmAppointment"])
    def test_an_appointment_is_makes_no_difference(
        self, practice: Account, theirs: dict[str, str], sim: Sim, tool: str
    ) -> None:
        cora = Caller(practice).verified()
        wish = {"date": quiet_day().isoformat(), "time": "16:00"} if tool == "rescheduleAppointment" else {}
        told = {}

        for name, identifier in {"nobody's": "99999", **theirs}.items():
            sim("DELETE", "requests")
            result = cora.use(tool, appointmentId=identifier, **wish)
            told[name] = (result.outcome, result.say, tuple(asked_of_the_pms(sim)))

        assert set(told.values()) == {
            ("appointment_not_found", "I could not find that appointment.", (("GET", "/appointments"),))
        }
        assert not Task.objects.exists()

    def test_a_patient_is_who_was_not_proven_makes_one_event(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = cora.move(appointmentId=number, patientId="1010")

        assert (result.outcome, asked_of_the_pms(sim)) == ("not_verified", [])
        assert SecurityEvent.objects.filter(kind="verification.scope").count() == 1

    def test_nobody_is_proven_moves_nothing(self, caller: Caller, number: str, sim: Sim) -> None:
        assert caller.move(appointmentId=number).outcome == "not_verified"
        assert moves_sent(sim) == 0


class TestTaken:
    """RC-10: the old appointment is untouched."""

    def test_new_time_is_answered_with_others(self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, "14:00", patient_id="1003")
        sim("DELETE", "requests")

        result = cora.move("14:00")

        assert result.outcome == "slot_taken"
        assert result.say.startswith("I'm sorry, that time is taken. On Tuesday, ")
        assert codes(result.say)
        assert (times(sim), moves_sent(sim)) == (["09:00"], 0)
        assert not Booking.objects.exists()

    def test_and_the_answers_codes_move(self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox, "14:00", patient_id="1003")
        refused = cora.move("14:00")

        assert cora.move(slotCode=codes(refused.say)[0]).outcome == "ok"
        assert len(times(sim)) == 1

    def test_new_time_where_only_the_pms_knows_is_told_when_it_refuses(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox, "14:00", patient_id="1003", is_shown=False)

        result = cora.move("14:00")

        booking = Booking.objects.get()
        assert result.outcome == "slot_taken"
        assert result.say.startswith("I'm sorry, that time has just been taken.")
        assert (booking.state, booking.failure) == (BookingState.FAILED, "slot_taken")
        assert times(sim) == ["09:00"]
        assert "9 AM" in cora.ahead()

    def test_new_time_by_the_patients_own_appointment_is_said(
        self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox, "14:00", provider_id="DR1", operatory="Op 1", type="1")

        assert cora.move("14:00", appointmentId=number).outcome == "person_overlap"
        assert sorted(times(sim)) == ["09:00", "14:00"]

    def test_new_time_by_the_patients_own_booking_is_said(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.book("14:00", appointmentType="exam")

        assert cora.move("14:00", appointmentId=number).outcome == "person_overlap"
        assert sorted(times(sim)) == ["09:00", "14:00"]


class TestNotMoved:
    @pytest.mark.parametrize(
        ("at", "weekday", "outcome"),
        [("12:00", 1, "outside_hours"), ("10:07", 1, "not_on_grid"), ("10:00", 6, "outside_hours")],
    )
    def test_against_the_practices_rules(
        self, cora: Caller, number: str, sim: Sim, at: str, weekday: int, outcome: str
    ) -> None:
        assert cora.move(at, date=quiet_day(weekday).isoformat()).outcome == outcome
        assert (times(sim), moves_sent(sim)) == (["09:00"], 0)

    @pytest.mark.parametrize(
        ("wish", "outcome"),
        [
            ({"date": "2020-01-07"}, "date_in_past"),
            ({"date": "2027-02-30"}, "date_invalid"),
            ({"date": "03/04/2027"}, "date_ambiguous"),
            ({"date": "next Tuesday"}, "time_format"),
            ({"time": "in the morning"}, "time_format"),
            ({"date": None}, "date_missing"),
            ({"time": None}, "time_format"),
            ({"time": "10:00+05:30"}, "time_zone_mismatch"),
            ({"date": "{{slot.date}}"}, "placeholder"),
            ({"appointmentId": "{{appointment.id}}"}, "placeholder"),
            ({"appointmentId": "Cora Whitfield's"}, "validation_failed"),
            ({"providerId": "Dr. Nobody"}, "validation_failed"),
            ({"slotCode": "Z9"}, "slot_expired"),
        ],
    )
    def test_without_a_time_that_can_be_read(
        self, cora: Caller, number: str, sim: Sim, wish: dict[str, Any], outcome: str
    ) -> None:
        assert cora.move(**wish).outcome == outcome
        assert (times(sim), moves_sent(sim)) == (["09:00"], 0)

    def test_once_it_has_begun(self, practice: Account, number: str, sim: Sim) -> None:
        late = SetClock(datetime.combine(quiet_day(), time(9, 5), tzinfo=NEW_YORK))

        result = Caller(practice, clock=late).verified().move("14:00", appointmentId=number)

        assert (result.outcome, moves_sent(sim)) == ("date_in_past", 0)
        assert result.say == "That appointment is in the past, so I have not changed anything."

    def test_once_it_is_cancelled(self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, number)
        sim("DELETE", "requests")

        assert cora.move("14:00", appointmentId=number).outcome == "appointment_not_found"
        assert moves_sent(sim) == 0

    def test_to_the_time_it_has_in_the_pms(self, cora: Caller, number: str, sim: Sim) -> None:
        result = cora.move("09:00")

        assert (result.outcome, result.say) == ("already_booked", "That appointment is at that time already.")
        assert moves_sent(sim) == 0

    def test_to_the_time_it_was_just_booked_for(self, cora: Caller, own: Booking, sim: Sim) -> None:
        result = cora.move("09:00")

        assert (result.outcome, result.say) == ("already_booked", "That appointment is at that time already.")
        assert moves_sent(sim) == 0

    def test_twice_to_the_same_time(self, cora: Caller, number: str, sim: Sim) -> None:
        first, again = cora.move("14:00"), cora.move("14:00")

        assert again.say == f"You already have that one. {first.say}"
        assert moves_sent(sim) == 1

    @pytest.mark.parametrize("by", ["time", "code"])
    @pytest.mark.parametrize("kind", ["4", "5"], ids=["not the practice's", "on request"])
    def test_if_the_team_arranges_that_kind(self, cora: Caller, sandbox: Sandbox, sim: Sim, kind: str, by: str) -> None:
        number = made_at_the_desk(sandbox, type=kind, provider_id="DR2", operatory="Op 2")
        code = codes(cora.open_times(time="14:00"))[1]
        sim("DELETE", "requests")

        result = cora.move(slotCode=code, reason="Has to work") if by == "code" else cora.move("14:00", reason="Has to")

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("on_request_only", BY_THE_TEAM)
        assert (task.kind, task.call) == ("please_move", cora.call)
        said = tasks.detail(task)
        assert (said["patientId"], said["appointmentId"]) == ("1001", number)
        assert datetime.fromisoformat(said["newStartsAt"]) == datetime.combine(quiet_day(), time(14), tzinfo=NEW_YORK)
        assert said["reason"].startswith("Has to")
        assert moves_sent(sim) == 0

    def test_where_the_pms_cannot(self, cora: Caller, number: str, sim: Sim) -> None:
        without_capability(cora.call.account, "move_appointment")

        result = cora.move("14:00")

        assert (result.outcome, result.say) == ("not_supported", BY_THE_TEAM)
        assert Task.objects.get().kind == "please_move"
        assert (times(sim), moves_sent(sim)) == (["09:00"], 0)
        assert not Booking.objects.exists()

    def test_with_the_office_offline(self, cora: Caller, own: Booking, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        result = cora.move("14:00")

        own.refresh_from_db()
        moved = Booking.objects.exclude(pk=own.pk).get()
        assert result.outcome == "pms_unavailable"
        assert result.say.endswith(NOTED)
        assert (own.state, moved.state) == (BookingState.CONFIRMED, BookingState.FAILED)
        assert Task.objects.get().kind == "move_pms_unavailable"
        assert "9 AM" in cora.ahead()

    def test_with_a_request_that_the_vendor_refuses(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/appointments/*", method="PUT", error_code="API1026")

        result = cora.move("14:00")

        assert (result.outcome, times(sim)) == ("write_rejected", ["09:00"])
        assert result.say.endswith(NOTED)
        assert Task.objects.get().kind == "move_write_rejected"

    def test_with_a_write_that_the_office_refuses(self, cora: Caller, own: Booking, sim: Sim) -> None:
        sim("POST", "fail_write", method="PUT", result="Operatory does not exist")

        result = cora.move("14:00")

        own.refresh_from_db()
        assert (result.outcome, times(sim)) == ("write_rejected", ["09:00"])
        assert result.say.endswith(NOTED)
        assert own.state == BookingState.CONFIRMED
        assert Task.objects.get().kind == "move_failed"
        assert cora.move("14:00").outcome == "ok"

    def test_with_a_pms_that_is_silent_when_asked_once_more(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.open_times()
        sim("POST", "config", latency=0.9, latency_path="/v4/appointments")

        result = cora.move("14:00", seconds=3)

        assert result.outcome == "pms_unavailable"
        assert moves_sent(sim) == 0
        assert [one.state for one in Booking.objects.all()] in ([], [BookingState.FAILED])


class TestPending:
    def test_is_said_and_the_old_time_stands(self, cora: Caller, own: Booking, slow: Slow) -> None:
        slow()

        result = cora.move("14:00")

        own.refresh_from_db()
        moved = Booking.objects.exclude(pk=own.pk).get()
        assert result.say.startswith("The move to Tuesday, ")
        assert "it is not final yet. Until it is, the old time stands." in result.say
        assert spell(moved.confirmation_number) in result.say
        assert (own.state, moved.state, moved.pms_appointment_id) == ("CONFIRMED", "PENDING", "")
        assert result.answer
        assert (result.answer.status, result.answer.data["status"]) == (202, "pending")

    def test_keeps_both_times(self, practice: Account, cora: Caller, own: Booking, slow: Slow) -> None:
        slow()
        cora.move("14:00")
        jose = Caller(practice).verified(JOSE)

        assert [jose.book(at, providerId="HY1").outcome for at in ("09:00", "14:00")] == ["slot_taken"] * 2

    def test_is_sent_once_however_often_it_is_asked_for(self, cora: Caller, number: str, sim: Sim, slow: Slow) -> None:
        slow()
        first = cora.move("14:00")

        assert cora.move("14:00").say == f"I have asked for that one already. {first.say}"
        assert moves_sent(sim) == 1

    def test_lets_no_other_change_through(self, cora: Caller, cleaning: None, sim: Sim, slow: Slow) -> None:
        slow()
        cora.move("14:00")
        sim("DELETE", "requests")

        said = [cora.move("15:00"), cora.cancel(), cora.confirm()]

        assert [one.outcome for one in said] == ["still_working"] * 3
        assert all("so I have not changed anything" in one.say for one in said)
        assert writes_sent(sim) == []
        assert not Booking.objects.filter(state=BookingState.FAILED).exists()
        assert kinds() == ["please_cancel", "please_confirm"]
        assert times(sim) == ["09:00"]

    def test_cancellation_lets_no_move_through(self, cora: Caller, cleaning: None, sim: Sim, slow: Slow) -> None:
        slow()
        cora.cancel()

        result = cora.move("14:00")

        assert result.outcome == "still_working"
        assert "so I have not changed anything" in result.say
        assert moves_sent(sim) == 0
        assert not Booking.objects.filter(state=BookingState.FAILED).exists()

    def test_booking_is_not_moved_but_left_to_the_team(self, cora: Caller, sim: Sim, slow: Slow) -> None:
        slow()
        cora.book("09:00")

        result = cora.move("14:00")

        assert result.outcome == "still_working"
        assert "not final in the practice's system yet, so I can't move it" in result.say
        assert Task.objects.get(booking=Booking.objects.get()).kind == "please_move"
        assert moves_sent(sim) == 0

    def test_booking_has_the_latest_wish_in_its_task_also_after_somebody_has_done_it(
        self, cora: Caller, slow: Slow
    ) -> None:
        slow()
        cora.book("09:00")
        cora.move("14:00")
        Task.objects.update(state=TaskState.DONE, resolved_at=cora.clock.now())

        cora.move("15:00", reason="Has to work")

        task = Task.objects.get()
        said = tasks.detail(task)
        wished = datetime.combine(quiet_day(), time(15), tzinfo=NEW_YORK)
        assert (task.kind, task.state, task.resolved_at) == ("please_move", TaskState.OPEN, None)
        assert (datetime.fromisoformat(said["newStartsAt"]), said["reason"]) == (wished, "Has to work")


class TestUnknown:
    @pytest.mark.parametrize(
        "lose",
        [
            ("lose_answer", {}),
            ("lose_answer", {"hold_seconds": 30}),
            ("fail", {"path": "/v4/appointments/*", "method": "PUT", "status": 500}),
            ("fail", {"path": "/v4/appointments/*", "method": "PUT", "kind": "drop"}),
        ],
        ids=["answer lost", "no answer in time", "500", "connection dropped"],
    )
    def test_is_said_and_a_person_is_told(
        self, cora: Caller, own: Booking, sim: Sim, lose: tuple[str, dict[str, Any]]
    ) -> None:
        sim("POST", lose[0], **lose[1])

        result = cora.move("14:00", seconds=4)

        own.refresh_from_db()
        moved = Booking.objects.exclude(pk=own.pk).get()
        assert result.outcome == "outcome_unknown"
        assert "can't say yet whether it went through" in result.say
        assert (own.state, moved.state) == (BookingState.CONFIRMED, BookingState.UNKNOWN)
        assert Task.objects.get().kind == "move_outcome_unknown"
        assert moves_sent(sim) == 1

    def test_is_still_unknown_when_asked_for_again(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("POST", "lose_answer")
        first = cora.move("14:00")

        assert cora.move("14:00").say == first.say
        assert moves_sent(sim) == 1

    def test_is_named_as_not_final(self, cora: Caller, number: str, sim: Sim) -> None:
        sim("POST", "lose_answer")
        cora.move("14:00")

        assert " at 9 AM " in cora.ahead()
        assert "not final yet" in cora.ahead()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_moves_of_one_appointment_are_one(
        self, cora: Caller, cleaning: None, sim: Sim, slow: Slow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cora.open_times()
        slow()
        find_at_once(monkeypatch, 2)

        one, other = together(*(lambda at=at: cora.move(at, seconds=20) for at in ("14:00", "15:00")))  # type: ignore[misc]

        assert sorted([one.outcome, other.outcome]) == ["ok", "still_working"]
        assert moves_sent(sim) == 1
        assert Booking.objects.filter(state=BookingState.PENDING).count() == 1
        assert times(sim) == ["09:00"]

    def test_the_same_move_twice_is_sent_once(
        self, cora: Caller, cleaning: None, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cora.open_times()
        sim("DELETE", "requests")
        find_at_once(monkeypatch, 2)

        said = together(*[lambda: cora.move("14:00", seconds=20)] * 2)

        assert {one.outcome for one in said} <= {"ok", "still_working"}
        assert "ok" in {one.outcome for one in said}
        assert moves_sent(sim) == 1
        assert times(sim) == ["14:00"]

    def test_two_patients_want_one_time_and_one_has_it(
        self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox)
        made_at_the_desk(sandbox, "10:00", patient_id="1010")
        jose = Caller(practice, number="").verified(JOSE)
        name = next(row["appointment_sr_no"] for row in in_the_pms(sim, "1010"))
        cora.open_times()

        said = together(
            lambda: cora.move("14:00", seconds=20), lambda: jose.move("14:00", seconds=20, appointmentId=name)
        )

        assert sorted(one.outcome for one in said) == ["ok", "slot_taken"]
        assert sorted([*times(sim), *times(sim, "1010")]) in (["09:00", "14:00"], ["10:00", "14:00"])
        assert moves_sent(sim) == 1
