"""The one way to use a tool, whichever face it came through.

no card number -> claim -> account's state -> feature switch -> rate limit -> validate -> capability -> identity gate
-> function -> outcome. A failure at any step becomes a truthful sentence; an unexpected one is logged without its
details.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.db import connection
from rest_framework.exceptions import ValidationError

from accounts import baa
from pms.domain import cards, errors, speech
from pms.models import CredentialKind, PmsIntegration
from pms.services import calls, claims, integrations, limits
from pms.tools import registry
from pms.tools.context import Context, Face, Request, Result
from pms.tools.registry import Tool

log = structlog.get_logger(__name__)

# Outcomes that are true for a moment only: a repetition is a new try.
_NOTHING_DONE = frozenset({errors.StillWorking.code, errors.RateLimited.code})


def run(*, name: str, arguments: Mapping[str, object], problem: str = "", request: Request) -> Result:
    """Use the tool ``name`` and return what to say, and for REST the answer or the error. Never raises.

    ``problem`` says that what the model wrote as arguments could not be read.
    """
    started = request.clock.monotonic()
    known = name if name in registry.TOOLS else ""  # any other name may be anything, so it is kept nowhere
    # Before the claim, which keeps the arguments: a card number is kept nowhere.
    if cards.has_card_number([name, arguments]):
        result = _refused(errors.CardNumberRefused())
    else:
        result = _guarded(known, lambda: _claimed(known, name, arguments, problem, request))
    log.info(
        "tool",
        tool=known,
        face=request.face.value,
        outcome=result.outcome,
        duration_ms=round((request.clock.monotonic() - started) * 1000),
        account_id=str(request.account.pk),
    )
    return result


def _claimed(known: str, name: str, arguments: Mapping[str, object], problem: str, request: Request) -> Result:
    """Run at most once per tool-call id; a repetition gets the stored answer."""
    if request.call is None or not request.tool_call_id:
        return _run(name, arguments, problem, request)
    remarks = {"problem": problem, "unknown_tool": "" if known else name}
    claim = claims.take(
        call=request.call,
        tool_call_id=request.tool_call_id,
        tool=known,
        arguments={**arguments, **{remark: text for remark, text in remarks.items() if text}},
        request_id=request.asker.request_id,
        clock=request.clock,
        budget=request.budget,
    )
    if claim.answer is not None:
        return Result(say=claim.answer, outcome=claim.outcome)
    # Whatever happens, the claim gets an answer, or a repetition would run again.
    result = _guarded(known, lambda: _run(name, arguments, problem, request))
    if result.outcome == errors.Internal.code and not connection.is_usable():
        # The database has ended our connection, perhaps after something was sent. On another one it is found by its
        # key, and what became of it is said.
        connection.close()
        result = _guarded(known, lambda: _run(name, arguments, problem, request))
    try:
        if result.outcome in _NOTHING_DONE:
            claims.release(claim=claim)
        else:
            claims.answer(claim=claim, say=result.say, outcome=result.outcome, clock=request.clock)
    except Exception as error:  # what was done is done: the caller hears of it all the same
        log.error("answer not kept", tool=known, exc_info=error)
    return result


def _guarded(tool: str, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except errors.ParlaeError as error:
        return _refused(error)
    except Exception as error:  # a person is on the line: whatever broke, they hear the truth
        log.error("tool crashed", tool=tool, exc_info=error)
        return _refused(errors.Internal())


def _run(name: str, arguments: Mapping[str, object], problem: str, request: Request) -> Result:
    tool = registry.get(name, for_voice=request.face is Face.VOICE)
    connected = _admitted(tool, request)
    if problem:
        raise errors.ArgumentsUnreadable
    values = _validated(tool, arguments)
    context = Context(request=request, connected=connected)
    _require_capability(tool, context)
    _require_identity(tool, request)
    answer = tool.function(context, values)
    return Result(say=speech.flatten(answer.say), outcome=answer.outcome, answer=answer)


def _admitted(tool: Tool, request: Request) -> PmsIntegration | None:
    """Pass the account's own gates: the agreement, the pause switch, the connection, the feature, the limit.

    A tool that needs no PMS works also while the practice is paused or not connected, under a limit of its own.
    """
    account = request.account
    if not baa.is_accepted(account):
        raise errors.BaaRequired
    if not account.is_active or (account.is_paused and tool.needs_pms):
        raise errors.Paused
    if not tool.needs_pms:
        limits.check(limit="messages", key=str(account.pk))
        return None
    integration = integrations.active_for(account=account)
    allowed = (integration.config or {}).get("allowOnlineBooking", True) or tool.feature != "booking"
    if not allowed or (tool.feature and not (integration.features or {}).get(tool.feature, False)):
        raise errors.FeatureDisabled
    limits.check(limit="account", key=str(account.pk))
    return integration


def _validated(tool: Tool, arguments: Mapping[str, object]) -> Mapping[str, Any]:
    serializer = tool.arguments(data=dict(arguments))
    try:
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        raise _asked_again(error.get_codes()) from None
    return dict(serializer.validated_data)


def _asked_again(codes: Any) -> errors.Invalid:
    """Return the question for arguments that are missing, or if none is, for those that cannot be used."""
    missing = [name for name, found in codes.items() if "required" in found]
    needed = speech.say_list([_in_words(name) for name in missing or codes])
    question = (
        f"I still need the {needed}, please." if missing else f"I did not catch the {needed}. What is it, please?"
    )
    return errors.Invalid(fields=dict.fromkeys(codes, "This field is missing or not valid."), spoken=question)


def _require_capability(tool: Tool, context: Context) -> None:
    if tool.capability is None or tool.asks_itself:
        return
    context.pms.require(tool.capability)


def _require_identity(tool: Tool, request: Request) -> None:
    """Let patient data out only within a live call, or to a system credential that has the scope."""
    if request.kind == CredentialKind.SYSTEM and tool.scope is not None and tool.scope not in request.scopes:
        raise errors.Forbidden
    if request.kind == CredentialKind.SYSTEM and request.call is None:
        return
    if tool.discloses and (request.call is None or not calls.is_live(request.call, request.clock.now())):
        raise errors.CallRequired


def _refused(error: errors.ParlaeError) -> Result:
    return Result(say=speech.flatten(error.spoken), outcome=error.code, error=error)


def _in_words(name: str) -> str:
    """Return "date of birth" for ``dateOfBirth``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
