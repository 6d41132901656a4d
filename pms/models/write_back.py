"""A change on its way into a PMS."""

from __future__ import annotations

import uuid

from django.db import models


class WriteBackState(models.TextChoices):
    """SENDING is written before the wire, so a process that dies there leaves its trace."""

    SENDING = "SENDING", "Sending"
    PENDING = "PENDING", "Pending"
    UNKNOWN = "UNKNOWN", "Unknown"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"
    PARKED = "PARKED", "Parked for a person"


class WriteBack(models.Model):
    """``reference`` is the vendor's write-back id, ``record_id`` the id of what it made. ``payload`` is sealed.

    ``next_attempt_at``, ``lease_until`` and ``attempts`` are what the job sweep works from. ``access_id`` ties the
    row to its audit intent, so that a missing outcome row can be written later.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="write_backs")
    integration = models.ForeignKey("pms.PmsIntegration", on_delete=models.PROTECT, related_name="write_backs")
    booking = models.ForeignKey(
        "pms.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="write_backs"
    )
    operation = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=WriteBackState.choices, default=WriteBackState.SENDING)
    payload = models.BinaryField(editable=False)
    reference = models.CharField(max_length=128, blank=True)
    record_id = models.CharField(max_length=128, blank=True)
    failure = models.CharField(max_length=64, blank=True)
    access_id = models.UUIDField()
    sent_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "write_backs"
        verbose_name = "write-back"
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(next_attempt_at__isnull=False),
                name="write_backs_due_idx",
            ),
            models.Index(fields=["access_id"], name="write_backs_access_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.state}"
