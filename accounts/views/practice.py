"""What belongs to the practice itself: its name, its clock, how its people sign in and how long things are kept."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import practices, questions, zones
from accounts.models import Account
from accounts.pages import PracticeView
from accounts.practice_forms import PracticeForm
from accounts.roles import Permission


class PracticeSettingsView(PracticeView):
    """The practice's own settings. Whoever saves what somebody else has changed meanwhile is told, not obeyed."""

    permission = Permission.MANAGE_PEOPLE

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self._page(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change what was changed in the form."""
        form = self._form(request)
        if not form.is_valid():
            return self._page(form, status=422)
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name != "version"}
        known = Account.objects.get(pk=self.account.pk)
        if changes and not practices.change(request, known, changes, version=form.cleaned_data["version"]):
            messages.warning(request, "Somebody else has changed these settings meanwhile. Nothing of yours was saved.")
            return redirect("practice")
        messages.success(request, "Saved." if changes else "Nothing was changed.")
        return redirect("practice")

    def _form(self, request: HttpRequest | None = None) -> PracticeForm:
        own = Account.objects.get(pk=self.account.pk)
        return PracticeForm(
            request.POST if request else None,
            instance=own,
            initial={"version": practices.version_of(own)},
            has_connection=questions.is_connected(own),
        )

    def _page(self, form: PracticeForm, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "zone": zones.label(self.account.time_zone)}
        return self.render("accounts/practice.html", context, status=status)
