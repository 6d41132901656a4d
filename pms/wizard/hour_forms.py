"""A week's hours as a form: for each day when it opens, when it closes, and a break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import Any

from django import forms
from django.forms import BoundField

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS = ("opens", "break_from", "break_to", "closes")
_LABELS = {"opens": "opens", "break_from": "break from", "break_to": "break until", "closes": "closes"}
_MIDNIGHT = "24:00"

Weekly = dict[str, list[list[str]]]


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day of the form."""

    name: str
    opens: BoundField
    break_from: BoundField
    break_to: BoundField
    closes: BoundField


class HoursForm(forms.Form):
    """Weekly hours in the practice's own form, ``{"1": [["08:00", "12:00"], ["13:00", "17:00"]]}``.

    A day without times is closed. Midnight at a day's end is told as 00:00, as clocks do.
    """

    def __init__(self, data: Mapping[str, Any] | None = None, *, stored: Weekly | None, prefix: str) -> None:
        super().__init__(data, prefix=prefix, initial=_initial(stored or {}))
        for number, day in enumerate(DAYS, 1):
            for part in _PARTS:
                self.fields[f"{part}_{number}"] = forms.TimeField(
                    required=False,
                    label=f"{day} {_LABELS[part]}",
                    widget=forms.TimeInput(
                        format="%H:%M", attrs={"type": "time", "aria-label": f"{day} {_LABELS[part]}"}
                    ),
                    error_messages={"invalid": f"{day}: a time is written as 08:30."},
                )

    def rows(self) -> Iterator[DayRow]:
        """Yield the days as they are drawn."""
        for number, day in enumerate(DAYS, 1):
            yield DayRow(day, *(self[f"{part}_{number}"] for part in ("opens", "break_from", "break_to", "closes")))

    def clean(self) -> dict[str, Any]:
        """Refuse a day that cannot be meant, with the day's name."""
        cleaned = super().clean() or self.cleaned_data
        for number, day in enumerate(DAYS, 1):
            opens, pause, resumes, closes = (cleaned.get(f"{part}_{number}") for part in _PARTS)
            if any(f"{part}_{number}" in self.errors for part in _PARTS):
                continue
            problem = _problem(opens, pause, resumes, closes)
            if problem:
                self.add_error(None, f"{day}: {problem}")
        return cleaned

    def weekly(self) -> Weekly:
        """Return the hours; days that are closed are left out."""
        found: Weekly = {}
        for number in range(1, 8):
            opens, pause, resumes, closes = (self.cleaned_data[f"{part}_{number}"] for part in _PARTS)
            if opens is None or closes is None:
                continue
            end = _said(closes, is_end=True)
            if pause is None or resumes is None:
                found[str(number)] = [[_said(opens), end]]
            else:
                found[str(number)] = [[_said(opens), _said(pause)], [_said(resumes), end]]
        return found


def fits(stored: Weekly | None) -> bool:
    """Return whether hours can be shown in this form: at most one break a day."""
    return all(len(windows) <= 2 for windows in (stored or {}).values())


def _problem(opens: time | None, pause: time | None, resumes: time | None, closes: time | None) -> str:
    if (opens is None) != (closes is None):
        return "give both when you open and when you close, or neither."
    if (pause is None) != (resumes is None):
        return "give both the beginning and the end of the break, or neither."
    if opens is None or closes is None:
        return "a break needs opening hours around it." if pause else ""
    ends = [opens, *([pause, resumes] if pause and resumes else [])]
    in_order = [*ends, *([closes] if closes != time(0) else [])]
    return "" if all(a < b for a, b in pairwise(in_order)) else "the times are not in order."


def _said(clock: time, *, is_end: bool = False) -> str:
    return _MIDNIGHT if is_end and clock == time(0) else f"{clock:%H:%M}"


def _initial(stored: Weekly) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, windows in stored.items():
        if windows and len(windows) <= 2:
            found[f"opens_{number}"] = windows[0][0]
            found[f"closes_{number}"] = windows[-1][1].replace(_MIDNIGHT, "00:00")
        if len(windows) == 2:
            found[f"break_from_{number}"], found[f"break_to_{number}"] = windows[0][1], windows[1][0]
    return found
