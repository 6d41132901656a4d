"""Practices without the agreement in force. Its records are never changed, so that tests go past the model."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Account, BaaAcceptance


def _records(account: Account | None) -> QuerySet[BaaAcceptance]:
    found = QuerySet(BaaAcceptance)
    return found.filter(account=account) if account else found.all()


def withdraw(account: Account | None = None) -> None:
    """Let a practice, or every one, have accepted nothing."""
    _records(account).delete()


def outdate(version: str, account: Account | None = None) -> None:
    """Let what a practice, or every one, has accepted be another version."""
    _records(account).update(version=version)
