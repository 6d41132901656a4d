"""Why a time is not offered, over REST: every start of a day, with its reason and what is in the way."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.roles import Role
from pms.domain.localtime import local_date_of
from pms.models import AppointmentType, Blockout, BookingMode, ConnectionStatus, PmsAuditLog, PmsIntegration
from pms.sandbox import Sandbox
from pms.scheduling.reasons import Reason
from pms.services import explaining
from pms.services.circuit import FAILURES
from tests import agreement
from tests.api.test_setup import Person, error_of, member
from tests.conftest import Sim
from tests.talking import (
    ALDER,
    NEW_YORK,
    Caller,
    asked_of_the_pms,
    made_at_the_desk,
    quiet_day,
    slow_office,
)

OPENINGS = "/api/pms/openings"

Json = dict[str, Any]


@pytest.fixture
def staff(practice: Account) -> Person:
    return member(practice, Role.STAFF)


def ask(person: Person, **query: str) -> Any:
    asked = {"date": quiet_day().isoformat(), "appointmentType": "cleaning", **query}
    return person.ask("GET", OPENINGS, **{name: value for name, value in asked.items() if value})


def told(person: Person, **query: str) -> Json:
    response = ask(person, **query)
    assert response.status_code == 200, response.content
    found: Json = response.json()
    return found


def at(hour: int, minute: int = 0) -> datetime:
    return datetime.combine(quiet_day(), time(hour, minute), tzinfo=NEW_YORK)


def start(found: Json, hour: int, minute: int = 0) -> Json:
    """Return what is told of one start."""
    [one] = [one for one in found["times"] if datetime.fromisoformat(one["startTime"]) == at(hour, minute)]
    return one


def why(found: Json) -> list[str]:
    return [one["code"] for one in found["bookable"]["reasons"]]


def test_every_start_of_the_day_is_told_once_and_in_order(staff: Person) -> None:
    found = told(staff)

    starts = [one["startTime"] for one in found["times"]]
    assert (found["success"], found["date"], found["appointmentType"]) == (True, quiet_day().isoformat(), "Cleaning")
    assert found["bookable"] == {"mode": "DIRECT", "reasons": []}
    assert found["day"] == {"reason": None}
    assert starts == sorted(set(starts))
    assert start(found, 9) == {
        "startTime": starts[2],
        "offered": True,
        "providerId": "HY1",
        "providerName": "Perpetua Lindqvist",
        "operatoryId": "Hyg 1",
    }
    assert start(found, 11, 30) == {
        "startTime": start(found, 11, 30)["startTime"],
        "offered": False,
        "reason": {"code": "does_not_fit", "text": explaining.TEXTS[Reason.DOES_NOT_FIT]},
    }


def test_what_is_offered_to_a_caller_is_what_is_told_to_be_offered(practice: Account, staff: Person) -> None:
    made = Caller(practice).use("checkAvailability", appointmentType="cleaning", date=quiet_day().isoformat())

    offered = [datetime.fromisoformat(one["startTime"]) for one in told(staff)["times"] if one["offered"]]

    assert made.answer is not None
    assert offered == [slot["startTime"] for slot in made.answer.data["slots"]]


def test_every_reason_has_a_plain_sentence() -> None:
    assert set(explaining.TEXTS) == set(Reason)
    for text in (*explaining.TEXTS.values(), *explaining.HINDRANCES.values(), explaining.NOT_READ):
        assert text[0].isupper()
        assert text.endswith(".")
        assert text.count(".") == 1
        assert "_" not in text


class TestWhatIsInTheWay:
    def test_of_an_appointment_is_told_by_its_time_and_whose_it_is(self, staff: Person, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox)

        found = start(told(staff, providerId="HY1"), 9, 30)

        assert found["reason"] == {"code": "clinician_busy", "text": explaining.TEXTS[Reason.CLINICIAN_BUSY]}
        [row] = found["inTheWay"]
        assert (row["kind"], row["whose"]) == ("appointment", ["Perpetua Lindqvist", "Hyg 1"])
        times = [datetime.fromisoformat(row[name]) for name in ("startTime", "endTime")]
        assert times == [at(9), at(10)]

    def test_names_no_patient(self, staff: Person, sandbox: Sandbox, sim: Sim) -> None:
        made_at_the_desk(sandbox)

        raw = ask(staff, providerId="HY1").content.decode()

        patients = sim("GET", "truth", office_id=ALDER)["patients"]
        people = {row["lastname"] for row in patients} - {"Lindqvist", "Bellweather"}
        assert len(people) > 20
        assert not [name for name in people if name in raw]
        assert '"1001"' not in raw

    def test_of_the_room_alone_is_the_room(self, staff: Person, sim: Sim) -> None:
        day = quiet_day().isoformat()
        sim("POST", "steal", office_id=ALDER, provider_id="DR1", operatory="Hyg 1", date=day, time="09:00", cloud=True)

        found = start(told(staff, providerId="HY1"), 9)

        assert found["reason"]["code"] == "room_busy"
        assert found["inTheWay"][0]["whose"] == ["Dr. Imogen Tarkowski", "Hyg 1"]

    def test_of_a_blockout_is_blocked(self, practice: Account, staff: Person) -> None:
        Blockout.objects.create(account=practice, starts_at=at(9), ends_at=at(12), label="Cora's birthday")

        response = ask(staff)

        found = start(response.json(), 10)
        assert found["reason"]["code"] == "blockout"
        [row] = found["inTheWay"]
        assert (row["kind"], row["whose"]) == ("blockout", [])
        assert "birthday" not in response.content.decode()

    def test_of_a_booking_on_its_way_is_ours(
        self, practice: Account, staff: Person, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow_office(sim, monkeypatch)
        Caller(practice).verified().book("09:00", providerId="HY1")

        found = start(told(staff, providerId="HY1"), 9)

        assert found["reason"]["code"] == "hold"
        assert [row["kind"] for row in found["inTheWay"]] == ["booking"]

    def test_is_told_of_everybody_who_could_do_it(self, staff: Person, sim: Sim) -> None:
        day = quiet_day().isoformat()
        for who, room in (("HY1", "Hyg 1"), ("HY2", "Hyg 2")):
            sim("POST", "steal", office_id=ALDER, provider_id=who, operatory=room, date=day, time="09:00", cloud=True)

        found = start(told(staff), 9)

        assert [row["whose"][0] for row in found["inTheWay"]] == ["Perpetua Lindqvist", "Casimir Bellweather"]

    def test_of_a_buffer_is_the_row_beside_it(self, practice: Account, staff: Person, sandbox: Sandbox) -> None:
        AppointmentType.objects.filter(account=practice, name="Cleaning").update(buffer_after_minutes=15)
        made_at_the_desk(sandbox)

        found = start(told(staff, providerId="HY1"), 8)

        assert found["reason"]["code"] == "buffer"
        assert datetime.fromisoformat(found["inTheWay"][0]["startTime"]) == at(9)


class TestDay:
    def test_that_is_closed_says_so(self, staff: Person) -> None:
        found = told(staff, date=quiet_day(6).isoformat())

        assert found["times"] == []
        assert found["day"]["reason"] == {"code": "closed", "text": explaining.TEXTS[Reason.CLOSED]}

    def test_whose_hours_nobody_knows_says_so(self, staff: Person, sim: Sim) -> None:
        sim("POST", "fail", path="/v4/practice_schedule", status=204, times=99)

        assert told(staff)["day"]["reason"]["code"] == "no_hours"

    def test_beyond_the_horizon_says_so_at_every_start(self, staff: Person) -> None:
        far = local_date_of(timezone.now(), NEW_YORK) + timedelta(days=91)

        found = told(staff, date=(far + timedelta(days=(1 - far.weekday()) % 7)).isoformat())

        assert {one["reason"]["code"] for one in found["times"]} == {"horizon"}
        assert found["day"]["reason"]["code"] == "horizon"

    def test_that_is_over_was_too_soon(self, staff: Person) -> None:
        today = local_date_of(timezone.now(), NEW_YORK)
        tuesday = today - timedelta(days=(today.weekday() - 1) % 7 or 7)

        found = told(staff, date=tuesday.isoformat())

        assert {one["reason"]["code"] for one in found["times"]} <= {"notice"}

    def test_with_somebody_who_does_not_do_it_has_nobody(self, staff: Person) -> None:
        found = told(staff, providerId="DR1")

        assert (found["times"], found["day"]["reason"]["code"]) == ([], "no_mapping")


class TestKind:
    def test_may_be_named_by_id_name_or_alias(self, practice: Account, staff: Person) -> None:
        cleaning = AppointmentType.objects.get(account=practice, name="Cleaning")

        for said in (str(cleaning.pk), cleaning.pk.hex, "CLEANING", "check up"):
            assert told(staff, appointmentType=said)["appointmentType"] == "Cleaning"

    @pytest.mark.parametrize(
        ("changes", "codes"),
        [
            ({"mode": BookingMode.REQUEST}, ["type_on_request"]),
            ({"mode": BookingMode.OFF}, ["type_off"]),
            ({"is_active": False}, ["type_inactive"]),
            ({"is_active": False, "mode": BookingMode.OFF}, ["type_inactive", "type_off"]),
        ],
    )
    def test_that_is_not_booked_directly_is_explained_all_the_same(
        self, practice: Account, staff: Person, changes: Json, codes: list[str]
    ) -> None:
        AppointmentType.objects.filter(account=practice, name="Cleaning").update(**changes)

        found = told(staff)

        assert why(found) == codes
        assert start(found, 9)["offered"] is True

    def test_that_is_switched_off_gives_way_to_one_that_is_on(self, practice: Account, staff: Person) -> None:
        AppointmentType.objects.create(account=practice, name="Clean-ing", duration_minutes=30, is_active=False)

        assert told(staff)["appointmentType"] == "Cleaning"


class TestBooking:
    def test_that_is_switched_off_or_paused_is_said(self, practice: Account, staff: Person) -> None:
        PmsIntegration.objects.update(features={"booking": False})
        Account.objects.update(is_paused=True)

        found = told(staff)

        assert why(found) == ["paused", "booking_off"]
        assert found["times"]

    def test_online_that_is_not_allowed_is_said(self, practice: Account, staff: Person) -> None:
        integration = practice.integrations.get()
        integration.config = {**(integration.config or {}), "allowOnlineBooking": False}
        integration.save()

        assert why(told(staff)) == ["booking_off"]

    def test_from_an_old_copy_is_said_with_its_age(self, practice: Account, staff: Person, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, copying=False)
        sim("POST", "clock", advance_seconds=60)
        integration = practice.integrations.get()
        integration.config = {**(integration.config or {}), "maxDataAgeMinutes": 15}
        integration.last_sync_at = timezone.now() - timedelta(hours=5)
        integration.checked_at = timezone.now()
        integration.save()

        [reason] = told(staff)["bookable"]["reasons"]

        assert reason["code"] == "copy_too_old"
        assert "is 5 hours old" in reason["text"]

    def test_at_an_office_that_is_offline_is_said(self, practice: Account, staff: Person, sim: Sim) -> None:
        sim("POST", "office", office_id=ALDER, online=False)
        PmsIntegration.objects.update(office_offline_at=timezone.now(), checked_at=timezone.now())

        assert why(told(staff)) == ["office_offline"]

    def test_at_an_office_that_is_back_is_not_held_against_it(self, practice: Account, staff: Person) -> None:
        long_ago = timezone.now() - timedelta(minutes=5)
        PmsIntegration.objects.update(office_offline_at=long_ago, checked_at=long_ago)

        assert why(told(staff)) == []

    def test_without_an_active_connection_asks_nothing(self, practice: Account, staff: Person, sim: Sim) -> None:
        PmsIntegration.objects.update(status=ConnectionStatus.ERROR)
        sim("DELETE", "requests")

        found = told(staff)

        assert why(found) == ["connection_inactive"]
        assert (found["times"], found["day"]["reason"]["code"]) == ([], "not_read")
        assert asked_of_the_pms(sim) == []

    def test_without_the_agreement_asks_nothing(self, practice: Account, staff: Person, sim: Sim) -> None:
        agreement.outdate("2020-01")
        sim("DELETE", "requests")

        found = told(staff)

        assert why(found) == ["agreement_missing"]
        assert found["times"] == []
        assert asked_of_the_pms(sim) == []

    def test_at_a_system_that_is_left_alone_is_said(self, practice: Account, staff: Person, sim: Sim) -> None:
        sim("POST", "fail", status=500, times=99)
        for _ in range(FAILURES):
            error_of(ask(staff), 503, "pms_unavailable")

        found = told(staff)

        assert why(found) == ["circuit_open"]
        assert (found["times"], found["day"]["reason"]["code"]) == ([], "not_read")


# Who may, and what is accepted


@pytest.mark.parametrize("role", Role.values)
def test_every_member_may_ask(practice: Account, role: str) -> None:
    assert ask(member(practice, role)).status_code == 200


@pytest.mark.django_db
def test_nobody_is_let_in_without_a_session() -> None:
    error_of(ask(Person(None)), 401, "session_required")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"date": ""}, "date"),
        ({"date": "soon"}, "date"),
        ({"date": "0001-01-01"}, "date"),
        ({"date": "9999-12-31"}, "date"),
        ({"appointmentType": ""}, "appointmentType"),
        ({"appointmentType": "root canal"}, "appointmentType"),
        ({"appointmentType": "123"}, "appointmentType"),
        ({"providerId": "x" * 129}, "providerId"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_field(staff: Person, sim: Sim, query: Json, field: str) -> None:
    sim("DELETE", "requests")

    assert set(error_of(ask(staff, **query), 422, "validation_failed")["fields"]) == {field}
    assert asked_of_the_pms(sim) == []


def test_a_kind_of_another_practice_is_nobodys(staff: Person) -> None:
    birch = Account.objects.create(name="Birch Dental", time_zone="America/Chicago")
    stranger = AppointmentType.objects.create(account=birch, name="Sedation", duration_minutes=30)

    for said in (str(stranger.pk), "Sedation"):
        error_of(ask(staff, appointmentType=said), 422, "validation_failed")


def test_asking_is_one_access_in_the_evidence(staff: Person) -> None:
    found = told(staff)

    row = PmsAuditLog.objects.get(action="explainOpenings")
    offered = sum(one["offered"] for one in found["times"])
    assert (row.phi_accessed, row.success, row.endpoint) == (True, True, "/api/pms/openings")
    summary = json.loads(row.request_summary or "")
    assert (summary["slots"], summary["refused"]) == (offered, len(found["times"]) - offered)
