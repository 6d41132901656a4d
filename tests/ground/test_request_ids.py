"""One id for what a request leaves: in the answer, the log and the evidence."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from pms.management.simulation import Phone
from pms.models import Credential, PmsAuditLog, PmsIntegration, SecurityEvent, ToolCall, VoiceLine
from pms.services import credentials
from tests.ground.conftest import Lines
from tests.practice import CALLER

OURS = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def is_made_here(value: str) -> bool:
    return str(uuid.UUID(value)) == value


@pytest.mark.parametrize("offered", [OURS, "req-0123456789", "01JD8QZX5T7N3M9K2V4B6C8D0E", "a" * 63 + "1"])
def test_a_well_formed_id_is_kept(client: Client, lines: Lines, offered: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": offered})

    assert answer["X-Request-Id"] == offered
    assert [line["request_id"] for line in lines()] == [offered]


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "short-1",
        "a" * 64 + "1",
        "1987-04-12",
        "212-555-0147",
        "12125550147",
        "Cora-Whitfield",
        "Cora Whitfield 1",
        "a1b2c3d4\r\nSet-Cookie: x=1",
        "a1b2c3d4\n",
        "a1b2c3d4;",
        "<script>alert(1)</script>",
        "ａ１ｂ２ｃ３ｄ４",
        "../../../etc/passwd1",
        "%0d%0aX-Injected: 1",
        '{"a1b2c3d4": 1}',
    ],
)
def test_anything_else_is_replaced_by_an_id_of_ours(client: Client, lines: Lines, hostile: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": hostile})

    assert is_made_here(answer["X-Request-Id"])
    assert [line["request_id"] for line in lines()] == [answer["X-Request-Id"]]


def test_every_request_gets_an_id_of_its_own(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")

    assert first["X-Request-Id"] != second["X-Request-Id"]


def test_a_page_that_does_not_exist_has_an_id_too(client: Client, lines: Lines) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": OURS})

    assert (answer.status_code, answer["X-Request-Id"]) == (404, OURS)
    assert {line["request_id"] for line in lines()} == {OURS}


def test_the_id_ends_with_its_request(client: Client, lines: Lines) -> None:
    import structlog

    client.get("/healthz", headers={"X-Request-Id": OURS})
    structlog.get_logger("pms.test").info("afterwards")

    assert "request_id" not in lines()[-1]


@pytest.mark.django_db
def test_a_refused_sign_in_is_found_by_the_id_of_its_answer(client: Client) -> None:
    User.objects.create_superuser("owner@parlae.example", "a password that is long enough")

    answer = client.post("/accounts/login/", {"login": "owner@parlae.example", "password": "wrong"})

    event = SecurityEvent.objects.get(kind="signin.failed")
    assert event.request_id == answer["X-Request-Id"]
    assert (event.account_id, event.ip_address, event.detail) == (None, "127.0.0.1", {})
    assert "owner" not in repr(SecurityEvent.objects.values().get())


@pytest.mark.django_db(transaction=True)
def test_a_tool_call_is_found_by_the_id_of_its_answer(
    live_server: LiveServer, alder: PmsIntegration, lines: Lines
) -> None:
    line = VoiceLine.objects.get(account=alder.account)
    phone = Phone(
        url=live_server.url, line=line, secret=credentials.reveal(Credential.objects.get(line=line))[0], caller=CALLER
    )
    phone.session.headers["X-Request-Id"] = OURS
    phone.use("findPatient", {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"})

    row = PmsAuditLog.objects.get(action="findPatient")
    events = {entry["event"]: entry.get("request_id") for entry in lines()}
    assert (row.request_id, row.vapi_call_id) == (OURS, phone.call_id)
    assert ToolCall.objects.get().request_id == OURS
    assert events["tool"] == events["request"] == OURS
