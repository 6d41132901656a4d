"""How far a practice has come in its setup, and the check of its connection that runs in the background."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q


class CheckState(models.TextChoices):
    """A check of a connection is asked for, then run by the worker, once."""

    NONE = "NONE", "Not asked for"
    QUEUED = "QUEUED", "Waiting for the worker"
    RUNNING = "RUNNING", "Running"
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"


class Setup(models.Model):
    """One account's way through the wizard; it can be gone on with anywhere.

    ``draft`` is sealed: the credentials that were typed and have not been tried yet, or did not work; it is emptied
    when they are in use. ``locations`` maps ids to names where the office has several. ``steps`` is what the check has
    found so far, one object a step: ``{"name", "state", "detail"}``. ``version`` grows with every change by a person,
    so that nobody overwrites what somebody else has just said. ``features_at`` is when step 4 was finished.
    ``confirmed`` has what a person has confirmed before going live, by its code: ``{"by", "at"}``.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.PROTECT, primary_key=True, related_name="setup")
    provider = models.CharField(max_length=16, blank=True)
    draft = models.BinaryField(null=True, editable=False)
    location = models.CharField(max_length=128, blank=True)
    locations = models.JSONField(default=dict)
    check_state = models.CharField(max_length=8, choices=CheckState.choices, default=CheckState.NONE)
    steps = models.JSONField(default=list)
    error_code = models.CharField(max_length=64, blank=True)
    asked_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    features_at = models.DateTimeField(null=True, blank=True)
    confirmed = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    changed_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "setups"
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=Q(check_state__in=[CheckState.QUEUED, CheckState.RUNNING]),
                name="setups_due_idx",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider or 'nothing chosen'} {self.check_state}"
