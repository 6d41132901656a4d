"""A change on its way into a PMS."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class Operation(models.TextChoices):
    """What a write-back changes, by the name of its tool."""

    BOOK = "bookAppointment", "Booking"
    MOVE = "rescheduleAppointment", "Move"
    CANCEL = "cancelAppointment", "Cancellation"
    CONFIRM = "confirmAppointment", "Confirmation"
    CREATE_PATIENT = "createPatient", "New patient"
    UPDATE_PATIENT = "updatePatient", "Change of a patient"
    ADD_NOTE = "addPatientNote", "Note"
    ADD_INSURANCE = "addInsurance", "Insurance"
    POST_PAYMENT = "processPayment", "Payment"


class WriteBackState(models.TextChoices):
    """SENDING is written before the wire, so a process that dies there leaves its trace.

    WAITING is not sent yet: it needs the patient that another write-back makes.
    """

    WAITING = "WAITING", "Waiting for its patient"
    SENDING = "SENDING", "Sending"
    PENDING = "PENDING", "Pending"
    UNKNOWN = "UNKNOWN", "Unknown"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"
    PARKED = "PARKED", "Parked for a person"


# The vendor may still carry it out, or may have without our knowing.
OPEN_WRITES = Q(state__in=[WriteBackState.SENDING, WriteBackState.PENDING, WriteBackState.UNKNOWN])


class WriteBack(models.Model):
    """``reference`` is the vendor's write-back id, ``record_id`` the id of what it made. ``payload`` is sealed.

    ``appointment_id`` is the PMS's appointment that is moved, cancelled or confirmed; ``subject_digest`` finds a
    patient who is being created; ``request_key`` finds the same request again; ``after`` is the new patient that a
    booking waits for. ``refusal`` is what the vendor said of a failure, sealed. ``verified_at`` says that the PMS's own
    reads have shown the change.

    ``next_attempt_at``, ``lease_until`` and ``attempts`` are what the job sweep works from. ``access_id`` ties the
    row to its audit intent, so that a missing outcome row can be written later.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="write_backs")
    integration = models.ForeignKey("pms.PmsIntegration", on_delete=models.PROTECT, related_name="write_backs")
    booking = models.ForeignKey(
        "pms.Booking", on_delete=models.PROTECT, null=True, blank=True, related_name="write_backs"
    )
    call = models.ForeignKey("pms.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="write_backs")
    after = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="followers")
    operation = models.CharField(max_length=32, choices=Operation.choices)
    patient_id = models.CharField(max_length=128, blank=True)
    appointment_id = models.CharField(max_length=128, blank=True)
    subject_digest = models.CharField(max_length=64, blank=True, editable=False)
    request_key = models.CharField(max_length=200, blank=True, editable=False)
    state = models.CharField(max_length=8, choices=WriteBackState.choices, default=WriteBackState.SENDING)
    payload = models.BinaryField(editable=False)
    reference = models.CharField(max_length=128, blank=True)
    record_id = models.CharField(max_length=128, blank=True)
    failure = models.CharField(max_length=64, blank=True)
    refusal = models.BinaryField(null=True, editable=False)
    access_id = models.UUIDField()
    sent_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    notifies = models.BooleanField(
        default=False, help_text="The patient is to be, or was, told by e-mail; off where that could not be."
    )
    notified_at = models.DateTimeField(null=True, blank=True, help_text="When that e-mail was begun to be sent.")
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="When the vendor was first asked to drop it.")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "write_backs"
        verbose_name = "write-back"
        constraints = [
            # One change of one appointment at a time, whoever asks for it.
            models.UniqueConstraint(
                fields=["integration", "appointment_id"],
                condition=OPEN_WRITES & ~Q(appointment_id=""),
                name="write_backs_one_change_key",
            ),
            # One record for one new patient, until the PMS's own search finds it.
            models.UniqueConstraint(
                fields=["account", "subject_digest"],
                condition=(OPEN_WRITES | Q(state=WriteBackState.DONE, verified_at__isnull=True))
                & ~Q(subject_digest=""),
                name="write_backs_one_patient_key",
            ),
            models.UniqueConstraint(
                fields=["account", "request_key"], condition=~Q(request_key=""), name="write_backs_request_key"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="write_backs_due_idx",
            ),
            models.Index(fields=["access_id"], name="write_backs_access_idx"),
            models.Index(
                fields=["integration", "appointment_id"],
                condition=~Q(appointment_id=""),
                name="write_backs_appointment_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.state}"
