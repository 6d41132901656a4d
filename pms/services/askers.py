"""Who asks, read from a person's request: for the evidence."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.models import User
from pms.services.audit import Asker


def of_person(request: HttpRequest, user: User) -> Asker:
    """Return a signed-in person as whoever asks, through the address of the page or endpoint they use."""
    match = request.resolver_match
    return Asker(
        actor=f"user:{user.pk}",
        endpoint=f"/{match.route}" if match else "",
        method=request.method or "",
        user_id=str(user.pk),
        ip_address=client_address(request) or None,
        user_agent=request.headers.get("User-Agent"),
        request_id=getattr(request, "request_id", ""),
    )
