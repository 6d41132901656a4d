"""Messages about a call, through the signed webhook: what becomes of the call, and what of it is kept where."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import Call, PmsAuditLog, VoiceLine
from pms.services import calls, warming
from tests.conftest import Sim
from tests.talking import asked_of_the_pms, together
from tests.vapi.conftest import CALLER, Send
from tests.vapi.sending import OWN, about, credential, line_of, post, practice, results, secret_of, tool_call

CALL = {"id": "call-1"}
SECRETS = ("canary-auth-token", "canary-url-secret", "canary-tool-secret")
SAID = "User: My name is Canary Bird and my card is on file."


def report(**changes: Any) -> dict[str, Any]:
    """Return a report as Vapi sends it, with a provider's secrets and a patient's words in it."""
    ended = timezone.now() - timedelta(seconds=20)
    started = ended - timedelta(minutes=3)
    return {
        "type": "end-of-call-report",
        "endedReason": "customer-ended-call",
        "startedAt": started.isoformat(),
        "endedAt": round(ended.timestamp() * 1000),
        "cost": 0.2551,
        "call": {**CALL, "status": "ringing"},
        "analysis": {"summary": "Canary Bird moved a visit.", "successEvaluation": "true"},
        "artifact": {
            "transcript": SAID,
            "recording": {"stereoUrl": "https://storage.example/canary.wav"},
            "messages": [{"role": "user", "message": SAID}],
        },
        "assistant": {"server": {"secret": SECRETS[2]}},
        **changes,
    }


def at_provider(line: VoiceLine) -> dict[str, Any]:
    """Return the number as it is sent when Twilio provides it."""
    secrets = {"twilioAuthToken": SECRETS[0], "serverUrlSecret": SECRETS[1]}
    return {"id": line.vapi_phone_number_id, "number": line.phone_number, **secrets}


def in_plain_text(*words: str) -> list[str]:
    """Return the tables in which any of these words can be read."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith("sqlite_"):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own tables
                text = str([[_read(value) for value in row] for row in cursor.fetchall()])
                found += [table] if any(word in text for word in words) else []
    return found


def _read(value: object) -> object:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else value


@pytest.fixture(autouse=True)
def _not_warmed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the PMS alone in tests about something else."""
    if "sim" not in request.fixturenames:
        monkeypatch.setattr(warming, "warm", lambda **asked: None)


def test_a_call_is_followed_from_its_first_message_to_its_report(send: Send, line: VoiceLine) -> None:
    words = []
    for status in ("ringing", "in-progress", "ended"):
        assert send(type="status-update", status=status, call=CALL).json() == {}
        words.append(Call.objects.get().status)
    sent = report()

    assert send(**sent).json() == {}

    call = Call.objects.get()
    assert words == ["ringing", "in-progress", "ended"]
    assert (call.account, call.line, call.vapi_call_id) == (line.account, line, "call-1")
    assert call.started_at == datetime.fromisoformat(sent["startedAt"])
    assert call.ended_at == datetime.fromtimestamp(sent["endedAt"] / 1000, UTC)
    assert (call.ended_reason, str(call.cost), call.outcome) == ("customer-ended-call", "0.2551", "answered")
    assert calls.caller_number(call) == CALLER["number"]


def test_a_report_alone_is_a_call_too(send: Send) -> None:
    send(**report())

    call = Call.objects.get()
    assert call.ended_at is not None
    assert call.ended_at - call.started_at == pytest.approx(timedelta(minutes=3), abs=timedelta(seconds=1))


def test_what_the_call_has_come_to_is_told_by_what_was_done_in_it(
    send: Send, use: Callable[..., str], practice: Account
) -> None:
    use("call-1", "takeMessage", {"message": "Please call me."})

    send(**report())

    assert Call.objects.get().outcome == "message"


def test_a_call_that_was_put_through_is_remembered(send: Send) -> None:
    send(type="status-update", status="forwarding", call=CALL, destination={"number": "+12125550150"})
    send(**report())

    assert Call.objects.get().outcome == "transferred"


@pytest.mark.parametrize("call", [{}, {"call": None}, {"call": {"id": ""}}, {"call": {"id": 7}}, {"call": ["call-1"]}])
def test_a_message_that_names_no_call_is_acknowledged_and_forgotten(send: Send, call: dict[str, Any]) -> None:
    sent = {**report(), **call} if call else {k: v for k, v in report().items() if k != "call"}

    response = send(**sent)

    assert (response.status_code, response.json()) == (200, {})
    assert not Call.objects.exists()


def test_a_call_of_another_practice_is_never_touched(client: Client, send: Send) -> None:
    send(type="status-update", status="in-progress", call=CALL)
    Account.objects.update(keeps_transcripts=True)
    birch = practice("Birch Dental")
    bare = line_of(birch, "+12125550101")
    credential(birch, bare, OWN)

    assert post(client, about(bare, **report()), OWN).status_code == 200

    mine = Call.objects.exclude(account=birch).get()
    assert (mine.status, mine.ended_at, mine.report, mine.cost) == ("in-progress", None, None, None)
    assert Call.objects.get(account=birch).status == "ended"


def test_nothing_of_a_report_is_kept_unless_the_practice_wants_it(
    send: Send, line: VoiceLine, logs: io.StringIO
) -> None:
    send(**report(), phoneNumber=at_provider(line))

    call = Call.objects.get()
    assert (call.report, calls.report(call)) == (None, {})
    assert in_plain_text("anary") == []
    assert "anary" not in logs.getvalue()


def test_what_the_practice_wants_is_kept_sealed_and_the_rest_not_at_all(
    send: Send, line: VoiceLine, logs: io.StringIO
) -> None:
    Account.objects.update(keeps_transcripts=True, keeps_recordings=True)

    send(**report(), phoneNumber=at_provider(line))

    kept = calls.report(Call.objects.get())
    assert kept == {
        "transcript": SAID,
        "summary": "Canary Bird moved a visit.",
        "recording": "https://storage.example/canary.wav",
    }
    assert not [secret for secret in SECRETS if secret in str(kept)]
    assert in_plain_text("anary") == []
    assert "anary" not in logs.getvalue()


def test_a_message_that_breaks_leaves_nothing_of_it_in_the_log(
    send: Send, line: VoiceLine, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(**asked: Any) -> bool:
        raise RuntimeError(str(asked))

    monkeypatch.setattr(calls, "note", note)

    response = send(**report(), phoneNumber=at_provider(line))

    assert response.status_code == 500
    assert "webhook crashed" in logs.getvalue()
    assert "anary" not in logs.getvalue() + response.content.decode()


def test_garbage_in_every_field_is_a_call_that_has_ended(send: Send) -> None:
    places = ["startedAt", "endedAt", "cost", "costs", "artifact", "analysis", "summary", "endedReason"]
    rubbish = {place: {"a": ["\ud800\u0000", None, 10**30]} for place in (*places, "durationSeconds")}

    response = send(**report(**rubbish))

    call = Call.objects.get()
    assert (response.status_code, call.status, call.cost, call.ended_reason) == (200, "ended", None, "")


def test_a_number_that_the_carrier_vouches_for_is_proof(send: Send, use: Callable[..., str]) -> None:
    attested = {**CALL, "type": "inboundPhoneCall", "transport": {"stirVerstat": "TN-Validation-Passed-A"}}
    send(type="status-update", status="in-progress", call=attested)

    use("call-1", "checkAvailability", {"stirVerstat": "TN-Validation-Failed"})

    assert (Call.objects.get().attestation, calls.proven_number(Call.objects.get())) == ("A", CALLER["number"])


def test_an_argument_never_makes_a_number_proof(send: Send) -> None:
    step = tool_call("checkAvailability", {"stirVerstat": "TN-Validation-Passed-A", "transport": {"verstat": "x"}})
    values = {"variableValues": {"stirVerstat": "TN-Validation-Passed-A"}}

    results(send(type="tool-calls", toolCallList=[step], call={**CALL, "assistantOverrides": values}, metadata=values))

    assert calls.proven_number(Call.objects.get()) == ""


@pytest.mark.django_db(transaction=True)
def test_all_messages_of_a_call_at_once_are_one_call(line: VoiceLine) -> None:
    Account.objects.update(keeps_transcripts=True)
    secret = secret_of(line)
    sent = [report(), report(), *({"status": word, "call": CALL} for word in ("ringing", "in-progress", "ended"))]

    answered = together(*[lambda one=one: post(Client(), about(line, **one), secret).status_code for one in sent])  # type: ignore[misc]

    call = Call.objects.get()
    assert answered == [200] * len(sent)
    assert (call.status, call.outcome, calls.report(call)["transcript"]) == ("ended", "answered", SAID)


# Warming


def warmings() -> int:
    return PmsAuditLog.objects.filter(action="warmUp").count()


def test_when_a_call_begins_what_it_will_need_is_read_once(send: Send, sim: Sim, line: VoiceLine) -> None:
    sim("DELETE", "requests")
    for status in ("ringing", "in-progress", "in-progress"):
        send(type="status-update", status=status, call={"id": "call-9"})

    row = PmsAuditLog.objects.get(action="warmUp")
    assert (row.vapi_call_id, row.phi_accessed, row.patient_id, row.success) == ("call-9", False, None, True)
    assert row.actor.startswith("voice:")
    asked = {path for _, path in asked_of_the_pms(sim)}
    assert any("providers" in path for path in asked)
    assert not any("patient" in path or "appointment" in path for path in asked)


def test_a_call_that_is_over_or_has_not_begun_warms_nothing(send: Send, sim: Sim) -> None:
    send(**report())
    send(type="status-update", status="in-progress", call=CALL)
    send(type="status-update", status="ringing", call={"id": "call-2"})

    assert warmings() == 0


def test_a_pms_that_cannot_be_reached_does_not_fail_the_message(
    send: Send, sim: Sim, settings: Settings, logs: io.StringIO
) -> None:
    keys = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**keys, "baseUrl": "http://127.0.0.1:9/v4"}}

    response = send(type="status-update", status="in-progress", call=CALL)

    assert (response.status_code, response.json()) == (200, {})
    assert Call.objects.get().status == "in-progress"
    assert "not warmed" in logs.getvalue()
