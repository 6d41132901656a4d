"""What a practice has decided about its calls: who is put through, what is kept, and whether the agent is paused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Account
from pms.domain import errors
from pms.services import audit
from pms.services.audit import Asker

POLICIES = (
    "transfer_number",
    "after_hours_number",
    "transfer_hours",
    "sends_confirmations",
    "trusts_caller_number",
    "keeps_transcripts",
    "keeps_recordings",
    "keeps_days",
)


def read(*, account: Account) -> dict[str, Any]:
    """Return the policies by their names, and the ``version`` that a change is compared with."""
    return _told(Account.objects.get(pk=account.pk))


def change(*, account: Account, changes: Mapping[str, Any], asker: Asker, version: str = "") -> dict[str, Any]:
    """Change the policies that are named, and return them all. A ``version`` must be the one that was read last.

    Raises ``Invalid`` by field, and ``IdempotencyConflict`` if somebody else has changed something since. The evidence
    has the names of what changed and no values; it is written first, so this may not be called inside a transaction.
    """
    unknown = dict.fromkeys(changes.keys() - set(POLICIES), "There is no such setting.")
    if unknown:
        raise errors.Invalid(fields=unknown)
    stored = Account.objects.get(pk=account.pk)
    _require_version(stored, version)
    differing = sorted(name for name, value in changes.items() if getattr(stored, name) != value)
    for name in differing:
        setattr(stored, name, changes[name])
    _validate(stored, differing)
    if differing:
        _record("practice.changed", account, asker, settings=" ".join(differing))
        with transaction.atomic():
            _require_version(Account.objects.select_for_update(no_key=True).get(pk=account.pk), version)
            stored.save(update_fields=[*differing, "updated_at"])
        account.refresh_from_db()
    return read(account=account)


def pause(*, account: Account, paused: bool, asker: Asker) -> bool:
    """Have the agent only take messages, or let it work again; return whether that has changed anything.

    Raises ``Internal`` if the evidence cannot be written: then a pause holds all the same, and an end of one does not.
    """
    if paused:
        changed = _set_paused(account, paused=True)
        if changed:
            _record("practice.paused", account, asker)
        return changed
    if not Account.objects.filter(pk=account.pk, is_paused=True).exists():
        return False
    _record("practice.resumed", account, asker)
    return _set_paused(account, paused=False)


def _set_paused(account: Account, *, paused: bool) -> bool:
    with transaction.atomic():
        row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        changed = row.is_paused is not paused
        if changed:
            row.is_paused = paused
            row.save(update_fields=["is_paused", "updated_at"])  # saved, so that the history of the row has it
    account.is_paused = paused
    return changed


def _told(account: Account) -> dict[str, Any]:
    policies = {name: getattr(account, name) for name in POLICIES}
    return {**policies, "version": hashlib.sha256(json.dumps(policies, sort_keys=True).encode()).hexdigest()[:32]}


def _require_version(account: Account, version: str) -> None:
    if version and version != _told(account)["version"]:
        raise errors.IdempotencyConflict("Somebody else has changed this since you read it; look at it again.")


def _validate(account: Account, names: list[str]) -> None:
    try:
        account.full_clean()
    except ValidationError as error:
        found = {name: " ".join(texts) for name, texts in error.message_dict.items() if name in names}
        if found:
            raise errors.Invalid(fields=found) from None


def _record(kind: str, account: Account, asker: Asker, **detail: str) -> None:
    audit.record_event_by(asker, kind, account_id=account.pk, detail=detail)
