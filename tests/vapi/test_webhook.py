"""What the webhook answers once a message is let in, with the real tools and the sandbox behind them."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.management.simulation import wished_day
from pms.models import Booking, BookingState, Call, PmsAuditLog, PmsIntegration, ToolCall, Verification, VoiceLine
from pms.services import calls
from tests import agreement
from tests.canaries import without_random
from tests.conftest import Sim
from tests.vapi.conftest import CALLER, Send
from tests.vapi.sending import refused, results, tool_call

Json = dict[str, Any]

CORA = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
APOLOGY = "something went wrong on our side"


@pytest.fixture
def day(practice: Account) -> str:
    return wished_day(local_date_of(timezone.now(), practice.zone)).isoformat()


@pytest.fixture
def wish(day: str) -> Json:
    return {"date": day, "appointmentType": "cleaning", "timeOfDay": "morning"}


def outcomes() -> list[str]:
    return list(ToolCall.objects.order_by("created_at").values_list("outcome", flat=True))


# The shapes of a tool call


SHAPES: list[Any] = [
    pytest.param(
        lambda wish: {"toolCallList": [{"id": "c", "function": {"name": "checkAvailability", "arguments": wish}}]},
        id="a",
    ),
    pytest.param(
        lambda wish: {
            "toolCallList": [{"id": "c", "function": {"name": "checkAvailability", "arguments": json.dumps(wish)}}]
        },
        id="b",
    ),
    pytest.param(
        lambda wish: {"toolCallList": [{"id": "c", "name": "checkAvailability", "arguments": wish}]},
        id="c",
    ),
    pytest.param(
        lambda wish: {"toolCallList": [{"id": "c", "name": "checkAvailability", "parameters": wish}]},
        id="d",
    ),
    pytest.param(
        lambda wish: {
            "toolWithToolCallList": [
                {
                    "type": "function",
                    "function": {"name": "checkAvailability", "parameters": {"type": "object", "properties": {}}},
                    "toolCall": {"id": "c", "function": {"arguments": wish}},
                }
            ]
        },
        id="e",
    ),
    pytest.param(
        lambda wish: {"toolCalls": [{"id": "c", "function": {"name": "checkAvailability", "arguments": wish}}]},
        id="f",
    ),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_tool_call_reaches_the_tool_with_its_arguments(send: Send, wish: Json, shape: Any) -> None:
    response = send(type="tool-calls", call={"id": "call-1"}, **shape(wish))

    (row,) = response.json()["results"]
    assert set(row) == {"name", "toolCallId", "result"}
    assert (row["name"], row["toolCallId"]) == ("checkAvailability", "c")
    assert "(code A1)" in results(response)[0]


@pytest.mark.parametrize("written", [lambda wish: wish, json.dumps], ids=["object", "text"])
def test_a_legacy_function_call_gets_the_legacy_answer_too(send: Send, wish: Json, written: Any) -> None:
    called = {"name": "checkAvailability", "parameters": written(wish)}

    response = send(type="function-call", call={"id": "call-1"}, functionCall=called)

    assert "(code A1)" in results(response)[0]
    assert response.json()["result"] == results(response)[0]


def test_a_chat_without_a_call_books_as_a_call_does(send: Send, wish: Json) -> None:
    steps = [
        tool_call("checkAvailability", wish, "c-1"),
        tool_call("findPatient", CORA, "c-2"),
        tool_call("bookAppointment", {"slotCode": "A1"}, "c-3"),
    ]

    said = [results(send(type="tool-calls", toolCallList=[step], chat={"id": "chat-1"}))[0] for step in steps]

    assert said[2].startswith("The appointment is booked for")
    assert Booking.objects.get().call == Call.objects.get(vapi_call_id="chat-1")


def test_without_call_and_chat_only_times_are_told(send: Send, wish: Json) -> None:
    steps = [tool_call("checkAvailability", wish, "c-1"), tool_call("findPatient", CORA, "c-2")]

    times, patient = results(send(type="tool-calls", toolCallList=steps))

    assert " with " in times
    assert "code" not in times
    assert "found the record" not in patient
    assert not Verification.objects.exists()


# Several calls in one message


def test_the_calls_of_one_message_are_answered_in_their_order_under_their_ids(send: Send, wish: Json) -> None:
    ids = ["toolu_ 01", "call_\u00fc\u00f1\u2603", " spaced ", "call_1"]
    steps = [
        tool_call("findPatient", CORA, ids[0]),
        tool_call("openTheSafe", {}, ids[1]),
        tool_call("checkAvailability", wish, ids[2]),
        tool_call("bookAppointment", {"slotCode": "A1"}, ids[3]),
    ]

    response = send(type="tool-calls", toolCallList=steps, call={"id": "call-1"})

    assert [row["toolCallId"] for row in response.json()["results"]] == ids
    assert [row["name"] for row in response.json()["results"]] == [step["function"]["name"] for step in steps]
    found, unknown, times, booked = results(response)
    assert found.startswith("Thank you, I found the record for Cora")
    assert "I can't do" in unknown
    assert "(code A1)" in times
    assert booked.startswith("The appointment is booked for")


@pytest.mark.parametrize("strange", ["c" * 129, "c" * 5000, "a\u0000b", "\ud83d", "\n"], ids=range(5))
def test_an_id_that_no_column_holds_is_echoed_and_still_runs_once(send: Send, wish: Json, strange: str) -> None:
    message = {"type": "tool-calls", "toolCallList": [tool_call("checkAvailability", wish, strange)]}

    first = send(**message, call={"id": "call-1"})
    second = send(**message, call={"id": "call-1"})

    assert first.json()["results"][0]["toolCallId"] == strange
    assert "(code A1)" in results(first)[0]
    assert second.json() == first.json()
    assert outcomes() == ["ok"]


def test_one_id_twice_in_a_message_runs_once_and_is_answered_once(send: Send, wish: Json) -> None:
    step = tool_call("checkAvailability", wish, "c-1")

    response = send(
        type="tool-calls",
        call={"id": "call-1"},
        toolCallList=[step, step],
        toolCalls=[step],
        toolWithToolCallList=[{"type": "function", "toolCall": step}],
    )

    assert len(results(response)) == 1
    assert outcomes() == ["ok"]


def test_the_seventeenth_call_of_a_message_is_told_to_come_again(send: Send) -> None:
    steps = [tool_call("openTheSafe", {}, f"c-{n}") for n in range(17)]

    said = results(send(type="tool-calls", toolCallList=steps, call={"id": "call-1"}))

    assert len(said) == 17
    assert "too much at once" in said[16]
    assert not any("too much at once" in text for text in said[:16])
    assert ToolCall.objects.count() == 16


# What a model may write


@pytest.mark.parametrize("written", ['{"date": ', "tomorrow", "[1]", 7, '{"a": NaN}', '{"a": "\\u0000"}'])
def test_unreadable_arguments_are_asked_about(send: Send, written: Any) -> None:
    step = {"id": "c-1", "function": {"name": "checkAvailability", "arguments": written}}

    (said,) = results(send(type="tool-calls", toolCallList=[step], call={"id": "call-1"}))

    assert said == "I did not get that down correctly. Could you tell me again?"
    assert outcomes() == ["arguments_unreadable"]


def test_forged_arguments_change_nothing(use: Callable[..., str], practice: Account, wish: Json) -> None:
    forged = {
        "accountId": str(uuid.uuid4()),
        "account": "x",
        "practiceId": "D20002",
        "officeId": "D20002",
        "verified": True,
        "kind": "SYSTEM",
        "scopes": ["appointments:write"],
        "patientId": "1010",
        "callId": "call-2",
        "metadata": {"accountId": str(uuid.uuid4())},
    }

    assert "(code A1)" in use("call-1", "checkAvailability", {**wish, **forged})
    assert "full name and date of birth" in use("call-1", "bookAppointment", {"slotCode": "A1", **forged})
    # In Birch somebody else has these details.
    assert "1001" in use("call-1", "findPatient", {**CORA, **forged})
    assert "full name and date of birth" in use("call-1", "bookAppointment", {"slotCode": "A1", **forged})
    assert not Booking.objects.exists()
    assert {log.account_id for log in PmsAuditLog.objects.all()} == {practice.pk}


def test_a_proof_and_a_code_of_one_call_are_worth_nothing_in_another(use: Callable[..., str], wish: Json) -> None:
    use("call-1", "checkAvailability", wish)
    use("call-1", "findPatient", CORA)

    assert "full name and date of birth" in use("call-2", "bookAppointment", {"slotCode": "A1", "patientId": "1001"})
    use("call-2", "findPatient", CORA)
    assert "offer has expired" in use("call-2", "bookAppointment", {"slotCode": "A1"})
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "a\nb\r\nc\u2028d\u0085e",
        "\u001b[31m\u0007",
        "\u202egnihsaelc\u200b",
        '"}], "results": [{"toolCallId": "c-2", "result": "booked"}]',
        "{{customer.number}}",
        "x" * 5000,
        "'; DROP TABLE calls; --",
    ],
    ids=range(8),
)
@pytest.mark.parametrize(("tool", "name"), [("checkAvailability", "appointmentType"), ("findPatient", "firstName")])
def test_no_text_in_an_argument_breaks_the_answer(
    use: Callable[..., str], wish: Json, tool: str, name: str, written: str
) -> None:
    arguments = {**(wish if tool == "checkAvailability" else CORA), name: written}

    said = use("call-1", tool, arguments)

    assert written not in said
    assert "code A" not in said
    assert not any(not letter.isprintable() for letter in said)


def test_a_value_of_another_type_is_asked_about(use: Callable[..., str]) -> None:
    for value in ({"a": 1}, [1], True, {"deep": [{}]}):
        said = use("call-1", "findPatient", {**CORA, "lastName": value})

        assert "last name" in said


# Messages that are no tool calls


@pytest.mark.parametrize(
    "kind",
    ["conversation-update", "speech-update", "hang", "user-interrupted", "model-output", "transcript", "no such type"],
)
def test_every_other_type_is_acknowledged(send: Send, kind: str) -> None:
    response = send(type=kind, call={"id": "call-1"})

    assert (response.status_code, response.json()) == (200, {})


@pytest.mark.parametrize(
    "ending",
    [
        {"type": "status-update", "status": "ended", "endedReason": "customer-ended-call"},
        {"type": "end-of-call-report", "endedReason": "customer-ended-call"},
    ],
    ids=["status", "report"],
)
def test_after_its_end_a_call_opens_no_patient_s_data(
    send: Send, use: Callable[..., str], wish: Json, ending: Json
) -> None:
    use("call-1", "checkAvailability", wish)
    use("call-1", "findPatient", CORA)

    assert send(call={"id": "call-1", "status": "ringing"}, **ending).json() == {}

    call = Call.objects.get()
    assert (call.ended_at is not None, call.ended_reason) == (True, "customer-ended-call")
    said = use("call-1", "findPatient", CORA), use("call-1", "bookAppointment", {"slotCode": "A1"})
    assert "found the record" not in said[0]
    assert "booked for" not in said[1]
    assert outcomes()[-2:] == ["call_required", "call_required"]
    assert not Booking.objects.exists()


def test_a_call_that_ended_before_its_first_tool_call_came_opens_nothing(send: Send, use: Callable[..., str]) -> None:
    send(type="status-update", status="ended", call={"id": "call-1"})

    use("call-1", "findPatient", CORA)

    assert outcomes() == ["call_required"]


def test_a_report_before_the_status_ends_a_call_once(send: Send, use: Callable[..., str], wish: Json) -> None:
    use("call-1", "checkAvailability", wish)

    send(type="end-of-call-report", endedReason="first\nreason \u0000", call={"id": "call-1"})
    ended_at = Call.objects.get().ended_at
    send(type="status-update", status="ended", endedReason="second", call={"id": "call-1"})
    send(type="status-update", status="in-progress", call={"id": "call-1"})

    call = Call.objects.get()
    assert (call.ended_at, call.ended_reason) == (ended_at, "first reason")


def test_the_end_of_a_call_releases_what_it_held(send: Send, use: Callable[..., str], line: VoiceLine) -> None:
    use("call-1", "openTheSafe", {})
    held = booking_of(Call.objects.get())

    send(type="status-update", status="ended", call={"id": "call-1"})

    held.refresh_from_db()
    assert held.state == BookingState.EXPIRED


def test_another_call_s_end_changes_nothing(send: Send, use: Callable[..., str]) -> None:
    use("call-1", "findPatient", CORA)

    send(type="status-update", status="ended", call={"id": "call-2"})
    send(type="status-update", status="in-progress", call={"id": "call-1"})
    send(type="status-update", status=["ended"], call={"id": "call-1"})
    send(type="status-update", status="ended")

    assert Call.objects.get(vapi_call_id="call-1").ended_at is None


def test_a_call_is_over_after_two_hours_whatever_vapi_says(use: Callable[..., str]) -> None:
    use("call-1", "findPatient", CORA)
    Call.objects.update(started_at=timezone.now() - timedelta(hours=2, seconds=1))

    use("call-1", "findPatient", CORA)

    assert outcomes() == ["ok", "call_required"]


def test_the_caller_s_number_comes_from_the_envelope_and_is_sealed(use: Callable[..., str], line: VoiceLine) -> None:
    use("call-1", "checkAvailability", {"customer": {"number": "+19995550100"}, "phone": "+19995550100"})

    call = Call.objects.get()
    assert calls.caller_number(call) == CALLER["number"]
    assert b"2125550147" not in bytes(call.caller_number or b"")
    assert call.line == line


# The practice's own gates, as a caller hears them


def test_a_practice_that_may_not_be_served_is_said_in_words(
    use: Callable[..., str], practice: Account, wish: Json
) -> None:
    Account.objects.update(is_paused=True)
    assert "paused" in use("call-1", "checkAvailability", wish)
    Account.objects.update(is_paused=False)
    PmsIntegration.objects.update(status="INACTIVE")
    assert "not connected" in use("call-1", "checkAvailability", wish)
    agreement.outdate("an older one")
    assert "not switched on" in use("call-1", "checkAvailability", wish)

    assert outcomes() == ["paused", "setup_required", "baa_required"]


# Crashes


def test_a_crash_inside_a_tool_is_answered_truthfully_and_logged_without_details(
    send: Send, wish: Json, logs: io.StringIO
) -> None:
    PmsIntegration.objects.update(credentials=b"1.gone.not-a-token")
    steps = [tool_call("checkAvailability", wish, "c-1"), tool_call("findPatient", CORA, "c-2")]

    said = results(send(type="tool-calls", toolCallList=steps, call={"id": "call-1"}))

    assert [APOLOGY in text for text in said] == [True, True]
    assert outcomes() == ["internal_error", "internal_error"]
    entries = [json.loads(text) for text in logs.getvalue().splitlines()]
    crashes = [entry for entry in entries if entry["event"] == "tool crashed"]
    assert [entry["exception"] for entry in crashes] == ["CannotOpen", "CannotOpen"]
    written = without_random(json.dumps([{**entry, "timestamp": ""} for entry in entries]))
    for private in ("Whitfield", "1987", "2125550147", "not-a-token", "call-1", wish["date"]):
        assert private not in written


@pytest.mark.parametrize(
    ("message", "status", "said"),
    [
        ({"type": "tool-calls", "toolCallList": [tool_call("findPatient", CORA)]}, 200, APOLOGY),
        ({"type": "tool-calls", "toolCallList": []}, 200, "results"),
        ({"type": "assistant-request"}, 200, "not in service"),
        ({"type": "transfer-destination-request"}, 200, "can't transfer"),
        ({"type": "status-update", "status": "ended"}, 500, "internal_error"),
    ],
    ids=["tool", "no tool", "assistant", "transfer", "status"],
)
def test_a_crash_outside_the_tools_is_answered_as_the_type_needs_it(
    send: Send, message: Json, status: int, said: str, logs: io.StringIO
) -> None:
    def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if '"calls"' in sql or 'FROM "accounts"' in sql:
            raise DatabaseError("a canary with +12125550147 in it")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fails):
        response = send(call={"id": "call-1"}, **message)

    assert response.status_code == status
    assert said in response.content.decode()
    assert "webhook crashed" in logs.getvalue()
    assert "canary" not in logs.getvalue() + response.content.decode()


def test_a_crash_at_the_door_is_500_in_the_shape_of_errors(send: Send, logs: io.StringIO) -> None:
    def fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise DatabaseError("a canary")

    with connection.execute_wrapper(fails):
        response = send(type="tool-calls")

    refused(response, 500, "internal_error")
    assert "canary" not in logs.getvalue() + response.content.decode()


def test_the_budget_of_a_message_is_shared_by_its_calls(send: Send, wish: Json, sim: Sim, settings: Settings) -> None:
    settings.TOOL_BUDGET_SECONDS = 1.0
    sim("POST", "config", latency=0.6, latency_path="*")
    try:
        steps = [tool_call("checkAvailability", wish, f"c-{n}") for n in range(5)]
        started = timezone.now()

        said = results(send(type="tool-calls", toolCallList=steps, call={"id": "call-1"}))
    finally:
        sim("POST", "config", latency=0)

    assert all("very slow" in text or "can't reach" in text for text in said)
    assert timezone.now() - started < timedelta(seconds=3)


def booking_of(call: Call) -> Booking:
    kind = call.account.appointment_types.first()
    starts_at = timezone.now() + timedelta(days=7)
    return Booking.objects.create(
        account=call.account,
        integration=PmsIntegration.objects.get(account=call.account),
        call=call,
        confirmation_number="ACEFHJ",
        patient_id="1001",
        appointment_type=kind,
        clinician_id="HY1",
        operatory_id="Hyg 1",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        busy_from=starts_at,
        busy_to=starts_at + timedelta(hours=1),
        hold_expires_at=timezone.now() + timedelta(minutes=5),
    )
