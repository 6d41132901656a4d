"""The two requests whose answer decides where a call goes: which assistant takes it, and who it is put through to.

Anything but an assistant, a destination or an error drops the call, so there is always an answer. Nothing is written
and no PMS is asked: a few short reads stay far below the seconds that Vapi waits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from accounts import baa
from accounts.models import Account
from pms.domain import speech
from pms.domain.localtime import local_date_of
from pms.models import VoiceLine
from pms.services import transfers

log = structlog.get_logger(__name__)

_ASSISTANT = "assistant-request"
_TRANSFER = "transfer-destination-request"
_NOWHERE = {
    _ASSISTANT: "I'm sorry, this line is not in service right now.",
    _TRANSFER: "I'm sorry, I can't transfer this call.",
}
TYPES = frozenset(_NOWHERE)

_NOBODY = "I'm sorry, nobody can be reached by phone right now. I can take a message for the team at the practice."
_CONNECTING = "One moment, please. I am putting you through."


def answer(kind: str, *, account: Account, line: VoiceLine | None, now: datetime) -> dict[str, object]:
    """Answer a request of one of ``TYPES`` for an account that was let in; if one way fails, the next best is taken."""
    for way in _WAYS[kind]:
        try:
            if found := way(account, line, now):
                return found
        except Exception as error:
            log.error("call not routed", message_type=kind, exc_info=error)
    return nowhere(kind)


def nowhere(kind: str) -> dict[str, object]:
    """Return the sentence for a request that nothing else can be answered to."""
    return {"error": _NOWHERE[kind]}


def _assistant(account: Account, line: VoiceLine | None, now: datetime) -> dict[str, object]:
    """Return the line's assistant and what it should know, or nothing if it may not or cannot take the call."""
    if line is None or not line.vapi_assistant_id or not account.is_active or not baa.is_accepted(account):
        return {}
    today = local_date_of(now, account.zone)
    variables = {
        "practice_name": speech.one_line(account.name),
        "practice_time_zone": account.time_zone,
        "today": f"{speech.say_date(today)}, {today.year}",
        "today_date": today.isoformat(),
    }
    return {"assistantId": line.vapi_assistant_id, "assistantOverrides": {"variableValues": variables}}


def _instead(account: Account, _line: VoiceLine | None, now: datetime) -> dict[str, object]:
    """Return the number that takes the call in place of an assistant, or nothing."""
    number = transfers.number_for(account=account, now=now)
    return {"destination": {"type": "number", "number": number}} if number else {}


def _person(account: Account, _line: VoiceLine | None, now: datetime) -> dict[str, object]:
    """Return the number that the caller is put through to, or that nobody can be reached."""
    number = transfers.number_for(account=account, now=now)
    return (
        {"destination": {"type": "number", "number": number, "message": _CONNECTING}} if number else {"error": _NOBODY}
    )


_WAYS: dict[str, tuple[Callable[[Account, VoiceLine | None, datetime], dict[str, object]], ...]] = {
    _ASSISTANT: (_assistant, _instead),
    _TRANSFER: (_person,),
}
