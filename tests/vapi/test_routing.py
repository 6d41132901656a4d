"""The two requests that decide where a call goes: always 200, always an assistant, a destination or a sentence."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import Settings

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.models import Call, VoiceLine
from pms.vapi import routing
from tests import agreement
from tests.conftest import Sim
from tests.talking import asked_of_the_pms
from tests.vapi.conftest import Send
from tests.vapi.sending import PLATFORM, about, post, practice, secret_of

TEAM, ON_CALL = "+12125550150", "+12125550160"
TO_TEAM = {"destination": {"type": "number", "number": TEAM}}
NOT_IN_SERVICE = {"error": "I'm sorry, this line is not in service right now."}
NOBODY = {
    "error": "I'm sorry, nobody can be reached by phone right now. I can take a message for the team at the practice."
}
MONDAY_MORNING = datetime(2026, 11, 23, 15, tzinfo=UTC)
NEVER = {"1": []}


@pytest.fixture
def ask(send: Send) -> Callable[[str], Any]:
    """Ask as Vapi does and return the body; whatever it is, it comes with 200."""

    def ask(kind: str = "assistant-request") -> Any:
        response = send(type=kind, call={"id": "call-1", "status": "ringing"})
        assert response.status_code == 200
        return response.json()

    return ask


def change(**values: Any) -> None:
    Account.objects.update(**values)


def closed() -> None:
    change(is_active=False)


def no_agreement() -> None:
    agreement.outdate("an older one")


def no_assistant() -> None:
    VoiceLine.objects.update(vapi_assistant_id=None)


@contextlib.contextmanager
def failing(table: str) -> Iterator[None]:
    def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if f'"{table}"' in sql:
            raise DatabaseError("a canary")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fails):
        yield


# assistant-request


def test_the_line_s_assistant_takes_the_call_and_knows_where_and_when_it_is(
    ask: Callable[..., Any], line: VoiceLine, practice: Account
) -> None:
    answered = ask()

    assert answered["assistantId"] == line.vapi_assistant_id
    assert set(answered) == {"assistantId", "assistantOverrides"}
    today = local_date_of(datetime.now(UTC), practice.zone)
    variables = answered["assistantOverrides"].pop("variableValues")
    assert answered["assistantOverrides"] == {}
    assert variables["practice_name"] == practice.name
    assert variables["practice_time_zone"] == "America/New_York"
    assert variables["today_date"] == today.isoformat()
    assert re.fullmatch(rf"{today:%A}, {today:%B} {today.day}(st|nd|rd|th), {today.year}", variables["today"])


def test_today_is_the_practice_s_own_day(db: None, line: VoiceLine) -> None:
    evening = datetime(2026, 11, 24, 3, tzinfo=UTC)

    answered: Any = routing.answer("assistant-request", account=line.account, line=line, now=evening)

    variables = answered["assistantOverrides"]["variableValues"]
    assert (variables["today"], variables["today_date"]) == ("Monday, November 23rd, 2026", "2026-11-23")


def test_a_name_is_said_on_one_line_without_markup(ask: Callable[..., Any]) -> None:
    change(name="Alder\n{{ system }} <b>Dental</b>")

    assert ask()["assistantOverrides"]["variableValues"]["practice_name"] == "Alder system Dental"


def test_a_paused_practice_is_still_answered(ask: Callable[..., Any], line: VoiceLine) -> None:
    change(is_paused=True)

    assert ask()["assistantId"] == line.vapi_assistant_id


def test_neither_the_pms_is_asked_nor_anything_written(ask: Callable[..., Any], sim: Sim) -> None:
    sim("DELETE", "requests")

    ask()
    ask("transfer-destination-request")

    assert asked_of_the_pms(sim) == []
    assert not Call.objects.exists()


@pytest.mark.parametrize("doubt", [closed, no_agreement, no_assistant])
def test_in_doubt_the_team_takes_the_call(ask: Callable[..., Any], line: VoiceLine, doubt: Callable[[], None]) -> None:
    change(transfer_number=TEAM)
    doubt()

    assert ask() == TO_TEAM


@pytest.mark.parametrize("doubt", [closed, no_agreement, no_assistant])
def test_without_a_number_a_sentence_is_said(ask: Callable[..., Any], doubt: Callable[[], None]) -> None:
    doubt()

    assert ask() == NOT_IN_SERVICE


def test_the_number_keeps_its_hours(ask: Callable[..., Any]) -> None:
    change(transfer_number=TEAM, after_hours_number=ON_CALL, transfer_hours={str(day): [] for day in range(1, 8)})
    no_assistant()

    assert ask() == {"destination": {"type": "number", "number": ON_CALL}}


def test_a_failure_is_answered_with_the_team_and_logged_without_details(
    ask: Callable[..., Any], logs: io.StringIO
) -> None:
    change(transfer_number=TEAM)

    with failing("baa_acceptances"):
        answered = ask()

    assert answered == TO_TEAM
    assert "call not routed" in logs.getvalue()
    assert "canary" not in logs.getvalue()


def test_a_failure_before_the_account_is_known_is_answered_with_a_sentence(ask: Callable[..., Any]) -> None:
    change(transfer_number=TEAM)

    with failing("accounts"):
        assert ask() == NOT_IN_SERVICE


def test_a_zone_that_does_not_exist_is_answered_with_a_sentence(ask: Callable[..., Any]) -> None:
    change(time_zone="America/Nowhere", transfer_hours={"1": [["08:00", "17:00"]]})

    assert ask() == NOT_IN_SERVICE
    assert ask("transfer-destination-request") == {"error": "I'm sorry, I can't transfer this call."}


@pytest.mark.parametrize(("kind", "said"), [
    ("assistant-request", NOT_IN_SERVICE),
    ("transfer-destination-request", {"error": "I'm sorry, I can't transfer this call."}),
])  # fmt: skip
def test_a_line_that_nobody_knows_is_answered_with_a_sentence(
    client: Client, db: None, settings: Settings, kind: str, said: Any
) -> None:
    settings.VAPI_WEBHOOK_SECRETS = [PLATFORM]
    unknown = about(None, type=kind, phoneNumber={"id": "pn-nobody", "number": "+12125550199"})

    response = post(client, unknown, PLATFORM)

    assert (response.status_code, response.json()) == (200, said)


def test_a_request_that_names_two_practices_is_answered_with_a_sentence(client: Client, line: VoiceLine) -> None:
    change(transfer_number=TEAM)
    other = practice("Birch Dental")
    body = about(line, type="assistant-request", metadata={"accountId": str(other.pk)})

    response = post(client, body, secret_of(line))

    assert (response.status_code, response.json()) == (200, NOT_IN_SERVICE)


@pytest.mark.parametrize("kind", ["assistant-request", "transfer-destination-request"])
def test_a_request_that_is_not_signed_learns_nothing(client: Client, line: VoiceLine, kind: str) -> None:
    change(transfer_number=TEAM)

    response = post(client, about(line, type=kind), "a wrong secret")

    assert response.status_code == 401
    assert TEAM not in response.content.decode()


# transfer-destination-request


def transferred(account: Account, now: datetime = MONDAY_MORNING) -> Any:
    return routing.answer("transfer-destination-request", account=account, line=None, now=now)


def test_a_caller_is_put_through_with_a_short_sentence(ask: Callable[..., Any]) -> None:
    change(transfer_number=TEAM)

    said = ask("transfer-destination-request")["destination"].pop("message")

    assert said == "One moment, please. I am putting you through."
    assert ask("transfer-destination-request")["destination"]["number"] == TEAM


@pytest.mark.parametrize(("hours", "number"), [
    ({}, TEAM),
    ({"1": [["08:00", "17:00"]]}, TEAM),
    ({"1": [["08:00", "10:00"]]}, ON_CALL),
    (NEVER, ON_CALL),
    ("rubbish", ON_CALL),
])  # fmt: skip
def test_the_destination_follows_the_practice_s_hours(hours: object, number: str) -> None:
    account = Account(
        time_zone="America/New_York", transfer_number=TEAM, after_hours_number=ON_CALL, transfer_hours=hours
    )

    assert transferred(account)["destination"]["number"] == number


@pytest.mark.parametrize("values", [
    {},
    {"after_hours_number": ON_CALL},
    {"transfer_number": TEAM, "transfer_hours": NEVER},
    {"transfer_number": "the front desk"},
])  # fmt: skip
def test_if_nobody_can_be_reached_that_is_said(values: dict[str, Any]) -> None:
    assert transferred(Account(time_zone="America/New_York", **values)) == NOBODY


def test_a_paused_practice_s_callers_are_put_through_too(ask: Callable[..., Any]) -> None:
    change(transfer_number=TEAM, is_paused=True)

    assert ask("transfer-destination-request")["destination"]["number"] == TEAM
