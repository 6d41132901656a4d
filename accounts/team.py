"""A practice's people: their roles, and ending and giving back their access. Nobody is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import evidence, sessions
from accounts.models import Account, Invitation, Membership
from accounts.roles import MATRIX, Role


class Refused(Exception):
    """Why something cannot be done, in words for whoever wanted it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the team, as the list shows them."""

    membership: Membership
    has_second_factor: bool
    is_you: bool

    @property
    def name(self) -> str:
        """What the person is called."""
        return self.membership.user.name or self.membership.user.email

    @property
    def last_seen(self) -> datetime | None:
        """When the person signed in last."""
        return self.membership.user.last_login


def members(own: Membership) -> list[Member]:
    """Return everybody who is or was in the practice, the active ones first."""
    found = Membership.objects.filter(account_id=own.account_id).select_related("user")
    ordered = sorted(found, key=lambda one: (not one.is_active, (one.user.name or one.user.email).casefold()))
    people = [one.user_id for one in ordered]
    secured = set(Authenticator.objects.filter(user_id__in=people).values_list("user_id", flat=True))
    return [Member(one, one.user_id in secured, one.user_id == own.user_id) for one in ordered]


def member(own: Membership, pk: int) -> Member | None:
    """Return one person of the practice."""
    return next((one for one in members(own) if one.membership.pk == pk), None)


def roles_to_give(own: Membership) -> list[Role]:
    """Return the roles that a person may give to others: owners are made by owners."""
    return [role for role in Role if role != Role.OWNER or own.role == Role.OWNER]


def change_role(request: HttpRequest, own: Membership, target: Membership, role: str) -> None:
    """Give somebody another role. Raises ``Refused``."""
    _check_role(own, target, role)
    if role == target.role:
        return
    evidence.tell(
        "role.changed",
        request=request,
        account_id=own.account_id,
        member=str(target.user_id),
        old=target.role,
        new=role,
    )
    with _locked(own, target) as (current, found):
        _check_role(current, found, role)
        found.role = role
        found.save(update_fields=["role"])


def deactivate(request: HttpRequest, own: Membership, target: Membership) -> None:
    """End somebody's access to the practice at once, and the invitations that they have sent. Raises ``Refused``."""
    _check_end(own, target)
    evidence.tell("member.deactivated", request=request, account_id=own.account_id, member=str(target.user_id))
    with _locked(own, target) as (current, found):
        _check_end(current, found)
        found.is_active = False
        found.save(update_fields=["is_active"])
        _open_invitations(own).filter(invited_by_id=target.user_id).update(revoked_at=timezone.now())
    if not Membership.objects.filter(user_id=target.user_id, is_active=True).exists():
        sessions.end(target.user)


def reactivate(request: HttpRequest, own: Membership, target: Membership) -> None:
    """Give somebody their access back, in the role that they had. Raises ``Refused``."""
    _check_rank(own, target)
    evidence.tell("member.reactivated", request=request, account_id=own.account_id, member=str(target.user_id))
    with _locked(own, target) as (current, found):
        _check_rank(current, found)
        found.is_active = True
        found.save(update_fields=["is_active"])


def end_sessions(request: HttpRequest, own: Membership, target: Membership) -> int:
    """Sign somebody out everywhere; return of how many sessions. Raises ``Refused``."""
    _check_rank(own, target)
    evidence.tell("session.ended", request=request, account_id=own.account_id, member=str(target.user_id), by="manager")
    return sessions.end(target.user)


@contextmanager
def _locked(own: Membership, target: Membership) -> Iterator[tuple[Membership, Membership]]:
    """Keep the practice's people as they are meanwhile: of two owners who demote each other one has to stay."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=own.account_id)
        rows = {one.pk: one for one in Membership.objects.filter(pk__in=[own.pk, target.pk]).select_related("user")}
        if not rows[own.pk].is_active:
            raise Refused("You are not in this practice's team any more.")
        yield rows[own.pk], rows[target.pk]


def _open_invitations(own: Membership) -> QuerySet[Invitation]:
    return Invitation.objects.filter(account_id=own.account_id, accepted_at=None, revoked_at=None)


def _check_rank(own: Membership, target: Membership) -> None:
    if target.role == Role.OWNER and own.role != Role.OWNER:
        raise Refused("Only an owner can change an owner.")


def _check_role(own: Membership, target: Membership, role: str) -> None:
    _check_rank(own, target)
    if role not in roles_to_give(own):
        raise Refused("Only an owner can make somebody an owner.")
    if own.user_id == target.user_id and not MATRIX[Role(role)] <= MATRIX[Role(own.role)]:
        raise Refused("You cannot give yourself more than you have.")
    if role != Role.OWNER:
        _check_owners(target)


def _check_end(own: Membership, target: Membership) -> None:
    _check_rank(own, target)
    _check_owners(target)


def _check_owners(target: Membership) -> None:
    """Refuse to lose the last owner."""
    if target.role != Role.OWNER or not target.is_active:
        return
    owners = Membership.objects.filter(
        account_id=target.account_id, role=Role.OWNER, is_active=True, user__is_active=True
    )
    if not owners.exclude(pk=target.pk).exists():
        raise Refused("A practice needs an owner. Make somebody else an owner first.")
