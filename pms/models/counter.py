"""The counters behind rate limits where there is no Redis."""

from __future__ import annotations

from django.db import models


class RateCounter(models.Model):
    """One window of one limit; incremented in one statement, so no process can miss another's count."""

    key = models.CharField(max_length=250, primary_key=True)
    value = models.BigIntegerField()
    expires_at = models.FloatField(help_text="Unix seconds.")

    class Meta:
        db_table = "rate_counters"
        indexes = [models.Index(fields=["expires_at"], name="rate_counters_expires_idx")]

    def __str__(self) -> str:
        return self.key
