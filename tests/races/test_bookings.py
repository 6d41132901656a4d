"""Bookings at the same moment: threads with connections of their own, against the sandbox (scheduling cases RC)."""

from __future__ import annotations

from collections import Counter

import pytest

from accounts.models import Account
from pms.models import AppointmentType, Booking, BookingState, ToolCall
from tests.conftest import Sim
from tests.races.conftest import Callers
from tests.races.racing import active, booking
from tests.talking import Caller, bookings_sent, codes, in_the_pms, outcomes, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def test_rc_01_of_twenty_callers_for_one_time_one_has_it(callers: Callers, sim: Sim) -> None:
    results = together(*(booking(caller, providerId="HY1") for caller in callers(20)))

    refused = [one for one in results if one.outcome != "ok"]
    assert Counter(outcomes(results)) == {"ok": 1, "slot_taken": 19}
    assert all(1 <= len(codes(one.say)) <= 3 for one in refused)
    assert all("taken" in one.say for one in refused)
    assert (active(), bookings_sent(sim), len(in_the_pms(sim))) == (1, 1, 1)


def test_rc_02_of_two_overlapping_times_one_is_booked(callers: Callers, sim: Sim) -> None:
    first, second = callers(2)

    results = together(booking(first, "09:00", providerId="HY1"), booking(second, "09:30", providerId="HY1"))

    assert outcomes(results) == ["ok", "slot_taken"]
    assert (active(), bookings_sent(sim), len(in_the_pms(sim))) == (1, 1, 1)


def test_rc_03_two_rooms_with_two_clinicians_are_two_bookings(callers: Callers, sim: Sim) -> None:
    results = together(*(booking(caller) for caller in callers(2)))

    assert outcomes(results) == ["ok", "ok"]
    assert sorted((row["provider_id"], row["operatory"]) for row in in_the_pms(sim)) == [
        ("HY1", "Hyg 1"),
        ("HY2", "Hyg 2"),
    ]
    assert (active(), bookings_sent(sim)) == (2, 2)


def test_rc_03_of_six_callers_for_two_rooms_two_are_served(callers: Callers, sim: Sim) -> None:
    results = together(*(booking(caller) for caller in callers(6)))

    pairs = Counter((row["provider_id"], row["operatory"]) for row in in_the_pms(sim))
    assert Counter(outcomes(results)) == {"ok": 2, "slot_taken": 4}
    assert pairs == {("HY1", "Hyg 1"): 1, ("HY2", "Hyg 2"): 1}
    assert bookings_sent(sim) == 2


def test_rc_04_one_clinician_is_not_in_two_rooms(practice: Account, callers: Callers, sim: Sim) -> None:
    rooms = [{"clinicianId": "DR1", "operatoryId": room} for room in ("Op 1", "Op 2")]
    AppointmentType.objects.filter(account=practice, name="Emergency").update(resources=rooms)

    results = together(*(booking(caller, appointmentType="Emergency", providerId="DR1") for caller in callers(2)))

    assert outcomes(results) == ["ok", "slot_taken"]
    assert (active(), bookings_sent(sim), len(in_the_pms(sim))) == (1, 1, 1)


def test_rc_05_a_tool_call_that_is_delivered_three_times_is_written_once(cora: Caller, sim: Sim) -> None:
    cora.open_times()

    said = together(*[lambda: cora.book(tool_call_id="call_1", seconds=30).say] * 2)
    said.append(cora.book(tool_call_id="call_1").say)

    assert len(set(said)) == 1
    assert said[0].startswith("The appointment is booked for")
    assert (bookings_sent(sim), len(in_the_pms(sim, "1001"))) == (1, 1)
    assert ToolCall.objects.filter(tool_call_id="call_1").count() == 1


def test_rc_06_the_same_time_under_other_ids_is_one_appointment(cora: Caller, sim: Sim) -> None:
    cora.open_times()

    at_once = together(*[booking(cora, providerId="HY1")] * 4)
    made = Booking.objects.get(state=BookingState.CONFIRMED)
    again = cora.book(providerId="HY1")

    told = [one.say for one in at_once if one.outcome == "ok"]
    assert any("is booked for" in say for say in told)
    assert all("is booked for" in say or "not final yet" in say for say in told)
    assert {one.outcome for one in at_once} <= {"ok", "still_working"}
    assert again.say.startswith("You already have that one. The appointment is booked for")
    assert again.answer
    assert again.answer.data["appointment"]["id"] == made.pms_appointment_id
    assert (active(), bookings_sent(sim), len(in_the_pms(sim, "1001"))) == (1, 1, 1)


def test_rc_16_one_person_is_not_in_two_places(practice: Account, cora: Caller, sim: Sim) -> None:
    elsewhere = Caller(practice).verified()
    cora.open_times()

    results = together(
        booking(cora, "09:00", providerId="HY1"),
        booking(elsewhere, "09:30", appointmentType="exam", providerId="DR1"),
    )

    [refused] = [one for one in results if one.outcome != "ok"]
    assert refused.outcome == "person_overlap"
    assert (active(), bookings_sent(sim), len(in_the_pms(sim, "1001"))) == (1, 1, 1)
