"""Receivers of what happens elsewhere, written as security events."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from pms.services import audit
from pms.services.addresses import client_address


@receiver(user_logged_in)
def signed_in(sender: object, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Record a sign-in."""
    _record("signin.succeeded", f"user:{user.pk}", request)


@receiver(user_logged_out)
def signed_out(sender: object, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Record a sign-out."""
    _record("signin.ended", f"user:{user.pk}" if user else "anonymous", request)


@receiver(user_login_failed)
def sign_in_failed(sender: object, request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Record a failed sign-in, without what was typed."""
    _record("signin.failed", "anonymous", request)


def _record(kind: str, actor: str, request: HttpRequest | None) -> None:
    audit.record_event(
        kind=kind,
        actor=actor,
        ip_address=client_address(request) if request else "",
        user_agent=request.headers.get("User-Agent", "") if request else "",
        request_id=getattr(request, "request_id", ""),
    )
