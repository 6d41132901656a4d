"""Sikka's rows as records, and the scalars they are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import AppointmentStatus, DaySchedule, Location, Operatory, PmsAppointmentType, ResourceKind
from pms.providers.sikka import mapping, values
from pms.providers.sikka.hours import day_schedules

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def visit(**changes: Any) -> dict[str, Any]:
    row = {
        "appointment_sr_no": "70670",
        "practice_id": "1",
        "patient_id": "5383",
        "provider_id": "DMD2",
        "hygienist": "",
        "operatory": "Op 1",
        "date": "2026-05-12T00:00:00",
        "time": "10:30",
        "length": "60",
        "type": "General",
        "status": "Open",
        "is_confirmed": "False",
        "cancelled": "False",
    }
    return row | changes


def person(**changes: Any) -> dict[str, Any]:
    row = {
        "patient_id": "1001",
        "practice_id": "1",
        "guarantor_id": "1000",
        "firstname": "Ada",
        "lastname": "Example",
        "preferred_name": "",
        "birthdate": "1990-01-31T00:00:00",
        "status": "Active",
        "cell": "(212) 555-0147",
        "homephone": "",
        "workphone": "",
        "other_phone": "",
        "email": "ada@example.test",
    }
    return row | changes


class TestScalars:
    @pytest.mark.parametrize("value", ["True", "true", "T", " t ", True, "1", 1])
    def test_true(self, value: object) -> None:
        assert values.flag(value)

    @pytest.mark.parametrize("value", ["False", "F", "", None, False, "0", 0, "maybe"])
    def test_not_true(self, value: object) -> None:
        assert not values.flag(value)

    @pytest.mark.parametrize(("value", "expected"), [(None, ""), ("", ""), (" a ", "a"), (7, "7")])
    def test_text(self, value: object, expected: str) -> None:
        assert values.text(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("10:30", time(10, 30)),
            ("10:30:45", time(10, 30)),
            ("8:05 AM", time(8, 5)),
            ("12:00 AM", time(0, 0)),
            ("12:15 pm", time(12, 15)),
            ("1:00 p.m.", time(13, 0)),
            ("05:45PM", time(17, 45)),
            ("24:00", None),
            ("13:00 PM", None),
            ("10.30", None),
            ("", None),
            (None, None),
        ],
    )
    def test_clock(self, value: object, expected: time | None) -> None:
        assert values.clock(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [("60", 60), (45, 45), ("60.0000", 60), ("0", None), ("", None), ("-30", None), ("1 h", None), ("1441", None)],
    )
    def test_minutes(self, value: object, expected: int | None) -> None:
        assert values.minutes(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [("2020-02-29T00:00:00", date(2020, 2, 29)), ("2021-02-29", None), ("", None), ("05/12/2026", None)],
    )
    def test_day(self, value: object, expected: date | None) -> None:
        assert values.day(value) == expected

    @pytest.mark.parametrize("value", ["0001-01-01T00:00:00", "1111-11-11", "1900-01-01T00:00:00", "", None, "unknown"])
    def test_placeholder_birth_dates(self, value: object) -> None:
        assert values.entered_day(value) is None

    @pytest.mark.parametrize("value", ["1900-01-02", "1987-04-12T00:00:00", "2026-05-12"])
    def test_real_birth_dates(self, value: str) -> None:
        assert values.entered_day(value) == date.fromisoformat(value[:10])

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Eastern Standard Time", "America/New_York"),
            ("US Mountain Standard Time", "America/Phoenix"),
            ("Mountain Standard Time", "America/Denver"),
            ("Hawaiian Standard Time", "Pacific/Honolulu"),
            ("Newfoundland Standard Time", "America/St_Johns"),
            ("America/Chicago", "America/Chicago"),
            ("Martian Standard Time", ""),
            ("../../etc/passwd", ""),
            ("", ""),
        ],
    )
    def test_windows_zones(self, name: str, expected: str) -> None:
        assert values.iana_zone(name) == expected

    def test_instant_is_read_on_the_zones_clock(self) -> None:
        assert values.instant("2022-03-28T01:40:31", NEW_YORK) == datetime(2022, 3, 28, 5, 40, tzinfo=UTC)
        assert values.instant("", NEW_YORK) is None
        assert values.instant("2022-03-28", NEW_YORK) is None

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("Toothache, upper left!", "Toothache upper left"),
            ("Núñez\nO’Brien 😬 (new)", "Nunez O'Brien (new)"),
            ("50% off @ 9:30 <b>", "50 off 9 30 b"),
            ("", ""),
            ("!!!", ""),
            ("a" * 80, "a" * 60),
            ("word " * 20, ("word " * 12).strip()),
        ],
    )
    def test_plain_text_for_write_backs(self, given: str, expected: str) -> None:
        assert values.plain(given) == expected
        assert values.plain(expected) == expected


class TestStatus:
    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("COMPLETE", AppointmentStatus.COMPLETED),
            ("Walked Out", AppointmentStatus.COMPLETED),
            ("checked-out", AppointmentStatus.COMPLETED),
            ("Canceled", AppointmentStatus.CANCELLED),
            ("cancelled", AppointmentStatus.CANCELLED),
            ("Deleted", AppointmentStatus.CANCELLED),
            ("Broken", AppointmentStatus.NO_SHOW),
            ("NO SHOW", AppointmentStatus.NO_SHOW),
            ("no-show", AppointmentStatus.NO_SHOW),
            ("Missed", AppointmentStatus.NO_SHOW),
            ("Failed", AppointmentStatus.NO_SHOW),
            ("Appointment Confirmed", AppointmentStatus.CONFIRMED),
            ("open.confirm", AppointmentStatus.CONFIRMED),
            ("open.unconfirm", AppointmentStatus.SCHEDULED),
            ("Unconfirmed", AppointmentStatus.SCHEDULED),
            ("Not confirmed", AppointmentStatus.SCHEDULED),
            ("To be confirmed", AppointmentStatus.SCHEDULED),
            ("Scheduled", AppointmentStatus.SCHEDULED),
            ("Cancellation list", AppointmentStatus.SCHEDULED),
            ("", AppointmentStatus.SCHEDULED),
        ],
    )
    def test_words(self, raw: str, expected: AppointmentStatus) -> None:
        assert mapping.appointment_status(raw) is expected

    def test_flags(self) -> None:
        assert mapping.appointment_status("Open", is_cancelled=True) is AppointmentStatus.CANCELLED
        assert mapping.appointment_status("Open", is_confirmed=True) is AppointmentStatus.CONFIRMED
        assert mapping.appointment_status("Complete", is_confirmed=True) is AppointmentStatus.COMPLETED

    def test_row_9_broken_and_cancelled_are_not_busy(self) -> None:
        assert not mapping.appointment_status("Broken").occupies_time
        assert not mapping.appointment_status("Open", is_cancelled=True).occupies_time
        assert mapping.appointment_status("a word of this PMS").occupies_time


def words(*values: str, item: str = "appointment status") -> list[dict[str, str]]:
    return [
        {"service_name": "Appointment Status", "service_item": item, "value": one, "description": one} for one in values
    ]


def confirmations(*values: str) -> list[dict[str, str]]:
    return words(*values, item="appointment confirmed status")


class TestStatusValue:
    """The practice's own value for a status that is to be written."""

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (words("Scheduled", "Broken", "Cancelled", "ASAP"), "Cancelled"),
            (words("Canceled", "Cancelled"), "Canceled"),
            (words("open", "CANCELLED"), "CANCELLED"),
            (words("Scheduled", "Broken", "Missed", "No Show", "Complete"), ""),
            (words("Deleted"), ""),
            (words("Deleted", "Cancelled"), "Cancelled"),
            (confirmations("Cancelled"), ""),
            ([], ""),
        ],
    )
    def test_cancelling_takes_a_word_that_says_so_and_never_a_no_show(
        self, rows: list[dict[str, str]], expected: str
    ) -> None:
        assert mapping.status_value(rows, AppointmentStatus.CANCELLED) == expected

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            (
                words("Scheduled", "Confirmed") + confirmations("Unconfirmed", "Appointment Confirmed"),
                "Appointment Confirmed",
            ),
            (confirmations("Unconfirmed", "Left Message") + words("open.unconfirm", "open.confirm"), "open.confirm"),
            (confirmations("eConfirm Sent", "Confirmation sent", "To be confirmed", "eConfirm"), ""),
            (confirmations("eConfirm Sent", "Confirmed"), "Confirmed"),
            (words("Scheduled"), ""),
        ],
    )
    def test_confirming_takes_the_list_of_confirmations_before_the_statuses(
        self, rows: list[dict[str, str]], expected: str
    ) -> None:
        assert mapping.status_value(rows, AppointmentStatus.CONFIRMED) == expected

    def test_a_value_that_is_a_number_is_told_by_its_description(self) -> None:
        rows = [row | {"value": str(number)} for number, row in enumerate(words("Scheduled", "Broken", "Cancelled"))]

        assert mapping.status_value(rows, AppointmentStatus.CANCELLED) == "2"

    def test_a_no_show_stays_one_whatever_its_description_says(self) -> None:
        rows = [row | {"description": "Cancelled"} for row in words("Broken")]

        assert mapping.status_value(rows, AppointmentStatus.CANCELLED) == ""

    @pytest.mark.parametrize(
        "status", [AppointmentStatus.SCHEDULED, AppointmentStatus.COMPLETED, AppointmentStatus.NO_SHOW]
    )
    def test_no_other_status_is_ever_written(self, status: AppointmentStatus) -> None:
        rows = words("Scheduled", "Complete", "Broken", "Cancelled") + confirmations("Appointment Confirmed")

        assert mapping.status_value(rows, status) == ""


class TestAppointment:
    def test_all_of_a_row(self) -> None:
        one = mapping.appointment(visit(hygienist="HY1"), NEW_YORK, 30)
        assert (one.id, one.patient_id, one.clinician_id, one.operatory_id) == ("70670", "5383", "DMD2", "Op 1")
        assert one.starts_at == datetime(2026, 5, 12, 14, 30, tzinfo=UTC)
        assert one.ends_at == datetime(2026, 5, 12, 15, 30, tzinfo=UTC)
        assert (one.status, one.raw_status) == (AppointmentStatus.SCHEDULED, "Open")
        assert (one.appointment_type, one.assistant_ids) == ("General", ("HY1",))

    def test_names_and_notes_are_kept_only_where_they_were_asked_for(self) -> None:
        row = visit(patient_name="Ada Example", note="", description="Toothache")

        plain, full = (mapping.appointment(row, NEW_YORK, 30, details=details) for details in (False, True))

        assert (plain.patient_name, plain.note) == ("", "")
        assert (full.patient_name, full.note) == ("Ada Example", "Toothache")
        assert mapping.appointment(row | {"note": "Afraid"}, NEW_YORK, 30, details=True).note == "Afraid"

    def test_hygienist_who_is_the_clinician_is_not_an_assistant(self) -> None:
        assert mapping.appointment(visit(hygienist="DMD2"), NEW_YORK, 30).assistant_ids == ()

    @pytest.mark.parametrize(
        ("day", "wall", "zone", "expected"),
        [
            ("2026-05-12", "18:30", LOS_ANGELES, "2026-05-13T01:30"),
            ("2026-03-07", "08:00", NEW_YORK, "2026-03-07T13:00"),
            ("2026-03-08", "08:00", NEW_YORK, "2026-03-08T12:00"),
            ("2026-11-01", "08:00", NEW_YORK, "2026-11-01T13:00"),
            ("2026-11-01", "01:30", NEW_YORK, "2026-11-01T05:30"),
            ("2026-03-08", "02:30", NEW_YORK, "2026-03-08T07:00"),
        ],
        ids=["evening", "winter", "first summer day", "first winter day", "doubled hour", "missing hour"],
    )
    def test_row_8_wall_clock_in_the_practices_zone(self, day: str, wall: str, zone: ZoneInfo, expected: str) -> None:
        """Also on the days when clocks change; a start that the clocks skip must not vanish."""
        one = mapping.appointment(visit(date=f"{day}T00:00:00", time=wall), zone, 30)
        assert one.starts_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)
        assert one.starts_at.tzinfo is UTC

    def test_length_is_elapsed_time(self) -> None:
        one = mapping.appointment(visit(date="2026-03-08", time="01:30", length="60"), NEW_YORK, 30)
        assert one.ends_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)

    @pytest.mark.parametrize("length", ["", "0", "many", None])
    def test_unusable_length_takes_the_default(self, length: object) -> None:
        one = mapping.appointment(visit(length=length), NEW_YORK, 40)
        assert (one.ends_at - one.starts_at).total_seconds() == 40 * 60

    @pytest.mark.parametrize(("name", "value"), [("date", ""), ("date", "soon"), ("time", "late"), ("time", None)])
    def test_unreadable_row_is_never_left_out(self, name: str, value: object) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            mapping.appointment(visit(**{name: value}), NEW_YORK, 30)

    def test_row_without_an_id_is_never_left_out(self) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            mapping.appointment(visit(appointment_sr_no=""), NEW_YORK, 30)


class TestPatient:
    def test_all_of_a_row(self) -> None:
        one = mapping.patient(person(preferred_name="Addie", homephone="212-555-0148", workphone="2125550147"))
        assert (one.id, one.first_name, one.last_name, one.preferred_name) == ("1001", "Ada", "Example", "Addie")
        assert one.date_of_birth == date(1990, 1, 31)
        assert one.phones == ("+12125550147", "+12125550148")
        assert (one.email, one.guarantor_id, one.is_active) == ("ada@example.test", "1000", True)

    def test_one_bad_field_costs_that_field_only(self) -> None:
        one = mapping.patient(person(birthdate="0001-01-01T00:00:00", cell="555-0147", workphone="(212) 555-0150 x12"))
        assert one.date_of_birth is None
        assert one.phones == ("+12125550150",)
        assert one.last_name == "Example"

    @pytest.mark.parametrize(
        ("status", "active"), [("ACTIVE", True), ("", True), ("Inactive", False), ("Deceased", False)]
    )
    def test_row_13_status_in_any_case(self, status: str, active: bool) -> None:
        assert mapping.patient(person(status=status)).is_active is active

    def test_patient_without_an_id_is_an_error(self) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            mapping.patient(person(patient_id=""))

    def test_nothing_personal_in_the_representation(self) -> None:
        shown = repr(mapping.patient(person()))
        assert not any(word in shown for word in ("Ada", "Example", "1990", "555", "@"))


class TestPractice:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"specialty": "General Dentist"}, "Dr. Ada Lund"),
            ({"specialty": "Orthodontist"}, "Dr. Ada Lund"),
            ({"speciality": "Oral Surgery"}, "Dr. Ada Lund"),
            ({"specialty_code": "1223P0221X"}, "Dr. Ada Lund"),
            ({"specialty": "Hygienist"}, "Ada Lund"),
            ({"specialty": "Dental Assistant"}, "Ada Lund"),
            ({"specialty": "General Hygienist"}, "Ada Lund"),
            ({"specialty": "", "specialty_code": "124Q00000X"}, "Ada Lund"),
            ({"specialty": "Dentist", "firstname": "Dr. Ada"}, "Dr. Ada Lund"),
            ({"specialty": "Dentist", "firstname": "Drew"}, "Dr. Drew Lund"),
            ({"specialty": "Dentist", "firstname": "", "lastname": ""}, "DR1"),
            ({}, "Ada Lund"),
        ],
    )
    def test_clinician_is_said_as_the_practice_says_it(self, changes: dict[str, str], expected: str) -> None:
        row = {"provider_id": "DR1", "firstname": "Ada", "lastname": "Lund", **changes}
        assert mapping.clinician_name(row) == expected

    def test_row_13_clinicians(self) -> None:
        """Status in any case; staff and hidden rows are nobody to book with."""
        rows = [
            {"provider_id": "1", "status": "ACTIVE", "provider_type": "Provider"},
            {"provider_id": "2", "status": "Inactive", "provider_type": "Provider"},
            {"provider_id": "3", "status": "active", "provider_type": "Staff"},
            {"provider_id": "4", "status": "active", "provider_type": "Provider", "is_hidden": "True"},
            {"provider_id": "", "status": "active", "provider_type": "Provider"},
        ]
        assert [(one.id, one.is_active) for one in mapping.clinicians(rows)] == [("1", True), ("2", False)]

    def test_operatories(self) -> None:
        """The value to book with is the operatory, not its abbreviation; Eaglesoft ties rooms to people."""
        rows = [
            {"operatory": "Op 1", "abbreviation": "O1", "practice_id": "1-0", "provider_id": ""},
            {"operatory": "Op 2", "practice_id": "1-1", "provider_id": "DR1| HY1|"},
            {"operatory": "Old", "practice_id": "1-1", "is_hidden": "T"},
            {"operatory": "Elsewhere", "practice_id": "1-2"},
            {"operatory": "", "practice_id": "1-1"},
        ]
        assert mapping.operatories(rows, frozenset({"1-2"})) == [
            Operatory("Op 1", "Op 1"),
            Operatory("Op 2", "Op 2", clinician_ids=("DR1", "HY1")),
        ]

    def test_variables_are_told_apart_by_service_item(self) -> None:
        rows = [
            {"service_name": "Appointment Status", "service_item": "appointment status", "value": "Open"},
            {"service_name": "Appointment Status", "service_item": "appointment confirmed status", "value": "Left msg"},
            {"service_name": "Appointment Status", "value": "Complete"},
            {"service_name": "Claim Status", "value": "Sent"},
        ]
        found = mapping.variables(rows, "Appointment Status")
        assert [row["value"] for row in found] == ["Open", "Complete"]

    def test_appointment_types(self) -> None:
        rows = [{"value": "2", "description": "Cleaning"}, {"value": "Exam"}, {"value": ""}]
        assert mapping.appointment_types(rows) == [
            PmsAppointmentType("2", "Cleaning"),
            PmsAppointmentType("Exam", "Exam"),
        ]

    def test_locations(self) -> None:
        assert mapping.locations([{"practice_id": "1-1", "name": "North"}, {"name": "?"}]) == [Location("1-1", "North")]


class TestHours:
    MORNING = (time(8), time(12))
    AFTERNOON = (time(13), time(17))

    def week(self, **changes: Any) -> dict[str, Any]:
        days = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
        blank = {f"{day}_{edge}_{n}": "" for day in days for edge in ("start", "end") for n in (1, 2, 3)}
        head = {"date": "2026-05-10T00:00:00", "resource_type": "practice", "resource_id": "1", "practice_id": "1"}
        monday = {
            "monday_start_1": "08:00",
            "monday_end_1": "12:00",
            "monday_start_2": "1:00 PM",
            "monday_end_2": "5:00 PM",
        }
        return blank | head | monday | changes

    def read(self, *rows: dict[str, Any]) -> dict[date, DaySchedule]:
        return {one.day: one for one in day_schedules(rows, date(2026, 5, 1), date(2026, 5, 31))}

    def test_week_that_starts_on_sunday(self) -> None:
        found = self.read(self.week())
        assert sorted(found) == [date(2026, 5, day) for day in range(10, 17)]
        assert found[date(2026, 5, 11)].windows == (self.MORNING, self.AFTERNOON)

    def test_week_that_starts_on_monday(self) -> None:
        found = self.read(self.week(date="2026-05-11T00:00:00"))
        assert found[date(2026, 5, 11)].windows == (self.MORNING, self.AFTERNOON)
        assert found[date(2026, 5, 17)].windows == ()

    def test_blank_day_in_a_week_with_hours_is_closed(self) -> None:
        assert self.read(self.week())[date(2026, 5, 12)].windows == ()

    def test_week_without_any_hours_is_unknown(self) -> None:
        blank = dict.fromkeys(("monday_start_1", "monday_end_1", "monday_start_2", "monday_end_2"), "")
        assert self.read(self.week(**blank)) == {}

    def test_absent_fields_are_unknown(self) -> None:
        week = {name: value for name, value in self.week().items() if not name.startswith("tuesday")}
        assert date(2026, 5, 12) not in self.read(week)
        assert date(2026, 5, 13) in self.read(week)

    @pytest.mark.parametrize("value", ["eight", "25:00", "18:00"])
    def test_unreadable_hours_make_the_day_unknown(self, value: str) -> None:
        assert date(2026, 5, 11) not in self.read(self.week(monday_start_1=value))

    def test_holiday_is_closed_whatever_its_hours(self) -> None:
        one = self.read(self.week(monday_holiday="True"))[date(2026, 5, 11)]
        assert (one.windows, one.is_holiday) == ((), True)

    def test_empty_window_is_none(self) -> None:
        one = self.read(self.week(monday_start_1="00:00", monday_end_1="00:00"))[date(2026, 5, 11)]
        assert one.windows == (self.AFTERNOON,)

    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            ("Practice", ResourceKind.PRACTICE),
            ("provider", ResourceKind.CLINICIAN),
            ("OPERATORY", ResourceKind.OPERATORY),
            ("spaceship", None),
            ("", None),
        ],
    )
    def test_whose_hours(self, said: str, kind: ResourceKind | None) -> None:
        assert {one.kind for one in self.read(self.week(resource_type=said)).values()} == ({kind} if kind else set())

    def test_only_the_days_asked_for(self) -> None:
        found = day_schedules([self.week()], date(2026, 5, 11), date(2026, 5, 12))
        assert [one.day for one in found] == [date(2026, 5, 11), date(2026, 5, 12)]

    @pytest.mark.parametrize("asked", [date(2026, 5, 10), date(2026, 5, 16)])
    def test_first_and_last_day_of_a_week(self, asked: date) -> None:
        assert [one.day for one in day_schedules([self.week()], asked, asked)] == [asked]

    @pytest.mark.parametrize("first", ["0001-01-01T00:00:00", "9999-12-31T00:00:00"])
    def test_week_at_the_end_of_the_calendar(self, first: str) -> None:
        assert self.read(self.week(date=first)) == {}
