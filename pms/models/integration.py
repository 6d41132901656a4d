"""One account's connection to one PMS, and its vendor's session token."""

from __future__ import annotations

import uuid

from django.db import models


class Provider(models.TextChoices):
    """The PMS vendors of the spec."""

    SIKKA = "SIKKA", "Sikka"
    KOLLA = "KOLLA", "Kolla"
    DENTRIX = "DENTRIX", "Dentrix"
    EAGLESOFT = "EAGLESOFT", "Eaglesoft"
    OPEN_DENTAL = "OPEN_DENTAL", "Open Dental"
    CUSTOM = "CUSTOM", "Custom"


class ConnectionStatus(models.TextChoices):
    """How an integration stands."""

    ACTIVE = "ACTIVE", "Active"
    INACTIVE = "INACTIVE", "Inactive"
    ERROR = "ERROR", "Error"
    SETUP_REQUIRED = "SETUP_REQUIRED", "Setup required"


class PmsIntegration(models.Model):
    """The spec's ``pms_integrations``. Deactivated, never deleted: six years of audit rows point at it.

    ``credentials`` is sealed; ``services.integrations.reveal`` opens it. ``config`` holds the spec's keys and
    ``minNoticeMinutes maxAdvanceDays stepMinutes``; ``features`` holds ``booking newPatients notes insurance
    payments``; ``metadata`` what connecting found (``capabilities``, ``pmsName``, ``locationId``).

    ``last_sync_at`` is when the vendor's copy was taken from the PMS, as far as it was told at ``checked_at``;
    ``office_offline_at`` is when it was last told, or seen at a refused write, that the office's computer is offline,
    without which nothing can be written; empty while nobody says so.

    ``practice_digest`` is an HMAC of the vendor's name for the practice: no two connections in use lead to the same.
    ``practice_since`` is when the connection was led to another one than before; older ids are other people's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="integrations", db_index=False
    )
    provider = models.CharField(max_length=16, choices=Provider.choices)
    provider_name = models.CharField(max_length=120, null=True, blank=True)  # noqa: DJ001  # nullable in the spec
    status = models.CharField(max_length=16, choices=ConnectionStatus.choices, default=ConnectionStatus.SETUP_REQUIRED)
    last_sync_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    office_offline_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(null=True, blank=True)  # noqa: DJ001  # nullable in the spec
    credentials = models.BinaryField(editable=False)
    config = models.JSONField(null=True, blank=True)
    features = models.JSONField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    practice_digest = models.CharField(max_length=64, blank=True, editable=False)
    practice_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "pms_integrations"
        verbose_name = "PMS integration"
        constraints = [
            models.UniqueConstraint(fields=["account", "provider"], name="pms_integrations_account_provider_key"),
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(status=ConnectionStatus.ACTIVE),
                name="pms_integrations_one_active",
            ),
            models.UniqueConstraint(
                fields=["practice_digest"],
                condition=models.Q(status__in=[ConnectionStatus.ACTIVE, ConnectionStatus.ERROR])
                & ~models.Q(practice_digest=""),
                name="pms_integrations_practice_key",
            ),
        ]
        indexes = [
            models.Index(fields=["account"], name="pms_integrations_account_idx"),
            models.Index(fields=["status"], name="pms_integrations_status_idx"),
        ]

    def __str__(self) -> str:
        return self.get_provider_display()

    @property
    def office_is_offline(self) -> bool:
        """Whether the office's computer was offline, as far as anybody has told."""
        return self.office_offline_at is not None


class PmsToken(models.Model):
    """A vendor's session token, renewed by compare-and-set; ``version`` 0 means that none was stored yet."""

    integration = models.OneToOneField(PmsIntegration, on_delete=models.PROTECT, primary_key=True, related_name="token")
    sealed = models.BinaryField(null=True, editable=False)
    version = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "pms_tokens"
        verbose_name = "PMS token"

    def __str__(self) -> str:
        return f"Token {self.version} of {self.integration_id}"
