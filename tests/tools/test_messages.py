"""takeMessage: what a caller wants the team to know is kept whatever else is broken, or is not said to be."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, BaaAcceptance
from pms import vault
from pms.models import Call, ConnectionStatus, CredentialKind, PmsIntegration, Task, TaskState, ToolCall
from pms.models.credential import Scope
from pms.services import limits, tasks
from pms.tools import runner
from pms.tools.context import Face, Result
from pms.tools.registry import TOOLS
from tests import agreement
from tests.conftest import Sim
from tests.practice import CALLER
from tests.talking import Caller, asked_of_the_pms, together
from tests.vapi.conftest import logs

__all__ = ["logs"]

WORDS = "My crown came off. Please call me about it."
KEPT = "I have left that message for the team at the practice."
NOT_KEPT = "I'm sorry, I could not keep that message. Please call the practice again a little later."


def leave(caller: Caller, **arguments: Any) -> Result:
    """Leave a message as the next request would, with its account read anew."""
    caller.call.account = Account.objects.get(pk=caller.call.account_id)
    return caller.use("takeMessage", **{"message": WORDS, **arguments})


def kept() -> dict[str, str]:
    """Return what the one message says."""
    return tasks.detail(Task.objects.get(kind="message"))


def unreachable(practice: Account, settings: Settings) -> None:
    keys = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**keys, "baseUrl": "http://127.0.0.1:9/v4"}}


def rejected(practice: Account, settings: Settings) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.ERROR)


def being_set_up(practice: Account, settings: Settings) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.SETUP_REQUIRED)


def disconnected(practice: Account, settings: Settings) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)


def switched_off(practice: Account, settings: Settings) -> None:
    PmsIntegration.objects.update(features={}, config={"allowOnlineBooking": False})


def paused(practice: Account, settings: Settings) -> None:
    Account.objects.update(is_paused=True)


def without_types(practice: Account, settings: Settings) -> None:
    practice.appointment_types.all().delete()


class TestKept:
    def test_is_a_task_with_the_words_and_the_number_that_calls(self, caller: Caller, sim: Sim) -> None:
        sim("DELETE", "requests")

        result = leave(caller, callerName="Cora Whitfield")

        task = Task.objects.get()
        assert (result.outcome, result.say) == ("ok", KEPT)
        assert (task.kind, task.call, task.account, task.state) == (
            "message",
            caller.call,
            caller.call.account,
            TaskState.OPEN,
        )
        assert kept() == {"message": WORDS, "callerName": "Cora Whitfield", "phoneNumber": CALLER}
        assert asked_of_the_pms(sim) == []

    @pytest.mark.parametrize(("said", "noted"), [
        ("(646) 555-0188", "+16465550188"),
        ("646-555-0188 ext. 4", "+16465550188"),
        ("my office, the one on the card", "my office, the one on the card"),
        ("555-0188", "555-0188"),
        ("unknown", CALLER),
        (None, CALLER),
        (6465550188, "+16465550188"),
    ])  # fmt: skip
    def test_has_the_number_that_was_said_before_the_one_that_calls(
        self, caller: Caller, said: Any, noted: str
    ) -> None:
        leave(caller, phoneNumber=said)

        assert kept()["phoneNumber"] == noted

    def test_has_no_number_if_there_is_none(self, practice: Account) -> None:
        leave(Caller(practice, number="anonymous"))

        assert kept() == {"message": WORDS}

    @pytest.mark.parametrize(("said", "noted"), [(True, "yes"), ("true", "yes"), (False, None), (None, None)])
    def test_is_urgent_if_that_was_said(self, caller: Caller, said: object, noted: str | None) -> None:
        leave(caller, urgent=said)

        assert kept().get("urgent") == noted

    def test_promises_nothing(self, caller: Caller) -> None:
        said = leave(caller, urgent=True).say

        assert not any(word in said.lower() for word in ("will", "call you", "soon", "today", "within"))

    def test_is_kept_as_it_was_said(self, caller: Caller) -> None:
        said = "Ask for <b>Dr. Núñez</b> & 'Bob' 😀; {not a template}"

        leave(caller, message=said)

        assert kept()["message"] == said

    def test_that_nobody_would_read_to_its_end_is_cut(self, caller: Caller) -> None:
        assert leave(caller, message="Knees. " * 1000).outcome == "ok"
        assert kept()["message"] == ("Knees. " * 1000)[:1000].strip()

    def test_is_sealed_and_in_no_log(self, caller: Caller, logs: io.StringIO) -> None:
        leave(caller, message="A canary sings", callerName="Canary Song", phoneNumber="646 555 0199")

        with connection.cursor() as cursor:
            tables = [one for one in connection.introspection.table_names(cursor) if not one.startswith("sqlite_")]
            for table in tables:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own tables
                assert "anary" not in str([[_read(value) for value in row] for row in cursor.fetchall()]), table
        assert "anary" not in logs.getvalue()
        assert "5550199" not in logs.getvalue()

    def test_of_which_there_are_two_in_a_call_is_two_tasks(self, caller: Caller) -> None:
        leave(caller)
        leave(caller, message="And my son's, too.")

        assert Task.objects.filter(call=caller.call, kind="message").count() == 2

    def test_sent_again_under_the_same_id_is_one_task(self, caller: Caller) -> None:
        first, again = (leave(caller, tool_call_id="call_7") for _ in range(2))

        assert (first.say, again.say) == (KEPT, KEPT)
        assert Task.objects.count() == 1

    def test_sent_again_with_other_words_is_refused_and_the_first_stands(self, caller: Caller) -> None:
        leave(caller, tool_call_id="call_7")

        assert leave(caller, tool_call_id="call_7", message="Something else.").outcome == "idempotency_conflict"
        assert kept()["message"] == WORDS

    @pytest.mark.django_db(transaction=True)
    def test_sent_several_times_at_once_is_one_task(self, practice: Account) -> None:
        caller = Caller(practice)

        results = together(*[lambda: caller.use("takeMessage", tool_call_id="call_7", message=WORDS)] * 4)

        assert {one.say for one in results} == {KEPT}
        assert Task.objects.count() == 1


class TestWhateverElseIsBroken:
    @pytest.mark.parametrize(
        "change",
        [unreachable, rejected, being_set_up, disconnected, switched_off, paused, without_types],
        ids=lambda change: change.__name__,
    )
    def test_it_is_kept(
        self,
        caller: Caller,
        practice: Account,
        settings: Settings,
        sim: Sim,
        change: Callable[[Account, Settings], None],
    ) -> None:
        change(practice, settings)
        sim("DELETE", "requests")

        result = leave(caller)

        assert (result.outcome, result.say) == ("ok", KEPT)
        assert kept()["message"] == WORDS
        assert asked_of_the_pms(sim) == []

    def test_it_is_kept_without_any_connection_at_all(self, practice: Account) -> None:
        other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")
        accepted = BaaAcceptance.objects.get(account=practice)
        BaaAcceptance.objects.create(
            account=other,
            version=accepted.version,
            text_sha256=accepted.text_sha256,
            user=accepted.user,
            signer_name="Owner",
            signer_title="Owner",
            has_authority=True,
        )

        assert leave(Caller(other)).say == KEPT
        assert Task.objects.get().account == other

    def test_it_is_kept_when_the_practice_has_used_up_what_it_may_ask(
        self, practice: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(limits.LIMITS, "account", "1/m")
        caller = Caller(practice)

        outcomes = [caller.use("checkAvailability", appointmentType="nothing").outcome for _ in range(3)]

        assert "rate_limited" in outcomes
        assert leave(caller).say == KEPT

    def test_it_is_kept_in_a_locked_call_and_in_one_that_is_over(self, caller: Caller) -> None:
        for _ in range(3):
            caller.use("findPatient", firstName="Theodora", lastName="Brandywine", dateOfBirth="1990-01-02")
        locked = leave(caller)
        Call.objects.update(ended_at=timezone.now())
        caller.call.refresh_from_db()

        assert (locked.say, leave(caller).say) == (KEPT, KEPT)
        assert Task.objects.filter(kind="message").count() == 2

    def test_it_is_kept_without_a_call(self, practice: Account) -> None:
        request = Caller(practice).request()
        without = type(request)(
            account=practice,
            kind=CredentialKind.VOICE,
            face=Face.VOICE,
            asker=request.asker,
            clock=request.clock,
            budget=request.budget,
        )

        result = runner.run(name="takeMessage", arguments={"message": WORDS}, request=without)

        assert result.say == KEPT
        assert Task.objects.get().call is None
        assert kept() == {"message": WORDS}

    def test_it_has_a_limit_of_its_own(self, practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(limits.LIMITS, "messages", "2/m")
        caller = Caller(practice)

        outcomes = [leave(caller).outcome for _ in range(4)]

        # A minute may end on the way.
        assert outcomes[:2] == ["ok", "ok"]
        assert "rate_limited" in outcomes
        assert Task.objects.count() == outcomes.count("ok")


class TestRefused:
    @pytest.mark.parametrize("version", ["", "2019-01"])
    def test_without_the_agreement_nothing_is_kept(self, caller: Caller, version: str) -> None:
        if version:
            agreement.outdate(version)
        else:
            agreement.withdraw()

        result = leave(caller)

        assert result.outcome == "baa_required"
        assert "not switched on yet" in result.say
        assert not Task.objects.exists()

    def test_at_a_practice_that_is_closed_for_good_nothing_is_kept(self, caller: Caller) -> None:
        Account.objects.update(is_active=False)

        assert leave(caller).outcome == "paused"
        assert not Task.objects.exists()

    @pytest.mark.parametrize(("message", "outcome"), [
        (None, "validation_failed"),
        ("", "validation_failed"),
        ("   ", "validation_failed"),
        ("{{message}}", "placeholder"),
        (["Please call"], "validation_failed"),
        ({"text": "Please call"}, "validation_failed"),
        ("Please\0call", "validation_failed"),
    ])  # fmt: skip
    def test_a_message_that_is_none_is_asked_for_again(self, caller: Caller, message: object, outcome: str) -> None:
        result = leave(caller, message=message)

        assert result.outcome == outcome
        assert result.say.endswith(("please.", "please?", "again?"))
        assert not Task.objects.exists()

    def test_account_fields_that_a_model_forges_are_dropped(self, caller: Caller) -> None:
        other = Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles")

        leave(caller, accountId=str(other.pk), account_id=str(other.pk), kind="verification_locked", call=None)

        task = Task.objects.get()
        assert (task.account, task.kind, task.call) == (caller.call.account, "message", caller.call)
        assert str(other.pk) not in str(kept())


class TestHonest:
    """Lesson H1: a message that was not kept is never said to be."""

    @pytest.mark.django_db(transaction=True)
    def test_h1_a_database_that_keeps_nothing_is_told(self, caller: Caller, logs: io.StringIO) -> None:
        def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("INSERT") and '"tasks"' in sql:
                raise DatabaseError("canary")
            return execute(sql, params, many, context)

        with connections["default"].execute_wrapper(fails):
            result = leave(caller)

        assert (result.outcome, result.say) == ("internal_error", NOT_KEPT)
        assert not Task.objects.exists()
        assert ToolCall.objects.get().outcome == "internal_error"
        assert "message not kept" in logs.getvalue()
        assert "canary" not in logs.getvalue()

    def test_h1_a_vault_that_cannot_seal_is_told(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        seal = vault.seal

        def fails(value: object, place: str) -> bytes:
            if place.startswith("tasks:"):
                raise RuntimeError
            return seal(value, place)

        monkeypatch.setattr(vault, "seal", fails)

        assert leave(caller).say == NOT_KEPT
        assert not Task.objects.exists()

    def test_h1_a_repetition_of_a_failure_is_told_the_same(
        self, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(tasks, "open_task", lambda **_: 1 / 0)
            leave(caller, tool_call_id="call_7")

        again, anew = leave(caller, tool_call_id="call_7"), leave(caller, tool_call_id="call_8")

        assert (again.say, anew.say) == (NOT_KEPT, KEPT)
        assert Task.objects.count() == 1


def test_every_scope_that_a_tool_needs_can_be_given_to_a_server() -> None:
    assert {tool.scope for tool in TOOLS.values() if tool.scope} <= set(Scope.values)


def _read(value: object) -> object:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else value
