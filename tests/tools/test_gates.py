"""What stands before every tool: the agreement, the pause, the connection, the switches, the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account
from pms.domain import errors
from pms.models import ConnectionStatus, PmsIntegration, ToolCall
from pms.tools import runner
from pms.tools.context import Result
from tests import agreement
from tests.conftest import Sim
from tests.talking import CORA, Caller, asked_of_the_pms, quiet_day

CHECK = {"appointmentType": "cleaning", "date": quiet_day().isoformat()}
USES: list[tuple[str, dict[str, Any]]] = [
    ("checkAvailability", CHECK),
    ("findPatient", CORA),
    ("bookAppointment", {**CHECK, "time": "09:00"}),
]


def no_agreement(account: Account) -> None:
    agreement.withdraw(account)


def old_agreement(account: Account) -> None:
    agreement.outdate("2019-01", account)


def paused(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(is_paused=True)


def closed(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(is_active=False)


def not_connected(account: Account) -> None:
    PmsIntegration.objects.filter(account=account).update(status=ConnectionStatus.INACTIVE)


def rejected(account: Account) -> None:
    PmsIntegration.objects.filter(account=account).update(status=ConnectionStatus.ERROR)


def switched_off(account: Account) -> None:
    integration = account.integrations.get()
    integration.features = {**integration.features, "booking": False}
    integration.save()


def not_online(account: Account) -> None:
    integration = account.integrations.get()
    integration.config = {**integration.config, "allowOnlineBooking": False}
    integration.save()


REFUSALS: list[tuple[Callable[[Account], None], str, str]] = [
    (no_agreement, "baa_required", "not switched on yet"),
    (old_agreement, "baa_required", "not switched on yet"),
    (paused, "paused", "paused right now"),
    (closed, "paused", "paused right now"),
    (not_connected, "setup_required", "not connected"),
    (rejected, "credentials_rejected", "can't reach the practice's system"),
]
NO_BOOKING: list[tuple[Callable[[Account], None], str, str]] = [
    (switched_off, "feature_disabled", "does not offer that by phone agent"),
    (not_online, "feature_disabled", "does not offer that by phone agent"),
]


def fresh(caller: Caller) -> Caller:
    """Return the same call with its account read anew, as the next request has it."""
    caller.call.account = Account.objects.get(pk=caller.call.account_id)
    return caller


@pytest.mark.parametrize(
    ("change", "outcome", "words", "tool", "arguments"),
    [
        pytest.param(*refusal, *use, id=f"{refusal[0].__name__}-{use[0]}")
        for refusal in (*REFUSALS, *NO_BOOKING)
        for use in USES
        if refusal in REFUSALS or use[0] != "findPatient"
    ],
)
def test_a_practice_that_does_not_allow_it_is_told_in_its_own_words_and_the_pms_is_not_asked(
    cora: Caller,
    practice: Account,
    sim: Sim,
    change: Callable[[Account], None],
    outcome: str,
    words: str,
    tool: str,
    arguments: dict[str, Any],
) -> None:
    change(practice)
    sim("DELETE", "requests")

    result = fresh(cora).use(tool, **arguments)

    assert result.outcome == outcome
    assert words in result.say
    assert asked_of_the_pms(sim) == []


@pytest.mark.parametrize("change", [one[0] for one in NO_BOOKING])
def test_who_calls_can_be_confirmed_where_nothing_is_booked(
    cora: Caller, practice: Account, change: Callable[[Account], None]
) -> None:
    change(practice)

    assert fresh(cora).use("findPatient", **CORA).outcome == "ok"


def test_a_connection_in_error_is_never_used(cora: Caller, practice: Account, sim: Sim) -> None:
    rejected(practice)
    sim("DELETE", "requests")

    outcomes = [fresh(cora).use(tool, **arguments).outcome for tool, arguments in USES]

    assert not {"ok"} & set(outcomes)
    assert asked_of_the_pms(sim) == []


def test_a_hundred_uses_a_minute_are_the_limit(practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("pms.services.limits", fromlist=["LIMITS"]).LIMITS, "account", "3/m")
    caller = Caller(practice)

    results = [caller.use("checkAvailability", **CHECK) for _ in range(5)]

    assert [one.outcome for one in results] == ["ok"] * 3 + ["rate_limited"] * 2
    assert "very busy" in results[-1].say
    assert results[-1].error
    assert results[-1].error.retry_after_seconds


def test_a_connection_that_cannot_book_says_so_before_anybody_is_asked(
    cora: Caller, practice: Account, sim: Sim
) -> None:
    integration = practice.integrations.get()
    integration.metadata = {**integration.metadata, "capabilities": ["read_schedule", "read_appointments"]}
    integration.save()
    sim("DELETE", "requests")

    assert cora.book().outcome == "not_supported"
    assert asked_of_the_pms(sim) == []


def test_a_tool_that_does_not_exist_is_something_the_agent_cannot_do(caller: Caller) -> None:
    result = caller.use("deleteEverything", patient="Cora Whitfield")

    assert result.outcome == "unknown_tool"
    assert "something I can't do" in result.say


def test_the_name_of_a_tool_that_does_not_exist_is_kept_nowhere(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caller.use("bookForCoraBrandywine")

    assert ToolCall.objects.get().tool == ""
    assert "Brandywine" not in caplog.text


def test_arguments_that_were_no_json_are_asked_for_again(caller: Caller) -> None:
    result = runner.run(
        name="checkAvailability", arguments={}, problem="arguments_unreadable", request=caller.request()
    )

    assert (result.outcome, result.say) == ("arguments_unreadable", errors.ArgumentsUnreadable.default_spoken)


@pytest.mark.parametrize("junk", [None, [], {}, 7, "x" * 5000, "\x00", {"$gt": ""}, [["a"]]])
@pytest.mark.parametrize(("tool", "arguments"), USES, ids=[name for name, _ in USES])
def test_whatever_a_model_writes_is_answered_with_one_line(
    caller: Caller, tool: str, arguments: dict[str, Any], junk: object
) -> None:
    for name in arguments:
        result = caller.use(tool, **{**arguments, name: junk})

        assert result.outcome != "internal_error"
        assert "\n" not in result.say
        assert result.say


def test_a_crash_is_answered_with_an_apology_and_logged_without_its_details(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_args: object, **_kwargs: object) -> None:
        raise ValueError("Brandywine said 1990-01-02")

    monkeypatch.setattr("pms.services.patients.verify", crash)

    result = caller.use("findPatient", **CORA)

    assert (result.outcome, result.say) == ("internal_error", errors.Internal.default_spoken)
    assert any("tool crashed" in str(record.msg) for record in caplog.records)


def test_an_answer_that_cannot_be_kept_is_said_all_the_same(cora: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(**_kwargs: object) -> None:
        raise OSError

    monkeypatch.setattr("pms.services.claims.answer", crash)

    result: Result = cora.book()

    assert "is booked for" in result.say
