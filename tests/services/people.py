"""People at a practice, who look at what has happened, and calls for them to look at."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain import errors
from pms.models import Call, PmsAuditLog, Task
from pms.services import audit, tasks
from pms.services.audit import Asker
from tests.practice import live_call


def asker(user: User | None = None) -> Asker:
    """Return who looks at a page."""
    name = str(user.pk) if user else "somebody"
    return Asker(actor=f"user:{name}", endpoint="/calls/<uuid:pk>", method="GET", user_id=name if user else None)


def member(account: Account, name: str = "Ada Desk", role: Role = Role.STAFF) -> User:
    """Return somebody who works at the practice."""
    user = User.objects.create_user(f"{uuid.uuid4().hex}@clinic.example", name=name)
    Membership.objects.create(user=user, account=account, role=role)
    return user


def call(account: Account, *, ago: float = 0.0, **changes: Any) -> Call:
    """Return a call that began some minutes ago."""
    began = timezone.now() - timedelta(minutes=ago)
    made = live_call(account, now=began)
    Call.objects.filter(pk=made.pk).update(**changes)
    made.refresh_from_db()
    return made


def task(account: Account, kind: str = "message", created_at: datetime | None = None, **about: Any) -> Task:
    """Return an open task of the practice's."""
    detail = about.pop("detail", {"message": "Please call back.", "phoneNumber": "+12125550147"})
    made = tasks.open_task(account=account, kind=kind, detail=detail, **about)
    if created_at:
        Task.objects.filter(pk=made.pk).update(created_at=created_at)
        made.refresh_from_db()
    return made


def views(action: str) -> list[PmsAuditLog]:
    """Return the audit rows of what was opened."""
    return list(PmsAuditLog.objects.filter(action=action).order_by("seq"))


def no_evidence(monkeypatch: Any) -> None:
    """Let no audit row be written."""

    def fails(**_entry: object) -> None:
        raise errors.Internal

    monkeypatch.setattr(audit, "record_access", fails)
    monkeypatch.setattr(audit, "record_event", fails)
