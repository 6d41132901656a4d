"""What was set up at Vapi for a line."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ProvisioningState(models.TextChoices):
    """What is wanted at Vapi is written by the worker, and again whenever it changes."""

    NONE = "NONE", "Not asked for"
    QUEUED = "QUEUED", "Waiting for the worker"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class Provisioning(models.Model):
    """The objects at Vapi that are ours, by their ids, and whether they are as the practice wants them.

    ``tool_ids`` maps our tools' names to ids at Vapi. ``vapi_credential_id`` is the server credential there; a person
    gives it where it cannot be made by API (``needs_credential_id``). ``credential_digest`` is a keyed digest of the
    secret that it holds. ``number_wish`` is the number that somebody wants for the line and has not got yet:
    ``{"areaCode"}`` for a new one, or ``{"number", "takesOver"}`` for one that is at Vapi, by its id or as E.164.
    ``error_code`` says why the last try failed.
    """

    line = models.OneToOneField(
        "pms.VoiceLine", on_delete=models.PROTECT, primary_key=True, related_name="provisioning"
    )
    state = models.CharField(max_length=8, choices=ProvisioningState.choices, default=ProvisioningState.NONE)
    tool_ids = models.JSONField(default=dict)
    vapi_credential_id = models.CharField(max_length=64, blank=True)
    credential_digest = models.CharField(max_length=64, blank=True, editable=False)
    number_wish = models.JSONField(default=dict)
    needs_credential_id = models.BooleanField(default=False)
    error_code = models.CharField(max_length=64, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "provisionings"
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="provisionings_due_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.state}"
