"""The append-only evidence: PMS accesses, security events, and the heads of their chains.

UPDATE, DELETE, TRUNCATE and REPLACE are refused by database triggers (``pms.models.triggers``). Every row carries
an HMAC over its own columns and its predecessor's HMAC; the key is not in the database.
"""

from __future__ import annotations

import uuid

from django.db import models


class AuditPhase(models.TextChoices):
    """Reads leave one row; a write leaves an intent before the wire and an outcome after."""

    READ = "READ", "Read"
    INTENT = "INTENT", "Intent"
    OUTCOME = "OUTCOME", "Outcome"


class ChainHead(models.Model):
    """The end of one chain: its lock, and where the next row goes on. ``key`` is table and account (or "platform")."""

    key = models.CharField(max_length=80, primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "audit_chain_heads"
        verbose_name = "audit chain head"

    def __str__(self) -> str:
        return f"{self.key} at {self.seq}"


class PmsAuditLog(models.Model):
    """The spec's ``pms_audit_logs``: one access to a PMS.

    ``endpoint`` is a route pattern or tool name, ``patient_id`` the PMS's opaque id; names, phones and search words
    never appear. ``account_id`` is a bare id so that nothing about an account can touch its evidence.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pms_integration = models.ForeignKey(
        "pms.PmsIntegration", on_delete=models.PROTECT, related_name="audit_logs", db_index=False
    )
    action = models.CharField(max_length=64)
    endpoint = models.CharField(max_length=200)
    method = models.CharField(max_length=10)
    user_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  # nullable in the spec
    vapi_call_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  # nullable in the spec
    ip_address = models.CharField(max_length=45, null=True)  # noqa: DJ001  # nullable in the spec
    user_agent = models.CharField(max_length=200, null=True)  # noqa: DJ001  # nullable in the spec
    request_summary = models.TextField(null=True)  # noqa: DJ001  # nullable in the spec
    response_status = models.IntegerField(null=True)
    response_time = models.IntegerField(null=True, help_text="Milliseconds.")
    phi_accessed = models.BooleanField(default=False)
    patient_id = models.CharField(max_length=128, null=True)  # noqa: DJ001  # nullable in the spec
    success = models.BooleanField(default=True)
    error_message = models.TextField(null=True)  # noqa: DJ001  # nullable in the spec
    created_at = models.DateTimeField()

    # Beyond the spec: what ties the rows of one access together, and the chain.
    account_id = models.UUIDField()
    actor = models.CharField(max_length=80, help_text="Who asked: kind and id, such as voice:… or user:….")
    phase = models.CharField(max_length=8, choices=AuditPhase.choices)
    access_id = models.UUIDField()
    request_id = models.CharField(max_length=64, blank=True)
    seq = models.BigIntegerField()
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "pms_audit_logs"
        verbose_name = "PMS audit log"
        constraints = [models.UniqueConstraint(fields=["account_id", "seq"], name="pms_audit_logs_chain")]
        indexes = [
            models.Index(fields=["pms_integration"], name="pms_audit_logs_integration_idx"),
            models.Index(fields=["created_at"], name="pms_audit_logs_created_idx"),
            models.Index(fields=["action"], name="pms_audit_logs_action_idx"),
            models.Index(fields=["vapi_call_id"], name="pms_audit_logs_call_idx"),
            models.Index(fields=["access_id"], name="pms_audit_logs_access_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.phase} #{self.seq}"


class SecurityEvent(models.Model):
    """What has no integration: sign-ins, agreements, forged webhooks. ``account_id`` is empty for the platform."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=64)
    actor = models.CharField(max_length=80)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    chain = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "security_events"
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="security_events_chain")]
        indexes = [
            models.Index(fields=["account_id", "created_at"], name="security_events_account_idx"),
            models.Index(fields=["kind"], name="security_events_kind_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.seq}"
