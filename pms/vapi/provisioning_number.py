"""The line's number: bought, or found among those that are at Vapi, and routed to us."""

from __future__ import annotations

from typing import Any

from pms.vapi import management
from pms.vapi import provisioning_wanted as wanted
from pms.vapi.provisioning_desk import Desk, Known, Trouble
from pms.vapi.provisioning_diff import differing
from pms.vapi.provisioning_wanted import Facts

Json = dict[str, Any]


def settle_number(desk: Desk, facts: Facts) -> None:
    """Get the number that is wished for, if any is, and have the line's number ask us at each call."""
    known = desk.known
    held = _wished(desk, facts) if known.wish else _number(desk)
    if held is None:
        return
    known.phone_number_id, known.number, known.wish = held["id"], str(held.get("number") or ""), {}
    desk.keep(known)  # first: a call that came before would be of a line that nobody knows
    change_routing(desk, held, wanted.routing(facts, known.credential_id))


def change_routing(desk: Desk, held: Json, routing: Json) -> None:
    desk.change("phone-number", str(held.get("number") or held["id"]), held, differing(routing, held), key="provider")


def _number(desk: Desk) -> Json | None:
    if not desk.known.phone_number_id:
        return None
    held = desk.client.find("phone-number", desk.known.phone_number_id)
    if held is None:
        raise Trouble("number_gone")
    return held


def _wished(desk: Desk, facts: Facts) -> Json:
    wish, numbers = desk.known.wish, desk.client.all("phone-number")
    if area := wish.get("areaCode"):
        name = wanted.credential_name(facts.line_id)
        return next((one for one in numbers if one.get("name") == name), None) or _bought(desk, facts, name, area)
    asked = wish.get("number")
    held = next((one for one in numbers if asked in (one["id"], one.get("number"))), None)
    if held is None:
        raise Trouble("number_unknown")
    name = str(held.get("name") or "")
    if name.startswith(wanted.NAME_PREFIX) and name not in facts.own_names:
        raise Trouble("number_taken")
    if _leads_elsewhere(held, desk.known, facts) and not wish.get("takesOver"):
        raise Trouble("number_routed_elsewhere")
    return held


def _bought(desk: Desk, facts: Facts, name: str, area: str) -> Json:
    routing = {key: value for key, value in wanted.routing(facts, desk.known.credential_id).items() if value}
    body = {"provider": "vapi", "name": name, "numberDesiredAreaCode": area, **routing}
    try:
        return desk.create("phone-number", area, body)
    except management.Refused:
        raise Trouble("number_not_to_be_had") from None


def _leads_elsewhere(held: Json, known: Known, facts: Facts) -> bool:
    """Return whether calls to a number are taken by something that is not this line's."""
    others = (held.get("squadId"), held.get("workflowId"), held.get("assistantId"))
    server = (held.get("server") or {}).get("url")
    return any(one not in (None, "", known.assistant_id) for one in others) or server not in (None, "", facts.webhook)
