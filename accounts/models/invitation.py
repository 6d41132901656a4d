"""An invitation to join a practice."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.roles import Role


class Invitation(models.Model):
    """A link sent by e-mail; only the digest of its token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role.choices)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "invitations"
        indexes = [models.Index(fields=["account", "email"])]

    def __str__(self) -> str:
        return f"{self.get_role_display()} for {self.account_id}"
