"""Practices and people that are there already."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts.models import Account, Membership, User
from accounts.roles import Role
from tests.accounts.visitor import PASSWORD, Visitor

SECRET = "JBSWY3DPEHPK3PXP"


def practice(name: str = "Alder Dental", **settings: object) -> Account:
    """Return a practice without anybody in it."""
    return Account.objects.create(name=name, time_zone="America/Chicago", **settings)


def person(email: str, *, name: str = "Ana Petrov", password: str | None = None, **fields: object) -> User:
    """Return somebody whose address is known to be theirs."""
    user = User.objects.create_user(email, password, name=name, **fields)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def member(account: Account, role: Role, email: str = "", **fields: object) -> Membership:
    """Return somebody's membership."""
    user = person(email or f"{role.lower()}@{account.name.split()[0].lower()}.example", **fields)  # type: ignore[arg-type]
    return Membership.objects.create(user=user, account=account, role=role)


def with_app(user: User) -> None:
    """Give somebody an authenticator app with ``SECRET``, and recovery codes."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)


def has_second_factor(user: User) -> bool:
    """Return whether somebody has one."""
    return Authenticator.objects.filter(user=user).exists()


def at_desk(user: User) -> Visitor:
    """Return the browser of somebody who is signed in."""
    visitor = Visitor()
    visitor.client.force_login(user)
    return visitor


def browser(user: User) -> Client:
    """Return a plain client of somebody who is signed in, which sends no tokens against forged requests."""
    client = Client()
    client.force_login(user)
    return client


__all__ = ["PASSWORD", "SECRET", "at_desk", "browser", "has_second_factor", "member", "person", "practice", "with_app"]
