"""Playing a scripted phone call through the real webhook: signed, over HTTP, as Vapi would send it.

A script is data: what the caller says, which tools the model uses with which arguments, and a pattern that each answer
must fit. ``{day}`` stands for the Tuesday of next week; ``capture`` takes words from an answer into later
arguments.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests

from pms.models import VoiceLine
from pms.vapi.signatures import SCHEMES, SignedRequest, sign
from pms.vapi.webhook import ENDPOINT

SCRIPTS = Path(__file__).resolve().parent / "scripts"
_TIMEOUT_SECONDS = 20  # Vapi's own
_TUESDAY = 1


class CallFailed(Exception):
    """An answer was not what the script expects, or there was none."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the transcript; ``tool`` and ``milliseconds`` only for the agent's answers from a tool."""

    who: str
    text: str
    tool: str = ""
    milliseconds: int = 0


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
        number = {"id": self.line.vapi_phone_number_id, "number": self.line.phone_number}
        return {
            "timestamp": round(time.time() * 1000),
            "call": {"id": self.call_id, "type": "inboundPhoneCall", "assistantId": self.line.vapi_assistant_id},
            "phoneNumber": number,
            "artifact": {"messages": []},
            **customer,
        }


def load(name: str) -> dict[str, Any]:
    """Return a script by name, or from a file. Raises ``CallFailed`` for what is no script."""
    path = SCRIPTS / f"{name}.json"
    try:
        script: dict[str, Any] = json.loads((path if path.exists() else Path(name)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = ", ".join(sorted(one.stem for one in SCRIPTS.glob("*.json")))
        raise CallFailed(f"There is no script {name}, and no such file; known are {known}.") from None
    return script


def play(phone: Phone, script: Mapping[str, Any], *, today: date) -> Iterator[Said]:
    """Play a script step by step, and hang up. Raises ``CallFailed`` where an answer does not fit."""
    words = {"day": wished_day(today).isoformat()}
    try:
        for step in script["steps"]:
            yield _played(phone, step, words)
    except CallFailed:
        with contextlib.suppress(CallFailed, requests.RequestException):
            phone.hang_up()
        raise
    phone.hang_up()


def _played(phone: Phone, step: Mapping[str, Any], words: dict[str, str]) -> Said:
    if "caller" in step:
        return Said("Caller", step["caller"])
    started = time.monotonic()
    heard = phone.use(step["tool"], _filled(step["arguments"], words))
    elapsed = round((time.monotonic() - started) * 1000)
    if not re.search(step["expect"], heard):
        raise CallFailed(f"{step['tool']} answered: {heard} It should have answered something like: {step['expect']}")
    for name, pattern in step.get("capture", {}).items():
        if match := re.search(pattern, heard):
            words[name] = match[1]
    return Said("Agent", heard, step["tool"], elapsed)


def wished_day(today: date) -> date:
    """Return the Tuesday of next week: a day on which most practices are open."""
    return today + timedelta(days=7 - today.weekday() + _TUESDAY)


def _filled(arguments: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), value)
        if isinstance(value, str)
        else value
        for name, value in arguments.items()
    }
