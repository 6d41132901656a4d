"""What each tool accepts. Unknown keys are dropped, forged tenant keys among them.

Dates and times stay text here: ``pms.domain.spoken`` reads them, so that each mistake has its own question.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from pms.domain import errors, spoken
from pms.domain.records import AppointmentStatus, PaymentMethod

_DATE = "YYYY-MM-DD, the practice's local day"
_TIME = "HH:MM, 24-hour, the practice's local time"
_WHICH_PATIENT = "Which of the patients confirmed in this call; not needed if there is only one."
_WHICH_APPOINTMENT = "The appointment, as getAppointments names it; not needed if the patient has only one ahead."
_LONGEST_NOTE = 1000
_HALVES = {"evening": "afternoon", "am": "morning", "pm": "afternoon"}
_LEAST_AMOUNT = Decimal("0.01")
# "1250", "$1,250.00", "50 dollars"; a comma anywhere else could be a decimal point.
_DOLLARS = re.compile(r"\$?\s*(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?\s*(?:usd|dollars?)?", re.IGNORECASE | re.ASCII)
_METHODS = {"card": "credit_card", "credit": "credit_card", "debit": "debit_card", "cheque": "check"}
_NO_PREFERENCE = ("any", "anytime", "either", "no preference")


class Text(serializers.CharField):
    """A short text as models write it: numbers become text, placeholders are asked about, blanks are left out.

    A field that is ``rest_only`` is not shown to voice models.
    """

    def __init__(self, *, rest_only: bool = False, **kwargs: Any) -> None:
        self.rest_only = rest_only
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
        kwargs.setdefault("max_length", 64)
        super().__init__(validators=[_is_identifier], **kwargs)


class AppointmentName(Identifier):
    """What names an appointment; a number that is spelled out, as it is said, is put together again."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation("".join(data.split()) if isinstance(data, str) and _is_spelled(data) else data)


def _is_spelled(data: str) -> bool:
    return all(len(part) == 1 for part in data.split())


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


class Status(serializers.ChoiceField):
    """A status to filter by, in any case; nothing is any."""

    def __init__(self, *, rest_only: bool = False, **kwargs: Any) -> None:
        self.rest_only = rest_only
        super().__init__(allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is not serializers.empty and spoken.is_blank(data):
            return None
        return super().run_validation(data.strip().lower() if isinstance(data, str) else data)


class Switch(serializers.BooleanField):
    """Yes or no; nothing is no."""

    def __init__(self, *, rest_only: bool = False, **kwargs: Any) -> None:
        self.rest_only = rest_only
        super().__init__(allow_null=True, **kwargs)


class Amount(serializers.DecimalField):
    """Dollars and cents, more than nothing, as models write them: "$1,250", "50 dollars"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=8, decimal_places=2, min_value=_LEAST_AMOUNT, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, bool):
            self.fail("invalid")
        if isinstance(data, str):
            written = _DOLLARS.fullmatch(data.strip())
            if written is None:
                self.fail("invalid")
            data = written[1].replace(",", "") + (written[2] or "")
        return super().run_validation(data).quantize(_LEAST_AMOUNT)


class Method(serializers.ChoiceField):
    """How somebody pays, as models write it; left out: not known."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty or spoken.is_blank(data):
            return PaymentMethod.OTHER
        said = "_".join(data.casefold().replace("-", " ").split()) if isinstance(data, str) else data
        return PaymentMethod(super().run_validation(_METHODS.get(said, said) if isinstance(said, str) else said))


class LastFour(Text):
    """The last four digits of a card, which are no card number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=4, validators=[_is_last_four], **kwargs)


def _is_last_four(value: str) -> None:
    if not re.fullmatch(r"[0-9]{4}", value):
        raise serializers.ValidationError("Not four digits.")


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
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    notes = Note(required=False, max_length=_LONGEST_NOTE, help_text="What the caller wants the practice to know.")
    sendConfirmation = Switch(required=False, rest_only=True)


class GetAppointments(serializers.Serializer[Any]):
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    startDate = Text(required=False, rest_only=True)
    endDate = Text(required=False, rest_only=True)
    providerId = Identifier(required=False, rest_only=True)
    status = Status(choices=[*AppointmentStatus, "pending"], required=False, rest_only=True)


class RescheduleAppointment(serializers.Serializer[Any]):
    appointmentId = AppointmentName(required=False, help_text=_WHICH_APPOINTMENT)
    slotCode = Text(required=False, help_text="The code of an offered time, such as A2.")
    date = Text(required=False, help_text=f"The new day; only without a code. {_DATE}.")
    time = Text(required=False, help_text=f"The new time; only without a code. {_TIME}.")
    startTime = Text(required=False, help_text="Only without a code: new date and time in one, as ISO 8601.")
    providerId = Text(required=False, help_text="The clinician's id or name, if another one is wanted.")
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    reason = Note(required=False, max_length=_LONGEST_NOTE, help_text="Why, if the caller said so.")
    sendNotification = Switch(required=False, rest_only=True)


class ChangeStatus(serializers.Serializer[Any]):
    appointmentId = AppointmentName(required=False, help_text=_WHICH_APPOINTMENT)
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    reason = Note(required=False, max_length=_LONGEST_NOTE, help_text="Why, if the caller said so.")
    sendNotification = Switch(required=False, rest_only=True)


class Address(serializers.Serializer[Any]):
    street = Text(required=False)
    city = Text(required=False)
    state = Text(required=False)
    zip = Text(required=False)


class CreatePatient(serializers.Serializer[Any]):
    firstName = Text(required=True, max_length=60, help_text="The patient's legal first name.")
    lastName = Text(required=True, max_length=60, help_text="The patient's last name.")
    dateOfBirth = Text(required=True, help_text="The patient's date of birth, YYYY-MM-DD.")
    phone = Text(required=False, help_text="The best number to reach them; left out: the number that calls.")
    email = Text(required=False, max_length=254, help_text="Their e-mail address, if they give one.")
    address = Address(required=False, allow_null=True)
    providerId = Identifier(required=False, rest_only=True)


class GetChart(serializers.Serializer[Any]):
    """What reading one part of one patient's chart takes."""

    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)


class UpdatePatient(serializers.Serializer[Any]):
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    phone = Text(required=False, help_text="The new phone number, with area code.")
    email = Text(required=False, max_length=254, help_text="The new e-mail address.")
    address = Address(required=False, allow_null=True)
    street = Text(required=False, help_text="The new street address.")
    city = Text(required=False, help_text="The city of the new address.")
    state = Text(required=False, help_text="The state of the new address, two letters.")
    zip = Text(required=False, max_length=20, help_text="The postal code of the new address.")


class AddPatientNote(serializers.Serializer[Any]):
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    content = Note(required=True, max_length=_LONGEST_NOTE, help_text="The note, in full sentences.")
    category = Text(required=False, max_length=60, help_text="What it is about, such as preference.")


class AddInsurance(serializers.Serializer[Any]):
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    provider = Text(required=True, max_length=120, help_text="The insurance company, as on the card.")
    policyNumber = Text(required=True, max_length=60, help_text="The member or policy number on the card.")
    groupNumber = Text(required=False, max_length=60, help_text="The group number on the card.")
    isPrimary = Switch(required=False, default=True, help_text="Whether it pays first; left out: it does.")
    subscriberName = Text(required=False, max_length=120, help_text="Whose insurance it is, if not the patient's.")
    subscriberDob = Text(required=False, help_text="The subscriber's date of birth, YYYY-MM-DD.")
    relationship = Text(required=False, max_length=40, help_text="What the patient is to the subscriber: self, child.")


class ProcessPayment(serializers.Serializer[Any]):
    patientId = Identifier(required=False, help_text=_WHICH_PATIENT)
    amount = Amount(required=True, help_text="Dollars and cents, such as 50.00.")
    method = Method(
        choices=list(PaymentMethod), required=False, help_text="How it is, or will be, paid. Never a card number."
    )
    last4 = LastFour(required=False, rest_only=True)
    notes = Note(required=False, max_length=_LONGEST_NOTE, help_text="What the payment is for.")
    reference = Identifier(required=False, rest_only=True)


class SearchPatients(serializers.Serializer[Any]):
    query = Text(required=True, max_length=120)
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=50)


class TakeMessage(serializers.Serializer[Any]):
    message = Note(required=True, max_length=_LONGEST_NOTE, help_text="What the team should know, in full sentences.")
    callerName = Text(required=False, help_text="Who is calling.")
    phoneNumber = Text(required=False, help_text="Where to call back; left out: the number that calls.")
    urgent = Switch(required=False, help_text="Whether it cannot wait until the end of the day.")


class TransferToHuman(serializers.Serializer[Any]):
    reason = Note(required=False, max_length=_LONGEST_NOTE, help_text="What the caller wants a person for.")


class GetWrite(serializers.Serializer[Any]):
    writeId = Identifier(required=True)
