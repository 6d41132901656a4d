"""The public shapes, for OpenAPI. Names are the spec's camelCase."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Slot(serializers.Serializer[Any]):
    startTime = serializers.DateTimeField()
    endTime = serializers.DateTimeField()
    providerId = serializers.CharField()
    providerName = serializers.CharField()
    available = serializers.BooleanField()


class Availability(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    date = serializers.DateField()
    slots = Slot(many=True)


class BookingRequest(serializers.Serializer[Any]):
    patientId = serializers.CharField(help_text="The PMS's id.")
    providerId = serializers.CharField(required=False, help_text="A clinician's id or name; else whoever is free.")
    appointmentType = serializers.CharField(help_text="One of the practice's types, by name or alias.")
    startTime = serializers.DateTimeField(help_text="An instant with Z or an offset.")
    notes = serializers.CharField(required=False)
    sendConfirmation = serializers.BooleanField(required=False)


class BookedAppointment(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="The PMS's id, null until it is known.")
    bookingId = serializers.UUIDField()
    confirmationNumber = serializers.CharField(help_text="Ours, for saying on the phone.")
    patientName = serializers.CharField(allow_null=True)
    startTime = serializers.DateTimeField()
    endTime = serializers.DateTimeField()


class Booked(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(
        required=False,
        help_text="Only with 202: pending or unknown; for a repetition also what became of it, such as cancelled.",
    )
    appointment = BookedAppointment()
    confirmationSent = serializers.BooleanField(required=False, help_text="Only if a confirmation was asked for.")


class Appointment(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="The PMS's id, null for a request that it has not made yet.")
    patientId = serializers.CharField()
    patientName = serializers.CharField(allow_null=True)
    providerId = serializers.CharField()
    providerName = serializers.CharField(allow_null=True)
    appointmentType = serializers.CharField()
    startTime = serializers.DateTimeField()
    endTime = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=["scheduled", "confirmed", "completed", "cancelled", "no_show", "pending"])
    notes = serializers.CharField()
    bookingId = serializers.UUIDField(required=False, help_text="Only of what was booked through Parlae.")
    pendingChange = serializers.CharField(required=False, help_text="A change that is on its way: its tool's name.")


class Appointments(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    appointments = Appointment(many=True)


class MoveRequest(serializers.Serializer[Any]):
    startTime = serializers.DateTimeField(required=False, help_text="The new start: an instant with Z or an offset.")
    providerId = serializers.CharField(required=False, help_text="Another clinician; else the present one.")
    reason = serializers.CharField(required=False)
    status = serializers.CharField(required=False, help_text="`confirmed`, instead of a startTime.")
    sendNotification = serializers.BooleanField(required=False)


class MovedAppointment(serializers.Serializer[Any]):
    id = serializers.CharField()
    bookingId = serializers.UUIDField(required=False)
    confirmationNumber = serializers.CharField(required=False)
    newStartTime = serializers.DateTimeField(required=False)
    startTime = serializers.DateTimeField(required=False)
    endTime = serializers.DateTimeField(required=False)


class Moved(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text="Only with 202.")
    appointment = MovedAppointment()
    writeId = serializers.UUIDField(required=False, help_text="Only where a status was changed.")
    confirmationSent = serializers.BooleanField(required=False, help_text="Only if a notification was asked for.")


class CancelRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False)
    sendNotification = serializers.BooleanField(required=False)


class Cancelled(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    status = serializers.CharField(required=False, help_text="Only with 202: pending or unknown.")
    writeId = serializers.UUIDField(required=False, help_text="Only with 202.")
    confirmationSent = serializers.BooleanField(required=False, help_text="Only if a notification was asked for.")


class Address(serializers.Serializer[Any]):
    street = serializers.CharField(required=False)
    city = serializers.CharField(required=False)
    state = serializers.CharField(required=False)
    zip = serializers.CharField(required=False)


class NewPatientRequest(serializers.Serializer[Any]):
    firstName = serializers.CharField()
    lastName = serializers.CharField()
    dateOfBirth = serializers.DateField()
    phone = serializers.CharField(required=False)
    email = serializers.EmailField(required=False)
    address = Address(required=False)
    providerId = serializers.CharField(required=False, help_text="The clinician the record is filed under.")


class NewPatient(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="The PMS's id, null until it is known.")
    firstName = serializers.CharField()
    lastName = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    writeId = serializers.UUIDField(required=False, help_text="Only with 202.")
    temporaryId = serializers.CharField(required=False, help_text="Only with 202: stands for the patient in a booking.")


class CreatedPatient(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(required=False, help_text="Only with 202: pending or unknown.")
    patient = NewPatient()


class MessageRequest(serializers.Serializer[Any]):
    message = serializers.CharField()
    callerName = serializers.CharField(required=False)
    phoneNumber = serializers.CharField(required=False)
    urgent = serializers.BooleanField(required=False)


class Message(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    createdAt = serializers.DateTimeField()


class KeptMessage(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = Message()


class WrittenAppointment(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True)
    bookingId = serializers.UUIDField(required=False)
    confirmationNumber = serializers.CharField(required=False)
    startTime = serializers.DateTimeField(required=False)
    endTime = serializers.DateTimeField(required=False)


class WrittenRecord(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True)


class Write(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.CharField(
        help_text="Of a booking: pending, confirmed, failed, expired, unknown, cancelled or rescheduled; of another "
        "change: pending, done, failed or unknown."
    )
    operation = serializers.CharField(help_text="The tool's name.")
    appointment = WrittenAppointment(required=False)
    patient = WrittenRecord(required=False)
    note = WrittenRecord(required=False)
    insurance = WrittenRecord(required=False)
    payment = WrittenRecord(required=False)


class ProblemDetails(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    retryable = serializers.BooleanField()
    requestId = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


class Problem(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    error = ProblemDetails()
