"""Calls for the people at a practice: a list that names nobody, and one call with what was asked, done and said in it.

Test calls are no calls of the practice's and are left out unless they are asked for. Opening a call leaves one audit
row before anything of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from pms import vault
from pms.domain import errors, speech
from pms.models import Booking, Call, Task, TaskState, ToolCall, Verification
from pms.services import booking_words, call_words, calls, claims, disclosure, paging, task_words
from pms.services.audit import Asker
from pms.services.outcomes import Outcome
from pms.services.paging import Page

_LAST_DIGITS = 2
_HIDDEN, _WITHHELD = "••• ••• ••", "Number withheld"
NOT_KEPT = "No longer kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One call in the list. Times are the practice's; ``caller`` shows two digits; ``bookings`` and ``tasks`` count."""

    id: UUID
    started_at: datetime
    duration: timedelta | None
    outcome: str
    outcome_words: str
    caller: str
    bookings: int
    tasks: int
    is_test: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened in a call, at a time of the practice's.

    ``kind`` is tool, booking or task; ``id`` is a booking's or task's. Of a tool there are ``asked`` (labels and
    values), what was answered (``text``), ``outcome`` as code and words, and how long it took.
    """

    kind: str
    at: datetime
    title: str
    text: str = field(default="", repr=False)
    asked: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    outcome: str = ""
    outcome_words: str = ""
    milliseconds: int | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One call, opened. ``transcript``, ``summary`` and ``recording`` are empty where the practice keeps none."""

    row: Row
    line: str
    caller: str = field(repr=False)
    ended_reason: str
    steps: tuple[Step, ...] = field(repr=False)
    transcript: str = field(repr=False)
    summary: str = field(repr=False)
    recording: str = field(repr=False)


def listed(
    *,
    account: Account,
    outcome: str = "",
    has_task: bool = False,
    with_tests: bool = False,
    before: str = "",
    after: str = "",
) -> Page[Row]:
    """Return a page of the account's calls; ``outcome`` is one of ``Outcome``, ``has_task``: only with open tasks."""
    found = Call.objects.filter(account=account)
    if not with_tests:
        found = found.filter(is_test=False)
    if outcome in set(Outcome):
        found = found.filter(outcome=outcome)
    if has_task:
        found = found.filter(Exists(Task.objects.filter(call=OuterRef("pk"), state=TaskState.OPEN)))
    return paging.page(_counted(found), by="started_at", before=before, after=after).of(lambda one: _row(one, account))


def opened(*, account: Account, pk: UUID, asker: Asker) -> Detail:
    """Return one call with all that is kept of it. Raises ``WriteNotFound``, and ``Internal`` without evidence."""
    call = _counted(Call.objects.filter(account=account, pk=pk).select_related("line")).first()
    if call is None:
        raise errors.WriteNotFound
    proven = set(Verification.objects.filter(call=call, succeeded=True).values_list("patient_id", flat=True))
    patient_id = next(iter(proven)) if len(proven) == 1 else ""
    disclosure.record(
        account=account, asker=asker, action="viewCall", summary={"call": str(call.pk)}, patient_id=patient_id
    )
    kept = _report(call)
    return Detail(
        row=_row(call, account),
        line=call.line.label if call.line else "",
        caller=_number(call) or _WITHHELD,
        ended_reason=call.ended_reason,
        steps=tuple(sorted(_steps(call, account), key=lambda step: step.at)),
        transcript=kept.get("transcript", ""),
        summary=kept.get("summary", ""),
        recording=kept.get("recording", ""),
    )


def _counted(found: QuerySet[Call]) -> QuerySet[Call]:
    return found.annotate(booking_count=_count(Booking), task_count=_count(Task))


def _count(model: type[Booking] | type[Task]) -> Coalesce:
    mine = model._default_manager.filter(call=OuterRef("pk")).order_by().values("call")
    return Coalesce(Subquery(mine.annotate(count=Count("pk")).values("count"), output_field=IntegerField()), 0)


def _row(call: Call, account: Account) -> Row:
    number = _number(call)
    return Row(
        id=call.pk,
        started_at=call.started_at.astimezone(account.zone),
        duration=call.ended_at - call.started_at if call.ended_at else None,
        outcome=call.outcome,
        outcome_words=call_words.CALLS.get(call.outcome, call_words.CALLS[""]),
        caller=f"{_HIDDEN}{number[-_LAST_DIGITS:]}" if number else _WITHHELD,
        bookings=call.booking_count,  # type: ignore[attr-defined]  # annotated
        tasks=call.task_count,  # type: ignore[attr-defined]
        is_test=call.is_test,
    )


def _steps(call: Call, account: Account) -> Iterable[Step]:
    for used in ToolCall.objects.filter(call=call):
        yield _tool(used, account)
    for booking in Booking.objects.filter(call=call).select_related("appointment_type"):
        yield Step(
            kind="booking",
            at=booking.created_at.astimezone(account.zone),
            title=f"{booking.appointment_type.name}, {booking.confirmation_number}",
            outcome=booking.state,
            outcome_words=booking_words.state(booking),
            id=booking.pk,
        )
    for task in Task.objects.filter(call=call):
        at, told = task.created_at.astimezone(account.zone), task_words.told(task.kind)
        yield Step(kind="task", at=at, title=told.title, outcome=task.state, outcome_words=told.advice, id=task.pk)


def _tool(used: ToolCall, account: Account) -> Step:
    asked, answer = claims.said(used)
    return Step(
        kind="tool",
        at=used.created_at.astimezone(account.zone),
        title=call_words.tool(used.tool),
        text=NOT_KEPT if answer is None else speech.unmarked(answer),
        asked=tuple(call_words.arguments(asked)),
        outcome=used.outcome,
        outcome_words=call_words.outcome(used.outcome),
        milliseconds=used.duration_ms,
    )


def _number(call: Call) -> str:
    try:
        return calls.caller_number(call)
    except vault.CannotOpen:  # its key was retired
        return ""


def _report(call: Call) -> dict[str, str]:
    try:
        return calls.report(call)
    except vault.CannotOpen:
        return {}
