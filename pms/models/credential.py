"""What signs requests to Parlae."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q


class CredentialKind(models.TextChoices):
    """A voice credential speaks for callers; a system credential for a server of the practice's own."""

    VOICE = "VOICE", "Voice"
    SYSTEM = "SYSTEM", "System"


class SigningScheme(models.TextChoices):
    """How a voice credential, or the platform's secret, may be used; ``pms.vapi.signatures`` knows how each is made."""

    TIMESTAMP_BODY = "timestamp_body", "HMAC of the time and the body"
    TIMESTAMP_METHOD_URL_BODY = "timestamp_method_url_body", "HMAC of the time, the method, the URL and the body"
    BODY = "body", "HMAC of the body"
    SECRET = "secret", "The secret itself, in X-Vapi-Secret"
    BEARER = "bearer", "The secret itself, as a bearer token"


class Scope(models.TextChoices):
    """What a system credential may be allowed; every tool names the one that it needs."""

    APPOINTMENTS_READ = "appointments:read", "See open times and appointments"
    APPOINTMENTS_WRITE = "appointments:write", "Book, move, confirm and cancel appointments"
    PATIENTS_READ = "patients:read", "Find and read patients"
    PATIENTS_WRITE = "patients:write", "Create and change patients"
    NOTES_READ = "notes:read", "Read patients' notes"
    NOTES_WRITE = "notes:write", "Add notes to patients' records"
    INSURANCE_READ = "insurance:read", "Read patients' insurance"
    INSURANCE_WRITE = "insurance:write", "Add insurance to patients' records"
    BALANCE_READ = "balance:read", "Read what patients owe"
    PAYMENTS_WRITE = "payments:write", "Post payments to patients' ledgers"
    MESSAGES_WRITE = "messages:write", "Leave messages for the team"


class Credential(models.Model):
    """What one line, one account or one server of an account's own proves itself by.

    A voice credential's ``secrets`` are sealed and hold one or, during a rotation, two values, the newer one first: an
    HMAC needs the value itself. A system credential sends its secret, so that ``secret_hash`` is enough; it is always
    the account's, expires, and is limited to ``scopes``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="credentials")
    line = models.ForeignKey(
        "pms.VoiceLine", on_delete=models.PROTECT, null=True, blank=True, related_name="credentials"
    )
    kind = models.CharField(max_length=8, choices=CredentialKind.choices)
    label = models.CharField(max_length=80)
    schemes = models.JSONField(default=list)
    scopes = models.JSONField(default=list)
    secrets = models.BinaryField(null=True, editable=False)
    secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "credentials"
        indexes = [models.Index(fields=["account", "kind"], name="credentials_account_kind_idx")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=CredentialKind.VOICE, secrets__isnull=False, secret_hash="")
                | (
                    Q(kind=CredentialKind.SYSTEM, secrets__isnull=True, line__isnull=True, expires_at__isnull=False)
                    & ~Q(secret_hash="")
                ),
                name="credentials_kind_secret",
            )
        ]

    def __str__(self) -> str:
        return self.label
