"""What a second reader of the later verbs found: what a caller could have been told that the PMS does not hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import Booking, BookingState, Task, TaskState, WriteBack, WriteBackState
from pms.providers.base import Done, Failed, WriteOutcome
from pms.providers.sikka.service import SikkaService
from pms.sandbox import Sandbox
from pms.services import following, tasks, write_backs
from tests.conftest import Sim, copied_since
from tests.talking import (
    NEW_YORK,
    Caller,
    cancel_at_the_desk,
    in_the_pms,
    look,
    made_at_the_desk,
    move_at_the_desk,
    slow_office,
)


class TestConfirmedAfterBooking:
    def test_a_booking_is_read_back_all_the_same(self, cora: Caller, sim: Sim) -> None:
        cora.book("09:00")
        cora.confirm()
        copied_since(sim)

        look(minutes=5)

        assert Booking.objects.get().verified_at is not None

    def test_and_cancelled_at_the_desk_it_is_not_said_to_be_booked(
        self, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        cora.book("09:00")
        cora.confirm()
        copied_since(sim)
        look(minutes=5)
        look(minutes=10)
        cancel_at_the_desk(sandbox, Booking.objects.get().pms_appointment_id)

        result = cora.book("09:00")

        assert "already have" not in result.say
        assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled", "Scheduled"]


def test_a_booking_that_the_copy_shows_as_cancelled_is_not_said_to_stand(
    cora: Caller, sandbox: Sandbox, sim: Sim
) -> None:
    cora.book("09:00")
    cancel_at_the_desk(sandbox, Booking.objects.get().pms_appointment_id)

    result = cora.book("09:00")

    assert "already have" not in result.say
    assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled", "Scheduled"]


def test_a_confirmation_is_not_laid_over_a_cancellation_by_the_desk(cora: Caller, sandbox: Sandbox) -> None:
    number = made_at_the_desk(sandbox)
    cora.confirm(number)
    cancel_at_the_desk(sandbox, number)

    assert "don't see any" in cora.ahead()
    assert cora.confirm(number).outcome == "appointment_not_found"


def test_an_appointment_that_was_cancelled_does_not_overlap_the_next_one(
    cora: Caller, sandbox: Sandbox, sim: Sim
) -> None:
    number = made_at_the_desk(sandbox)
    cora.cancel(number)

    assert cora.book("09:30", appointmentType="exam", providerId="DR1").outcome == "ok"


def test_an_appointment_that_was_moved_does_not_overlap_at_its_old_time(cora: Caller, sandbox: Sandbox) -> None:
    number = made_at_the_desk(sandbox)
    cora.move("14:00", appointmentId=number)

    assert cora.book("09:30", appointmentType="exam", providerId="DR1").outcome == "ok"


def test_done_for_another_record_is_no_cancellation(
    cora: Caller, sandbox: Sandbox, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = made_at_the_desk(sandbox)

    def of_another(_self: SikkaService, _reference: str) -> WriteOutcome:
        return Done("4711")

    monkeypatch.setattr(SikkaService, "follow_write", of_another)
    slow_office(sim, monkeypatch, "PATCH appointment")
    monkeypatch.setattr("pms.services.sending.WAIT_FOR_WRITE_SECONDS", 1)

    result = cora.cancel(number)

    assert "not final yet" in result.say
    assert WriteBack.objects.get().state == WriteBackState.PENDING


def test_the_latest_wish_is_what_the_team_is_asked_for(cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_office(sim, monkeypatch, "POST appointment")
    cora.book("09:00")

    cora.move("13:00")
    cora.move("15:00")

    wanted = datetime.fromisoformat(tasks.detail(Task.objects.get(kind="please_move"))["newStartsAt"])
    assert wanted.astimezone(NEW_YORK).hour == 15


def test_what_the_team_has_done_is_asked_for_again(cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_office(sim, monkeypatch, "POST appointment")
    cora.book("09:00")
    cora.move("13:00")
    Task.objects.update(state=TaskState.DONE, resolved_at=timezone.now())

    cora.move("15:00")

    assert Task.objects.filter(kind="please_move", state=TaskState.OPEN).exists()


def test_a_worker_that_dies_after_a_failure_was_kept_leaves_the_task(
    cora: Caller, sandbox: Sandbox, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = made_at_the_desk(sandbox)
    slow_office(sim, monkeypatch, "PATCH appointment")
    assert "the team will be told" in cora.cancel(number).say
    pk = WriteBack.objects.get().pk

    class Killed(BaseException):
        pass

    def die(*_args: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SikkaService, "follow_write", lambda *_: Failed("refused_by_pms"))
        patched.setattr(following, "_tell_of_failure", die)
        with pytest.raises(Killed):
            look(minutes=5)
    look(minutes=15)

    assert WriteBack.objects.get(pk=pk).state == WriteBackState.FAILED
    assert Task.objects.filter(kind="cancellation_failed").count() == 1


def test_a_booking_that_was_made_after_all_is_told_though_the_worker_dies(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_office(sim, monkeypatch, "POST appointment")
    cora.book("09:00")
    WriteBack.objects.update(withdrawn_at=timezone.now())
    sim("POST", "clock", advance_seconds=601)

    class Killed(BaseException):
        pass

    def die(*_args: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(following, "_tell_if_made_after_all", die)
        with pytest.raises(Killed):
            look(minutes=5)
    look(minutes=15)

    assert WriteBack.objects.get().state == WriteBackState.DONE
    assert Task.objects.filter(kind="booking_not_withdrawn").count() == 1


def test_a_change_that_no_read_has_shown_for_a_day_is_still_compared_later(
    cora: Caller, sandbox: Sandbox, sim: Sim
) -> None:
    number = made_at_the_desk(sandbox)
    cora.move("14:00", appointmentId=number)
    look(hours=25)
    move_at_the_desk(sandbox, number, time="16:00", date=in_the_pms(sim, "1001")[0]["date"][:10])
    copied_since(sim)

    look(hours=49)

    assert "4 PM" in cora.ahead()


def test_the_reason_for_a_change_that_fails_later_reaches_the_team(
    cora: Caller, sandbox: Sandbox, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = made_at_the_desk(sandbox)
    slow_office(sim, monkeypatch, "PATCH appointment")
    cora.cancel(number, reason="Is in hospital until spring")
    monkeypatch.setattr(SikkaService, "follow_write", lambda *_: Failed("refused_by_pms"))

    look(minutes=5)

    assert tasks.detail(Task.objects.get())["reason"] == "Is in hospital until spring"


def test_a_failure_that_the_caller_heard_of_is_left_to_no_job(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SikkaService, "follow_write", lambda *_: Failed("already_scheduled", conflict=True))

    refused = cora.book("09:00")

    assert refused.outcome == "slot_taken"
    assert look(minutes=5) == 0
    assert not Task.objects.exists()


def test_a_taken_back_booking_that_was_refused_is_left_to_no_job(
    cora: Caller, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_office(sim, monkeypatch, "POST appointment")
    cora.book("09:00")
    refused = Failed("refused_by_pms")
    monkeypatch.setattr(SikkaService, "withdraw_write", lambda *_, **__: False)
    monkeypatch.setattr(SikkaService, "follow_write", lambda *_: refused)

    result = cora.cancel()

    assert "nothing to cancel" in result.say
    assert look(minutes=5) == 0


@pytest.mark.parametrize("change", ["move", "confirm"])
def test_what_is_cancelled_while_it_is_changed_is_not_said_to_be_changed(
    practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    number = made_at_the_desk(sandbox)
    other = Caller(practice).verified()
    start = write_backs.start

    def after_a_cancellation(**asked: Any) -> WriteBack | None:
        with monkeypatch.context() as patched:
            patched.setattr(write_backs, "start", start)
            assert "has been cancelled" in other.cancel(number).say
        return start(**asked)

    with monkeypatch.context() as patched:
        patched.setattr(write_backs, "start", after_a_cancellation)
        result = cora.move("14:00", appointmentId=number) if change == "move" else cora.confirm(number)

    assert result.outcome == "appointment_not_found"
    assert [row["time"] for row in in_the_pms(sim, "1001")] == ["09:00"]
    assert not Booking.objects.exclude(state=BookingState.FAILED).exists()
