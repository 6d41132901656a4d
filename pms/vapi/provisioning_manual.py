"""The same set-up by hand, where we have no key for Vapi: the JSON to copy, and what to click, as data for a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pms.models import Provisioning, VoiceLine
from pms.services import audit
from pms.services.audit import Asker
from pms.vapi import provisioning_wanted as wanted
from pms.vapi.provisioning import signing_secret
from pms.vapi.provisioning_diff import masked
from pms.vapi.provisioning_wanted import Facts

Json = dict[str, Any]

_CREDENTIAL_ID = "PASTE-THE-CREDENTIAL-ID-HERE"
_TOOL_ID = "PASTE-THE-ID-OF-{}-HERE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do in Vapi's dashboard. ``copies`` are texts to copy: a name, and JSON or a plain value."""

    title: str
    text: str
    copies: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """The objects as Vapi takes them, the secret masked, and the steps in their order."""

    credential: Json = field(repr=False)
    tools: list[Json]
    assistant: Json
    phone_number: Json
    webhook: str
    steps: tuple[Step, ...] = field(repr=False)


def manual_configuration(*, line: VoiceLine, now: datetime) -> Manual:
    """Return what a person sets up at Vapi for a line. The secret comes from ``secret_for_copying`` alone.

    Raises ``Invalid`` if the line has no live credential.
    """
    facts = wanted.facts_of(line)
    row = Provisioning.objects.filter(line=line).first()
    credential_id = (row.vapi_credential_id if row else "") or _CREDENTIAL_ID
    credential = masked(wanted.credential(facts.line_id, signing_secret(line, now)))
    tools = [wanted.tool(facts, one, credential_id) for one in facts.tools]
    ids = {name: _TOOL_ID.format(name) for name in facts.tool_names} | dict(row.tool_ids if row else {})
    assistant = wanted.assistant(facts, credential_id, ids)
    number = wanted.routing(facts, credential_id)
    steps = (_credential_step(credential), _tools_step(tools), _assistant_step(assistant), _number_step(number, facts))
    return Manual(
        credential=credential,
        tools=tools,
        assistant=assistant,
        phone_number=number,
        webhook=facts.webhook,
        steps=(*steps, _LAST),
    )


def secret_for_copying(*, line: VoiceLine, asker: Asker, now: datetime) -> str:
    """Return the secret that a person types into Vapi's dashboard; that it was shown is in the evidence first.

    Raises ``Invalid`` if the line has none.
    """
    signing = signing_secret(line, now)
    audit.record_event_by(asker, "vapi.secret_shown", account_id=line.account_id, detail={"line": str(line.pk)})
    return signing.secret


def _credential_step(credential: Json) -> Step:
    plan = credential["authenticationPlan"]
    fields = tuple((name, str(value)) for name, value in plan.items() if name not in ("secretKey", "token"))
    return Step(
        title="Make a server credential",
        text=(
            "In Vapi's dashboard open Integrations, then Server Configuration, and add a custom credential with the "
            "name and values below and this line's secret. Copy the id that it gets and give it to us: what follows "
            "then holds it."
        ),
        copies=(("name", credential["name"]), *fields),
    )


def _tools_step(tools: list[Json]) -> Step:
    return Step(
        title="Make the tools",
        text=(
            "Send each of these to Vapi: in a terminal with a private key as POST https://api.vapi.ai/tool, or under "
            "Tools, Create Tool, Custom Tool with the same values. Keep the id that each gets."
        ),
        copies=tuple((tool["function"]["name"], _as_text(tool)) for tool in tools),
    )


def _assistant_step(assistant: Json) -> Step:
    return Step(
        title="Make the assistant, or use one that you have",
        text=(
            "A new one: send this as POST https://api.vapi.ai/assistant with the tools' ids in it. One that you have: "
            "give it these tools, this server, these server messages and this system prompt. A prompt of your own must "
            "not promise what no tool answers."
        ),
        copies=(
            ("assistant", _as_text(assistant)),
            ("system prompt", assistant["model"]["messages"][0]["content"]),
            ("first message", assistant["firstMessage"]),
        ),
    )


def _number_step(number: Json, facts: Facts) -> Step:
    missing = "You have not given one yet; without it callers hear an error whenever we cannot be reached."
    fallback = "" if facts.fallback else f" {missing}"
    return Step(
        title="Lead the phone number to us",
        text=(
            "Under Phone Numbers open the number, take its assistant away, enter this server URL and the credential, "
            f"and as fallback destination the practice's own phone.{fallback}"
        ),
        copies=(("server URL", facts.webhook), ("phone number", _as_text(number))),
    )


_LAST = Step(
    title="Tell us the ids",
    text="Enter the assistant's id, the phone number's id and the number itself below, so that calls are known.",
)


def _as_text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
