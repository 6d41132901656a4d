"""For how long is kept what callers said and what was done for them: each practice's ``keeps_days``.

Rows stay, because evidence and each other's foreign keys point at them; what they say of a person is emptied. What a
person at the practice has still to do, and what is still followed, is kept whole. The audit log is never touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import Account
from accounts.models.account import LONGEST_KEPT_DAYS
from pms.models import (
    Booking,
    Call,
    SlotOffer,
    Task,
    TaskNote,
    TaskState,
    TestCall,
    ToolCall,
    Verification,
    WriteBack,
    WriteBackState,
)

Row = TypeVar("Row", bound=Model)
Practices = QuerySet[Account]

log = structlog.get_logger(__name__)

BATCH = 500
OFFERS_FOR = timedelta(days=1)

_OPEN_TASKS = Task.objects.filter(state=TaskState.OPEN)


def forget(*, now: datetime) -> dict[str, int]:
    """Empty or delete what is no longer kept, a batch a statement; return how many rows of each table that were.

    Whatever stops it in the middle, the next time goes on with what is left.
    """
    counts: Counter[str] = Counter()
    counts["slot_offers"] = _delete(SlotOffer.objects.filter(expires_at__lt=now - OFFERS_FOR))
    for days in Account.objects.order_by("keeps_days").values_list("keeps_days", flat=True).distinct():
        kept = timedelta(days=min(days, LONGEST_KEPT_DAYS))  # no calendar goes back as far as a column holds
        counts.update(_forget(Account.objects.filter(keeps_days=days), now - kept))
    found = {name: count for name, count in counts.items() if count}
    if found:
        log.info("retention", rows=[f"{name}:{count}" for name, count in found.items()])
    return found


def _forget(practices: Practices, before: datetime) -> dict[str, int]:
    return {
        "calls": _empty(_calls(practices, before), caller_number=None, caller_digest="", report=None),
        "tool_calls": _empty(_tool_calls(practices, before), arguments=b"", answer=None),
        "verifications": _delete(_verifications(practices, before)),
        "bookings": _empty(_bookings(practices, before), note=None),
        "write_backs": _empty(_write_backs(practices, before), payload=b"", refusal=None),
        "tasks": _empty(_tasks(practices, before), detail=b""),
        "task_notes": _empty(_task_notes(practices, before), text=b""),
        "test_calls": _empty(_test_calls(practices, before), lines=None, patient=None),
    }


def _calls(practices: Practices, before: datetime) -> QuerySet[Call]:
    is_over = Q(ended_at__lt=before) | Q(ended_at__isnull=True, last_seen_at__lt=before)
    says_something = Q(caller_number__isnull=False) | ~Q(caller_digest="") | Q(report__isnull=False)
    old = Call.objects.filter(is_over, says_something, account__in=practices, started_at__lt=before)
    return old.exclude(_has_open_task_about_call("pk"))


def _tool_calls(practices: Practices, before: datetime) -> QuerySet[ToolCall]:
    says_something = ~Q(arguments=b"") | Q(answer__isnull=False)
    old = ToolCall.objects.filter(says_something, account__in=practices, created_at__lt=before)
    return old.exclude(_has_open_task_about_call("call"))


def _verifications(practices: Practices, before: datetime) -> QuerySet[Verification]:
    old = Verification.objects.filter(account__in=practices, created_at__lt=before)
    return old.exclude(_has_open_task_about_call("call"))


def _bookings(practices: Practices, before: datetime) -> QuerySet[Booking]:
    """Return the bookings whose time is long over, and which nobody follows."""
    followed = WriteBack.objects.filter(booking=OuterRef("pk"), next_attempt_at__isnull=False)
    about = Q(booking=OuterRef("pk")) | Q(write_back__booking=OuterRef("pk"))
    old = Booking.objects.filter(account__in=practices, ends_at__lt=before, note__isnull=False)
    return old.exclude(Exists(followed)).exclude(Exists(_OPEN_TASKS.filter(about)))


def _write_backs(practices: Practices, before: datetime) -> QuerySet[WriteBack]:
    """Return the changes that were seen in the PMS, or certainly are not there, and which nobody follows.

    Of one that was never seen, what was wanted is all that a person has to go by.
    """
    has_ended = Q(verified_at__isnull=False) | Q(state=WriteBackState.FAILED)
    about = Q(write_back=OuterRef("pk")) | Q(booking=OuterRef("booking"))
    ahead = Booking.objects.filter(pk=OuterRef("booking"), ends_at__gte=before)
    old = WriteBack.objects.filter(has_ended, account__in=practices, next_attempt_at__isnull=True)
    old = old.alias(ended_at=Coalesce("verified_at", "completed_at", "sent_at")).filter(ended_at__lt=before)
    return old.exclude(payload=b"").exclude(Exists(ahead)).exclude(Exists(_OPEN_TASKS.filter(about)))


def _tasks(practices: Practices, before: datetime) -> QuerySet[Task]:
    old = Task.objects.filter(account__in=practices, state=TaskState.DONE, resolved_at__lt=before)
    return old.exclude(detail=b"")


def _task_notes(practices: Practices, before: datetime) -> QuerySet[TaskNote]:
    old = TaskNote.objects.filter(task__account__in=practices, task__state=TaskState.DONE)
    return old.filter(task__resolved_at__lt=before).exclude(text=b"")


def _test_calls(practices: Practices, before: datetime) -> QuerySet[TestCall]:
    says_something = Q(lines__isnull=False) | Q(patient__isnull=False)
    return TestCall.objects.filter(says_something, account__in=practices, ended_at__lt=before)


def _has_open_task_about_call(column: str) -> Exists:
    call = OuterRef(column)
    return Exists(_OPEN_TASKS.filter(Q(call=call) | Q(booking__call=call) | Q(write_back__call=call)))


def _empty(rows: QuerySet[Row], **empty: object) -> int:
    """Empty columns of all ``rows``, which then no longer match; return how many."""
    return _by_batches(rows, lambda batch: batch.update(**empty))


def _delete(rows: QuerySet[Row]) -> int:
    return _by_batches(rows, lambda batch: batch.delete()[0])


def _by_batches(rows: QuerySet[Row], change: Callable[[QuerySet[Row]], int]) -> int:
    total = 0
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        changed = change(rows.filter(pk__in=keys))
        total += changed
        if changed < BATCH:
            break
    return total
