"""Regressions of lessons.md H5, H8 to H12 and H17, and of sikka.md 6 row 12: the wrong day, the wrong hour, twice."""

from __future__ import annotations

import re
import threading
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain import speech
from pms.domain.clock import Budget
from pms.domain.localtime import local_date_of
from pms.models import AppointmentType, Booking, BookingMode, BookingState, PmsIntegration, WriteBack
from pms.providers.sikka import reads
from pms.sandbox import Sandbox
from pms.sandbox.diary import closed_days
from pms.services import availability, gateway
from pms.services.availability import Sought
from tests.conftest import Sim, use_sandbox
from tests.journeys.tenants import BIRCH, BIRCH_PRACTICE, DESMOND, Door
from tests.practice import seeded
from tests.regressions import elsewhere
from tests.regressions.kinds import NINA, VISITS_ON, Hasty, at_the_desk, people
from tests.talking import (
    ALDER,
    NEW_YORK,
    Caller,
    SetClock,
    asked_of_the_pms,
    codes,
    in_the_pms,
    quiet_day,
    together,
    trusting_any_copy,
)
from tests.vapi.sending import ASKER

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
WRITING = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(autouse=True)
def _copies_stay_old(sim: Sim) -> None:
    """Let the vendor's copy lag behind what the office has, as it does for minutes to a day."""
    sim("POST", "config", refresh_lag=100000)


def written(sim: Sim) -> list[tuple[str, str]]:
    """Return the requests that change something at the vendor."""
    return [one for one in asked_of_the_pms(sim) if one[0] in WRITING and one[1] != "/request_key"]


# H5: the date came from UTC and the time from the server's own zone, so 17:30 in Los Angeles was the next day


@pytest.fixture
def birch(sandbox: Sandbox, settings: Settings) -> Account:
    """The practice in Los Angeles, open in the evening, when it is the next day already in UTC."""
    use_sandbox(settings, sandbox)
    return seeded(**BIRCH_PRACTICE)


@pytest.mark.django_db(transaction=True)
def test_h5_an_evening_appointment_stays_on_its_day_wherever_the_server_is(
    birch: Account, sandbox: Sandbox, sim: Sim
) -> None:
    day, next_day = quiet_day(1), quiet_day(2)
    number = at_the_desk(sim, "09:00", office=BIRCH)
    caller = Caller(birch).verified(DESMOND)
    uses: list[tuple[str, dict[str, Any]]] = [
        ("bookAppointment", {"appointmentType": "cleaning", "date": day.isoformat(), "time": "17:00"}),
        ("rescheduleAppointment", {"appointmentId": number, "date": next_day.isoformat(), "time": "17:00"}),
    ]

    told = elsewhere.used("America/Los_Angeles", caller.call.vapi_call_id, uses, sandbox)

    rows = sim("GET", "truth", office_id=BIRCH, patient_id="1001")["appointments"]
    [booked] = [row for row in rows if row["date"].startswith(day.isoformat())]
    [moved] = [row for row in rows if row["appointment_sr_no"] == number]
    assert told["offset"] == -8 * 3600
    assert (booked["date"][:10], booked["time"]) == (day.isoformat(), "17:00")
    assert (moved["date"][:10], moved["time"]) == (next_day.isoformat(), "17:00")
    assert all(" at 5 PM with Rosalind Umbertide" in said for said in told["said"])
    starts = {booking.starts_at for booking in Booking.objects.all()}
    assert starts == {datetime.combine(one, time(17), LOS_ANGELES) for one in (day, next_day)}


# H8 (LM-06, LM-09) and sikka.md 6 row 12: a past or unreadable time was moved to another one, and booked

YESTERDAY = (local_date_of(timezone.now(), NEW_YORK) - timedelta(days=1)).isoformat()
NOT_TIMES = {
    "date_in_past": {"date": YESTERDAY, "time": "10:00"},
    "time_format": {"startTime": "tomorrow at ten"},
    "date_missing": {"time": "10:00"},
    "date_invalid": {"date": "2027-02-30", "time": "10:00"},
    "placeholder": {"startTime": "{{slot.start}}"},
}


@pytest.mark.parametrize("tool", ["bookAppointment", "rescheduleAppointment"])
@pytest.mark.parametrize(("code", "when"), NOT_TIMES.items(), ids=NOT_TIMES)
def test_h8_a_time_that_cannot_be_meant_is_asked_about_and_nothing_is_written(
    cora: Caller, door: Door, visits: list[str], sim: Sim, tool: str, code: str, when: dict[str, str]
) -> None:
    what = {"bookAppointment": {"appointmentType": "cleaning"}, "rescheduleAppointment": {"appointmentId": visits[0]}}
    arguments = what[tool] | when
    before = sim("GET", "truth", office_id=ALDER)
    sim("DELETE", "requests")

    result = cora.use(tool, **arguments)
    by_rest = door.rest(tool, arguments, call=cora.call.vapi_call_id)

    assert result.outcome == code
    assert by_rest.verdict == f"422 {code}"
    assert "?" in result.say
    assert written(sim) == []
    assert not Booking.objects.exists()
    assert not WriteBack.objects.exists()
    assert sim("GET", "truth", office_id=ALDER) == before


@pytest.mark.parametrize(
    ("day", "code"), [(YESTERDAY, "date_in_past"), ("soon", "time_format")], ids=["past", "no day"]
)
def test_h8_no_other_day_is_offered_for_one_that_cannot_be_meant(caller: Caller, day: str, code: str) -> None:
    result = caller.use("checkAvailability", appointmentType="cleaning", date=day)

    assert result.outcome == code
    assert codes(result.say) == []


def test_row_12_who_asked_for_a_past_day_hears_which_day_it_is(cora: Caller) -> None:
    today = speech.say_date(local_date_of(timezone.now(), NEW_YORK))

    assert today in cora.book(date=YESTERDAY).say


def test_row_12_a_server_that_names_a_past_instant_is_refused(door: Door, sim: Sim) -> None:
    sim("DELETE", "requests")
    wish = {"patientId": "1001", "appointmentType": "Cleaning", "startTime": f"{YESTERDAY}T15:00:00Z"}

    assert door.rest("bookAppointment", wish, by="server").verdict == "422 date_in_past"
    assert written(sim) == []


# H9 (RL-03): when all of today's times were past, they were offered all the same


def offered_on(practice: Account, day: date, now: datetime) -> list[datetime]:
    """Return the starts that the engine finds on a day, seen from ``now``."""
    clock = SetClock(now)
    integration = PmsIntegration.objects.select_related("account").get(account=practice)
    asked: dict[str, Any] = {"integration": integration, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}
    with gateway.reading(**asked, action="test", phi=True) as access:
        kind = AppointmentType.objects.get(account=practice, name="Cleaning")
        view = availability.day_view(access, Sought(appointment_type=kind), day)
    return [slot.start for slot in view.result.slots]


def test_h9_after_closing_time_today_is_empty_and_the_next_day_is_named(practice: Account) -> None:
    practice.integrations.update(config={"stepMinutes": 30, "minNoticeMinutes": 0})
    trusting_any_copy(practice)
    closed = datetime.combine(quiet_day(), time(17, 30), NEW_YORK)
    afternoon = datetime.combine(quiet_day(), time(14, 10), NEW_YORK)

    said = Caller(practice, clock=SetClock(closed)).open_times()

    assert offered_on(practice, quiet_day(), closed) == []
    assert said.startswith("There is nothing open on Tuesday, ")
    assert "The next opening is on Wednesday, " in said
    left = offered_on(practice, quiet_day(), afternoon)
    assert min(left) == datetime.combine(quiet_day(), time(14, 30), NEW_YORK)


# H10: hours were guessed, and only the first two hundred appointments were seen


def starts(door: Door, day: date, **asked: str) -> list[str]:
    """Return the local starts that a server is told for a day."""
    heard = door.rest(
        "checkAvailability", {"date": day.isoformat(), "appointmentType": "Cleaning", **asked}, by="server"
    )
    assert heard.is_served, heard
    found = re.findall(r'"startTime": "([^"]+)"', heard.text)
    return [f"{datetime.fromisoformat(one).astimezone(NEW_YORK):%H:%M}" for one in found]


def test_h10_hours_are_the_practices_own(door: Door) -> None:
    [closed] = closed_days(local_date_of(timezone.now(), NEW_YORK))

    tuesday = starts(door, quiet_day())

    assert (min(tuesday), max(tuesday)) == ("08:00", "16:00")
    assert not {"11:30", "12:00", "12:30"} & set(tuesday), "lunch"
    assert max(starts(door, quiet_day(4))) == "12:00", "Friday ends at one"
    assert (starts(door, quiet_day(5)), starts(door, quiet_day(6)), starts(door, closed)) == ([], [], [])
    assert starts(door, quiet_day(2), providerId="HY2") == [], "off on Wednesdays"
    assert min(starts(door, quiet_day(), appointmentType="Emergency", providerId="DR2")) == "09:00"


def test_h10_what_stands_on_a_later_page_blocks_as_well(door: Door, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "_APPOINTMENT_PAGE", 2)
    for hour in ("08:00", "10:00", "13:00", "14:00"):
        at_the_desk(sim, hour, patient_id="1012", provider_id="DR1", operatory="Op 1")
    at_the_desk(sim, "09:00", patient_id="1010")
    sim("DELETE", "requests")

    free = starts(door, VISITS_ON, providerId="HY1")

    pages = [one["query"]["offset"] for one in sim("GET", "requests")["requests"] if one["path"] == "/v4/appointments"]
    assert pages == ["0", "1", "2"]
    assert {"08:00", "10:00"} <= set(free)
    assert not {"08:30", "09:00", "09:30"} & set(free)


@pytest.mark.parametrize("busy", [{"provider_id": "DR1", "operatory": "Hyg 1"}, {"operatory": "Op 3"}], ids=str)
def test_h10_a_busy_room_and_a_busy_clinician_each_take_the_time(door: Door, sim: Sim, busy: dict[str, str]) -> None:
    at_the_desk(sim, "09:00", patient_id="1010", **busy)

    assert "09:00" not in starts(door, VISITS_ON, providerId="HY1")
    assert "10:00" in starts(door, VISITS_ON, providerId="HY1")


# H11: nothing was checked or locked before a booking, and Vapi's retries booked twice. RC-01, RC-02 and RC-05 are in
# tests/races, WB-10 in tests/writeback.


def test_h11_what_is_taken_between_two_looks_is_not_written_either(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day is read once more under the hold."""
    cora.open_times()
    first, looks = threading.Event(), availability.day_view

    def looked(*args: Any, **asked: Any) -> Any:
        view = looks(*args, **asked)
        if not first.is_set():
            first.set()
            at_the_desk(sim, "09:00", patient_id="1010", date=quiet_day().isoformat())
        return view

    monkeypatch.setattr(availability, "day_view", looked)
    sim("DELETE", "requests")

    result = cora.book(providerId="HY1")

    assert result.outcome == "slot_taken"
    assert written(sim) == []
    assert Booking.objects.get().state == BookingState.FAILED


# H12: whoever came first in the vendor's lists was booked, for any treatment


def pairs(kind: AppointmentType) -> set[tuple[str, str]]:
    return {(pair["clinicianId"], pair["operatoryId"]) for pair in kind.resources}


def direct() -> list[str]:
    return ["Cleaning", "New Patient Exam", "Emergency"]


@pytest.mark.parametrize("name", direct())
def test_h12_only_mapped_pairs_are_offered_and_booked(cora: Caller, door: Door, sim: Sim, name: str) -> None:
    kind = AppointmentType.objects.get(name=name)
    mapped = pairs(kind)

    told = door.rest("checkAvailability", {"date": quiet_day().isoformat(), "appointmentType": name}, by="server").text
    offered = codes(cora.open_times(appointmentType=name))
    for code in offered[:2]:
        assert cora.book(slotCode=code).outcome == "ok"

    assert set(re.findall(r'"providerId": "(\w+)"', told)) <= {clinician for clinician, _ in mapped}
    booked = {(row["provider_id"], row["operatory"]) for row in in_the_pms(sim, "1001")}
    assert booked
    assert booked <= mapped
    assert set(AppointmentType.objects.filter(mode=BookingMode.DIRECT).values_list("name", flat=True)) == set(direct())


@pytest.mark.parametrize("who", ["DR1", "Dr. Tarkowski", "ST1", "DR9", "nobody"])
def test_h12_who_does_not_do_that_treatment_is_never_booked_for_it(cora: Caller, sim: Sim, who: str) -> None:
    sim("DELETE", "requests")

    result = cora.book(providerId=who)

    assert result.outcome == "validation_failed"
    assert "Perpetua Lindqvist" in result.say
    assert written(sim) == []


@pytest.mark.parametrize(
    "resources",
    [[], [{"clinicianId": "DR9", "operatoryId": "Op 1"}], [{"clinicianId": "HY1", "operatoryId": "Old X-ray"}]],
    ids=["nothing is mapped", "an inactive clinician", "a hidden room"],
)
def test_h12_nobody_takes_the_place_of_a_pair_that_is_not_there(
    cora: Caller, sim: Sim, resources: list[dict[str, str]]
) -> None:
    AppointmentType.objects.filter(name="Cleaning").update(resources=resources)
    sim("DELETE", "requests")

    offered, booked = cora.open_times(), cora.book()

    assert codes(offered) == []
    assert booked.outcome != "ok"
    assert written(sim) == []


# H17 (PT-09, PT-10, ID-20): every failed search made another chart


def made(sim: Sim) -> int:
    return len(people(sim, NINA["lastName"]))


def creations(sim: Sim) -> int:
    return asked_of_the_pms(sim).count(("POST", "/patient"))


def test_h17_who_calls_again_before_the_copy_shows_the_record_gets_the_same_one(
    practice: Account, caller: Caller, sim: Sim
) -> None:
    """PT-09: the first call's write is still under way, then done and not yet shown."""
    sim("POST", "config", writeback_delay=600)
    first = caller.use("createPatient", **NINA)
    second = Caller(practice, number="", clock=Hasty())
    again = second.use("createPatient", **NINA)
    found = Caller(practice, number="", clock=Hasty()).use("findPatient", **NINA)
    sim("POST", "clock", advance_seconds=601)
    third = Caller(practice, number="", clock=Hasty()).use("createPatient", **NINA)

    handle = re.search(r"patient id (new-[0-9a-f]{32})", first.say)
    assert handle
    assert handle[1] in again.say
    assert handle[1] in found.say
    assert [one.outcome for one in (first, again, found, third)] == ["ok"] * 4
    assert (creations(sim), made(sim)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_h17_two_calls_at_once_make_one_record_and_get_the_same_id(practice: Account, sim: Sim) -> None:
    """PT-10."""
    callers = [Caller(practice, number="") for _ in range(4)]
    callers[0].open_times()

    results = together(*(lambda c=c: c.use("createPatient", seconds=30, **NINA) for c in callers))

    told = {match[1] for one in results if (match := re.search(r"patient id ([\w-]+)", one.say))}
    ids = {str(one.patient_id) for caller in callers for one in caller.call.verifications.all()}
    [record] = people(sim, NINA["lastName"])
    assert {one.outcome for one in results} == {"ok"}
    assert creations(sim) == 1
    assert ids == {record["patient_id"]}
    assert told <= {record["patient_id"], f"new-{WriteBack.objects.get().pk.hex}"}


def test_h17_a_record_is_made_only_after_looking_for_one(caller: Caller, sim: Sim) -> None:
    """ID-20."""
    sim("DELETE", "requests")

    result = caller.use("createPatient", **NINA)

    asked = asked_of_the_pms(sim)
    assert result.outcome == "ok"
    assert ("GET", "/patients") in asked[: asked.index(("POST", "/patient"))]
    assert made(sim) == 1


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "duplicate_patient"),
        ({"firstName": "CORA", "lastName": "whitfield"}, "duplicate_patient"),
        ({"firstName": "Jordan", "lastName": "Lee", "dateOfBirth": "1975-06-15"}, "ambiguous_patient"),
        ({"firstName": "Nora", "lastName": "Quist", "dateOfBirth": "1958-01-17"}, "ambiguous_patient"),
    ],
    ids=["the same", "written differently", "two of one name", "inactive"],
)
def test_h17_somebody_who_is_there_gets_no_second_chart(
    caller: Caller, sim: Sim, changes: dict[str, str], outcome: str
) -> None:
    person = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12", **changes}

    result = caller.use("createPatient", **person)

    assert result.outcome == outcome
    assert creations(sim) == 0
    assert not WriteBack.objects.exists()
