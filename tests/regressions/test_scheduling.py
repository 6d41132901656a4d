"""Regressions of lessons.md H6, H7 and H19, and the list of the tests that hold those of spec/scheduling, 3.10.

H10 (hours guessed, later pages not seen) is in test_booking, H11 (nothing checked or locked) there and in tests/races.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.domain.clock import Budget
from pms.domain.records import Appointment
from pms.models import Booking, ConnectionStatus, PmsIntegration, PmsToken, SecurityEvent, WriteBack
from pms.sandbox import Sandbox
from pms.services import gateway, write_backs
from tests.conftest import Sim, use_sandbox
from tests.identity.test_every_case import TESTS, defined_in
from tests.journeys.tenants import BIRCH, BIRCH_PRACTICE, DESMOND
from tests.practice import seeded
from tests.regressions.kinds import at_the_desk
from tests.talking import Caller, SetClock, quiet_day
from tests.vapi.sending import ASKER

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
# The bugs of an earlier product (spec/scheduling, 3.10), and where they would be seen.
HELD_BY = {
    "server date and local clock mixed": "test_booking.py::"
    "test_h5_an_evening_appointment_stays_on_its_day_wherever_the_server_is",
    "single-pass offset": "test_scheduling.py::test_h7_the_morning_of_a_change_sunday_is_booked_at_its_own_instant",
    "past date pushed forward silently": "test_booking.py::"
    "test_h8_a_time_that_cannot_be_meant_is_asked_about_and_nothing_is_written",
    "unreadable time booked as now + 1 h": "test_booking.py::"
    "test_h8_a_time_that_cannot_be_meant_is_asked_about_and_nothing_is_written",
    "all slots past, so the list was unfiltered": "test_booking.py::"
    "test_h9_after_closing_time_today_is_empty_and_the_next_day_is_named",
    "poll time-out counted as completed": "test_honesty.py::"
    "test_wb_04_a_write_that_was_called_done_and_is_in_no_later_copy_is_lost",
    "write-back id kept as appointment id": "test_honesty.py::"
    "test_h4_the_id_that_is_told_and_kept_is_never_the_write_backs",
    "failure told as success": "test_honesty.py::test_h1_what_the_practice_refuses_is_not_done_and_staff_are_told",
    "first provider, first room": "test_booking.py::test_h12_only_mapped_pairs_are_offered_and_booked",
    "practice id corrected from the answer": "test_tenants.py::"
    "test_c1_an_answer_for_another_practice_switches_the_connection_off_and_is_never_adopted",
}


@pytest.mark.parametrize("test", HELD_BY.values(), ids=HELD_BY)
def test_the_bug_has_its_test(test: str) -> None:
    path, _, name = test.partition("::")

    assert name in defined_in(TESTS / "regressions" / path)


@pytest.fixture
def birch(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """The practice in Los Angeles."""
    use_sandbox(settings, sandbox)
    return seeded(**BIRCH_PRACTICE)


# H6 (TZ-12): the PMS's wall clock was stored as if it were UTC, with a "Z" behind it


def shown_on(account: Account, day: date) -> list[Appointment]:
    """Return a local day's appointments as the adapter hands them on."""
    clock = SetClock()
    asked: dict[str, Any] = {"clock": clock, "budget": Budget(8, clock), "asker": ASKER}
    integration = PmsIntegration.objects.select_related("account").get(account=account)
    with gateway.reading(integration=integration, **asked, action="test", phi=True) as access:
        return access.pms.list_appointments(day, day)


def test_h6_the_wall_clock_of_the_pms_is_read_as_the_practices_own(birch: Account, sim: Sim) -> None:
    number = at_the_desk(sim, "18:30", office=BIRCH, date=quiet_day().isoformat())
    half_past_six = datetime.combine(quiet_day(), time(18, 30), LOS_ANGELES)

    [row] = shown_on(birch, quiet_day())
    said = Caller(birch).verified(DESMOND).ahead()

    assert (row.id, row.starts_at, row.starts_at.utcoffset()) == (number, half_past_six, timedelta())
    assert row.starts_at.date() == quiet_day() + timedelta(days=1), "in UTC it is the next day"
    assert " at 6 30 PM" in said or " at 6:30 PM" in said
    assert shown_on(birch, quiet_day() + timedelta(days=1)) == []


def test_h6_what_is_kept_of_a_booking_is_an_instant(birch: Account, sim: Sim) -> None:
    five = datetime.combine(quiet_day(), time(17), LOS_ANGELES)

    assert Caller(birch).verified(DESMOND).book("17:00").outcome == "ok"

    booking, write_back = Booking.objects.get(), WriteBack.objects.get()
    sent = write_backs.change_of(write_back)
    [row] = sim("GET", "truth", office_id=BIRCH, patient_id="1001")["appointments"]
    kept = {name: value for name, value in vars(booking).items() if isinstance(value, datetime)}
    assert {value.utcoffset() for value in kept.values()} == {timedelta()}
    assert (booking.starts_at, booking.ends_at) == (five, five + timedelta(hours=1))
    assert getattr(sent, "starts_at", None) == five
    assert (row["date"][:10], row["time"]) == (quiet_day().isoformat(), "17:00")


# H7 (TZ-04): one pass over the offset put the Sundays on which western clocks change an hour off


def change_sundays() -> dict[int, date]:
    """Return the next day on which Los Angeles goes forward (1) and the next on which it goes back (-1)."""
    found: dict[int, date] = {}
    today = SetClock().now().astimezone(LOS_ANGELES).date()
    for number in range(10, 500):
        day = today + timedelta(days=number)
        before, after = (datetime.combine(day + timedelta(days=n), time(), LOS_ANGELES).utcoffset() for n in (0, 1))
        assert before is not None
        assert after is not None
        if before != after:
            found.setdefault(1 if after > before else -1, day)
    return found


@pytest.fixture
def open_on_sundays(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, date]]:
    """Birch nine days before such a Sunday, on which it is open from eight o'clock on."""
    sunday = change_sundays()[request.param]
    start = datetime.combine(sunday - timedelta(days=9), time(12), LOS_ANGELES)
    with Sandbox(writeback_delay=0.02, refresh_lag=900, start=start.astimezone(UTC)) as sandbox:
        office = sandbox.world.offices[BIRCH]
        with sandbox.world.lock:
            office.schedule = [
                _open_at_eight(row) if row["date"][:10] == str(sunday) else row for row in office.schedule
            ]
        yield sandbox, sunday


def _open_at_eight(row: dict[str, str]) -> dict[str, str]:
    """Return a week of the schedule whose Sunday is like its Tuesday, but from eight o'clock on."""
    tuesday = {name: value for name, value in row.items() if name.startswith("tuesday_")}
    sunday = {name.replace("tuesday", "sunday"): value for name, value in tuesday.items()}
    return {**row, **sunday, "sunday_start_1": "08:00"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("open_on_sundays", "hour_in_utc"), [(1, 15), (-1, 16)], ids=["spring", "autumn"], indirect=["open_on_sundays"]
)
def test_h7_the_morning_of_a_change_sunday_is_booked_at_its_own_instant(
    open_on_sundays: tuple[Sandbox, date], hour_in_utc: int, settings: Settings
) -> None:
    sandbox, sunday = open_on_sundays
    use_sandbox(settings, sandbox)
    birch = seeded(**BIRCH_PRACTICE)
    noon = datetime.combine(sunday - timedelta(days=9), time(12), LOS_ANGELES)
    caller = Caller(birch, clock=SetClock(noon)).verified(DESMOND)

    offered = caller.open_times(date=sunday.isoformat(), time="08:00")
    result = caller.book("08:00", date=sunday.isoformat())

    assert result.outcome == "ok", (offered, result.say)
    booking = Booking.objects.get()
    with sandbox.world.lock:
        [row] = [one for one in sandbox.world.offices[BIRCH].truth.appointments.values() if str(sunday) in one["date"]]
    assert offered.startswith(f"On Sunday, {sunday:%B} ")
    assert "8 AM" in offered
    assert "is booked for Sunday" in result.say
    assert " at 8 AM " in result.say
    assert booking.starts_at == datetime(sunday.year, sunday.month, sunday.day, hour_in_utc, tzinfo=UTC)
    assert (row["date"][:10], row["time"]) == (str(sunday), "08:00")


# H19: the first failure to refresh a status switched the connection off

TRANSIENT: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "503": {"error_code": "API2002"},
    "504": {"error_code": "API2022"},
    "429": {"status": 429},
    "gateway page": {"kind": "html", "status": 502},
    "a firewall's 403": {"kind": "html", "status": 403},
    "broken off": {"kind": "drop"},
    "silence": {"kind": "timeout", "hold_seconds": 20},
}


@pytest.mark.parametrize("path", ["/v4/appointments", "/v4/request_key"], ids=["reading", "renewing the key"])
@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_h19_what_passes_by_does_not_switch_the_connection_off(
    caller: Caller, sim: Sim, fault: dict[str, Any], path: str
) -> None:
    caller.open_times()
    if path == "/v4/request_key":
        sim("POST", "expire_key", office_id="D10001")
    sim("POST", "fail", path=path, times=6, **fault)

    failed = caller.use("checkAvailability", seconds=2, appointmentType="cleaning", date=quiet_day().isoformat())
    after = PmsIntegration.objects.get()
    sim("POST", "reset")
    again = Caller(caller.call.account, clock=SetClock.later(minutes=10)).use(
        "checkAvailability", appointmentType="cleaning", date=quiet_day().isoformat()
    )

    assert failed.outcome in ("pms_unavailable", "upstream_invalid", "rate_limited")
    assert after.status == ConnectionStatus.ACTIVE
    assert not SecurityEvent.objects.filter(kind__in=["integration.rejected", "integration.tenant_mismatch"]).exists()
    assert PmsToken.objects.exists()
    assert again.outcome == "ok"
