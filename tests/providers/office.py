"""The sandbox's offices as the adapter's tests use them, and what they do there again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pms.domain.records import NewAppointment, PatientQuery
from pms.providers.base import Done, Pending, PmsService, WriteOutcome

# A Monday at eight in New York; the sandbox's own clock starts here, so that every day below is an open one.
START = datetime(2026, 5, 11, 12, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
# A Wednesday in the month that the sandbox has filled.
DAY = date(2026, 5, 20)
ALDER, BIRCH, CEDAR, CLOSED = "D10001", "D20002", "D30003", "D40004"
CORA = PatientQuery("Whitfield", date(1987, 4, 12), "+12125550147")

Build = Callable[..., PmsService]
Command = Callable[..., dict[str, Any]]


def at(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    """Return the instant at which the practice's clock shows this time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def free_time(service: PmsService) -> NewAppointment:
    """Return an appointment for Cora that the PMS can take: noon, when the practice has lunch."""
    start = at(12)
    assert not any(one.starts_at <= start < one.ends_at for one in service.list_appointments(DAY, DAY))
    return NewAppointment("1001", "DR1", "Op 3", start, 30, "3", "Toothache, since Monday!")


def follow(service: PmsService, written: object) -> WriteOutcome:
    """Ask once what became of a write that was accepted."""
    assert isinstance(written, Pending)
    return service.follow_write(written.reference)


def booked(service: PmsService) -> str:
    """Book the free time and return the appointment's id."""
    done = follow(service, service.book_appointment(free_time(service)))
    assert isinstance(done, Done)
    return done.record_id


def asked_paths(sim: Command) -> list[str]:
    """Return what the sandbox was asked for since its log was emptied, as "GET /v4/appointments"."""
    return [f"{one['method']} {one['path']}" for one in sim("GET", "requests")["requests"]]


def last_request(sim: Command, method: str) -> dict[str, Any]:
    """Return the newest request of a method, as the sandbox has logged it."""
    found: dict[str, Any] = next(one for one in reversed(sim("GET", "requests")["requests"]) if one["method"] == method)
    return found


def in_the_pms(sim: Command, number: str, office: str = ALDER) -> dict[str, str]:
    """Return one appointment as the practice's own system has it."""
    rows = sim("GET", "truth", office_id=office)["appointments"]
    row: dict[str, str] = next(row for row in rows if row["appointment_sr_no"] == number)
    return row


def people_in_the_pms(sim: Command, last_name: str) -> list[dict[str, str]]:
    """Return the patients of this last name whom the practice's own system has."""
    return [row for row in sim("GET", "truth", office_id=ALDER)["patients"] if row["lastname"] == last_name]


def copied_since(sim: Command) -> None:
    """Let so much time pass that Sikka's copy is newer than any write of the test."""
    sim("POST", "clock", advance_seconds=timedelta(minutes=10).total_seconds())
    sim("POST", "refresh")
