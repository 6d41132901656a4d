"""The Sikka adapter against the sandbox: a server that speaks the vendor's protocol and shares no code with it."""

from __future__ import annotations

import time
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import (
    AppointmentStatus,
    MovedAppointment,
    NewAppointment,
    NewPatient,
    PatientQuery,
    ResourceKind,
    StatusChange,
)
from pms.providers.base import Capability
from pms.providers.registry import PROVIDERS, available_providers, service_class
from tests.providers.fakes import MemoryMeter
from tests.providers.office import (
    ALDER,
    BIRCH,
    CEDAR,
    CLOSED,
    CORA,
    DAY,
    NEW_YORK,
    START,
    Build,
    Command,
    asked_paths,
    at,
    booked,
    copied_since,
)


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
        assert report.capabilities == set(Capability) - {Capability.UPDATE_PATIENT, Capability.ADD_INSURANCE}
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

        for call in (
            service.list_clinicians,
            service.list_operatories,
            service.list_appointment_types,
            service.list_appointment_statuses,
            lambda: service.list_schedules(DAY, DAY),
            lambda: service.list_appointments(DAY, DAY),
            lambda: service.get_appointment("70670"),
            lambda: service.book_appointment(NewAppointment("1001", "DR1", "Op 3", START, 30)),
            lambda: service.move_appointment(MovedAppointment("70670", "1001", "DR1", "Op 3", START, 30)),
            lambda: service.change_status(StatusChange("70670", "1001", START, AppointmentStatus.CANCELLED)),
            lambda: service.change_status(StatusChange("70670", "1001", START, AppointmentStatus.CONFIRMED)),
            lambda: service.create_patient(NewPatient("Ada", "Example", date(1990, 1, 31), "DR1")),
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

    def test_appointments_with_details_say_who_and_why(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)

        [one] = [row for row in service.list_appointments(DAY, DAY, details=True) if row.id == number]

        assert (one.patient_name, one.note) == ("Cora Whitfield", "Toothache since Monday")
        assert "Cora" not in repr(one)

    def test_one_appointment_is_read_by_its_id(self, build: Build, sim: Command) -> None:
        service = build()
        number = booked(service)
        sim("DELETE", "requests")

        one = service.get_appointment(number)

        [asked] = sim("GET", "requests")["requests"]
        assert (one.id, one.patient_id, one.starts_at, one.ends_at) == (number, "1001", at(12), at(12, 30))
        assert (one.patient_name, one.note) == ("Cora Whitfield", "Toothache since Monday")
        assert (asked["query"]["appointment_sr_no"], asked["query"]["practice_id"]) == (number, "1")

    @pytest.mark.parametrize("number", ["1", "", "nobody's"])
    def test_an_appointment_that_is_not_there_is_not_found(self, build: Build, number: str) -> None:
        with pytest.raises(errors.AppointmentNotFound):
            build().get_appointment(number)

    def test_a_copy_shows_what_was_done_before_it_and_nothing_later(self, build: Build, sim: Command) -> None:
        sim("POST", "config", refresh_lag=900)
        service = build()

        shown = service.shows(START - timedelta(minutes=2))
        not_yet = service.shows(START + timedelta(minutes=5))
        copied_since(sim)

        assert (shown, not_yet) == (True, False)
        assert service.shows(START + timedelta(minutes=5))

    def test_a_copy_that_is_being_replaced_shows_nothing_for_certain(self, build: Build, sim: Command) -> None:
        copied_since(sim)
        sim("POST", "config", data_insert="in progress")
        service = build()

        service.get_patient("1001")

        assert not service.shows(START)

    def test_appointments_of_one_patient(self, build: Build) -> None:
        found = build().list_appointments(date(2026, 4, 1), date(2026, 6, 30), patient_id="1010")
        assert found
        assert {one.patient_id for one in found} == {"1010"}

    def test_patient_and_no_patient(self, build: Build) -> None:
        one = build().get_patient("1001")
        assert (one.first_name, one.last_name, one.phones) == ("Cora", "Whitfield", ("+12125550147",))
        with pytest.raises(errors.PatientNotFound):
            build().get_patient("999999")

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


class TestLimits:
    def test_jobs_leave_the_last_third_of_a_minute_to_live_calls(self, build: Build, sim: Command) -> None:
        sim("POST", "config", rate_limit=10)

        for _ in range(7):
            build(is_live=False, locationId="1").get_patient("1001")
        with pytest.raises(errors.PmsRateLimited):
            build(is_live=False, locationId="1").get_patient("1001")
        by_jobs = asked_paths(sim).count("GET /v4/patients")
        for _ in range(3):
            build(locationId="1").get_patient("1001")

        assert by_jobs == 7
        with pytest.raises(errors.PmsRateLimited):
            build(locationId="1").get_patient("1001")

    def test_a_used_up_day_is_noted_until_the_practices_midnight(
        self, build: Build, sim: Command, meter: MemoryMeter
    ) -> None:
        sim("POST", "fail", path="/v4/patients", error_code="API2012", times=2)

        with pytest.raises(errors.PmsRateLimited):
            build(locationId="1").get_patient("1001")

        [(scope, quota)] = meter.notes
        assert scope == f"{ALDER}/day"
        assert (quota.share_left, quota.resets_at) == (0.0, at(0, day=date(2026, 5, 12)))


def test_a_slow_vendor_ends_with_the_budget(build: Build, sim: Command) -> None:
    build().get_patient("1001")
    sim("POST", "config", latency=5)
    begin = time.monotonic()
    with pytest.raises(errors.BudgetSpent):
        build(seconds=0.4).search_patients(CORA)
    assert time.monotonic() - begin < 2.5


class TestHealth:
    def test_tells_when_the_copy_was_taken_and_that_the_computer_is_there(self, build: Build, sim: Command) -> None:
        sim("POST", "clock", advance_seconds=7200)
        before = build().health()

        sim("POST", "refresh", office_id=ALDER)
        after = build().health()

        assert before.data_as_of is not None
        assert after.data_as_of is not None
        assert after.data_as_of - before.data_as_of >= timedelta(hours=1, minutes=55)
        assert (before.office_is_offline, after.office_is_offline) == (False, False)

    def test_tells_when_the_computer_is_offline(self, build: Build, sim: Command) -> None:
        sim("POST", "office", office_id=ALDER, online=False)

        assert build().health().office_is_offline is True
        assert build(BIRCH, zone=ZoneInfo("America/Los_Angeles")).health().office_is_offline is False

    @pytest.mark.parametrize("path", ["/v4/data_sync_status", "/v4/health_check"])
    def test_stands_where_a_list_about_the_computer_is_not_given(self, build: Build, sim: Command, path: str) -> None:
        sim("POST", "fail", path=path, error_code="API2004", times=9)

        found = build().health()

        assert found.data_as_of is not None
        assert found.office_is_offline is False

    def test_does_not_guess_where_neither_list_is_given(self, build: Build, sim: Command) -> None:
        for path in ("/v4/data_sync_status", "/v4/health_check"):
            sim("POST", "fail", path=path, status=500, times=9)

        found = build().health()

        assert found.data_as_of is not None
        assert found.office_is_offline is None

    def test_fails_where_the_copy_cannot_be_asked_about(self, build: Build, sim: Command) -> None:
        sim("POST", "fail", path="/v4/authorized_practices", status=500, times=9)

        with pytest.raises(errors.PmsUnavailable):
            build().health()

    def test_is_of_the_named_location(self, build: Build, sim: Command) -> None:
        found = build(f"{CEDAR}:1-2", zone=ZoneInfo("America/Chicago")).health()

        assert found.data_as_of is not None
        assert found.office_is_offline is False


class TestSession:
    def test_is_opened_where_there_is_none_and_kept_while_it_is_good(self, build: Build, sim: Command) -> None:
        sim("DELETE", "requests")

        for _ in range(2):
            build().keep_session()

        assert asked_paths(sim) == ["GET /v4/authorized_practices", "POST /v4/request_key"]
