"""transferToHuman: whether a caller can be put through now; if not, the team finds a note. It needs no PMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from pms.domain import errors
from pms.services import calls, tasks, transfers
from pms.tools.context import Answer, Context

log = structlog.get_logger(__name__)

_NOW = "I can put you through now."
_LATER = "I'm sorry, nobody can be reached by phone right now. I have left a note for the team that you asked for them."
_NOT_KEPT = "I'm sorry, nobody can be reached right now and I could not leave a note. Please call a little later."


def transfer_to_human(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Say that the caller can be put through, or keep a task that they want a person, once for each reason.

    Raises ``Internal`` with words that promise nothing if the task cannot be kept.
    """
    request = context.request
    if transfers.number_for(account=request.account, now=request.clock.now()):
        return Answer(say=_NOW, data={"transfer": {"available": True}})
    try:
        number = calls.caller_number(request.call) if request.call is not None else ""
        tasks.open_task(
            account=request.account,
            kind="wants_a_person",
            detail={"reason": arguments.get("reason") or "", "phoneNumber": number},
            call=request.call,
            unless_said=True,
        )
    except Exception as error:
        log.error("wish for a person not kept", exc_info=error)
        raise errors.Internal(spoken=_NOT_KEPT) from None
    return Answer(say=_LATER, data={"transfer": {"available": False}})
