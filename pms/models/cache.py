"""Short-lived copies of what a PMS told."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class PmsCachedData(models.Model):
    """The spec's ``pms_cached_data``; ``data`` is sealed, ``cache_key`` an HMAC where it would name a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pms_integration = models.ForeignKey(
        "pms.PmsIntegration", on_delete=models.PROTECT, related_name="cached_data", db_index=False
    )
    cache_key = models.CharField(max_length=128)
    cache_type = models.CharField(max_length=32)
    data = models.BinaryField(editable=False)
    expires_at = models.DateTimeField()
    last_fetched_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "pms_cached_data"
        verbose_name = verbose_name_plural = "PMS cached data"
        constraints = [
            models.UniqueConstraint(fields=["pms_integration", "cache_key"], name="pms_cached_data_integration_key")
        ]
        indexes = [
            models.Index(fields=["pms_integration"], name="pms_cached_data_integr_idx"),
            models.Index(fields=["expires_at"], name="pms_cached_data_expires_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.cache_type} of {self.pms_integration_id}"
