"""What signs requests to Parlae."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model
from django.db import models


class CredentialKind(models.TextChoices):
    """A voice credential speaks for callers; a system credential for a server of the practice's own."""

    VOICE = "VOICE", "Voice"
    SYSTEM = "SYSTEM", "System"


class Credential(models.Model):
    """The secret of one line or one account, with the schemes it may be used by.

    ``secrets`` is sealed and holds one or, during a rotation, two values; an HMAC needs the value itself, so a hash
    would not do. ``scopes`` limits a system credential.
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
    secrets = models.BinaryField(editable=False)
    created_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "credentials"
        indexes = [models.Index(fields=["account", "kind"], name="credentials_account_kind_idx")]

    def __str__(self) -> str:
        return self.label
