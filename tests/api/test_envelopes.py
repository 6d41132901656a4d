"""A Vapi envelope at a tool's own REST address is answered as the webhook answers it; the name in it decides."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Account
from pms.api import urls
from pms.models import Booking, Call, CredentialKind, PmsAuditLog, SecurityEvent, Task, ToolCall, VoiceLine
from pms.services import tasks
from tests.api.site import APPOINTMENTS, AVAILABILITY, MESSAGES, PATIENTS, PAYMENTS, WRITES, Site
from tests.conftest import Sim
from tests.talking import CORA, asked_of_the_pms, bookings_sent, in_the_pms, quiet_day
from tests.vapi.sending import (
    PLATFORM,
    WEBHOOK,
    about,
    credential,
    hexdigest,
    line_of,
    refused,
    results,
    secret_of,
    signed,
    timestamp,
    tool_call,
    tool_calls,
)

NOBODYS = "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d"
# Every address of a tool, those that only read among them.
ADDRESSES = [
    AVAILABILITY,
    APPOINTMENTS,
    f"{APPOINTMENTS}/70001",
    f"{APPOINTMENTS}/{NOBODYS}",
    PATIENTS,
    f"{PATIENTS}/search",
    f"{PATIENTS}/1001",
    f"{PATIENTS}/1001/notes",
    f"{PATIENTS}/1001/insurance",
    f"{PATIENTS}/1001/balance",
    PAYMENTS,
    MESSAGES,
    f"{WRITES}/{NOBODYS}",
]
# Those that take a person's session, and no envelope.
FOR_PEOPLE = {"setup", "status", "test-connection", "rules", "openings"}
READING = [AVAILABILITY, f"{WRITES}/{NOBODYS}"]
KEPT = "I have left that message for the team at the practice."
LEAVE = tool_call("takeMessage", {"message": "Please call about the crown."})
ASK = tool_call("checkAvailability", {"appointmentType": "cleaning", "date": quiet_day().isoformat()}, "call_2")

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _platform(settings: Settings) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []
    settings.VAPI_REQUIRE_TIMESTAMP = True


@pytest.fixture
def line(practice: Account) -> VoiceLine:
    return VoiceLine.objects.get(account=practice)


def post(client: Client, address: str, body: Any, secret: str = "", **headers: str) -> Any:
    """Post a body to an address, signed as Vapi does if there is a secret."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {**(signed(raw, secret) if secret else {}), **headers}
    return client.post(address, raw, content_type="application/json", headers=sent)


def sent(client: Client, line: VoiceLine, address: str, *calls: Mapping[str, Any], call_id: str = "") -> Any:
    """Post an envelope with tool calls, signed by the line's own secret."""
    return post(client, address, tool_calls(line, calls, call_id=call_id or str(uuid.uuid4())), secret_of(line))


def test_every_address_below_api_pms_takes_one() -> None:
    patterns = {str(one.pattern) for one in urls.urlpatterns} - {"vapi/webhook"} - FOR_PEOPLE

    tried = {
        pattern
        for pattern in patterns
        if any(re.fullmatch(re.sub(r"<str:\w+>", "[^/]+", f"/api/pms/{pattern}"), address) for address in ADDRESSES)
    }

    assert tried == patterns


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_name_in_the_envelope_decides_wherever_it_is_sent(client: Client, line: VoiceLine, address: str) -> None:
    response = sent(client, line, address, LEAVE, ASK)

    kept, times = results(response)
    assert kept == KEPT
    assert times.startswith("On Tuesday, ")
    assert [row["toolCallId"] for row in response.json()["results"]] == ["call_1", "call_2"]
    assert [row["name"] for row in response.json()["results"]] == ["takeMessage", "checkAvailability"]
    assert tasks.detail(Task.objects.get())["message"] == "Please call about the crown."


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_answer_is_the_webhook_s(client: Client, line: VoiceLine, address: str) -> None:
    there = sent(client, line, WEBHOOK, ASK, tool_call("findPatient", CORA, "call_3"))

    here = sent(client, line, address, ASK, tool_call("findPatient", CORA, "call_3"))

    assert (here.status_code, here.json()) == (there.status_code, there.json())
    assert here["Content-Type"] == there["Content-Type"]


def test_what_is_audited_is_the_webhook_s_address(client: Client, line: VoiceLine) -> None:
    sent(client, line, f"{APPOINTMENTS}/70001", tool_call("findPatient", CORA))

    row = PmsAuditLog.objects.get(action="findPatient")
    assert (row.endpoint, row.method, row.patient_id) == (WEBHOOK, "POST", "1001")


@pytest.mark.parametrize("address", ADDRESSES)
def test_unsigned_or_badly_signed_it_is_401_and_nothing_is_done(
    client: Client, line: VoiceLine, sim: Sim, address: str
) -> None:
    sim("DELETE", "requests")
    body = tool_calls(line, [LEAVE, ASK], call_id="call-1")

    refused(post(client, address, body), 401, "signature_invalid")
    refused(post(client, address, body, "a wrong secret"), 401, "signature_invalid")
    refused(post(client, address, tool_calls(None, [LEAVE]), secret_of(line)), 401, "signature_invalid")

    assert (Task.objects.count(), Call.objects.count(), ToolCall.objects.count()) == (0, 0, 0)
    assert asked_of_the_pms(sim) == []
    assert SecurityEvent.objects.filter(kind="webhook.refused").count() == 3


def test_a_server_s_token_does_not_open_it(client: Client, practice: Account, line: VoiceLine) -> None:
    site = Site(client, practice)

    response = site.ask("POST", PATIENTS, tool_calls(line, [LEAVE], call_id="call-1"))

    refused(response, 401, "signature_invalid")
    assert not Task.objects.exists()


def test_a_body_that_was_changed_on_the_way_is_401(client: Client, line: VoiceLine) -> None:
    raw = json.dumps(tool_calls(line, [LEAVE], call_id="call-1")).encode()
    headers = signed(raw, secret_of(line))

    changed = raw.replace(b"the crown", b"my crown!")

    refused(client.post(MESSAGES, changed, content_type="application/json", headers=headers), 401, "signature_invalid")


def test_a_signature_over_the_address_is_over_this_one(client: Client, line: VoiceLine, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://parlae.example"
    other = line_of(line.account, "+12125550102")
    credential(line.account, other, "a secret that signs addresses", schemes=["timestamp_method_url_body"])
    raw = json.dumps(tool_calls(other, [LEAVE], call_id="call-1")).encode()

    def at(address: str) -> Any:
        stamp = timestamp()
        url = f"https://parlae.example{address}"
        signature = hexdigest("a secret that signs addresses", stamp, "POST", url, raw)
        headers = {"X-Signature": signature, "X-Timestamp": stamp}
        return client.post(PATIENTS, raw, content_type="application/json", headers=headers)

    refused(at(WEBHOOK), 401, "signature_invalid")
    assert results(at(PATIENTS)) == [KEPT]


@pytest.mark.parametrize("address", [AVAILABILITY, APPOINTMENTS, PATIENTS, MESSAGES, f"{WRITES}/1"])
def test_one_of_more_than_256_kilobytes_is_read_and_one_of_more_than_five_megabytes_is_not(
    client: Client, line: VoiceLine, address: str
) -> None:
    long = {**tool_calls(line, [LEAVE], call_id="call-1"), "artifact": {"messages": ["word " * 80] * 1000}}
    longer = {**long, "artifact": {"messages": ["word " * 80] * 14_000}}
    assert 256 * 1024 < len(json.dumps(long)) < 5_000_000 < len(json.dumps(longer))

    assert results(post(client, address, long, secret_of(line))) == [KEPT]
    refused(post(client, address, longer, secret_of(line)), 413, "too_large")
    assert Task.objects.count() == 1


def test_a_whole_call_can_be_held_over_one_address(client: Client, line: VoiceLine, sim: Sim) -> None:
    call_id = str(uuid.uuid4())
    wish = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": "09:00"}

    said = [
        *results(sent(client, line, PATIENTS, tool_call("findPatient", CORA, "1"), call_id=call_id)),
        *results(sent(client, line, PATIENTS, tool_call("bookAppointment", wish, "2"), call_id=call_id)),
        *results(sent(client, line, PATIENTS, tool_call("getAppointments", {}, "3"), call_id=call_id)),
        *results(sent(client, line, PATIENTS, tool_call("cancelAppointment", {}, "4"), call_id=call_id)),
    ]

    assert "I found the record for Cora" in said[0]
    assert "The appointment is booked for " in said[1]
    assert said[2].startswith("Coming up: ")
    assert said[3].endswith(" has been cancelled.")
    assert [row["status"] for row in in_the_pms(sim, "1001")] == ["Cancelled"]


def test_a_repetition_at_another_address_is_a_repetition(client: Client, line: VoiceLine, sim: Sim) -> None:
    call_id = str(uuid.uuid4())
    sent(client, line, WEBHOOK, tool_call("findPatient", CORA), call_id=call_id)
    wish = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": "09:00"}
    book = tool_call("bookAppointment", wish, "call_book")

    said = {
        results(sent(client, line, address, book, call_id=call_id))[0] for address in (WEBHOOK, APPOINTMENTS, MESSAGES)
    }

    assert len(said) == 1
    assert (bookings_sent(sim), Booking.objects.count()) == (1, 1)


@pytest.mark.parametrize("address", READING)
def test_messages_of_other_types_are_answered_as_well(client: Client, line: VoiceLine, address: str) -> None:
    request = post(client, address, about(line, type="assistant-request"), secret_of(line))
    update = post(client, address, about(line), secret_of(line))

    assert request.json()["assistantId"] == line.vapi_assistant_id
    assert (update.status_code, update.json()) == (200, {})


def test_a_tool_that_is_rest_s_alone_is_unknown_in_it(client: Client, line: VoiceLine) -> None:
    asked = tool_call("getWrite", {"writeId": str(uuid.uuid4())})

    [said] = results(sent(client, line, f"{WRITES}/1", asked))

    assert "that is something I can't do" in said


def test_the_platform_s_secret_speaks_in_it_for_the_practice_that_it_names(
    client: Client, practice: Account, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SECRETS, settings.VAPI_WEBHOOK_SCHEMES = [PLATFORM], ["timestamp_body"]
    settings.VAPI_SECRET_IS_SYSTEM = False
    bare = line_of(Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles"), "+14155550100")
    named = about(None, type="tool-calls", toolCallList=[LEAVE], call={"id": "call-1", "metadata": {}})
    named["message"]["call"]["metadata"]["accountId"] = str(practice.pk)

    [said] = results(post(client, APPOINTMENTS, named, PLATFORM))
    [foreign] = results(post(client, APPOINTMENTS, tool_calls(bare, [LEAVE], call_id="call-2"), PLATFORM))

    assert (said, Task.objects.get().account) == (KEPT, practice)
    assert "not switched on yet" in foreign


@pytest.mark.parametrize("body", [
    {"message": "Please call about the crown."},
    {"message": None},
    {"message": {}},
    {"message": {"type": ""}},
    {"message": {"type": 7}},
    {"message": [{"type": "tool-calls"}]},
    {"notes": '"message": {"type": "tool-calls"}'},
    {"message": {"content": "tool-calls"}, "type": "tool-calls"},
    {"arguments": {"message": {"type": "tool-calls"}}},
])  # fmt: skip
def test_a_body_that_only_looks_like_one_is_rest(client: Client, line: VoiceLine, body: Json) -> None:
    named = {"X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

    booking = post(client, APPOINTMENTS, body, secret_of(line), **named)
    reading = post(client, AVAILABILITY, body, secret_of(line), **named)

    refused(booking, 403, "call_required")
    refused(reading, 405, "method_not_allowed")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT", "GET"])
def test_with_another_method_it_is_rest(client: Client, practice: Account, line: VoiceLine, method: str) -> None:
    raw = json.dumps(tool_calls(line, [LEAVE], call_id="call-1")).encode()
    headers = {**signed(raw, secret_of(line)), "X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

    response = client.generic(method, f"{APPOINTMENTS}/70001", raw, content_type="application/json", headers=headers)

    assert response.status_code == (405 if method in ("PUT", "GET") else 403)
    assert set(response.json()) == {"success", "error"}
    assert not Task.objects.exists()


def test_a_broken_one_is_rest_s_to_refuse(client: Client, line: VoiceLine) -> None:
    raw = json.dumps(tool_calls(line, [LEAVE], call_id="call-1")).encode()[:-3]
    named = {"X-Vapi-Assistant-Id": line.vapi_assistant_id or ""}

    refused(post(client, PATIENTS, raw, secret_of(line), **named), 400, "arguments_unreadable")
    refused(post(client, PATIENTS, raw), 401, "signature_invalid")


def test_it_needs_no_csrf_token(line: VoiceLine) -> None:
    assert results(sent(Client(enforce_csrf_checks=True), line, AVAILABILITY, LEAVE)) == [KEPT]


def test_a_system_credential_s_kind_is_not_taken_from_it(client: Client, line: VoiceLine) -> None:
    body = tool_calls(line, [tool_call("bookAppointment", {"patientId": "1001"})], call_id="call-1")
    body["kind"] = body["message"]["kind"] = CredentialKind.SYSTEM

    [said] = results(post(client, APPOINTMENTS, body, secret_of(line)))

    assert "Before I can do that I need to confirm who this is for" in said
