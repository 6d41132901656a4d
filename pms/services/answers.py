"""Answers to what accounts has to ask and cannot look up, because it does not know this side of the house."""

from __future__ import annotations

import uuid

from django.dispatch import receiver

from accounts import questions
from accounts.models import Account
from pms.models import ConnectionStatus, PmsIntegration, SecurityEvent


@receiver(questions.latest_event)
def latest_event(sender: object, kind: str, account_id: uuid.UUID, **_kwargs: object) -> questions.Told | None:
    """Return when something has happened last in a practice."""
    found = SecurityEvent.objects.filter(account_id=account_id, kind=kind).order_by("-seq").first()
    return questions.Told(found.actor, found.created_at) if found else None


@receiver(questions.connected)
def is_connected(sender: object, account: Account, **_kwargs: object) -> bool:
    """Return whether the practice has a connection, or has had one that could be switched on again."""
    own = PmsIntegration.objects.filter(account=account)
    return own.exclude(status=ConnectionStatus.SETUP_REQUIRED).exists()
