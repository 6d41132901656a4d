"""confirmAppointment, against the sandbox: "confirmed" is said only of what the practice's own system marks so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

import pytest

from accounts.models import Account
from pms.domain.speech import say_when, spell
from pms.models import AuditPhase, Booking, BookingState, PmsAuditLog, Task, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.services import tasks
from tests.conftest import Sim
from tests.talking import (
    ALDER,
    NEW_YORK,
    Caller,
    SetClock,
    Slow,
    cancel_at_the_desk,
    find_at_once,
    in_the_pms,
    quiet_day,
    together,
    without_capability,
    writes_sent,
)

BY_THE_TEAM = (
    "I can't note that in the practice's system myself, so I have left the team a note. The appointment stands."
)
NOTED = "The appointment stands, and I have left the team a note."
WHEN = say_when(datetime.combine(quiet_day(), time(9)))
CONFIRMED = f"The appointment on {WHEN} is marked as confirmed."


pytestmark = pytest.mark.usefixtures("quick_office")


def marks(sim: Sim, patient_id: str = "1001") -> list[str]:
    """Return whether the patient's appointments of the quiet day are marked, in the practice's own system."""
    return [row["is_confirmed"] for row in in_the_pms(sim, patient_id)]


def sent(sim: Sim) -> list[str]:
    """Return the words that were sent for a status."""
    rows = sim("GET", "requests")["requests"]
    return [row["body"]["value"] for row in rows if row["method"] == "PATCH"]


class TestConfirmed:
    def test_is_the_only_one_ahead_by_the_word_of_that_pms(self, cora: Caller, number: str, sim: Sim) -> None:
        result = cora.confirm()

        assert (result.outcome, result.say) == ("ok", CONFIRMED)
        assert (sent(sim), marks(sim)) == (["Appointment Confirmed"], ["True"])
        assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Scheduled"]
        assert result.answer
        assert (result.answer.status, result.answer.data["status"]) == (200, "done")

    @pytest.mark.parametrize(
        "name",
        [lambda own: own.pms_appointment_id, lambda own: str(own.pk), lambda own: spell(own.confirmation_number)],
    )
    def test_is_the_one_that_is_named(self, cora: Caller, sim: Sim, name: Callable[[Booking], str]) -> None:
        cora.book("09:00")
        own = Booking.objects.get()
        cora.book("13:00")

        result = cora.confirm(name(own))

        own.refresh_from_db()
        assert result.say == CONFIRMED
        assert own.state == BookingState.CONFIRMED
        assert marks(sim) == ["True", "False"]

    @pytest.mark.parametrize("shown", [False, True], ids=["old copy", "new copy"])
    def test_again_is_said_again_and_not_written_again(self, cora: Caller, number: str, sim: Sim, shown: bool) -> None:
        cora.confirm()
        if shown:
            sim("POST", "refresh")

        assert cora.confirm(number).say == CONFIRMED
        assert len(sent(sim)) == 1

    def test_by_the_desk_before_is_said_and_not_written(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.confirm()
        sim("POST", "refresh")
        WriteBack.objects.all().delete()
        sim("DELETE", "requests")

        assert cora.confirm(number).say == CONFIRMED
        assert sent(sim) == []

    def test_one_is_still_ahead_and_can_be_cancelled(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.confirm()

        assert "9 AM" in cora.ahead()
        assert "has been cancelled" in cora.cancel().say
        assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled"]

    def test_one_can_be_moved(self, cora: Caller, number: str, sim: Sim) -> None:
        cora.confirm()

        assert "has been moved" in cora.move("14:00").say
        assert [row["time"] for row in in_the_pms(sim, "1001")] == ["14:00"]

    def test_leaves_intent_and_outcome_in_the_audit_log(self, cora: Caller, number: str) -> None:
        cora.confirm()

        rows = PmsAuditLog.objects.filter(action="confirmAppointment").order_by("seq")
        assert [row.phase for row in rows] == [AuditPhase.INTENT, AuditPhase.OUTCOME]
        assert {row.patient_id for row in rows} == {"1001"}

    @pytest.mark.django_db(transaction=True)
    def test_twice_at_the_same_moment_is_written_once(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find_at_once(monkeypatch, 3)

        said = together(*[lambda: cora.confirm(number, seconds=20)] * 3)

        assert {one.outcome for one in said} == {"ok"}
        assert CONFIRMED in {one.say for one in said}
        assert len(sent(sim)) == 1


class TestNotConfirmed:
    def test_while_it_is_not_final(self, cora: Caller, number: str, sim: Sim, slow: Slow) -> None:
        slow()

        first, again = cora.confirm(), cora.confirm()

        assert first.say == again.say
        assert first.say == (
            f"The note that you are coming for {WHEN} has been sent to the practice's system, but it is not final yet. "
            "If it does not go through, the team will be told."
        )
        assert first.answer
        assert (first.answer.status, first.answer.data["status"]) == (202, "pending")
        assert len(sent(sim)) == 1

    @pytest.mark.parametrize(
        "lose",
        [("lose_answer", {}), ("fail", {"path": "/v4/appointments/*", "method": "PATCH", "status": 500})],
        ids=["answer lost", "500"],
    )
    def test_while_it_is_not_known(self, cora: Caller, number: str, sim: Sim, lose: tuple[str, dict[str, Any]]) -> None:
        sim("POST", lose[0], **lose[1])

        result = cora.confirm()

        assert result.outcome == "outcome_unknown"
        assert "can't say yet whether it went through" in result.say
        assert WriteBack.objects.get().state == WriteBackState.UNKNOWN
        assert Task.objects.get().kind == "confirmation_outcome_unknown"

    def test_where_that_pms_has_no_word_for_it(
        self, cora: Caller, number: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words = [{"service_item": "appointment status", "value": word} for word in ("Scheduled", "Cancelled")]
        monkeypatch.setattr("pms.providers.sikka.reads.SikkaReads._variables", lambda _self, _service: words)

        result = cora.confirm()

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("not_supported", BY_THE_TEAM)
        assert sent(sim) == []
        assert tasks.detail(task)["appointmentId"] == number

    def test_where_the_connection_cannot(self, cora: Caller, number: str, sim: Sim) -> None:
        without_capability(cora.call.account, "confirm_appointment")

        result = cora.confirm(reason="Will be ten minutes late")

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("not_supported", BY_THE_TEAM)
        assert (task.kind, tasks.detail(task)["reason"]) == ("please_confirm", "Will be ten minutes late")
        assert sent(sim) == []

    @pytest.mark.parametrize(
        ("how", "asked", "kind"),
        [
            ("office", {"office_id": ALDER, "online": False}, "pms_unavailable"),
            ("fail", {"path": "/v4/appointments/*", "method": "PATCH", "error_code": "API1026"}, "write_rejected"),
            ("fail_write", {"method": "PATCH", "result": "Appointment is locked"}, "failed"),
        ],
    )
    def test_with_a_write_that_is_refused(
        self, cora: Caller, number: str, sim: Sim, how: str, asked: dict[str, Any], kind: str
    ) -> None:
        sim("POST", how, **asked)

        result = cora.confirm()

        assert result.outcome in ("pms_unavailable", "write_rejected")
        assert result.say.endswith(NOTED)
        assert Task.objects.get().kind == f"confirmation_{kind}"
        assert marks(sim) == ["False"]

    def test_once_it_has_begun(self, practice: Account, number: str, sim: Sim) -> None:
        late = SetClock(datetime.combine(quiet_day(), time(9, 5), tzinfo=NEW_YORK))

        assert Caller(practice, clock=late).verified().confirm(number).outcome == "date_in_past"
        assert sent(sim) == []

    def test_once_it_is_cancelled(self, cora: Caller, number: str, sandbox: Sandbox, sim: Sim) -> None:
        cancel_at_the_desk(sandbox, number)
        sim("DELETE", "requests")

        assert cora.confirm(number).outcome == "appointment_not_found"
        assert sent(sim) == []

    def test_before_the_booking_is_final(self, cora: Caller, sim: Sim, slow: Slow) -> None:
        slow("POST appointment")
        cora.book("09:00")

        result = cora.confirm()

        assert result.outcome == "still_working"
        assert "so I have not changed anything" in result.say
        assert Task.objects.get(booking=Booking.objects.get()).kind == "please_confirm"
        assert writes_sent(sim)[1:] == []

    def test_by_somebody_who_is_not_verified(self, caller: Caller, number: str, sim: Sim) -> None:
        assert caller.confirm(number).outcome == "not_verified"
        assert sent(sim) == []
