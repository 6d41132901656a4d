"""``GET /api/pms/writes/{id}``: what became of a change that was answered with 202, and who may know it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from pms.models import (
    AuditPhase,
    Booking,
    BookingState,
    ConnectionStatus,
    Operation,
    PmsAuditLog,
    WriteBack,
    WriteBackState,
)
from pms.models.credential import Scope
from pms.services import integrations, newcomers
from tests.api.site import WRITES, Site
from tests.conftest import Sim
from tests.practice import live_call
from tests.talking import (
    JOSE,
    NOBODY,
    Caller,
    asked_of_the_pms,
    made_at_the_desk,
    quiet_day,
    slow_write,
)
from tests.vapi.sending import refused

S, W = BookingState, WriteBackState
BOOKINGS = {
    S.HELD: "pending",
    S.EXPIRED: "expired",
    S.PENDING: "pending",
    S.UNKNOWN: "unknown",
    S.CONFIRMED: "confirmed",
    S.FAILED: "failed",
    S.MISMATCH: "unknown",
    S.LOST: "unknown",
    S.CANCELLED: "cancelled",
    S.RESCHEDULED: "rescheduled",
}
CHANGES = {
    W.WAITING: "pending",
    W.SENDING: "pending",
    W.PENDING: "pending",
    W.UNKNOWN: "unknown",
    W.PARKED: "unknown",
    W.DONE: "done",
    W.FAILED: "failed",
}


@pytest.fixture
def site(client: Client, practice: Account) -> Site:
    return Site(client, practice)


@pytest.fixture
def booking(cora: Caller) -> Booking:
    """A cleaning at nine that Cora has booked."""
    cora.book("09:00", providerId="HY1")
    return Booking.objects.get()


class TestBooking:
    def test_is_told_by_its_id_with_the_pms_s(self, site: Site, booking: Booking) -> None:
        response = site.became(str(booking.pk))

        assert response.status_code == 200
        assert response.json() == {
            "success": True,
            "status": "confirmed",
            "operation": "bookAppointment",
            "appointment": {
                "id": booking.pms_appointment_id,
                "bookingId": str(booking.pk),
                "confirmationNumber": booking.confirmation_number,
                "startTime": f"{booking.starts_at:%Y-%m-%dT%H:%M:%SZ}",
                "endTime": f"{booking.ends_at:%Y-%m-%dT%H:%M:%SZ}",
            },
        }

    def test_is_told_by_its_write_s_id_as_well(self, site: Site, booking: Booking) -> None:
        by_write = site.became(str(WriteBack.objects.get().pk))

        assert by_write.json() == site.became(str(booking.pk)).json()

    def test_is_told_in_every_state(self, site: Site, booking: Booking) -> None:
        told = {}
        for state in S:
            Booking.objects.update(state=state)
            told[state] = site.became(str(booking.pk)).json()["status"]

        assert told == BOOKINGS

    def test_that_is_only_sent_has_no_id(self, site: Site, sim: Sim) -> None:
        slow_write(sim)
        wish = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z"}
        sent = site.book(wish).json()["appointment"]

        body = site.became(sent["bookingId"]).json()

        assert (body["status"], body["appointment"]["id"]) == ("pending", None)
        assert body["appointment"]["confirmationNumber"] == sent["confirmationNumber"]

    def test_asks_nothing_of_the_pms(self, site: Site, booking: Booking, sim: Sim) -> None:
        sim("DELETE", "requests")

        site.became(str(booking.pk))

        assert asked_of_the_pms(sim) == []

    def test_leaves_one_row_in_the_audit_log(self, site: Site, booking: Booking) -> None:
        site.became(str(booking.pk))

        row = PmsAuditLog.objects.get(action="getWrite")
        assert (row.phase, row.phi_accessed, row.patient_id, row.success) == (AuditPhase.READ, True, "1001", True)
        assert row.endpoint == "/api/pms/writes/<str:write_id>"
        assert json.loads(row.request_summary or "") == {"write": str(booking.pk)}


class TestChange:
    def test_move_is_told_as_one(self, site: Site, cora: Caller, booking: Booking) -> None:
        cora.move("10:00")
        moved = Booking.objects.get(state=S.CONFIRMED)

        body = site.became(str(moved.pk)).json()

        assert (body["status"], body["operation"]) == ("confirmed", "rescheduleAppointment")
        assert (body["appointment"]["id"], body["appointment"]["bookingId"]) == (
            booking.pms_appointment_id,
            str(moved.pk),
        )
        assert site.became(str(booking.pk)).json()["status"] == "rescheduled"

    @pytest.mark.parametrize("operation", ["cancel", "confirm"])
    def test_of_a_status_is_told_in_every_state(self, site: Site, cora: Caller, sandbox: Any, operation: str) -> None:
        number = made_at_the_desk(sandbox)
        getattr(cora, operation)(number)
        write_back = WriteBack.objects.get()
        told = {}

        for state in W:
            WriteBack.objects.update(state=state)
            body = site.became(str(write_back.pk)).json()
            assert body == {
                "success": True,
                "status": body["status"],
                "operation": f"{operation}Appointment",
                "appointment": {"id": number},
            }
            told[state] = body["status"]

        assert told == CHANGES

    def test_of_a_new_patient_is_told_with_the_id_once_there_is_one(
        self, site: Site, practice: Account, sim: Sim
    ) -> None:
        slow_write(sim, "POST patient")
        Caller(practice).use("createPatient", **NOBODY)
        write_back = WriteBack.objects.get()
        before = site.became(str(write_back.pk)).json()
        WriteBack.objects.update(state=W.DONE, record_id="5001")

        after = site.became(str(write_back.pk)).json()

        assert before == {
            "success": True,
            "status": "pending",
            "operation": "createPatient",
            "patient": {"id": None},
        }
        assert after == {**before, "status": "done", "patient": {"id": "5001"}}

    def test_of_a_booking_that_waits_for_its_patient_is_told_as_pending(
        self, site: Site, practice: Account, sim: Sim
    ) -> None:
        slow_write(sim, "POST patient")
        caller = Caller(practice)
        caller.use("createPatient", **NOBODY)
        caller.book("09:00")
        waiting = WriteBack.objects.get(state=W.WAITING)

        answers = [site.became(str(one)).json() for one in (waiting.pk, Booking.objects.get().pk)]

        assert answers[0] == answers[1]
        assert (answers[0]["status"], answers[0]["operation"]) == ("pending", "bookAppointment")


class TestNotFound:
    def test_is_what_nobody_has(self, site: Site, booking: Booking) -> None:
        for name in (uuid.uuid4(), "424242", booking.confirmation_number, booking.pms_appointment_id, "x" * 64):
            refused(site.became(str(name)), 404, "not_found")

    def test_is_what_another_practice_has(self, client: Client, practice: Account, booking: Booking) -> None:
        other = _another(practice)
        theirs = Booking.objects.get()
        write_back = WriteBack.objects.get()
        stranger = Site(client, other)

        for pk in (theirs.pk, write_back.pk):
            refused(stranger.became(str(pk)), 404, "not_found")
        row = PmsAuditLog.objects.filter(account_id=other.pk, action="getWrite").first()
        assert row is not None
        assert (row.success, row.patient_id) == (False, None)

    def test_is_not_what_cannot_be_an_id(self, site: Site, practice: Account) -> None:
        for written in ("a%20b", "%3Cscript%3E", "x" * 65, "%00", "é", "1%3F2"):
            assert site.became(written).status_code == 422
        refused(site.became("%7B%7Bid%7D%7D"), 422, "placeholder")
        refused(site.became("null"), 422, "validation_failed")
        refused(site.became("a%2Fb"), 404, "not_found")


class TestWho:
    @pytest.mark.parametrize("scope", [Scope.MESSAGES_WRITE, Scope.PATIENTS_READ, Scope.PAYMENTS_WRITE])
    def test_needs_a_right_to_appointments(
        self, client: Client, practice: Account, booking: Booking, scope: str
    ) -> None:
        refused(Site(client, practice, scope).became(str(booking.pk)), 403, "forbidden")

    @pytest.mark.parametrize("scope", [Scope.APPOINTMENTS_READ, Scope.APPOINTMENTS_WRITE])
    def test_needs_only_one_of_them(self, client: Client, practice: Account, booking: Booking, scope: str) -> None:
        assert Site(client, practice, scope).became(str(booking.pk)).status_code == 200

    def test_must_be_in_a_call_as_a_voice_credential(self, voice: Any, booking: Booking) -> None:
        refused(voice("GET", f"{WRITES}/{booking.pk}"), 403, "call_required")

    def test_must_have_verified_the_patient_in_it(
        self, voice: Any, practice: Account, cora: Caller, booking: Booking
    ) -> None:
        refused(voice("GET", f"{WRITES}/{booking.pk}", call=Caller(practice).call.vapi_call_id), 403, "not_verified")
        refused(
            voice("GET", f"{WRITES}/{booking.pk}", call=Caller(practice).verified(JOSE).call.vapi_call_id),
            403,
            "not_verified",
        )

        assert voice("GET", f"{WRITES}/{booking.pk}", call=cora.call.vapi_call_id).json()["status"] == "confirmed"

    def test_is_not_told_of_somebody_else_in_the_audit_log_either(
        self, voice: Any, practice: Account, booking: Booking
    ) -> None:
        voice("GET", f"{WRITES}/{booking.pk}", call=Caller(practice).verified(JOSE).call.vapi_call_id)

        row = PmsAuditLog.objects.get(action="getWrite")
        assert (row.success, row.error_message, row.response_status) == (False, "not_verified", 403)

    def test_hears_of_a_new_patient_only_in_the_call_that_made_it(
        self, voice: Any, practice: Account, sim: Sim
    ) -> None:
        slow_write(sim, "POST patient")
        mother = Caller(practice).verified()
        mother.use("createPatient", **NOBODY)
        write_back = WriteBack.objects.get(operation=Operation.CREATE_PATIENT)

        refused(
            voice("GET", f"{WRITES}/{write_back.pk}", call=Caller(practice).verified(JOSE).call.vapi_call_id),
            403,
            "not_verified",
        )
        before = voice("GET", f"{WRITES}/{write_back.pk}", call=mother.call.vapi_call_id).json()
        WriteBack.objects.update(state=W.DONE, record_id="5001")
        after = voice("GET", f"{WRITES}/{write_back.pk}", call=mother.call.vapi_call_id).json()

        assert newcomers.is_handle(newcomers.handle_of(write_back))
        assert (before["patient"], after["patient"]) == ({"id": None}, {"id": "5001"})
        refused(
            voice("GET", f"{WRITES}/{write_back.pk}", call=Caller(practice).verified(JOSE).call.vapi_call_id),
            403,
            "not_verified",
        )

    def test_is_bound_by_the_call_that_a_server_names(self, site: Site, practice: Account, booking: Booking) -> None:
        refused(site.became(str(booking.pk), call=live_call(practice).vapi_call_id), 403, "not_verified")

    def test_cannot_ask_by_voice_at_all(self, cora: Caller, booking: Booking) -> None:
        assert cora.use("getWrite", writeId=str(booking.pk)).outcome == "unknown_tool"

    @pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
    def test_can_only_read_it(self, site: Site, booking: Booking, method: str) -> None:
        refused(site.ask(method, f"{WRITES}/{booking.pk}", {}), 405, "method_not_allowed")


def _another(practice: Account) -> Account:
    """Return a practice that is connected to another office, under the same agreement."""
    other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")
    agreement, own = practice.baa_acceptances.get(), practice.integrations.get()
    agreement.pk, agreement.account, agreement._state.adding = uuid.uuid4(), other, True
    agreement.save()
    integration = integrations.store(
        account=other, provider="SIKKA", credentials={"practiceId": "D20002"}, config={}, features=own.features or {}
    )
    integration.status, integration.metadata = ConnectionStatus.ACTIVE, own.metadata
    integration.save()
    return other
