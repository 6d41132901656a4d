"""Addresses for everybody, or for machines: whose session it is does not matter there, and is not looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase

V = TypeVar("V", bound=Callable[..., HttpResponseBase])


def asks_nobody(view: V) -> V:
    """Mark a view that neither asks for a sign-in nor cares about one."""
    view.asks_nobody = True  # type: ignore[attr-defined]
    return login_not_required(view)


def is_anybody(request: HttpRequest) -> bool:
    """Return whether a request is for such a view, or for none."""
    match = request.resolver_match
    return match is None or bool(getattr(match.func, "asks_nobody", False))
