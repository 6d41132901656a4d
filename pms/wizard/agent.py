"""Step 4: what the agent may do, which appointments, when, and who is called when a person is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from auditlog.context import set_actor
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import zones
from accounts.models import Account
from pms.domain import errors, speech
from pms.jobs import queue
from pms.models import BookingMode, ForPatients
from pms.services import connecting, features, lines, policies, rule_suggestions, rules, setups
from pms.vapi import provisioning
from pms.wizard import hour_forms
from pms.wizard.base import StepView
from pms.wizard.hour_forms import HoursForm
from pms.wizard.rule_forms import PeopleForm, Staff, TypeForm, WhenForm, ZoneForm

_NEW_KIND: Mapping[str, Any] = {
    "name": "",
    "isActive": False,
    "durationMinutes": 30,
    "mode": BookingMode.REQUEST,
    "forPatients": ForPatients.ANYONE,
    "resources": [],
}
_CHANGED = (
    "Somebody else has changed some of this since you opened the page. What you chose is still here; save again and it "
    "takes the place of theirs."
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored, and what the practice's system tells; ``unread`` says why it tells nothing.

    ``other_zone`` is the zone that the system keeps, where its clock is not the practice's.
    """

    features: features.Features
    rules: Mapping[str, Any]
    policies: Mapping[str, Any]
    suggested: rule_suggestions.Suggested | None
    unread: str
    zone: str
    other_zone: str

    @property
    def versions(self) -> dict[str, str]:
        """What a change is compared with, by the names of the page's hidden fields."""
        return {
            "features_version": self.features.version,
            "rules_version": self.rules["version"],
            "policies_version": self.policies["version"],
            "zone_version": self.zone,
        }


class AgentView(StepView):
    """Shows and keeps all of step 4 at once."""

    number = 4
    title = "What should the agent do?"
    lead = "Start small. Everything can be changed later, and counts from the next call on."

    def get(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        known = self._known()
        return self._shown(Page(None, known, self.account), known)

    def post(self, request: HttpRequest) -> HttpResponse:
        if (elsewhere := self.enter()) is not None:
            return elsewhere
        known = self._known()
        page = Page(request.POST, known, self.account)
        if not page.is_valid():
            return self._shown(page, known, page.problems())
        if any(request.POST.get(name) != version for name, version in known.versions.items()):
            return self._shown(page, known, [_CHANGED], status=409)
        try:
            with set_actor(self.user):
                self._keep(page, known)
        except errors.IdempotencyConflict:
            return self._shown(page, self._known(), [_CHANGED], status=409)
        except errors.Invalid as error:
            return self._shown(page, self._known(), sorted(set(error.fields.values())))
        except errors.StillWorking as error:
            return self._shown(page, self._known(), [error.message])
        queue.wake("provision")
        return redirect("setup_done")

    def _known(self) -> Known:
        stored = rules.read(account=self.account, clock=self.clock)
        suggested, unread = None, ""
        try:
            stored = rules.read_with_pms(account=self.account, asker=self.asker, clock=self.clock)
            suggested = rule_suggestions.suggested(account=self.account, asker=self.asker, clock=self.clock)
        except errors.ParlaeError as error:
            unread = error.message
        own = policies.read(account=self.account)
        zone, told = self.account.time_zone, self.setup_view.time_zone
        other = "" if not told or zones.agree(zone, told, self.clock.now()) else told
        return Known(features.read(account=self.account), stored, own, suggested, unread, zone, other)

    def _keep(self, page: Page, known: Known) -> None:
        """Keep everything, the rules before the features: what they offer is only given once those are on."""
        connecting.change_zone(account=self.account, time_zone=page.zone.cleaned_data["zone"], asker=self.asker)
        rules.change(account=self.account, changes=page.rules(), asker=self.asker, clock=self.clock)
        policies.change(account=self.account, changes=page.policies(), asker=self.asker)
        features.change(account=self.account, switches=page.switches(), asker=self.asker)
        setups.mark_features_done(account=self.account, user=self.user, clock=self.clock)
        if not self.account.voice_lines.filter(is_active=True).exists():
            lines.create_line(account=self.account, label="Front desk", asker=self.asker, clock=self.clock)
        provisioning.want_all(account=self.account, now=self.clock.now())

    def _shown(self, page: Page, known: Known, problems: Sequence[str] = (), *, status: int = 200) -> HttpResponse:
        context = page.context() | {"problems": problems, "versions": known.versions, "unread": known.unread}
        return self.page("wizard/features.html", context, status=422 if problems and status == 200 else status)


class Page:
    """The forms of step 4, filled with what is stored or with what was sent."""

    def __init__(self, data: Mapping[str, Any] | None, known: Known, account: Account) -> None:
        self.data, self.known = data, known
        told = known.suggested
        self.staff = Staff(
            {one.id: one.name for one in told.clinicians} if told else {},
            {one.id: one.name for one in told.operatories} if told else {},
        )
        kinds = known.rules["appointmentTypes"]
        self.kinds = [
            TypeForm(
                data,
                stored=kind,
                suggested=told.resources.get(kind["id"], []) if told else [],
                staff=self.staff,
                prefix=f"kind-{kind['id']}",
            )
            for kind in kinds
        ]
        is_named = bool(data and str(data.get("new-name", "")).strip())
        self.new_kind = TypeForm(
            data if is_named else None, stored=_NEW_KIND, suggested=[], staff=self.staff, prefix="new"
        )
        self.zone = ZoneForm(data, zone=known.zone, country=account.country)
        self.when = WhenForm(data, rules=known.rules)
        self.hours = self._hours()
        self.people = PeopleForm(data, policies=known.policies, country=account.country)
        self.transfer_hours = HoursForm(data, stored=known.policies["transfer_hours"], prefix="transfer")

    def is_valid(self) -> bool:
        """Return whether all that was sent can be meant."""
        return not [form for form in self._sent() if not form.is_valid()]  # every form, not only the first wrong one

    def problems(self) -> list[str]:
        """Return what is wrong, a line for each."""
        found: list[str] = []
        for form in self._sent():
            about = f"{form.stored['name'] or 'New kind'}: " if isinstance(form, TypeForm) else ""
            found += [f"{about}{text}" for texts in form.errors.values() for text in texts]
        return found

    def switches(self) -> dict[str, bool]:
        """Return the features; what the connection cannot do at all stays as it is."""
        sent = self.data or {}
        return {one.name: one.name in sent for one in self.known.features.features if one.ability != "none"}

    def rules(self) -> dict[str, Any]:
        """Return the rules as ``services.rules`` takes them."""
        kinds = [form.rule() for form in self.kinds]
        if self.new_kind.is_bound:
            kinds.append(self.new_kind.rule())
        hours = {"hours": self.hours.weekly() or None} if self.hours else {}
        return {"appointmentTypes": kinds, **self.when.rule(), **hours, "version": self.known.rules["version"]}

    def policies(self) -> dict[str, Any]:
        """Return whom callers are put through to, as ``services.policies`` takes it."""
        given = self.people.cleaned_data
        is_always = given["transfers_at"] == "always"
        return {
            "transfer_number": given["transfer_number"],
            "after_hours_number": given["after_hours_number"],
            "transfer_hours": {} if is_always else self.transfer_hours.weekly(),
        }

    def context(self) -> dict[str, Any]:
        """Return what the page is drawn from."""
        sent = self.data
        shown = self.known.features.features
        return {
            "switches": [(one, one.name in sent if sent is not None else one.is_on) for one in shown],
            "kinds": self.kinds,
            "new_kind": self.new_kind,
            "staff": self.staff,
            "zone": self.zone,
            "other_zone": zones.label(self.known.other_zone) if self.known.other_zone else "",
            "when": self.when,
            "hours": self.hours,
            "hours_told": self._hours_told(),
            "people": self.people,
            "transfer_hours": self.transfer_hours,
        }

    def _hours(self) -> HoursForm | None:
        """Return the form for the practice's own hours, unless the system tells them or they do not fit into it."""
        stored = self.known.rules["hours"]
        if self._hours_told() or not hour_forms.fits(stored):
            return None
        return HoursForm(self.data, stored=stored, prefix="hours")

    def _hours_told(self) -> list[tuple[str, str]]:
        """Return the coming week's hours as the practice's system tells them, none if it tells nothing."""
        days = self.known.rules.get("told", {}).get("days", [])
        if not any(day["practice"] for day in days):
            return []
        return [(f"{day['date']:%A}", _said(day["practice"])) for day in days]

    def _sent(self) -> Iterator[Any]:
        yield from self.kinds
        if self.new_kind.is_bound:
            yield self.new_kind
        yield self.zone
        yield self.when
        if self.hours:
            yield self.hours
        yield self.people
        yield self.transfer_hours


def _said(windows: Sequence[Sequence[str]] | None) -> str:
    if windows is None:
        return "not told"
    return ", ".join(f"{_clock(opens)} to {_clock(closes)}" for opens, closes in windows) or "closed"


def _clock(told: str) -> str:
    return "midnight" if told == "24:00" else speech.say_time(time.fromisoformat(told))
