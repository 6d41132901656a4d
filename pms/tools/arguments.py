"""What each tool accepts. Unknown keys are dropped, forged tenant keys among them.

Dates and times stay text here: ``pms.domain.spoken`` reads them, so that each mistake has its own question.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from pms.domain import errors, spoken

_DATE = "YYYY-MM-DD, the practice's local day"
_TIME = "HH:MM, 24-hour, the practice's local time"


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


class CheckAvailability(serializers.Serializer[Any]):
    date = Text(required=False, help_text=f"{_DATE}. Left out: today.")
    appointmentType = Text(required=False, help_text="What the visit is for, in the caller's words.")
    providerId = Text(required=False, help_text="The clinician's id or name, if the caller wants a certain one.")
    time = Text(required=False, help_text=f"A wished time; the nearest ones are offered. {_TIME}.")
    timeOfDay = serializers.ChoiceField(
        choices=["morning", "afternoon"], required=False, allow_null=True, allow_blank=True,
        help_text="Half of the day the caller prefers.",
    )  # fmt: skip


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
    patientId = Text(
        required=False, help_text="Which of the patients confirmed in this call; not needed if there is only one."
    )
    notes = Text(required=False, max_length=1000, help_text="What the caller wants the practice to know.")
