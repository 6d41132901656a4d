"""The record that a practice accepted the business associate agreement."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.immutable import WrittenOnce, WrittenOnceQuerySet


class BaaAcceptance(WrittenOnce):
    """Who accepted which text, when and from where; never changed afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="baa_acceptances")
    version = models.CharField(max_length=32)
    text_sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer_name = models.CharField(max_length=120)
    signer_title = models.CharField(max_length=120)
    has_authority = models.BooleanField()
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    accepted_at = models.DateTimeField(auto_now_add=True)

    objects = WrittenOnceQuerySet["BaaAcceptance"].as_manager()

    class Meta:
        db_table = "baa_acceptances"
        verbose_name = "BAA acceptance"
        indexes = [models.Index(fields=["account", "version"])]
        constraints = [
            models.CheckConstraint(condition=models.Q(has_authority=True), name="baa_acceptances_authority"),
        ]

    def __str__(self) -> str:
        return f"{self.version} by {self.account_id}"
