"""What the adapter does not take a vendor's word for: answers that a well-behaved Sikka would not give."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import responses
from responses import matchers

from pms.domain import errors
from pms.domain.records import (
    AppointmentStatus,
    MovedAppointment,
    NewAppointment,
    NewPatient,
    PatientQuery,
    StatusChange,
)
from pms.providers.base import Done, Pending, PmsService
from pms.providers.registry import service_class
from pms.providers.sikka.account import DEFAULT_BASE_URL as BASE
from tests.providers.fakes import LONG_AGO, OFFICE, FakeClock, MemoryTokens, connection, stored_key
from tests.providers.test_sikka_client import envelope, flat
from tests.providers.test_sikka_mapping import person, visit, words

DAY = date(2026, 5, 12)
COPIED_LATER = {"office_id": OFFICE, "practice_id": "1", "data_insert_date": "2026-05-12T09:30:00"}
REFRESHED = OLD = "2026-05-12T08:59:00"
TIME_ZONE = "practice_management_system_refresh_date_time_zone"
MOVED = MovedAppointment("70670", "5383", "DMD2", "Op 1", datetime(2026, 5, 12, 14, 30, tzinfo=UTC), 60)
CANCELLED = StatusChange("70670", "5383", MOVED.starts_at, AppointmentStatus.CANCELLED)
NEW = NewAppointment("5383", "DMD2", "Op 1", datetime(2026, 5, 12, 14, 30, tzinfo=UTC), 60)


@pytest.fixture
def service() -> PmsService:
    clock = FakeClock()
    tokens = MemoryTokens(clock)
    stored_key(tokens, "key-0", clock.now() + timedelta(hours=20))
    return service_class("SIKKA")(connection(tokens=tokens, clock=clock))


def status_row(**changes: str) -> dict[str, str]:
    row = {"id": "7", "office_id": OFFICE, "practice_id": "1", "is_completed": "True", "has_error": "False"}
    return row | {"status": "Success", "created_id": "90001"} | changes


def lists(path: str, *rows: dict[str, Any]) -> None:
    responses.get(f"{BASE}{path}", json=envelope(list(rows)))


def copy_stands(stands: str, **answer: Any) -> None:
    """Serve the list that says how the copy stands where the one that was read does not."""
    responses.get(f"{BASE}/patients", headers={"Data-Insert": stands}, **{"status": 204} | answer)


@responses.activate
@pytest.mark.parametrize(
    ("stands", "answer", "shown"),
    [
        ("completed", {}, True),
        ("in progress", {}, False),
        ("In Progress", {"status": 200, "json": envelope([])}, False),
        ("", {}, True),
        ("", {"status": 401, "json": flat(401, "API2004")}, True),
    ],
)
def test_a_list_that_does_not_say_how_the_copy_stands_proves_nothing_by_itself(
    service: PmsService, stands: str, answer: dict[str, Any], shown: bool
) -> None:
    responses.get(f"{BASE}/medical_notes", status=204)
    lists("/authorized_practices", COPIED_LATER)
    copy_stands(stands, **answer)

    assert service.list_notes("5383") == []
    assert service.shows(datetime(2026, 5, 12, 13, 0, tzinfo=UTC)) is shown


@responses.activate
@pytest.mark.parametrize("changes", [{"office_id": "D70002"}, {"practice_id": "2"}])
def test_status_of_another_tenant_is_discarded(service: PmsService, changes: dict[str, str]) -> None:
    lists("/writeback_status", status_row(**changes))
    with pytest.raises(errors.TenantMismatch):
        service.follow_write("7")


@responses.activate
def test_status_of_another_write_tells_nothing(service: PmsService) -> None:
    lists("/writeback_status", status_row(id="8", has_error="True"), status_row())
    assert service.follow_write("7") == Done("90001")
    assert service.follow_write("9") == Pending("9")


@responses.activate
@pytest.mark.parametrize("issued_to", ["D70002", ""])
def test_key_that_belongs_to_another_office_ends_the_connection_test(service: PmsService, issued_to: str) -> None:
    lists("/authorized_practices", {"office_id": OFFICE, "secret_key": "s"})
    responses.get(f"{BASE}/request_key_info", json={"issued_to": issued_to, "scope": "patients"})
    with pytest.raises(errors.TenantMismatch):
        service.test_connection()


@responses.activate
def test_system_in_an_unknown_zone_still_connects(service: PmsService) -> None:
    zone = {"practice_management_system_refresh_date_time_zone": "Martian Standard Time"}
    row = {"office_id": OFFICE, "practice_id": "1", "data_insert_date": "2026-05-12T09:30:00", **zone}
    lists("/authorized_practices", row)
    responses.get(f"{BASE}/request_key_info", json={"issued_to": OFFICE, "scope": "patients"})
    lists("/practices", {"practice_id": "1", "name": "Invented Dental"})
    responses.get(f"{BASE}/supported_pmses", status=204)
    report = service.test_connection()
    assert report.time_zone == ""
    assert report.capabilities == {"read_patients"}
    assert report.data_as_of == datetime(2026, 5, 12, 13, 30, tzinfo=UTC)


@responses.activate
def test_office_without_any_location(service: PmsService) -> None:
    lists("/authorized_practices", {"office_id": OFFICE})
    responses.get(f"{BASE}/request_key_info", json={"issued_to": OFFICE})
    responses.get(f"{BASE}/practices", status=204)
    with pytest.raises(errors.CredentialsRejected):
        service.test_connection()


@responses.activate
def test_filters_that_were_ignored_are_applied_here(service: PmsService) -> None:
    lists(
        "/appointments",
        visit(appointment_sr_no="1"),
        visit(appointment_sr_no="1"),
        visit(appointment_sr_no="2", date="2026-05-13T00:00:00"),
        visit(appointment_sr_no="3", patient_id="1"),
    )
    assert [one.id for one in service.list_appointments(DAY, DAY)] == ["1", "3"]
    assert [one.id for one in service.list_appointments(DAY, DAY, patient_id="5383")] == ["1"]
    lists("/patients", person(patient_id="1"), person())
    assert service.get_patient("1001").id == "1001"
    with pytest.raises(errors.PatientNotFound):
        service.get_patient("7")


@responses.activate
def test_unreadable_appointment_spoils_the_whole_list(service: PmsService) -> None:
    """Leaving it out would offer its time to somebody else."""
    lists("/appointments", visit(), visit(appointment_sr_no="2", time="half past ten"))
    with pytest.raises(errors.UpstreamInvalid):
        service.list_appointments(DAY, DAY)


@responses.activate
def test_default_length_comes_from_the_settings() -> None:
    lists("/appointments", visit(length=""))
    found = service_class("SIKKA")(
        connection(config={"defaultAppointmentDuration": 45}, tokens=_tokens())
    ).list_appointments(DAY, DAY)
    assert found[0].ends_at - found[0].starts_at == timedelta(minutes=45)


def _tokens() -> MemoryTokens:
    tokens = MemoryTokens(FakeClock())
    stored_key(tokens, "key-0", datetime(2999, 1, 1, tzinfo=UTC))
    return tokens


@responses.activate
@pytest.mark.parametrize("receipt", [{}, {"long_message": "Accepted"}, {"more_information": "https://x.test/?id=a"}])
def test_receipt_without_an_id_is_an_unknown_outcome(service: PmsService, receipt: dict[str, str]) -> None:
    responses.post(f"{BASE}/appointment", status=201, json=receipt)
    with pytest.raises(errors.OutcomeUnknown):
        service.book_appointment(NEW)


@responses.activate
@pytest.mark.parametrize("receipt", [{}, {"long_message": "Logged"}])
def test_receipt_of_a_change_without_an_id_is_an_unknown_outcome(service: PmsService, receipt: dict[str, str]) -> None:
    lists("/practice_variables", *words("Cancelled"))
    responses.put(f"{BASE}/appointments/70670", json=receipt)
    responses.patch(f"{BASE}/appointments/70670", json=receipt)
    responses.post(f"{BASE}/patient", status=201, json=receipt)

    with pytest.raises(errors.OutcomeUnknown):
        service.move_appointment(MOVED)
    with pytest.raises(errors.OutcomeUnknown):
        service.change_status(CANCELLED)
    with pytest.raises(errors.OutcomeUnknown):
        service.create_patient(NewPatient("Ada", "Example", date(1990, 1, 31), "DMD2"))


@responses.activate
def test_refusal_because_the_time_is_taken(service: PmsService) -> None:
    refusal = flat(409, "API2013", "Appointment already scheduled")
    responses.post(f"{BASE}/appointment", status=409, json=refusal)
    responses.put(f"{BASE}/appointments/70670", status=409, json=refusal)

    with pytest.raises(errors.SlotTaken):
        service.book_appointment(NEW)
    with pytest.raises(errors.SlotTaken):
        service.move_appointment(MOVED)


@responses.activate
def test_a_change_of_status_takes_no_time_so_none_can_be_taken(service: PmsService) -> None:
    lists("/practice_variables", *words("Cancelled"))
    refusal = flat(409, "API2013", "Appointment already scheduled")
    responses.patch(f"{BASE}/appointments/70670", status=409, json=refusal)

    with pytest.raises(errors.WriteRejected):
        service.change_status(CANCELLED)


@responses.activate
@pytest.mark.parametrize("found", [words("Scheduled", "Broken", "Deleted"), []])
def test_a_system_without_a_word_for_cancelled_is_never_written_to(
    service: PmsService, found: list[dict[str, str]]
) -> None:
    lists("/practice_variables", *found)

    with pytest.raises(errors.NotSupported):
        service.change_status(CANCELLED)

    assert [call.request.method for call in responses.calls] == ["GET"]


@responses.activate
def test_an_id_that_would_be_another_address_reaches_no_wire(service: PmsService) -> None:
    lists("/practice_variables", *words("Cancelled"))

    with pytest.raises(errors.WriteRejected):
        service.move_appointment(replace(MOVED, appointment_id="../patients/1"))
    with pytest.raises(errors.WriteRejected):
        service.change_status(replace(CANCELLED, appointment_id="70670?practice_id=2"))

    assert [call.request.method for call in responses.calls] == ["GET"]


@responses.activate
@pytest.mark.parametrize("office", ["D70002", "D7000"])
def test_a_write_back_of_another_office_is_never_deleted(service: PmsService, office: str) -> None:
    """The list and the deletion belong to the application, not to the office."""
    responses.get(f"{BASE}/writeback_status", status=204)
    lists("/writebacks", {"id": "7", "office_id": office})

    with pytest.raises(errors.TenantMismatch):
        service.withdraw_write("7", sent_at=LONG_AGO)

    assert not [call for call in responses.calls if call.request.method == "DELETE"]


@responses.activate
def test_a_write_back_that_only_one_of_the_lists_has_is_deleted(service: PmsService) -> None:
    responses.get(f"{BASE}/writeback_status", status=204)
    lists("/writebacks", {"id": "77", "office_id": "D70002"}, {"id": "7", "office_id": OFFICE})
    number = matchers.query_param_matcher({"id": "7"})
    responses.delete(f"{BASE}/writebacks", json=flat(200, "API4006"), match=[number])

    assert service.withdraw_write("7", sent_at=LONG_AGO)


@responses.activate
def test_write_backs_are_listed_for_less_than_a_week(service: PmsService) -> None:
    """Seven days are the most that may be asked for."""
    window = matchers.query_param_matcher(
        {"startdate": "2026-05-07", "enddate": "2026-05-13", "id": "7"}, strict_match=False
    )
    responses.get(f"{BASE}/writeback_status", status=204)
    responses.get(f"{BASE}/writebacks", status=204, match=[window])

    assert service.withdraw_write("7", sent_at=LONG_AGO)


@responses.activate
def test_an_appointment_of_another_practice_is_not_shown(service: PmsService) -> None:
    lists("/appointments", visit(practice_id="2"))

    with pytest.raises(errors.TenantMismatch):
        service.get_appointment("70670")


@responses.activate
def test_a_filter_by_id_that_was_ignored_is_applied_here(service: PmsService) -> None:
    lists("/appointments", visit(appointment_sr_no="706"), visit(appointment_sr_no="2", time="late"), visit())

    assert service.get_appointment("70670").id == "70670"
    with pytest.raises(errors.AppointmentNotFound):
        service.get_appointment("7067")


@responses.activate
@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([{"data_insert_date": "2026-05-12T09:30:00"}], True),
        ([{"data_insert_date": "2026-05-12T09:00:00"}], False),
        ([{"data_insert_date": ""}], False),
        ([{"data_insert_date": "soon"}], False),
        ([{"data_insert_date": "2026-05-12T09:30:00", "practice_management_system_refresh_date": REFRESHED}], False),
        ([{"data_insert_date": "2026-05-12T09:30:00", "practice_management_system_refresh_date": "soon"}], True),
        ([{"practice_management_system_refresh_date": "2026-05-12T09:30:00"}], False),
        ([{"data_insert_date": "2026-05-12T06:30:00", TIME_ZONE: "Pacific Standard Time"}], True),
        ([{"data_insert_date": OLD}, {"practice_id": "2", "data_insert_date": "2026-05-12T09:30:00"}], False),
        ([{"data_insert_date": "2026-05-12T09:30:00"}, {"practice_id": "2", "data_insert_date": OLD}], True),
        ([{"practice_id": "2", "data_insert_date": "2026-05-12T09:30:00"}], True),
        ([{"practice_id": "2", "data_insert_date": "2026-05-12T09:30:00"}, {"practice_id": "3"}], False),
    ],
)
def test_a_copy_shows_an_instant_only_if_it_was_taken_later(
    service: PmsService, rows: list[dict[str, str]], shown: bool
) -> None:
    """Taken from the PMS, not only put into the copy, later; and at our location, as far as that is told."""
    lists("/authorized_practices", *({"office_id": OFFICE, "practice_id": "1"} | row for row in rows))
    copy_stands("completed")

    assert service.shows(datetime(2026, 5, 12, 13, 0, tzinfo=UTC)) is shown


@responses.activate
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"status": "Broken"}, False),
        ({"cancelled": "True"}, False),
        ({"time": "10:45"}, False),
        ({"provider_id": "DMD3"}, False),
    ],
)
def test_reading_back_finds_only_this_very_booking(service: PmsService, changes: dict[str, str], found: bool) -> None:
    responses.get(f"{BASE}/writebacks", status=204)
    lists("/appointments", visit(**changes))
    lists("/authorized_practices", COPIED_LATER)
    copy_stands("completed")
    outcome = service.find_write(NEW, sent_at=datetime(2026, 5, 11, 20, 0, tzinfo=UTC))
    assert (outcome is not None) is found


@responses.activate
def test_write_backs_are_looked_through_on_three_days(service: PmsService) -> None:
    """The clock behind the vendor's dates is not documented; seven days are the most that may be asked for."""
    window = matchers.query_param_matcher({"startdate": "2026-05-10", "enddate": "2026-05-12"}, strict_match=False)
    responses.get(f"{BASE}/writebacks", status=204, match=[window])
    responses.get(f"{BASE}/appointments", status=204)
    lists("/authorized_practices", COPIED_LATER)
    copy_stands("completed")
    assert service.find_write(NEW, sent_at=datetime(2026, 5, 11, 20, 0, tzinfo=UTC)) is None


@responses.activate
@pytest.mark.parametrize("others", [frozenset(), frozenset({"70670"})])
def test_a_lost_change_that_is_done_is_the_appointments_that_it_was_for(
    service: PmsService, others: frozenset[str]
) -> None:
    """Whether the status row names it or not, and whoever made that appointment."""
    asked = "practice_id=1&provider_id=DMD2&date=2026-05-12&time=10:30&length=60&operatory=Op 1&id=70670"
    lists("/writebacks", {"id": "7", "office_id": OFFICE, "method": "PUT", "api_request_body": asked})
    lists("/writeback_status", status_row(method="PUT", created_id=""))

    found = service.find_write(MOVED, sent_at=datetime(2026, 5, 11, 20, 0, tzinfo=UTC), others=others)

    assert found == Done("70670")


@responses.activate
def test_search_lives_without_the_query_language(service: PmsService) -> None:
    find = matchers.query_param_matcher({"find": "birthdate=eq_1990-01-31"}, strict_match=False)
    responses.get(f"{BASE}/patients", status=400, json=flat(400, "API1026"), match=[find])
    lists("/patients", person())
    found = service.search_patients(PatientQuery("Example", date(1990, 1, 31), "+12125550147"))
    assert [one.id for one in found] == ["1001"]
    assert len(responses.calls) == 5
