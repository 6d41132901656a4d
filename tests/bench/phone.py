"""A phone call as Vapi sends it: signed tool-calls messages of one call on one line."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

WEBHOOK = "/api/pms/vapi/webhook"
# Placed into a body once, then replaced for each request.
PLACE_OF_ID = "call_placeholder_of_24_chars"
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model hears, and after how many milliseconds."""

    say: str
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """One call; a new connection for each request, because a person speaks in between."""

    port: int
    line: Mapping[str, Any]
    number: str = "+12125550147"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def use(self, tool: str, **arguments: str) -> Heard:
        """Use a tool once and return what it says. Raises what ``requests`` raises."""
        secret = self.line["secret"]
        body = named(body_of(self.line, tool, arguments, call_id=self.id, number=self.number))
        headers = {"Content-Type": "application/json", "Connection": "close", **signed(secret, body)}
        started = time.perf_counter()
        with requests.Session() as session:
            session.trust_env = False  # no proxy between us and ourselves
            url = f"http://127.0.0.1:{self.port}{WEBHOOK}"
            answer = session.post(url, data=body, headers=headers, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return Heard(answer.json()["results"][0]["result"], (time.perf_counter() - started) * 1000)


def body_of(
    line: Mapping[str, Any], tool: str, arguments: Mapping[str, str], *, call_id: str = "", number: str = "+12125550147"
) -> str:
    """Return a tool-calls message of one phone call, but for the tool call's own id (``PLACE_OF_ID``)."""
    message = {
        "type": "tool-calls",
        "timestamp": round(time.time() * 1000),
        "toolCallList": [
            {"id": PLACE_OF_ID, "type": "function", "function": {"name": tool, "arguments": dict(arguments)}}
        ],
        "call": {
            "id": call_id or str(uuid.uuid4()),
            "type": "inboundPhoneCall",
            "assistantId": line["vapi_assistant_id"],
        },
        "phoneNumber": {"id": line["vapi_phone_number_id"], "number": line["phone_number"]},
        "customer": {"number": number},
        "artifact": {"messages": []},
    }
    return json.dumps({"message": message})


def named(body: str) -> bytes:
    """Return a message with a new id for its tool call."""
    return body.replace(PLACE_OF_ID, f"call_{uuid.uuid4().hex[:24]}").encode()


def signed(secret: str, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body now, as Vapi does by default: the time and the body, joined by a dot."""
    timestamp = str(round(time.time() * 1000))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Timestamp": timestamp, "X-Signature": signature}
