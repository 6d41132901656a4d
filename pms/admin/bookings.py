"""What is on its way into a PMS: when, where and how it stands, never for whom."""

from __future__ import annotations

from django.contrib import admin

from pms.admin.base import ReadOnlyAdmin, code
from pms.models import Booking, Task, TaskNote, WriteBack


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "confirmation_number",
        "account",
        "integration",
        "visit_id",
        "call",
        "state",
        "failure_code",
        "appointment_type",
        "clinician_id",
        "operatory_id",
        "starts_at",
        "ends_at",
        "busy_from",
        "busy_to",
        "hold_expires_at",
        "verified_at",
        "created_at",
        "updated_at",
    )
    list_display = ("confirmation_number", "state", "failure_code", "starts_at", "verified_at", "account", "created_at")
    list_filter = ("state", "created_at")
    search_fields = ("=confirmation_number", "account__name", "call__vapi_call_id__exact")
    search_help_text = "A confirmation number, an id of a row or a call, or the name of an account."
    ordering = ("-created_at",)

    failure_code = code("failure")


@admin.register(WriteBack)
class WriteBackAdmin(ReadOnlyAdmin):
    # The record's id is left out: what is written may be a patient.
    fields = (
        "id",
        "account",
        "integration",
        "booking",
        "call",
        "after",
        "operation",
        "state",
        "failure_code",
        "reference",
        "access_id",
        "sent_at",
        "completed_at",
        "verified_at",
        "withdrawn_at",
        "attempts",
        "next_attempt_at",
        "lease_until",
        "created_at",
        "updated_at",
    )
    list_display = ("operation", "state", "failure_code", "attempts", "next_attempt_at", "booking", "account")
    list_filter = ("operation", "state", "sent_at")
    search_fields = ("=booking__confirmation_number", "reference__exact", "account__name")
    search_help_text = "A confirmation number, an id of ours or of the vendor's write, or the name of an account."
    ordering = ("-created_at",)

    failure_code = code("failure")


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "kind",
        "number",
        "call",
        "booking",
        "write_back",
        "state",
        "assigned_to",
        "resolution",
        "resolved_by",
        "created_at",
        "resolved_at",
    )
    list_display = (
        "kind",
        "number",
        "state",
        "resolution",
        "booking",
        "account",
        "assigned_to",
        "created_at",
        "resolved_at",
    )
    list_filter = ("state", "resolution", "created_at")
    search_fields = ("=booking__confirmation_number", "=number", "account__name")
    search_help_text = "A number that the caller has heard, an id, or the name of an account."
    ordering = ("-created_at",)


@admin.register(TaskNote)
class TaskNoteAdmin(ReadOnlyAdmin):
    fields = ("id", "task", "author", "created_at")
    list_display = ("task", "author", "created_at")
    list_filter = ("created_at",)
    search_fields = ("=task__number", "task__account__name")
    search_help_text = "A number that the caller has heard, an id, or the name of an account."
    ordering = ("-created_at",)
