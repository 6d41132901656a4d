"""Receivers of what happens elsewhere, written as security events."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.evidence import happened
from pms.domain import errors
from pms.services import audit, limits
from pms.services.audit import Summary

# What somebody can bring about again and again: of a flood only the first few a minute are written.
_OFTEN = frozenset({"permission.denied", "second_factor.failed", "signin.locked"})


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


@receiver(happened)
def told(
    sender: object,
    kind: str,
    actor: str,
    account_id: uuid.UUID | None,
    detail: Summary,
    request: HttpRequest | None,
    **_kwargs: Any,
) -> None:
    """Record what accounts tells. Raises ``Internal`` if it cannot be written: then it is not done either."""
    if kind in _OFTEN and not _is_among_the_first(kind, actor, request):
        return
    _record(kind, actor, request, account_id, detail)


def _is_among_the_first(kind: str, actor: str, request: HttpRequest | None) -> bool:
    source = actor if actor != "anonymous" or request is None else client_address(request)
    try:
        limits.check(limit="refusals", key=f"{kind}:{source}")
    except errors.RateLimited:
        return False
    return True


def _record(
    kind: str,
    actor: str,
    request: HttpRequest | None,
    account_id: uuid.UUID | None = None,
    detail: Summary | None = None,
) -> None:
    audit.record_event(
        kind=kind,
        actor=actor,
        account_id=account_id,
        detail=detail,
        ip_address=client_address(request) if request else "",
        user_agent=request.headers.get("User-Agent", "") if request else "",
        request_id=getattr(request, "request_id", ""),
    )
