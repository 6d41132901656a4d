"""Recorded and hand-written webhook bodies; ``PARLAE_VAPI_CASES`` names another folder of files of that shape."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.vapi import envelope
from pms.vapi.envelope import Line, ToolCall

DATA = Path(__file__).parent.parent / "data" / "vapi"
FILES = sorted(Path(os.environ.get("PARLAE_VAPI_CASES") or DATA).glob("*.json"))

CALL = {"id": "call-1", "assistantId": "asst-1", "phoneNumberId": "pn-1", "customer": {"number": "+14155550123"}}


def read(**fields: Any) -> envelope.Message:
    return envelope.parse({"message": {"type": "tool-calls", **fields}})


def own(name: str) -> envelope.Message:
    return envelope.parse(json.loads((DATA / f"{name}.json").read_text())["body"])


def test_there_are_bodies() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bodies(path: Path) -> None:
    case = json.loads(path.read_text())
    message = envelope.parse(case["body"])
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.calls]
    assert {"type": message.type, "calls": calls} == case["expect"]
    assert envelope.is_envelope(case["body"])


def test_the_line_and_the_call_of_a_recorded_message() -> None:
    message = own("recorded_tool_calls_2024_07")
    assert message.call_id == "b1223960-1b4d-4000-8000-000000000001"
    assert message.line == Line((), ("4a5a04dc-dcbe-4000-8000-000000000003",), ("+15550100002",))
    assert message.customer_number == "+15550100001"
    assert (message.account_ids, message.chat_id) == ((), "")


def test_a_chat_has_a_line_and_no_call() -> None:
    message = own("chat_without_call")
    assert (message.call_id, message.chat_id, message.line.assistant_id) == ("", "chat-1", "asst-1")


def test_the_line_s_ids_come_from_every_place_once() -> None:
    line = read(
        assistant={"id": "asst-now"},
        call={**CALL, "assistant": {"id": "asst-call"}, "phoneNumber": {"id": "pn-2", "number": "+14155550100"}},
        phoneNumber={"id": "pn-1", "number": "+14155550100"},
    ).line
    assert line.assistant_ids == ("asst-now", "asst-call", "asst-1")
    assert line.phone_number_ids == ("pn-1", "pn-2")
    assert line.numbers == ("+14155550100",)
    assert (line.assistant_id, line.phone_number_id, line.number) == ("asst-now", "pn-1", "+14155550100")
    assert (Line().assistant_id, Line().phone_number_id, Line().number) == ("", "", "")


def test_the_customer_number_of_the_message_comes_first() -> None:
    assert read(call=CALL, customer={"number": "+14155550124"}).customer_number == "+14155550124"
    assert read(call=CALL, customer={"number": None}).customer_number == "+14155550123"
    assert read(call={"customer": {"number": {"no": 1}}}).customer_number == ""


@pytest.mark.parametrize(
    "place",
    [
        {"accountId": "7"},
        {"metadata": {"accountId": "7"}},
        {"message": {"metadata": {"accountId": 7}}},
        {"message": {"call": {"metadata": {"accountId": "7"}}}},
        {"message": {"call": {"assistantOverrides": {"metadata": {"accountId": "7"}}}}},
        {"message": {"call": {"assistant": {"metadata": {"accountId": "7"}}}}},
        {"message": {"assistant": {"metadata": {"accountId": "7"}}}},
    ],
)
def test_metadata_names_the_account(place: dict[str, Any]) -> None:
    body = {**place, "message": {"type": "tool-calls", **place.get("message", {})}}
    assert envelope.parse(body).account_ids == ("7",)


def test_contradicting_accounts_are_all_told() -> None:
    message = read(call={"metadata": {"accountId": "7"}}, assistant={"metadata": {"accountId": "8"}})
    assert message.account_ids == ("7", "8")
    assert read(call={"metadata": {"accountId": True}}, metadata={"accountId": {"a": 1}}).account_ids == ()


def test_an_argument_never_names_the_account() -> None:
    message = read(
        toolCallList=[{"id": "a", "name": "x", "arguments": {"accountId": "9", "metadata": {"accountId": "9"}}}]
    )
    assert message.account_ids == ()


@pytest.mark.parametrize(
    ("written", "arguments", "problem"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ('{"a": 1}', {"a": 1}, ""),
        ("", {}, ""),
        ("  ", {}, ""),
        (None, {}, ""),
        ("{}", {}, ""),
        ("{", {}, envelope.ARGUMENTS_UNREADABLE),
        ("[]", {}, envelope.ARGUMENTS_UNREADABLE),
        ("null", {}, envelope.ARGUMENTS_UNREADABLE),
        ([], {}, envelope.ARGUMENTS_UNREADABLE),
        (0, {}, envelope.ARGUMENTS_UNREADABLE),
        (False, {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": Infinity}', {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": 1e999}', {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": ' + "9" * 5000 + "}", {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": "\\ud800"}', {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a\\u0000": 1}', {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": ' * 100_000, {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": ' * 30 + "1" + "}" * 30, {}, envelope.ARGUMENTS_UNREADABLE),
        ({"a": "x" * 300_000}, {}, envelope.ARGUMENTS_UNREADABLE),
        ('{"a": "' + "x" * 300_000 + '"}', {}, envelope.ARGUMENTS_UNREADABLE),
    ],
    ids=range(21),
)
def test_read_arguments(written: object, arguments: dict[str, object], problem: str) -> None:
    assert envelope.read_arguments(written) == (arguments, problem)
    message = read(toolCallList=[{"id": "a", "name": "tool", "arguments": written}])
    assert message.calls == (ToolCall("a", "tool", arguments, problem),)


def test_calls_without_an_id_are_taken_from_one_container_only() -> None:
    items = [{"name": "first", "arguments": {}}, {"name": "second", "arguments": {}}]
    assert [call.name for call in read(toolCallList=items, toolCalls=items).calls] == ["first", "second"]
    assert [call.name for call in read(toolCallList=items[:1], toolCalls=items).calls] == ["first"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        7,
        {},
        {"message": None},
        {"message": []},
        {"message": {}},
        {"message": {"type": 5}},
        {"date": "x"},
    ],
)
def test_what_is_no_envelope(body: object) -> None:
    assert not envelope.is_envelope(body)
    assert envelope.parse(body).calls == ()


def test_the_answer_echoes_ids_and_has_one_line_per_call() -> None:
    calls = own("ids_byte_for_byte").calls
    texts = ["one\ntwo", " a\r\n\tb\u2028c\x00 ", "said"]
    results = envelope.answer(zip(calls, texts, strict=True))["results"]
    assert results == [
        {"name": "findPatient", "toolCallId": call.id, "result": text}
        for call, text in zip(calls, ["one two", "a b c", "said"], strict=True)
    ]


def test_a_legacy_call_is_answered_the_legacy_way_too() -> None:
    (call,) = own("shape_g_function_call").calls
    answer = envelope.answer([(call, "Found.")])
    assert answer["result"] == "Found."
    assert "result" not in envelope.answer([(ToolCall("a", "x", {}), "Found.")])


def test_nothing_personal_is_in_a_repr() -> None:
    message = own("shape_a_object")
    assert not [word for word in ("1980-03-04", "+14155550123") if word in repr(message)]


KEYS = st.sampled_from(
    ["message", "type", "call", "id", "assistant", "phoneNumber", "number", "customer", "chat", "metadata", "accountId",
     "toolCallList", "toolCalls", "toolWithToolCallList", "toolCall", "functionCall", "function", "name", "arguments",
     "parameters", "assistantOverrides"]
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150)
@given(st.dictionaries(KEYS, anything, max_size=8), anything)
def test_no_json_breaks_the_parser(fields: dict[str, Any], body: object) -> None:
    envelope.parse(body)
    message = envelope.parse({"message": {**fields, "type": "tool-calls"}})
    answer = envelope.answer((call, "ok") for call in message.calls)
    assert json.loads(json.dumps(answer)) == answer
