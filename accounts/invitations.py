"""Inviting people to a practice: a link by e-mail, for one address, once, for a week. Only its digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from smtplib import SMTPException

import structlog
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import counting, evidence
from accounts.models import Account, Invitation, Membership, User
from accounts.roles import Role
from accounts.team import Refused, roles_to_give

LIFETIME = timedelta(days=7)
MOST_A_DAY = 30  # per practice: whoever sets one up could send our mail to anybody
log = structlog.get_logger(__name__)


def pending(account: Account) -> QuerySet[Invitation]:
    """Return what has been sent and not been accepted, taken back or forgotten."""
    since = timezone.now() - timedelta(days=30)
    found = Invitation.objects.filter(account=account, accepted_at=None, revoked_at=None, expires_at__gt=since)
    return found.select_related("invited_by").order_by("-created_at")


def invite(request: HttpRequest, own: Membership, *, email: str, role: str) -> bool:
    """Send an invitation in place of any that this address has; return whether it could be sent. Raises ``Refused``."""
    email = email.strip().lower()
    if role not in roles_to_give(own):
        raise Refused("Only an owner can make somebody an owner.")
    if Membership.objects.filter(account_id=own.account_id, user__email=email, is_active=True).exists():
        raise Refused("That person is in the team already.")
    if counting.is_too_often(f"invitations:{own.account_id}", MOST_A_DAY, 24 * 3600):
        raise Refused("Too many invitations were sent today. Try again tomorrow.")
    evidence.tell("invitation.sent", request=request, account_id=own.account_id, role=role)
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        open_ones = Invitation.objects.filter(account_id=own.account_id, email=email, accepted_at=None, revoked_at=None)
        open_ones.update(revoked_at=now)
        made = Invitation.objects.create(
            account_id=own.account_id,
            email=email,
            role=role,
            token_digest=digest(token),
            invited_by_id=own.user_id,
            expires_at=now + LIFETIME,
        )
    return _send(made, own.account, token)


def revoke(request: HttpRequest, own: Membership, invitation: Invitation) -> None:
    """Take an invitation back: its link does not work any more."""
    evidence.tell("invitation.revoked", request=request, account_id=own.account_id, invitation=str(invitation.pk))
    still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    still_open.update(revoked_at=timezone.now())


def find(token: str) -> Invitation | None:
    """Return the invitation that a link stands for, if it still works."""
    found = Invitation.objects.filter(
        token_digest=digest(token),
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=timezone.now(),
        account__is_active=True,
    )
    return found.select_related("account").first()


def accept(request: HttpRequest, user: User, invitation: Invitation) -> None:
    """Make a person a member, once. Raises ``Refused`` if somebody took the invitation back meanwhile."""
    evidence.tell(
        "invitation.accepted",
        request=request,
        actor=f"user:{user.pk}",
        account_id=invitation.account_id,
        role=invitation.role,
    )
    with transaction.atomic():
        open_one = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if open_one.accepted_at or open_one.revoked_at:
            raise Refused("This invitation does not work any more.")
        open_one.accepted_at = timezone.now()
        open_one.save(update_fields=["accepted_at"])
        _join(user, open_one)


def digest(token: str) -> str:
    """Return what is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _join(user: User, invitation: Invitation) -> None:
    """Make the person a member; who is one already keeps the role that they have."""
    own, is_new = Membership.objects.get_or_create(
        user=user, account_id=invitation.account_id, defaults={"role": invitation.role}
    )
    if not is_new and not own.is_active:
        own.role, own.is_active = invitation.role, True
        own.save(update_fields=["role", "is_active"])


def _send(invitation: Invitation, account: Account, token: str) -> bool:
    context = {
        "practice": account.name,
        "role": Role(invitation.role).label,
        "address": settings.PUBLIC_URL + reverse("invitation_accept", args=[token]),
        "until": invitation.expires_at,
    }
    try:
        get_adapter().send_mail("accounts/mail/invitation", invitation.email, context)
    except (OSError, SMTPException) as error:
        log.warning("invitation not sent", exception=type(error).__name__)
        return False
    return True
