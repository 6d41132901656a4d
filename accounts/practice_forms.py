"""Forms about a practice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from accounts import zones
from accounts.models import Account
from accounts.words import readable

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Account]
else:
    _ModelForm = forms.ModelForm


class NewPracticeForm(forms.Form):
    """The little that a practice needs before it can be set up."""

    name = forms.CharField(
        label="Practice's name",
        max_length=120,
        help_text="As callers know it. The phone agent says it.",
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )
    country = forms.ChoiceField(label="Country", choices=list(zones.COUNTRIES.items()), initial="US")
    time_zone = forms.ChoiceField(
        label="Time zone",
        help_text="Of the practice itself. Every appointment is read and written in it.",
        widget=forms.Select(attrs={"data-zone": "1"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [("", "Choose"), *zones.choices()]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        """Refuse what only looks like a name."""
        return readable(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        """Refuse a zone of another country: phone numbers are read by the one, appointments by the other."""
        given = super().clean() or self.cleaned_data
        zone, country = given.get("time_zone"), given.get("country")
        if zone and country and zones.country_of(zone) != country:
            self.add_error("time_zone", f"Choose a time zone in {_in_words(country)}.")
        return given


class PracticeForm(_ModelForm):
    """The settings that belong to the practice itself. ``version`` tells which state of them was shown."""

    version = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = Account
        fields = [
            "name",
            "time_zone",
            "idle_minutes",
            "second_factor_grace_days",
        ]
        labels = {
            "name": "Practice's name",
            "idle_minutes": "Sign people out after",
            "second_factor_grace_days": "Days that somebody new may sign in without a second step",
        }
        help_texts = {
            "name": "As callers know it. The phone agent says it.",
            "idle_minutes": "Minutes in which they do nothing, 5 to 30.",
            "second_factor_grace_days": "0 to 7. With 0, everybody sets it up before they see anything.",
        }

    def __init__(self, *args: Any, has_connection: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_connection:
            del self.fields["time_zone"]  # goes with the connection: the setup changes both together
        else:
            self.fields["time_zone"] = forms.ChoiceField(label="Time zone", choices=_with(self.instance.time_zone))

    def clean_name(self) -> str:
        """Refuse what only looks like a name."""
        return readable(self.cleaned_data["name"])


def _with(zone: str) -> list[Any]:
    """Return the zones to choose from, and the practice's own if it is none of them."""
    found: list[Any] = list(zones.choices())
    if not any(zone == name for _, group in found for name, _ in group):
        found.insert(0, (zone, zones.label(zone)))
    return found


def _in_words(country: str) -> str:
    return {"US": "the United States"}.get(country, zones.COUNTRIES[country])
