"""Step 5: what is on, the phone line, a test call, and what is left before real callers."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from pms.domain import errors
from pms.jobs import queue
from pms.models import ProvisioningState, TestCallState, VoiceLine
from pms.services import features, integrations, stand_in
from pms.services.stand_in import Person
from pms.vapi import provisioning, rehearsal
from pms.wizard import checklist, line_words
from pms.wizard.base import StepView

_AT_WORK = (ProvisioningState.QUEUED, ProvisioningState.RUNNING)
_RUNNING = (TestCallState.QUEUED, TestCallState.RUNNING)


class ReadyStep(StepView):
    """What the last page and its parts share."""

    number = 5
    title = "Your agent is ready to be tried"
    lead = "Let a test call run, then follow the list before you give the number to your patients."

    def line(self) -> VoiceLine | None:
        """Return the practice's line, the oldest of several."""
        found = self.account.voice_lines.filter(is_active=True).select_related("account", "provisioning")
        return found.order_by("created_at").first()

    def own_line(self) -> VoiceLine:
        """Return the practice's line; there is none before step 4 is done."""
        line = self.line()
        if line is None:
            raise Http404
        return line

    def line_context(self) -> dict[str, Any]:
        """Return what the part about the line is drawn from."""
        line = self.line()
        row = getattr(line, "provisioning", None)
        is_configured = provisioning.is_configured()
        return {
            "line": line,
            "provisioning": row,
            "told": line_words.told(row, line, is_configured=is_configured),
            "is_configured": is_configured,
            "is_at_work": row is not None and row.state in _AT_WORK and not row.error_code,
        }

    def call_context(self) -> dict[str, Any]:
        """Return what the part about the test call is drawn from."""
        connection = integrations.current(account=self.account)
        latest = rehearsal.latest(account=self.account)
        line = self.line()
        return {
            "line": line,
            "call": rehearsal.read(test_call=latest) if latest else None,
            "is_calling": latest is not None and latest.state in _RUNNING,
            "is_sandbox": stand_in.is_sandbox(connection),
            "can_book": connection is not None and rehearsal.can_book(integration=connection),
            "is_callable": line is not None and bool(line.vapi_assistant_id or line.phone_number),
        }


class ReadyView(ReadyStep):
    """The whole page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.enter() or self.shown()

    def shown(self, problems: list[str] | None = None) -> HttpResponse:
        """Return the page, with what was wrong about a test call that was asked for."""
        context = {
            "switches": [one for one in features.read(account=self.account).features if one.is_on],
            "items": checklist.items(account=self.account, user=self.user),
            "problems": problems or [],
            **self.line_context(),
            **self.call_context(),
        }
        return self.page("wizard/done.html", context, status=422 if problems else 200)


class LineView(ReadyStep):
    """The part about the line, which asks for itself while it is being set up."""

    polled = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.enter() or self.render("wizard/line.html", self.line_context())


class NumberView(ReadyStep):
    """Gets a number for the line, gives it one that is at Vapi, or takes a credential's id."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        line, sent, now = self.own_line(), request.POST, self.clock.now()
        try:
            if "area_code" in sent:
                provisioning.want_new_number(line=line, area_code=sent["area_code"], now=now)
            elif "number" in sent:
                provisioning.want_existing_number(
                    line=line, number=sent["number"], now=now, takes_over="takes_over" in sent
                )
            elif "credential_id" in sent:
                provisioning.give_credential_id(line=line, credential_id=sent["credential_id"], now=now)
            else:
                provisioning.want(line=line, now=now)
        except errors.Invalid as error:
            messages.error(request, " ".join(error.fields.values()) or error.message)
        else:
            queue.wake("provision")
        return redirect("setup_done")


class CallView(ReadyView):
    """Starts a test call; its part of the page asks for itself while it runs."""

    polled = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.enter() or self.render("wizard/call.html", self.call_context())


class AskCallView(ReadyView):
    """Asks for a test call."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("setup_done")

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        line = self.own_line()
        books = "books" in request.POST
        try:
            rehearsal.ask(
                account=self.account,
                user=self.user,
                line=line,
                books=books,
                patient=_patient(request) if books else None,
                asker=self.asker,
                clock=self.clock,
            )
        except errors.Invalid as error:
            return self.shown(sorted(set(error.fields.values())))
        except errors.ParlaeError as error:
            return self.shown([error.message])
        queue.wake("test_calls")
        return redirect("setup_done")


class ConfirmView(ReadyStep):
    """Takes a person's word for something on the list."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        try:
            checklist.confirm(
                account=self.account,
                code=request.POST.get("code", ""),
                user=self.user,
                asker=self.asker,
                clock=self.clock,
            )
        except KeyError:
            raise Http404 from None
        return redirect("setup_done")


def _patient(request: HttpRequest) -> Person:
    """Return whom the test call should book for. Raises ``Invalid`` for a date that is none."""
    try:
        born = date.fromisoformat(request.POST.get("born", ""))
    except ValueError:
        raise errors.Invalid(fields={"patient": "Give the test patient's date of birth."}) from None
    return Person(request.POST.get("first_name", "").strip(), request.POST.get("last_name", "").strip(), born)
