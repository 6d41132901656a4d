"""What the carrier says of the caller's number (STIR/SHAKEN), read from an envelope; pure, and safe for any JSON.

No document of Vapi's says where it is, so a few names are looked for, in any case, among what describes the call's way
to us: Twilio's ``StirVerstat``, Telnyx's ``verstat``, and the headers that carry them. What an assistant, a tool, a
caller's own client or metadata can set is never looked at; nor is a call over SIP or the web, where who calls writes
the headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

NOT_VOUCHED_FOR = "C"

Json = Mapping[str, object]

_VERDICTS = frozenset({"stirverstat", "verstat", "xtwilioverstat", "xverstat", "xstirverstat"})
_DIVERSIONS = frozenset({"diversion", "forwardedfrom", "xtwilioforwardedfrom"})
_PASSED = re.compile(r"tn-validation-passed-([abc])", re.IGNORECASE)
_PHONE_CALL = "inboundPhoneCall"
_SIP = "sip"


def read(message: Json, call: Json) -> str:
    """Return A, B or C, or empty if the carrier says nothing.

    Everything but a verdict that was passed as it stands is C: failed, unknown, or a call that was diverted on its way,
    after which nobody knows any more whose number it shows.
    """
    if call.get("type") not in (None, _PHONE_CALL) or call.get("phoneCallTransport") == _SIP:
        return ""
    said = [(name, value) for place in _places(message, call) for name, value in _texts(place)]
    verdicts = [_letter(value) for name, value in said if name in _VERDICTS]
    if verdicts and any(name in _DIVERSIONS for name, _ in said):
        return NOT_VOUCHED_FOR
    return max(verdicts, default="")


def _letter(verdict: str) -> str:
    passed = _PASSED.fullmatch(verdict)
    return passed[1].upper() if passed else NOT_VOUCHED_FOR


def _places(message: Json, call: Json) -> Iterator[Json]:
    """Yield every object that may hold a verdict, itself or among its headers."""
    parts = [call.get(name) for name in ("transport", "phoneCallProviderDetails", "phoneCallProvider", "customer")]
    for holder in (message, call, *parts, message.get("customer")):
        if isinstance(holder, Mapping):
            sip = holder.get("sip")
            headers = [holder.get("sipHeaders"), holder.get("headers")]
            headers += [sip.get("headers")] if isinstance(sip, Mapping) else []
            yield from (one for one in (holder, *headers) if isinstance(one, Mapping))


def _texts(place: Json) -> Iterator[tuple[str, str]]:
    """Yield name and value of what is text and not blank, the names without case, hyphens and underscores."""
    for name, value in place.items():
        if isinstance(value, str) and value.strip():
            yield re.sub(r"[-_]", "", name).lower(), value.strip()
