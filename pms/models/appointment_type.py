"""A practice's rule for one kind of appointment."""

from __future__ import annotations

import uuid

from django.db import models


class BookingMode(models.TextChoices):
    """Whether the agent may book this kind itself."""

    DIRECT = "DIRECT", "Booked directly"
    REQUEST = "REQUEST", "On request"
    OFF = "OFF", "Not by phone agent"


class ForPatients(models.TextChoices):
    """Whom the agent books this kind for; who was never treated at the practice is new."""

    ANYONE = "ANYONE", "Everybody"
    NEW = "NEW", "New patients"
    KNOWN = "KNOWN", "Patients of the practice"


class AppointmentType(models.Model):
    """What patients say, what the PMS calls it, how long it takes and where it may happen.

    ``resources`` is an ordered list of ``{"clinicianId", "operatoryId"}``, perhaps with an ``"assistantId"``: only
    these people in these rooms are ever offered.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="appointment_types")
    name = models.CharField(max_length=80)
    aliases = models.JSONField(default=list, blank=True)
    pms_value = models.CharField(max_length=128, blank=True)
    duration_minutes = models.PositiveIntegerField()
    buffer_before_minutes = models.PositiveIntegerField(default=0)
    buffer_after_minutes = models.PositiveIntegerField(default=0)
    resources = models.JSONField(default=list)
    mode = models.CharField(max_length=8, choices=BookingMode.choices, default=BookingMode.DIRECT)
    for_patients = models.CharField(max_length=8, choices=ForPatients.choices, default=ForPatients.ANYONE)
    is_active = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "appointment_types"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="appointment_types_account_name_key"),
            models.CheckConstraint(condition=models.Q(duration_minutes__gt=0), name="appointment_types_duration"),
        ]

    def __str__(self) -> str:
        return self.name
