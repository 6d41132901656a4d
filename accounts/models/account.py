"""The tenant: one practice location."""

from __future__ import annotations

import re
import uuid
import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts import hours

LONGEST_KEPT_DAYS = 3650
_E164 = re.compile(r"\+[1-9]\d{6,14}")


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
    trusts_caller_number = models.BooleanField(
        default=False, help_text="A caller's number counts as proof although their carrier does not vouch for it."
    )
    keeps_transcripts = models.BooleanField(default=False, help_text="Keep transcripts and summaries of calls, sealed.")
    keeps_recordings = models.BooleanField(default=False, help_text="Keep links to recordings of calls, sealed.")
    keeps_days = models.PositiveIntegerField(
        default=90,
        validators=[MinValueValidator(7), MaxValueValidator(LONGEST_KEPT_DAYS)],
        help_text="For how many days is kept what callers said and what was done for them. Not the audit log.",
    )
    sends_confirmations = models.BooleanField(
        default=False, help_text="Send patients e-mails, without any patient data in them, about their appointments."
    )
    transfer_number = models.CharField(max_length=20, blank=True, help_text="E.164; who wants a person is put through.")
    after_hours_number = models.CharField(max_length=20, blank=True, help_text="E.164; outside the transfer hours.")
    transfer_hours = models.JSONField(
        default=dict,
        blank=True,
        help_text='Local hours by ISO weekday: {"1": [["08:00", "17:00"]]}. Empty: at any time.',
    )
    idle_minutes = models.PositiveSmallIntegerField(
        default=15,
        validators=[MinValueValidator(5), MaxValueValidator(30)],
        help_text="People are signed out after so many minutes without doing anything.",
    )
    second_factor_grace_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MaxValueValidator(7)],
        help_text="For how many days somebody new may go without a second factor.",
    )
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

    def clean(self) -> None:
        """Reject transfer numbers and hours that could not be used."""
        wrong = {
            name: "Not a phone number in E.164, such as +12125550100."
            for name in ("transfer_number", "after_hours_number")
            if (number := getattr(self, name)) and not _E164.fullmatch(number)
        }
        try:
            hours.check(self.transfer_hours)
        except ValueError as error:
            wrong["transfer_hours"] = str(error)
        if wrong:
            raise ValidationError(wrong)
