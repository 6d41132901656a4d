"""What holds for any input: of the envelope, of every tool's arguments, of card numbers, and of records as JSON."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from pms.domain import cards, records
from pms.domain.errors import Invalid, ParlaeError
from pms.services import jsonable
from pms.tools import registry
from pms.tools.registry import Tool
from pms.vapi import envelope
from tests.contract.stage import Stage
from tests.vapi.sending import WEBHOOK, secret_of, signed

OVER_HTTP = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "null", "{{name}}", "<name>", "2026-02-30", "1e999", "\ud800", "a\0b", "١٢٣", "-0", "NaN"]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)

# The envelope

WORDS_OF_VAPI = """
    type call chat id assistantId phoneNumberId assistant phoneNumber number customer metadata accountId toolCallList
    toolCalls toolWithToolCallList toolCall functionCall function name arguments parameters status endedReason timestamp
    artifact transcript startedAt endedAt cost assistantOverrides transport verstat sip
"""
KEYS = st.sampled_from(WORDS_OF_VAPI.split())
TYPES = st.sampled_from(
    [
        "tool-calls",
        "function-call",
        "status-update",
        "end-of-call-report",
        "assistant-request",
        "transfer-destination-request",
        "hang",
    ]
)
NAMES = st.sampled_from([*registry.TOOLS, "", "bookForSomebody"])
LIKE_MESSAGES = st.recursive(
    SCALARS | TYPES | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": st.text(max_size=12) | SCALARS},
        optional={
            "type": st.just("function"),
            "function": st.fixed_dictionaries(
                {"name": NAMES | SCALARS}, optional={"arguments": JSON, "parameters": JSON}
            ),
            "name": NAMES | SCALARS,
        },
    )
    | JSON,
    max_size=4,
)


@given(body=JSON | LIKE_MESSAGES | st.fixed_dictionaries({"message": LIKE_MESSAGES}))
def test_reading_an_envelope_never_raises(body: object) -> None:
    message = envelope.parse(body)

    answer = envelope.answer((call, "Said.") for call in message.calls)
    assert envelope.is_envelope(body) is bool(message.type)
    assert [row["toolCallId"] for row in answer["results"]] == [call.id for call in message.calls]  # type: ignore[index, attr-defined]
    assert len({call.id for call in message.calls if call.id}) == sum(bool(call.id) for call in message.calls)
    assert all(isinstance(call.arguments, Mapping) for call in message.calls)


@given(said=st.text() | st.text(alphabet="a\n\r\t\x0b\x85\u2028 \0", max_size=30))
def test_what_is_said_is_one_line(said: str) -> None:
    [row] = envelope.answer([(envelope.ToolCall("call_1", "name", {}), said)])["results"]  # type: ignore[misc, attr-defined]

    assert row["result"].splitlines() in ([row["result"]], [])


@pytest.mark.django_db
@given(
    calls=CALLS,
    more=st.dictionaries(KEYS, LIKE_MESSAGES, max_size=4),
    kind=st.sampled_from(["tool-calls", "function-call"]),
)
@example(
    calls=[{"id": "call_1", "function": {"name": "takeMessage", "arguments": {"message": "\ud800"}}}],
    more={},
    kind="tool-calls",
)
@example(calls=[{"id": "a\0b", "function": {"name": "takeMessage", "arguments": "{"}}], more={}, kind="tool-calls")
@OVER_HTTP
def test_signed_tool_calls_are_always_answered_with_one_line_for_each(
    stage: Stage, calls: Any, more: dict[str, Any], kind: str
) -> None:
    line = stage.house.line
    own = {"type": kind, "toolCallList": calls, "phoneNumber": {"id": line.vapi_phone_number_id}}
    # Nothing else may name a line or an account: two practices in one message are refused.
    named = {
        name: value for name, value in more.items() if name in ("customer", "timestamp", "artifact", "status", "cost")
    }
    body = {"message": {**named, **own, "call": {"id": stage.house.call}}}
    raw = json.dumps(body).encode()

    answer = stage.client.post(WEBHOOK, data=raw, content_type="application/json", headers=signed(raw, secret_of(line)))

    assert answer.status_code == 200, answer.content
    read = json.loads(raw)
    results = answer.json()["results"]
    assert [row["toolCallId"] for row in results] == [call.id for call in envelope.parse(read).calls]
    assert all(isinstance(row["result"], str) and row["result"] for row in results)
    assert all(len(row["result"].splitlines()) == 1 for row in results)


@pytest.mark.django_db
@given(message=st.dictionaries(KEYS, LIKE_MESSAGES, max_size=6), kind=TYPES | st.text(max_size=8))
@OVER_HTTP
def test_a_signed_message_of_any_form_is_answered_without_a_crash(
    stage: Stage, message: dict[str, Any], kind: str
) -> None:
    line = stage.house.line
    body = {"message": {**message, "type": kind, "phoneNumber": {"id": line.vapi_phone_number_id}}}
    raw = json.dumps(body).encode()

    answer = stage.client.post(WEBHOOK, data=raw, content_type="application/json", headers=signed(raw, secret_of(line)))

    assert answer.status_code in (200, 400, 403), answer.content
    if answer.status_code == 400:
        assert not envelope.is_envelope(json.loads(raw))


# Arguments


def field_values(tool: Tool) -> st.SearchStrategy[dict[str, Any]]:
    """Return any values for the fields that a tool has, among others."""
    names = [*tool.arguments().fields]
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=8), JSON, max_size=len(names) + 2)


@pytest.mark.parametrize("tool", registry.TOOLS.values(), ids=registry.TOOLS)
@given(data=st.data())
@settings(max_examples=150)
def test_any_arguments_are_valid_or_asked_about(tool: Tool, data: st.DataObject) -> None:
    serializer = tool.arguments(data=data.draw(field_values(tool)))
    found: object = None

    try:
        serializer.is_valid(raise_exception=True)
    except (ValidationError, ParlaeError) as error:
        found = error

    assert found is None or isinstance(found, ValidationError | Invalid)
    if found is None:
        assert set(serializer.validated_data) <= set(serializer.fields)
        json.dumps(serializer.validated_data, default=str).encode()


@pytest.mark.parametrize("tool", registry.TOOLS.values(), ids=registry.TOOLS)
@given(written=JSON)
@settings(max_examples=40)
def test_arguments_that_are_no_object_are_read_as_a_problem(tool: Tool, written: Any) -> None:
    arguments, problem = envelope.read_arguments(written)

    assert problem in ("", envelope.ARGUMENTS_UNREADABLE)
    assert not (problem and arguments)
    tool.arguments(data=arguments).is_valid()


# Card numbers


def luhn(digits: str) -> str:
    """Return digits with the one that checks them."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(number - 9 if number > 9 else number for number in doubled) % 10)


NUMBERS = st.builds(
    lambda first, rest: luhn(first + rest),
    st.sampled_from("23456"),
    st.text(alphabet="0123456789", min_size=11, max_size=17),
)
# How the digits stand together, and what is between: as on the card, in pairs or one by one as they are read out.
SIZES = st.sampled_from([(19,), (4,) * 5, (8, 8, 4), (2,) * 10, (1,) * 19, (4, 6, 5), (4, 6, 4)])
BETWEEN = st.sampled_from([" ", "-", ".", ", ", " - ", "/", "\n", "\u00a0", "\u2013", "  ", "_", ": "])
WORDS = st.text(alphabet="abcdefghij ,;:!?()\n", max_size=20)


def grouped(number: str, sizes: tuple[int, ...], between: str) -> str:
    """Return a number in groups; one that has not the length of a card's own groups is written in one."""
    if len(sizes) == 3 and sizes[1] == 6 and sum(sizes) != len(number):
        return number
    groups, rest = [], number
    for size in sizes:
        groups, rest = [*groups, rest[:size]], rest[size:]
    return between.join(group for group in groups if group)


WRITTEN = st.builds(grouped, NUMBERS, SIZES, BETWEEN)


@given(written=WRITTEN, before=WORDS, after=WORDS)
def test_a_card_number_is_found_however_it_is_grouped_and_wherever_it_stands(
    written: str, before: str, after: str
) -> None:
    text = f"{before} {written} {after}"

    assert cards.has_card_number(text)
    assert cards.has_card_number({"notes": [{"deep": text}]})
    assert cards.has_card_number({text: None})


@given(number=NUMBERS)
def test_a_card_number_is_found_as_a_number(number: str) -> None:
    assert cards.has_card_number({"amount": int(number)})
    assert int(number) > 2**53 or cards.has_card_number([float(number)])


@given(
    parts=st.lists(st.one_of(WORDS, st.text(max_size=10), WRITTEN, st.integers(0, 99999).map(str)), max_size=6),
    joined=st.sampled_from(["", " ", "-", ", "]),
)
def test_a_text_without_its_card_numbers_has_none(parts: list[str], joined: str) -> None:
    left = cards.without_card_numbers(joined.join(parts))

    assert not cards.has_card_number(left)


@given(value=JSON)
def test_looking_for_card_numbers_never_raises(value: Any) -> None:
    assert cards.has_card_number(value) in (True, False)


@given(text=st.text())
def test_a_text_without_digits_stays_as_it_is(text: str) -> None:
    plain = re.sub("[0-9]", "", unicodedata.normalize("NFKC", text))

    assert cards.without_card_numbers(plain) == plain


# Records as JSON


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Return any value of a record's field."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if arguments[-1:] == (...,):
            return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(of_type, arguments))
    if origin is frozenset:
        return st.frozensets(of_type(arguments[0]), max_size=3)
    if origin is not None or type(kind).__name__ == "UnionType":
        return st.one_of(*map(of_type, arguments))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{one.name: of_type(hints[one.name]) for one in dataclasses.fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return PLAIN[kind]


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(),
    bool: st.booleans(),
    type(None): st.none(),
    date: st.dates(),
    time: st.times(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.timedeltas(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**8), max_value=10**8),
}
RECORDS = [one for one in vars(records).values() if isinstance(one, type) and dataclasses.is_dataclass(one)]


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=40)
def test_a_record_comes_back_from_json_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(of_type(kind))

    written = json.dumps(jsonable.dumped(record))

    assert jsonable.loaded(json.loads(written), kind) == record
    assert jsonable.loaded(json.loads(json.dumps(jsonable.dumped([record], list[kind]))), list[kind]) == [record]  # type: ignore[valid-type]
