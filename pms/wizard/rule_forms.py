"""Step 4 as forms: what the agent may do, which appointments, when, and who is called when a person is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from accounts import zones
from pms.domain import phone
from pms.models import BookingMode, ForPatients

_MODES = (
    (BookingMode.DIRECT, "The agent books it"),
    (BookingMode.REQUEST, "The agent takes a request, your team decides"),
    (BookingMode.OFF, "The agent does not give it"),
)
_PATIENTS = (
    (ForPatients.ANYONE, "Everybody"),
    (ForPatients.NEW, "New patients only"),
    (ForPatients.KNOWN, "Known patients only"),
)
_HOUR, _DAY = 60, 24 * 60
_NOTICE = {0: "None", _HOUR: "1 hour", 2 * _HOUR: "2 hours", 4 * _HOUR: "4 hours", _DAY: "1 day", 2 * _DAY: "2 days"}
_AHEAD = {14: "2 weeks", 30: "30 days", 60: "60 days", 90: "90 days", 180: "6 months", 365: "a year"}
_STEPS = {5: "5 minutes", 10: "10 minutes", 15: "15 minutes", 20: "20 minutes", 30: "half an hour", 60: "a full hour"}

Resource = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Box:
    """One box to tick: a clinician in a room."""

    value: str
    label: str
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """The clinicians and rooms of the practice's system, by their ids; none while it does not answer."""

    clinicians: Mapping[str, str]
    rooms: Mapping[str, str]

    def pairs(self) -> list[str]:
        """Return every clinician with every room."""
        return [f"{clinician}|{room}" for clinician in self.clinicians for room in self.rooms]


class TypeForm(forms.Form):
    """One kind of appointment. ``who`` are pairs of a clinician and a room, as ``clinician|room``.

    What this page does not show (aliases, buffers, assistants) stays as it is stored.
    """

    is_active = forms.BooleanField(required=False, label="The agent may give it")
    name = forms.CharField(max_length=80, label="Name, as it is said on the phone")
    minutes = forms.IntegerField(
        min_value=5, max_value=480, label="Minutes", widget=forms.NumberInput(attrs={"step": 5})
    )
    mode = forms.ChoiceField(choices=_MODES, label="How")
    patients = forms.ChoiceField(choices=_PATIENTS, label="For whom")
    who = forms.MultipleChoiceField(required=False, label="Who gives it, and where")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        suggested: Sequence[Resource],
        staff: Staff,
        prefix: str,
    ) -> None:
        resources = stored["resources"] or suggested
        super().__init__(
            data,
            prefix=prefix,
            initial={
                "is_active": stored["isActive"],
                "name": stored["name"],
                "minutes": stored["durationMinutes"],
                "mode": stored["mode"],
                "patients": stored["forPatients"],
                "who": [pair_of(one) for one in resources],
            },
        )
        self.stored = stored
        self.is_suggestion = not stored["resources"] and bool(suggested)
        self._staff = staff
        known = [pair_of(one) for one in stored["resources"]]
        self.fields["who"].choices = [(pair, pair) for pair in dict.fromkeys((*staff.pairs(), *known))]  # type: ignore[attr-defined]

    def grid(self) -> list[tuple[str, list[Box]]]:
        """Return a row of boxes for each clinician, as they are ticked."""
        ticked = set(self["who"].value() or ())
        return [
            (
                name,
                [
                    Box(f"{clinician}|{room}", f"{name} in {place}", f"{clinician}|{room}" in ticked)
                    for room, place in self._staff.rooms.items()
                ],
            )
            for clinician, name in self._staff.clinicians.items()
        ]

    def unlisted(self) -> list[str]:
        """Return the ticked pairs that have no box, because the practice's system does not tell them now."""
        return sorted(set(self["who"].value() or ()) - set(self._staff.pairs()))

    def clean(self) -> dict[str, Any]:
        """Refuse a kind that is booked directly and that nobody gives."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("is_active") and cleaned.get("mode") == BookingMode.DIRECT and not cleaned.get("who"):
            self.add_error("who", "Tick at least one: the agent can only book with somebody, in a room.")
        return cleaned

    def rule(self) -> dict[str, Any]:
        """Return the kind as ``services.rules`` takes it."""
        given = self.cleaned_data
        # A kind that stays off takes no suggestion on: nobody has looked at it.
        is_looked_at = given["is_active"] or not self.is_suggestion
        return {
            **self.stored,
            "name": given["name"],
            "durationMinutes": given["minutes"],
            "mode": given["mode"],
            "forPatients": given["patients"],
            "isActive": given["is_active"],
            "resources": self._resources(given["who"]) if is_looked_at else [],
        }

    def _resources(self, chosen: Sequence[str]) -> list[dict[str, str]]:
        """Return the pairs as resources, each with the assistants that it has had."""
        stored: dict[str, list[dict[str, str]]] = {}
        for one in self.stored["resources"]:
            stored.setdefault(pair_of(one), []).append(dict(one))
        found: list[dict[str, str]] = []
        for pair in chosen:
            clinician, _, room = pair.partition("|")
            found += stored.get(pair, [{"clinicianId": clinician, "operatoryId": room}])
        return found


class WhenForm(forms.Form):
    """Notice, horizon and grid; a value that is none of the usual ones is kept and shown as it is."""

    notice = forms.TypedChoiceField(coerce=int, label="Shortest notice for a booking")
    ahead = forms.TypedChoiceField(coerce=int, label="How far ahead people may book")
    step = forms.TypedChoiceField(coerce=int, label="Appointments start every")

    def __init__(self, data: Mapping[str, Any] | None = None, *, rules: Mapping[str, Any]) -> None:
        stored = {
            "notice": rules["minNoticeMinutes"],
            "ahead": rules["maxAdvanceDays"],
            "step": rules["stepMinutes"],
        }
        super().__init__(data, prefix="when", initial=stored)
        for name, usual, unit in (
            ("notice", _NOTICE, "minutes"),
            ("ahead", _AHEAD, "days"),
            ("step", _STEPS, "minutes"),
        ):
            own = {} if stored[name] in usual else {stored[name]: f"{stored[name]} {unit}"}
            self.fields[name].choices = sorted((usual | own).items())  # type: ignore[attr-defined]

    def rule(self) -> dict[str, int]:
        """Return the settings as ``services.rules`` takes them."""
        given = self.cleaned_data
        return {
            "minNoticeMinutes": given["notice"],
            "maxAdvanceDays": given["ahead"],
            "stepMinutes": given["step"],
        }


class ZoneForm(forms.Form):
    """The practice's clock."""

    zone = forms.ChoiceField(
        label="Time zone", help_text="Your system's clock. Every appointment is read and written on it."
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, zone: str, country: str) -> None:
        super().__init__(data, prefix="when", initial={"zone": zone})
        known = [(name, told) for _, group in zones.choices() for name, told in group]
        own = [(name, told) for name, told in known if zones.country_of(name) == country]
        missing = [] if zone in dict(own) else [(zone, zones.label(zone))]
        self.fields["zone"].choices = [*missing, *own]  # type: ignore[attr-defined]


class PeopleForm(forms.Form):
    """Whom callers are put through to."""

    transfer_number = forms.CharField(
        required=False,
        label="Number of a person",
        help_text="Callers who ask for somebody are put through. Not the number that the agent answers.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    after_hours_number = forms.CharField(
        required=False,
        label="Number outside those hours",
        help_text="For emergencies, such as an answering service. Without it, the agent takes a message.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    transfers_at = forms.ChoiceField(
        label="When callers are put through",
        choices=(("always", "At any time"), ("hours", "In these hours")),
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, policies: Mapping[str, Any], country: str) -> None:
        initial = dict(policies) | {"transfers_at": "hours" if policies["transfer_hours"] else "always"}
        super().__init__(data, prefix="people", initial=initial)
        self._country = country

    def clean_transfer_number(self) -> str:
        """Return the number in E.164."""
        return self._number("transfer_number")

    def clean_after_hours_number(self) -> str:
        """Return the number in E.164."""
        return self._number("after_hours_number")

    def _number(self, name: str) -> str:
        typed = str(self.cleaned_data[name]).strip()
        number = phone.normalize(typed, self._country) if typed else ""
        if number is None:
            raise forms.ValidationError("That is no phone number. Write it with its area code.")
        return number


def pair_of(resource: Resource) -> str:
    """Return a clinician and a room as one value."""
    return f"{resource['clinicianId']}|{resource['operatoryId']}"
