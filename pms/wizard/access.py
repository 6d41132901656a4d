"""Steps 1 to 3: which system, the way into it, and whether it works."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts import recent
from pms.domain import errors
from pms.jobs import queue
from pms.models import CheckState
from pms.services import office_proof, setup_words, setups, worker
from pms.services.setups import ChangedMeanwhile
from pms.wizard import catalogue, proving
from pms.wizard.base import StepView
from pms.wizard.forms import CredentialsForm

_RUNNING = (CheckState.QUEUED, CheckState.RUNNING)
_LONG = timedelta(seconds=20)


class SystemView(StepView):
    """Step 1: which system the practice uses."""

    number = 1
    title = "Which system does your practice use?"
    lead = "Choose the program that keeps your schedule and your patients' records."
    needs_agreement = False

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.enter() or self._shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        try:
            setups.choose_provider(
                account=self.account,
                provider=request.POST.get("provider", ""),
                version=_version(request),
                user=self.user,
                asker=self.asker,
                clock=self.clock,
            )
        except ChangedMeanwhile as changed:
            return self._shown(changed=changed)
        except errors.NotSupported:
            return self._shown(error="Choose one of the systems that can be connected now.")
        except errors.StillWorking as error:
            return self._shown(error=error.message)
        return redirect("setup_credentials")

    def _shown(self, changed: ChangedMeanwhile | None = None, error: str = "") -> HttpResponse:
        self.setup_view = setups.read(account=self.account)
        choices = catalogue.choices()
        context = {
            "choices": choices,
            "choices_available": sum(one.is_available for one in choices),
            "changed": changed,
            "error": error,
        }
        return self.page("wizard/system.html", context, status=409 if changed else 422 if error else 200)


class CredentialsView(StepView):
    """Step 2: what opens the practice's data; secrets go in and never come out."""

    number = 2
    title = "Connect to your system"
    lead = "With these, Parlae can open your schedule, and nothing that you do not allow."

    def get(self, request: HttpRequest) -> HttpResponse:
        if not recent.is_recent(request):
            return recent.ask(request.path)
        return self.enter() or self._shown(self._form(None))

    def post(self, request: HttpRequest) -> HttpResponse:
        if not proving.was_opened_lately(request, self.user):
            return recent.ask(request.path)
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        form = self._form(request.POST)
        if not form.is_valid():
            return self._shown(form)
        try:
            setups.keep_credentials(
                account=self.account,
                values=form.values(),
                location=form.cleaned_data.get("location", ""),
                version=_version(request),
                user=self.user,
                asker=self.asker,
                clock=self.clock,
            )
            setups.ask_check(account=self.account, user=self.user, asker=self.asker, clock=self.clock)
        except ChangedMeanwhile as changed:
            self.setup_view = setups.read(account=self.account)
            return self._shown(form, changed)
        except errors.Invalid as error:
            for name, text in error.fields.items():
                form.add_error(name if name in form.fields else None, text)
            return self._shown(form)
        except (errors.StillWorking, errors.RateLimited) as error:
            form.add_error(None, error.message)
            return self._shown(form)
        queue.wake("checks")
        return redirect("setup_test")

    def _form(self, data: Mapping[str, Any] | None) -> CredentialsForm:
        setup = self.setup_view
        return CredentialsForm(
            data,
            fields=setup.fields,
            kept=setup.kept,
            shown=setup.shown,
            locations=setup.locations,
            location=setup.location,
        )

    def _shown(self, form: CredentialsForm, changed: ChangedMeanwhile | None = None) -> HttpResponse:
        context = {
            "form": form,
            "changed": changed,
            "opened": proving.opened(self.user),
            "guide": f"wizard/guides/{self.setup_view.provider.lower()}.html",
            "asks_keys": any(field.secret for field in self.setup_view.fields),
        }
        return self.page("wizard/credentials.html", context, status=409 if changed else 422 if form.errors else 200)


class TestView(StepView):
    """Step 3: every check on the way to the practice's data, as it happens."""

    number = 3
    title = "Testing the connection"
    lead = "Parlae goes the whole way once, as it will for every caller. No patient is looked at."

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.enter() or self.page("wizard/test.html", progress(self))

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        try:
            setups.ask_check(account=self.account, user=self.user, asker=self.asker, clock=self.clock)
        except errors.RateLimited as error:
            messages.warning(request, error.message)
        else:
            queue.wake("checks")
        return redirect("setup_test")


class ProgressView(StepView):
    """The part of step 3 that changes while the worker checks; it asks for itself."""

    number = 3
    title = TestView.title
    polled = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.enter() or self.render("wizard/progress.html", progress(self))


def progress(view: StepView) -> dict[str, Any]:
    """Return what the checks have found so far, in words."""
    setup = view.setup_view
    is_running = setup.check_state in _RUNNING
    asks_code = setup.check_state == CheckState.FAILED and setup.error_code == errors.OfficeUnproven.code
    waits = is_running and setup.asked_at is not None and view.clock.now() - setup.asked_at > _LONG
    return {
        "checks": setup_words.steps(setup.steps),
        "is_running": is_running,
        "has_passed": setup.check_state == CheckState.PASSED,
        "problem": setup_words.problem(setup.error_code) if setup.check_state == CheckState.FAILED else None,
        "sent_to": office_proof.sent_to(account=view.account) if asks_code else "",
        "opened": proving.opened(view.user) if asks_code and recent.is_recent(view.request) else "",
        "waits_long": waits or (is_running and worker.is_silent(now=view.clock.now())),
    }


def _version(request: HttpRequest) -> int:
    given = request.POST.get("version", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1  # which none ever has
