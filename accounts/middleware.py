"""How long a session lasts, and that whoever sees patient data has a second factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import ResolverMatch
from django.utils import timezone

from accounts import current, evidence, openness, recent, second_factor, sessions
from accounts.models import User

IDLE_MINUTES = 15  # for people who belong to no practice
ABSOLUTE_HOURS = 12
_SEEN, _NOTED = "seen_at", "noted_at"
_SEEN_EVERY = 5  # seconds; what is done within them ends no later
_NOTED_EVERY = 60
# Where somebody without a second factor may go when the grace is over.
_ALLOWED_WITHOUT = (
    "mfa_",
    "account_logout",
    "account_reauthenticate",
    "account_email",
    "profile",
    "sessions",
    "practice_choose",
    "session_alive",
)
_WHY = {
    "idle": "You have been signed out, because nobody was there for a while.",
    "absolute": f"You have been signed out, because you had been signed in for {ABSOLUTE_HOURS} hours.",
}


class SessionLimitsMiddleware:
    """End sessions on the server: after minutes without anybody there, and after so many hours whatever happens.

    The strictest of a person's practices counts. What an open page asks for by itself (``polled`` views) does not
    count as somebody being there. Pages for people who are signed in are kept by no browser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.headers.get("HX-Request") and response.status_code == 302:
            # htmx would put the page that it is sent to into a part of this one.
            response = HttpResponse(status=204, headers={"HX-Redirect": response.headers["Location"]})
        if not openness.is_anybody(request) and isinstance(getattr(request, "user", None), User):
            response.headers["Cache-Control"] = "no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """End a session that has lasted too long before anything is shown; note that somebody is there."""
        if openness.is_anybody(request) or not isinstance(request.user, User):
            return None
        now = timezone.now().timestamp()
        why = _why_over(request, now)
        if why:
            evidence.tell("session.expired", request=request, why=why)
            logout(request)
            messages.info(request, _WHY[why])
            return None
        request.session.setdefault(recent.BEGAN, now)
        _note(request, now, is_polled=_is_polled(view))
        return None


class SignInMiddleware(LoginRequiredMiddleware):
    """Ask for a sign-in everywhere but at open views; there nobody's session is even looked up."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Send whoever is not signed in to the sign-in."""
        if not getattr(view_func, "login_required", True):
            return None
        answer: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        return answer


class SecondFactorMiddleware:
    """Let whoever may see patient data in only with a second factor, once the practice's grace is over."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """Send people who have to set up a second factor there; a view that lets people in itself looks itself."""
        is_open = not getattr(view, "login_required", True)
        if is_open or not isinstance(request.user, User) or _is_allowed_without(request.resolver_match):
            return None
        return redirect("mfa_index") if second_factor.is_missing(request) else None


def idle_minutes(request: HttpRequest) -> int:
    """Return after how many minutes without anybody there this session ends."""
    return min((one.account.idle_minutes for one in current.memberships(request)), default=IDLE_MINUTES)


def _why_over(request: HttpRequest, now: float) -> str:
    """Return why a session is over, nothing if it is not."""
    seen, began = request.session.get(_SEEN), request.session.get(recent.BEGAN)
    if seen is not None and now - seen > idle_minutes(request) * 60:
        return "idle"
    if began is not None and now - began > ABSOLUTE_HOURS * 3600:
        return "absolute"
    return ""


def _note(request: HttpRequest, now: float, *, is_polled: bool) -> None:
    """Note that somebody is there; a session is written at most every few seconds."""
    session = request.session
    seen = session.get(_SEEN)
    if seen is not None and (is_polled or now - seen < _SEEN_EVERY):
        return
    session[_SEEN] = now
    if now - session.get(_NOTED, 0) >= _NOTED_EVERY:
        session[_NOTED] = now
        sessions.note(request)


def _is_polled(view: Callable[..., HttpResponse]) -> bool:
    return bool(getattr(getattr(view, "view_class", None), "polled", False))


def _is_allowed_without(match: ResolverMatch | None) -> bool:
    if match is None or match.namespace:  # the support desk has names like these too
        return False
    return str(match.url_name or "").startswith(_ALLOWED_WITHOUT)
