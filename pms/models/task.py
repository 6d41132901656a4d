"""What a person at the practice must do."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model
from django.db import models


class TaskState(models.TextChoices):
    """A task is open until somebody has done it."""

    OPEN = "OPEN", "Open"
    DONE = "DONE", "Done"


class Resolution(models.TextChoices):
    """How a request for an appointment ended."""

    APPROVED = "APPROVED", "Approved"
    DECLINED = "DECLINED", "Declined"
    WITHDRAWN = "WITHDRAWN", "Withdrawn by the patient"
    BOOKED = "BOOKED", "Booked in another way"


class Task(models.Model):
    """``kind`` is our own code, ``detail`` is sealed: it says what the caller wanted.

    ``request_key`` finds the same request of the practice's own server again. A task that is a request for an
    appointment (``services.requests``) has ``patient_id``, the ``number`` that the caller has heard, and in the end a
    ``resolution``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="tasks")
    kind = models.CharField(max_length=64)
    detail = models.BinaryField(editable=False)
    call = models.ForeignKey("pms.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    booking = models.ForeignKey("pms.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    write_back = models.ForeignKey(
        "pms.WriteBack", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    patient_id = models.CharField(max_length=128, blank=True)
    number = models.CharField(max_length=12, blank=True)
    request_key = models.CharField(max_length=200, blank=True, editable=False)
    state = models.CharField(max_length=8, choices=TaskState.choices, default=TaskState.OPEN)
    assigned_to = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=12, choices=Resolution.choices, blank=True)
    resolved_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "tasks"
        constraints = [
            # One task per booking or write and reason, however often a job finds the same thing.
            models.UniqueConstraint(fields=["booking", "kind"], name="tasks_booking_kind_key"),
            models.UniqueConstraint(fields=["write_back", "kind"], name="tasks_write_back_kind_key"),
            models.UniqueConstraint(
                fields=["account", "request_key"], condition=~models.Q(request_key=""), name="tasks_request_key"
            ),
            models.UniqueConstraint(
                fields=["account", "number"], condition=~models.Q(number=""), name="tasks_number_key"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "state", "created_at"], name="tasks_account_state_idx"),
            models.Index(
                fields=["account", "patient_id"], condition=~models.Q(patient_id=""), name="tasks_patient_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class TaskNote(models.Model):
    """What somebody at the practice has written to a task; ``text`` is sealed. Notes are added, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, related_name="+")
    text = models.BinaryField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "task_notes"
        indexes = [models.Index(fields=["task", "created_at"], name="task_notes_task_idx")]

    def __str__(self) -> str:
        return f"{self.task_id} by {self.author_id}"
