"""Setting up a practice, and choosing one of several."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import View

from accounts import current, practices
from accounts.models import User
from accounts.practice_forms import NewPracticeForm

SETUP = "/setup/"


class CreateView(View):
    """A person's first practice, or another one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for the little that a practice needs."""
        return self._page(request, NewPracticeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make the practice and go on to its setup."""
        form = NewPracticeForm(request.POST)
        if not isinstance(request.user, User) or not form.is_valid():
            return self._page(request, form, status=422)
        practices.create(request, request.user, **form.cleaned_data)
        return redirect(SETUP)

    @staticmethod
    def _page(request: HttpRequest, form: NewPracticeForm, *, status: int = 200) -> HttpResponse:
        own = current.memberships(request)
        return render(request, "accounts/practice_new.html", {"form": form, "own": own}, status=status)


class ChooseView(View):
    """The practices of a person, to switch between. None is ever taken by itself."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them; whoever has none sets one up."""
        own = current.memberships(request)
        if not own:
            return redirect("practice_create")
        return render(request, "accounts/practices.html", {"own": own, "now": current.membership(request)})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Switch to one of them; one that is not theirs is not told from one that does not exist."""
        try:
            wanted = uuid.UUID(request.POST.get("practice", ""))
        except ValueError:
            return redirect("practice_choose")
        if not practices.switch(request, wanted):
            return redirect("practice_choose")
        following = request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(following, allowed_hosts=None, require_https=request.is_secure())
        return redirect(following if is_ours else "/")
