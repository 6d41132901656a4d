"""Whether the patient is to be told of a change by e-mail, and whether they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pms.models import WriteBack
from pms.services import notices
from pms.tools.context import Context, Face


def is_wished(context: Context, arguments: Mapping[str, Any]) -> bool:
    """Return whether a notice is to be sent; a voice model has no say in it, whatever it puts into its arguments."""
    request = context.request
    asked = None if request.face is Face.VOICE else _asked(arguments)
    return notices.is_wished(account=request.account, asked=asked, call=request.call)


def answered(arguments: Mapping[str, Any], write_back: WriteBack | None) -> dict[str, bool]:
    """Return ``confirmationSent`` for the answer, if a notice was asked for."""
    return {"confirmationSent": notices.was_sent(write_back)} if _asked(arguments) else {}


def _asked(arguments: Mapping[str, Any]) -> bool | None:
    said = arguments.get("sendConfirmation", arguments.get("sendNotification"))
    return None if said is None else bool(said)
