"""Which practice a signed-in person acts for.

A session remembers it; somebody with one practice need not say. Of several, none is ever taken by itself. A page says
for which practice it was made (``account`` in its forms and polls), so that one tab cannot act for the practice that
was chosen in another.
"""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from accounts.models import Membership, User

_KEY = "account_id"


def memberships(request: HttpRequest) -> list[Membership]:
    """Return the practices that the person who is signed in belongs to now, by name; read once per request."""
    user = request.user
    if not isinstance(user, User):
        return []
    known: list[Membership] | None = getattr(request, "_memberships", None)
    if known is None:
        found = Membership.objects.filter(user=user, is_active=True, account__is_active=True)
        known = list(found.select_related("account").order_by("account__name", "account_id"))
        request._memberships = known  # type: ignore[attr-defined]
    return known


def membership(request: HttpRequest) -> Membership | None:
    """Return the membership that the person acts with, ``None`` if there is none or it has to be chosen."""
    found = memberships(request)
    chosen = request.session.get(_KEY)
    if chosen is not None:
        return next((one for one in found if str(one.account_id) == chosen), found[0] if len(found) == 1 else None)
    return found[0] if len(found) == 1 else None


def choose(request: HttpRequest, account_id: uuid.UUID) -> Membership | None:
    """Remember a practice of the person's own; return ``None`` for any other."""
    found = next((one for one in memberships(request) if one.account_id == account_id), None)
    if found is not None:
        request.session[_KEY] = str(found.account_id)
    return found


def forget(request: HttpRequest) -> None:
    """Have the memberships read anew, because they have changed."""
    request._memberships = None  # type: ignore[attr-defined]


def is_of_another(request: HttpRequest, own: Membership) -> bool:
    """Return whether a request comes from a page that was made for another practice."""
    named = {*request.GET.getlist("account"), *request.POST.getlist("account")}
    return bool(named - {str(own.account_id)})
