"""Who has to have a second factor, and from when on."""

from __future__ import annotations

from datetime import timedelta

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest
from django.utils import timezone

from accounts import current, roles
from accounts.models import Membership, User
from accounts.roles import Permission

_SHOWS_PATIENTS = (Permission.READ_PATIENT_DATA, Permission.READ_AUDIT)
_SUPPORT_GRACE = timedelta(days=7)
_UNKNOWN = object()


def days_without(request: HttpRequest) -> int | None:
    """Return for how many days the person may still do without one; ``None`` if they need none more.

    Looked up once per request.
    """
    known = getattr(request, "_days_without_second_factor", _UNKNOWN)
    if known is _UNKNOWN:
        known = request._days_without_second_factor = _days(request)  # type: ignore[attr-defined]
    return known if isinstance(known, int) else None


def is_missing(request: HttpRequest) -> bool:
    """Return whether the person needs one now and has none."""
    return days_without(request) == 0


def _days(request: HttpRequest) -> int | None:
    user = request.user
    if not isinstance(user, User):
        return None
    ends = [one.created_at + _grace(one) for one in current.memberships(request) if _needs_one(one)]
    if user.is_staff:
        ends.append(user.created_at + _SUPPORT_GRACE)
    if not ends or is_mfa_enabled(user):
        return None
    left = min(ends) - timezone.now()
    return max(0, -(-left // timedelta(days=1)))


def _needs_one(membership: Membership) -> bool:
    return any(roles.allows(membership.role, permission) for permission in _SHOWS_PATIENTS)


def _grace(membership: Membership) -> timedelta:
    return timedelta(days=membership.account.second_factor_grace_days)
