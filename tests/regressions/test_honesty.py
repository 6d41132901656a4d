"""Regressions of lessons.md H1 to H4, and of sikka.md 6 rows 2 and 10: a write is told as what it is.

An earlier product said "confirmed" of bookings that had failed, timed out or never arrived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from huey.api import Huey
from pytest_django import Settings

from accounts.models import Account
from pms.jobs import queue, sweeps
from pms.models import (
    Booking,
    BookingState,
    ConnectionStatus,
    Operation,
    PmsIntegration,
    SecurityEvent,
    Task,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.services import write_backs
from tests.conftest import Sim, copied_since
from tests.jobs.test_queue import run_what_waits
from tests.journeys.tenants import Door
from tests.regressions.kinds import BOOKED_AT, DONE, IMPOSSIBLE, KINDS, Kind, appointment, each, record_of
from tests.talking import Caller, SetClock, asked_of_the_pms, codes

GRACE = write_backs.REQUEST_GRACE.total_seconds()
STATUS = "/v4/writeback_status"
WRITES = {
    "POST /appointment",
    "PUT /appointments",
    "PATCH /appointments",
    "POST /patient",
    "POST /medical_notes",
    "POST /transaction",
}

# How the vendor answers, for as long as it is asked how a write stands.
UNTOLD: dict[str, dict[str, Any] | None] = {
    "it is pending": None,
    "nothing": {"kind": "drop"},
    "a server error": {"status": 500},
    "401, the credentials are refused": {"error_code": "API2003"},
    "403, that may not be asked": {"error_code": "API2004"},
}


def writes_sent(sim: Sim) -> list[str]:
    """Return the writes that the vendor has had."""
    asked = [f"{method} /{path.split('/')[1]}" for method, path in asked_of_the_pms(sim)]
    return [one for one in asked if one in WRITES]


def looked(**later: float) -> int:
    """Run the worker's sweep at a later time."""
    return sweeps.follow_write_backs(SetClock.later(**later))


# H1 (WB-05) and sikka.md 6 row 2: a failed booking was answered with success, or booked in a calendar instead


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_h1_what_the_practice_refuses_is_not_done_and_staff_are_told(
    cora: Caller, visits: list[str], sim: Sim, kind: Kind
) -> None:
    sim("POST", "fail_write", result="Operatory is required")
    sim("DELETE", "requests")

    result = kind.asked_by(cora, visits[0])

    [write_back] = WriteBack.objects.all()
    assert result.outcome == "write_rejected"
    assert not DONE.search(result.say)
    assert "have left the team a note" in result.say
    assert (write_back.state, write_back.record_id) == (WriteBackState.FAILED, "")
    assert [task.kind for task in Task.objects.all()] == [f"{kind.noun}_failed"]
    assert not kind.made(sim, visits[0])
    # Permanent, so neither the request nor the worker tries again (WB-05).
    assert (looked(hours=1), len(writes_sent(sim))) == (0, 1)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_h1_what_the_vendor_refuses_at_once_is_not_done_either(
    cora: Caller, visits: list[str], sim: Sim, kind: Kind
) -> None:
    for path in ("/v4/appointment", "/v4/appointments/*", "/v4/patient"):
        sim("POST", "fail", path=path, error_code="API1026", **({"method": "PATCH"} if "*" in path else {}))
    sim("POST", "fail", path="/v4/appointments/*", method="PUT", error_code="API1026")
    for path in ("/v4/medical_notes", "/v4/transaction"):
        sim("POST", "fail", path=path, method="POST", error_code="API1026")

    result = kind.asked_by(cora, visits[0])

    assert result.outcome == "write_rejected"
    assert not DONE.search(result.say)
    assert WriteBack.objects.get().state == WriteBackState.FAILED
    assert Task.objects.exists()
    assert not kind.made(sim, visits[0])


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_h1_a_server_is_told_the_same(door: Door, visits: list[str], sim: Sim, kind: Kind) -> None:
    sim("POST", "fail_write", result="Operatory is required")

    heard = door.rest(kind.tool, kind.of_server(visits[0]), by="server")

    assert heard.verdict == "502 write_rejected"
    assert '"success": false' in heard.text


def test_h1_a_time_that_was_not_booked_is_free_again_and_nothing_was_booked_instead(cora: Caller, sim: Sim) -> None:
    before = sim("GET", "truth", office_id="D10001")["appointments"]
    sim("POST", "fail_write", result="Operatory is required")
    cora.book("10:00", providerId="HY1")

    offered = cora.open_times(time="10:00", providerId="HY1")

    assert "10 AM" in offered
    assert Booking.objects.get().state == BookingState.FAILED
    assert sim("GET", "truth", office_id="D10001")["appointments"] == before


@contextmanager
def no_tasks() -> Iterator[None]:
    """Let every insert of a task fail."""

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "tasks"'):
            raise DatabaseError("a canary")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def test_h1_a_message_that_is_not_kept_is_not_called_left(caller: Caller, door: Door) -> None:
    with no_tasks():
        result = caller.use("takeMessage", message="Please call me about the crown.")
        heard = door.rest("takeMessage", {"message": "Please call."}, call=caller.call.vapi_call_id)

    assert result.outcome == "internal_error"
    assert "could not keep that message" in result.say
    assert heard.verdict == "500 internal_error"
    assert not Task.objects.exists()


# H2 (WB-04, WB-17): a time-out, a 401 or 403 and "still pending" were all returned as completed


@pytest.mark.parametrize("fault", UNTOLD.values(), ids=UNTOLD.keys())
def test_h2_no_kind_of_write_is_done_before_the_vendor_says_so(
    cora: Caller, visits: list[str], sim: Sim, fault: dict[str, Any] | None
) -> None:
    sim("POST", "config", writeback_delay=3600)
    if fault is not None:
        sim("POST", "fail", path=STATUS, times=1000, **fault)
    told = []

    for kind, visit in each(visits):
        told.append(kind.asked_by(cora, visit))
        PmsIntegration.objects.update(status=ConnectionStatus.ACTIVE)
    by_request = [one.state for one in WriteBack.objects.all()]
    # A sweep asks a PMS that does not answer only once.
    looks = sum(looked(seconds=GRACE + 5) for _ in KINDS)

    assert [one.outcome for one in told] == ["ok"] * len(KINDS)
    assert [one.say for one in told if DONE.search(one.say) or "not final yet" not in one.say] == []
    assert by_request == [WriteBackState.PENDING] * len(KINDS)
    assert looks == len(KINDS)
    assert {(one.state, one.record_id, one.completed_at) for one in WriteBack.objects.all()} == {
        (WriteBackState.PENDING, "", None)
    }
    assert not Booking.objects.exclude(state=BookingState.PENDING).exists()


def test_h2_an_answer_that_never_comes_is_not_done(cora: Caller, sim: Sim) -> None:
    sim("POST", "fail", path=STATUS, kind="timeout", hold_seconds=30)

    result = cora.book(seconds=5)

    assert "not final yet" in result.say
    assert Booking.objects.get().state == BookingState.PENDING


def test_h2_a_server_gets_202_and_the_state_of_each_kind(door: Door, visits: list[str], sim: Sim) -> None:
    sim("POST", "config", writeback_delay=3600)

    for kind, visit in each(visits):
        sim("POST", "fail", path=STATUS, status=500)
        heard = door.rest(kind.tool, kind.of_server(visit), by="server")

        newest = WriteBack.objects.latest("created_at")
        assert heard.verdict == "202 ok", kind
        assert '"status": "pending"' in heard.text
        later = door.rest("getWrite", {"writeId": str(newest.pk)}, by="server")
        assert '"status": "pending"' in later.text


def test_wb_04_a_write_that_was_called_done_and_is_in_no_later_copy_is_lost(
    cora: Caller, visits: list[str], sim: Sim, sandbox: Any
) -> None:
    """Lessons H2 names WB-04: completed, and the read-back finds nothing."""
    for kind, visit in each(visits):
        assert kind.asked_by(cora, visit).outcome == "ok"
    done = WriteBack.objects.filter(state=WriteBackState.DONE).count()
    with sandbox.world.lock:
        office = sandbox.world.offices["D10001"]
        office.truth = office.cloud.copy()  # what the office's computer called done is not there
    copied_since(sim)

    looked(minutes=15)

    assert done == len(KINDS)
    assert {task.kind.rpartition("_")[2] for task in Task.objects.all()} <= {"lost", "mismatch"}
    assert Task.objects.count() == len(KINDS)
    assert set(Booking.objects.values_list("state", flat=True)) <= {BookingState.LOST, BookingState.MISMATCH}


def test_wb_17_credentials_that_are_refused_switch_the_connection_off_and_the_caller_can_leave_a_message(
    practice: Account, caller: Caller, sim: Sim
) -> None:
    sim("POST", "fail", times=100, error_code="API2003")

    result = caller.open_times(), caller.open_times()
    kept = caller.use("takeMessage", message="Please call me back.")

    assert all("can't reach the practice's system" in said and "take a message" in said for said in result)
    assert PmsIntegration.objects.get().status == ConnectionStatus.ERROR
    assert SecurityEvent.objects.get(kind="integration.rejected").account_id == practice.pk
    assert (kept.outcome, Task.objects.get().kind) == ("ok", "message")


# H3 and sikka.md 6 row 10: the poller never found anything due, no write left a row, and nothing started it


def pending(cora: Caller, visits: list[str], sim: Sim) -> list[tuple[Kind, str]]:
    """Leave one write of every kind under way."""
    sim("POST", "config", writeback_delay=600)
    for kind, visit in each(visits):
        sim("POST", "fail", path=STATUS, status=500)
        kind.asked_by(cora, visit)
    return each(visits)


def test_h3_every_kind_of_write_leaves_a_row_that_is_asked_about_when_it_is_due(
    cora: Caller, visits: list[str], sim: Sim
) -> None:
    kinds = pending(cora, visits, sim)
    references = set(WriteBack.objects.values_list("reference", flat=True))
    due = WriteBack.objects.latest("next_attempt_at").next_attempt_at
    assert due

    too_soon = sweeps.follow_write_backs(SetClock(timezone.now()))
    sim("POST", "clock", advance_seconds=601)
    sim("DELETE", "requests")
    in_time = sweeps.follow_write_backs(SetClock(due))

    asked = [row for row in sim("GET", "requests")["requests"] if row["path"] == STATUS]
    assert set(WriteBack.objects.values_list("operation", flat=True)) == set(Operation) - IMPOSSIBLE
    assert (too_soon, in_time) == (0, len(kinds))
    assert {row["query"]["id"] for row in asked} == references
    assert set(WriteBack.objects.values_list("state", flat=True)) == {WriteBackState.DONE}
    assert all(kind.made(sim, visit) for kind, visit in kinds)


@pytest.fixture
def huey(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Huey]:
    settings.JOBS_URL = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    # The rows of a test are in its own transaction.
    monkeypatch.setattr(queue, "close_old_connections", lambda: None)
    made = queue.built().huey
    yield made
    made.storage.close()


def test_h3_the_job_that_follows_writes_is_started_by_the_clock(
    cora: Caller, visits: list[str], sim: Sim, huey: Huey
) -> None:
    pending(cora, visits, sim)
    sim("POST", "clock", advance_seconds=601)
    WriteBack.objects.update(next_attempt_at=timezone.now())
    huey.flush()
    now = datetime.now(UTC).replace(tzinfo=None)

    for periodic in huey.read_periodic(now):
        huey.execute(periodic, timestamp=now)
    run_what_waits(huey, now + timedelta(days=365))

    assert set(WriteBack.objects.values_list("state", flat=True)) == {WriteBackState.DONE}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_row_10_a_write_whose_answer_was_lost_is_found(cora: Caller, visits: list[str], sim: Sim, kind: Kind) -> None:
    sim("POST", "lose_answer")
    result = kind.asked_by(cora, visits[0])
    left = WriteBack.objects.get()

    looked(seconds=GRACE + 5)

    found = WriteBack.objects.get()
    assert result.outcome == "outcome_unknown"
    assert not DONE.search(result.say)
    assert (left.state, left.reference) == (WriteBackState.UNKNOWN, "")
    assert (found.state, found.record_id) == (WriteBackState.DONE, record_of(kind, sim, visits[0]))
    assert kind.made(sim, visits[0])


# H4 (WB-14): the id that was told and kept was the write-back's


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_h4_the_id_that_is_told_and_kept_is_never_the_write_backs(
    cora: Caller, door: Door, visits: list[str], sim: Sim, kind: Kind
) -> None:
    result = kind.asked_by(cora, visits[0])
    again = door.rest(kind.tool, kind.of_server(visits[0]), by="server")

    write_back, record = WriteBack.objects.earliest("created_at"), record_of(kind, sim, visits[0])
    assert result.outcome == "ok"
    assert write_back.reference not in ("", record)
    assert write_back.record_id == record
    assert {one.pms_appointment_id for one in Booking.objects.all()} <= {record}
    assert set(Verification.objects.values_list("patient_id", flat=True)) <= {"1001", record}
    for text in (result.say, again.text):
        assert write_back.reference not in re.findall(r"\d+", text)


def test_h4_what_is_cancelled_by_the_id_that_was_told_is_the_appointment(door: Door, sim: Sim) -> None:
    booking = KINDS[0]
    made = door.rest(booking.tool, booking.of_server(""), by="server")
    told = re.search(r'"id": "(\d+)"', made.text)
    assert told, made

    heard = door.rest("cancelAppointment", {"appointmentId": told[1]}, by="server")

    assert heard.verdict == "200 ok"
    assert appointment(sim, told[1])["status"] == "Cancelled"
    assert BOOKED_AT.strftime("%H:%M") == appointment(sim, told[1])["time"]


def test_h4_who_was_created_is_booked_for_by_the_id_that_was_said(caller: Caller, sim: Sim) -> None:
    said = KINDS[-1].asked_by(caller, "").say
    told = re.search(r"patient id (\d+)", said)
    assert told, said

    booked = caller.book("09:00", patientId=told[1])

    assert booked.outcome == "ok"
    rows = sim("GET", "truth", office_id="D10001", patient_id=told[1])["appointments"]
    assert [row["time"] for row in rows] == ["09:00"]
    assert codes(said) == []
