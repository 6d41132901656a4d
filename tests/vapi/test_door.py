"""The door beyond its table of answers: odd bodies, what a refused request leaves, and what may name a practice."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import Call, Credential, SecurityEvent, VoiceLine
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
    tool_call,
    tool_calls,
)

ASK = [tool_call("checkAvailability", {"date": "2030-01-01"})]
UNKNOWN = {"phoneNumber": {"id": "somebody-else-s", "number": "+12125550199"}}


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


# Bodies


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


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"type": "status-update", "status": "ended"}, {}),
        ({"type": "end-of-call-report"}, {}),
        ({"type": "conversation-update"}, {}),
        ({"type": "tool-calls"}, {"results": []}),
    ],
)
def test_a_message_of_an_unknown_line_leaves_an_event_and_no_call(
    client: Client, db: None, message: dict[str, Any], answer: dict[str, Any]
) -> None:
    response = post(client, about(None, **UNKNOWN, call={"id": "call-1"}, **message), PLATFORM)

    assert (response.status_code, response.json()) == (200, answer)
    assert len(events("webhook.unknown_line")) == 1
    assert not Call.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_another_method_than_post_is_405_in_the_shape_of_errors(client: Client, db: None, method: str) -> None:
    response = getattr(client, method)(WEBHOOK)

    assert response["Allow"] == "POST"
    assert response.status_code == 405
    if method != "head":
        refused(response, 405, "method_not_allowed")


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
    assert grown == {"pms.SecurityEvent": 1, "pms.RateCounter": 1}


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


# Lines and credentials


def test_a_credential_opens_until_it_expires(client: Client, bare_line: VoiceLine) -> None:
    credential(bare_line.account, bare_line, OWN, expires_at=timezone.now() + timedelta(minutes=5))

    assert post(client, about(bare_line), OWN).status_code == 200


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

    credential(line.account, line, "the next secret of the line")

    assert post(client, about(line), "the next secret of the line").status_code == 200


def test_where_a_signature_covers_nothing_development_is_warned(
    client: Client, bare_line: VoiceLine, settings: Settings, logs: io.StringIO
) -> None:
    settings.VAPI_WEBHOOK_SCHEMES, settings.VAPI_REQUIRE_TIMESTAMP, settings.DEBUG = ["body"], False, True

    post(client, about(bare_line), headers={"X-Signature": hexdigest(PLATFORM, json.dumps(about(bare_line)))})
    assert "covers nothing" not in logs.getvalue()

    post(client, b"", headers={"X-Signature": hexdigest(PLATFORM, b"")})
    assert "signature that covers nothing accepted" in logs.getvalue()


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


def test_secrets_are_not_in_a_repr_of_what_is_verified(settings: Settings) -> None:
    request = RequestFactory().post(WEBHOOK, headers={"X-Vapi-Secret": PLATFORM})

    assert not re.search(re.escape(PLATFORM), repr(door.signed_request(request)))
