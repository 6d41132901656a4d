"""Bringing Vapi to what is wanted for one line: read, compare, write only what differs, in an order that never breaks.

Credential, tools, assistant, tools that are not needed any more, number: whatever names another object comes after it
exists, and goes before it. Before anything is made it is looked for by what it carries of the line, because a run may
have died between a creation and our note of it. A dry run takes the same way and writes nothing.
"""

from __future__ import annotations

from typing import Any

from pms.vapi import management
from pms.vapi import provisioning_wanted as wanted
from pms.vapi.provisioning_desk import Desk, Trouble
from pms.vapi.provisioning_diff import differing
from pms.vapi.provisioning_number import change_routing, settle_number
from pms.vapi.provisioning_wanted import Facts, SigningSecret

Json = dict[str, Any]

_CHOSEN_OF_MODEL = ("provider", "model", "temperature")
# Credentials are not in Vapi's public API; where it does not take them, a person makes one.
_NO_API = (management.NotFound, management.NotOffered)


def set_up(desk: Desk, facts: Facts, signing: SigningSecret) -> None:
    """Make everything as it should be. Raises ``VapiError`` or ``Trouble``; what was done until then is kept."""
    settle_credential(desk, facts, signing)
    unneeded = settle_tools(desk, facts)
    settle_assistant(desk, facts)
    for held in unneeded:
        desk.delete("tool", _name(held), held)
    settle_number(desk, facts)


def take_down(desk: Desk, facts: Facts) -> None:
    """Remove everything of a line that is out of use; its number stays, and leads to the practice's own phone."""
    known = desk.known
    if known.phone_number_id and (number := desk.client.find("phone-number", known.phone_number_id)):
        change_routing(desk, number, wanted.no_routing(facts))
    assistant = _assistant(desk, facts)
    if assistant is not None and _line_of(assistant) == facts.line_id:
        desk.delete("assistant", str(assistant.get("name", "")), assistant)
    for held in _tools_of(desk, facts):
        desk.delete("tool", _name(held), held)
    for held in _credentials(desk) or ():
        if held.get("name") == wanted.credential_name(facts.line_id):
            desk.delete("credential", held["name"], held)
    known.tool_ids, known.assistant_id, known.credential_id, known.credential_digest = {}, "", "", ""
    desk.keep(known)


# The credential


def settle_credential(desk: Desk, facts: Facts, signing: SigningSecret) -> None:
    """Have Vapi sign with the newest secret. What it keeps of a secret cannot be read, so we note which one it has."""
    known, existing = desk.known, _credentials(desk)
    is_current = bool(known.credential_id) and known.credential_digest == signing.digest
    if existing is None and not is_current:
        raise Trouble("needs_credential_id")
    if existing is None or (is_current and any(one["id"] == known.credential_id for one in existing)):
        return
    try:
        known.credential_id = _written(desk, facts, signing, existing)
    except _NO_API:
        raise Trouble("needs_credential_id") from None
    known.credential_digest = signing.digest
    desk.keep(known)


def _written(desk: Desk, facts: Facts, signing: SigningSecret, existing: list[Json]) -> str:
    """Return the id of the credential that we have made for the line, now or before, with the secret in it.

    One that a person has made is not changed: it may be used elsewhere.
    """
    body = wanted.credential(facts.line_id, signing)
    held = next((one for one in existing if one.get("name") == body["name"]), None)
    if held is None:
        held = desk.create("credential", facts.label, body)
    else:
        plan = {"authenticationPlan": body["authenticationPlan"]}
        desk.change("credential", facts.label, held, plan, key="provider")
    return str(held["id"])


def _credentials(desk: Desk) -> list[Json] | None:
    """Return all credentials, ``None`` where they are none of the API's business."""
    try:
        return desk.client.all("credential")
    except _NO_API:
        return None


# Tools


def settle_tools(desk: Desk, facts: Facts) -> list[Json]:
    """Make the tools as they should be; return those that are there and should not be."""
    known, held = desk.known, _tools_of(desk, facts)
    chosen = {name: _chosen(held, name, known.tool_ids.get(name, "")) for name in facts.tool_names}
    for tool in facts.tools:
        body, found = wanted.tool(facts, tool, known.credential_id), chosen[tool.name]
        if found is None:
            found = desk.create("tool", tool.name, body)
        else:
            desk.change("tool", tool.name, found, differing(body, found), key="type")
        known.tool_ids[tool.name] = found["id"]
        desk.keep(known)
    known.tool_ids = {name: known.tool_ids[name] for name in facts.tool_names}
    kept = set(known.tool_ids.values())
    return [one for one in held if one["id"] not in kept]


def _tools_of(desk: Desk, facts: Facts) -> list[Json]:
    """Return the line's tools, the oldest first."""
    mark = {"key": wanted.LINE_KEY, "value": facts.line_id}
    found = desk.client.all("tool", since=desk.since())
    return [one for one in reversed(found) if mark in (one.get("parameters") or ())]


def _chosen(held: list[Json], name: str, known_id: str) -> Json | None:
    """Return the tool that we remember or, if an answer was lost, the oldest of that name."""
    alike = [one for one in held if _name(one) == name]
    return next((one for one in alike if one["id"] == known_id), next(iter(alike), None))


def _name(tool: Json) -> str:
    return str((tool.get("function") or {}).get("name", ""))


# The assistant


def settle_assistant(desk: Desk, facts: Facts) -> None:
    """Make the assistant as it should be; one that is at Vapi and not ours is not touched."""
    known, held = desk.known, _assistant(desk, facts)
    body = wanted.assistant(facts, known.credential_id, known.tool_ids)
    if held is None:
        held = desk.create("assistant", body["name"], body)
    elif _line_of(held) != facts.line_id:
        raise Trouble("assistant_not_ours")
    else:
        desk.change("assistant", body["name"], held, differing(merged(body, held), held))
    known.assistant_id = held["id"]
    desk.keep(known)


def merged(body: Json, held: Json) -> Json:
    """Return an assistant as it should be, with the model, the voice and the ears that a person has chosen for it.

    ``model`` is replaced as a whole, so what else stands in it is sent along; not pins, which would keep old tools.
    """
    chosen = {name: held.get(name) or {} for name in wanted.COMPLIANT}
    is_fine = {name: one.get("provider") in wanted.COMPLIANT[name] for name, one in chosen.items()}
    body = {**body, **{name: chosen[name] for name in ("voice", "transcriber") if is_fine[name]}}
    if is_fine["model"]:
        own_choice = {name: chosen["model"][name] for name in _CHOSEN_OF_MODEL if name in chosen["model"]}
        body["model"] = {**chosen["model"], **body["model"], **own_choice}
    if chosen["model"].get("toolRefs"):
        body["model"] = {**body["model"], "toolRefs": []}
    return body


def _assistant(desk: Desk, facts: Facts) -> Json | None:
    if held := desk.client.find("assistant", desk.known.assistant_id):
        return held
    found = desk.client.all("assistant", since=desk.since())
    return next((one for one in reversed(found) if _line_of(one) == facts.line_id), None)


def _line_of(assistant: Json) -> str:
    return str((assistant.get("metadata") or {}).get(wanted.LINE_KEY, ""))
