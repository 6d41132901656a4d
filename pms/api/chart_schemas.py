"""The public shapes of patients' charts, for OpenAPI. Names are the spec's camelCase."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from pms.api.schemas import Address
from pms.domain.records import PaymentMethod

_STATUS = "Only with 202: pending or unknown, or requested if the team has a task about it."
_NO_ID = "The PMS's id, null until it is known."
_WRITE_ID = "Only while it is not final, or has no id: asks GET /writes/{id} what became of it."


def _money(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=10, decimal_places=2, coerce_to_string=False, **kwargs)


class FoundPatient(serializers.Serializer[Any]):
    id = serializers.CharField()
    firstName = serializers.CharField(required=False)
    lastName = serializers.CharField(required=False)
    phone = serializers.CharField(required=False, allow_null=True)
    email = serializers.CharField(required=False, allow_null=True)
    dateOfBirth = serializers.DateField(required=False, allow_null=True)


class Patients(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    patients = FoundPatient(many=True)


class SearchRequest(serializers.Serializer[Any]):
    query = serializers.CharField(required=False, help_text="A name, a phone number or an e-mail address.")
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=50)
    firstName = serializers.CharField(required=False, help_text="Only in a call.")
    lastName = serializers.CharField(required=False, help_text="Only in a call.")
    dateOfBirth = serializers.DateField(required=False, help_text="Only in a call.")


class EmergencyContact(serializers.Serializer[Any]):
    name = serializers.CharField()
    phone = serializers.CharField()
    relationship = serializers.CharField()


class Profile(serializers.Serializer[Any]):
    id = serializers.CharField()
    firstName = serializers.CharField()
    lastName = serializers.CharField()
    dateOfBirth = serializers.DateField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    address = Address()
    emergencyContact = EmergencyContact(allow_null=True)
    balance = _money(allow_null=True)
    lastVisit = serializers.DateTimeField(allow_null=True, help_text="The start of the local day.")


class PatientInfo(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    patient = Profile()


class UpdateRequest(serializers.Serializer[Any]):
    phone = serializers.CharField(required=False)
    email = serializers.EmailField(required=False)
    address = Address(required=False)


class UpdatedPatient(serializers.Serializer[Any]):
    id = serializers.CharField()
    phone = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    address = Address(required=False)
    writeId = serializers.UUIDField(required=False, help_text=_WRITE_ID)


class Updated(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text=_STATUS)
    patient = UpdatedPatient()
    taskId = serializers.UUIDField(required=False, help_text="Only if the team has a task about it.")


class Note(serializers.Serializer[Any]):
    id = serializers.CharField()
    content = serializers.CharField()
    createdBy = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField(allow_null=True)


class Notes(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    notes = Note(many=True)


class NoteRequest(serializers.Serializer[Any]):
    content = serializers.CharField(help_text="More than 1000 characters are cut.")
    category = serializers.CharField(required=False)


class NewNote(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text=_NO_ID)
    content = serializers.CharField()
    createdAt = serializers.DateTimeField()
    writeId = serializers.UUIDField(required=False, help_text=_WRITE_ID)


class AddedNote(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text=_STATUS)
    note = NewNote()


class Insurance(serializers.Serializer[Any]):
    id = serializers.CharField()
    provider = serializers.CharField(help_text="The insurance company.")
    policyNumber = serializers.CharField(allow_null=True)
    groupNumber = serializers.CharField(allow_null=True)
    isPrimary = serializers.BooleanField()
    effectiveDate = serializers.DateField(allow_null=True)
    expirationDate = serializers.DateField(allow_null=True)


class Insurances(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    insurance = Insurance(many=True)


class InsuranceRequest(serializers.Serializer[Any]):
    provider = serializers.CharField()
    policyNumber = serializers.CharField()
    groupNumber = serializers.CharField(required=False)
    isPrimary = serializers.BooleanField(required=False, default=True)
    subscriberName = serializers.CharField(required=False)
    subscriberDob = serializers.DateField(required=False)
    relationship = serializers.CharField(required=False)


class NewInsurance(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text=_NO_ID)
    provider = serializers.CharField()
    policyNumber = serializers.CharField()
    isPrimary = serializers.BooleanField()
    writeId = serializers.UUIDField(required=False, help_text=_WRITE_ID)


class AddedInsurance(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text=_STATUS)
    insurance = NewInsurance()


class LastPayment(serializers.Serializer[Any]):
    amount = _money()
    date = serializers.DateTimeField(help_text="The start of the local day.")
    method = serializers.CharField(allow_null=True, help_text="The practice's own word.")


class Owed(serializers.Serializer[Any]):
    total = _money()
    insurance = _money()
    patient = _money()
    lastPayment = LastPayment(allow_null=True)
    asOf = serializers.DateField(allow_null=True, help_text="The local day of the figures.")
    mayNotInclude = _money(required=False, help_text="Payments posted here that the figures may not show yet.")


class PatientBalance(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    balance = Owed()


class PaymentRequest(serializers.Serializer[Any]):
    patientId = serializers.CharField(help_text="The PMS's id.")
    amount = _money(min_value=0, help_text="Dollars, more than nothing.")
    method = serializers.ChoiceField(choices=list(PaymentMethod), required=False)
    last4 = serializers.RegexField(r"^[0-9]{4}$", required=False, help_text="Of the card; never more of it.")
    reference = serializers.CharField(required=False, help_text="Your own name for the payment.")
    notes = serializers.CharField(required=False)


class Payment(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text=_NO_ID)
    amount = _money()
    status = serializers.CharField(help_text="completed, pending, unknown or requested.")
    confirmationNumber = serializers.CharField(allow_null=True, help_text="Ours.")
    timestamp = serializers.DateTimeField(allow_null=True)
    writeId = serializers.UUIDField(required=False, help_text=_WRITE_ID)


class Posted(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text=_STATUS)
    payment = Payment()
    taskId = serializers.UUIDField(required=False, help_text="Only if the team has a task about it.")
