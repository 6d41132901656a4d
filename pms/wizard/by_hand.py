"""What a person copies and clicks at Vapi where there is no key for it, or with an assistant of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from pms.domain import errors
from pms.models import VoiceLine
from pms.services import lines
from pms.vapi import provisioning, provisioning_manual
from pms.wizard.ready import ReadyStep


def _text(label: str, help_text: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(required=False, max_length=64, label=label, help_text=help_text, widget=widget)


class IdsForm(forms.Form):
    """What Vapi calls the things that a person has made there. What is left empty stays as it is."""

    credential_id = _text("The server credential's id", "What is to be copied above has it in it then.")
    assistant_id = _text("The assistant's id")
    number = _text("The phone number")
    phone_number_id = _text("The phone number's id", "Vapi shows it where it shows the number.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if provisioning.is_configured():  # Parlae routes numbers by itself then, and asks Vapi whose they are
            del self.fields["number"], self.fields["phone_number_id"]

    def clean(self) -> dict[str, Any]:
        """Refuse half a number, and nothing at all."""
        given = super().clean() or self.cleaned_data
        number, number_id = given.get("number"), given.get("phone_number_id")
        if bool(number) is not bool(number_id):
            self.add_error("phone_number_id" if number else "number", "Give both the number and its id.")
        if not self.errors and not any(given.values()):
            self.add_error("assistant_id", "Give at least one of them.")
        return given


class ByHandView(ReadyStep):
    """Everything that is to be copied, in the order of the clicks."""

    title = "Set it up yourself at Vapi"
    lead = "For an assistant that you have already, or where Parlae has no key for Vapi."

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.enter() or self.shown(self.own_line())

    def shown(self, line: VoiceLine, *, secret: str = "", form: IdsForm | None = None) -> HttpResponse:
        """Return the page, with the secret where it was asked for, and a form that could not be kept."""
        row = getattr(line, "provisioning", None)
        known = {
            "credential_id": row.vapi_credential_id if row else "",
            "assistant_id": line.vapi_assistant_id,
            "number": line.phone_number,
            "phone_number_id": line.vapi_phone_number_id,
        }
        context = {
            "manual": provisioning_manual.manual_configuration(line=line, now=self.clock.now()),
            "secret": secret,
            "form": form or IdsForm(initial=known),
        }
        return self.page("wizard/by_hand.html", context, status=422 if form else 200)


class SecretView(ByHandView):
    """The same with the secret, for somebody who has just shown that it is them."""

    needs_recent = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("setup_by_hand")

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        line = self.own_line()
        secret = provisioning_manual.secret_for_copying(line=line, asker=self.asker, now=self.clock.now())
        return self.shown(line, secret=secret)


class IdsView(ByHandView):
    """Takes the ids of what a person has made at Vapi."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("setup_by_hand")

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        line, form = self.own_line(), IdsForm(request.POST)
        if form.is_valid():
            try:
                self._keep(line, form.cleaned_data)
            except errors.Invalid as error:
                for name, text in error.fields.items():
                    form.add_error(name if name in form.fields else None, text)
        if form.errors:
            return self.shown(line, form=form)
        messages.success(request, "Saved.")
        return redirect("setup_by_hand")

    def _keep(self, line: VoiceLine, given: dict[str, str]) -> None:
        if given["assistant_id"] not in ("", line.vapi_assistant_id):
            lines.attach_assistant(line=line, assistant_id=given["assistant_id"], asker=self.asker)
        if given["credential_id"]:
            provisioning.give_credential_id(line=line, credential_id=given["credential_id"], now=self.clock.now())
        if given.get("number"):
            lines.attach_number(
                line=line, phone_number_id=given["phone_number_id"], number=given["number"], asker=self.asker
            )
