"""Has lines brought up to date at Vapi after a change of what their assistants say or may do, whoever made it.

Only lines that were set up at Vapi before: the first time, somebody asks for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import Account, BaaAcceptance
from pms.jobs import queue
from pms.models import PmsIntegration
from pms.vapi import provisioning

# The columns that ``pms.vapi.provisioning_wanted`` reads.
_OF_ACCOUNT = frozenset(
    {
        "name",
        "time_zone",
        "country",
        "is_active",
        "transfer_number",
        "after_hours_number",
        "keeps_transcripts",
        "keeps_recordings",
    }
)
_OF_INTEGRATION = frozenset({"status", "features", "config", "metadata"})


@receiver(post_save, sender=Account)
def practice_saved(instance: Account, created: bool, update_fields: Collection[str] | None, **_kwargs: Any) -> None:
    """Follow a practice's name, zone, numbers and what it keeps."""
    if not created and _touches(update_fields, _OF_ACCOUNT):
        _bring_up_to_date(instance.pk)


@receiver(post_save, sender=PmsIntegration)
def connection_saved(instance: PmsIntegration, update_fields: Collection[str] | None, **_kwargs: Any) -> None:
    """Follow the features, and what the practice's system can do."""
    if _touches(update_fields, _OF_INTEGRATION):
        _bring_up_to_date(instance.account_id)


@receiver(post_save, sender=BaaAcceptance)
def agreement_accepted(instance: BaaAcceptance, **_kwargs: Any) -> None:
    """Set up what waited for the agreement."""
    _bring_up_to_date(instance.account_id)


def _touches(update_fields: Collection[str] | None, columns: frozenset[str]) -> bool:
    return update_fields is None or not columns.isdisjoint(update_fields)


def _bring_up_to_date(account_id: uuid.UUID) -> None:
    transaction.on_commit(partial(_want, account_id))


def _want(account_id: uuid.UUID) -> None:
    if provisioning.want_again(account_id=account_id, now=timezone.now()):
        queue.wake("provision")
