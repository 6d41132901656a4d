"""Booking for a server of the practice's own, and what a key may be used for twice."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget
from pms.models import Booking, BookingState, CredentialKind
from pms.services import appointments
from pms.services.appointments import Booked
from pms.services.audit import Asker
from pms.services.placing import TimeNotFree
from pms.tools import runner
from pms.tools.context import Face, Request, Result
from tests.conftest import Sim
from tests.services.conftest import nine, wish
from tests.talking import SetClock, bookings_sent, in_the_pms, quiet_day, together


def book(practice: Account, key: str = "", minutes: float = 0, **changes: Any) -> Booked:
    clock = SetClock()
    return appointments.book(
        integration=practice.integrations.select_related("account").get(),
        asker=Asker(actor="system:test", endpoint="test", method="POST"),
        clock=clock,
        budget=Budget(settings.TOOL_BUDGET_SECONDS, clock),
        wish=wish(practice, minutes, **changes),
        call=None,
        key=key,
    )


def server(practice: Account, *, key: str = "", scopes: tuple[str, ...] = ("appointments:write",)) -> Request:
    clock = SetClock()
    return Request(
        account=practice,
        kind=CredentialKind.SYSTEM,
        scopes=frozenset(scopes),
        face=Face.REST,
        asker=Asker(actor="system:test", endpoint="test", method="POST"),
        clock=clock,
        budget=Budget(settings.TOOL_BUDGET_SECONDS, clock),
        idempotency_key=key,
    )


def posted(practice: Account, key: str = "", **more: Any) -> Result:
    body = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": nine().isoformat(), **more}
    return runner.run(name="bookAppointment", arguments=body, request=server(practice, key=key))


class TestKey:
    def test_gets_the_same_booking_again(self, practice: Account, sim: Sim) -> None:
        first, again = book(practice, "key"), book(practice, "key")

        assert first.booking == again.booking
        assert (first.stood_before, again.stood_before) == (False, False)
        assert bookings_sent(sim) == 1

    def test_of_another_wish_is_a_conflict(self, practice: Account, sim: Sim) -> None:
        book(practice, "key")

        for other in ({"minutes": 60}, {"patient_id": "1010"}):
            with pytest.raises(errors.IdempotencyConflict):
                book(practice, "key", **other)
        assert bookings_sent(sim) == 1

    def test_of_a_booking_that_failed_books_anew(self, practice: Account, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")
        with pytest.raises(errors.WriteRejected):
            book(practice, "key")

        assert book(practice, "key").booking.state == BookingState.CONFIRMED
        assert len(in_the_pms(sim, "1001")) == 1

    @pytest.mark.django_db(transaction=True)
    def test_sent_twice_at_once_makes_one_appointment(self, practice: Account, sim: Sim) -> None:
        def attempt() -> str:
            try:
                return str(book(practice, "key").booking.pk)
            except errors.StillWorking:
                return "still working"

        told = set(together(*[attempt] * 3))

        assert told - {"still working"} == {str(Booking.objects.get().pk)}
        assert bookings_sent(sim) == 1


class TestServer:
    def test_books_without_a_call(self, practice: Account, sim: Sim) -> None:
        result = posted(practice)

        assert result.answer
        booked = result.answer.data["appointment"]
        assert (result.answer.status, result.answer.data["status"]) == (201, "confirmed")
        assert booked["patientName"] == "Cora Whitfield"
        assert booked["startTime"] == nine()
        assert [row["appointment_sr_no"] for row in in_the_pms(sim, "1001")] == [booked["id"]]

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            (BookingState.PENDING, "pending"),
            (BookingState.UNKNOWN, "unknown"),
            (BookingState.MISMATCH, "unknown"),
            (BookingState.LOST, "unknown"),
            (BookingState.CANCELLED, "cancelled"),
            (BookingState.RESCHEDULED, "rescheduled"),
        ],
    )
    def test_hears_of_every_state_by_its_key(self, practice: Account, state: BookingState, status: str) -> None:
        posted(practice, "key")
        Booking.objects.update(state=state)

        result = posted(practice, "key")

        assert result.answer
        assert (result.answer.status, result.answer.data["status"]) == (202, status)
        assert "booked" not in result.say

    def test_needs_the_scope(self, practice: Account) -> None:
        result = runner.run(
            name="bookAppointment", arguments={}, request=server(practice, scopes=("appointments:read",))
        )

        assert result.outcome == "forbidden"

    @pytest.mark.parametrize(
        ("change", "outcome"),
        [
            ({"patientId": ""}, "validation_failed"),
            ({"patientId": "9999"}, "patient_not_found"),
            ({"startTime": "2020-01-01T09:00:00Z"}, "date_in_past"),
            ({"startTime": "2027-01-05T09:00:00"}, "time_format"),
            ({"startTime": "soon"}, "date_invalid"),
            ({"startTime": None}, "date_missing"),
            ({"providerId": "DR1"}, "validation_failed"),
            ({"slotCode": "A1"}, "slot_expired"),
        ],
    )
    def test_is_told_what_is_wrong(self, practice: Account, sim: Sim, change: dict[str, Any], outcome: str) -> None:
        assert posted(practice, **change).outcome == outcome
        assert bookings_sent(sim) == 0

    def test_gets_the_whole_day_and_no_codes(self, practice: Account) -> None:
        day = {"appointmentType": "Cleaning", "date": nine().date().isoformat()}

        result = runner.run(
            name="checkAvailability", arguments=day, request=server(practice, scopes=("appointments:read",))
        )

        assert result.answer
        slots = result.answer.data["slots"]
        assert len(slots) == 14
        assert {slot["providerName"] for slot in slots} == {"Perpetua Lindqvist"}
        assert "code" not in result.say

    def test_gets_no_other_day_than_it_asked_for(self, practice: Account) -> None:
        day = quiet_day(6).isoformat()
        sunday = {"appointmentType": "Cleaning", "date": day}

        result = runner.run(
            name="checkAvailability", arguments=sunday, request=server(practice, scopes=("appointments:read",))
        )

        assert result.answer
        assert (result.answer.data["date"], result.answer.data["slots"]) == (day, [])

    def test_cannot_find_patients_as_a_caller_does(self, practice: Account) -> None:
        request = server(practice, scopes=("patients:read",))
        person = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}

        assert runner.run(name="findPatient", arguments=person, request=request).outcome == "call_required"


def test_a_time_that_cannot_be_had_keeps_the_reasons_code(practice: Account) -> None:
    with pytest.raises(TimeNotFree) as refused:
        book(practice, minutes=7)

    assert (refused.value.code, refused.value.status) == ("not_on_grid", 422)
    assert refused.value.view.result.slots


def test_a_patient_that_the_office_does_not_have_is_refused_by_the_office(practice: Account, sim: Sim) -> None:
    with pytest.raises(errors.WriteRejected):
        book(practice, patient_id=str(uuid.uuid4().int)[:6])

    assert Booking.objects.get().state == BookingState.FAILED
