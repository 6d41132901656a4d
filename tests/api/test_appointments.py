"""Appointments over REST: listed as they truly stand, moved, confirmed and cancelled, in the spec's shapes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.domain.records import AppointmentStatus
from pms.models import (
    AuditPhase,
    Booking,
    BookingState,
    Operation,
    PmsAuditLog,
    Task,
    VoiceLine,
    WriteBack,
)
from pms.models.credential import Scope
from pms.sandbox import Sandbox
from tests.api.site import APPOINTMENTS, Json, Site
from tests.conftest import Sim
from tests.practice import live_call
from tests.talking import (
    ALDER,
    JOSE,
    NEW_YORK,
    Caller,
    asked_of_the_pms,
    cancel_at_the_desk,
    carry_out,
    in_the_pms,
    made_at_the_desk,
    quiet_day,
    slow_write,
    writes_sent,
)
from tests.vapi.sending import refused, secret_of, signed

FIELDS = {"id", "patientId", "patientName", "providerId", "providerName", "appointmentType", "startTime", "endTime"}
MOVED = {"id", "bookingId", "confirmationNumber", "newStartTime", "startTime", "endTime"}
CANCELLED = {"success": True, "message": "Appointment cancelled successfully"}
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
NO_DAYS = [
    *("soon", "2026-13-01", "2026-02-30", "12/01/2026", "2026-12", "0", "2026-12-01T25:00"),
    *("9999-12-31", "0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2200-01-01"),
]
# As they stand in an address.
ODD_IDS = [
    *("%20", "a%20b", "A%201%20B", "%00", "..", ".", "%2E%2E%2F..%2Fpatients", "1;2", "1,2", "1|2", "é", "%FF"),
    *("%3Cscript%3E", "null", "undefined", "1%3Fpractice_id%3D2", "%25", "%2525", "70001%23", "70001%26office_id%3D2"),
    *("%7Bid%7D", "%7B%7Bid%7D%7D", "x" * 65, "9" * 64, "-1", "0x1", "1%0D%0AX-Evil%3A%201", "%F0%9F%98%80"),
]


@pytest.fixture
def site(client: Client, practice: Account) -> Site:
    return Site(client, practice)


def at(clock: str, day: date | None = None) -> str:
    """Return a time of the practice's day as an instant."""
    local = datetime.combine(day or quiet_day(), time.fromisoformat(clock), tzinfo=NEW_YORK)
    return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def today() -> date:
    return local_date_of(timezone.now(), NEW_YORK)


def on_file(sim: Sim, first: date, last: date) -> set[str]:
    """Return the ids of the practice's own appointments of some days, both inclusive."""
    rows = sim("GET", "truth", office_id=ALDER)["appointments"]
    return {row["appointment_sr_no"] for row in rows if first.isoformat() <= row["date"][:10] <= last.isoformat()}


def times(sim: Sim) -> list[str]:
    """Return when Cora's appointments of the quiet day are, in the practice's own system."""
    return sorted(row["time"] for row in in_the_pms(sim, "1001") if row["status"] == "Scheduled")


class TestList:
    def test_is_in_the_spec_s_shape(self, site: Site, number: str) -> None:
        [row] = site.listed(startDate=f"{quiet_day()}", endDate=f"{quiet_day()}")

        assert set(row) == FIELDS | {"status", "notes"}
        assert row == {
            "id": number,
            "patientId": "1001",
            "patientName": "Cora Whitfield",
            "providerId": "HY1",
            "providerName": "Perpetua Lindqvist",
            "appointmentType": "Cleaning",
            "startTime": at("09:00"),
            "endTime": at("10:00"),
            "status": "scheduled",
            "notes": "Cleaning",
        }

    def test_is_of_today_and_thirty_days_more_unless_days_are_named(self, site: Site, sim: Sim) -> None:
        before, first = site.listed(), today()

        rows = site.listed()

        if before == rows:  # else midnight has passed in between
            assert {row["id"] for row in rows} == on_file(sim, first, first + timedelta(days=30))
        assert len(rows) > 50
        assert all(INSTANT.fullmatch(row["startTime"]) and INSTANT.fullmatch(row["endTime"]) for row in rows)
        assert [row["startTime"] for row in rows] == sorted(row["startTime"] for row in rows)

    def test_ends_thirty_days_after_its_first_day(self, site: Site, sandbox: Sandbox) -> None:
        last = quiet_day() + timedelta(days=30)
        made = [made_at_the_desk(sandbox, day=day) for day in (quiet_day(), last, last + timedelta(days=1))]

        assert [row["id"] for row in site.listed(startDate=f"{quiet_day()}")] == made[:2]

    def test_is_of_local_days_both_inclusive(self, site: Site, sandbox: Sandbox) -> None:
        day, night = quiet_day(), quiet_day() + timedelta(days=1)
        made_at_the_desk(sandbox, "23:30", day=day - timedelta(days=1))
        early, late = made_at_the_desk(sandbox, "00:15", day=day), made_at_the_desk(sandbox, "23:45", day=night)
        made_at_the_desk(sandbox, "00:15", day=night + timedelta(days=1), provider_id="HY2", operatory="Hyg 2")

        assert [row["id"] for row in site.listed(startDate=f"{day}", endDate=f"{night}")] == [early, late]

    def test_is_of_the_local_days_of_instants(self, site: Site, number: str) -> None:
        # In UTC it is the quiet day already, at the practice not yet.
        evening_before = f"{quiet_day()}T03:00:00Z"

        assert site.listed(startDate=evening_before, endDate=evening_before) == []
        assert [row["id"] for row in site.listed(startDate=evening_before, endDate=at("09:00"))] == [number]
        assert [row["id"] for row in site.listed(startDate=f"{quiet_day()}T23:00:00", endDate=at("23:00"))] == [number]

    @pytest.mark.parametrize(("days", "status"), [(0, 200), (92, 200), (93, 422), (-1, 422), (10**4, 422)])
    def test_is_of_at_most_92_days(self, site: Site, days: int, status: int) -> None:
        first = quiet_day()

        response = site.ask("GET", f"{APPOINTMENTS}?startDate={first}&endDate={first + timedelta(days=days)}")

        assert response.status_code == status
        if status != 200:
            assert "endDate" in refused(response, 422, "validation_failed")["fields"]

    @pytest.mark.parametrize("name", ["startDate", "endDate"])
    def test_of_days_that_are_none_is_refused_and_nothing_is_asked(self, site: Site, sim: Sim, name: str) -> None:
        sim("DELETE", "requests")

        codes = {
            written: site.ask("GET", f"{APPOINTMENTS}?{name}={quote(written)}").json()["error"]["code"]
            for written in NO_DAYS
        }

        assert codes == dict.fromkeys(NO_DAYS, "date_invalid")
        assert asked_of_the_pms(sim) == []

    def test_of_a_date_that_is_a_template_is_refused(self, site: Site) -> None:
        refused(site.ask("GET", f"{APPOINTMENTS}?startDate=%7B%7Bdate%7D%7D"), 422, "placeholder")

    def test_of_one_patient(self, site: Site, sandbox: Sandbox, number: str, sim: Sim) -> None:
        other = made_at_the_desk(sandbox, "13:00", patient_id="1010")
        days = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}"}
        sim("DELETE", "requests")

        mine, theirs, nobodys = (site.listed(**days, patientId=one) for one in ("1001", "1010", "424242"))

        assert [row["id"] for row in mine] == [number]
        assert [(row["id"], row["patientName"]) for row in theirs] == [(other, "José Núñez")]
        assert nobodys == []
        asked = [row["query"] for row in sim("GET", "requests")["requests"] if row["path"] == "/v4/appointments"]
        assert [query["patient_id"] for query in asked] == ["1001", "1010", "424242"]

    def test_of_one_clinician(self, site: Site, sandbox: Sandbox, number: str) -> None:
        other = made_at_the_desk(sandbox, "09:00", patient_id="1010", provider_id="HY2", operatory="Hyg 2")
        days = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}"}

        found = {one: [row["id"] for row in site.listed(**days, providerId=one)] for one in ("HY1", "HY2", "DR1", "")}

        assert found == {"HY1": [number], "HY2": [other], "DR1": [], "": [number, other]}

    @pytest.mark.parametrize("status", [one.value for one in AppointmentStatus])
    def test_of_one_state(self, site: Site, status: str) -> None:
        first = (today() - timedelta(days=30)).isoformat()
        last = (today() + timedelta(days=30)).isoformat()

        whole = site.listed(startDate=first, endDate=last)
        rows = site.listed(startDate=first, endDate=last, status=status.upper())

        wanted = {status, "confirmed"} if status == "scheduled" else {status}
        assert rows == [row for row in whole if row["status"] in wanted]
        assert bool(rows) is (status != "confirmed" or any(row["status"] == "confirmed" for row in whole))

    def test_of_a_state_that_is_none_is_refused(self, site: Site) -> None:
        error = refused(site.ask("GET", f"{APPOINTMENTS}?status=perhaps"), 422, "validation_failed")

        assert set(error["fields"]) == {"status"}

    def test_of_all_filters_at_once_is_what_fits_them_all(self, site: Site, sandbox: Sandbox, number: str) -> None:
        made_at_the_desk(sandbox, "11:00", provider_id="HY2", operatory="Hyg 2")
        cancel_at_the_desk(sandbox, made_at_the_desk(sandbox, "13:00"))
        made_at_the_desk(sandbox, "14:00", patient_id="1010")
        every = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}", "status": "scheduled"}

        assert [row["id"] for row in site.listed(**every, patientId="1001", providerId="HY1")] == [number]

    def test_has_what_is_confirmed_among_the_scheduled(self, site: Site, number: str, sim: Sim) -> None:
        site.move(number, {"status": "confirmed"})
        days = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}"}

        rows = {one: [row["status"] for row in site.listed(**days, status=one)] for one in ("scheduled", "confirmed")}

        assert rows == {"scheduled": ["confirmed"], "confirmed": ["confirmed"]}

    def test_has_what_is_booked_and_not_shown_yet(self, site: Site) -> None:
        made = site.book({"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("09:00")}).json()

        [row] = site.listed(startDate=f"{quiet_day()}", endDate=f"{quiet_day()}")

        assert (row["id"], row["bookingId"]) == (made["appointment"]["id"], made["appointment"]["bookingId"])
        assert (row["status"], row["startTime"]) == ("scheduled", at("09:00"))

    def test_has_what_is_requested_as_pending_and_without_an_id(self, site: Site, sim: Sim) -> None:
        slow_write(sim)
        site.book({"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("09:00")})
        days = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}"}

        [row] = site.listed(**days, status="pending")

        assert (row["id"], row["status"], row["bookingId"]) == (None, "pending", str(Booking.objects.get().pk))
        assert site.listed(**days) == [row]
        assert site.listed(**days, status="scheduled") == []

    def test_tells_which_change_is_on_its_way(self, site: Site, number: str, sim: Sim) -> None:
        slow_write(sim)
        site.cancel(number)

        [row] = site.listed(startDate=f"{quiet_day()}", endDate=f"{quiet_day()}")

        assert (row["status"], row["pendingChange"]) == ("scheduled", "cancelAppointment")

    def test_shows_a_move_and_a_cancellation_that_are_done_at_once(
        self, site: Site, sandbox: Sandbox, number: str
    ) -> None:
        gone = made_at_the_desk(sandbox, "13:00")
        site.move(number, {"startTime": at("10:00")})
        site.cancel(gone)

        rows = site.listed(startDate=f"{quiet_day()}", endDate=f"{quiet_day()}")

        assert [(row["id"], row["startTime"], row["status"]) for row in rows] == [
            (number, at("10:00"), "scheduled"),
            (gone, at("13:00"), "cancelled"),
        ]

    def test_leaves_one_audit_row_without_what_was_asked_for(self, site: Site, number: str) -> None:
        site.listed(startDate=f"{quiet_day()}", endDate=f"{quiet_day()}", patientId="1001")

        row = PmsAuditLog.objects.get(action="getAppointments")
        assert (row.phase, row.phi_accessed, row.patient_id) == (AuditPhase.READ, True, "1001")
        assert (row.endpoint, row.method) == ("/api/pms/appointments", "GET")
        assert json.loads(row.request_summary or "") == {"rows": 1}

    @pytest.mark.parametrize("scope", ["appointments:write", "patients:read", "patients:write"])
    def test_needs_the_right_to_read(self, client: Client, practice: Account, sim: Sim, scope: str) -> None:
        site = Site(client, practice, scope)
        sim("DELETE", "requests")

        refused(site.ask("GET", APPOINTMENTS), 403, "forbidden")
        assert asked_of_the_pms(sim) == []

    def test_is_not_for_a_voice_credential_without_a_call(self, voice: Callable[..., Any]) -> None:
        refused(voice("GET", APPOINTMENTS), 403, "call_required")

    def test_is_in_a_call_only_what_a_verified_patient_has_ahead(
        self, practice: Account, voice: Callable[..., Any], sandbox: Sandbox, number: str
    ) -> None:
        made_at_the_desk(sandbox, "13:00", patient_id="1010")
        unknown, cora = Caller(practice), Caller(practice).verified()
        address = f"{APPOINTMENTS}?startDate=2020-01-01&status=cancelled"

        refused(voice("GET", APPOINTMENTS, call=unknown.call.vapi_call_id), 403, "not_verified")
        refused(voice("GET", f"{APPOINTMENTS}?patientId=1010", call=cora.call.vapi_call_id), 403, "not_verified")
        rows = voice("GET", address, call=cora.call.vapi_call_id).json()["appointments"]

        assert [(row["id"], row["patientId"]) for row in rows] == [(number, "1001")]
        assert rows[0]["patientName"] is None or rows[0]["patientName"] == "Cora Whitfield"

    def test_of_a_server_that_names_a_call_is_only_that_of_the_call(self, site: Site, practice: Account) -> None:
        call = live_call(practice)

        refused(site.ask("GET", APPOINTMENTS, call=call.vapi_call_id), 403, "not_verified")


class TestMove:
    def test_is_in_the_spec_s_shape_and_in_the_pms(self, site: Site, number: str, sim: Sim) -> None:
        response = site.move(number, {"startTime": at("10:00"), "reason": "Patient conflict", "sendNotification": True})

        booking, body = Booking.objects.get(), response.json()
        assert (response.status_code, set(body)) == (200, {"success", "appointment", "confirmationSent"})
        assert body["confirmationSent"] is False
        assert set(body["appointment"]) == MOVED
        assert body["appointment"] == {
            "id": number,
            "bookingId": str(booking.pk),
            "confirmationNumber": booking.confirmation_number,
            "newStartTime": at("10:00"),
            "startTime": at("10:00"),
            "endTime": at("11:00"),
        }
        assert times(sim) == ["10:00"]

    def test_without_a_wish_for_a_notice_says_nothing_of_one(self, site: Site, number: str) -> None:
        assert set(site.move(number, {"startTime": at("10:00")}).json()) == {"success", "appointment"}

    def test_that_takes_long_is_202_and_the_old_time_stands(self, site: Site, number: str, sim: Sim) -> None:
        slow_write(sim)

        response = site.move(number, {"startTime": at("10:00")})

        body = response.json()
        assert (response.status_code, body["success"], body["status"]) == (202, True, "pending")
        assert (body["appointment"]["id"], body["appointment"]["newStartTime"]) == (number, at("10:00"))
        assert times(sim) == ["09:00"]
        assert site.became(body["appointment"]["bookingId"]).json()["status"] == "pending"

    def test_of_which_the_answer_is_lost_is_202_and_unknown(self, site: Site, number: str, sim: Sim) -> None:
        sim("POST", "lose_answer")

        response = site.move(number, {"startTime": at("10:00")})

        assert (response.status_code, response.json()["status"]) == (202, "unknown")
        assert Task.objects.get().kind == "move_outcome_unknown"

    @pytest.mark.parametrize("name", ["bookingId", "confirmationNumber", "id"])
    def test_takes_every_name_of_what_we_have_booked(self, site: Site, sim: Sim, name: str) -> None:
        wish = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("09:00")}
        made = site.book(wish).json()["appointment"]

        response = site.move(made[name], {"startTime": at("14:00")})

        assert (response.status_code, response.json()["appointment"]["id"]) == (200, made["id"])
        assert times(sim) == ["14:00"]

    def test_means_the_instant_that_is_written(self, site: Site, number: str, sim: Sim) -> None:
        instant = datetime.fromisoformat(at("10:00")).astimezone(NEW_YORK).isoformat()

        assert site.move(number, {"startTime": instant}).json()["appointment"]["newStartTime"] == at("10:00")
        assert times(sim) == ["10:00"]

    def test_goes_to_the_clinician_who_is_named(self, site: Site, number: str, sim: Sim) -> None:
        site.move(number, {"startTime": at("10:00"), "providerId": "HY2"})

        assert [(row["provider_id"], row["operatory"]) for row in in_the_pms(sim, "1001")] == [("HY2", "Hyg 2")]

    @pytest.mark.parametrize(("body", "status", "code"), [
        (None, 422, "date_missing"),
        ({}, 422, "date_missing"),
        ({"reason": "Patient conflict"}, 422, "date_missing"),
        ({"status": "cancelled"}, 422, "date_missing"),
        ({"status": ["confirmed"]}, 422, "date_missing"),
        ({"date": "2027-01-01", "time": "10:00"}, 422, "date_missing"),
        ({"startTime": "soon"}, 422, "date_invalid"),
        ({"startTime": "2027-02-30T10:00:00Z"}, 422, "date_invalid"),
        ({"startTime": "9999-12-31T23:59:59-12:00"}, 422, "date_invalid"),
        ({"startTime": "2027-02-20T10:00:00"}, 422, "time_format"),
        ({"startTime": "2020-02-20T10:00:00Z"}, 422, "date_in_past"),
        ({"startTime": 1767225600}, 422, "date_invalid"),
        ({"startTime": {"at": "10:00"}}, 422, "validation_failed"),
        ({"startTime": "{{start}}"}, 422, "placeholder"),
        ({"startTime": at("10:07")}, 422, "not_on_grid"),
        ({"startTime": at("20:00")}, 422, "outside_hours"),
        ({"startTime": at("10:00", quiet_day() + timedelta(days=140))}, 422, "too_far"),
        ({"startTime": at("10:00"), "providerId": "nobody"}, 422, "validation_failed"),
        ({"startTime": at("09:00")}, 409, "already_booked"),
        ({"slotCode": "A1"}, 409, "slot_expired"),
        ({"startTime": at("10:00"), "patientId": "1010"}, 404, "appointment_not_found"),
        ({"startTime": at("10:00"), "patientId": "C W"}, 422, "validation_failed"),
        (b"{", 400, "arguments_unreadable"),
        (b"[]", 400, "arguments_unreadable"),
        (b"null", 400, "arguments_unreadable"),
        (b'{"startTime": NaN}', 400, "arguments_unreadable"),
        (b'{"notes": "' + b"x" * 256 * 1024 + b'"}', 413, "too_large"),
    ])  # fmt: skip
    def test_that_cannot_be_made_is_refused_with_its_code_and_nothing_is_changed(
        self, site: Site, number: str, sim: Sim, body: object, status: int, code: str
    ) -> None:
        sim("DELETE", "requests")

        error = refused(site.move(number, body), status, code)

        assert "Cora" not in json.dumps(error)
        assert (writes_sent(sim), times(sim)) == ([], ["09:00"])

    def test_onto_somebody_else_is_409(self, site: Site, sandbox: Sandbox, number: str, sim: Sim) -> None:
        made_at_the_desk(sandbox, "10:00", patient_id="1010")

        refused(site.move(number, {"startTime": at("10:00"), "providerId": "HY1"}), 409, "slot_taken")
        assert times(sim) == ["09:00"]

    def test_onto_another_of_the_same_person_is_409(self, site: Site, sandbox: Sandbox, number: str) -> None:
        made_at_the_desk(sandbox, "10:00", provider_id="HY2", operatory="Hyg 2")

        refused(site.move(number, {"startTime": at("10:30")}), 409, "person_overlap")

    def test_of_none_of_the_cancelled_and_of_the_past_is_refused(
        self, site: Site, sandbox: Sandbox, number: str, sim: Sim
    ) -> None:
        cancel_at_the_desk(sandbox, number)
        past = next(iter(on_file(sim, today() - timedelta(days=20), today() - timedelta(days=2))))
        sim("DELETE", "requests")

        for name, status, code in (
            ("424242", 404, "appointment_not_found"),
            (str(uuid.uuid4()), 404, "appointment_not_found"),
            (number, 404, "appointment_not_found"),
        ):
            refused(site.move(name, {"startTime": at("10:00")}), status, code)
        assert site.move(past, {"startTime": at("10:00")}).status_code in (404, 422)
        assert writes_sent(sim) == []

    def test_that_the_office_cannot_take_now_is_503_and_left_to_the_team(
        self, site: Site, number: str, sim: Sim
    ) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        error = refused(site.move(number, {"startTime": at("10:00")}), 503, "pms_unavailable")

        assert error["retryable"] is True
        assert Task.objects.get().kind == "move_pms_unavailable"
        assert times(sim) == ["09:00"]

    def test_that_the_office_refuses_is_502(self, site: Site, number: str, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")

        refused(site.move(number, {"startTime": at("10:00")}), 502, "write_rejected")
        assert Task.objects.get().kind == "move_failed"

    def test_needs_the_right_to_write(self, client: Client, practice: Account, number: str, sim: Sim) -> None:
        site = Site(client, practice, Scope.APPOINTMENTS_READ, Scope.PATIENTS_WRITE)
        sim("DELETE", "requests")

        refused(site.move(number, {"startTime": at("10:00")}), 403, "forbidden")
        refused(site.move(number, {"status": "confirmed"}), 403, "forbidden")
        refused(site.cancel(number), 403, "forbidden")
        assert asked_of_the_pms(sim) == []

    def test_leaves_intent_and_outcome_under_its_route(self, site: Site, number: str) -> None:
        site.move(number, {"startTime": at("10:00")})

        rows = PmsAuditLog.objects.filter(action=Operation.MOVE).order_by("seq")
        assert [(row.phase, row.patient_id, row.method) for row in rows] == [
            (AuditPhase.INTENT, "1001", "PATCH"),
            (AuditPhase.OUTCOME, "1001", "PATCH"),
        ]
        assert {row.endpoint for row in rows} == {"/api/pms/appointments/<str:appointment_id>"}


class TestKey:
    def test_repeated_is_the_same_move_once(self, site: Site, number: str, sim: Sim) -> None:
        first, again = (site.move(number, {"startTime": at("10:00")}, key="move-1") for _ in range(2))

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json() == first.json()
        assert writes_sent(sim).count(("PUT", f"/appointments/{number}")) == 1

    def test_of_another_wish_is_409_and_changes_nothing(
        self, site: Site, sandbox: Sandbox, number: str, sim: Sim
    ) -> None:
        other = made_at_the_desk(sandbox, "15:00", patient_id="1010")
        site.move(number, {"startTime": at("10:00")}, key="move-1")
        sim("DELETE", "requests")

        refused(site.move(number, {"startTime": at("13:00")}, key="move-1"), 409, "idempotency_conflict")
        refused(site.move(other, {"startTime": at("13:00")}, key="move-1"), 409, "idempotency_conflict")
        booking = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("10:00")}
        refused(site.book(booking, key="move-1"), 409, "idempotency_conflict")

        assert (writes_sent(sim), times(sim)) == ([], ["10:00"])

    def test_of_a_booking_is_409_for_a_move(self, site: Site, sandbox: Sandbox, number: str, sim: Sim) -> None:
        wish = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("14:00")}
        site.book(wish, key="order-1")

        refused(site.move(number, {"startTime": at("14:00")}, key="order-1"), 409, "idempotency_conflict")
        assert times(sim) == ["09:00", "14:00"]

    def test_of_a_move_that_failed_may_be_used_again(self, site: Site, number: str, sim: Sim) -> None:
        sim("POST", "fail_write", result="Operatory does not exist")
        site.move(number, {"startTime": at("10:00")}, key="move-1")

        assert site.move(number, {"startTime": at("10:00")}, key="move-1").status_code == 200
        assert times(sim) == ["10:00"]

    def test_is_not_needed_for_the_same_move_twice(self, site: Site, number: str, sim: Sim) -> None:
        first, again = (site.move(number, {"startTime": at("10:00")}) for _ in range(2))

        assert (first.status_code, again.status_code) == (200, 200)
        assert writes_sent(sim).count(("PUT", f"/appointments/{number}")) == 1

    def test_that_is_too_long_is_refused(self, site: Site, number: str) -> None:
        refused(site.move(number, {"startTime": at("10:00")}, key="k" * 101), 422, "validation_failed")


class TestConfirm:
    @pytest.mark.parametrize("body", [{"status": "confirmed"}, {"status": "CONFIRMED", "startTime": ""}])
    def test_marks_the_appointment_in_the_pms(self, site: Site, number: str, sim: Sim, body: Json) -> None:
        response = site.move(number, body)

        assert response.status_code == 200
        assert response.json() == {
            "success": True,
            "appointment": {"id": number},
            "writeId": str(WriteBack.objects.get().pk),
        }
        assert [row["is_confirmed"] for row in in_the_pms(sim, "1001")] == ["True"]

    def test_of_what_is_confirmed_already_changes_nothing(self, site: Site, number: str, sim: Sim) -> None:
        site.move(number, {"status": "confirmed"})

        again = site.move(number, {"status": "confirmed"})

        assert (again.status_code, again.json()) == (200, {"success": True, "appointment": {"id": number}})
        assert writes_sent(sim).count(("PATCH", f"/appointments/{number}")) == 1

    def test_beside_a_new_time_is_a_move(self, site: Site, number: str, sim: Sim) -> None:
        site.move(number, {"status": "confirmed", "startTime": at("10:00")})

        assert times(sim) == ["10:00"]
        assert WriteBack.objects.get().operation == Operation.MOVE

    def test_that_takes_long_is_202_with_what_to_ask_for(self, site: Site, number: str, sim: Sim) -> None:
        slow_write(sim)

        response = site.move(number, {"status": "confirmed"})

        body, write_back = response.json(), WriteBack.objects.get()
        assert (response.status_code, body["status"], body["writeId"]) == (202, "pending", str(write_back.pk))
        assert site.became(body["writeId"]).json() == {
            "success": True,
            "status": "pending",
            "operation": "confirmAppointment",
            "appointment": {"id": number},
        }


class TestCancel:
    @pytest.mark.parametrize("body", [None, {}, {"reason": "Patient cancellation"}])
    def test_is_in_the_spec_s_shape_and_in_the_pms(self, site: Site, number: str, sim: Sim, body: Json | None) -> None:
        response = site.cancel(number, body)

        assert (response.status_code, response.json()) == (200, CANCELLED)
        assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled"]

    def test_tells_that_no_notice_was_sent(self, site: Site, number: str) -> None:
        response = site.cancel(number, {"reason": "Patient cancellation", "sendNotification": True})

        assert response.json() == {**CANCELLED, "confirmationSent": False}

    def test_twice_is_done_once(self, site: Site, number: str, sim: Sim) -> None:
        first, again = site.cancel(number), site.cancel(number)

        assert (first.json(), again.json()) == (CANCELLED, CANCELLED)
        assert writes_sent(sim).count(("PATCH", f"/appointments/{number}")) == 1

    def test_that_takes_long_is_202_and_the_appointment_stands(self, site: Site, number: str, sim: Sim) -> None:
        slow_write(sim)

        response = site.cancel(number, {"sendNotification": True})

        write_back = WriteBack.objects.get()
        assert response.status_code == 202
        assert response.json() == {
            "success": True,
            "status": "pending",
            "message": "The cancellation is not final yet",
            "writeId": str(write_back.pk),
            "confirmationSent": False,
        }
        assert times(sim) == ["09:00"]

    def test_of_which_the_answer_is_lost_is_202_and_unknown(self, site: Site, number: str, sim: Sim) -> None:
        sim("POST", "lose_answer")

        response = site.cancel(number)

        assert (response.status_code, response.json()["status"]) == (202, "unknown")
        assert "successfully" not in response.content.decode()

    def test_of_a_booking_that_is_not_made_yet_takes_it_back(self, site: Site, sim: Sim) -> None:
        slow_write(sim)
        wish = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": at("09:00")}
        pending = site.book(wish).json()["appointment"]

        response = site.cancel(pending["bookingId"])
        carry_out(sim)

        assert (response.status_code, response.json()) == (200, CANCELLED)
        assert (Booking.objects.get().state, in_the_pms(sim, "1001")) == (BookingState.CANCELLED, [])
        assert site.became(pending["bookingId"]).json()["status"] == "cancelled"

    def test_of_none_and_of_somebody_elses_is_404(self, site: Site, number: str, sim: Sim) -> None:
        sim("DELETE", "requests")

        refused(site.cancel("424242"), 404, "appointment_not_found")
        refused(site.cancel(str(uuid.uuid4())), 404, "appointment_not_found")
        refused(site.cancel(number, {"patientId": "1010"}), 404, "appointment_not_found")
        assert writes_sent(sim) == []

    def test_of_the_past_is_refused(self, site: Site, sim: Sim) -> None:
        yesterday = today() - timedelta(days=1)
        rows = sim("GET", "truth", office_id=ALDER)["appointments"]
        [past, *_] = [row for row in rows if row["date"][:10] < yesterday.isoformat() and row["status"] == "Complete"]

        refused(site.cancel(past["appointment_sr_no"]), 422, "date_in_past")
        assert writes_sent(sim) == []

    @pytest.mark.parametrize(("body", "status", "code"), [
        (b"{", 400, "arguments_unreadable"),
        (b"[]", 400, "arguments_unreadable"),
        (b'{"reason": "' + b"x" * 256 * 1024 + b'"}', 413, "too_large"),
        ({"reason": ["a", "list"]}, 422, "validation_failed"),
        ({"sendNotification": "perhaps"}, 422, "validation_failed"),
    ])  # fmt: skip
    def test_with_a_body_that_is_none_is_refused(
        self, site: Site, number: str, sim: Sim, body: object, status: int, code: str
    ) -> None:
        refused(site.cancel(number, body), status, code)
        assert times(sim) == ["09:00"]

    def test_that_the_office_cannot_take_now_is_503_and_it_stands(self, site: Site, number: str, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        refused(site.cancel(number), 503, "pms_unavailable")
        assert times(sim) == ["09:00"]
        assert Task.objects.get().kind == "cancellation_pms_unavailable"

    def test_whose_signature_covers_nothing_but_the_time_is_not_let_in(
        self, client: Client, practice: Account, number: str, sim: Sim
    ) -> None:
        line = VoiceLine.objects.get(account=practice)
        headers = {**signed(b"", secret_of(line)), "X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

        response = client.generic("DELETE", f"{APPOINTMENTS}/{number}", headers=headers)

        refused(response, 401, "signature_invalid")
        assert times(sim) == ["09:00"]


class TestByVoice:
    def test_only_what_belongs_to_a_verified_patient_can_be_changed(
        self, practice: Account, voice: Callable[..., Any], number: str, sim: Sim
    ) -> None:
        address = f"{APPOINTMENTS}/{number}"
        unknown, jose, cora = Caller(practice), Caller(practice).verified(JOSE), Caller(practice).verified()

        refused(voice("DELETE", address, {}), 403, "call_required")
        refused(voice("DELETE", address, {}, unknown.call.vapi_call_id), 403, "not_verified")
        refused(voice("DELETE", address, {}, jose.call.vapi_call_id), 404, "appointment_not_found")
        refused(voice("DELETE", address, {"patientId": "1001"}, jose.call.vapi_call_id), 403, "not_verified")
        stands = times(sim)
        done = voice("DELETE", address, {}, cora.call.vapi_call_id)

        assert (stands, done.json(), times(sim)) == (["09:00"], CANCELLED, [])

    def test_a_move_is_to_the_practice_s_wall_clock(
        self, practice: Account, voice: Callable[..., Any], number: str, sim: Sim
    ) -> None:
        call = Caller(practice).verified().call.vapi_call_id

        # As models write it: the local time with a Z.
        response = voice("PATCH", f"{APPOINTMENTS}/{number}", {"startTime": f"{quiet_day()}T10:00:00Z"}, call)

        assert response.json()["appointment"]["newStartTime"] == at("10:00")
        assert times(sim) == ["10:00"]

    @pytest.mark.parametrize("word", ["null", "undefined", "none", "-", "%20", "N%2FA", "unknown"])
    def test_a_word_for_nothing_in_the_address_never_means_the_only_appointment(
        self, practice: Account, voice: Callable[..., Any], number: str, sim: Sim, word: str
    ) -> None:
        call = Caller(practice).verified().call.vapi_call_id
        sim("DELETE", "requests")

        deleted = voice("DELETE", f"{APPOINTMENTS}/{word}", {}, call)
        moved = voice("PATCH", f"{APPOINTMENTS}/{word}", {"date": f"{quiet_day()}", "time": "10:00"}, call)

        assert (deleted.status_code, moved.status_code) == (404, 404)
        assert (writes_sent(sim), times(sim)) == ([], ["09:00"])


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_odd_id_is_a_clean_error_and_nothing_is_sent(site: Site, number: str, sim: Sim, method: str) -> None:
    sim("DELETE", "requests")

    for written in ODD_IDS:
        response = site.ask(method, f"{APPOINTMENTS}/{written}", {"startTime": at("10:00")})

        code = response.json()["error"]["code"]
        assert response.status_code in (404, 422), written
        assert code in {"appointment_not_found", "not_found", "validation_failed", "placeholder"}, written

    asked = {path for _, path in asked_of_the_pms(sim)}
    assert (writes_sent(sim), times(sim)) == ([], ["09:00"])
    assert asked <= {"/appointments", "/authorized_practices", "/practices"}
