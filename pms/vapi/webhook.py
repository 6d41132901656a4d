"""``POST /api/pms/vapi/webhook``: everything Vapi sends, answered as Vapi reads it.

After the signature, tool calls always answer 200 with one single-line text per id, because a person is on the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.models import Call
from pms.services import audit, calls
from pms.services.audit import Asker
from pms.tools import runner
from pms.tools.context import Face, Request
from pms.vapi import door, envelope
from pms.vapi.door import Admission
from pms.vapi.envelope import Line, Message, ToolCall

log = structlog.get_logger(__name__)

ENDPOINT = "/api/pms/vapi/webhook"
MAX_CALLS = 16
_ENDED = frozenset({"ended", "deletion-failed", "not-found"})


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> JsonResponse:
    """Verify, find the account, dispatch by the message's type."""
    try:
        body = _decoded(request)
        message = envelope.parse(body)
        named = message.line if body is not None else _scavenged(request.body)
        clock = SystemClock()
        try:
            admission = door.admit(door.signed_request(request), named=named, now=clock.now())
        except errors.SignatureInvalid:
            door.note_refusal(request, named=named)
            raise
        if not isinstance(body, Mapping) or not message.type:
            raise errors.ArgumentsUnreadable("The body is not a Vapi message.")
        return JsonResponse(_dispatch(request, message, admission, clock))
    except errors.ParlaeError as error:
        return refusal(error, request)


def refusal(error: errors.ParlaeError, request: HttpRequest) -> JsonResponse:
    """Return an error as REST and the door show it."""
    details: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "requestId": getattr(request, "request_id", ""),
    }
    if error.fields:
        details["fields"] = error.fields
    response = JsonResponse({"success": False, "error": details}, status=error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def _decoded(request: HttpRequest) -> object:
    """Return the body as JSON, ``None`` if it is none."""
    try:
        return json.loads(request.body)
    except RequestDataTooBig:
        raise errors.TooLarge from None
    except (ValueError, RecursionError):
        return None


def _scavenged(body: bytes) -> Line:
    """Return the line's ids from a body that is not JSON, so that the right secret decides between 401 and 400."""

    def values(key: bytes) -> tuple[str, ...]:
        found = re.findall(rb'"' + key + rb'"\s*:\s*"([A-Za-z0-9+_-]{1,64})"', body)
        return tuple(value.decode() for value in found[:4])

    return Line(assistant_ids=values(b"assistantId"), phone_number_ids=values(b"phoneNumberId"))


def _dispatch(request: HttpRequest, message: Message, admission: Admission, clock: SystemClock) -> dict[str, object]:
    asker = _asker(request, message, admission)
    if message.type in ("tool-calls", "function-call"):
        return _answer_tools(message, admission, asker, clock)
    if message.type == "assistant-request":
        return _assistant(admission)
    if message.type == "transfer-destination-request":
        return {"error": "I'm sorry, I can't transfer this call."}
    if message.type == "end-of-call-report" or (
        message.type == "status-update" and message.fields.get("status") in _ENDED
    ):
        account = door.account_for(admission, named=message.account_ids)
        reason = message.fields.get("endedReason")
        calls.end(
            account=account,
            vapi_call_id=_call_id(message),
            reason=reason if isinstance(reason, str) else "",
            now=clock.now(),
        )
    return {}


def _answer_tools(message: Message, admission: Admission, asker: Asker, clock: SystemClock) -> dict[str, object]:
    budget = Budget(settings.TOOL_BUDGET_SECONDS, clock)
    try:
        account = door.account_for(admission, named=message.account_ids)
    except errors.AccountRequired as error:
        audit.record_event(
            kind="webhook.unknown_line",
            actor=asker.actor,
            ip_address=asker.ip_address or "",
            request_id=asker.request_id,
        )
        return envelope.answer((call, error.spoken) for call in message.calls)
    call = _call(message, account, admission, clock)
    results = [
        (tool_call, _say(tool_call, n, account, call, admission, asker, clock, budget))
        for n, tool_call in enumerate(message.calls)
    ]
    return envelope.answer(results)


def _say(
    tool_call: ToolCall,
    number: int,
    account: Account,
    call: Call | None,
    admission: Admission,
    asker: Asker,
    clock: SystemClock,
    budget: Budget,
) -> str:
    if number >= MAX_CALLS:
        return "That was too much at once, so I have not done this one. Please ask me again."
    request = Request(
        account=account,
        kind=admission.kind,
        scopes=admission.scopes,
        face=Face.VOICE,
        asker=asker,
        clock=clock,
        budget=budget,
        call=call,
        tool_call_id=tool_call.id,
    )
    return runner.run(
        name=tool_call.name, arguments=tool_call.arguments, problem=tool_call.problem, request=request
    ).say


def _call(message: Message, account: Account, admission: Admission, clock: SystemClock) -> Call | None:
    if not _call_id(message):
        return None
    return calls.record(
        account=account,
        line=admission.line,
        vapi_call_id=_call_id(message),
        caller=message.customer_number,
        now=clock.now(),
    )


def _call_id(message: Message) -> str:
    # A chat is a conversation too, and has no call.
    return (message.call_id or message.chat_id)[:64]


def _assistant(admission: Admission) -> dict[str, object]:
    # Anything but an assistant, a destination or an error drops the call.
    if admission.line is not None and admission.line.vapi_assistant_id:
        return {"assistantId": admission.line.vapi_assistant_id}
    return {"error": "I'm sorry, this line is not in service right now."}


def _asker(request: HttpRequest, message: Message, admission: Admission) -> Asker:
    return Asker(
        actor=admission.actor,
        endpoint=ENDPOINT,
        method="POST",
        vapi_call_id=_call_id(message) or None,
        ip_address=door.client_address(request) or None,
        user_agent=request.headers.get("User-Agent"),
        request_id=getattr(request, "request_id", ""),
    )
