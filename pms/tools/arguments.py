"""What each tool accepts. Unknown keys are dropped, forged tenant keys among them.

Dates and times stay text here: ``pms.domain.spoken`` reads them, so that each mistake has its own question.
"""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from pms.domain import errors, spoken

_DATE = "YYYY-MM-DD, the practice's local day"
_TIME = "HH:MM, 24-hour, the practice's local time"
_LONGEST_NOTE = 1000
_HALVES = {"evening": "afternoon", "am": "morning", "pm": "afternoon"}
_NO_PREFERENCE = ("any", "anytime", "either", "no preference")


class Text(serializers.CharField):
    """A short text as models write it: numbers become text, placeholders are asked about, blanks are left out."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        kwargs.setdefault("allow_blank", True)
        kwargs.setdefault("allow_null", True)
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is not serializers.empty and spoken.is_blank(data):
            data = None
        elif isinstance(data, str) and spoken.is_placeholder(data):
            raise errors.Placeholder
        value = super().run_validation(data)
        if value is None and self.required:
            self.fail("required")
        return value


class Identifier(Text):
    """An opaque id. It is written to the audit log, so nothing that could be a name, a date or a number on file."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, validators=[_is_identifier], **kwargs)


def _is_identifier(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
        raise serializers.ValidationError("Not an id.")


class Note(Text):
    """What a caller wants noted; more than anybody reads is cut."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data[:_LONGEST_NOTE] if isinstance(data, str) else data)


class HalfOfDay(serializers.ChoiceField):
    """The half of the day somebody prefers, as models write it; no preference is none."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        said = data.strip().casefold() if isinstance(data, str) else data
        if said in _NO_PREFERENCE or (said is not serializers.empty and spoken.is_blank(said)):
            return None
        return super().run_validation(_HALVES.get(said, said) if isinstance(said, str) else said)


class CheckAvailability(serializers.Serializer[Any]):
    date = Text(required=False, help_text=f"{_DATE}. Left out: today.")
    appointmentType = Text(required=False, help_text="What the visit is for, in the caller's words.")
    providerId = Text(required=False, help_text="The clinician's id or name, if the caller wants a certain one.")
    time = Text(required=False, help_text=f"A wished time; the nearest ones are offered. {_TIME}.")
    timeOfDay = HalfOfDay(
        choices=["morning", "afternoon"], required=False, help_text="Half of the day the caller prefers."
    )


class FindPatient(serializers.Serializer[Any]):
    firstName = Text(required=True, help_text="The patient's first name.")
    lastName = Text(required=True, help_text="The patient's last name.")
    dateOfBirth = Text(required=True, help_text="The patient's date of birth, YYYY-MM-DD.")
    phoneLast4 = Text(
        required=False, help_text="Only when asked for: the last four digits of the phone number on file."
    )


class BookAppointment(serializers.Serializer[Any]):
    slotCode = Text(required=False, help_text="The code of an offered time, such as A2.")
    date = Text(required=False, help_text=f"Only without a code. {_DATE}.")
    time = Text(required=False, help_text=f"Only without a code. {_TIME}.")
    startTime = Text(required=False, help_text="Only without a code: date and time in one, as ISO 8601.")
    appointmentType = Text(required=False, help_text="What the visit is for. Not needed with a code.")
    providerId = Text(required=False, help_text="The clinician's id or name, if a certain one is wanted.")
    patientId = Identifier(
        required=False, help_text="Which of the patients confirmed in this call; not needed if there is only one."
    )
    notes = Note(required=False, max_length=_LONGEST_NOTE, help_text="What the caller wants the practice to know.")
