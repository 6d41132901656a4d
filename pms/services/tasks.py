"""What a person at the practice must do because the machine could not, or should not."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import Account, User
from pms import vault
from pms.models import Booking, Call, Resolution, Task, TaskNote, TaskState, WriteBack
from pms.services import plain

# Kinds of tasks that say that it is not known what became of a write.
_ENDS_OPEN = Q(kind__endswith="_outcome_unknown") | Q(kind__endswith="_unresolved")


def open_task(
    *,
    account: Account,
    kind: str,
    detail: Mapping[str, str],
    call: Call | None = None,
    booking: Booking | None = None,
    write_back: WriteBack | None = None,
    once: bool = False,
    unless_said: bool = False,
    renew: bool = False,
    request_key: str = "",
    patient_id: str = "",
    number: str = "",
) -> Task:
    """Keep a task with what is needed to do it, sealed; what of ``detail`` is empty is left out.

    A booking, or a write without one, has at most one task of a kind, and with ``once`` a call too; with
    ``unless_said`` a call has at most one that says the same. A ``request_key`` has one task. With ``renew`` a
    booking's is opened again and says what is wanted now. ``patient_id`` and ``number`` find a request again.
    """
    pk = uuid.uuid4()
    told = {name: text for name, text in detail.items() if text}
    fields = {"id": pk, "account": account, "call": call, "detail": vault.seal(told, _place(pk))}
    fields |= {"patient_id": patient_id, "number": number}
    if booking is not None:
        task, is_new = Task.objects.get_or_create(booking=booking, kind=kind, defaults=fields)
        if renew and not is_new:
            task.call, task.detail = call, vault.seal(told, _place(task.pk))
            task.state, task.resolved_at = TaskState.OPEN, None
            task.save(update_fields=["call", "detail", "state", "resolved_at"])
        return task
    if write_back is not None:
        return Task.objects.get_or_create(write_back=write_back, kind=kind, defaults=fields)[0]
    if request_key:
        return Task.objects.get_or_create(account=account, request_key=request_key, defaults={**fields, "kind": kind})[
            0
        ]
    if not (once or unless_said) or call is None:
        task = Task(kind=kind, **fields)
        plain.insert(task)
        return task
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=call.pk)
        known = Task.objects.filter(call=call, booking=None, write_back=None, kind=kind)
        same = (task for task in known if once or detail_of(task) == told)
        return next(same, None) or Task.objects.create(kind=kind, **fields)


def end_request(*, account: Account, key: str, now: datetime) -> None:
    """End the open request of a key, because the appointment was booked in another way."""
    waiting = Task.objects.filter(account=account, request_key=key, state=TaskState.OPEN)
    waiting.update(state=TaskState.DONE, resolution=Resolution.BOOKED, resolved_at=now, request_key="")


def replace(*, task: Task, detail: Mapping[str, str]) -> None:
    """Have a task that is still open say something else."""
    told = {name: text for name, text in detail.items() if text}
    Task.objects.filter(pk=task.pk, state=TaskState.OPEN).update(detail=vault.seal(told, _place(task.pk)))


def tell_meanwhile(*, write_back: WriteBack, what: str, of_failures: bool = False) -> None:
    """Add to the open tasks about a write of which nobody knew the end how it ended, or somebody does it again.

    With ``of_failures`` to all of them: what failed was asked for again and made.
    """
    booking = write_back.booking
    about = Q(booking=booking) if booking else Q(write_back=write_back)
    for task in Task.objects.filter(about, Q() if of_failures else _ENDS_OPEN, state=TaskState.OPEN):
        add_meanwhile(task=task, what=what)


def add_meanwhile(*, task: Task, what: str) -> None:
    """Add to a task what has happened since it was opened."""
    # Where its key was retired, how it ended is worth more than what nobody can read.
    task.detail = vault.seal({**detail_of(task), "meanwhile": what}, _place(task.pk))
    task.save(update_fields=["detail"])


def detail_of(task: Task) -> dict[str, str]:
    """Return what the task says, nothing if its key was retired."""
    try:
        return detail(task)
    except vault.CannotOpen:
        return {}


def detail(task: Task) -> dict[str, str]:
    """Return what the task says, for the person who does it; nothing where that is no longer kept."""
    opened: dict[str, str] = vault.unseal(task.detail, _place(task.pk)) if task.detail else {}
    return opened


def add_note(*, task: Task, author: User, text: str) -> TaskNote:
    """Keep what somebody at the practice has written to a task, sealed."""
    pk = uuid.uuid4()
    return TaskNote.objects.create(id=pk, task=task, author=author, text=vault.seal(text, _note_place(pk)))


def note_text(note: TaskNote) -> str:
    """Return what a note says, nothing where it is no longer kept, or its key was retired."""
    try:
        return str(vault.unseal(note.text, _note_place(note.pk))) if note.text else ""
    except vault.CannotOpen:
        return ""


def _note_place(pk: uuid.UUID) -> str:
    return f"task_notes:{pk}:text"


def _place(pk: uuid.UUID) -> str:
    return f"tasks:{pk}:detail"
