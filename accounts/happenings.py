"""What allauth and django-axes tell, told on as ours (``accounts.evidence``)."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import counting, evidence


@receiver(account.user_signed_up)
def signed_up(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Somebody made a sign-in."""
    evidence.tell("person.signed_up", request=request, actor=f"user:{user.pk}")


@receiver(account.email_confirmed)
def verified(request: HttpRequest, email_address: Any, **_kwargs: Any) -> None:
    """Somebody has shown that an address is theirs."""
    evidence.tell("email.verified", request=request, actor=f"user:{email_address.user_id}")


@receiver(account.email_changed)
def changed_email(request: HttpRequest, user: Any, from_email_address: Any = None, **_kwargs: Any) -> None:
    """Somebody signs in with another address from now on; a first address is no change."""
    if from_email_address is not None:
        evidence.tell("email.changed", request=request, actor=f"user:{user.pk}")


@receiver([account.password_changed, account.password_set])
def changed_password(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Somebody has a new password."""
    evidence.tell("password.changed", request=request, actor=f"user:{user.pk}")


@receiver(account.password_reset)
def reset_password(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Somebody set a new password with the link from a mail."""
    evidence.tell("password.reset", request=request, actor=f"user:{user.pk}")


@receiver(mfa.authenticator_added)
def added(request: HttpRequest, user: Any, authenticator: Authenticator, **_kwargs: Any) -> None:
    """Somebody set up a second step, or got recovery codes with it."""
    is_codes = authenticator.type == Authenticator.Type.RECOVERY_CODES
    kind = "second_factor.codes_made" if is_codes else "second_factor.added"
    evidence.tell(kind, request=request, actor=f"user:{user.pk}", type=authenticator.type)


@receiver(mfa.authenticator_reset)
def made_codes(request: HttpRequest, user: Any, authenticator: Authenticator, **_kwargs: Any) -> None:
    """Somebody made new recovery codes."""
    evidence.tell("second_factor.codes_made", request=request, actor=f"user:{user.pk}", type=authenticator.type)


@receiver(mfa.authenticator_removed)
def removed(request: HttpRequest, user: Any, authenticator: Authenticator, **_kwargs: Any) -> None:
    """Somebody gave up a second step."""
    evidence.tell("second_factor.removed", request=request, actor=f"user:{user.pk}", type=authenticator.type)


@receiver(mfa.authentication_failed)
def wrong_code(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """A code of the second step was wrong."""
    evidence.tell("second_factor.failed", request=request, actor=f"user:{user.pk}")


@receiver(user_locked_out)
def locked_out(request: HttpRequest, username: str = "", ip_address: str = "", **_kwargs: Any) -> None:
    """Somebody had the password wrong too often; told once, however often they go on.

    Whose name was typed is written nowhere: it may be anything.
    """
    typed = hashlib.sha256(f"{username}\n{ip_address}".encode()).hexdigest()
    if counting.is_first(f"locked:{typed}", int(settings.AXES_COOLOFF_TIME.total_seconds())):
        evidence.tell("signin.locked", request=request, actor="anonymous")
