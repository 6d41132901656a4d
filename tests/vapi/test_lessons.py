"""Regressions of lessons.md about who is let in: C3, C4 and C7."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RegexPattern
from pytest_django import Settings

from pms.models import Call, ToolCall, VoiceLine
from tests.vapi.house import APPOINTMENTS, AVAILABILITY, NEW, PROOFS, House, said
from tests.vapi.sending import OWN, PLATFORM, WEBHOOK, refused, tool_call, tool_calls

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# What answers a stranger. Whoever adds an address here says in the documents why it is open.
PUBLIC = {"/healthz", "/readyz", "/api/schema/", "/api/schema/view/"}
# The pages by which people come in; tests/accounts walks them as everybody.
ENTRANCES = re.compile(
    r"/accounts/(signup|login|logout|inactive|confirm-email|password/reset|invitations/[^/]+|2fa/(authenticate|webauthn/login)"
    r"|reauthenticate)(/.*)?"
)
REFUSED = {401, 403, 404, 405}
EXAMPLES = {"int": "1", "str": "some-text", "slug": "some-text", "path": "some/path", "uuid": str(uuid.UUID(int=1))}

Json = dict[str, Any]


@pytest.fixture
def house(client: Client, db: None, settings: Settings) -> House:
    return House(client, settings)


# C3: addresses without a guard


def addresses(patterns: Sequence[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Yield an example of every address of the project."""
    for one in patterns:
        here = example(one)
        assert one.pattern.match(here) is not None, f"{here} is no example of {one.pattern}"
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, before + here)
        else:
            yield before + here


def example(one: URLPattern | URLResolver) -> str:
    text = str(one.pattern)
    if isinstance(one.pattern, RegexPattern):
        text = re.sub(r"\(\?P<\w+>(\w*)[^)]*\)", lambda group: group[1] or "nothing", text)
        return text.strip("^$")
    return re.sub(r"<(?:(\w+):)?\w+>", lambda parameter: EXAMPLES[parameter[1] or "str"], text)


def test_c3_the_walk_reaches_every_part_of_the_house() -> None:
    found = set(addresses(get_resolver().url_patterns))

    assert {WEBHOOK, AVAILABILITY, APPOINTMENTS, *PUBLIC} <= found
    assert reverse("admin:pms_call_changelist") in found
    assert len(found) > 100


@pytest.mark.parametrize("method", METHODS)
def test_c3_no_address_but_the_public_ones_answers_a_stranger(house: House, method: str) -> None:
    login, support, home = reverse("account_login"), reverse("admin:login"), "/"
    opened = []

    for address in set(addresses(get_resolver().url_patterns)) - PUBLIC:
        if ENTRANCES.fullmatch(address):
            continue
        answer = house.client.generic(method, address, b"{}", content_type="application/json")
        to = answer.headers.get("Location", "")
        to_login = (f"{login}?next=", f"{support}?next=")
        sent_to_login = answer.status_code == 302 and (to.startswith(to_login) or to in (login, home))
        if answer.status_code not in REFUSED and not sent_to_login:
            opened.append((address, answer.status_code))

    assert opened == []


# C4: ids that a client sends


# Where a message can name another practice, beside the line that it came over.
MESSAGES: dict[str, Callable[[VoiceLine], Json]] = {
    "number's id": lambda other: {"call": {"phoneNumberId": other.vapi_phone_number_id}},
    "number": lambda other: {"call": {"phoneNumber": {"number": other.phone_number}}},
    "assistant": lambda other: {"assistant": {"id": other.vapi_assistant_id}},
    "call's assistant": lambda other: {"call": {"assistantId": other.vapi_assistant_id}},
    "metadata": lambda other: {"metadata": {"accountId": str(other.account_id)}},
    "call's metadata": lambda other: {"call": {"metadata": {"accountId": str(other.account_id)}}},
    "overrides": lambda other: {"assistantOverrides": {"metadata": {"accountId": str(other.account_id)}}},
}
# Where a REST request can: the address, the body, the header.
REQUESTS: dict[str, Callable[[VoiceLine], tuple[str, Json, VoiceLine | None]]] = {
    "address": lambda other: (f"{APPOINTMENTS}?account={other.account_id}", {}, None),
    "body": lambda other: (APPOINTMENTS, {"accountId": str(other.account_id)}, None),
    "header": lambda other: (APPOINTMENTS, {}, other),
}


def holder(house: House, whose: str) -> tuple[str, VoiceLine, VoiceLine]:
    """Return a secret, a line that it opens, and a line of another practice."""
    if whose == "account":
        line = house.another_line()
        house.give(house.alder, NEW, schemes=list(PROOFS))
        return NEW, line, house.bare
    if whose == "platform":
        return PLATFORM, house.bare, house.line
    return OWN, house.line, house.bare


@pytest.mark.parametrize("place", MESSAGES)
@pytest.mark.parametrize("whose", ["line", "account", "platform"])
def test_c4_an_id_in_a_message_opens_nothing_that_its_credential_does_not(house: House, whose: str, place: str) -> None:
    secret, own, other = holder(house, whose)
    named = MESSAGES[place](other)
    body = tool_calls(own, [tool_call("findPatient", {"accountId": str(other.account_id)})])["message"]
    call = {"id": "call-1", **named.get("call", {})}

    beside = house.hook({"message": {**body, **named, "call": call}}, secret)

    assert beside.status_code in (401, 403)
    # Where no line is named, the platform's own messages may name any practice.
    if whose != "platform" or "metadata" not in json.dumps(named):
        instead = house.hook({"message": {**body, **named, "call": call, "phoneNumber": {}}}, secret)
        assert instead.status_code == 401
    assert not Call.objects.exists()
    assert "not switched on yet" in said(house.hook({"message": body}, secret))


@pytest.mark.parametrize("place", REQUESTS.values(), ids=REQUESTS.keys())
@pytest.mark.parametrize("whose", ["line", "account", "platform", "system"])
def test_c4_an_id_in_a_request_opens_nothing_that_its_credential_does_not(
    house: House, whose: str, place: Callable[[VoiceLine], tuple[str, Json, VoiceLine | None]]
) -> None:
    secret, own, other = (house.token(), house.line, house.bare) if whose == "system" else holder(house, whose)
    scheme = "bearer" if whose == "system" else "timestamp_method_url_body"
    if whose == "line":
        house.give(house.line, OWN, schemes=[scheme])
    house.set(VAPI_WEBHOOK_SCHEMES=[scheme])
    address, body, line = place(other)

    answer = house.rest(secret, "POST", address, body, scheme=scheme, line=line or own)

    assert refused(answer, answer.status_code, answer.json()["error"]["code"])["code"] in (
        "forbidden",
        "signature_invalid",
    )
    refused(house.rest(secret, "POST", APPOINTMENTS, {}, scheme=scheme, line=own), 403, "baa_required")


# C7: doors that open when something is missing

TRICKS: dict[str, dict[str, str]] = {
    "an internal call": {"X-Internal-Call": "true"},
    "the first forwarded address": {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"},
    "Vapi's own network": {"X-Forwarded-For": "167.150.224.10", "X-Real-IP": "167.150.224.10"},
    "another way to forward": {"Forwarded": "for=127.0.0.1", "X-Client-IP": "127.0.0.1"},
    "a known program": {"User-Agent": "Vapi/1.0"},
    "an empty secret": {"X-Vapi-Secret": "", "Authorization": "Bearer "},
    "an empty signature": {"X-Signature": "", "X-Vapi-Signature": ""},
    "words for nothing": {"X-Vapi-Secret": "None", "Authorization": "Bearer null", "X-Signature": "undefined"},
}


@pytest.mark.parametrize("headers", TRICKS.values(), ids=TRICKS.keys())
@pytest.mark.parametrize("configured", [[], [""], [PLATFORM]], ids=["no secret", "an empty one", "a secret"])
@pytest.mark.parametrize("debug", [False, True], ids=["", "development"])
def test_c7_without_a_proof_nothing_opens_whatever_is_configured(
    house: House, debug: bool, configured: list[str], headers: dict[str, str]
) -> None:
    schemes = list(PROOFS)
    house.own.delete()
    house.set(DEBUG=debug, VAPI_WEBHOOK_SECRETS=configured, VAPI_WEBHOOK_SCHEMES=schemes, VAPI_REQUIRE_TIMESTAMP=False)
    message = {**tool_calls(house.line, [tool_call("findPatient", {})], call_id="call-1"), "Source": "Sikka"}

    answers = [
        house.hook(message, headers=headers),
        house.hook(b"", headers=headers),
        house.client.get(AVAILABILITY, headers=headers),
        house.client.post(APPOINTMENTS, {"Source": "Sikka"}, content_type="application/json", headers=headers),
    ]

    assert {answer.status_code for answer in answers} <= ({401} if configured else {503})
    assert not Call.objects.exists()
    assert not ToolCall.objects.exists()


@pytest.mark.parametrize("written", ["", ",", " , ,"])
def test_c7_an_empty_setting_is_no_secret_and_the_strict_ones_are_the_default(written: str) -> None:
    names = "VAPI_WEBHOOK_SECRETS", "VAPI_SECRET_IS_SYSTEM", "VAPI_REQUIRE_TIMESTAMP", "TRUSTED_PROXIES"
    unset = ("DEBUG", "VAPI_SECRET_IS_SYSTEM", "VAPI_REQUIRE_TIMESTAMP", "TRUSTED_PROXIES", "VAPI_WEBHOOK_SCHEMES")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    code = f"import json; from parlae import settings as s; print(json.dumps([getattr(s, n) for n in {names}]))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment, "VAPI_WEBHOOK_SECRET": written, "DEBUG": "0"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == [[], False, True, []]
