"""What a practice has connected: its PMS, its voice lines, and what signs its requests."""

from __future__ import annotations

from django.contrib import admin

from pms.admin.base import ReadOnlyAdmin, chosen, code, reads
from pms.domain import errors
from pms.models import (
    Credential,
    Duty,
    OfficeProof,
    PmsCachedData,
    PmsIntegration,
    PmsToken,
    Provisioning,
    Setup,
    VoiceLine,
)
from pms.providers import registry
from pms.services.integrations import FEATURES


@admin.register(PmsIntegration)
class PmsIntegrationAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "provider",
        "provider_name",
        "status",
        "last_error_code",
        "last_sync_at",
        "checked_at",
        "office_offline_at",
        "credentials_mask",
        "features_on",
        "settings",
        "connection",
        "created_at",
        "updated_at",
    )
    list_display = (
        "account",
        "provider",
        "status",
        "last_error_code",
        "last_sync_at",
        "checked_at",
        "office_offline_at",
        "updated_at",
    )
    list_filter = ("provider", "status", "office_offline_at")
    search_fields = ("account__name",)
    ordering = ("-updated_at",)

    last_error_code = code("last_error")
    features_on = chosen("features", *FEATURES)
    settings = chosen(
        "config",
        "timezone",
        "defaultAppointmentDuration",
        "allowOnlineBooking",
        "minNoticeMinutes",
        "maxAdvanceDays",
        "stepMinutes",
        "maxDataAgeMinutes",
        "voicePayments",
        label="settings",
    )
    connection = chosen(
        "metadata", "pmsName", "practiceName", "timeZone", "locationId", "capabilities", label="connection"
    )

    @reads("provider", label="credentials")
    def credentials_mask(self, row: PmsIntegration) -> str:
        """Name the fields that the provider asks for; their values stay sealed."""
        try:
            asked = registry.service_class(row.provider).credential_fields
        except errors.NotSupported:
            return "••••"
        return "\n".join(f"{field.label}: ••••" for field in asked)


@admin.register(Setup)
class SetupAdmin(ReadOnlyAdmin):
    fields = (
        "account",
        "provider",
        "check_state",
        "why",
        "asked_by",
        "asked_at",
        "lease_until",
        "ended_at",
        "features_at",
        "version",
        "changed_by",
        "changed_at",
    )
    list_display = ("account", "provider", "check_state", "why", "asked_at", "ended_at", "features_at", "changed_at")
    list_filter = ("provider", "check_state")
    search_fields = ("account__name",)
    ordering = ("-changed_at",)

    why = code("error_code", "error code")


@admin.register(OfficeProof)
class OfficeProofAdmin(ReadOnlyAdmin):
    fields = ("id", "account", "sent_to", "asked_at", "sent_at", "attempts", "proven_at", "proven_by")
    list_display = ("account", "sent_to", "sent_at", "attempts", "proven_at", "proven_by")
    list_filter = ("proven_at",)
    search_fields = ("account__name",)
    ordering = ("-asked_at",)


@admin.register(PmsToken)
class PmsTokenAdmin(ReadOnlyAdmin):
    fields = ("integration", "version", "expires_at", "lease_until")
    list_display = ("integration", "version", "expires_at", "lease_until")
    search_fields = ("integration__account__name",)
    ordering = ("-expires_at",)


@admin.register(Duty)
class DutyAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "integration",
        "kind",
        "next_attempt_at",
        "lease_until",
        "attempts",
        "done_at",
        "error_code",
        "parked_at",
    )
    list_display = ("kind", "integration", "done_at", "next_attempt_at", "attempts", "error_code", "parked_at")
    list_filter = ("kind", "parked_at")
    search_fields = ("integration__account__name",)
    ordering = ("-parked_at", "next_attempt_at")

    error_code = code("last_error", "error code")


@admin.register(PmsCachedData)
class PmsCachedDataAdmin(ReadOnlyAdmin):
    fields = ("id", "pms_integration", "cache_type", "last_fetched_at", "expires_at", "created_at", "updated_at")
    list_display = ("cache_type", "pms_integration", "last_fetched_at", "expires_at")
    search_fields = ("pms_integration__account__name",)
    ordering = ("-expires_at",)


@admin.register(VoiceLine)
class VoiceLineAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "label",
        "phone_number",
        "vapi_assistant_id",
        "vapi_phone_number_id",
        "is_active",
        "created_at",
    )
    list_display = ("label", "account", "phone_number", "vapi_assistant_id", "is_active")
    list_filter = ("is_active",)
    search_fields = (
        "phone_number",
        "vapi_assistant_id__exact",
        "vapi_phone_number_id__exact",
        "account__name",
    )
    search_help_text = "A line's number, an id of ours or of Vapi's, or the name of an account."
    ordering = ("-created_at",)


@admin.register(Provisioning)
class ProvisioningAdmin(ReadOnlyAdmin):
    fields = (
        "line",
        "state",
        "failure",
        "needs_credential_id",
        "vapi_credential_id",
        "wanted_at",
        "next_attempt_at",
        "lease_until",
        "attempts",
        "done_at",
    )
    list_display = ("line", "state", "failure", "needs_credential_id", "attempts", "next_attempt_at", "done_at")
    list_filter = ("state", "needs_credential_id")
    search_fields = ("line__account__name",)
    ordering = ("-wanted_at",)

    failure = code("error_code", "error code")


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "line",
        "kind",
        "label",
        "schemes",
        "scopes",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
    )
    list_display = ("label", "account", "kind", "line", "created_at", "expires_at", "revoked_at")
    list_filter = ("kind",)
    search_fields = ("account__name",)
    ordering = ("-created_at",)
