"""Moves and cancellations at the same moment as others, and a process that dies in a move (RC-10 to RC-13)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence

import pytest
from django.core.mail import EmailMessage

from accounts.models import Account
from pms.models import Booking, BookingState, Task, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.services import write_backs
from tests import child
from tests.conftest import Sim
from tests.races.conftest import Callers
from tests.races.racing import PATIENCE, booking, moving, standing
from tests.talking import (
    JOSE,
    Caller,
    codes,
    find_at_once,
    look,
    outcomes,
    quiet_day,
    together,
    writes_sent,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def own(cora: Caller) -> Booking:
    """A cleaning at nine with HY1 that Cora has booked in this call; the vendor's copy does not show it yet."""
    assert cora.book("09:00", providerId="HY1").outcome == "ok"
    return Booking.objects.get()


def test_rc_10_a_move_to_a_time_that_is_taken_meanwhile_leaves_the_old_one(
    cora: Caller, own: Booking, callers: Callers, sim: Sim
) -> None:
    [other] = callers(1)

    moved, booked = together(moving(cora, "14:00"), booking(other, "14:00", providerId="HY1"))

    own.refresh_from_db()
    [hers] = [at for patient, at in standing(sim) if patient == "1001"]
    assert outcomes([moved, booked]) == ["ok", "slot_taken"]
    assert hers == ("14:00" if moved.outcome == "ok" else "09:00")
    assert own.state == (BookingState.RESCHEDULED if moved.outcome == "ok" else BookingState.CONFIRMED)
    assert codes((booked if moved.outcome == "ok" else moved).say)
    assert [at for _, at in standing(sim)].count("14:00") == 1


def test_rc_11_a_move_over_its_own_old_time_is_in_nobodys_way(
    cora: Caller, own: Booking, callers: Callers, sim: Sim
) -> None:
    before, after = callers(2)

    results = together(
        moving(cora, "09:30"), booking(before, "08:00", providerId="HY1"), booking(after, "10:30", providerId="HY1")
    )

    assert outcomes(results) == ["ok"] * 3
    assert sorted(at for _, at in standing(sim)) == ["08:00", "09:30", "10:30"]


def test_rc_11_what_it_moves_over_is_somebody_elses_or_its_own(
    cora: Caller, own: Booking, callers: Callers, sim: Sim
) -> None:
    [other] = callers(1)

    results = together(moving(cora, "09:30"), booking(other, "10:00", providerId="HY1"))

    assert outcomes(results) == ["ok", "slot_taken"]
    assert sorted(at for _, at in standing(sim)) in (["09:30"], ["09:00", "10:00"])


def test_rc_12_a_process_that_dies_after_the_new_time_was_written_loses_no_appointment(
    practice: Account, cora: Caller, own: Booking, sandbox: Sandbox, sim: Sim
) -> None:
    jose = Caller(practice, number="").verified(JOSE)
    sim("POST", "lose_answer", method="PUT", path="/v4/appointments/*", hold_seconds=30)
    wish = {"appointmentId": own.pms_appointment_id, "date": quiet_day().isoformat(), "time": "14:00"}

    with child.using(cora.call.vapi_call_id, "rescheduleAppointment", sandbox, **wish) as process:
        try:
            wait_until(lambda: standing(sim) == [("1001", "14:00")])
        finally:
            process.send_signal(signal.SIGKILL)
    new = Booking.objects.exclude(pk=own.pk).get()
    left = [one.state for one in (own, new)], WriteBack.objects.get(booking=new).state
    told = Caller(practice).verified().ahead()
    others = [jose.book(at, providerId="HY1").outcome for at in ("09:00", "14:00")]
    look(minutes=3)

    own.refresh_from_db()
    new.refresh_from_db()
    assert left == ([BookingState.CONFIRMED, BookingState.PENDING], WriteBackState.SENDING)
    assert " at 9 AM " in told
    assert "not final yet" in told
    assert others == ["slot_taken", "slot_taken"]
    assert (own.state, new.state) == (BookingState.RESCHEDULED, BookingState.CONFIRMED)
    assert standing(sim) == [("1001", "14:00")]
    assert [task.kind for task in Task.objects.all()] == ["move_outcome_unknown"]


@pytest.mark.parametrize("made_by", ["number", "own"], ids=["the desk's", "just booked"])
def test_rc_13_a_cancellation_that_is_asked_for_twice_at_once_is_one(
    cora: Caller,
    sim: Sim,
    request: pytest.FixtureRequest,
    made_by: str,
    monkeypatch: pytest.MonkeyPatch,
    mailoutbox: Sequence[EmailMessage],
) -> None:
    Account.objects.update(sends_confirmations=True)
    cora.call.account.refresh_from_db()
    made = request.getfixturevalue(made_by)
    name = made.pms_appointment_id if isinstance(made, Booking) else made
    sim("DELETE", "requests")
    find_at_once(monkeypatch, 2)

    at_once = together(*[lambda: cora.cancel(name, seconds=PATIENCE)] * 2)
    again = cora.cancel(name)
    together(*[lambda: look(seconds=write_backs.REQUEST_GRACE.total_seconds())] * 2)

    assert outcomes(at_once) == ["ok", "ok"]
    assert any("has been cancelled." in one.say for one in at_once)
    assert all("cancel" in one.say for one in at_once)
    assert again.say.endswith("is cancelled.")
    assert writes_sent(sim) == [("PATCH", f"/appointments/{name}")]
    assert standing(sim) == []
    assert ["has been cancelled" in str(one.body) for one in mailoutbox] == [True]


def wait_until(ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)
