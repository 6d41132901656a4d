"""Sending to the door as Vapi does. The signatures are made here by hand, so that they check ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from pms.models import Credential, VoiceLine
from pms.services import credentials
from pms.services.audit import Asker

WEBHOOK = "/api/pms/vapi/webhook"
OWN = "a secret of one line, long enough to be one"
PLATFORM = "the platform's secret, long enough to be one"
ASKER = Asker(actor="command:test", endpoint="test", method="COMMAND")


def timestamp() -> str:
    return str(round(time.time() * 1000))


def hexdigest(secret: str, *parts: str | bytes) -> str:
    joined = b".".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(secret.encode(), joined, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str, *, at: str = "") -> dict[str, str]:
    """Return the headers of Vapi's default scheme."""
    at = at or timestamp()
    return {"X-Signature": hexdigest(secret, at, body), "X-Timestamp": at}


def post(
    client: Client, body: bytes | Mapping[str, Any], secret: str = "", *, headers: Mapping[str, str] | None = None
) -> Any:
    """Post a body to the webhook, signed if there is a secret, and return the response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {**(signed(raw, secret) if secret else {}), **(headers or {})}
    return client.post(WEBHOOK, data=raw, content_type="application/json", headers=sent)


def about(line: VoiceLine | None, **message: Any) -> dict[str, Any]:
    """Return a body about a line's call; ``status-update`` unless a type is given."""
    named: dict[str, Any] = {}
    if line is not None:
        named = {"phoneNumber": {"id": line.vapi_phone_number_id, "number": line.phone_number}}
    return {"message": {"type": "status-update", "status": "in-progress", **named, **message}}


def tool_call(name: str, arguments: Mapping[str, Any], call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": dict(arguments)}}


def tool_calls(line: VoiceLine | None, calls: Sequence[Mapping[str, Any]], *, call_id: str = "") -> dict[str, Any]:
    call = {"call": {"id": call_id}} if call_id else {}
    return about(line, type="tool-calls", toolCallList=list(calls), **call)


def practice(name: str) -> Account:
    return Account.objects.create(name=name, time_zone="America/New_York")


def line_of(account: Account, number: str) -> VoiceLine:
    return VoiceLine.objects.create(
        account=account,
        label="Main number",
        phone_number=number,
        vapi_assistant_id=str(uuid.uuid4()),
        vapi_phone_number_id=str(uuid.uuid4()),
    )


def credential(
    account: Account,
    line: VoiceLine | None,
    secret: str,
    older: str = "",
    *,
    schemes: Sequence[str] = ("timestamp_body",),
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> Credential:
    """Make a voice credential; with ``older``, one that is being rotated to ``secret``."""
    made_at = expires_at - timedelta(days=1) if expires_at else timezone.now()
    made, _ = credentials.create_voice(
        account=account,
        line=line,
        label="Vapi",
        schemes=schemes,
        secret=older or secret,
        expires_at=expires_at,
        asker=ASKER,
        now=made_at,
    )
    if older:
        credentials.begin_rotation(credential=made, secret=secret, asker=ASKER, now=made_at)
    if revoked_at:
        credentials.revoke(credential=made, asker=ASKER, now=revoked_at)
    return made


def issued(account: Account, *scopes: str, days: float = 30, issued_at: datetime | None = None) -> tuple[str, str]:
    """Issue a system credential and return its token and its id."""
    now = issued_at or timezone.now()
    made, token = credentials.issue_system(
        account=account,
        label="Server",
        scopes=scopes or ["appointments:read"],
        expires_at=now + timedelta(days=days),
        asker=ASKER,
        now=now,
    )
    return token, str(made.pk)


def secret_of(line: VoiceLine) -> str:
    """Return the secret of a line's own credential."""
    return credentials.reveal(Credential.objects.get(line=line))[0]


def results(response: HttpResponse) -> list[str]:
    """Return what the model hears, call by call."""
    assert response.status_code == 200, response.content
    said = [row["result"] for row in json.loads(response.content)["results"]]
    assert all(isinstance(text, str) and text and text == " ".join(text.split()) for text in said)
    return said


def refused(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """Check the one shape of errors and return its details."""
    body = json.loads(response.content)
    error: dict[str, Any] = body["error"]
    assert (response.status_code, error["code"]) == (status, code), body
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    assert {"code", "message", "retryable", "requestId"} <= set(error) <= {
        "code", "message", "retryable", "requestId", "fields",
    }  # fmt: skip
    assert error["requestId"] == response["X-Request-Id"]
    assert response["Content-Type"] == "application/json"
    return error
