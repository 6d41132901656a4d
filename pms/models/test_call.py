"""A test call that a person at the practice lets run in the page."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q


class TestCallState(models.TextChoices):
    """A test call is asked for, then played by the worker, once."""

    __test__ = False  # the name is not pytest's

    QUEUED = "QUEUED", "Waiting for the worker"
    RUNNING = "RUNNING", "Running"
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"


class TestCall(models.Model):
    """One test call. ``call`` is the real call that it makes, with its tool calls.

    ``books`` says that the person has ticked that an appointment may be booked, and cancelled at once, for the test
    patient in ``patient`` (sealed: name and date of birth). ``lines`` is sealed: what was said, and by whom, in order.
    """

    __test__ = False  # the name is not pytest's

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="test_calls")
    line = models.ForeignKey("pms.VoiceLine", on_delete=models.PROTECT, related_name="test_calls")
    call = models.OneToOneField("pms.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="test_call")
    state = models.CharField(max_length=8, choices=TestCallState.choices, default=TestCallState.QUEUED)
    books = models.BooleanField(default=False)
    patient = models.BinaryField(null=True, editable=False)
    lines = models.BinaryField(null=True, editable=False)
    error_code = models.CharField(max_length=64, blank=True)
    asked_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "test_calls"
        constraints = [
            # One at a time: two of the same script would take each other's appointment.
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state__in=[TestCallState.QUEUED, TestCallState.RUNNING]),
                name="test_calls_one_running",
            )
        ]
        indexes = [models.Index(fields=["account", "asked_at"], name="test_calls_account_idx")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.state}"
