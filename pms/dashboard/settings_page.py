"""Settings: the connection, what the agent does, the line, what is kept, and days and times that are not as usual.

What somebody else has changed meanwhile is not overwritten: every form says which state it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from auditlog.context import set_actor
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.roles import Permission
from pms.dashboard import places
from pms.dashboard.base import DashboardView, said
from pms.dashboard.forms import BlockedForm, PoliciesForm, SpecialDayForm
from pms.domain import errors
from pms.services import features, integrations, overview, policies, rules
from pms.services.overview_words import Place


class SettingsView(DashboardView):
    """The whole page. Each of its forms goes to an address of its own, and comes back here if it cannot be kept."""

    permission = Permission.MANAGE_RULES
    section = "settings"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show everything as it is."""
        return self.page()

    def page(self, status: int = 200, **sent: Any) -> HttpResponse:
        """Return the page, with a form that was ``sent`` in its place."""
        stored = rules.read(account=self.account, clock=self.clock)
        standing = overview.standing(account=self.account, clock=self.clock)
        kept = policies.read(account=self.account)
        context = {
            "standing": standing,
            "connection": integrations.current(account=self.account),
            "reasons": [places.told(one, self.may) for one in standing.reasons if one.place == Place.CONNECTION],
            "features": self._features(),
            "policies": PoliciesForm(initial=kept),
            "days": [_entry(number, one) for number, one in enumerate(stored["specialDays"])],
            "blocked": [_entry(number, one) for number, one in enumerate(stored["blockouts"])],
            "rules_version": stored["version"],
            "day_form": SpecialDayForm(prefix=DaysView.prefix),
            "blocked_form": BlockedForm(prefix=BlockedView.prefix),
        }
        return self.render("dashboard/settings.html", context | sent, status=status)

    def _features(self) -> tuple[features.Feature, ...]:
        try:
            return features.read(account=self.account).features
        except errors.SetupRequired:  # there is no connection yet, and the page says so
            return ()

    def saved(self, text: str) -> HttpResponse:
        """Go back to the page, which says what was done."""
        messages.success(self.request, text)
        return redirect("settings")


class PoliciesView(SettingsView):
    """What is sent, trusted and kept."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Change it."""
        form = PoliciesForm(request.POST)
        if not form.is_valid():
            return self.page(422, policies=form)
        before = policies.read(account=self.account)
        try:
            with set_actor(self.user):
                after = policies.change(
                    account=self.account,
                    changes=form.changes(),
                    asker=self.asker,
                    version=form.cleaned_data["version"],
                )
        except errors.IdempotencyConflict as error:
            self.tell(error)
            return redirect("settings")
        return self.saved("Saved." if before != after else "Nothing was changed.")


class EntriesView(SettingsView):
    """A list in the rules, to which something is added, or from which something is taken.

    ``part`` is what the rules call the list, ``prefix`` what the form's fields begin with, and ``place`` what the page
    calls the form.
    """

    part: ClassVar[str]
    prefix: ClassVar[str]
    place: ClassVar[str]
    form_class: ClassVar[type[SpecialDayForm | BlockedForm]]
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the button says."""
        stored = rules.read(account=self.account, clock=self.clock)[self.part]
        if "remove" in request.POST:
            left = [one for number, one in enumerate(stored) if str(number) != request.POST["remove"]]
            return self._changed(left, None)
        form = self.form_class(request.POST, prefix=self.prefix)
        if not form.is_valid():
            return self.page(422, **{self.place: form})
        return self._changed([*stored, form.entry()], form)

    def _changed(self, entries: list[Mapping[str, Any]], form: SpecialDayForm | BlockedForm | None) -> HttpResponse:
        changes = {self.part: entries, "version": self.request.POST.get("version") or "none"}
        try:
            with set_actor(self.user):
                rules.change(account=self.account, changes=changes, asker=self.asker, clock=self.clock)
        except errors.IdempotencyConflict as error:
            self.tell(error)
            return redirect("settings")
        except errors.Invalid as error:
            if form is None:
                self.tell(error)
                return redirect("settings")
            form.add_error(None, said(error))
            return self.page(422, **{self.place: form})
        return self.saved("Added. It counts from the next call on." if form else "Removed.")


class DaysView(EntriesView):
    """Special days."""

    part, prefix, place = "specialDays", "day", "day_form"
    form_class = SpecialDayForm


class BlockedView(EntriesView):
    """Blocked time."""

    part, prefix, place = "blockouts", "blocked", "blocked_form"
    form_class = BlockedForm


def _entry(number: int, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a list as the page shows it: by its place in the list, and whom it is about."""
    whose = f"Clinician {one['clinicianId']}" if one.get("clinicianId") else ""
    room = f"Room {one['operatoryId']}" if one.get("operatoryId") else ""
    return {
        "number": number,
        "whose": whose or room,
        "label": one.get("label", ""),
        "date": one.get("date"),
        "hours": ", ".join(f"{opens} to {closes}" for opens, closes in one.get("windows", ())) or "Closed",
        "start": one.get("startTime"),
        "end": one.get("endTime"),
    }
