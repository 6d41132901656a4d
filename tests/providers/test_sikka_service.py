"""The Sikka adapter against the sandbox: a server that speaks the vendor's protocol and shares no code with it."""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.domain.records import NewAppointment, PatientQuery, ResourceKind
from pms.providers.base import Capability, Done, Failed, Pending, PmsService, WriteOutcome
from pms.providers.http import HttpPool
from pms.providers.registry import PROVIDERS, available_providers, service_class
from pms.sandbox import Sandbox
from tests.providers.fakes import MemoryTokens, connection

# A Monday at eight in New York; the sandbox's own clock starts here, so that every day below is an open one.
START = datetime(2026, 5, 11, 12, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
ALDER, BIRCH, CEDAR, CLOSED = "D10001", "D20002", "D30003", "D40004"
CORA = PatientQuery("Whitfield", date(1987, 4, 12), "+12125550147")

Build = Callable[..., PmsService]
Command = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(writeback_delay=0, refresh_lag=0, start=START) as sandbox:
        yield sandbox


@pytest.fixture
def sim(running: Sandbox) -> Command:
    """The sandbox's control plane, after a reset."""

    def command(method: str, name: str, **asked: object) -> dict[str, Any]:
        query = "&".join(f"{key}={value}" for key, value in asked.items()) if method == "GET" else ""
        url = f"{running.url}/_sim/{name}" + (f"?{query}" if query else "")
        body = json.dumps(asked).encode() if method == "POST" else None
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found

    command("POST", "reset")
    return command


def copied_since(sim: Command) -> None:
    """Let so much time pass that Sikka's copy is newer than any booking of the test."""
    sim("POST", "clock", advance_seconds=600)
    sim("POST", "refresh")


@pytest.fixture
def build(running: Sandbox, sim: Command) -> Iterator[Build]:
    """Return services as an access gets them: one pool, one token store per office."""
    keys = sim("GET", "credentials")
    pool, stores = HttpPool("SIKKA"), dict[str, MemoryTokens]()

    def service(office: str = ALDER, *, seconds: float = 5.0, app_key: str = "", **config: object) -> PmsService:
        credentials = {"applicationId": keys["app_id"], "secretKey": app_key or keys["app_key"], "practiceId": office}
        link = connection(
            credentials=credentials,
            config={"baseUrl": keys["base_url"], "locationId": "", **config},
            zone=NEW_YORK,
            pool=pool,
            tokens=stores.setdefault(office, MemoryTokens(SystemClock())),
            seconds=seconds,
        )
        return service_class("SIKKA")(link)

    yield service
    pool._process().session.close()


def free_time(service: PmsService) -> NewAppointment:
    """An appointment for Cora that the PMS can take: noon, when the practice has lunch."""
    start = datetime(2026, 5, 20, 12, 0, tzinfo=NEW_YORK).astimezone(UTC)
    day = date(2026, 5, 20)
    assert not any(one.starts_at <= start < one.ends_at for one in service.list_appointments(day, day))
    return NewAppointment("1001", "DR1", "Op 3", start, 30, "3", "Toothache, since Monday!")


def follow(service: PmsService, written: object) -> WriteOutcome:
    assert isinstance(written, Pending)
    return service.follow_write(written.reference)


def asked_paths(sim: Command) -> list[str]:
    return [f"{one['method']} {one['path']}" for one in sim("GET", "requests")["requests"]]


class TestRegistry:
    def test_every_provider_of_the_enum_has_an_adapter_or_says_that_it_has_none(self) -> None:
        assert available_providers() == ("SIKKA",)
        for provider in set(PROVIDERS) - {"SIKKA"}:
            with pytest.raises(errors.NotSupported):
                service_class(provider)

    def test_facts_of_the_class(self) -> None:
        found = service_class("SIKKA")
        assert (found.provider, found.label) == ("SIKKA", "Sikka ONE")
        assert [(one.name, one.secret) for one in found.credential_fields] == [
            ("applicationId", False),
            ("secretKey", True),
            ("practiceId", False),
        ]


class TestConnecting:
    def test_report(self, build: Build) -> None:
        report = build().test_connection()
        assert (report.practice_name, report.pms_name, report.time_zone) == (
            "Alder Dental",
            "OpenDental",
            "America/New_York",
        )
        assert [one.id for one in report.locations] == ["1"]
        assert report.capabilities == set(Capability)
        assert report.data_as_of is not None
        assert timedelta(0) <= report.data_as_of - START + timedelta(minutes=1) < timedelta(minutes=5)

    def test_several_locations_are_asked_about(self, build: Build) -> None:
        with pytest.raises(errors.LocationRequired) as caught:
            build(CEDAR).test_connection()
        assert caught.value.fields == {"1-1": "Cedar Dental North", "1-2": "Cedar Dental South"}

    @pytest.mark.parametrize(("office", "config"), [(f"{CEDAR}:1-2", {}), (CEDAR, {"locationId": "1-2"})])
    def test_named_location_comes_first(self, build: Build, office: str, config: dict[str, str]) -> None:
        report = build(office, **config).test_connection()
        assert [one.id for one in report.locations] == ["1-2", "1-1"]
        assert (report.practice_name, report.time_zone) == ("Cedar Dental South", "America/Chicago")

    def test_unknown_location(self, build: Build) -> None:
        with pytest.raises(errors.CredentialsRejected):
            build(f"{CEDAR}:9").test_connection()

    @pytest.mark.parametrize("office", [CLOSED, "D1", "1"])
    def test_row_6_office_that_is_not_ours(self, build: Build, office: str) -> None:
        with pytest.raises(errors.CredentialsRejected):
            build(office).test_connection()

    def test_wrong_application_key(self, build: Build) -> None:
        with pytest.raises(errors.CredentialsRejected):
            build(app_key="another").test_connection()

    def test_scope_limits_the_capabilities(self, build: Build, sim: Command) -> None:
        sim("POST", "config", scope="practices,providers,operatories,appointments,writeback_status")
        found = build().test_connection().capabilities
        assert found == {Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS}

    def test_capabilities_that_were_found_are_kept_to_before_any_call(self, build: Build, sim: Command) -> None:
        service = build(capabilities=["read_patients"])
        sim("DELETE", "requests")
        day = date(2026, 5, 12)
        new = NewAppointment("1001", "DR1", "Op 3", START, 30)
        for call in (
            service.list_clinicians,
            service.list_operatories,
            service.list_appointment_types,
            service.list_appointment_statuses,
            lambda: service.list_schedules(day, day),
            lambda: service.list_appointments(day, day),
            lambda: service.book_appointment(new),
            lambda: service.follow_write("1"),
            lambda: service.find_booking(new, sent_at=START),
        ):
            with pytest.raises(errors.NotSupported):
                call()
        assert asked_paths(sim) == []
        assert service.get_patient("1001").id == "1001"


class TestReading:
    def test_clinicians(self, build: Build) -> None:
        found = {one.id: (one.name, one.is_active) for one in build().list_clinicians()}
        assert found["DR1"] == ("Dr. Imogen Tarkowski", True)
        assert found["HY1"] == ("Perpetua Lindqvist", True)
        assert found["DR9"] == ("Dr. Leopold Vantongeren", False)
        assert "ST1" not in found

    @pytest.mark.parametrize(
        ("office", "rooms"),
        [
            (ALDER, ["Hyg 1", "Hyg 2", "Op 1", "Op 2", "Op 3"]),
            (BIRCH, ["Hyg 1", "Op 1"]),
            (f"{CEDAR}:1-2", ["South 1"]),
        ],
    )
    def test_operatories_of_the_location_without_hidden_ones(self, build: Build, office: str, rooms: list[str]) -> None:
        assert sorted(one.id for one in build(office).list_operatories()) == rooms

    def test_types_and_statuses(self, build: Build) -> None:
        types = {one.value: one.name for one in build().list_appointment_types()}
        assert types["2"] == "Cleaning"
        statuses = build().list_appointment_statuses()
        assert "Broken" in statuses
        assert "Appointment Confirmed" not in statuses, "these are of another service_item"

    def test_schedules(self, build: Build) -> None:
        """Row 9: hours come from the practice, in both time formats, and not from a constant."""
        first, last = date(2026, 5, 18), date(2026, 5, 24)
        found = build().list_schedules(first, last)
        assert {one.day for one in found} == {first + timedelta(days=number) for number in range(7)}
        hours = {(one.kind, one.resource_id, one.day): one.windows for one in found}
        friday = hours[ResourceKind.PRACTICE, "1", date(2026, 5, 22)]
        assert [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in friday] == ["08:00-13:00"]
        assert hours[ResourceKind.PRACTICE, "1", date(2026, 5, 23)] == ()
        late = hours[ResourceKind.CLINICIAN, "DR2", date(2026, 5, 18)]
        assert [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in late] == ["09:00-12:00", "13:00-17:00"]

    def test_schedules_of_another_location_are_left_out(self, build: Build) -> None:
        day = date(2026, 5, 18)
        found = build(f"{CEDAR}:1-2").list_schedules(day, day)
        assert {one.resource_id for one in found} == {"1-2", "DR2", "South 1"}

    def test_appointments_are_all_of_the_window(self, build: Build, sim: Command) -> None:
        first, last = date(2026, 5, 11), date(2026, 6, 5)
        truth = sim("GET", "truth", office_id=ALDER)["appointments"]
        rows = {
            row["appointment_sr_no"]: row for row in truth if first.isoformat() <= row["date"][:10] <= last.isoformat()
        }
        found = {one.id: one for one in build().list_appointments(first, last)}
        assert found.keys() == rows.keys()
        assert len(found) > 50
        for number, one in found.items():
            local = one.starts_at.astimezone(NEW_YORK)
            assert f"{local:%Y-%m-%dT00:00:00} {local:%H:%M}" == f"{rows[number]['date']} {rows[number]['time']}"
            assert (one.ends_at - one.starts_at).total_seconds() == int(rows[number]["length"]) * 60

    def test_appointments_are_asked_for_without_names(self, build: Build, sim: Command) -> None:
        build().list_appointments(date(2026, 5, 11), date(2026, 5, 11), patient_id="1001")
        query = sim("GET", "requests")["requests"][-1]["query"]
        assert query["lightweight"] == "true"
        assert "operatory" in query["fields"]
        assert not {"patient_name", "note", "description"} & set(query["fields"].split(","))

    def test_appointments_of_one_patient(self, build: Build) -> None:
        found = build().list_appointments(date(2026, 4, 1), date(2026, 6, 30), patient_id="1010")
        assert found
        assert {one.patient_id for one in found} == {"1010"}

    def test_patient_and_no_patient(self, build: Build) -> None:
        one = build().get_patient("1001")
        assert (one.first_name, one.last_name, one.phones) == ("Cora", "Whitfield", ("+12125550147",))
        with pytest.raises(errors.PatientNotFound):
            build().get_patient("999999")

    def test_row_6_same_ids_in_two_offices_are_different_people(self, build: Build) -> None:
        assert build(ALDER).get_patient("1001").last_name == "Whitfield"
        assert build(BIRCH).get_patient("1001").last_name == "Achterberg"

    def test_search_gathers_candidates_once(self, build: Build) -> None:
        found = [one.id for one in build().search_patients(CORA)]
        assert {"1001", "1002", "1003"} <= set(found)
        assert len(found) == len(set(found))

    def test_search_asks_the_same_whoever_is_on_file(self, build: Build, sim: Command) -> None:
        questions = []
        for query in (CORA, PatientQuery("Nobody", date(1911, 1, 1), "+12125550199")):
            service = build(locationId="1")
            service.get_patient("1001")
            sim("DELETE", "requests")
            service.search_patients(query)
            log = sim("GET", "requests")["requests"]
            questions.append([(one["path"], sorted(one["query"]), one["query"]["limit"]) for one in log])
        assert questions[0] == questions[1]
        assert len(questions[0]) == 5
        assert {limit for _, _, limit in questions[0]} == {"50"}

    def test_search_without_a_phone_finds_by_birth_date(self, build: Build) -> None:
        """The misheard name finds nobody; the date does."""
        found = build().search_patients(PatientQuery("Witfeeld", date(1987, 4, 12)))
        assert "1001" in {one.id for one in found}

    def test_rate_limit_that_outlasts_the_caller(self, build: Build, sim: Command) -> None:
        service = build()
        service.get_patient("1001")
        sim("POST", "config", rate_limit=1)
        with pytest.raises(errors.PmsRateLimited) as caught:
            service.get_patient("1001")
        assert 0 < (caught.value.retry_after_seconds or 0) <= 60

    def test_row_11_nothing_reaches_the_log(self, build: Build, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            service = build()
            service.search_patients(CORA)
            service.book_appointment(free_time(service))
        assert caplog.records == []


class TestBooking:
    def test_row_1_and_3_pending_until_the_office_has_it(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=60)
        service = build()
        written = service.book_appointment(free_time(service))
        assert isinstance(follow(service, written), Pending)
        sim("POST", "clock", advance_seconds=61)
        done = follow(service, written)
        assert isinstance(done, Done)
        assert isinstance(written, Pending)
        assert done.record_id != written.reference
        rows = sim("GET", "truth", office_id=ALDER, patient_id="1001")["appointments"]
        row = next(row for row in rows if row["appointment_sr_no"] == done.record_id)
        assert (row["date"], row["time"], row["length"]) == ("2026-05-20T00:00:00", "12:00", "30")
        assert (row["provider_id"], row["operatory"], row["type"]) == ("DR1", "Op 3", "Emergency")
        assert row["description"] == "Toothache since Monday"
        day = date(2026, 5, 20)
        assert done.record_id in {one.id for one in service.list_appointments(day, day)}

    def test_body_as_it_went_out(self, build: Build, sim: Command) -> None:
        service = build()
        service.book_appointment(free_time(service))
        sent = sim("GET", "requests")["requests"][-1]
        assert (sent["method"], sent["path"]) == ("POST", "/v4/appointment")
        assert sent["body"]["check_spu"] == "true"
        assert "request-key" in sent["headers"]
        assert not {"app-id", "app-key"} & set(sent["headers"])

    def test_done_without_an_id_is_done_without_an_id(self, build: Build, sim: Command) -> None:
        sim("POST", "config", tell_created_id=False)
        service = build()
        assert follow(service, service.book_appointment(free_time(service))) == Done("")

    def test_row_2_refusal_by_the_office_is_a_failure(self, build: Build, sim: Command) -> None:
        sim("POST", "fail_write", result="Provider does not exist")
        service = build()
        assert follow(service, service.book_appointment(free_time(service))) == Failed("refused_by_pms")

    def test_taken_time_is_a_conflict(self, build: Build, sim: Command) -> None:
        service = build()
        new = free_time(service)
        sim("POST", "steal", office_id=ALDER, provider_id="DR1", operatory="Op 3", date="2026-05-20", time="12:00")
        outcome = follow(service, service.book_appointment(new))
        assert outcome == Failed("already_scheduled", conflict=True)

    def test_offline_office_takes_nothing(self, build: Build, sim: Command) -> None:
        sim("POST", "office", office_id=ALDER, online=False)
        service = build()
        with pytest.raises(errors.OfficeOffline):
            service.book_appointment(free_time(service))
        assert sim("GET", "writebacks")["writebacks"] == []

    def test_refused_request_is_rejected(self, build: Build) -> None:
        service = build()
        with pytest.raises(errors.WriteRejected):
            service.book_appointment(replace(free_time(service), patient_id=""))

    @pytest.mark.parametrize("fault", [{"error_code": "API2001"}, {"kind": "html", "status": 502}, {"kind": "drop"}])
    def test_server_error_is_unknown_and_never_sent_twice(
        self, build: Build, sim: Command, fault: dict[str, object]
    ) -> None:
        service = build()
        new = free_time(service)
        sim("POST", "fail", path="/v4/appointment", **fault)
        sim("DELETE", "requests")
        with pytest.raises(errors.OutcomeUnknown):
            service.book_appointment(new)
        assert asked_paths(sim) == ["POST /v4/appointment"]
        copied_since(sim)
        assert build().find_booking(new, sent_at=START) is None

    def test_row_1_status_that_cannot_be_asked_is_never_done(self, build: Build, sim: Command) -> None:
        service = build()
        written = service.book_appointment(free_time(service))
        for fault, expected in (
            ({"error_code": "API2004"}, errors.NotEntitled),
            ({"kind": "html", "status": 403}, errors.PmsUnavailable),
            ({"error_code": "API2001"}, errors.PmsUnavailable),
            ({"kind": "text", "status": 200}, errors.UpstreamInvalid),
        ):
            sim("POST", "fail", path="/v4/writeback_status", **fault)
            with pytest.raises(expected):
                follow(service, written)
        sim("POST", "fail", path="/v4/writeback_status", kind="timeout", hold_seconds=2)
        with pytest.raises(errors.BudgetSpent):
            follow(build(seconds=0.4), written)
        assert isinstance(follow(service, written), Done)

    def test_unknown_reference_is_pending(self, build: Build) -> None:
        assert build().follow_write("1") == Pending("1")

    def test_reference_of_another_office_tells_nothing(self, build: Build) -> None:
        service = build()
        written = service.book_appointment(free_time(service))
        assert follow(build(BIRCH), written) == written

    def test_row_5_key_that_expires_between_two_calls(self, build: Build, sim: Command) -> None:
        service = build()
        new = free_time(service)
        sim("POST", "expire_key", office_id=ALDER)
        sim("DELETE", "requests")
        assert isinstance(follow(service, service.book_appointment(new)), Done)
        assert asked_paths(sim) == [
            "POST /v4/appointment",
            "POST /v4/request_key",
            "POST /v4/appointment",
            "GET /v4/writeback_status",
        ]
        assert len(sim("GET", "writebacks")["writebacks"]) == 1


class TestLostBooking:
    """The answer was lost: the appointment may or may not be there."""

    def lose(self, service: PmsService, sim: Command) -> NewAppointment:
        new = free_time(service)
        sim("POST", "lose_answer", times=1)
        with pytest.raises(errors.OutcomeUnknown):
            service.book_appointment(new)
        return new

    def test_found_among_the_write_backs(self, build: Build, sim: Command) -> None:
        sim("POST", "config", writeback_delay=60)
        new = self.lose(build(), sim)
        pending = build().find_booking(new, sent_at=START)
        assert isinstance(pending, Pending)
        sim("POST", "clock", advance_seconds=61)
        done = build().find_booking(new, sent_at=START)
        assert isinstance(done, Done)
        assert done.record_id not in ("", pending.reference)

    def test_found_as_failed(self, build: Build, sim: Command) -> None:
        sim("POST", "fail_write", result="Appointment already scheduled")
        new = self.lose(build(), sim)
        assert build().find_booking(new, sent_at=START) == Failed("already_scheduled", conflict=True)

    def test_write_backs_of_another_office_are_not_ours(self, build: Build, sim: Command) -> None:
        new = self.lose(build(), sim)
        copied_since(sim)
        assert build(BIRCH).find_booking(new, sent_at=START) is None

    def test_absence_from_a_copy_that_is_older_proves_nothing(self, build: Build) -> None:
        new = free_time(build())
        with pytest.raises(errors.PmsUnavailable):
            build().find_booking(new, sent_at=START)

    def test_what_belongs_to_another_booking_of_ours_is_not_found_again(self, build: Build, sim: Command) -> None:
        service = build()
        new = free_time(service)
        written = service.book_appointment(new)
        done = follow(service, written)
        assert isinstance(written, Pending)
        assert isinstance(done, Done)
        copied_since(sim)
        others = frozenset({written.reference, done.record_id})
        assert build().find_booking(new, sent_at=START) == done
        assert build().find_booking(new, sent_at=START, others=others) is None

    def test_older_success_counts_more_than_the_newest_failure(self, build: Build, sim: Command) -> None:
        """The same booking went out twice: the second was refused because the first is there."""
        service = build()
        new = free_time(service)
        first = follow(service, service.book_appointment(new))
        sim("POST", "lose_answer", times=1)
        with pytest.raises(errors.OutcomeUnknown):
            service.book_appointment(new)
        assert build().find_booking(new, sent_at=START) == first

    def test_found_by_reading_back(self, build: Build, sim: Command) -> None:
        new = free_time(build())
        made = sim(
            "POST",
            "steal",
            office_id=ALDER,
            provider_id="DR1",
            operatory="Op 3",
            date="2026-05-20",
            time="12:00",
            patient_id="1001",
            cloud=True,
        )
        copied_since(sim)
        assert build().find_booking(new, sent_at=START) == Done(made["appointment_sr_no"])
        assert build().find_booking(replace(new, patient_id="1003"), sent_at=START) is None
        assert build().find_booking(replace(new, operatory_id="Op 2"), sent_at=START) is None

    @pytest.mark.parametrize("path", ["/v4/writebacks", "/v4/writeback_status", "/v4/appointments"])
    @pytest.mark.parametrize("code", ["API2004", "API2001", "API1026"])
    def test_nothing_is_certain_while_one_of_them_cannot_be_asked(
        self, build: Build, sim: Command, path: str, code: str
    ) -> None:
        new = self.lose(build(), sim) if path == "/v4/writeback_status" else free_time(build())
        sim("POST", "fail", path=path, error_code=code, times=3)
        with pytest.raises(errors.PmsUnavailable):
            build().find_booking(new, sent_at=START)


def test_a_slow_vendor_ends_with_the_budget(build: Build, sim: Command) -> None:
    build().get_patient("1001")
    sim("POST", "config", latency=1)
    begin = time.monotonic()
    with pytest.raises(errors.BudgetSpent):
        build(seconds=0.4).search_patients(CORA)
    assert time.monotonic() - begin < 0.9
