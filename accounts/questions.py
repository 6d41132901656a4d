"""What accounts has to ask the rest of the house, which it does not know: whoever knows, answers the signal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.dispatch import Signal

from accounts.models import Account

latest_event = Signal()  # kind, account_id -> Told or None
connected = Signal()  # account -> bool


@dataclass(frozen=True, slots=True)
class Told:
    """Who did something, and when. ``actor`` is as in ``accounts.evidence``."""

    actor: str
    at: datetime


def latest(kind: str, account_id: uuid.UUID) -> Told | None:
    """Return when something has happened last in a practice, and who did it."""
    answers: list[object] = [told for _, told in latest_event.send(sender=None, kind=kind, account_id=account_id)]
    return next((answer for answer in answers if isinstance(answer, Told)), None)


def is_connected(account: Account) -> bool:
    """Return whether a practice has a connection to a system of its own."""
    return any(bool(answer) for _, answer in connected.send(sender=None, account=account))
