"""What a practice says about its time, where its PMS does not: weekly hours, single days, and time that is blocked."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from accounts import hours


class ScheduledKind(models.TextChoices):
    """Whose time it is. The practice's own rows have no ``resource_id``; the others have the PMS's id."""

    PRACTICE = "practice", "Practice"
    CLINICIAN = "clinician", "Clinician"
    OPERATORY = "operatory", "Operatory"


# The practice has one row, a clinician or room one each.
_NAMED = Q(kind=ScheduledKind.PRACTICE, resource_id="") | (~Q(kind=ScheduledKind.PRACTICE) & ~Q(resource_id=""))


class WeeklyHours(models.Model):
    """Hours on the practice's wall clock: ``{"1": [["08:00", "12:00"]]}`` by ISO weekday; a day left out is closed."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="weekly_hours")
    kind = models.CharField(max_length=16, choices=ScheduledKind.choices, default=ScheduledKind.PRACTICE)
    resource_id = models.CharField(max_length=128, blank=True)
    hours = models.JSONField(default=dict)

    class Meta:
        db_table = "weekly_hours"
        verbose_name = verbose_name_plural = "weekly hours"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "resource_id"], name="weekly_hours_resource_key"),
            models.CheckConstraint(condition=_NAMED, name="weekly_hours_named"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.resource_id}".strip()

    def clean(self) -> None:
        """Reject hours that cannot be read."""
        try:
            hours.check(self.hours)
        except ValueError as error:
            raise ValidationError({"hours": str(error)}) from None


class SpecialDay(models.Model):
    """One local day that is not as usual: closed without ``windows``, else open in exactly those."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="special_days")
    kind = models.CharField(max_length=16, choices=ScheduledKind.choices, default=ScheduledKind.PRACTICE)
    resource_id = models.CharField(max_length=128, blank=True)
    day = models.DateField()
    windows = models.JSONField(default=list, blank=True, help_text='Such as [["08:00", "12:00"]]; empty: closed.')
    label = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "special_days"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "resource_id", "day"], name="special_days_resource_key"),
            models.CheckConstraint(condition=_NAMED, name="special_days_named"),
        ]
        indexes = [models.Index(fields=["account", "day"], name="special_days_account_idx")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.resource_id}".strip()

    def clean(self) -> None:
        """Reject windows that cannot be read."""
        try:
            hours.windows({"1": self.windows}, 1)
        except ValueError as error:
            raise ValidationError({"windows": str(error)}) from None


class Blockout(models.Model):
    """Time in which nothing is booked: of one clinician or room, or of the whole practice."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="blockouts")
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=ScheduledKind.choices, default=ScheduledKind.PRACTICE)
    resource_id = models.CharField(max_length=128, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "blockouts"
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="blockouts_length"),
            models.CheckConstraint(condition=_NAMED, name="blockouts_named"),
        ]
        indexes = [models.Index(fields=["account", "ends_at"], name="blockouts_account_idx")]

    def __str__(self) -> str:
        return f"{self.kind} {self.resource_id}".strip()
