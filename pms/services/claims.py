"""Each tool call is answered once: an insert-first claim with a lease, and the sealed answer for repetitions."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import Call, ToolCall, ToolCallState
from pms.services import plain

# Longer than any budget: after it, the process that held the claim is gone.
LEASE = timedelta(seconds=30)
_WAIT_SHARE = 0.5
_LOOK_EVERY_SECONDS = 0.2
_LONGEST_ID = 128
_UNIQUE = ("account_id", "call_id", "tool_call_id")
_ANSWER = (
    f"UPDATE {plain.table(ToolCall)} SET state = %s, answer = %s, outcome = %s, duration_ms = %s "  # noqa: S608
    f"WHERE id = %s AND state = %s AND lease_until = %s"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one tool call, or the answer it had before."""

    id: uuid.UUID
    started: float
    lease_until: datetime
    answer: str | None = field(default=None, repr=False)
    outcome: str = ""


def take(
    *,
    call: Call,
    tool_call_id: str,
    tool: str,
    arguments: Mapping[str, object],
    request_id: str,
    clock: Clock,
    budget: Budget,
) -> Claim:
    """Claim a tool call. Raises ``IdempotencyConflict`` for other arguments, ``StillWorking`` for a twin in flight."""
    written = json.dumps(arguments, sort_keys=True, separators=(",", ":"), default=str)
    arguments_digest = vault.digest(f"{tool}:{written}", "arguments")
    tool_call_id = storable_id(tool_call_id)
    pk, lease_until = uuid.uuid4(), clock.now() + LEASE
    first = ToolCall(
        id=pk,
        account_id=call.account_id,
        call=call,
        tool_call_id=tool_call_id,
        tool=tool,
        arguments_digest=arguments_digest,
        arguments=vault.seal(written, _place(pk, "arguments")),
        lease_until=lease_until,
        request_id=request_id,
    )
    if not plain.insert(first, unless_known=_UNIQUE):
        return _repeated(call, tool_call_id, arguments_digest, clock, budget)
    return Claim(pk, clock.monotonic(), lease_until)


def storable_id(tool_call_id: str) -> str:
    """Return a tool-call id as a column can hold it: one that is too long, or no plain text, by its hash."""
    if len(tool_call_id) <= _LONGEST_ID and tool_call_id.isprintable() and tool_call_id.isascii():
        return tool_call_id
    return hashlib.sha256(tool_call_id.encode(errors="surrogatepass")).hexdigest()


def answer(*, claim: Claim, say: str, outcome: str, clock: Clock) -> None:
    """Keep the answer of a claimed tool call, sealed, for every repetition; nothing, if the claim was taken over."""
    elapsed_ms = round((clock.monotonic() - claim.started) * 1000)
    sealed = vault.seal(say, _place(claim.id, "answer"))
    kept = plain.stored(ToolCall, state=ToolCallState.DONE, answer=sealed, outcome=outcome, duration_ms=elapsed_ms)
    mine = plain.stored(ToolCall, id=claim.id, state=ToolCallState.RUNNING, lease_until=claim.lease_until)
    with connection.cursor() as cursor:
        cursor.execute(_ANSWER, [*kept, *mine])


def release(*, claim: Claim) -> None:
    """Give a claim back under which nothing was done, so that a repetition is a new try."""
    ToolCall.objects.filter(pk=claim.id, state=ToolCallState.RUNNING, lease_until=claim.lease_until).delete()


def said(used: ToolCall) -> tuple[dict[str, object], str | None]:
    """Return what a tool was asked and what it answered, for the people at the practice; ``None``: no longer kept."""
    try:
        asked = vault.unseal(used.arguments, _place(used.pk, "arguments")) if used.arguments else "{}"
        heard = vault.unseal(used.answer, _place(used.pk, "answer")) if used.answer else None
    except vault.CannotOpen:  # their key was retired
        return {}, None
    read = json.loads(asked)
    return (read if isinstance(read, dict) else {}), heard


def _repeated(call: Call, tool_call_id: str, arguments_digest: str, clock: Clock, budget: Budget) -> Claim:
    waits_until = clock.monotonic() + budget.left() * _WAIT_SHARE
    while True:
        first = ToolCall.objects.get(account_id=call.account_id, call=call, tool_call_id=tool_call_id)
        if first.arguments_digest != arguments_digest:
            raise errors.IdempotencyConflict
        if first.state == ToolCallState.DONE and first.answer is not None:
            say = str(vault.unseal(first.answer, _place(first.pk, "answer")))
            return Claim(first.pk, clock.monotonic(), first.lease_until, say, first.outcome)
        if first.state == ToolCallState.DONE:
            raise errors.IdempotencyConflict("This id was used before, and its answer is no longer kept.")
        if taken_until := _taken_over(first, clock):
            return Claim(first.pk, clock.monotonic(), taken_until)
        if clock.monotonic() >= waits_until:
            raise errors.StillWorking
        clock.sleep(_LOOK_EVERY_SECONDS)


def _taken_over(first: ToolCall, clock: Clock) -> datetime | None:
    """Take the claim of a process that died, and return the new lease; what it did, the booking's own key finds."""
    now = clock.now()
    if first.lease_until > now:
        return None
    dead = ToolCall.objects.filter(pk=first.pk, state=ToolCallState.RUNNING, lease_until=first.lease_until)
    return now + LEASE if dead.update(lease_until=now + LEASE) == 1 else None


def _place(pk: uuid.UUID, column: str) -> str:
    return f"tool_calls:{pk}:{column}"
