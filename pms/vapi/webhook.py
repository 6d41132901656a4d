"""``POST /api/pms/vapi/webhook``: everything Vapi sends, answered as Vapi reads it.

After the signature, tool calls always answer 200 with one single-line text per id, because a person is on the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import islice

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.addresses import client_address
from accounts.models import Account
from accounts.openness import asks_nobody
from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.models import Call
from pms.services import calls, warming
from pms.services.audit import Asker
from pms.tools import runner
from pms.tools.context import Face, Request
from pms.vapi import door, envelope, reports, routing
from pms.vapi.door import Admission
from pms.vapi.envelope import Line, Message, ToolCall
from pms.vapi.refusal import MethodNotAllowed, refusal

log = structlog.get_logger(__name__)

ENDPOINT = "/api/pms/vapi/webhook"
MAX_CALLS = 16
_TOOLS = frozenset({"tool-calls", "function-call"})
_IDS = re.compile(rb'"(?:id|assistantId|phoneNumberId)"\s*:\s*"([A-Za-z0-9_-]{1,64})"')
_NUMBERS = re.compile(rb'"number"\s*:\s*"(\+?[0-9]{3,20})"')
_MAX_SCAVENGED = 64


@csrf_exempt
@asks_nobody
def webhook(request: HttpRequest) -> JsonResponse:
    """Verify, find the account, dispatch by the message's type."""
    if request.method != "POST":
        response = refusal(MethodNotAllowed(), request)
        response["Allow"] = "POST"
        return response
    try:
        return JsonResponse(_answered(request))
    except errors.ParlaeError as error:
        return refusal(error, request)
    except Exception as error:
        log.error("webhook crashed", exc_info=error)
        return refusal(errors.Internal(), request)


def _answered(request: HttpRequest) -> dict[str, object]:
    body = decoded(request)
    message = envelope.parse(body)
    # Where there is no object, nothing is dispatched: only the secret is still to be found.
    named = message.line if isinstance(body, Mapping) else _scavenged(request.body)
    clock = SystemClock()
    try:
        admission = door.admit(door.signed_request(request), named=named, now=clock.now())
    except errors.SignatureInvalid:
        door.note_refusal(request, named=named)
        raise
    if not isinstance(body, Mapping) or not message.type:
        raise errors.ArgumentsUnreadable("The body is not a Vapi message.")
    try:
        return _dispatch(request, message, admission, clock)
    except errors.ParlaeError:
        if message.type in routing.TYPES:
            return routing.nowhere(message.type)
        raise
    except Exception as error:
        log.error("webhook crashed", exc_info=error)
        if message.type in _TOOLS:
            return _same_for_all(message, errors.Internal())
        if message.type in routing.TYPES:
            return routing.nowhere(message.type)
        raise errors.Internal from None


def decoded(request: HttpRequest) -> object:
    """Return the body as JSON, ``None`` if it is none."""
    try:
        return json.loads(request.body)
    except RequestDataTooBig:
        raise errors.TooLarge from None
    except (ValueError, RecursionError):
        return None


def _scavenged(body: bytes) -> Line:
    """Return what may be a line's ids in a body that is no object, so that the right secret decides on 401 or 400."""

    def values(pattern: re.Pattern[bytes]) -> tuple[str, ...]:
        return tuple(match[1].decode() for match in islice(pattern.finditer(body), _MAX_SCAVENGED))

    ids = values(_IDS)
    return Line(assistant_ids=ids, phone_number_ids=ids, numbers=values(_NUMBERS))


def _dispatch(request: HttpRequest, message: Message, admission: Admission, clock: SystemClock) -> dict[str, object]:
    try:
        account = door.account_for(admission, named=message.account_ids)
    except errors.AccountRequired as error:
        door.note_misdirected(request, admission=admission, kind="webhook.unknown_line")
        return routing.nowhere(message.type) if message.type in routing.TYPES else _same_for_all(message, error)
    except errors.Forbidden:
        door.note_misdirected(request, admission=admission, kind="webhook.two_practices")
        raise
    if message.type in _TOOLS:
        return _answer_tools(message, account, admission, _asker(request, message, admission), clock)
    if message.type in routing.TYPES:
        return routing.answer(message.type, account=account, line=admission.line, now=clock.now())
    if message.type in reports.TYPES and (call := _call(message, account, admission, clock)):
        progress = reports.read(message, now=clock.now())
        if calls.note(call=call, progress=progress, now=clock.now()):
            warming.warm(account=account, asker=_asker(request, message, admission), clock=clock)
    return {}


def _same_for_all(message: Message, error: errors.ParlaeError) -> dict[str, object]:
    """Return the same sentence for every tool call; a message of another type has none and expects nothing."""
    return envelope.answer((call, error.spoken) for call in message.calls) if message.type in _TOOLS else {}


def _answer_tools(
    message: Message, account: Account, admission: Admission, asker: Asker, clock: SystemClock
) -> dict[str, object]:
    budget = Budget(settings.TOOL_BUDGET_SECONDS, clock)
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
        attestation=message.attestation,
        now=clock.now(),
    )


def _call_id(message: Message) -> str:
    # A chat is a conversation too, and has no call.
    return (message.call_id or message.chat_id)[:64]


def _asker(request: HttpRequest, message: Message, admission: Admission) -> Asker:
    return Asker(
        actor=admission.actor,
        endpoint=ENDPOINT,
        method="POST",
        vapi_call_id=_call_id(message) or None,
        ip_address=client_address(request) or None,
        user_agent=request.headers.get("User-Agent"),
        request_id=getattr(request, "request_id", ""),
    )
