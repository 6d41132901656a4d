"""``POST /api/pms/patients``: a new patient in the spec's shape, once, and what stands for them until they are made."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from pms.jobs import sweeps
from pms.models import AuditPhase, Booking, BookingState, PmsAuditLog, Task, WriteBack, WriteBackState
from pms.models.credential import Scope
from pms.services import newcomers, tasks, write_backs
from tests.api.site import APPOINTMENTS, PATIENTS, Json, Site
from tests.canaries import without_random
from tests.conftest import Sim
from tests.practice import CALLER, live_call
from tests.talking import (
    ALDER,
    CORA,
    JORDAN,
    Caller,
    SetClock,
    asked_of_the_pms,
    in_the_pms,
    quiet_day,
    slow_write,
    writes_sent,
)
from tests.vapi.sending import refused

ADA = {
    "firstName": "Ada",
    "lastName": "Ottershaw",
    "dateOfBirth": "1985-05-15",
    "phone": "+1-415-555-0134",
    "email": "ada.ottershaw@example.test",
}
ADDRESS = {"street": "123 Main St", "city": "San Francisco", "state": "CA", "zip": "94105"}
CREATE, BOOK = ("POST", "/patient"), ("POST", "/appointment")
GRACE = write_backs.REQUEST_GRACE.total_seconds()


@pytest.fixture
def site(client: Client, practice: Account) -> Site:
    return Site(client, practice)


def made(sim: Sim) -> None:
    """Let the office make the record, and the job do what follows from it."""
    sim("POST", "clock", advance_seconds=601)
    for seconds in (GRACE, GRACE + 1):
        sweeps.follow_write_backs(SetClock.later(seconds=seconds))


def on_file(sim: Sim) -> list[dict[str, str]]:
    rows = sim("GET", "truth", office_id=ALDER)["patients"]
    return [row for row in rows if row["lastname"] == ADA["lastName"]]


class TestCreated:
    def test_is_in_the_spec_s_shape_and_in_the_pms(self, site: Site, sim: Sim) -> None:
        response = site.create({**ADA, "address": ADDRESS})

        [row] = on_file(sim)
        assert response.status_code == 201
        assert response.json() == {
            "success": True,
            "patient": {
                "id": row["patient_id"],
                "firstName": "Ada",
                "lastName": "Ottershaw",
                "phone": "+14155550134",
                "email": "ada.ottershaw@example.test",
            },
        }
        assert (row["firstname"], row["birthdate"][:10], row["cell"]) == ("Ada", "1985-05-15", "4155550134")
        assert (row["address_line1"], row["city"], row["state"], row["zipcode"]) == tuple(ADDRESS.values())
        assert row["guarantor_id"] == row["patient_id"]

    def test_needs_no_more_than_a_name_and_a_birthday(self, site: Site, sim: Sim) -> None:
        response = site.create({name: ADA[name] for name in ("firstName", "lastName", "dateOfBirth")})

        assert response.status_code == 201
        assert (response.json()["patient"]["phone"], response.json()["patient"]["email"]) == (None, None)
        assert [(row["cell"], row["email"]) for row in on_file(sim)] == [("", "")]

    @pytest.mark.parametrize("address", [None, {}, {"city": "Albany"}, {"street": None, "zip": "12207"}])
    def test_may_have_any_part_of_an_address(self, site: Site, address: Json | None) -> None:
        assert site.create({**ADA, "address": address}).status_code == 201

    def test_can_be_booked_for_at_once_although_no_read_shows_them_yet(self, site: Site, sim: Sim) -> None:
        number = site.create(ADA).json()["patient"]["id"]

        response = site.book(
            {"patientId": number, "appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z"}
        )

        assert (response.status_code, response.json()["appointment"]["patientName"]) == (201, "Ada Ottershaw")
        assert len(in_the_pms(sim, number)) == 1

    def test_is_filed_under_the_clinician_who_is_named(self, site: Site, sim: Sim) -> None:
        site.create({**ADA, "providerId": "DR2"})

        assert [row["provider_id"] for row in on_file(sim)] == ["DR2"]

    def test_may_be_a_child_for_the_practice_s_own_server(self, site: Site, sim: Sim) -> None:
        assert site.create({**ADA, "dateOfBirth": "2020-05-15"}).status_code == 201
        assert len(on_file(sim)) == 1

    def test_leaves_intent_and_outcome_and_nobodys_name(self, site: Site) -> None:
        number = site.create(ADA).json()["patient"]["id"]

        rows = PmsAuditLog.objects.filter(action="createPatient").order_by("seq")
        assert [(row.phase, row.patient_id, row.endpoint, row.method) for row in rows] == [
            (AuditPhase.INTENT, None, PATIENTS, "POST"),
            (AuditPhase.OUTCOME, number, PATIENTS, "POST"),
        ]
        assert {row.actor for row in rows} == {f"system:{site.pk}"}
        assert "ttershaw" not in str(list(rows.values()))

    def test_is_the_only_one_however_often_it_is_sent(self, site: Site, sim: Sim) -> None:
        first, again = site.create(ADA, key="new-1"), site.create(ADA, key="new-2")

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert writes_sent(sim) == [CREATE]

    def test_is_not_said_to_have_what_only_a_later_request_gives(self, site: Site, sim: Sim) -> None:
        first = site.create(ADA).json()["patient"]

        later = site.create({**ADA, "phone": "646 555 0188", "email": "other@example.test"}).json()["patient"]

        assert later == {**first, "phone": None, "email": None}
        assert [(row["cell"], row["email"]) for row in on_file(sim)] == [("4155550134", ADA["email"])]


class TestPending:
    @pytest.fixture
    def patient(self, site: Site, sim: Sim) -> Json:
        """Ada, whose record the office has not made when her request is answered."""
        slow_write(sim, "POST patient")
        response = site.create(ADA)
        body: Json = response.json()
        assert (response.status_code, body["success"], body["status"]) == (202, True, "pending")
        assert set(body) == {"success", "status", "patient"}
        found: Json = body["patient"]
        return found

    def test_has_no_id_and_what_stands_for_it(self, patient: Json) -> None:
        write_back = WriteBack.objects.get()

        assert patient == {
            "id": None,
            "firstName": "Ada",
            "lastName": "Ottershaw",
            "phone": "+14155550134",
            "email": "ada.ottershaw@example.test",
            "writeId": str(write_back.pk),
            "temporaryId": newcomers.handle_of(write_back),
        }

    def test_is_the_same_one_when_it_is_asked_for_again(self, site: Site, patient: Json, sim: Sim) -> None:
        again = site.create(ADA)

        assert (again.status_code, again.json()["patient"]) == (202, patient)
        assert writes_sent(sim) == [CREATE]

    def test_can_be_booked_for_and_both_are_followed_to_their_end(self, site: Site, patient: Json, sim: Sim) -> None:
        wish = {"appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z"}

        booked = site.book({**wish, "patientId": patient["temporaryId"]}, key="order-1")
        body = booked.json()
        before = site.became(body["appointment"]["bookingId"]).json()["status"]
        made(sim)

        [row] = on_file(sim)
        after = site.became(body["appointment"]["bookingId"]).json()
        assert (booked.status_code, body["status"], body["appointment"]["id"]) == (202, "pending", None)
        assert body["appointment"]["patientName"] is None
        assert (before, after["status"]) == ("pending", "confirmed")
        assert [one["appointment_sr_no"] for one in in_the_pms(sim, row["patient_id"])] == [after["appointment"]["id"]]
        assert site.became(patient["writeId"]).json()["patient"] == {"id": row["patient_id"]}
        assert writes_sent(sim) == [CREATE, BOOK]
        again = site.book({**wish, "patientId": patient["temporaryId"]}, key="order-1")
        assert (again.status_code, again.json()["appointment"]["id"]) == (201, after["appointment"]["id"])
        assert again.json()["appointment"]["patientName"] == "Ada Ottershaw"

    def test_is_known_by_the_temporary_id_afterwards_too(self, site: Site, patient: Json, sim: Sim) -> None:
        wish = {"appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z"}
        booking = site.book({**wish, "patientId": patient["temporaryId"]}).json()["appointment"]["bookingId"]
        days = {"startDate": f"{quiet_day()}", "endDate": f"{quiet_day()}", "patientId": patient["temporaryId"]}

        before = site.listed(**days)
        made(sim)
        after = site.listed(**days)
        cancelled = site.cancel(booking, {"patientId": patient["temporaryId"]})

        [row] = on_file(sim)
        assert [(one["patientId"], one["status"]) for one in before] == [(patient["temporaryId"], "pending")]
        assert [(one["patientId"], one["status"]) for one in after] == [(row["patient_id"], "scheduled")]
        assert cancelled.status_code == 200

    def test_that_was_refused_later_is_404_and_a_task(self, site: Site, patient: Json, sim: Sim) -> None:
        sim("POST", "fail_write", result="Patient could not be written")
        made(sim)

        wish = {"appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z"}
        refused(site.book({**wish, "patientId": patient["temporaryId"]}), 404, "patient_not_found")

        assert site.became(patient["writeId"]).json()["status"] == "failed"
        assert tasks.detail(Task.objects.get(kind="new_patient_failed")) == {
            "firstName": "Ada",
            "lastName": "Ottershaw",
            "dateOfBirth": "1985-05-15",
            "phone": "+14155550134",
            "email": "ada.ottershaw@example.test",
            "refusedWith": "Patient could not be written",
        }
        assert not Booking.objects.exists()

    def test_of_which_nothing_is_known_is_202_and_unknown(self, site: Site, sim: Sim) -> None:
        sim("POST", "lose_answer")

        response = site.create(ADA)

        assert (response.status_code, response.json()["status"]) == (202, "unknown")
        assert response.json()["patient"]["id"] is None
        assert site.became(response.json()["patient"]["writeId"]).json()["status"] == "unknown"
        assert Task.objects.get().kind == "new_patient_outcome_unknown"


class TestRefused:
    @pytest.mark.parametrize(("changes", "status", "code"), [
        ({"firstName": None}, 422, "validation_failed"),
        ({"lastName": "x" * 61}, 422, "validation_failed"),
        ({"lastName": "!!!"}, 422, "validation_failed"),
        ({"dateOfBirth": None}, 422, "validation_failed"),
        ({"dateOfBirth": "15/05/1985"}, 201, ""),
        ({"dateOfBirth": "05/06/1985"}, 422, "date_ambiguous"),
        ({"dateOfBirth": "2085-05-15"}, 422, "date_invalid"),
        ({"dateOfBirth": "1900-01-01"}, 422, "date_invalid"),
        ({"dateOfBirth": 19850515}, 201, ""),
        ({"phone": "12345"}, 422, "validation_failed"),
        ({"email": "ada"}, 422, "validation_failed"),
        ({"address": "123 Main St"}, 422, "validation_failed"),
        ({"address": {"street": "x" * 201}}, 422, "validation_failed"),
        ({"providerId": "Dr. Smith"}, 422, "validation_failed"),
        ({"firstName": "{{first}}"}, 422, "placeholder"),
        ({"firstName": "A\0da"}, 422, "validation_failed"),
    ])  # fmt: skip
    def test_what_cannot_be_right_has_its_code_and_nothing_is_sent(
        self, site: Site, sim: Sim, changes: Json, status: int, code: str
    ) -> None:
        response = site.create({**ADA, **changes})

        assert response.status_code == status, response.json()
        if status != 201:
            error = refused(response, status, code)
            assert "Ottershaw" not in json.dumps(error)
            assert writes_sent(sim) == []

    @pytest.mark.parametrize(("body", "status", "code"), [
        (None, 422, "validation_failed"),
        (b"{", 400, "arguments_unreadable"),
        (b"[]", 400, "arguments_unreadable"),
        (b'"Ada"', 400, "arguments_unreadable"),
        (b'{"firstName": "' + b"x" * 256 * 1024 + b'"}', 413, "too_large"),
    ])  # fmt: skip
    def test_a_body_that_is_none_has_its_code(
        self, site: Site, sim: Sim, body: bytes | None, status: int, code: str
    ) -> None:
        refused(site.create(body), status, code)
        assert writes_sent(sim) == []

    def test_somebody_on_file_is_409(self, site: Site, sim: Sim) -> None:
        error = refused(site.create(CORA), 409, "duplicate_patient")

        assert "1001" not in without_random(json.dumps(error))
        refused(site.create(JORDAN), 409, "ambiguous_patient")
        assert writes_sent(sim) == []

    def test_somebody_alike_is_told_apart_by_the_number_that_is_given(self, site: Site, sim: Sim) -> None:
        refused(site.create({**JORDAN, "phone": "(212) 555-0133"}), 409, "duplicate_patient")
        assert writes_sent(sim) == []

    @pytest.mark.parametrize("scopes", [["patients:read"], ["appointments:read", "appointments:write"]])
    def test_without_the_right_to_it_is_403(
        self, client: Client, practice: Account, sim: Sim, scopes: list[str]
    ) -> None:
        site = Site(client, practice, *scopes)
        sim("DELETE", "requests")

        refused(site.create(ADA), 403, "forbidden")
        assert asked_of_the_pms(sim) == []

    def test_with_that_right_alone_it_is_done(self, client: Client, practice: Account) -> None:
        assert Site(client, practice, Scope.PATIENTS_WRITE).create(ADA).status_code == 201

    def test_where_it_is_switched_off_it_is_403(self, site: Site, practice: Account) -> None:
        integration = practice.integrations.get()
        integration.features = {**integration.features, "newPatients": False}
        integration.save()

        refused(site.create(ADA), 403, "feature_disabled")

    def test_by_an_office_that_is_offline_it_is_503_and_a_task(self, site: Site, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        refused(site.create({**ADA, "address": ADDRESS}), 503, "pms_unavailable")

        task = Task.objects.get()
        assert tasks.detail(task)["address"] == "123 Main St, San Francisco, CA, 94105"
        assert WriteBack.objects.get().state == WriteBackState.FAILED

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    def test_another_method_is_405(self, site: Site, method: str) -> None:
        refused(site.ask(method, PATIENTS, {} if method != "GET" else None), 405, "method_not_allowed")

    @pytest.mark.parametrize("temporary", [f"new-{'ab' * 16}", "new-1", f"new-{'0' * 32}"])
    def test_nobody_is_booked_for_under_a_forged_temporary_id(self, site: Site, sim: Sim, temporary: str) -> None:
        wish = {"appointmentType": "Cleaning", "startTime": f"{quiet_day()}T15:00:00Z", "patientId": temporary}

        refused(site.book(wish), 404, "patient_not_found")
        if len(temporary) > len("new-1"):  # else it is an id of the PMS's, and nobody has it
            refused(site.ask("GET", f"{APPOINTMENTS}?patientId={temporary}"), 404, "patient_not_found")
        assert (writes_sent(sim), Booking.objects.filter(state=BookingState.PENDING).count()) == ([], 0)


class TestByVoice:
    def test_needs_a_live_call(self, voice: Callable[..., Any], sim: Sim) -> None:
        refused(voice("POST", PATIENTS, ADA), 403, "call_required")
        refused(voice("POST", PATIENTS, ADA, str(uuid.uuid4())), 403, "call_required")
        assert writes_sent(sim) == []

    def test_counts_as_proven_in_its_call(self, voice: Callable[..., Any], practice: Account, sim: Sim) -> None:
        call = live_call(practice)

        response = voice(
            "POST", PATIENTS, {name: ADA[name] for name in ("firstName", "lastName", "dateOfBirth")}, call.vapi_call_id
        )

        [row] = on_file(sim)
        assert response.status_code == 201
        assert (response.json()["patient"]["phone"], row["cell"]) == (CALLER, CALLER.removeprefix("+1"))
        assert Caller(practice, call=call).book(patientId=row["patient_id"]).outcome == "ok"

    def test_needs_a_parent_for_a_child(self, voice: Callable[..., Any], practice: Account, sim: Sim) -> None:
        child = {**ADA, "dateOfBirth": "2020-05-15"}
        cora = Caller(practice).verified()

        refused(voice("POST", PATIENTS, child, live_call(practice).vapi_call_id), 422, "minor_needs_guardian")
        assert voice("POST", PATIENTS, child, cora.call.vapi_call_id).status_code == 201
        assert [row["guarantor_id"] for row in on_file(sim)] == ["1001"]

    def test_a_server_that_names_a_call_is_bound_by_it(self, site: Site, practice: Account) -> None:
        call = live_call(practice)

        refused(site.create({**ADA, "dateOfBirth": "2020-05-15"}, call=call.vapi_call_id), 422, "minor_needs_guardian")
