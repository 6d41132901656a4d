"""Processes that die or are told to stop, as processes of their own."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.jobs import sweeps
from pms.models import Booking, BookingState, Duty, DutyKind, Task, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.services import duties
from tests import canaries, child
from tests.conftest import Sim
from tests.talking import ALDER, CORA, NOBODY, Caller, SetClock, asked_of_the_pms, in_the_pms, quiet_day, slow_office

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def killed_while(ready: Callable[[], bool], cora: Caller, sandbox: Sandbox) -> None:
    """Have another process book for Cora, and kill it as soon as ``ready`` is true."""
    wish = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": "09:00", "providerId": "HY1"}
    with child.using(cora.call.vapi_call_id, "bookAppointment", sandbox, **wish) as process:
        try:
            wait_until(ready)
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


class TestKilled:
    @pytest.mark.parametrize("arrived", [True, False])
    def test_while_sending_it_leaves_a_booking_whose_truth_is_found(
        self, practice: Account, sandbox: Sandbox, sim: Sim, arrived: bool
    ) -> None:
        cora = Caller(practice).verified()
        if arrived:
            sim("POST", "lose_answer", hold_seconds=30)
        else:
            sim("POST", "fail", path="/v4/appointment", kind="timeout", hold_seconds=30)
        sim("DELETE", "requests")

        killed_while(lambda: ("POST", "/appointment") in asked_of_the_pms(sim), cora, sandbox)
        left = (Booking.objects.get().state, WriteBack.objects.get().state)
        sim("POST", "clock", advance_seconds=601)
        sim("POST", "refresh", office_id=ALDER)
        sweeps.follow_write_backs(SetClock.later(minutes=3))

        booking = Booking.objects.get()
        made = [row["appointment_sr_no"] for row in in_the_pms(sim, "1001")]
        assert left == (BookingState.PENDING, WriteBackState.SENDING)
        assert made == ([booking.pms_appointment_id] if arrived else [])
        assert booking.state == (BookingState.CONFIRMED if arrived else BookingState.FAILED)
        assert Task.objects.filter(kind="booking_outcome_unknown").count() == 1

    def test_before_sending_it_leaves_nothing_and_the_caller_can_ask_again(
        self, practice: Account, sandbox: Sandbox, sim: Sim
    ) -> None:
        cora = Caller(practice).verified()
        sim("POST", "config", latency=1, latency_path="/v4/appointments")

        killed_while(lambda: Booking.objects.exists(), cora, sandbox)
        sim("POST", "config", latency=0)
        left = Booking.objects.get()
        at_once = cora.book(providerId="HY1")
        cora.clock = SetClock.later(seconds=31)
        later = cora.book(providerId="HY1")

        left.refresh_from_db()
        assert at_once.outcome == "still_working"
        assert "is booked for" in later.say
        assert left.state == BookingState.EXPIRED
        assert len(in_the_pms(sim, "1001")) == 1


def test_a_worker_that_is_killed_at_a_duty_leaves_it_to_another_one(
    practice: Account, sandbox: Sandbox, sim: Sim, tmp_path: Path
) -> None:
    sim("POST", "fail", path="/v4/authorized_practices", kind="timeout", hold_seconds=30)
    sim("DELETE", "requests")
    jobs = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"

    with child.start(["manage.py", "worker"], sandbox, JOBS_URL=jobs) as worker:
        try:
            wait_until(lambda: ("GET", "/authorized_practices") in asked_of_the_pms(sim))
        finally:
            worker.send_signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
    begun = Duty.objects.get(kind=DutyKind.HEALTH)
    early = sweeps.do_duties(SetClock.later(seconds=60))
    late = sweeps.do_duties(SetClock.later(seconds=duties.LEASE.total_seconds() + 1))

    duty = Duty.objects.get(kind=DutyKind.HEALTH)
    assert begun.done_at is None
    assert (early, late) == (0, 2)  # with what had to wait for it
    assert duty.done_at is not None
    assert duty.lease_until is None


def test_a_lock_holds_in_another_process(practice: Account, sandbox: Sandbox) -> None:
    caller = Caller(practice)
    for _ in range(3):
        caller.use("findPatient", **NOBODY)

    with child.using(caller.call.vapi_call_id, "findPatient", sandbox, **CORA) as process:
        told, _ = process.communicate(timeout=30)

    assert json.loads(told)["outcome"] == "verification_locked"


def test_the_worker_follows_what_is_due_and_stops_when_told(
    practice: Account, sandbox: Sandbox, sim: Sim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_office(sim, monkeypatch)
    Caller(practice).verified().book()
    sim("POST", "clock", advance_seconds=601)
    WriteBack.objects.update(next_attempt_at=timezone.now())

    with child.start(["manage.py", "worker"], sandbox, JOBS_URL=f"sqlite:///{tmp_path / 'jobs.sqlite3'}") as worker:
        try:
            wait_until(lambda: Booking.objects.get().state == BookingState.CONFIRMED)
            worker.send_signal(signal.SIGTERM)
            told_at = time.monotonic()
            _, logged = worker.communicate(timeout=20)
        finally:
            worker.kill()

    assert time.monotonic() - told_at < 10
    assert worker.returncode == 0
    assert canaries.found_in(logged) == []
    assert (tmp_path / "jobs.sqlite3").exists()
    assert len(in_the_pms(sim, "1001")) == 1
