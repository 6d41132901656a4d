"""A phone call as Vapi would send it: its messages, signed with what opens the line. For test calls and the demo."""

from __future__ import annotations

import json
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from pms import vault
from pms.models import VoiceLine
from pms.models.credential import SigningScheme
from pms.services import credentials
from pms.vapi.signatures import SCHEMES, SignedRequest, sign
from pms.vapi.webhook import ENDPOINT, webhook

_USER_AGENT = "Parlae test call"


class CallFailed(Exception):
    """Something was not as the script expects it, or not as the caller heard it."""


class NoKey(CallFailed):
    """Nothing that is live opens the line."""


@dataclass(frozen=True, slots=True)
class Key:
    """What opens a line: a secret, and how it is proven."""

    secret: str = field(repr=False)
    scheme: str


def key_of(line: VoiceLine, now: datetime) -> Key:
    """Return what opens a line: its own credential, else its account's, else the platform's. Raises ``NoKey``."""
    deciding = credentials.deciding_for(line)
    live = [one for one in deciding if credentials.is_live(one, now)]
    if deciding and not live:
        raise NoKey("The credential of this line has ended.")
    try:
        secrets = credentials.reveal(live[0]) if live else settings.VAPI_WEBHOOK_SECRETS
    except vault.CannotOpen:
        raise NoKey("The credential of this line cannot be opened.") from None
    schemes = [name for name in (live[0].schemes if live else settings.VAPI_WEBHOOK_SCHEMES) if _may_open(name)]
    if not secrets or not schemes:
        raise NoKey("This line has no credential, and the platform has none for it.")
    return Key(secrets[0], schemes[0])


def _may_open(name: str) -> bool:
    """Return whether the door takes a scheme: an HMAC may have to sign its time."""
    scheme = SCHEMES.get(name)
    return scheme is not None and (scheme.signs_time or not scheme.parts or not settings.VAPI_REQUIRE_TIMESTAMP)


@dataclass(slots=True, kw_only=True)
class Phone(ABC):
    """A call in progress on one line. ``caller`` is a number in E.164, empty if it is withheld."""

    line: VoiceLine
    secret: str = field(repr=False)
    scheme: str = SigningScheme.TIMESTAMP_BODY.value
    caller: str = ""
    call_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @abstractmethod
    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Send one message to the webhook, and return the answer's status and body."""

    def use(self, tool: str, arguments: Mapping[str, Any], *, tool_call_id: str = "") -> str:
        """Have the model use one tool, and return what it hears."""
        call_id = tool_call_id or new_tool_call_id()
        entry = {"id": call_id, "type": "function", "function": {"name": tool, "arguments": dict(arguments)}}
        response = self.send({"type": "tool-calls", "toolCallList": [entry]})
        results = {row["toolCallId"]: row["result"] for row in response.get("results", [])}
        if call_id not in results:
            raise CallFailed(f"{tool} got no result.")
        return str(results[call_id])

    def hang_up(self) -> None:
        """End the call, as Vapi reports it."""
        self.send({"type": "status-update", "status": "ended", "endedReason": "customer-ended-call"})

    def send(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Sign and send one message, and return the answer's body."""
        body = json.dumps({"message": {**message, **self._envelope()}}).encode()
        status, answer = self.post(body, {"Content-Type": "application/json", **self._proof(body)})
        if status != 200:
            raise CallFailed(f"The webhook answered {status}.")
        return answer

    def _proof(self, body: bytes) -> dict[str, str]:
        """Return the headers that prove a message to the webhook."""
        if self.scheme == SigningScheme.SECRET:
            return {"X-Vapi-Secret": self.secret}
        if self.scheme == SigningScheme.BEARER:
            return {"Authorization": f"Bearer {self.secret}"}
        timestamp = str(round(time.time() * 1000))
        signed = SignedRequest(method="POST", url=f"{settings.PUBLIC_URL}{ENDPOINT}", headers={}, body=body)
        signature = sign(SCHEMES[self.scheme], secret=self.secret, signed=signed, timestamp=timestamp)
        return {"X-Signature": signature, "X-Timestamp": timestamp}

    def _envelope(self) -> dict[str, Any]:
        customer = {"customer": {"number": self.caller}} if self.caller else {}
        # The carrier vouches for the number, as for most calls in the United States.
        transport = {"provider": "twilio", **({"stirVerstat": "TN-Validation-Passed-A"} if self.caller else {})}
        call = {"id": self.call_id, "type": "inboundPhoneCall", "assistantId": self.line.vapi_assistant_id}
        number = {"id": self.line.vapi_phone_number_id, "number": self.line.phone_number}
        return {
            "timestamp": round(time.time() * 1000),
            "call": {**call, "transport": transport},
            "phoneNumber": number,
            "artifact": {"messages": []},
            **customer,
        }


def new_tool_call_id() -> str:
    """Return an id as models make them."""
    return f"call_{uuid.uuid4().hex[:24]}"


@dataclass(slots=True, kw_only=True)
class LocalPhone(Phone):
    """A call whose messages go to the webhook in this process: the same view, verified like any others."""

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        request = WSGIRequest(
            {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": ENDPOINT,
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "443",
                "wsgi.url_scheme": "https",
                "wsgi.input": BytesIO(body),
                "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": "application/json",
                "HTTP_USER_AGENT": _USER_AGENT,
                **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
            }
        )
        request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]
            response = webhook(request)
        return response.status_code, json.loads(response.content)
