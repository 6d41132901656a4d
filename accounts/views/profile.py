"""A person's own sign-in, at a glance."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.generic import View

from accounts import current, sessions
from accounts.team_forms import NameForm
from accounts.views.person import person


class ProfileView(View):
    """Name, address, password, second step, passkeys, sessions and practices, with the way to change each."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self._page(request, NameForm(initial={"name": person(request).name}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change the name."""
        form, user = NameForm(request.POST), person(request)
        if not form.is_valid():
            return self._page(request, form, status=422)
        user.name = form.cleaned_data["name"]
        user.save(update_fields=["name"])
        messages.success(request, "Your name is changed.")
        return redirect("profile")

    @staticmethod
    def _page(request: HttpRequest, form: NameForm, *, status: int = 200) -> HttpResponse:
        user = person(request)
        kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        context = {
            "form": form,
            "has_app": Authenticator.Type.TOTP in kinds,
            "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
            "sessions": len(sessions.of(user)),
            "own": current.memberships(request),
        }
        return render(request, "accounts/profile.html", context, status=status)
