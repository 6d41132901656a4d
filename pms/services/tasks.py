"""What a person at the practice must do because the machine could not, or should not."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from accounts.models import Account
from pms import vault
from pms.models import Booking, Call, Task


def open_task(
    *, account: Account, kind: str, detail: Mapping[str, str], call: Call | None = None, booking: Booking | None = None
) -> Task:
    """Keep a task with what is needed to do it, sealed; a booking has at most one task of a kind."""
    pk = uuid.uuid4()
    fields = {"id": pk, "account": account, "call": call, "detail": vault.seal(dict(detail), f"tasks:{pk}:detail")}
    if booking is None:
        return Task.objects.create(kind=kind, **fields)
    task, _ = Task.objects.get_or_create(booking=booking, kind=kind, defaults=fields)
    return task


def detail(task: Task) -> dict[str, str]:
    """Return what the task says, for the person who does it."""
    opened: dict[str, str] = vault.unseal(task.detail, f"tasks:{task.pk}:detail")
    return opened
