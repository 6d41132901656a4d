"""Making and changing practices."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts import current, evidence
from accounts.models import Account, Membership, User
from accounts.roles import Role


def create(request: HttpRequest, user: User, *, name: str, country: str, time_zone: str) -> Account:
    """Make a practice whose owner is ``user``, who acts for it from now on."""
    account = Account(id=uuid.uuid4(), name=name, country=country, time_zone=time_zone)
    account.full_clean()
    evidence.tell("practice.created", request=request, account_id=account.pk, country=country)
    with transaction.atomic():
        account.save()
        Membership.objects.create(user=user, account=account, role=Role.OWNER)
    current.forget(request)
    current.choose(request, account.pk)
    return account


def switch(request: HttpRequest, account_id: uuid.UUID) -> bool:
    """Have the person act for another practice of theirs; return whether it is one."""
    if not any(one.account_id == account_id for one in current.memberships(request)):
        return False
    evidence.tell("practice.switched", request=request, account_id=account_id)
    return current.choose(request, account_id) is not None


def change(request: HttpRequest, account: Account, changes: Mapping[str, Any], *, version: str) -> bool:
    """Change a practice's settings if nobody has since ``version`` was read; return whether they were changed."""
    if version_of(account) != version:
        return False
    told: dict[str, Any] = {f"{name}_to": value for name, value in changes.items() if isinstance(value, bool | int)}
    evidence.tell("practice.changed", request=request, account_id=account.pk, fields=", ".join(sorted(changes)), **told)
    with transaction.atomic():
        own = Account.objects.select_for_update().get(pk=account.pk)
        if version_of(own) != version:
            return False
        for name, value in changes.items():
            setattr(own, name, value)
        own.full_clean()
        own.save(update_fields=[*changes, "updated_at"])
    return True


def version_of(account: Account) -> str:
    """Return what tells this state of a practice's settings from any other."""
    return account.updated_at.astimezone(UTC).isoformat()
