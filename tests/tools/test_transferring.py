"""transferToHuman: the caller is put through only if somebody can be reached; otherwise the team finds a note."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection

from accounts.models import Account
from pms.models import PmsIntegration, Task, ToolCall
from pms.services import tasks, transfers
from pms.tools import registry
from pms.tools.context import Result
from tests import agreement
from tests.conftest import Sim
from tests.practice import CALLER
from tests.talking import NEW_YORK, Caller, SetClock, asked_of_the_pms, together
from tests.vapi.conftest import logs

__all__ = ["logs"]

NOW = "I can put you through now."
LATER = "I'm sorry, nobody can be reached by phone right now. I have left a note for the team that you asked for them."
TEAM, ON_CALL = "+12125550150", "+12125550160"
HOURS = {str(day): [["08:00", "17:00"]] for day in range(1, 6)}
MONDAY = {"morning": datetime(2026, 11, 23, 9, tzinfo=NEW_YORK), "evening": datetime(2026, 11, 23, 19, tzinfo=NEW_YORK)}


def ask(caller: Caller, **arguments: Any) -> Result:
    """Ask for a person as the next request would, with the account read anew."""
    caller.call.account = Account.objects.get(pk=caller.call.account_id)
    return caller.use("transferToHuman", **arguments)


def change(**values: Any) -> None:
    Account.objects.update(**values)


def available(result: Result) -> bool:
    assert result.answer is not None
    return bool(result.answer.data["transfer"]["available"])


@pytest.mark.parametrize(("hour", "numbers", "says", "left"), [
    ("morning", {"transfer_number": TEAM}, NOW, 0),
    ("evening", {"transfer_number": TEAM}, LATER, 1),
    ("evening", {"transfer_number": TEAM, "after_hours_number": ON_CALL}, NOW, 0),
    ("morning", {"after_hours_number": ON_CALL}, LATER, 1),
    ("morning", {}, LATER, 1),
])  # fmt: skip
def test_a_caller_can_be_put_through_only_if_there_is_a_number_at_this_hour(
    practice: Account, hour: str, numbers: dict[str, str], says: str, left: int
) -> None:
    change(transfer_hours=HOURS, **numbers)

    result = ask(Caller(practice, clock=SetClock(MONDAY[hour])))

    assert (result.outcome, result.say, available(result)) == ("ok", says, says == NOW)
    assert Task.objects.filter(kind="wants_a_person").count() == left


def test_the_answer_agrees_with_the_destination_that_vapi_is_given(practice: Account) -> None:
    change(transfer_number=TEAM, transfer_hours=HOURS)

    for moment in MONDAY.values():
        clock = SetClock(moment)
        account = Account.objects.get(pk=practice.pk)
        number = transfers.number_for(account=account, now=clock.now())
        assert available(ask(Caller(practice, clock=clock))) == bool(number)


def test_the_note_says_why_and_from_which_number(caller: Caller) -> None:
    ask(caller, reason="A question about my bill.")

    task = Task.objects.get()
    assert (task.kind, task.call, task.account) == ("wants_a_person", caller.call, caller.call.account)
    assert tasks.detail(task) == {"reason": "A question about my bill.", "phoneNumber": CALLER}


@pytest.mark.parametrize("arguments", [{}, {"reason": None}, {"reason": " "}, {"accountId": "x", "number": TEAM}])
def test_no_reason_is_needed_and_nothing_else_is_read(caller: Caller, arguments: dict[str, Any]) -> None:
    assert ask(caller, **arguments).say == LATER
    assert tasks.detail(Task.objects.get()) == {"phoneNumber": CALLER}


def test_a_caller_who_hides_their_number_leaves_none(practice: Account) -> None:
    ask(Caller(practice, number="anonymous"), reason="Please")

    assert tasks.detail(Task.objects.get()) == {"reason": "Please"}


def test_there_is_one_note_for_each_reason_however_often_a_call_asks(practice: Account, caller: Caller) -> None:
    said = [ask(caller, reason=reason).say for reason in ("first", "second", "first")]
    ask(Caller(practice), reason="first")

    assert said == [LATER] * 3
    assert Task.objects.filter(call=caller.call).count() == 2
    assert Task.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_asking_twice_at_once_leaves_one_note(caller: Caller) -> None:
    said = together(*[lambda: ask(caller).say] * 4)

    assert said == [LATER] * 4
    assert Task.objects.count() == 1


def test_nothing_is_promised(caller: Caller) -> None:
    for word in ("will", "call you", "soon", "today", "within", "back"):
        assert word not in ask(caller).say.lower()


def paused() -> None:
    change(is_paused=True)


def disconnected() -> None:
    PmsIntegration.objects.update(status="INACTIVE")


def switched_off() -> None:
    PmsIntegration.objects.update(features={}, config={"allowOnlineBooking": False})


@pytest.mark.parametrize("state", [paused, disconnected, switched_off])
def test_it_works_when_nothing_else_does_and_asks_no_pms(caller: Caller, sim: Sim, state: Callable[[], None]) -> None:
    sim("DELETE", "requests")
    state()

    without = ask(caller)
    change(transfer_number=TEAM)
    with_number = ask(caller)

    assert (without.say, with_number.say) == (LATER, NOW)
    assert asked_of_the_pms(sim) == []


def test_it_does_not_work_without_the_agreement(caller: Caller) -> None:
    agreement.withdraw()

    assert ask(caller).outcome == "baa_required"
    assert not Task.objects.exists()


def test_hours_that_cannot_be_read_put_nobody_through(caller: Caller) -> None:
    change(transfer_number=TEAM, transfer_hours={str(day): "always" for day in range(1, 8)})

    assert ask(caller).say == LATER


def test_a_note_that_cannot_be_kept_is_not_said_to_be(caller: Caller, logs: io.StringIO) -> None:
    def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if '"tasks"' in sql:
            raise DatabaseError("a canary")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fails):
        result = ask(caller, reason="A canary sings")

    assert result.outcome == "internal_error"
    assert "could not leave a note" in result.say
    assert "I have left" not in result.say
    assert "wish for a person not kept" in logs.getvalue()
    assert "anary" not in logs.getvalue()


def test_a_repetition_hears_what_was_true_the_first_time(caller: Caller) -> None:
    first = caller.use("transferToHuman", tool_call_id="t-1")
    change(transfer_number=TEAM)

    again = caller.use("transferToHuman", tool_call_id="t-1")

    assert again.say == first.say == LATER
    assert ToolCall.objects.count() == 1


def test_it_is_declared_as_a_message_is() -> None:
    tool = registry.TOOLS["transferToHuman"]

    assert (tool.scope, tool.capability, tool.needs_pms, tool.discloses) == ("messages:write", None, False, False)


def test_the_model_is_told_when_to_use_vapi_s_own_transfer() -> None:
    purpose = registry.TOOLS["transferToHuman"].purpose

    assert len(purpose) < 1000
    assert "transferCall" in purpose
