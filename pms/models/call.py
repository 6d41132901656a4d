"""Phone calls, and what happened in them."""

from __future__ import annotations

import uuid

from django.db import models


class Call(models.Model):
    """One Vapi call of one account. The caller's number is sealed; its digest finds the same caller again.

    ``attestation`` is the carrier's word for that number (STIR/SHAKEN: A, B or C), empty if there is none. ``status``
    and ``ended_reason`` are Vapi's own words; ``cost`` is in US dollars. ``report`` is sealed: what the account's
    policy lets us keep of the transcript, the summary and the links to recordings.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="calls")
    line = models.ForeignKey("pms.VoiceLine", on_delete=models.PROTECT, null=True, blank=True, related_name="calls")
    vapi_call_id = models.CharField(max_length=64)
    caller_number = models.BinaryField(null=True, editable=False)
    caller_digest = models.CharField(max_length=64, blank=True, editable=False)
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    attestation = models.CharField(max_length=1, blank=True)
    status = models.CharField(max_length=32, blank=True)
    ended_reason = models.CharField(max_length=200, blank=True)
    cost = models.DecimalField(max_digits=9, decimal_places=4, null=True, blank=True)
    report = models.BinaryField(null=True, editable=False)
    outcome = models.CharField(max_length=32, blank=True)
    is_test = models.BooleanField(default=False, help_text="Played from the setup page, not by a caller.")

    class Meta:
        db_table = "calls"
        constraints = [models.UniqueConstraint(fields=["account", "vapi_call_id"], name="calls_account_vapi_call_key")]
        indexes = [models.Index(fields=["account", "started_at"], name="calls_account_started_idx")]

    def __str__(self) -> str:
        return self.vapi_call_id


class ToolCallState(models.TextChoices):
    """A claimed tool call runs until it has an answer."""

    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"


class ToolCall(models.Model):
    """One use of a tool: the claim that makes a repetition harmless, and the answer it gets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="tool_calls")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="tool_calls")
    tool_call_id = models.CharField(max_length=128)
    tool = models.CharField(max_length=64)
    arguments_digest = models.CharField(max_length=64)
    arguments = models.BinaryField(editable=False)
    state = models.CharField(max_length=8, choices=ToolCallState.choices, default=ToolCallState.RUNNING)
    lease_until = models.DateTimeField()
    answer = models.BinaryField(null=True, editable=False)
    outcome = models.CharField(max_length=32, blank=True, help_text="ok, or the error's code.")
    duration_ms = models.PositiveIntegerField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "tool_calls"
        constraints = [
            models.UniqueConstraint(fields=["account", "call", "tool_call_id"], name="tool_calls_account_call_id_key")
        ]
        indexes = [models.Index(fields=["account", "created_at"], name="tool_calls_account_created_idx")]

    def __str__(self) -> str:
        return f"{self.tool} {self.outcome}"


class SlotOffer(models.Model):
    """A time offered in one call under a short code. Offering holds nothing."""

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="slot_offers")
    code = models.CharField(max_length=8)
    appointment_type = models.ForeignKey("pms.AppointmentType", on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    duration_minutes = models.PositiveIntegerField()
    clinician_id = models.CharField(max_length=128)
    operatory_id = models.CharField(max_length=128)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "slot_offers"
        constraints = [models.UniqueConstraint(fields=["call", "code"], name="slot_offers_call_code_key")]

    def __str__(self) -> str:
        return self.code


class Verification(models.Model):
    """One attempt to prove, in one call, who the call is about. Only these rows open patient data by voice.

    ``subject_digest`` (last name and date of birth) and ``name_digest`` (full name) are HMACs of what was said, so that
    guessing at one person shows without naming them. ``is_strong`` says that a number on file proved them as well.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="verifications")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="verifications")
    succeeded = models.BooleanField()
    counts = models.BooleanField(default=True, help_text="Whether a failure counts towards the lock.")
    patient_id = models.CharField(max_length=128, blank=True)
    guarantor_id = models.CharField(max_length=128, blank=True)
    is_minor = models.BooleanField(default=False)
    is_strong = models.BooleanField(default=False)
    subject_digest = models.CharField(max_length=64)
    name_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "verifications"
        indexes = [
            models.Index(fields=["call", "succeeded"], name="verifications_call_idx"),
            models.Index(fields=["account", "subject_digest", "created_at"], name="verifications_subject_idx"),
            models.Index(fields=["account", "name_digest", "created_at"], name="verifications_name_idx"),
        ]

    def __str__(self) -> str:
        return "verified" if self.succeeded else "refused"
