"""Connecting a practice over REST with a person's session: who may, what is accepted, and what becomes of it."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.models import (
    AppointmentType,
    ConnectionStatus,
    PmsAuditLog,
    PmsIntegration,
    PmsToken,
    Provider,
    SecurityEvent,
)
from pms.providers.base import Capability
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import connecting, integrations
from pms.services.limits import LIMITS
from tests.api.site import Site
from tests.conftest import Sim, use_sandbox
from tests.ground.support import without_table
from tests.practice import agreed
from tests.support.server import free_port
from tests.talking import together

SETUP, STATUS, TEST = "/api/pms/setup", "/api/pms/status", "/api/pms/test-connection"
SECRET = "a-typed-secret-that-nobody-may-see"
GOOD = {"applicationId": APP_ID, "secretKey": APP_KEY, "practiceId": "D10001"}
NONE = dict.fromkeys(("appointments", "patients", "insurance", "payments"), False)
ALL = dict.fromkeys(NONE, True)

Json = dict[str, Any]


class Person:
    """Somebody at a browser, signed in as ``user``."""

    def __init__(self, user: User | None) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.csrf = _get_new_csrf_string()
        self.client.cookies["csrftoken"] = self.csrf
        if user is not None:
            self.client.force_login(user)

    def ask(self, method: str, address: str, body: Any = None, **query: str) -> Any:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"{address}?{urlencode(query)}" if query else address,
            raw,
            content_type="application/json" if raw else "",
            headers={"X-CSRFToken": self.csrf} if self.csrf else {},
        )

    def set_up(self, **changes: Any) -> Any:
        body = {"provider": "SIKKA", "credentials": GOOD, **changes}
        return self.ask("POST", SETUP, {name: value for name, value in body.items() if value is not ...})

    def status(self, **query: str) -> Any:
        return self.ask("GET", STATUS, **query)

    def test(self, body: Any = None, **query: str) -> Any:
        return self.ask("POST", TEST, body, **query)


@pytest.fixture
def account(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """A practice that is not connected yet."""
    use_sandbox(settings, sandbox)
    return agreed(Account.objects.create(name="Alder Dental", time_zone="America/New_York"))


def a_user(email: str) -> User:
    return User.objects.create_user(email, "a long password of a test")


def member(account: Account, role: str = Role.OWNER, email: str = "") -> Person:
    user = a_user(email or f"{role.lower()}@alder.example")
    Membership.objects.create(user=user, account=account, role=role)
    return Person(user)


@pytest.fixture
def owner(account: Account) -> Person:
    return member(account)


def the_person() -> User:
    """Return the only member of Alder Dental."""
    return User.objects.get(memberships__account__name="Alder Dental")


def error_of(response: Any, status: int, code: str) -> Json:
    """Return the error of a refused request, which has the API's own shape."""
    assert response.status_code == status, response.content
    told: Json = response.json()
    assert told["success"] is False
    assert told["error"]["code"] == code
    assert told["error"]["requestId"] == response["X-Request-Id"]
    found: Json = told["error"]
    return found


# The shapes


def test_setup_answers_in_the_specs_shape(owner: Person, account: Account) -> None:
    response = owner.set_up(
        config={"defaultAppointmentDuration": 30, "timezone": "America/Los_Angeles", "allowOnlineBooking": True}
    )

    stored = PmsIntegration.objects.get()
    account.refresh_from_db()
    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "integration": {
            "id": str(stored.pk),
            "provider": "SIKKA",
            "status": "ACTIVE",
            "features": integrations.public_features(integration=stored),
        },
    }
    assert response.json()["integration"]["features"]["appointments"] is True
    assert response.json()["integration"]["features"]["patients"] is True
    assert stored.account_id == account.pk
    assert account.time_zone == "America/Los_Angeles"
    assert stored.config == {"defaultAppointmentDuration": 30, "allowOnlineBooking": True}
    assert stored.features == dict.fromkeys(integrations.FEATURES, True)
    assert response["Cache-Control"] == "no-store"


def test_status_answers_in_the_specs_shape(practice: Account) -> None:
    person = member(practice)

    response = person.status()

    stored = PmsIntegration.objects.get()
    told = response.json()
    assert response.status_code == 200
    assert set(told) == {"success", "status", "provider", "lastSyncAt", "features"}
    assert (told["success"], told["status"], told["provider"]) == (True, "ACTIVE", "SIKKA")
    assert told["lastSyncAt"].endswith("Z")
    assert stored.last_sync_at is not None
    assert abs((datetime.fromisoformat(told["lastSyncAt"]) - stored.last_sync_at).total_seconds()) < 0.01
    assert told["features"] == integrations.public_features(integration=stored)


def test_the_status_of_a_practice_that_was_never_connected_is_setup_required(owner: Person) -> None:
    assert owner.status().json() == {
        "success": True,
        "status": "SETUP_REQUIRED",
        "provider": None,
        "lastSyncAt": None,
        "features": NONE,
    }


def test_a_working_connection_is_valid_and_says_to_what(owner: Person) -> None:
    owner.set_up()

    response = owner.test()

    assert response.status_code == 200
    assert response.json() == {
        "success": True,
        "connectionValid": True,
        "message": "Successfully connected to Sikka API",
    }


def test_a_test_that_fails_is_an_answer(owner: Person, sim: Sim) -> None:
    owner.set_up()
    sim("POST", "fail", path="/v4/authorized_practices", status=401, error_code="API2003", times=9)

    response = owner.test()

    told = response.json()
    assert response.status_code == 200
    assert (told["success"], told["connectionValid"]) == (True, False)
    assert told["message"] == "Sikka does not accept the application id or key."
    assert owner.status().json()["status"] == "ERROR"
    assert owner.status().json()["features"] == NONE


def test_there_is_nothing_to_test_before_a_setup(owner: Person) -> None:
    error_of(owner.test(), 409, "setup_required")


def test_a_connection_that_works_again_is_switched_on_by_its_test(owner: Person, sim: Sim) -> None:
    owner.set_up()
    PmsIntegration.objects.update(status=ConnectionStatus.ERROR, last_error="credentials_rejected")

    assert owner.test().json()["connectionValid"] is True

    stored = PmsIntegration.objects.get()
    assert (stored.status, stored.last_error) == (ConnectionStatus.ACTIVE, None)
    assert SecurityEvent.objects.filter(kind="integration.restored").count() == 1


def test_a_test_notes_what_the_connection_can_do_now(owner: Person, sim: Sim) -> None:
    owner.set_up()
    sim("POST", "config", scope=["practices", "providers", "operatories", "appointments"])
    sim("POST", "expire_key", office_id="D10001")

    owner.test()

    stored = PmsIntegration.objects.get()
    assert stored.metadata is not None
    assert stored.metadata["capabilities"] == [Capability.READ_APPOINTMENTS, Capability.READ_SCHEDULE]
    assert owner.status().json()["features"] == NONE


# Who may


MAY = {Role.OWNER: (200, 200, 200), Role.ADMIN: (200, 200, 200), Role.STAFF: (403, 200, 403)}
MAY[Role.AUDITOR] = MAY[Role.STAFF]


@pytest.mark.parametrize("role", MAY)
def test_each_role_may_what_the_matrix_says(account: Account, owner: Person, role: Role) -> None:
    owner.set_up()
    person = member(account, role, "somebody@alder.example")

    found = (person.set_up().status_code, person.status().status_code, person.test().status_code)

    assert found == MAY[role]


def test_a_refused_attempt_leaves_an_event_and_touches_nothing(account: Account, sim: Sim) -> None:
    staff = member(account, Role.STAFF)
    sim("DELETE", "requests")

    error_of(staff.set_up(), 403, "forbidden")

    event = SecurityEvent.objects.get(kind="permission.denied")
    assert event.account_id == account.pk
    assert event.actor == f"user:{the_person().pk}"
    assert event.detail == {"endpoint": "/api/pms/setup", "permission": "manage_integration"}
    assert not PmsIntegration.objects.exists()
    assert sim("GET", "requests")["requests"] == []


def test_a_flood_of_refusals_leaves_only_the_first_few(account: Account) -> None:
    staff = member(account, Role.STAFF)

    for _ in range(9):
        error_of(staff.set_up(), 403, "forbidden")

    assert SecurityEvent.objects.filter(kind="permission.denied").count() == 6


@pytest.mark.parametrize(("method", "address"), [("POST", SETUP), ("GET", STATUS), ("POST", TEST)])
@pytest.mark.django_db
class TestNobody:
    def test_is_let_in_without_a_session(self, method: str, address: str) -> None:
        error_of(Person(None).ask(method, address, {} if method == "POST" else None), 401, "session_required")

    def test_is_let_in_after_being_deactivated(self, owner: Person, method: str, address: str) -> None:
        User.objects.update(is_active=False)

        error_of(owner.ask(method, address), 401, "session_required")

    def test_is_let_in_after_changing_the_password_elsewhere(self, owner: Person, method: str, address: str) -> None:
        user = the_person()
        user.set_password("another long password of a test")
        user.save()

        error_of(owner.ask(method, address), 401, "session_required")

    def test_gets_past_an_ended_membership(self, owner: Person, method: str, address: str) -> None:
        Membership.objects.update(is_active=False)

        error_of(owner.ask(method, address), 403, "forbidden")

    def test_gets_into_a_closed_account(self, owner: Person, method: str, address: str) -> None:
        Account.objects.update(is_active=False)

        error_of(owner.ask(method, address), 403, "forbidden")

    def test_is_a_member_by_being_support(self, account: Account, method: str, address: str) -> None:
        support = Person(User.objects.create_superuser("support@parlae.example", "a long password of a test"))

        error_of(support.ask(method, address), 403, "forbidden")
        error_of(support.ask(method, address, accountId=str(account.pk)), 403, "forbidden")

    def test_uses_a_servers_token_here(self, account: Account, method: str, address: str) -> None:
        error_of(Site(Client(), account).ask(method, address), 401, "session_required")


@pytest.mark.parametrize("address", [SETUP, TEST])
@pytest.mark.parametrize("token", ["", "A" * 32])
def test_a_change_without_the_sessions_csrf_token_is_refused(owner: Person, address: str, token: str) -> None:
    owner.csrf = token

    error = error_of(owner.ask("POST", address, {"provider": "SIKKA", "credentials": GOOD}), 403, "forbidden")

    assert "X-CSRFToken" in error["message"]
    assert not PmsIntegration.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_of_another_site_sets_nothing_up(owner: Person, kind: str) -> None:
    body = json.dumps({"provider": "SIKKA", "credentials": GOOD})

    response = owner.client.generic("POST", SETUP, body, content_type=kind)

    error_of(response, 400, "arguments_unreadable")
    assert not PmsIntegration.objects.exists()


def test_a_status_needs_no_csrf_token(owner: Person) -> None:
    owner.csrf = ""

    assert owner.status().status_code == 200


# Whose


@pytest.fixture
def second(account: Account) -> Account:
    return agreed(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))


class TestSomebodyInTwoPractices:
    @pytest.fixture(autouse=True)
    def _member_of_both(self, owner: Person, second: Account) -> None:
        Membership.objects.create(user=the_person(), account=second, role=Role.AUDITOR)

    def test_is_asked_which_one(self, owner: Person) -> None:
        for response in (owner.status(), owner.set_up(), owner.test(), owner.test({"accountId": "  "})):
            error_of(response, 400, "account_required")

        assert not PmsIntegration.objects.exists()

    def test_names_it_in_the_body(self, owner: Person, account: Account) -> None:
        assert owner.set_up(accountId=str(account.pk)).status_code == 200
        assert owner.test({"accountId": account.pk.hex.upper()}).json()["connectionValid"] is True

        assert PmsIntegration.objects.get().account_id == account.pk

    def test_names_it_in_the_query(self, owner: Person, account: Account, second: Account) -> None:
        owner.set_up(accountId=str(account.pk))

        assert owner.status(accountId=str(account.pk)).json()["status"] == "ACTIVE"
        assert owner.status(accountId=str(second.pk)).json()["status"] == "SETUP_REQUIRED"

    def test_has_in_each_only_the_role_of_that_one(self, owner: Person, second: Account) -> None:
        error_of(owner.set_up(accountId=str(second.pk)), 403, "forbidden")
        error_of(owner.test(accountId=str(second.pk)), 403, "forbidden")

    def test_cannot_name_two(self, owner: Person, account: Account, second: Account) -> None:
        response = owner.ask("POST", TEST, {"accountId": str(account.pk)}, accountId=str(second.pk))

        error_of(response, 403, "forbidden")

    def test_needs_no_name_when_one_membership_has_ended(self, owner: Person, second: Account) -> None:
        Membership.objects.filter(account=second).update(is_active=False)

        assert owner.set_up().status_code == 200


def test_another_practice_and_one_that_does_not_exist_are_told_alike(owner: Person, second: Account) -> None:
    foreign, nowhere, junk = (
        error_of(owner.status(accountId=name), 403, "forbidden") for name in (str(second.pk), str(uuid.uuid4()), "x'--")
    )

    assert foreign["message"] == nowhere["message"] == junk["message"]
    assert not SecurityEvent.objects.filter(account_id=second.pk).exists()


@pytest.mark.parametrize("named", [7, True, ["x"], {"id": "x"}])
def test_an_account_that_is_no_text_is_asked_for(owner: Person, named: Any) -> None:
    assert error_of(owner.set_up(accountId=named), 422, "validation_failed")["fields"] == {
        "accountId": "An account's id is text."
    }


# What is accepted


BAD: dict[str, tuple[Json, set[str]]] = {
    "no provider": ({"provider": ...}, {"provider"}),
    "an unknown provider": ({"provider": "sikka"}, {"provider"}),
    "a provider that is no text": ({"provider": ["SIKKA"]}, {"provider"}),
    "credentials that are no object": ({"credentials": "x"}, {"credentials"}),
    "no credentials": ({"credentials": ...}, {"credentials.practiceId"}),
    "an empty practice": ({"credentials": {**GOOD, "practiceId": " "}}, {"credentials.practiceId"}),
    "a number for a credential": ({"credentials": {**GOOD, "practiceId": 10001}}, {"credentials.practiceId"}),
    "a list for a credential": ({"credentials": {**GOOD, "secretKey": [SECRET]}}, {"credentials.secretKey"}),
    "a secret with a line break": ({"credentials": {**GOOD, "secretKey": "a\r\nX: y"}}, {"credentials.secretKey"}),
    "a secret without an end": ({"credentials": {**GOOD, "secretKey": "x" * 501}}, {"credentials.secretKey"}),
    "config that is no object": ({"config": []}, {"config"}),
    "a zone of no place": ({"config": {"timezone": "PST8"}}, {"config.timezone"}),
    "a zone that is a path": ({"config": {"timezone": "../etc/passwd"}}, {"config.timezone"}),
    "no duration": ({"config": {"defaultAppointmentDuration": 0}}, {"config.defaultAppointmentDuration"}),
    "a duration as text": ({"config": {"defaultAppointmentDuration": "30"}}, {"config.defaultAppointmentDuration"}),
    "true for a duration": ({"config": {"defaultAppointmentDuration": True}}, {"config.defaultAppointmentDuration"}),
    "a word for a switch": ({"config": {"allowOnlineBooking": "yes"}}, {"config.allowOnlineBooking"}),
    "a negative notice": ({"config": {"minNoticeMinutes": -1}}, {"config.minNoticeMinutes"}),
    "an endless horizon": ({"config": {"maxAdvanceDays": 10**9}}, {"config.maxAdvanceDays"}),
    "half a step": ({"config": {"stepMinutes": 7.5}}, {"config.stepMinutes"}),
    "payments by card": ({"config": {"voicePayments": "charge"}}, {"config.voicePayments"}),
    "a number for a feature": ({"features": {"booking": 1}}, {"features.booking"}),
    "two mistakes": (
        {"config": {"stepMinutes": 0}, "features": {"notes": "x"}},
        {"config.stepMinutes", "features.notes"},
    ),
}


@pytest.mark.parametrize(("changes", "fields"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_meant_is_named_by_its_field(owner: Person, sim: Sim, changes: Json, fields: set[str]) -> None:
    sim("DELETE", "requests")

    error = error_of(owner.set_up(**changes), 422, "validation_failed")

    assert set(error["fields"]) == fields
    assert SECRET not in json.dumps(error)
    assert not PmsIntegration.objects.exists()
    assert sim("GET", "requests")["requests"] == []


@pytest.mark.parametrize("provider", ["KOLLA", "DENTRIX"])
def test_a_provider_that_is_still_to_come_is_not_supported(owner: Person, provider: str) -> None:
    error_of(owner.set_up(provider=provider), 501, "not_supported")

    assert not PmsIntegration.objects.exists()


def test_unknown_fields_are_left_out(owner: Person, account: Account) -> None:
    response = owner.set_up(
        credentials={**GOOD, "baseUrl": "http://127.0.0.1:1", "other": 7},
        config={"stepMinutes": 30, "baseUrl": "http://127.0.0.1:1", "locationId": "9", "capabilities": []},
        features={"notes": False, "everything": True},
        status="INACTIVE",
        account="x",
    )

    stored = PmsIntegration.objects.get()
    assert response.status_code == 200
    assert integrations.reveal(integration=stored) == GOOD
    assert stored.config == {"stepMinutes": 30}
    assert stored.features == {**dict.fromkeys(integrations.FEATURES, True), "notes": False}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b'{"provider": NaN}'])
def test_a_body_that_is_no_json_object_is_unreadable(owner: Person, body: bytes) -> None:
    error_of(owner.ask("POST", SETUP, body), 400, "arguments_unreadable")


def test_a_body_that_is_too_large_is_refused(owner: Person) -> None:
    error_of(owner.set_up(filling="x" * 300_000), 413, "too_large")


@pytest.mark.parametrize(("method", "address"), [("GET", SETUP), ("POST", STATUS), ("DELETE", TEST)])
def test_another_method_is_refused(owner: Person, method: str, address: str) -> None:
    error_of(owner.ask(method, address), 405, "method_not_allowed")


# When it fails


def test_wrong_credentials_are_an_error_that_shows_none(owner: Person) -> None:
    response = owner.set_up(credentials={**GOOD, "secretKey": SECRET})

    error_of(response, 502, "credentials_rejected")
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM pms_integrations")
        raw = bytes(cursor.fetchone()[0])
    rows = [*PmsAuditLog.objects.values(), *SecurityEvent.objects.values()]
    assert SECRET not in response.content.decode() + repr(rows)
    assert SECRET.encode() not in raw
    assert owner.status().json()["status"] == "ERROR"


def test_several_locations_are_listed_and_one_is_chosen(owner: Person) -> None:
    error = error_of(owner.set_up(credentials={**GOOD, "practiceId": "D30003"}), 409, "location_required")

    chosen = owner.set_up(credentials={**GOOD, "practiceId": f"D30003:{max(error['fields'])}"})

    assert set(error["fields"]) == {"1-1", "1-2"}
    assert all(error["fields"].values())
    assert chosen.status_code == 200


def test_a_vendor_that_cannot_be_reached_is_unavailable_and_nothing_has_to_be_typed_again(
    owner: Person, settings: Settings
) -> None:
    known = settings.PMS_PROVIDER_DEFAULTS
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**known["SIKKA"], "baseUrl": f"http://127.0.0.1:{free_port()}/v4"}}
    error = error_of(owner.set_up(), 503, "pms_unavailable")
    before = owner.status().json()["status"]
    settings.PMS_PROVIDER_DEFAULTS = known

    assert owner.test().json()["connectionValid"] is True

    assert error["retryable"] is True
    assert before == "SETUP_REQUIRED"
    assert owner.status().json()["status"] == "ACTIVE"
    assert AppointmentType.objects.exists()


def test_an_office_that_answers_for_another_one_is_not_connected(owner: Person, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/authorized_practices", kind="html", status=200)

    error_of(owner.set_up(), 502, "upstream_invalid")


def test_nothing_is_connected_if_the_evidence_cannot_be_written(owner: Person) -> None:
    with without_table("security_events"):
        error_of(owner.set_up(), 500, "internal_error")

    assert PmsIntegration.objects.get().status == ConnectionStatus.SETUP_REQUIRED


# How often


def test_tries_are_limited_for_a_practice_whoever_makes_them(account: Account, owner: Person, second: Account) -> None:
    admin, elsewhere = member(account, Role.ADMIN), member(second, Role.OWNER, "owner@birch.example")
    tries = int(LIMITS["connection"].partition("/")[0])
    for number in range(tries):
        response = owner.set_up(credentials={**GOOD, "secretKey": f"{SECRET}-{number}"})
        assert response.status_code == 502

    for response in (owner.set_up(), owner.test(), admin.set_up()):
        assert error_of(response, 429, "rate_limited")["retryable"] is True
        assert 0 < int(response["Retry-After"]) <= 3600
    assert elsewhere.set_up(credentials={**GOOD, "practiceId": "D20002"}).status_code == 200


def test_a_mistake_in_a_field_is_no_try(owner: Person) -> None:
    for _ in range(12):
        owner.set_up(config={"stepMinutes": 0})

    assert owner.set_up().status_code == 200


def test_a_person_who_asks_all_the_time_does_not_use_up_what_callers_need(practice: Account) -> None:
    person = member(practice)
    statuses = {person.status().status_code for _ in range(int(LIMITS["people"].partition("/")[0]) + 1)}

    assert statuses == {200, 429}


# Evidence


def test_a_setup_leaves_the_audit_row_of_its_test_and_an_event(owner: Person, account: Account) -> None:
    owner.set_up(config={"stepMinutes": 30}, features={"payments": False})

    row, event = PmsAuditLog.objects.get(), SecurityEvent.objects.get(kind__startswith="integration.")
    user = the_person()
    integration = PmsIntegration.objects.get()
    assert (row.action, row.endpoint, row.method) == ("testConnection", "/api/pms/setup", "POST")
    assert (row.user_id, row.actor, row.success, row.phi_accessed) == (str(user.pk), f"user:{user.pk}", True, False)
    assert (event.kind, event.actor, event.account_id) == ("integration.created", f"user:{user.pk}", account.pk)
    assert event.ip_address == "127.0.0.1"
    assert event.detail == {
        "provider": "SIKKA",
        "integration": str(integration.pk),
        "settings": "booking insurance newPatients notes payments stepMinutes",
    }


def test_a_second_setup_is_a_change_and_names_the_settings_that_differ(owner: Person) -> None:
    owner.set_up(config={"stepMinutes": 30, "timezone": "America/New_York"})

    owner.set_up(config={"stepMinutes": 15, "timezone": "America/Chicago"}, features={"payments": False})

    event = SecurityEvent.objects.get(kind="integration.changed")
    assert event.detail["settings"] == "payments stepMinutes timezone"


def test_the_history_of_the_connection_says_who_changed_what_and_holds_no_secret(owner: Person) -> None:
    owner.set_up(config={"stepMinutes": 30})

    owner.set_up(config={"stepMinutes": 15})

    entry = LogEntry.objects.get_for_object(PmsIntegration.objects.get()).latest("timestamp")
    assert entry.actor == the_person()
    assert "15" in entry.changes["config"][1]
    assert APP_KEY not in repr(list(LogEntry.objects.values()))


# What each feature needs


FEATURES: dict[str, tuple[Json, Json, list[str], Json]] = {
    "everything": ({}, {}, list(Capability), ALL),
    "bookings off": ({"booking": False}, {}, list(Capability), {**ALL, "appointments": False}),
    "no online booking": ({}, {"allowOnlineBooking": False}, list(Capability), {**ALL, "appointments": False}),
    "new patients off": ({"newPatients": False}, {}, list(Capability), {**ALL, "patients": False}),
    "notes off": ({"notes": False}, {}, list(Capability), ALL),
    "insurance off": ({"insurance": False}, {}, list(Capability), {**ALL, "insurance": False}),
    "payments off": ({"payments": False}, {}, list(Capability), {**ALL, "payments": False}),
    "a key that only reads": (
        {},
        {},
        [Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.READ_PATIENTS, Capability.READ_INSURANCE],
        {**NONE, "insurance": True},
    ),
    "a key for nothing": ({}, {}, [], NONE),
    "a capability of no adapter": ({}, {}, ["fly"], NONE),
}


@pytest.mark.parametrize(("off", "config", "capabilities", "told"), FEATURES.values(), ids=FEATURES.keys())
def test_a_feature_is_shown_if_it_is_on_and_the_connection_can_do_it(
    practice: Account, off: Json, config: Json, capabilities: list[str], told: Json
) -> None:
    integration = practice.integrations.get()
    integration.features = {**dict.fromkeys(integrations.FEATURES, True), **off}
    integration.config = config
    integration.metadata = {**(integration.metadata or {}), "capabilities": [str(one) for one in capabilities]}
    integration.save()

    assert member(practice).status().json()["features"] == told


def test_a_connection_that_was_ended_shows_as_inactive(practice: Account) -> None:
    integrations.deactivate(integration=practice.integrations.get())
    person = member(practice)

    told = person.status().json()

    assert (told["status"], told["provider"], told["features"]) == ("INACTIVE", "SIKKA", NONE)
    error_of(person.test(), 409, "setup_required")


def test_a_failed_try_of_another_vendor_does_not_hide_the_connection_in_use(practice: Account) -> None:
    PmsIntegration.objects.create(
        account=practice, provider=Provider.KOLLA, credentials=b"", status=ConnectionStatus.ERROR
    )

    told = member(practice).status().json()

    assert (told["status"], told["provider"]) == ("ACTIVE", "SIKKA")


def test_no_credentials_are_taken_before_the_agreement_is_accepted(account: Account, sim: Sim) -> None:
    owner = member(Account.objects.create(name="Cedar Dental", time_zone="America/Chicago"))
    sim("DELETE", "requests")

    error_of(owner.set_up(), 403, "baa_required")

    assert not PmsIntegration.objects.exists()
    assert sim("GET", "requests")["requests"] == []
    assert owner.status().json()["baaRequired"] is True


def test_who_needs_a_second_factor_is_let_in_only_with_one(account: Account, owner: Person) -> None:
    Account.objects.update(second_factor_grace_days=0)

    for response in (owner.set_up(), owner.status(), owner.test()):
        assert "second factor" in error_of(response, 403, "forbidden")["message"]

    assert not PmsIntegration.objects.exists()


# Two at once


@pytest.mark.django_db(transaction=True)
def test_of_two_setups_at_once_one_holds_as_a_whole(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(settings, sandbox)
    account = agreed(Account.objects.create(name="Alder Dental", time_zone="America/New_York"))
    _wait_for_each_other(monkeypatch)
    steps = {"D10001": 10, "D20002": 20}

    def set_up(person: Person, office: str) -> int:
        return int(
            person.set_up(credentials={**GOOD, "practiceId": office}, config={"stepMinutes": steps[office]}).status_code
        )

    owner, admin = member(account), member(account, Role.ADMIN)
    answers = together(partial(set_up, owner, "D10001"), partial(set_up, admin, "D20002"))

    stored = PmsIntegration.objects.get()
    office = integrations.reveal(integration=stored)["practiceId"]
    assert answers == [200, 200]
    assert stored.status == ConnectionStatus.ACTIVE
    assert stored.metadata is not None
    assert stored.metadata["practiceName"] == {"D10001": "Alder Dental", "D20002": "Birch Dental"}[office]
    assert stored.config == {"stepMinutes": steps[office]}
    assert PmsToken.objects.get().sealed is not None
    assert owner.test().json()["connectionValid"] is True


def _wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both have tried their credentials before either of them goes on."""
    original, gate = connecting._tested, threading.Barrier(2)

    def tested(*args: Any, **named: Any) -> Any:
        found = original(*args, **named)
        gate.wait(20)
        return found

    monkeypatch.setattr(connecting, "_tested", tested)
