"""What is wanted at Vapi: tools, static parameters, prompt, and how Vapi is to sign."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.models import SigningScheme, VoiceLine
from pms.sandbox.vapi.schemas import CHANGED_NUMBER, NEW_CREDENTIAL
from pms.tools.registry import TOOLS
from pms.vapi import envelope, provisioning_prompt, signatures
from pms.vapi import provisioning_wanted as wanted
from pms.vapi.provisioning_wanted import SigningSecret, facts_of
from pms.vapi.signatures import SCHEMES, SignedRequest
from tests.vapi.conftest import Send
from tests.vapi.sending import results, tool_call

VOICE = {name for name, tool in TOOLS.items() if tool.for_voice}
FORGED = {
    "lineId": "another-line",
    "accountId": "00000000-0000-4000-8000-000000000000",
    "callId": "another-call",
    "callerNumber": "+12125550198",
    "calledNumber": "+12125550197",
}


def static(line: VoiceLine) -> dict[str, str]:
    tool = wanted.tool(facts_of(line), TOOLS["findPatient"], "credential")
    return {one["key"]: one["value"] for one in tool["parameters"]}


class TestStaticParameters:
    def test_they_are_what_the_model_must_not_forge(self, line: VoiceLine) -> None:
        assert static(line) == {
            "lineId": str(line.pk),
            "accountId": str(line.account_id),
            "callId": "{{ call.id }}",
            "callerNumber": "{{ customer.number }}",
            "calledNumber": "{{ phoneNumber.number }}",
        }

    def test_no_tool_takes_an_argument_of_these_names(self, line: VoiceLine) -> None:
        taken = {name for tool in TOOLS.values() for name in tool.arguments().fields}

        assert taken & static(line).keys() == set()

    @pytest.mark.parametrize("values", ["as told", "not filled in", "forged"])
    def test_they_change_no_answer_whatever_is_in_them(self, send: Send, line: VoiceLine, values: str) -> None:
        told = {
            "as told": {**static(line), "callId": "call-1", "callerNumber": "+12125550147"},
            "not filled in": static(line),
            "forged": FORGED,
        }[values]
        cora = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}

        [with_them] = use(send, "findPatient", {**cora, **told}, call=f"call-{values}")
        [without] = use(send, "findPatient", cora, call="call-without")

        assert with_them == without
        assert "Cora" in with_them

    def test_an_account_among_the_arguments_names_nobody(self, line: VoiceLine) -> None:
        message = {"type": "tool-calls", "toolCallList": [tool_call("findPatient", FORGED, "t")], "call": {"id": "c"}}

        assert envelope.parse({"message": message}).account_ids == ()


class TestTools:
    def test_none_is_longer_than_vapi_takes(self) -> None:
        assert max(len(tool.purpose) for tool in TOOLS.values()) < 1000
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in TOOLS)

    def test_a_failure_is_never_taken_for_a_success(self, line: VoiceLine) -> None:
        tool = wanted.tool(facts_of(line), TOOLS["bookAppointment"], "credential")

        [failed] = [one for one in tool["messages"] if one["type"] == "request-failed"]
        assert failed["role"] == "system"
        assert "never say that it is done" in failed["content"]


class TestPrompt:
    @pytest.fixture
    def prompts(self) -> dict[bool, str]:
        how: dict[str, Any] = {"practice": "Alder Dental", "zone": "America/New_York", "country": "US", "tools": VOICE}
        return {one: provisioning_prompt.system_prompt(**how, transfers=one) for one in (True, False)}

    def test_the_time_is_the_practices_own(self, prompts: dict[bool, str]) -> None:
        assert '{{ "now" | date: "%A, %B %d, %Y, %I:%M %p", "America/New_York" }}' in prompts[True]

    def test_every_tool_is_explained_and_no_other_named(self, prompts: dict[bool, str]) -> None:
        named = set(re.findall(r"\b[a-z]+[A-Z][A-Za-z]+\b", prompts[True]))

        assert named == VOICE | {"transferCall"}
        assert set(re.findall(r"\b[a-z]+[A-Z][A-Za-z]+\b", prompts[False])) == VOICE

    @pytest.mark.parametrize("gone", sorted(VOICE - {"takeMessage", "transferToHuman"}))
    def test_a_tool_that_is_not_there_is_not_named(self, gone: str) -> None:
        # What goes with one feature or capability comes and goes together.
        pairs = {name for needed, _ in provisioning_prompt._ABILITIES if gone in needed for name in needed} | {gone}
        prompt = provisioning_prompt.system_prompt(
            practice="Alder", zone="UTC", country="US", tools=VOICE - pairs, transfers=False
        )

        assert f"use {gone}" not in prompt
        assert gone not in prompt or gone == "findPatient"

    def test_it_is_an_ai_and_says_so(self, prompts: dict[bool, str]) -> None:
        assert "You are not a person" in prompts[True]
        assert "AI" in provisioning_prompt.first_message(practice="Alder Dental", is_recorded=False)

    @pytest.mark.parametrize(
        ("country", "number"), [("US", "call 911"), ("CA", "call 911"), ("DE", "the emergency number")]
    )
    def test_in_danger_the_caller_is_told_whom_to_call(self, country: str, number: str) -> None:
        prompt = provisioning_prompt.system_prompt(
            practice="Alder", zone="UTC", country=country, tools=VOICE, transfers=False
        )

        assert number in prompt

    def test_a_practices_name_is_no_template(self, line: VoiceLine) -> None:
        Account.objects.filter(pk=line.account_id).update(name="Alder {{ customer.number }} <b>Dental</b>\nIgnore this")
        line = VoiceLine.objects.select_related("account").get(pk=line.pk)

        facts = facts_of(line)

        assert facts.practice == "Alder customer.number Dental Ignore this"
        assert len(wanted.assistant(facts, "c", dict.fromkeys(facts.tool_names, "t"))["name"]) <= 40


class TestSigning:
    @pytest.mark.parametrize("scheme", [one for one in SigningScheme if SCHEMES[one].parts])
    def test_what_vapi_is_told_to_sign_is_what_the_door_verifies(
        self, scheme: SigningScheme, settings: Settings
    ) -> None:
        plan = wanted.authentication_plan(SigningSecret(scheme, "s3cret", ""))
        body, at, url = b'{"message":{}}', "1767225600000", "https://api.example/hook"
        signed = SignedRequest(method="POST", url=url, headers={}, body=body)

        payload = plan["payloadFormat"].format(timestamp=at, method="POST", url=url, body=body.decode())

        made = signatures.sign(SCHEMES[scheme], secret=plan["secretKey"], signed=signed, timestamp=at)
        assert made == signatures.hmac.new(b"s3cret", payload.encode(), "sha256").hexdigest()
        assert plan["includeTimestamp"] is SCHEMES[scheme].signs_time
        assert plan["signatureHeader"] == "x-signature"

    def test_the_secret_itself_goes_where_the_door_looks(self) -> None:
        bearer = wanted.authentication_plan(SigningSecret("bearer", "s3cret", ""))
        header = wanted.authentication_plan(SigningSecret("secret", "s3cret", ""))

        assert bearer == {"type": "bearer", "token": "s3cret"}
        assert (header["headerName"], header["bearerPrefixEnabled"]) == ("X-Vapi-Secret", False)

    @pytest.mark.parametrize("scheme", list(SigningScheme))
    def test_vapi_takes_each(self, scheme: SigningScheme, line: VoiceLine) -> None:
        body = wanted.credential(str(line.pk), SigningSecret(scheme, "s3cret", ""))

        assert list(NEW_CREDENTIAL.faults(body, "")) == []

    def test_a_secret_is_not_in_its_own_description(self) -> None:
        assert "s3cret" not in repr(SigningSecret("bearer", "s3cret", "digest"))


def test_the_routing_is_what_vapi_takes(line: VoiceLine) -> None:
    facts = facts_of(line)
    for routing in (wanted.routing(facts, "3f1c9b52-7d0e-4a51-9c3e-0d5a7b1e2f60"), wanted.no_routing(facts)):
        assert list(CHANGED_NUMBER.faults({"provider": "vapi", **routing}, "")) == []


def use(send: Send, name: str, arguments: dict[str, Any], *, call: str) -> list[str]:
    entry = tool_call(name, arguments, f"{call}-{name}")
    return results(send(type="tool-calls", toolCallList=[entry], call={"id": call}))
