"""The mistakes that an earlier product made on this API, each held off against the sandbox.

Rows are those of sikka.md 6, which the adapter's README repeats. 2, 10, 12 and the rest of 9 are not the adapter's to
make; 7 to 7d are about money, insurance and notes, which it does not touch.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors
from pms.domain.records import AppointmentStatus, MovedAppointment, NewAppointment, PatientQuery, StatusChange
from pms.providers.base import Done, Pending
from pms.providers.sikka.client import SikkaClient
from tests.providers.fakes import LONG_AGO
from tests.providers.office import (
    ALDER,
    BIRCH,
    CEDAR,
    CLOSED,
    CORA,
    DAY,
    START,
    Build,
    Command,
    asked_paths,
    at,
    booked,
    copied_since,
    follow,
    free_time,
    in_the_pms,
    people_in_the_pms,
)
from tests.providers.test_sikka_writing import KINDS, NINA, change_of, moved, send, sent, write_backs
from tests.tooling.test_docs import sources

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


# sikka.md 6 row 1: a write that was pending, timed out or forbidden to ask about was told as completed.


@pytest.mark.parametrize("kind", KINDS)
def test_row_1_a_write_is_not_done_before_the_office_has_made_it(build: Build, sim: Command, kind: str) -> None:
    service = build()
    change = change_of(kind, service)
    sim("POST", "config", writeback_delay=3600)

    written = send(service, change)
    at_once = follow(service, written)
    sim("POST", "office", office_id=ALDER, online=False)
    sim("POST", "clock", advance_seconds=86400)
    never_done = follow(build(), written)

    assert isinstance(written, Pending)
    assert (at_once, never_done) == (written, written)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"error_code": "API2004"}, errors.NotEntitled),
        ({"kind": "html", "status": 403}, errors.PmsUnavailable),
        ({"error_code": "API2001"}, errors.PmsUnavailable),
        ({"kind": "text", "status": 200}, errors.UpstreamInvalid),
    ],
)
def test_row_1_a_status_that_cannot_be_asked_is_never_done(
    build: Build, sim: Command, fault: dict[str, object], expected: type[errors.PmsError]
) -> None:
    service = build()
    written = service.book_appointment(free_time(service))
    sim("POST", "fail", path="/v4/writeback_status", **fault)

    with pytest.raises(expected):
        follow(service, written)

    assert isinstance(follow(service, written), Done)


def test_row_1_a_status_that_comes_too_late_is_never_done(build: Build, sim: Command) -> None:
    service = build()
    written = service.book_appointment(free_time(service))
    sim("POST", "fail", path="/v4/writeback_status", kind="timeout", hold_seconds=2)

    with pytest.raises(errors.BudgetSpent):
        follow(build(seconds=0.3), written)

    assert isinstance(follow(service, written), Done)


# sikka.md 6 row 3: the write-back's id was returned as the appointment's or the patient's.


@pytest.mark.parametrize("kind", KINDS)
def test_row_3_the_id_is_the_records_own_and_not_the_write_backs(build: Build, sim: Command, kind: str) -> None:
    service = build()
    change = change_of(kind, service)

    reference = sent(service, change)
    done = service.follow_write(reference)

    assert isinstance(done, Done)
    assert done.record_id != reference
    if kind == "patient":
        assert [row["patient_id"] for row in people_in_the_pms(sim, NINA.last_name)] == [done.record_id]
    else:
        assert in_the_pms(sim, done.record_id)["patient_id"] == "1001"


@pytest.mark.parametrize("kind", KINDS)
def test_row_3_an_id_that_is_not_told_is_not_made_up(build: Build, sim: Command, kind: str) -> None:
    service = build()
    change = change_of(kind, service)
    sim("POST", "config", tell_created_id=False)

    done = follow(service, send(service, change))

    known = change.appointment_id if isinstance(change, MovedAppointment | StatusChange) else ""
    assert done == Done(known)


# sikka.md 6 row 4: `offset` was taken for a number of rows, so pages were skipped.


def test_row_4_a_list_is_read_page_by_page_and_every_row_once(build: Build, sim: Command) -> None:
    service = build()
    everybody = {row["patient_id"] for row in sim("GET", "truth", office_id=ALDER)["patients"]}
    sim("DELETE", "requests")

    rows = SikkaClient(service.connection).rows("/patients", {"practice_id": "1"}, limit=len(everybody) * 2 // 5)

    asked = [one["query"] for one in sim("GET", "requests")["requests"] if one["path"] == "/v4/patients"]
    assert [one["offset"] for one in asked] == ["0", "1", "2"]
    assert {one["practice_id"] for one in asked} == {"1"}, "filters are sent with every page"
    assert len(rows) == len(everybody)
    assert {row["patient_id"] for row in rows} == everybody


# sikka.md 6 row 5: an expired key (400 API1025) was not handled, and each process renewed for itself alone.


@pytest.mark.parametrize("kind", ["read", *KINDS])
def test_row_5_an_expired_key_costs_one_renewal_and_one_repetition(build: Build, sim: Command, kind: str) -> None:
    service = build(locationId="1")
    service.get_patient("1001")
    change = None if kind == "read" else change_of(kind, service)
    made = len(write_backs(sim))
    sim("POST", "expire_key", office_id=ALDER)
    sim("DELETE", "requests")

    if change is None:
        service.get_patient("1001")
    else:
        send(service, change)

    asked = asked_paths(sim)
    assert asked.count("POST /v4/request_key") == 1
    assert asked[0] == asked[2]
    assert len(write_backs(sim)) == made + (kind != "read")


def test_row_5_a_second_process_uses_the_stored_key(build: Build, sim: Command) -> None:
    build(locationId="1").get_patient("1001")
    sim("POST", "expire_key", office_id=ALDER)
    build(locationId="1").get_patient("1001")
    sim("DELETE", "requests")

    for _ in range(3):
        build(locationId="1").get_patient("1001")

    assert asked_paths(sim) == ["GET /v4/patients"] * 3


# sikka.md 6 row 6: the first authorised practice was taken for ours.


@pytest.mark.parametrize("office", [CLOSED, "D1", "D1000", "D100011", "1"])
def test_row_6_an_office_that_is_not_exactly_ours_is_an_error(build: Build, sim: Command, office: str) -> None:
    service = build(office, locationId="1")

    with pytest.raises(errors.CredentialsRejected):
        service.get_patient("1001")

    assert "POST /v4/request_key" not in asked_paths(sim)


def test_row_6_two_offices_with_the_same_ids_never_show_each_others_data(build: Build) -> None:
    """Both call their practice "1", and both have a patient 1001."""
    day = date(2026, 5, 12)

    alder, birch = build(ALDER), build(BIRCH)

    assert alder.get_patient("1001").last_name == "Whitfield"
    assert birch.get_patient("1001").last_name == "Achterberg"
    assert {one.name for one in alder.list_clinicians()}.isdisjoint({one.name for one in birch.list_clinicians()})
    names = [{one.patient_name for one in pms.list_appointments(day, day, details=True)} for pms in (alder, birch)]
    assert names[0]
    assert names[1]
    assert names[0].isdisjoint(names[1])


@pytest.mark.parametrize("kind", ["booking", "move", "cancellation"])
def test_row_6_a_write_of_one_office_is_nothing_to_the_other(build: Build, sim: Command, kind: str) -> None:
    service = build()
    change = change_of(kind, service)
    sim("POST", "config", writeback_delay=3600)
    before = sim("GET", "truth", office_id=BIRCH)

    reference = sent(service, change)
    with pytest.raises(errors.TenantMismatch):
        build(BIRCH).withdraw_write(reference, sent_at=LONG_AGO)
    seen = build(BIRCH).follow_write(reference)
    copied_since(sim)
    found = build(BIRCH).find_write(change, sent_at=START)
    sim("POST", "clock", advance_seconds=3600)

    assert (seen, found) == (Pending(reference), None)
    assert isinstance(service.follow_write(reference), Done)
    assert sim("GET", "truth", office_id=BIRCH) == before


def test_row_6_an_appointment_of_another_location_is_not_ours(build: Build, sim: Command) -> None:
    rows = sim("GET", "truth", office_id=CEDAR)["appointments"]
    theirs = next(row["appointment_sr_no"] for row in rows if row["practice_id"] == "1-1")

    with pytest.raises(errors.AppointmentNotFound):
        build(f"{CEDAR}:1-2").get_appointment(theirs)

    assert build(f"{CEDAR}:1-1").get_appointment(theirs).id == theirs


# sikka.md 6 row 8: dates were taken from UTC and times from the server's clock, and local times were kept as UTC.


@pytest.fixture(params=["UTC", "Asia/Tokyo", "Pacific/Honolulu"])
def _elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the server into another zone."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize(
    "wall",
    [
        datetime(2026, 5, 21, 19, 30, tzinfo=LOS_ANGELES),
        datetime(2026, 11, 1, 8, 0, tzinfo=LOS_ANGELES),
        datetime(2026, 11, 1, 0, 30, tzinfo=LOS_ANGELES),
    ],
    ids=["evening", "day with 25 hours", "its first hour"],
)
def test_row_8_the_same_wall_clock_comes_out_as_went_in(build: Build, sim: Command, wall: datetime) -> None:
    service = build(BIRCH, zone=LOS_ANGELES)
    start = wall.astimezone(UTC)
    earlier = start - timedelta(minutes=30)
    new = NewAppointment("1001", "DR1", "Op 1", earlier, 30, "", "Cleaning")

    done = follow(service, service.book_appointment(new))
    assert isinstance(done, Done)
    change = MovedAppointment(done.record_id, "1001", "DR1", "Op 1", start, 30)
    follow(service, service.move_appointment(change))

    row = in_the_pms(sim, done.record_id, BIRCH)
    [shown] = service.list_appointments(wall.date(), wall.date(), patient_id="1001")
    assert (row["date"], row["time"]) == (f"{wall.date()}T00:00:00", f"{wall:%H:%M}")
    assert (shown.starts_at, shown.starts_at.tzinfo) == (start, UTC)
    assert service.get_appointment(done.record_id).starts_at == start


# sikka.md 6 row 9: hours were constant, lists ended after 200 rows, and a broken appointment counted as busy.


def test_row_9_a_list_of_appointments_has_no_end_but_the_last_one(build: Build, sim: Command) -> None:
    first, last = START.date() - timedelta(days=40), START.date() + timedelta(days=40)
    rows = {row["appointment_sr_no"]: row for row in sim("GET", "truth", office_id=ALDER)["appointments"]}

    found = {one.id: one for one in build().list_appointments(first, last)}

    gone = {
        number
        for number, row in rows.items()
        if row["status"] in ("Broken", "Cancelled") or row["cancelled"].lower() in ("true", "t")
    }
    assert len(rows) > 200
    assert found.keys() == rows.keys()
    assert gone
    assert {one.id for one in found.values() if not one.status.occupies_time} == gone


def test_row_9_hours_are_the_practices_own_and_so_are_its_people_and_rooms(build: Build) -> None:
    service = build()

    friday = [one for one in service.list_schedules(date(2026, 5, 22), date(2026, 5, 22)) if one.resource_id == "1"]

    assert [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in friday[0].windows] == ["08:00-13:00"]
    assert len(service.list_clinicians()) > 1
    assert len(service.list_operatories()) > 1


# sikka.md 6 row 11: bodies and addresses with patients' data were written to the log.


def test_row_11_nothing_that_is_asked_or_written_reaches_a_log(
    build: Build, sim: Command, caplog: pytest.LogCaptureFixture
) -> None:
    service = build()

    with caplog.at_level(logging.DEBUG):
        service.search_patients(CORA)
        service.search_patients(PatientQuery("Nobody", date(1911, 1, 1), "+12125550199"))
        number = booked(service)
        service.list_appointments(DAY, DAY, details=True)
        follow(service, service.move_appointment(moved(number)))
        follow(service, service.change_status(StatusChange(number, "1001", at(12, 30), AppointmentStatus.CANCELLED)))
        sim("POST", "lose_answer")
        with pytest.raises(errors.OutcomeUnknown):
            service.create_patient(NINA)
        service.find_write(NINA, sent_at=START)
        with pytest.raises(errors.WriteRejected):
            service.create_patient(replace(NINA, email="nobody"))
        service.withdraw_write("480001", sent_at=LONG_AGO)

    assert caplog.records == []


# sikka.md 6 row 13: `status !== 'inactive'` let "Inactive" pass.


def test_row_13_an_inactive_clinician_or_patient_is_inactive(build: Build) -> None:
    service = build()

    active = {one.id: one.is_active for one in service.list_clinicians()}

    assert active == {"DR1": True, "DR2": True, "DR9": False, "HY1": True, "HY2": True}
    assert not service.get_patient("1030").is_active
    assert service.get_patient("1001").is_active


# sikka.md 6 row 14: live keys were committed with documents and scripts.

# Sikka's secrets: 32 letters and digits, of both kinds.
_KEY = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32}(?![A-Za-z0-9])")


def test_row_14_no_source_holds_a_secret_of_the_vendors_form() -> None:
    files = [path for path in sources() if _KEY.search(path.read_text(encoding="utf-8", errors="replace"))]

    assert _KEY.search(f'SIKKA_APP_KEY="{secrets.token_hex(15)}a1"')
    assert files == []
