"""Each tool call is answered once: an insert-first claim with a lease, and the sealed answer for repetitions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, transaction

from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import Call, ToolCall, ToolCallState

# Longer than any budget: after it, the process that held the claim is gone.
LEASE = timedelta(seconds=30)
_WAIT_SHARE = 0.5
_LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one tool call, or the answer it had before."""

    id: uuid.UUID
    started: float
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
    pk = uuid.uuid4()
    try:
        with transaction.atomic():
            ToolCall.objects.create(
                id=pk,
                account_id=call.account_id,
                call=call,
                tool_call_id=tool_call_id,
                tool=tool[:64],
                arguments_digest=arguments_digest,
                arguments=vault.seal(written, _place(pk, "arguments")),
                lease_until=clock.now() + LEASE,
                request_id=request_id,
            )
    except IntegrityError:
        return _repeated(call, tool_call_id, arguments_digest, clock, budget)
    return Claim(pk, clock.monotonic())


def answer(*, claim: Claim, say: str, outcome: str, clock: Clock) -> None:
    """Keep the answer of a claimed tool call, sealed, for every repetition."""
    ToolCall.objects.filter(pk=claim.id).update(
        state=ToolCallState.DONE,
        answer=vault.seal(say, _place(claim.id, "answer")),
        outcome=outcome,
        duration_ms=round((clock.monotonic() - claim.started) * 1000),
    )


def _repeated(call: Call, tool_call_id: str, arguments_digest: str, clock: Clock, budget: Budget) -> Claim:
    waits_until = clock.monotonic() + budget.left() * _WAIT_SHARE
    while True:
        first = ToolCall.objects.get(account_id=call.account_id, call=call, tool_call_id=tool_call_id)
        if first.arguments_digest != arguments_digest:
            raise errors.IdempotencyConflict
        if first.state == ToolCallState.DONE and first.answer is not None:
            say = str(vault.unseal(first.answer, _place(first.pk, "answer")))
            return Claim(first.pk, clock.monotonic(), say, first.outcome)
        if _taken_over(first, clock):
            return Claim(first.pk, clock.monotonic())
        if clock.monotonic() >= waits_until:
            raise errors.StillWorking
        clock.sleep(_LOOK_EVERY_SECONDS)


def _taken_over(first: ToolCall, clock: Clock) -> bool:
    """Take the claim of a process that died; what it did already, the booking's own key finds."""
    now = clock.now()
    if first.lease_until > now:
        return False
    mine = ToolCall.objects.filter(pk=first.pk, state=ToolCallState.RUNNING, lease_until=first.lease_until)
    return mine.update(lease_until=now + LEASE) == 1


def _place(pk: uuid.UUID, column: str) -> str:
    return f"tool_calls:{pk}:{column}"
