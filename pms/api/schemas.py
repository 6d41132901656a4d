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


class BookedAppointment(serializers.Serializer[Any]):
    id = serializers.CharField(allow_null=True, help_text="The PMS's id, null until it is known.")
    bookingId = serializers.UUIDField()
    confirmationNumber = serializers.CharField(help_text="Ours, for saying on the phone.")
    patientName = serializers.CharField(allow_null=True)
    startTime = serializers.DateTimeField()
    endTime = serializers.DateTimeField()


class Booked(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.ChoiceField(
        choices=["pending", "unknown", "cancelled", "rescheduled"],
        required=False,
        help_text="Only with 202; the last two only for a repetition, of what became of the booking.",
    )
    appointment = BookedAppointment()


class ProblemDetails(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    retryable = serializers.BooleanField()
    requestId = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


class Problem(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    error = ProblemDetails()
