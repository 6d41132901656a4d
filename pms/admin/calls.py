"""Phone calls and what happened in them: when and how it ended, never who called or what was said."""

from __future__ import annotations

from django.contrib import admin

from pms.admin.base import ReadOnlyAdmin, code
from pms.models import Call, SlotOffer, TestCall, ToolCall, Verification


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "vapi_call_id",
        "account",
        "line",
        "started_at",
        "last_seen_at",
        "ended_at",
        "status_code",
        "attestation",
        "ended_reason_code",
        "outcome_code",
        "cost",
        "is_test",
    )
    list_display = ("vapi_call_id", "started_at", "ended_at", "status_code", "outcome_code", "account", "line")
    list_filter = ("started_at",)
    search_fields = ("vapi_call_id__exact", "account__name", "line__phone_number")
    search_help_text = "An id of ours or of Vapi's, the name of an account, or a line's number."
    ordering = ("-started_at",)

    status_code = code("status")
    ended_reason_code = code("ended_reason")
    outcome_code = code("outcome")


@admin.register(TestCall)
class TestCallAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "line",
        "call",
        "state",
        "books",
        "end_code",
        "asked_by",
        "asked_at",
        "lease_until",
        "ended_at",
    )
    list_display = ("asked_at", "state", "books", "end_code", "account", "line", "asked_by", "ended_at")
    list_filter = ("state", "asked_at")
    search_fields = ("call__vapi_call_id__exact", "account__name")
    search_help_text = "An id of ours or of a call, or the name of an account."
    ordering = ("-asked_at",)

    end_code = code("error_code")


@admin.register(ToolCall)
class ToolCallAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "call",
        "tool_call_id",
        "tool",
        "state",
        "outcome_code",
        "duration_ms",
        "lease_until",
        "request_id",
        "created_at",
    )
    list_display = ("tool", "state", "outcome_code", "duration_ms", "created_at", "account", "call")
    list_filter = ("state", "created_at")
    search_fields = ("tool_call_id__exact", "call__vapi_call_id__exact", "request_id__exact", "account__name")
    search_help_text = "An id of a row, a call, a tool call or a request, or the name of an account."
    ordering = ("-created_at",)

    outcome_code = code("outcome")


@admin.register(SlotOffer)
class SlotOfferAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "code",
        "call",
        "appointment_type",
        "starts_at",
        "duration_minutes",
        "clinician_id",
        "operatory_id",
        "expires_at",
    )
    list_display = ("code", "call", "appointment_type", "starts_at", "duration_minutes", "expires_at")
    search_fields = ("call__vapi_call_id__exact", "call__account__name")
    search_help_text = "An id of a call, or the name of an account."
    ordering = ("-expires_at",)


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    fields = ("id", "account", "call", "succeeded", "counts", "created_at")
    list_display = ("created_at", "succeeded", "counts", "account", "call")
    list_filter = ("succeeded", "created_at")
    search_fields = ("call__vapi_call_id__exact", "account__name")
    ordering = ("-created_at",)
