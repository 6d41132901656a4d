"""What a booking sends, and what Sikka's answers prove. Also what a connection is able to do."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import Location, NewAppointment
from pms.providers.base import Capability, Done, Failed, Pending, WriteOutcome
from pms.providers.sikka import probe, writes

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NEW = NewAppointment(
    patient_id="4100",
    clinician_id="DT04",
    operatory_id="OP 03",
    starts_at=datetime(2026, 5, 12, 17, 30, tzinfo=UTC),
    duration_minutes=60,
    appointment_type="2",
    description="Cleaning, and a chipped tooth!",
)
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


class TestBody:
    def test_every_required_field_is_there_as_text(self) -> None:
        assert writes.booking_body(NEW, "1-2", NEW_YORK) == BODY

    def test_description_is_never_empty_and_type_is_optional(self) -> None:
        body = writes.booking_body(replace(NEW, description="??", appointment_type=""), "1", NEW_YORK)
        assert body["description"] == "Appointment"
        assert "type" not in body

    @pytest.mark.parametrize("machine", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
    def test_row_8_the_servers_zone_plays_no_part(self, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
        """17:30 in Los Angeles stays on its day, wherever the server stands."""
        evening = replace(NEW, starts_at=datetime(2026, 2, 26, 1, 30, tzinfo=UTC))
        with monkeypatch.context() as patched:
            patched.setenv("TZ", machine)
            time.tzset()
            body = writes.booking_body(evening, "1", LOS_ANGELES)
        time.tzset()
        assert (body["date"], body["time"]) == ("2026-02-25", "17:30")

    @pytest.mark.parametrize(
        ("utc", "wall"), [("2026-03-08T12:00", "08:00"), ("2026-11-01T13:00", "08:00"), ("2026-11-01T05:30", "01:30")]
    )
    def test_row_8_days_when_clocks_change(self, utc: str, wall: str) -> None:
        at = replace(NEW, starts_at=datetime.fromisoformat(utc).replace(tzinfo=UTC))
        assert writes.booking_body(at, "1", NEW_YORK)["time"] == wall

    @pytest.mark.parametrize("utc", ["2026-11-01T06:30", "2026-05-12T17:30:20"], ids=["second 1:30", "seconds"])
    def test_start_that_the_wall_clock_cannot_say_is_refused(self, utc: str) -> None:
        at = replace(NEW, starts_at=datetime.fromisoformat(utc).replace(tzinfo=UTC))
        with pytest.raises(errors.WriteRejected):
            writes.booking_body(at, "1", NEW_YORK)


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
    row = {"id": "480001", "is_completed": "True", "has_error": "False", "status": "Success", "result": "inserted"}
    return row | {"appointment_sr_no": "", "created_id": "90001"} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Done("90001")),
        ({"appointment_sr_no": "90002"}, Done("90002")),
        ({"created_id": ""}, Done("")),
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


class TestMatching:
    def listed(self, asked: str, **changes: str) -> dict[str, str]:
        return {"id": "7", "method": "POST", "api_name": "appointment", "api_request_body": asked} | changes

    PLAIN = "request_key=***&patient_id=4100&date=2026-05-12&time=13:30&provider_id=DT04&operatory=OP 03&apiname=POST a"

    @pytest.mark.parametrize(
        "asked",
        [
            PLAIN,
            PLAIN.replace("13:30", "13%3A30").replace("OP 03", "OP%2003"),
            PLAIN.replace("13:30", "13:30:00").replace("OP 03", "OP+03"),
            '{"patient_id": 4100, "date": "2026-05-12", "time": "13:30", "provider_id": "DT04", "operatory": "OP 03"}',
        ],
        ids=["as documented", "percent", "plus", "json"],
    )
    def test_same_appointment_in_any_spelling(self, asked: str) -> None:
        assert writes.matching_ids([self.listed(asked)], BODY) == ["7"]

    @pytest.mark.parametrize(
        "asked",
        [
            PLAIN.replace("4100", "4101"),
            PLAIN.replace("13:30", "13:45"),
            PLAIN.replace("05-12", "05-13"),
            PLAIN.replace("DT04", "DT05"),
            PLAIN.replace("OP 03", "OP 04"),
            "",
            "{broken",
            "[]",
        ],
    )
    def test_anything_else_is_not_ours(self, asked: str) -> None:
        assert writes.matching_ids([self.listed(asked)], BODY) == []

    @pytest.mark.parametrize("changes", [{"method": "PATCH"}, {"api_name": "patient"}, {"id": ""}])
    def test_other_kinds_of_write_are_not_ours(self, changes: dict[str, str]) -> None:
        assert writes.matching_ids([self.listed(self.PLAIN, **changes)], BODY) == []

    @pytest.mark.parametrize("room", ["Ops & Co", "A=B", "50% room", "1+1"])
    def test_room_with_odd_letters_is_found(self, room: str) -> None:
        """Missing it would report a booked appointment as never made."""
        asked = self.PLAIN.replace("OP 03", room)
        assert writes.matching_ids([self.listed(asked)], BODY | {"operatory": room}) == ["7"]
        assert writes.matching_ids([self.listed(asked)], BODY) == []

    def test_newest_first(self) -> None:
        rows = [self.listed(self.PLAIN, id=number) for number in ("9", "11", "10")]
        assert writes.matching_ids(rows, BODY) == ["11", "10", "9"]


class TestCapabilities:
    SCOPE = "start,end,Appointments, patients,practices,providers,operatories,writeback_status,POST  appointment"
    SYSTEMS = (
        {
            "practice_management_system": "Opendental",
            "practice_management_system_version": "24.2",
            "new_appointment_writeback": "available",
        },
        {
            "practice_management_system": "Opendental",
            "practice_management_system_version": "15",
            "new_appointment_writeback": "",
        },
        {
            "practice_management_system": "Dolphin Management",
            "practice_management_system_version": "9",
            "new_appointment_writeback": "available",
        },
        {
            "practice_management_system": "EagleSoft",
            "practice_management_system_version": "21",
            "new_appointment_writeback": "available",
        },
    )

    def test_all(self) -> None:
        assert probe.capabilities(self.SCOPE, self.SYSTEMS, "OpenDental", "24.2") == set(Capability)

    @pytest.mark.parametrize("missing", ["POST  appointment", "writeback_status"])
    def test_scope_without_a_part_of_booking(self, missing: str) -> None:
        found = probe.capabilities(self.SCOPE.replace(missing, "start"), self.SYSTEMS, "OpenDental", "24.2")
        assert found == set(Capability) - {Capability.BOOK_APPOINTMENT}

    def test_scope_without_reads(self) -> None:
        assert probe.capabilities("start,end", self.SYSTEMS, "OpenDental", "24.2") == frozenset()

    @pytest.mark.parametrize(
        ("pms", "version", "expected"),
        [
            ("Open Dental", "24.2", True),
            ("OpenDental", "15", False),
            ("OpenDental", "23", False),
            ("EAGLESOFT", "20", True),
            ("Dolphin Management", "9", False),
            ("Paperdent", "1", False),
            ("", "", False),
        ],
        ids=["listed", "listed without", "unlisted version", "all versions can", "needs other fields", "?", "unnamed"],
    )
    def test_what_the_system_can(self, pms: str, version: str, expected: bool) -> None:
        assert probe.can_book(self.SYSTEMS, pms, version) is expected

    def test_location_is_named_single_or_asked(self) -> None:
        north, south = Location("1-1", "North"), Location("1-2", "South")
        assert probe.chosen_location([north], "") == north
        assert probe.chosen_location([north, south], "1-2") == south
        assert probe.chosen_location([north, south], "") is None
        assert probe.chosen_location([north], "1-2") is None
