"""Where a person is signed in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.generic import View

from accounts import evidence, sessions
from accounts.models import User
from accounts.views.person import person


class SessionsView(View):
    """A person's own sessions, to look at and to end."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        now = request.session.session_key
        found = [(one, one.session_key == now) for one in sessions.of(person(request))]
        return render(request, "accounts/sessions.html", {"sessions": found})

    def post(self, request: HttpRequest) -> HttpResponse:
        """End one, or all others; the one that asks is ended by signing out."""
        only = request.POST.get("session", "")
        number = int(only) if only.isascii() and only.isdecimal() and len(only) < 18 else None
        if only and number is None:
            return redirect("sessions")
        evidence.tell("session.ended", request=request, which="one" if only else "others", by="self")
        count = self._end(person(request), number)
        messages.success(request, "That session has ended." if count == 1 else f"{count} sessions have ended.")
        return redirect("sessions")

    def _end(self, user: User, only: int | None) -> int:
        return sessions.end(user, keep=self.request.session.session_key, only=only)
