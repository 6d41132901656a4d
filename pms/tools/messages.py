"""takeMessage: what a caller wants the team to know, kept as a task. It needs nothing but our own database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from pms.domain import errors
from pms.domain.phone import normalize
from pms.services import calls, tasks
from pms.tools.context import Answer, Context

log = structlog.get_logger(__name__)

_NOT_KEPT = "I'm sorry, I could not keep that message. Please call the practice again a little later."


def take_message(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Keep a message for the team. Raises ``Internal`` with words that promise nothing if it cannot be kept."""
    request = context.request
    said = arguments.get("phoneNumber") or ""
    number = normalize(said, request.account.country) or said  # what is no number yet, a person may understand
    if not number and request.call is not None:
        number = calls.caller_number(request.call)
    detail = {
        "message": arguments["message"],
        "callerName": arguments.get("callerName") or "",
        "phoneNumber": number,
        "urgent": "yes" if arguments.get("urgent") else "",
    }
    try:
        task = tasks.open_task(
            account=request.account,
            kind="message",
            detail=detail,
            call=request.call,
        )
    except Exception as error:
        log.error("message not kept", exc_info=error)
        raise errors.Internal(spoken=_NOT_KEPT) from None
    return Answer(
        say="I have left that message for the team at the practice.",
        data={"message": {"id": str(task.pk), "createdAt": task.created_at}},
        status=201,
    )
