"""What a write-back sends, and what Sikka's answers prove."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import (
    AppointmentStatus,
    MovedAppointment,
    NewAppointment,
    NewPatient,
    StatusChange,
)
from pms.providers.base import Done, Failed, Pending, WriteOutcome
from pms.providers.sikka import values, writes

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
START = datetime(2026, 5, 12, 17, 30, tzinfo=UTC)
NEW = NewAppointment(
    patient_id="4100",
    clinician_id="DT04",
    operatory_id="OP 03",
    starts_at=START,
    duration_minutes=60,
    appointment_type="2",
    description="Cleaning, and a chipped tooth!",
)
MOVED = MovedAppointment("70670", "4100", "DT04", "OP 03", START, 45)
CANCELLED = StatusChange("70670", "4100", START, AppointmentStatus.CANCELLED)
PATIENT = NewPatient("Ada", "Example", date(1990, 1, 31), "DT04")
BODY = {
    "patient_id": "4100",
    "date": "2026-05-12",
    "time": "13:30",
    "description": "Cleaning and a chipped tooth",
    "provider_id": "DT04",
    "length": "60",
    "operatory": "OP 03",
    "practice_id": "1-2",
    "check_spu": "true",
    "type": "2",
}


class TestBooking:
    def test_every_required_field_is_there_as_text(self) -> None:
        request = writes.booking(NEW, "1-2", NEW_YORK)

        assert (request.method, request.path, request.target) == ("POST", "/appointment", "")
        assert request.body == BODY

    def test_description_is_never_empty_and_type_is_optional(self) -> None:
        body = writes.booking(replace(NEW, description="??", appointment_type=""), "1", NEW_YORK).body

        assert body["description"] == "Appointment"
        assert "type" not in body


class TestMoving:
    def test_the_new_time_goes_to_the_appointments_own_address(self) -> None:
        request = writes.move(MOVED, "1-2", NEW_YORK)

        assert (request.method, request.path, request.target) == ("PUT", "/appointments/70670", "70670")
        assert request.body == {
            "practice_id": "1-2",
            "provider_id": "DT04",
            "date": "2026-05-12",
            "time": "13:30",
            "length": "45",
            "operatory": "OP 03",
            "check_spu": "true",
        }

    def test_a_room_that_is_not_known_is_left_as_it_is(self) -> None:
        assert "operatory" not in writes.move(replace(MOVED, operatory_id=""), "1", NEW_YORK).body


@pytest.mark.parametrize("machine", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
def test_row_8_the_servers_zone_plays_no_part(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """17:30 in Los Angeles stays on its day, wherever the server stands."""
    evening = datetime(2026, 2, 26, 1, 30, tzinfo=UTC)

    with monkeypatch.context() as patched:
        patched.setenv("TZ", machine)
        time.tzset()
        booked = writes.booking(replace(NEW, starts_at=evening), "1", LOS_ANGELES).body
        moved = writes.move(replace(MOVED, starts_at=evening), "1", LOS_ANGELES).body
    time.tzset()

    assert [(body["date"], body["time"]) for body in (booked, moved)] == [("2026-02-25", "17:30")] * 2


@pytest.mark.parametrize(
    ("utc", "wall"), [("2026-03-08T12:00", "08:00"), ("2026-11-01T13:00", "08:00"), ("2026-11-01T05:30", "01:30")]
)
def test_row_8_days_when_clocks_change(utc: str, wall: str) -> None:
    start = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    assert writes.booking(replace(NEW, starts_at=start), "1", NEW_YORK).body["time"] == wall
    assert writes.move(replace(MOVED, starts_at=start), "1", NEW_YORK).body["time"] == wall


@pytest.mark.parametrize("utc", ["2026-11-01T06:30", "2026-05-12T17:30:20"], ids=["second 1:30", "seconds"])
def test_start_that_the_wall_clock_cannot_say_is_refused(utc: str) -> None:
    start = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    with pytest.raises(errors.WriteRejected):
        writes.booking(replace(NEW, starts_at=start), "1", NEW_YORK)
    with pytest.raises(errors.WriteRejected):
        writes.move(replace(MOVED, starts_at=start), "1", NEW_YORK)


class TestStatus:
    def test_the_practices_own_word_replaces_the_status(self) -> None:
        request = writes.status(CANCELLED, "Cancelled", "1-2")

        assert (request.method, request.path, request.takes_time) == ("PATCH", "/appointments/70670", False)
        assert request.body == {
            "op": "replace",
            "path": "/appointment_status",
            "value": "Cancelled",
            "practice_id": "1-2",
            "appointment_sr_no": "70670",
            "check_spu": "true",
        }


@pytest.mark.parametrize("number", ["", ".", "..", "1/2", "1:2", "1#2", "1?x=2", "1\\2", "50%", "1+2", "a=b"])
def test_an_id_that_would_be_another_address_is_refused(number: str) -> None:
    with pytest.raises(errors.WriteRejected):
        writes.move(replace(MOVED, appointment_id=number), "1", NEW_YORK)
    with pytest.raises(errors.WriteRejected):
        writes.status(replace(CANCELLED, appointment_id=number), "Cancelled", "1")


def test_an_id_with_a_space_is_one_segment_of_the_address() -> None:
    assert writes.move(replace(MOVED, appointment_id="A 7"), "1", NEW_YORK).path == "/appointments/A%207"


class TestPatient:
    def test_what_is_not_known_is_left_out(self) -> None:
        request = writes.patient(PATIENT, "1-2")

        assert (request.method, request.path) == ("POST", "/patient")
        assert request.body == {
            "firstname": "Ada",
            "lastname": "Example",
            "provider_id": "DT04",
            "practice_id": "1-2",
            "birthdate": "1990-01-31",
            "check_spu": "true",
        }

    def test_what_is_known_is_sent_in_the_vendors_forms(self) -> None:
        new = replace(
            PATIENT,
            phone="+12125550147",
            email="ada@example.test",
            guarantor_id="1001",
            street="14 Rookery Lane #2",
            city="New York",
            state="NY",
            postal_code="10001",
        )

        body = writes.patient(new, "1").body

        assert (
            body.items()
            >= {
                "cell": "2125550147",
                "email": "ada@example.test",
                "guarantor_id": "1001",
                "is_guarantor_exist": "true",
                "address_line1": "14 Rookery Lane #2",
                "city": "New York",
                "state": "NY",
                "zipcode": "10001",
            }.items()
        )

    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ("José", "José"),
            ("Núñez", "Núñez"),
            ("Lee-O’Brien", "Lee-O'Brien"),
            ("St. John", "St. John"),
            ("  van   der Berg ", "van der Berg"),
            ("Ann\nMarie", "Ann Marie"),
            ("Bob <Bobby>", "Bob Bobby"),
            ("A_B", "A B"),
        ],
    )
    def test_names_keep_letters_with_accents_and_the_signs_of_names(self, given: str, written: str) -> None:
        assert values.person_name(given) == written
        assert values.person_name(written) == written

    @pytest.mark.parametrize("name", ["", " ", "!!", "-", "😬", "'.'"])
    def test_a_name_without_letters_is_refused(self, name: str) -> None:
        with pytest.raises(errors.WriteRejected):
            writes.patient(replace(PATIENT, first_name=name), "1")
        with pytest.raises(errors.WriteRejected):
            writes.patient(replace(PATIENT, last_name=name), "1")

    @pytest.mark.parametrize(
        ("phone", "written"), [("+12125550147", "2125550147"), ("+445550147", "+445550147"), ("", "")]
    )
    def test_numbers_outside_north_america_keep_their_country(self, phone: str, written: str) -> None:
        assert values.phone_digits(phone) == written

    def test_nothing_personal_is_in_the_representation(self) -> None:
        shown = repr(writes.patient(replace(PATIENT, phone="+12125550147"), "1"))

        assert not any(word in shown for word in ("Ada", "Example", "1990", "555"))


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        ({"long_message": "Id:275495"}, "275495"),
        ({"long_message": "id : 275495"}, "275495"),
        ({"long_message": "", "more_information": "https://x.test/v4/writeback_status?id=275495"}, "275495"),
        ({"long_message": "Id:1", "more_information": "https://x.test/v4/writeback_status?id=2"}, "1"),
        ({"long_message": "Grid:5"}, ""),
        ({"more_information": "https://x.test/v4/writeback_status?id=abc"}, ""),
        ({}, ""),
    ],
)
def test_reference(receipt: dict[str, str], expected: str) -> None:
    assert writes.reference_in(receipt) == expected


def status_row(**changes: str) -> dict[str, str]:
    row = {"id": "480001", "method": "POST", "api": "appointments", "is_completed": "True", "has_error": "False"}
    row |= {"status": "Success", "result": "inserted", "patient_id": "4100", "appointment_sr_no": ""}
    return row | {"created_id": "90001"} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Done("90001")),
        ({"appointment_sr_no": "90002"}, Done("90002")),
        ({"created_id": ""}, Done("")),
        ({"api": "", "created_id": ""}, Done("")),
        ({"status": ""}, Done("90001")),
        ({"is_completed": "true", "status": "SUCCESS"}, Done("90001")),
        ({"is_completed": "False"}, Pending("480001")),
        ({"is_completed": ""}, Pending("480001")),
        ({"is_completed": "False", "has_error": "True"}, Pending("480001")),
        ({"status": "Held for review"}, Pending("480001")),
        ({"has_error": "True"}, Failed("refused_by_pms")),
        ({"status": "Failed"}, Failed("refused_by_pms")),
        ({"has_error": "T", "result": "Appointment ALREADY scheduled"}, Failed("already_scheduled", conflict=True)),
    ],
)
def test_row_1_and_3_what_a_status_proves(changes: dict[str, str], expected: WriteOutcome) -> None:
    """Only completed, without error and successful is done; the write-back's id is never the record's."""
    assert writes.outcome_of(status_row(**changes), "480001") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"api": "patients", "patient_id": ""}, "90001"),
        ({"api": "patient", "patient_id": "5001", "created_id": ""}, "5001"),
        ({"api": "Patients", "patient_id": "", "created_id": ""}, ""),
        ({"method": "PUT", "appointment_sr_no": "70670"}, "70670"),
        ({"method": "patch", "appointment_sr_no": "70670"}, "70670"),
        ({"method": "PATCH"}, ""),
        ({"api": "medical_notes", "appointment_sr_no": "70670", "created_id": "20001"}, "20001"),
        ({"api": "medical_note", "appointment_sr_no": "70670", "created_id": ""}, ""),
        ({"api": "transaction", "appointment_sr_no": "70670"}, "90001"),
    ],
)
def test_row_3_the_kind_of_write_decides_which_id_is_the_records(changes: dict[str, str], expected: str) -> None:
    """A booking's row names its patient too, a note's perhaps a visit, and a change makes no record."""
    assert writes.outcome_of(status_row(**changes), "480001") == Done(expected)
