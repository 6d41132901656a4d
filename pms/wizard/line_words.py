"""How the setting-up of a line at Vapi stands, in words: what has happened and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from pms.models import Provisioning, ProvisioningState, VoiceLine


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a line; ``tone`` is good, warn, bad or, while it is under way, empty."""

    title: str
    advice: str
    tone: str


_LATER = "Parlae tries again by itself. You need not wait here."
_SUPPORT = "Write to our support with the name of your practice."
_FAILED = {
    "needs_credential_id": Told(
        "One step has to be done by hand at Vapi",
        "Vapi did not let us make the server credential. Make it in Vapi's dashboard as described below, and paste its "
        "id here.",
        "warn",
    ),
    "assistant_not_ours": Told(
        "The assistant is not one that we may change",
        "It was made by somebody else at Vapi. Set it up by hand as described below, or take it off the line.",
        "warn",
    ),
    "number_unknown": Told("Vapi does not know this number", "Look for it under Phone Numbers at Vapi.", "bad"),
    "number_taken": Told("This number belongs to another line", "Choose another number.", "bad"),
    "number_routed_elsewhere": Told(
        "This number is answered by something else now",
        "If the agent should answer it from now on, tick the box below and ask again.",
        "warn",
    ),
    "number_not_to_be_had": Told("There is no number in this area", "Try a neighbouring area code.", "bad"),
    "number_gone": Told("The line's number is not at Vapi any more", "Get another one, or ask our support.", "bad"),
    "baa_required": Told(
        "The agreement has to be accepted first", "An owner finds it under Agreement in the menu.", "warn"
    ),
    "vapi_unavailable": Told("Vapi does not answer just now", _LATER, "warn"),
    "vapi_rate_limited": Told("Vapi is very busy just now", _LATER, "warn"),
    "internal_error": Told("Something went wrong on our side", _LATER, "warn"),
    "vapi_unauthorized": Told("Vapi does not accept our key", f"This is ours to repair. {_SUPPORT}", "bad"),
    "vapi_not_configured": Told("There is no key for Vapi here", "Set the line up by hand as described below.", "warn"),
}
_OTHER = Told("Vapi did not take what we wanted to set up", f"This is ours to repair. {_SUPPORT}", "bad")
_WORKING = Told("The assistant is being set up at Vapi", "This takes about half a minute.", "")
_DONE = Told("The assistant is set up", "It uses what you have switched on, from the next call on.", "good")
_BY_HAND = Told("The line is set up by hand", "Calls with the ids that you gave are your practice's.", "good")
_NONE = Told("Nothing is set up at Vapi yet", "Set the line up by hand as described below.", "warn")


def told(row: Provisioning | None, line: VoiceLine | None, *, is_configured: bool) -> Told:
    """Return what is said of a line."""
    if not is_configured and line is not None and (line.vapi_assistant_id or line.vapi_phone_number_id):
        return _BY_HAND
    if row is None or row.state == ProvisioningState.NONE or (not is_configured and not row.done_at):
        return _NONE
    if row.state == ProvisioningState.FAILED:
        return _FAILED.get(row.error_code, _OTHER)
    if row.state == ProvisioningState.DONE:
        return _DONE
    return _FAILED.get(row.error_code, _WORKING)
