"""The carrier's word for a number: read where carriers write it, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from pms.management.simulation import Phone
from pms.models import VoiceLine
from pms.vapi import envelope

PASSED = "TN-Validation-Passed-A"


def attested(**message: Any) -> str:
    return envelope.parse({"message": {"type": "status-update", **message}}).attestation


@pytest.mark.parametrize(("verdict", "letter"), [
    ("TN-Validation-Passed-A", "A"),
    ("TN-Validation-Passed-B", "B"),
    ("TN-Validation-Passed-C", "C"),
    (" tn-validation-passed-a ", "A"),
    ("TN-Validation-Passed", "C"),
    ("TN-Validation-Passed-A-Diverted", "C"),
    ("TN-Validation-Passed-A-Diverted-Passthrough", "C"),
    ("TN-Validation-Failed-A", "C"),
    ("TN-Validation-Failed", "C"),
    ("No-TN-Validation", "C"),
    ("A", "C"),
    ("not TN-Validation-Passed-A", "C"),
    ("", ""),
    (None, ""),
    (["TN-Validation-Passed-A"], ""),
    ({"verstat": "TN-Validation-Passed-A"}, ""),
])  # fmt: skip
def test_everything_but_a_passed_letter_is_a_doubt_and_nothing_is_nothing(verdict: object, letter: str) -> None:
    assert attested(call={"transport": {"stirVerstat": verdict}}) == letter


@pytest.mark.parametrize("message", [
    {"call": {"transport": {"stirVerstat": PASSED}}},
    {"call": {"transport": {"provider": "twilio", "StirVerstat": PASSED}}},
    {"call": {"phoneCallProviderDetails": {"verstat": PASSED}}},
    {"call": {"phoneCallProviderDetails": {"stir_verstat": PASSED}}},
    {"call": {"phoneCallProviderDetails": {"sip": {"headers": {"X-Twilio-VerStat": PASSED}}}}},
    {"call": {"phoneCallProvider": {"headers": {"VERSTAT": PASSED}}}},
    {"call": {"sipHeaders": {"x-stir-verstat": PASSED}}},
    {"call": {"customer": {"sipHeaders": {"X-Verstat": PASSED}}}},
    {"customer": {"sipHeaders": {"verstat": PASSED}}},
    {"call": {"type": "inboundPhoneCall", "phoneCallTransport": "pstn", "transport": {"verstat": PASSED}}},
], ids=range(10))  # fmt: skip
def test_it_is_found_in_any_place_that_carriers_write_to(message: dict[str, Any]) -> None:
    assert attested(**message) == "A"


@pytest.mark.parametrize("message", [
    {"toolCallList": [{"id": "c", "name": "x", "arguments": {"stirVerstat": PASSED}}]},
    {"metadata": {"stirVerstat": PASSED}},
    {"call": {"metadata": {"transport": {"stirVerstat": PASSED}}}},
    {"call": {"assistantOverrides": {"variableValues": {"stirVerstat": PASSED}}}},
    {"call": {"assistant": {"stirVerstat": PASSED, "headers": {"verstat": PASSED}}}},
    {"assistant": {"variableValues": {"verstat": PASSED}}},
    {"customer": {"assistantOverrides": {"variableValues": {"verstat": PASSED}}}},
    {"artifact": {"variableValues": {"verstat": PASSED}, "transport": {"verstat": PASSED}}},
    {"call": {"type": "webCall", "transport": {"verstat": PASSED}}},
    {"call": {"type": "outboundPhoneCall", "transport": {"verstat": PASSED}}},
    {"call": {"phoneCallTransport": "sip", "sipHeaders": {"verstat": PASSED}}},
    {"call": {"transport": [PASSED], "sipHeaders": PASSED, "customer": 7}},
], ids=range(12))  # fmt: skip
def test_what_a_caller_or_a_model_can_set_is_not_looked_at(message: dict[str, Any]) -> None:
    assert attested(**message) == ""


@pytest.mark.parametrize("how", [
    {"sipHeaders": {"Diversion": "<sip:+12125550199@example.com>"}},
    {"transport": {"stirVerstat": PASSED, "forwardedFrom": "+12125550199"}},
    {"transport": {"stirVerstat": PASSED, "x-twilio-forwardedfrom": "+12125550199"}},
    {"phoneCallProviderDetails": {"verstat": "TN-Validation-Passed-B-Diverted"}},
], ids=range(4))  # fmt: skip
def test_a_call_that_was_forwarded_loses_it(how: dict[str, Any]) -> None:
    assert attested(call={"transport": {"stirVerstat": PASSED}, **how}) == "C"


def test_of_two_verdicts_the_worse_one_counts() -> None:
    said = {"transport": {"stirVerstat": PASSED}, "sipHeaders": {"verstat": "TN-Validation-Passed-B"}}

    assert attested(call=said) == "B"


def test_a_forwarded_call_of_which_the_carrier_says_nothing_has_none() -> None:
    assert attested(call={"sipHeaders": {"Diversion": "<sip:+12125550199@example.com>"}}) == ""


@pytest.mark.parametrize(("caller", "letter"), [("+12125550147", "A"), ("", "")])
def test_a_scripted_call_is_vouched_for_if_it_shows_a_number(caller: str, letter: str) -> None:
    line = VoiceLine(phone_number="+12125550100", vapi_phone_number_id="pn-1", vapi_assistant_id="asst-1")
    phone = Phone(url="http://parlae.test", line=line, secret="a secret", caller=caller)

    with responses.RequestsMock() as vapi:
        vapi.post("http://parlae.test/api/pms/vapi/webhook", json={})
        phone.hang_up()
        body = json.loads(vapi.calls[0].request.body or b"")

    assert envelope.parse(body).attestation == letter
