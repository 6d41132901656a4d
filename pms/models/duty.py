"""Background work that a connection needs again and again."""

from __future__ import annotations

from django.db import models


class DutyKind(models.TextChoices):
    """What is done for a connection that is in use, over and over; ``services.duties`` says how often."""

    TOKEN = "TOKEN", "Session token"  # a kind of work
    HEALTH = "HEALTH", "Health"
    SYNC = "SYNC", "Appointments"


class Duty(models.Model):
    """One kind of work for one connection, claimed by whoever sets ``lease_until`` first.

    ``attempts`` counts failures in a row. One that breaks in a way nobody expects again and again is parked for a
    person: ``parked_at`` is set and ``next_attempt_at`` empty.
    """

    integration = models.ForeignKey("pms.PmsIntegration", on_delete=models.PROTECT, related_name="duties")
    kind = models.CharField(max_length=8, choices=DutyKind.choices)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=64, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "duties"
        verbose_name_plural = "duties"
        constraints = [models.UniqueConstraint(fields=["integration", "kind"], name="duties_integration_kind_key")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(next_attempt_at__isnull=False), name="duties_due_idx"
            )
        ]

    def __str__(self) -> str:
        return self.kind
