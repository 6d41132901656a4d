"""How a test call ends that does not go smoothly: what is slow, refused, lost or interrupted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.utils import timezone

from pms.models import Booking, Call, Credential, PmsIntegration, Task, TestCall, TestCallState, WriteBack
from pms.services import retention, tasks, write_backs
from pms.vapi import rehearsal_end, rehearsal_play, rehearsal_record, rehearsal_script
from tests.conftest import Sim
from tests.talking import SetClock, Slow, carry_out, kinds, look
from tests.tools.conftest import quick_office, slow
from tests.vapi.rehearsing import Ask, ask, played, view_of

__all__ = ["ask", "quick_office", "slow"]

GRACE = write_backs.REQUEST_GRACE.total_seconds()


class Killed(BaseException):
    """The process is gone in the middle."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the worker die right after a tool was used, before it could write that down."""

    def kill(tool: str) -> None:
        keep = rehearsal_record.Record.keep

        def dies(record: rehearsal_record.Record, line: rehearsal_record.Line) -> None:
            if line.tool == tool and line.outcome == "ok":
                monkeypatch.setattr(rehearsal_record.Record, "keep", keep)
                raise Killed
            keep(record, line)

        monkeypatch.setattr(rehearsal_record.Record, "keep", dies)

    return kill


@pytest.fixture
def stuck(slow: Slow, sim: Sim) -> None:
    """Let the office take ten minutes over a booking, and nobody be able to take it back."""
    slow("POST appointment")
    sim("POST", "fail", path="/v4/writebacks", method="DELETE", status=500, times=20)


@pytest.fixture
def lost(sim: Sim, quick_office: None) -> Callable[[], None]:
    """Let the answer to a booking be lost; the fixture's function lets the worker find out."""
    sim("POST", "lose_answer", path="/v4/appointment")

    def found() -> None:
        look(seconds=GRACE)
        look(seconds=3 * GRACE)

    return found


def standing(sim: Sim) -> list[str]:
    """Return the appointments of the fictional patient that stand in the PMS, beyond those of the seed."""
    made = set(Booking.objects.values_list("pms_appointment_id", flat=True)) - {""}
    rows = sim("GET", "truth", office_id="D10001", patient_id="1001")["appointments"]
    shown = [row["appointment_sr_no"] for row in rows if row["status"] not in ("Cancelled", "Broken")]
    return [number for number in shown if number in made]


def test_what_is_slow_is_taken_back_before_it_is_made(ask: Ask, slow: Slow, sim: Sim) -> None:
    slow("POST appointment")

    view = played(ask())
    carry_out(sim)

    assert view.state == "PASSED"
    assert WriteBack.objects.get().failure == "withdrawn"
    assert standing(sim) == []


def test_what_is_pending_is_told_as_pending_and_its_end_later(ask: Ask, stuck: None, sim: Sim) -> None:
    asked = ask()

    first = played(asked)
    carry_out(sim)
    look(minutes=2)
    made = Booking.objects.get().state
    played(asked, SetClock.later(minutes=2))
    carry_out(sim)
    look(minutes=4)
    last = played(asked, SetClock.later(minutes=4))

    assert (first.state, first.is_over) == ("RUNNING", False)
    assert first.told.title == "Said and done; your system has not finished yet."
    assert first.lines[-1].mark == "pending"
    assert made == "CONFIRMED"
    assert (last.state, last.lines[-1].mark) == ("PASSED", "good")
    assert [line.tool for line in last.lines].count("cancelAppointment") == 2
    assert standing(sim) == []


def test_what_the_team_was_to_look_after_is_done_when_nothing_is_left(ask: Ask, stuck: None, sim: Sim) -> None:
    asked = ask()
    played(asked)
    carry_out(sim)
    look(minutes=2)
    played(asked, SetClock.later(minutes=2))
    carry_out(sim)
    look(minutes=4)
    waiting = Task.objects.get()

    played(asked, SetClock.later(minutes=4))

    task = Task.objects.get()
    assert (waiting.kind, waiting.state) == ("booking_not_withdrawn", "OPEN")
    assert (task.state, task.resolved_at is not None) == ("DONE", True)
    assert tasks.detail(task)["meanwhile"] == "It was a test call, and nothing is left of it."


def test_while_it_is_pending_the_call_goes_on_and_no_other_begins(ask: Ask, stuck: None) -> None:
    asked = ask()

    played(asked)

    row = TestCall.objects.get()
    assert Call.objects.get().ended_at is None
    assert row.lease_until is not None
    assert played(asked).state == "RUNNING"
    assert TestCall.objects.count() == 1


def test_a_cancellation_that_takes_long_is_followed_to_its_end(ask: Ask, sim: Sim, quick_office: None) -> None:
    sim("POST", "config", writeback_delays={"PATCH appointment": 600})
    asked = ask()

    first = played(asked)
    carry_out(sim)
    look(minutes=2)
    second = played(asked, SetClock.later(minutes=2))

    assert (first.state, second.state) == ("RUNNING", "PASSED")
    assert Booking.objects.get().state == "CANCELLED"


def test_a_booking_made_after_all_is_cancelled_in_the_same_call(ask: Ask, lost: Callable[[], None], sim: Sim) -> None:
    """Its answer was lost, and so it could not be cancelled at once."""
    asked = ask()

    first = played(asked)
    lost()
    found = Booking.objects.get().state
    second = played(asked, SetClock.later(minutes=3))

    assert (first.state, found) == ("RUNNING", "CONFIRMED")
    assert (second.state, Booking.objects.get().state) == ("PASSED", "CANCELLED")
    assert Call.objects.count() == 1
    assert standing(sim) == []


def test_a_cancellation_that_is_refused_is_a_task_and_urgent(ask: Ask, sim: Sim, quick_office: None) -> None:
    sim("POST", "fail_write", method="PATCH", result="Appointment is locked")

    view = played(ask())

    booking = Booking.objects.get()
    task = Task.objects.get(kind=rehearsal_end.TASK)
    assert (view.state, view.told.is_urgent) == ("FAILED", True)
    assert view.told.title == "The test appointment could not be cancelled."
    assert view.lines[-1].mark == "bad"
    assert tasks.detail(task) == {
        "patientId": "1001",
        "appointmentId": booking.pms_appointment_id,
        "startsAt": booking.starts_at.isoformat(),
        "confirmationNumber": booking.confirmation_number,
    }
    assert standing(sim) == [booking.pms_appointment_id]


def test_a_cancellation_that_could_not_be_sent_is_sent_at_the_next_look(
    ask: Ask, sim: Sim, quick_office: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The circuit of the connection was open."""
    circuit = f"circuit:{PmsIntegration.objects.get().pk}:state"
    times: list[str] = []
    use = rehearsal_script.Stage.use

    def unreachable(stage: rehearsal_script.Stage, tool: str, *args: object, **how: object) -> object:
        if tool == "cancelAppointment" and len(times) < 2:
            times.append(tool)
            caches["limits"].set(circuit, (int(timezone.now().timestamp()) + 60) * 10 + 1, 60)
        try:
            return use(stage, tool, *args, **how)  # type: ignore[arg-type]
        finally:
            caches["limits"].delete(circuit)

    monkeypatch.setattr(rehearsal_script.Stage, "use", unreachable)
    asked = ask()

    first = played(asked)
    second = played(asked, SetClock.later(minutes=2))

    assert (first.state, second.state) == ("RUNNING", "PASSED")
    assert WriteBack.objects.filter(operation="cancelAppointment").count() == 1
    assert standing(sim) == []


def test_after_half_an_hour_without_an_end_the_team_has_a_task(ask: Ask, stuck: None) -> None:
    asked = ask()

    played(asked)
    later = SetClock.later(seconds=rehearsal_end.GIVE_UP_AFTER.total_seconds() + 1)
    view = played(asked, later)

    assert (view.state, view.told.title) == ("FAILED", "Nobody knows yet what became of the test appointment.")
    assert rehearsal_end.TASK in kinds()
    assert Call.objects.get().ended_at is not None


def test_a_booking_that_the_office_refuses_leaves_nothing(ask: Ask, sim: Sim, quick_office: None) -> None:
    sim("POST", "fail_write", method="POST", result="Operatory is required")

    view = played(ask())

    assert (view.state, view.told.title) == (
        "FAILED",
        "It did not go as it should: Your system refused the change.",
    )
    assert not view.told.is_urgent
    assert "cancelAppointment" not in [line.tool for line in view.lines]


@pytest.mark.parametrize("tool", ["checkAvailability", "findPatient", "bookAppointment", "cancelAppointment"])
def test_a_worker_that_dies_in_the_middle_has_it_told_and_nothing_is_said_again(
    ask: Ask, sim: Sim, quick_office: None, killed: Callable[[str], None], tool: str
) -> None:
    asked = ask()
    killed(tool)
    with pytest.raises(Killed):
        played(asked)
    said = len(view_of(asked).lines)
    dead = view_of(asked)

    at_once = played(asked)
    later = played(asked, SetClock.later(seconds=rehearsal_record.LEASE.total_seconds() + 1))

    new = [line.tool for line in later.lines[said:] if line.tool]
    assert (dead.state, at_once.state) == ("RUNNING", "RUNNING")
    assert (later.state, later.told.title) == ("FAILED", "The test call was interrupted.")
    assert new == (["cancelAppointment"] if tool == "bookAppointment" else [])
    assert standing(sim) == []
    assert Call.objects.get().ended_at is not None


def test_who_has_lost_the_lease_stops(ask: Ask, quick_office: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use = rehearsal_script.Stage.use

    def slow_use(stage: rehearsal_script.Stage, tool: str, *args: object, **how: object) -> object:
        if tool == "findPatient":
            TestCall.objects.update(lease_until=timezone.now() + timedelta(hours=1))
        return use(stage, tool, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsal_script.Stage, "use", slow_use)

    view = played(ask())

    assert view.state == "RUNNING"
    assert [line.tool for line in view.lines if line.tool] == ["checkAvailability"]


def test_one_that_was_claimed_and_never_begun_is_played_from_the_start(ask: Ask, quick_office: None) -> None:
    asked = ask()
    [claimed] = rehearsal_play.claim_due(clock=SetClock())

    assert claimed.state == TestCallState.QUEUED
    assert played(asked).state == "QUEUED"
    assert played(asked, SetClock.later(minutes=2)).state == "PASSED"


def test_two_workers_play_it_once(ask: Ask, quick_office: None) -> None:
    ask()

    first = list(rehearsal_play.claim_due(clock=SetClock()))
    second = list(rehearsal_play.claim_due(clock=SetClock()))

    assert (len(first), second) == (1, [])


def test_what_breaks_it_is_not_told_in_detail_and_what_it_booked_is_cancelled(
    ask: Ask, sim: Sim, quick_office: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_call: Call) -> str:
        monkeypatch.undo()
        raise RuntimeError("a canary")

    monkeypatch.setattr(rehearsal_end, "name_of", breaks)

    view = played(ask())

    assert (view.state, view.told.title) == ("FAILED", "Something went wrong on Parlae's side.")
    assert "canary" not in repr(view)
    assert Booking.objects.get().state == "CANCELLED"


def test_a_key_that_ends_while_the_call_goes_on_leaves_the_appointment_to_the_team(
    ask: Ask, lost: Callable[[], None]
) -> None:
    asked = ask()
    played(asked)
    lost()
    Credential.objects.update(revoked_at=timezone.now())

    waiting = played(asked, SetClock.later(minutes=3))
    given_up = played(asked, SetClock.later(minutes=40))

    assert waiting.state == "RUNNING"
    assert (given_up.state, given_up.told.is_urgent) == ("FAILED", True)
    assert rehearsal_end.TASK in kinds()
    assert Call.objects.get().ended_at is not None


def test_lines_are_sealed_and_whoever_s_key_was_retired_sees_none(ask: Ask, quick_office: None) -> None:
    asked = ask()
    played(asked)
    row = TestCall.objects.get()

    assert b"Cora" not in bytes(row.lines or b"")
    TestCall.objects.update(lines=b"1.gone.nothing")
    assert view_of(asked).lines == ()


def test_what_was_said_is_kept_only_as_long_as_the_practice_keeps_calls(ask: Ask, quick_office: None) -> None:
    asked = ask()
    played(asked)

    early, late = (retention.forget(now=SetClock.later(days=days).now()) for days in (1, 5000))

    assert "test_calls" not in early
    assert late["test_calls"] == 1
    assert view_of(asked).lines == ()
