"""The practice's rules over REST with a person's session: who may, what is accepted, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from auditlog.models import LogEntry

from accounts.models import Account, User
from accounts.roles import Role
from pms.api.rules_schemas import RulesChange
from pms.api.setup_schemas import Config
from pms.models import AppointmentType, SecurityEvent, WeeklyHours
from pms.services import rule_checks
from tests.api.test_setup import Person, error_of, member
from tests.conftest import Sim
from tests.talking import asked_of_the_pms

RULES = "/api/pms/rules"
WEEK = {"1": [["08:00", "12:00"], ["13:00", "17:00"]]}
BLOCKED = {"startTime": "2027-05-03T12:00:00-04:00", "endTime": "2027-05-03T17:00:00Z"}
KIND = {"name": "Whitening", "durationMinutes": 30, "resources": [{"clinicianId": "HY1", "operatoryId": "Hyg 1"}]}

Json = dict[str, Any]


@pytest.fixture
def owner(practice: Account) -> Person:
    return member(practice)


def put(person: Person, if_match: str = "", **changes: Any) -> Any:
    raw = json.dumps(changes).encode()
    headers = {"X-CSRFToken": person.csrf, **({"If-Match": if_match} if if_match else {})}
    return person.client.generic("PUT", RULES, raw, content_type="application/json", headers=headers)


def read(person: Person, **query: str) -> Json:
    response = person.ask("GET", RULES, **query)
    assert response.status_code == 200, response.content
    told: Json = response.json()
    return told


def test_the_rules_are_told_in_their_public_shape(owner: Person, practice: Account) -> None:
    response = owner.ask("GET", RULES)

    told = response.json()
    assert told["success"] is True
    assert (told["hours"], told["specialDays"], told["missing"]) == (None, [], [])
    assert (told["stepMinutes"], told["minNoticeMinutes"], told["maxAdvanceDays"]) == (30, 120, 90)
    assert told["maxDataAgeMinutes"] is None
    assert "told" not in told
    cleaning = AppointmentType.objects.get(account=practice, name="Cleaning")
    assert told["appointmentTypes"][0] == {
        "id": str(cleaning.pk),
        "name": "Cleaning",
        "aliases": cleaning.aliases,
        "pmsValue": "2",
        "durationMinutes": 60,
        "bufferBeforeMinutes": 0,
        "bufferAfterMinutes": 0,
        "mode": "DIRECT",
        "forPatients": "ANYONE",
        "isActive": True,
        "resources": cleaning.resources,
    }
    assert response["ETag"] == f'"{told["version"]}"'
    assert response["Cache-Control"] == "no-store"


def test_reading_asks_the_practices_system_nothing_unless_it_is_wanted(owner: Person, sim: Sim) -> None:
    sim("DELETE", "requests")
    read(owner)
    assert asked_of_the_pms(sim) == []

    told = read(owner, **{"with": "pms"})["told"]

    assert asked_of_the_pms(sim)
    assert {"id": "HY1", "name": "Perpetua Lindqvist"} in told["clinicians"]
    assert len(told["days"]) == 7


def test_any_other_company_is_asked_about(owner: Person) -> None:
    error = error_of(owner.ask("GET", RULES, **{"with": "everything"}), 422, "validation_failed")

    assert set(error["fields"]) == {"with"}


def test_a_change_is_answered_with_all_the_rules(owner: Person, practice: Account) -> None:
    day = {"date": "2027-12-25", "windows": [], "label": "Christmas"}

    response = put(owner, hours=WEEK, specialDays=[day], blockouts=[BLOCKED])

    assert response.status_code == 200
    assert response.json() == read(owner)
    told = response.json()
    assert (told["hours"], told["specialDays"]) == (WEEK, [day])
    [block] = told["blockouts"]
    assert block == {
        "id": block["id"],
        "startTime": "2027-05-03T16:00:00Z",
        "endTime": "2027-05-03T17:00:00Z",
    }
    assert WeeklyHours.objects.get().account_id == practice.pk


def test_what_was_answered_can_be_sent_back(owner: Person) -> None:
    put(owner, hours=WEEK, specialDays=[{"date": "2027-12-25", "windows": []}], blockouts=[BLOCKED])
    told = read(owner, **{"with": "pms"})
    events = SecurityEvent.objects.count()

    response = put(owner, **told)

    assert response.json() == read(owner)
    assert response.json()["version"] == told["version"]
    assert SecurityEvent.objects.count() == events


@pytest.mark.parametrize("mark", ['"{}"', 'W/"{}"', "{}"])
def test_a_version_may_be_carried_by_if_match(owner: Person, mark: str) -> None:
    old = read(owner)["version"]
    assert put(owner, mark.format(old), hours=WEEK).status_code == 200

    error = error_of(put(owner, mark.format(old), hours={}), 409, "idempotency_conflict")

    assert "Somebody else has changed these rules" in error["message"]
    assert read(owner)["hours"] == WEEK
    assert put(owner, "*", hours={}).status_code == 200


def test_a_version_may_be_carried_in_the_body(owner: Person) -> None:
    old = read(owner)["version"]
    assert put(owner, hours=WEEK, version=old).status_code == 200

    error_of(put(owner, hours={}, version=old), 409, "idempotency_conflict")

    assert read(owner)["hours"] == WEEK


# Who may


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.STAFF, 403), (Role.AUDITOR, 403)]
)
def test_everybody_may_read_and_whom_the_matrix_lets_may_change(practice: Account, role: Role, status: int) -> None:
    person = member(practice, role)

    assert person.ask("GET", RULES).status_code == 200
    assert person.ask("GET", RULES, **{"with": "pms"}).status_code == 200
    assert put(person, hours=WEEK).status_code == status
    assert WeeklyHours.objects.exists() is (status == 200)


@pytest.mark.django_db
def test_nobody_is_let_in_without_a_session() -> None:
    error_of(Person(None).ask("GET", RULES), 401, "session_required")
    error_of(put(Person(None), hours=WEEK), 401, "session_required")


@pytest.mark.parametrize("token", ["", "A" * 32])
def test_a_change_needs_the_sessions_csrf_token(owner: Person, token: str) -> None:
    owner.csrf = token

    error_of(put(owner, hours=WEEK), 403, "forbidden")

    assert not WeeklyHours.objects.exists()


def test_another_practices_rules_are_out_of_reach(owner: Person) -> None:
    birch = Account.objects.create(name="Birch Dental", time_zone="America/Chicago")

    error_of(put(owner, hours=WEEK, accountId=str(birch.pk)), 403, "forbidden")
    error_of(owner.ask("GET", RULES, accountId=str(birch.pk)), 403, "forbidden")

    assert not WeeklyHours.objects.exists()


# What is accepted


BAD: dict[str, tuple[Json, set[str]]] = {
    "hours that are a list": ({"hours": []}, {"hours"}),
    "a window of three times": ({"hours": {"1": [["08:00", "09:00", "10:00"]]}}, {"hours.1.0"}),
    "a number for a time": ({"hours": {"1": [[8, "12:00"]]}}, {"hours.1.0.0"}),
    "windows that overlap": ({"hours": {"1": [["08:00", "12:00"], ["11:00", "12:00"]]}}, {"hours.1"}),
    "a key that is no text to answer": ({"hours": {"\ud800": "x"}}, {"hours"}),
    "a clinician's key of two lines": ({"clinicianHours": {"a\nb": {"1": 7}}}, {"clinicianHours.1"}),
    "null for people": ({"clinicianHours": None}, {"clinicianHours"}),
    "a day that does not exist": ({"specialDays": [{"date": "2027-02-30", "windows": []}]}, {"specialDays.0.date"}),
    "a number for a day": ({"specialDays": [{"date": 7, "windows": []}]}, {"specialDays.0.date"}),
    "a day long past": ({"specialDays": [{"date": "2020-02-03", "windows": []}]}, {"specialDays.0.date"}),
    "time that is long past": (
        {"blockouts": [{"startTime": "2020-05-03T12:00:00Z", "endTime": "2020-05-03T13:00:00Z"}]},
        {"blockouts.0.endTime"},
    ),
    "a day without windows": ({"specialDays": [{"date": "2027-02-03"}]}, {"specialDays.0.windows"}),
    "days that are no list": ({"specialDays": {"date": "2027-02-03"}}, {"specialDays"}),
    "an instant without an offset": (
        {"blockouts": [BLOCKED, {**BLOCKED, "startTime": "2027-05-03T12:00:00"}]},
        {"blockouts.1.startTime"},
    ),
    "an instant before all time": (
        {"blockouts": [{**BLOCKED, "startTime": "0001-01-01T00:00:00+14:00"}]},
        {"blockouts.0.startTime"},
    ),
    "a number for an instant": ({"blockouts": [{**BLOCKED, "endTime": 7}]}, {"blockouts.0.endTime"}),
    "an end before the start": (
        {"blockouts": [{**BLOCKED, "endTime": "2027-05-03T15:00:00Z"}]},
        {"blockouts.0.endTime"},
    ),
    "a kind without a name": ({"appointmentTypes": [KIND, {"durationMinutes": 30}]}, {"appointmentTypes.1.name"}),
    "a kind with no end": ({"appointmentTypes": [{"name": "Exam"}]}, {"appointmentTypes.0.durationMinutes"}),
    "a length as text": (
        {"appointmentTypes": [{**KIND, "durationMinutes": "30"}]},
        {"appointmentTypes.0.durationMinutes"},
    ),
    "an alias that is a number": ({"appointmentTypes": [{**KIND, "aliases": [7]}]}, {"appointmentTypes.0.aliases.0"}),
    "an id that is none": ({"appointmentTypes": [{**KIND, "id": "7"}]}, {"appointmentTypes.0.id"}),
    "a mode that is none": ({"appointmentTypes": [{**KIND, "mode": "LATER"}]}, {"appointmentTypes.0.mode"}),
    "a word for a switch": ({"appointmentTypes": [{**KIND, "isActive": "no"}]}, {"appointmentTypes.0.isActive"}),
    "a room without a clinician": (
        {"appointmentTypes": [{**KIND, "resources": [{"operatoryId": "Op 1"}]}]},
        {"appointmentTypes.0.resources.0.clinicianId"},
    ),
    "half a step": ({"stepMinutes": 7.5}, {"stepMinutes"}),
    "an endless horizon": ({"maxAdvanceDays": 10**9}, {"maxAdvanceDays"}),
    "two mistakes": ({"stepMinutes": 0, "hours": {"1": "x"}}, {"stepMinutes", "hours.1"}),
}


@pytest.mark.parametrize(("changes", "fields"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_meant_is_named_by_its_field(owner: Person, changes: Json, fields: set[str]) -> None:
    before = read(owner)

    error = error_of(put(owner, **changes), 422, "validation_failed")

    assert set(error["fields"]) == fields
    assert all(error["fields"].values())
    assert read(owner) == before


def test_a_body_that_is_no_json_object_is_unreadable(owner: Person) -> None:
    for body in (b"{", b"[]"):
        error_of(owner.ask("PUT", RULES, body), 400, "arguments_unreadable")


def test_an_empty_change_changes_nothing(owner: Person) -> None:
    before = read(owner)

    assert put(owner).json() == before
    assert not SecurityEvent.objects.filter(kind="rules.changed").exists()


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_another_method_is_refused(owner: Person, method: str) -> None:
    error_of(owner.ask(method, RULES), 405, "method_not_allowed")


@pytest.mark.parametrize("name", rule_checks.SETTINGS)
def test_a_setting_has_the_same_bounds_here_and_at_setup(name: str) -> None:
    here, there = RulesChange().fields[name], Config().fields[name]

    assert (here.min_value, here.max_value) == (there.min_value, there.max_value) == rule_checks.BOUNDS[name]


# Evidence


def test_the_history_says_who_changed_what(owner: Person) -> None:
    put(owner, hours=WEEK, stepMinutes=20)

    user = User.objects.get(email="owner@alder.example")
    event = SecurityEvent.objects.get(kind="rules.changed")
    entry = LogEntry.objects.get_for_object(WeeklyHours.objects.get()).get()
    assert (event.actor, event.detail) == (f"user:{user.pk}", {"parts": "hours stepMinutes"})
    assert entry.actor == user
    assert "08:00" in entry.changes["hours"][1]
