"""The door: who is let in, for which practice, and what everybody else is told."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Iterable
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
from django.apps import apps
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from pms.models import Call, Credential, CredentialKind, SecurityEvent, VoiceLine
from pms.vapi import door
from tests.vapi.sending import (
    OWN,
    PLATFORM,
    WEBHOOK,
    about,
    credential,
    hexdigest,
    line_of,
    post,
    practice,
    refused,
    results,
    signed,
    timestamp,
    tool_call,
    tool_calls,
)

ASK = [tool_call("checkAvailability", {"date": "2030-01-01"})]
UNKNOWN = {"phoneNumber": {"id": "somebody-else-s", "number": "+12125550199"}}
BROKEN = b'{"message": {"type": "status-update", "call": {"assistantId": "%s"'
FIVE_MEGABYTES = 5 * 1024 * 1024


@pytest.fixture
def alder(db: None) -> Account:
    return practice("Alder Dental")


@pytest.fixture
def line(alder: Account) -> VoiceLine:
    """A line with a credential of its own."""
    line = line_of(alder, "+12125550100")
    credential(alder, line, OWN)
    return line


@pytest.fixture
def bare_line(db: None) -> VoiceLine:
    """A line of another practice that has no credential at all."""
    return line_of(practice("Birch Dental"), "+12125550101")


@pytest.fixture(autouse=True)
def _platform(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = [PLATFORM]
    settings.VAPI_WEBHOOK_SCHEMES = ["timestamp_body"]
    settings.VAPI_REQUIRE_TIMESTAMP = True
    settings.VAPI_SECRET_IS_SYSTEM = False


def rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def events(kind: str) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(kind=kind).order_by("created_at"))


# The table of answers


WAYS_NOT_TO_SIGN: list[Any] = [
    pytest.param(lambda body: {}, id="unsigned"),
    pytest.param(lambda body: signed(body, "a wrong secret"), id="wrong secret"),
    pytest.param(lambda body: signed(body + b" ", OWN), id="another body"),
    pytest.param(lambda body: {"X-Signature": hexdigest(OWN, body)}, id="no timestamp"),
    pytest.param(lambda body: {"X-Signature": "", "X-Vapi-Secret": "", "Authorization": ""}, id="empty headers"),
    pytest.param(lambda body: {"X-Signature": "sch\u00f6n", "X-Timestamp": timestamp()}, id="letters"),
    pytest.param(lambda body: {"X-Vapi-Secret": OWN, "Authorization": f"Bearer {OWN}"}, id="another scheme"),
]


@pytest.mark.parametrize("headers", WAYS_NOT_TO_SIGN)
@pytest.mark.parametrize("known", [True, False], ids=["known line", "unknown line"])
@pytest.mark.parametrize("broken", [True, False], ids=["broken", "whole"])
def test_without_the_right_signature_the_answer_is_401_whatever_the_body(
    client: Client, line: VoiceLine, headers: Any, known: bool, broken: bool
) -> None:
    body = json.dumps(about(line if known else None, **({} if known else UNKNOWN))).encode()
    body = body[:-2] if broken else body

    response = post(client, body, headers=headers(body))

    refused(response, 401, "signature_invalid")


def test_where_nothing_is_configured_the_answer_is_503(
    client: Client, bare_line: VoiceLine, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []

    for secret in ("", PLATFORM):
        for body in (about(bare_line), about(None, **UNKNOWN), b"{"):
            refused(post(client, body, secret), 503, "not_configured")


def test_where_only_lines_have_secrets_everybody_else_gets_401(
    client: Client, line: VoiceLine, bare_line: VoiceLine, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []

    refused(post(client, about(bare_line), PLATFORM), 401, "signature_invalid")
    refused(post(client, about(None, **UNKNOWN)), 401, "signature_invalid")
    assert post(client, about(line), OWN).status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        '{"message": {"type": "status-update", "call": {"assistantId": "ASSISTANT"',
        '{"message": {"type": "status-update", "call": {"phoneNumberId" : "NUMBER"',
        '{"message": {"phoneNumber": {"id": "NUMBER", "name": "x"',
        '{"message": {"assistant": {"id":"ASSISTANT"',
        '{"message": {"phoneNumber": {"number": "+12125550100"',
        '[{"message": {"type": "status-update", "assistant": {"id": "ASSISTANT"}}}]',
        '"\\"assistantId\\": " "assistantId": "ASSISTANT"',
    ],
)
def test_a_broken_body_signed_with_the_line_s_own_secret_is_400(client: Client, line: VoiceLine, place: str) -> None:
    body = place.replace("ASSISTANT", line.vapi_assistant_id or "").replace("NUMBER", line.vapi_phone_number_id or "")

    response = post(client, body.encode(), OWN)

    refused(response, 400, "arguments_unreadable")
    refused(post(client, body.encode(), PLATFORM), 401, "signature_invalid")


BROKEN_BODIES: list[Any] = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="list"),
    pytest.param(b'"text"', id="text"),
    pytest.param(b"7", id="number"),
    pytest.param(b"{}", id="no message"),
    pytest.param(b'{"message": null}', id="message null"),
    pytest.param(b'{"message": []}', id="message list"),
    pytest.param(b'{"message": {}}', id="no type"),
    pytest.param(b'{"message": {"type": 5}}', id="type number"),
    pytest.param(b'{"message": {"type": ""}}', id="type empty"),
    pytest.param(b'{"message": {"type": "\\u0000"}}', id="type NUL"),
    pytest.param(b'{"message": {"type": "\xff"}}', id="not UTF-8"),
    pytest.param(b"[" * 200_000, id="deep list"),
    pytest.param(b'{"message": ' * 200_000, id="deep object"),
    pytest.param(b'{"a": ' + b"9" * 10_000 + b"}", id="huge number"),
    pytest.param(b"name=value&a=b", id="a form"),
]


@pytest.mark.parametrize("body", BROKEN_BODIES)
def test_a_signed_body_that_is_no_message_is_400(client: Client, db: None, body: bytes) -> None:
    refused(post(client, body, PLATFORM), 400, "arguments_unreadable")
    refused(post(client, body), 401, "signature_invalid")


def test_a_signed_message_of_an_unknown_line_is_answered_id_by_id_and_leaves_an_event(client: Client, db: None) -> None:
    calls = [tool_call("checkAvailability", {}, "call_1"), tool_call("findPatient", {}, "call_2")]

    response = post(client, tool_calls(None, calls, call_id="call-1") | {}, PLATFORM)

    assert [row["toolCallId"] for row in response.json()["results"]] == ["call_1", "call_2"]
    assert all("not connected to a practice" in said for said in results(response))
    assert [event.actor for event in events("webhook.unknown_line")] == ["voice:platform"]
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"type": "status-update", "status": "ended"}, {}),
        ({"type": "end-of-call-report"}, {}),
        ({"type": "conversation-update"}, {}),
        ({"type": "tool-calls"}, {"results": []}),
        ({"type": "assistant-request"}, {"error": "I'm sorry, this line is not in service right now."}),
        ({"type": "transfer-destination-request"}, {"error": "I'm sorry, I can't transfer this call."}),
    ],
)
def test_every_message_of_an_unknown_line_is_200(
    client: Client, db: None, message: dict[str, Any], answer: dict[str, Any]
) -> None:
    response = post(client, about(None, **UNKNOWN, call={"id": "call-1"}, **message), PLATFORM)

    assert (response.status_code, response.json()) == (200, answer)
    assert len(events("webhook.unknown_line")) == 1


@pytest.mark.parametrize("age", [-301, 301, 3600])
def test_a_stale_timestamp_is_401(client: Client, line: VoiceLine, age: int) -> None:
    at = str(round((timezone.now().timestamp() - age) * 1000))
    body = json.dumps(about(line)).encode()

    refused(post(client, body, headers=signed(body, OWN, at=at)), 401, "signature_invalid")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_another_method_than_post_is_405_in_the_shape_of_errors(client: Client, db: None, method: str) -> None:
    response = getattr(client, method)(WEBHOOK)

    assert response["Allow"] == "POST"
    assert response.status_code == 405
    if method != "head":
        refused(response, 405, "method_not_allowed")


@pytest.mark.django_db(transaction=True)
def test_the_door_says_the_same_over_http(live_server: LiveServer) -> None:
    line = line_of(practice("Alder Dental"), "+12125550100")
    credential(line.account, line, OWN)
    body, old = json.dumps(about(line)).encode(), str(round(timezone.now().timestamp()) - 301)
    good = signed(body, OWN)

    def answer(headers: Iterable[tuple[str, str]]) -> int:
        """Send headers as they are, also twice."""
        server = HTTPConnection(live_server.thread.host, live_server.thread.port, timeout=10)
        server.putrequest("POST", WEBHOOK)
        for name, value in (("Content-Length", str(len(body))), *headers):
            server.putheader(name, value)
        server.endheaders(body)
        status = server.getresponse().status
        server.close()
        return status

    assert answer(good.items()) == 200
    assert answer([]) == 401
    assert answer(signed(body, "a wrong secret").items()) == 401
    assert answer(signed(body, OWN, at=old).items()) == 401
    assert answer([*good.items(), ("X-Signature", good["X-Signature"])]) == 401
    assert answer([*good.items(), ("X-Timestamp", good["X-Timestamp"])]) == 401
    assert answer([("X-Signature", "sch\u00f6n"), ("X-Timestamp", good["X-Timestamp"])]) == 401


# Sizes and shapes of bodies


def test_a_body_of_more_than_five_megabytes_is_413_before_anything_else(client: Client, line: VoiceLine) -> None:
    body = json.dumps(about(line)).encode().ljust(FIVE_MEGABYTES + 1)

    before = rows()

    refused(post(client, body, OWN), 413, "too_large")
    refused(post(client, body), 413, "too_large")
    assert rows() == before


def test_a_body_of_five_megabytes_is_read(client: Client, line: VoiceLine) -> None:
    body = json.dumps(about(line)).encode().ljust(FIVE_MEGABYTES)

    assert post(client, body, OWN).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_the_content_type_does_not_matter(client: Client, line: VoiceLine, content_type: str) -> None:
    body = json.dumps(about(line)).encode()

    response = client.post(WEBHOOK, data=body, content_type=content_type, headers=signed(body, OWN))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (b'"a": NaN, "b": -Infinity, "c": 1e999', 200),
        (b'"call": {"id": "\\ud800"}, "assistant": {"id": "\\u0000"}, "customer": {"number": "\\udfff\\u0000"}', 200),
        (b'"status": ["ended"], "endedReason": {}', 200),
        (b'"type": "end-of-call-report", "call": {"id": "c-1"}, "endedReason": "a\\u0000b\\ud800"', 200),
        (b'"type": "conversation-update", "type": "hang"', 200),
        (b'"type": "hang", "deep": ' + b"[" * 500 + b"]" * 500, 200),
    ],
    ids=["not finite", "ids no column holds", "unhashable status", "reason no column holds", "twice", "deep"],
)
def test_strange_but_signed_json_is_read_without_a_crash(
    client: Client, line: VoiceLine, extra: bytes, status: int
) -> None:
    number = json.dumps({"id": line.vapi_phone_number_id}).encode()
    body = b'{"message": {"type": "status-update", "phoneNumber": ' + number + b", " + extra + b"}}"

    assert post(client, body, OWN).status_code == status


@pytest.mark.parametrize("place", ["assistant", "phoneNumber"])
@pytest.mark.parametrize("written", ["\ud800", "a\u0000b", "x" * 100_000, 7, [], {}, None])
def test_no_id_in_an_unsigned_message_breaks_the_door(
    client: Client, line: VoiceLine, place: str, written: Any
) -> None:
    body = json.dumps({"message": {"type": "hang", place: {"id": written, "number": written}}}).encode()

    refused(post(client, body), 401, "signature_invalid")


def test_a_byte_order_mark_is_read_over(client: Client, line: VoiceLine) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(about(line)).encode()

    assert post(client, body, OWN).status_code == 200


def test_a_key_that_comes_twice_is_verified_for_the_line_that_counts(
    client: Client, line: VoiceLine, bare_line: VoiceLine
) -> None:
    body = (
        f'{{"message": {{"type": "hang", "phoneNumber": {{"id": "{line.vapi_phone_number_id}"}},'
        f' "phoneNumber": {{"id": "{bare_line.vapi_phone_number_id}"}}}}}}'
    ).encode()

    refused(post(client, body, OWN), 401, "signature_invalid")
    assert post(client, body, PLATFORM).status_code == 200


def test_an_answer_is_json_whatever_is_asked_for(client: Client, line: VoiceLine) -> None:
    response = post(client, about(line), OWN, headers={"Accept": "text/html"})

    assert (response.status_code, response["Content-Type"], response.json()) == (200, "application/json", {})


# What a refused request leaves behind


def test_a_refused_request_writes_nothing_but_its_event(client: Client, line: VoiceLine) -> None:
    before = rows()

    post(client, tool_calls(line, ASK, call_id="call-1"), "a wrong secret")

    grown = {label: count - before[label] for label, count in rows().items() if count != before[label]}
    assert grown == {"pms.SecurityEvent": 1, "pms.ChainHead": 1, "pms.RateCounter": 1}


def test_the_event_of_a_refused_request_says_where_from_and_nothing_of_what_it_held(
    client: Client, line: VoiceLine
) -> None:
    response = post(client, tool_calls(line, ASK, call_id="call-1"), headers={"User-Agent": "call-1 +12125550147"})

    (event,) = events("webhook.refused")
    assert (event.account_id, event.actor) == (line.account_id, "anonymous")
    assert (event.detail, event.ip_address) == ({"line_known": True}, "127.0.0.1")
    assert event.request_id == response["X-Request-Id"]
    assert event.user_agent == ""


def test_events_of_refused_requests_are_capped_each_minute_and_each_practice(
    client: Client, line: VoiceLine, bare_line: VoiceLine
) -> None:
    for _ in range(15):
        refused(post(client, about(line)), 401, "signature_invalid")
    post(client, about(bare_line))
    post(client, about(None, **UNKNOWN))

    owners = [event.account_id for event in events("webhook.refused")]
    # A minute may end between two of them.
    assert 6 <= owners.count(line.account_id) <= 12
    assert (owners.count(bare_line.account_id), owners.count(None)) == (1, 1)


def test_events_of_unknown_lines_are_capped_too(client: Client, db: None) -> None:
    for _ in range(15):
        assert post(client, about(None, **UNKNOWN), PLATFORM).status_code == 200

    assert 6 <= len(events("webhook.unknown_line")) <= 12


def test_nothing_of_a_refused_request_is_in_the_log(client: Client, line: VoiceLine, logs: io.StringIO) -> None:
    message = tool_calls(line, [tool_call("findPatient", {"firstName": "Cora"}, "call_canary")], call_id="call-canary")

    post(client, message, "a wrong secret", headers={"X-Vapi-Secret": "canary", "User-Agent": "canary"})
    post(client, json.dumps(message).encode()[:-2], "a wrong secret")

    lines = [json.loads(text) for text in logs.getvalue().splitlines()]
    assert [(entry["event"], entry["route"], entry["status"]) for entry in lines] == [
        ("request", WEBHOOK.lstrip("/"), 401)
    ] * 2
    for private in ("canary", "Cora", line.vapi_phone_number_id, str(line.pk), str(line.account_id), "2125550100"):
        assert str(private) not in logs.getvalue()


# Whose secret opens what


def test_a_line_s_own_secret_opens_it_and_the_platform_s_does_not(client: Client, line: VoiceLine) -> None:
    credential(line.account, None, "the account's secret")

    assert post(client, about(line), OWN).status_code == 200
    refused(post(client, about(line), PLATFORM), 401, "signature_invalid")
    refused(post(client, about(line), "the account's secret"), 401, "signature_invalid")


def test_the_account_s_secret_opens_a_line_without_its_own_and_the_platform_s_does_not(
    client: Client, bare_line: VoiceLine
) -> None:
    credential(bare_line.account, None, "the account's secret")

    assert post(client, about(bare_line), "the account's secret").status_code == 200
    refused(post(client, about(bare_line), PLATFORM), 401, "signature_invalid")


def test_the_platform_s_secret_opens_a_line_that_has_none(client: Client, bare_line: VoiceLine) -> None:
    assert post(client, about(bare_line), PLATFORM).status_code == 200


def test_a_secret_of_one_practice_never_opens_another_s_line(
    client: Client, line: VoiceLine, bare_line: VoiceLine
) -> None:
    refused(post(client, about(bare_line), OWN), 401, "signature_invalid")

    credential(bare_line.account, None, "the other's secret")

    refused(post(client, about(bare_line), OWN), 401, "signature_invalid")
    refused(post(client, about(line), "the other's secret"), 401, "signature_invalid")


def test_two_secrets_and_two_credentials_open_during_a_rotation(client: Client, bare_line: VoiceLine) -> None:
    credential(bare_line.account, bare_line, "the new one", "the old one")
    credential(bare_line.account, bare_line, "the next one", schemes=["secret"])

    assert post(client, about(bare_line), "the new one").status_code == 200
    assert post(client, about(bare_line), "the old one").status_code == 200
    assert post(client, about(bare_line), headers={"X-Vapi-Secret": "the next one"}).status_code == 200


def test_the_platform_s_secrets_rotate_too(client: Client, bare_line: VoiceLine, settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = ["the new one", "the old one"]

    assert post(client, about(bare_line), "the new one").status_code == 200
    assert post(client, about(bare_line), "the old one").status_code == 200
    refused(post(client, about(bare_line), PLATFORM), 401, "signature_invalid")


@pytest.mark.parametrize("ended", ["expires_at", "revoked_at"])
def test_an_ended_credential_opens_nothing(client: Client, bare_line: VoiceLine, ended: str) -> None:
    ends = {ended: timezone.now() - timedelta(seconds=1)}
    credential(bare_line.account, bare_line, OWN, **ends)  # type: ignore[arg-type]

    refused(post(client, about(bare_line), OWN), 401, "signature_invalid")


def test_a_credential_opens_until_it_expires(client: Client, bare_line: VoiceLine) -> None:
    credential(bare_line.account, bare_line, OWN, expires_at=timezone.now() + timedelta(minutes=5))

    assert post(client, about(bare_line), OWN).status_code == 200


def test_a_system_credential_does_not_speak_for_callers(client: Client, bare_line: VoiceLine) -> None:
    credential(bare_line.account, None, OWN, kind=CredentialKind.SYSTEM)

    refused(post(client, about(bare_line), OWN), 401, "signature_invalid")
    assert post(client, about(bare_line), PLATFORM).status_code == 200


def test_an_inactive_line_is_an_unknown_one(client: Client, line: VoiceLine) -> None:
    VoiceLine.objects.update(is_active=False)

    refused(post(client, about(line), OWN), 401, "signature_invalid")
    assert "not connected" in results(post(client, tool_calls(line, ASK), PLATFORM))[0]


def test_a_credential_that_cannot_be_opened_opens_nothing_and_hides_no_other(
    client: Client, line: VoiceLine, logs: io.StringIO
) -> None:
    Credential.objects.filter(line=line).update(secrets=b"1.gone.not-a-token")

    refused(post(client, about(line), OWN), 401, "signature_invalid")
    refused(post(client, about(line), PLATFORM), 401, "signature_invalid")
    assert "credential cannot be opened" in logs.getvalue()

    credential(line.account, line, "the next one")

    assert post(client, about(line), "the next one").status_code == 200


def test_the_accepted_schemes_are_the_credential_s_own(
    client: Client, bare_line: VoiceLine, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SCHEMES = ["secret", "bearer", "timestamp_body"]
    credential(bare_line.account, bare_line, OWN, schemes=["bearer"])

    assert post(client, about(bare_line), headers={"Authorization": f"Bearer {OWN}"}).status_code == 200
    refused(post(client, about(bare_line), headers={"X-Vapi-Secret": OWN}), 401, "signature_invalid")
    refused(post(client, about(bare_line), OWN), 401, "signature_invalid")


def test_the_platform_s_schemes_are_the_configured_ones(
    client: Client, bare_line: VoiceLine, settings: Settings
) -> None:
    secret, bearer = {"X-Vapi-Secret": PLATFORM}, {"Authorization": f"Bearer {PLATFORM}"}

    refused(post(client, about(bare_line), headers=secret), 401, "signature_invalid")
    settings.VAPI_WEBHOOK_SCHEMES = ["secret"]
    assert post(client, about(bare_line), headers=secret).status_code == 200
    refused(post(client, about(bare_line), headers=bearer), 401, "signature_invalid")
    refused(post(client, about(bare_line), PLATFORM), 401, "signature_invalid")


def test_a_signature_of_the_body_alone_counts_only_where_no_timestamp_is_required(
    client: Client, bare_line: VoiceLine, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SCHEMES = ["body"]
    body = json.dumps(about(bare_line)).encode()
    headers = {"X-Vapi-Signature": hexdigest(PLATFORM, body)}

    refused(post(client, body, headers=headers), 401, "signature_invalid")
    settings.VAPI_REQUIRE_TIMESTAMP = False
    assert post(client, body, headers=headers).status_code == 200


def test_the_signature_of_nothing_opens_only_in_development_and_is_warned_of(
    client: Client, db: None, settings: Settings, logs: io.StringIO
) -> None:
    settings.VAPI_WEBHOOK_SCHEMES, settings.VAPI_REQUIRE_TIMESTAMP = ["body"], False
    headers = {"X-Vapi-Signature": hexdigest(PLATFORM, b"")}

    refused(post(client, b"", headers=headers), 401, "signature_invalid")
    assert "constant signature" not in logs.getvalue()
    settings.DEBUG = True
    refused(post(client, b"", headers=headers), 400, "arguments_unreadable")
    assert "constant signature accepted" in logs.getvalue()


def test_method_and_address_are_signed_as_the_public_address_has_them(
    client: Client, bare_line: VoiceLine, settings: Settings
) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://parlae.example", ["*"]
    settings.VAPI_WEBHOOK_SCHEMES = ["timestamp_method_url_body"]
    body, at = json.dumps(about(bare_line)).encode(), timestamp()

    def sent(url: str) -> Any:
        headers = {"X-Signature": hexdigest(PLATFORM, at, "POST", url, body), "X-Timestamp": at, "Host": "evil.example"}
        return post(client, body, headers=headers)

    assert sent(f"https://parlae.example{WEBHOOK}").status_code == 200
    refused(sent(f"https://evil.example{WEBHOOK}"), 401, "signature_invalid")
    refused(sent(f"http://evil.example{WEBHOOK}"), 401, "signature_invalid")


# Which practice it is


@pytest.mark.parametrize("kind", ["tool-calls", "status-update", "conversation-update", "end-of-call-report"])
def test_lines_of_two_practices_in_one_message_are_403(
    client: Client, line: VoiceLine, bare_line: VoiceLine, kind: str
) -> None:
    body = about(line, type=kind, call={"id": "call-1", "phoneNumberId": bare_line.vapi_phone_number_id})

    refused(post(client, body, OWN), 403, "forbidden")

    (event,) = events("webhook.two_practices")
    assert event.account_id == line.account_id
    assert not Call.objects.exists()


def test_lines_of_two_practices_without_secrets_are_403_for_the_platform_too(
    client: Client, bare_line: VoiceLine
) -> None:
    other = line_of(practice("Cedar Dental"), "+12125550102")

    body = about(bare_line, call={"id": "call-1", "assistantId": other.vapi_assistant_id})

    refused(post(client, body, PLATFORM), 403, "forbidden")


@pytest.mark.parametrize("kind", ["assistant-request", "transfer-destination-request"])
def test_a_caller_on_lines_of_two_practices_hears_a_sentence_and_nobody_s_assistant(
    client: Client, line: VoiceLine, bare_line: VoiceLine, kind: str
) -> None:
    body = about(line, type=kind, call={"id": "call-1", "phoneNumberId": bare_line.vapi_phone_number_id})

    response = post(client, body, OWN)

    assert (response.status_code, set(response.json())) == (200, {"error"})


def test_two_lines_of_one_practice_are_no_contradiction(client: Client, line: VoiceLine) -> None:
    second = line_of(line.account, "+12125550103")

    body = about(second, call={"id": "call-1", "assistantId": line.vapi_assistant_id})

    assert post(client, body, OWN).status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        lambda account: {"metadata": {"accountId": account}},
        lambda account: {"call": {"id": "call-1", "metadata": {"accountId": account}}},
        lambda account: {"assistant": {"metadata": {"accountId": account}}},
        lambda account: {"call": {"id": "call-1", "assistantOverrides": {"metadata": {"accountId": account}}}},
    ],
)
def test_metadata_that_names_another_practice_than_the_line_is_403(
    client: Client, line: VoiceLine, bare_line: VoiceLine, place: Any
) -> None:
    for other in (str(bare_line.account_id), "crm-7", str(uuid.uuid4())):
        refused(post(client, about(line, **place(other)), OWN), 403, "forbidden")
        refused(post(client, about(bare_line, **place(str(line.account_id))), PLATFORM), 403, "forbidden")


@pytest.mark.parametrize("written", [str, lambda pk: str(pk).upper(), lambda pk: pk.hex], ids=["own", "upper", "hex"])
def test_metadata_that_names_the_line_s_own_practice_is_fine_however_it_is_written(
    client: Client, line: VoiceLine, written: Any
) -> None:
    message = about(line, metadata={"accountId": written(line.account_id)})

    assert post(client, message, OWN).status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        lambda account: {"accountId": account},
        lambda account: {"metadata": {"accountId": account}},
        lambda account: {"message": {"call": {"id": "call-1", "metadata": {"accountId": account}}}},
    ],
)
def test_the_signed_part_names_the_practice_for_the_platform_s_secret(
    client: Client, alder: Account, place: Any
) -> None:
    named = place(str(alder.pk))
    message = {"type": "status-update", "status": "ended", "call": {"id": "call-1"}, **named.pop("message", {})}

    response = post(client, {"message": message, **named}, PLATFORM)

    assert response.status_code == 200
    assert Call.objects.get().account_id == alder.pk


@pytest.mark.parametrize("account", ["crm-7", "", "\u0000", "9b2f3c41-6d7e-4a80-9c15-2e4f6a8b0d13", 7, None])
def test_a_practice_that_does_not_exist_is_an_unknown_line(client: Client, alder: Account, account: Any) -> None:
    response = post(client, tool_calls(None, ASK) | {"accountId": account}, PLATFORM)

    assert "not connected" in results(response)[0]


def test_the_platform_may_not_name_two_practices(client: Client, alder: Account, bare_line: VoiceLine) -> None:
    body = {**about(None, metadata={"accountId": str(alder.pk)}), "accountId": str(bare_line.account_id)}

    refused(post(client, body, PLATFORM), 403, "forbidden")


def test_an_argument_never_names_the_practice(client: Client, alder: Account) -> None:
    forged = {"accountId": str(alder.pk), "metadata": {"accountId": str(alder.pk)}}

    response = post(client, tool_calls(None, [tool_call("checkAvailability", forged)]), PLATFORM)

    assert "not connected" in results(response)[0]


# Where a request came from


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "address"),
    [
        ([], "198.51.100.7", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.7", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "", "10.0.0.1", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.7", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.1"], "198.51.100.7", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "198.51.100.7, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.7, 10.0.0.2", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "10.9.9.9, 198.51.100.7, 10.0.0.2", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3"),
        (["10.0.0.0/8"], "unknown", "10.0.0.1", ""),
        (["10.0.0.0/8"], "198.51.100.7<script>", "10.0.0.1", ""),
        (["10.0.0.0/8"], ",,", "10.0.0.1", "10.0.0.1"),
        (["2001:db8::/32"], "2001:db9::7", "2001:db8::1", "2001:db9::7"),
        (["2001:db8::/32"], "198.51.100.7", "10.0.0.1", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.7", "", ""),
    ],
)
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(
    settings: Settings, proxies: list[str], forwarded: str, peer: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().post(WEBHOOK, REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})

    assert door.client_address(request) == address


def test_secrets_are_not_in_a_repr_of_what_is_verified(settings: Settings) -> None:
    request = RequestFactory().post(WEBHOOK, headers={"X-Vapi-Secret": PLATFORM})

    assert not re.search(re.escape(PLATFORM), repr(door.signed_request(request)))
