"""The forms of the settings: policies, special days, and blocked time."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms

from accounts.models.account import LONGEST_KEPT_DAYS
from pms.services.rule_checks import LONGEST_NAME

_LOCAL = "%Y-%m-%dT%H:%M"


class PoliciesForm(forms.Form):
    """What the practice has decided about its calls. ``version`` tells which state of it was shown."""

    sends_confirmations = forms.BooleanField(
        required=False,
        label="Send patients an e-mail about their appointments",
        help_text="Without any patient data in it, to the address in your system.",
    )
    trusts_caller_number = forms.BooleanField(
        required=False,
        label="Trust the caller's number where the phone company does not vouch for it",
        help_text="A number can be forged. Leave this off, unless your phone company never vouches for numbers.",
    )
    keeps_transcripts = forms.BooleanField(
        required=False,
        label="Keep transcripts and summaries of calls",
        help_text="Encrypted, for members who may see patient data.",
    )
    keeps_recordings = forms.BooleanField(
        required=False,
        label="Keep links to recordings of calls",
        help_text="Encrypted. In many states callers have to be told that they are recorded.",
    )
    keeps_days = forms.IntegerField(
        min_value=7,
        max_value=LONGEST_KEPT_DAYS,
        label="Days that calls are kept",
        help_text=f"7 to {LONGEST_KEPT_DAYS}. Then what was said and done is emptied. The access log stays.",
    )
    version = forms.CharField(widget=forms.HiddenInput)

    def changes(self) -> dict[str, Any]:
        """Return the policies as ``services.policies`` takes them."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class EntryForm(forms.Form):
    """Something for a list in the rules, for the whole practice."""

    label = forms.CharField(
        required=False,
        max_length=LONGEST_NAME,
        label="What for",
        help_text="For your team alone. No patient's name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def labelled(self) -> dict[str, str]:
        """Return what it is for as the rules take it, which know no empty one."""
        return {"label": self.cleaned_data["label"]} if self.cleaned_data["label"] else {}


class SpecialDayForm(EntryForm):
    """A day that is not as usual."""

    field_order = ("day", "opens", "closes", "label")
    day = forms.DateField(label="Day", widget=forms.DateInput(attrs={"type": "date"}))
    opens = forms.TimeField(required=False, label="Opens", widget=forms.TimeInput(attrs={"type": "time"}))
    closes = forms.TimeField(
        required=False,
        label="Closes",
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text="Leave both times empty for a day on which you are closed.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse half a pair of times, and times that are not in order."""
        given = super().clean() or self.cleaned_data
        opens, closes = given.get("opens"), given.get("closes")
        if not self.errors and (opens is None) != (closes is None):
            self.add_error("closes", "Give both when you open and when you close, or neither.")
        if opens and closes and closes != time(0) and closes <= opens:
            self.add_error("closes", "You close after you open.")
        return given

    def entry(self) -> dict[str, Any]:
        """Return the day; midnight at its end is written as 24:00."""
        opens, closes = self.cleaned_data["opens"], self.cleaned_data["closes"]
        windows = [] if opens is None else [[f"{opens:%H:%M}", f"{closes:%H:%M}" if closes != time(0) else "24:00"]]
        return {"date": self.cleaned_data["day"], "windows": windows, **self.labelled()}


class BlockedForm(EntryForm):
    """Time in which nothing is offered. Both ends are read in the zone that is in force."""

    field_order = ("start", "end", "label")
    start = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput(format=_LOCAL, attrs={"type": "datetime-local"})
    )
    end = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput(format=_LOCAL, attrs={"type": "datetime-local"})
    )

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning."""
        given = super().clean() or self.cleaned_data
        start, end = given.get("start"), given.get("end")
        if isinstance(start, datetime) and isinstance(end, datetime) and end <= start:
            self.add_error("end", "The end is after the beginning.")
        return given

    def entry(self) -> dict[str, Any]:
        """Return the time."""
        return {"startTime": self.cleaned_data["start"], "endTime": self.cleaned_data["end"], **self.labelled()}
