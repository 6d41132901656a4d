"""The append-only evidence, the history of settings, and the counters behind the limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from auditlog import get_logentry_model
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from pms.admin.base import ReadOnlyAdmin, code, reads
from pms.models import ChainHead, PmsAuditLog, RateCounter, SecurityEvent

LogEntry: Any = get_logentry_model()


@admin.register(PmsAuditLog)
class PmsAuditLogAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "created_at",
        "account_id",
        "seq",
        "pms_integration",
        "actor",
        "action",
        "phase",
        "endpoint",
        "method",
        "success",
        "error_code",
        "response_status",
        "response_time",
        "phi_accessed",
        "access_id",
        "request_id",
        "user_id",
        "vapi_call_id",
        "ip_address",
        "user_agent",
    )
    list_display = ("created_at", "action", "phase", "success", "error_code", "actor", "pms_integration", "seq")
    list_filter = ("phase", "success", "phi_accessed", "created_at")
    search_fields = (
        "pms_integration__account__name",
        "vapi_call_id__exact",
        "request_id__exact",
        "user_id__exact",
        "actor__exact",
    )
    search_help_text = "An id of a row, an account, an access, a request, a call or a user, or the name of an account."
    ordering = ("-created_at",)

    error_code = code("error_message", "error code")


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "created_at",
        "account_id",
        "chain",
        "seq",
        "kind",
        "actor",
        "ip_address",
        "user_agent",
        "request_id",
    )
    list_display = ("created_at", "kind", "account_id", "actor", "ip_address", "seq")
    list_filter = ("created_at",)
    search_fields = ("kind__exact", "actor__exact", "request_id__exact")
    search_help_text = "An id of a row, an account or a request, an actor, or a kind such as signin.failed."
    ordering = ("-created_at",)


@admin.register(ChainHead)
class ChainHeadAdmin(ReadOnlyAdmin):
    fields = ("key", "seq")
    list_display = ("key", "seq")
    search_fields = ("key",)
    search_help_text = "An id of an account, or a part of a table's name."
    ordering = ("key",)


@admin.register(RateCounter)
class RateCounterAdmin(ReadOnlyAdmin):
    # A counter's key is a digest of whom it counts, so the list neither shows it nor links to it.
    fields = ("value", "ends")
    list_display = ("value", "ends")
    list_display_links = None
    ordering = ("-expires_at",)

    @reads("expires_at", label="ends")
    def ends(self, row: RateCounter) -> datetime:
        return datetime.fromtimestamp(row.expires_at, UTC)

    def heading(self, row: Model) -> str:
        return "Counter"


admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """django-auditlog's history of settings: which fields of what somebody changed, not from what to what."""

    fields = ("id", "timestamp", "action", "content_type", "row", "changed", "actor", "remote_addr", "cid")
    list_display = ("timestamp", "action", "content_type", "changed", "actor")
    list_filter = ("action", "timestamp")
    search_fields = ("object_pk__exact", "cid__exact")
    search_help_text = "An id of the row that was changed, of the user who changed it, or of the request."
    ordering = ("-timestamp",)

    @reads("content_type", "object_pk", label="row")
    def row(self, entry: Any) -> str:
        kind = entry.content_type
        try:
            url = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[quote(entry.object_pk)])
        except NoReverseMatch:
            return str(entry.object_pk)
        return format_html('<a href="{}">{}</a>', url, entry.object_pk)

    @reads("changes", label="changed fields")
    def changed(self, entry: Any) -> str:
        return ", ".join(sorted(entry.changes)) if isinstance(entry.changes, dict) else ""

    def heading(self, row: Model) -> str:
        return f"Entry {row.pk}"
