"""What every page around a practice needs to be drawn."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts import current, openness, roles, second_factor
from accounts.middleware import idle_minutes
from accounts.models import Membership, User
from accounts.roles import Permission


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return who is signed in, for which practice, what they may open, and when their session would end."""
    if openness.is_anybody(request) or not isinstance(getattr(request, "user", None), User):
        return {}
    own = current.membership(request)
    return {
        "shell": {
            "membership": own,
            "account": own.account if own else None,
            "practices": len(current.memberships(request)),
            "may": _may(own),
            "idle_seconds": idle_minutes(request) * 60,
            "days_without_second_factor": second_factor.days_without(request),
        }
    }


def _may(own: Membership | None) -> dict[str, bool]:
    """Return the permissions by their names, for templates."""
    return {one.value: own is not None and roles.allows(own.role, one) for one in Permission}
