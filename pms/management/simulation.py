"""A phone call through the real webhook: signed, over HTTP, as Vapi would send it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import requests

from pms.models import VoiceLine
from pms.vapi.signatures import SCHEMES, SignedRequest, sign
from pms.vapi.webhook import ENDPOINT

_TIMEOUT_SECONDS = 20  # Vapi's own
_TUESDAY = 1


class CallFailed(Exception):
    """Something was not as the script expects it, or not as the caller heard it."""


@dataclass(slots=True)
class Phone:
    """A call in progress on one line."""

    url: str
    line: VoiceLine
    secret: str = field(repr=False)
    caller: str
    call_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def use(self, tool: str, arguments: Mapping[str, Any], *, tool_call_id: str = "") -> str:
        """Have the model use one tool, and return what it hears."""
        call_id = tool_call_id or f"call_{uuid.uuid4().hex[:24]}"
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
        timestamp = str(round(time.time() * 1000))
        signed = SignedRequest(method="POST", url="", headers={}, body=body)
        signature = sign(SCHEMES["timestamp_body"], secret=self.secret, signed=signed, timestamp=timestamp)
        response = self.session.post(
            f"{self.url}{ENDPOINT}",
            data=body,
            headers={"Content-Type": "application/json", "X-Signature": signature, "X-Timestamp": timestamp},
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise CallFailed(f"The webhook answered {response.status_code}.")
        answer: dict[str, Any] = response.json()
        return answer

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


def wished_day(today: date) -> date:
    """Return the Tuesday of next week: a day on which most practices are open."""
    return today + timedelta(days=7 - today.weekday() + _TUESDAY)
