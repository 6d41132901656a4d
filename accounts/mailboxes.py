"""Whose e-mail addresses are known to be theirs."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from accounts.models import User


def trust(user: User) -> None:
    """Note that a person's address is theirs, because a link that was sent there, or an operator, has shown it."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"primary": True, "verified": True})


def is_trusted(user: User, email: str) -> bool:
    """Return whether an address is known to be a person's."""
    return bool(EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists())
