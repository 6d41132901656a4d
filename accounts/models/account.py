"""The tenant: one practice location."""

from __future__ import annotations

import uuid
import zoneinfo

from django.core.exceptions import ValidationError
from django.db import models


def validate_zone(name: str) -> None:
    """Reject anything that is not an IANA zone of the pinned tzdata."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Not an IANA time zone.")


class Account(models.Model):
    """One practice location. It owns the time zone; everything of a practice hangs on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, validators=[validate_zone])
    country = models.CharField(
        max_length=2, default="US", help_text="ISO 3166 code; decides how phone numbers are read."
    )
    is_active = models.BooleanField(default=True)
    is_paused = models.BooleanField(default=False, help_text="The voice agent only takes messages.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "accounts"

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The practice's zone."""
        return zoneinfo.ZoneInfo(self.time_zone)
