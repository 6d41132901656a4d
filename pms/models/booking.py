"""Our own row for an appointment we are making, from hold to the end."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class BookingState(models.TextChoices):
    """``services.bookings.TRANSITIONS`` says which may follow which."""

    HELD = "HELD", "Held"
    EXPIRED = "EXPIRED", "Expired"
    PENDING = "PENDING", "Pending"
    UNKNOWN = "UNKNOWN", "Unknown"
    CONFIRMED = "CONFIRMED", "Confirmed"
    FAILED = "FAILED", "Failed"
    MISMATCH = "MISMATCH", "Mismatch"
    LOST = "LOST", "Lost"
    CANCELLED = "CANCELLED", "Cancelled"
    RESCHEDULED = "RESCHEDULED", "Rescheduled"


# A booking keeps its time until the PMS's own reads show it; from then on they are the truth.
BLOCKING = Q(state__in=[BookingState.HELD, BookingState.PENDING, BookingState.UNKNOWN]) | Q(
    state=BookingState.CONFIRMED, verified_at__isnull=True
)


class Booking(models.Model):
    """``busy_from``/``busy_to`` include buffers. ``pms_appointment_id`` is the PMS's id, never a write-back's.
    ``assistant_id`` is who assists, where the type needs somebody: no PMS is told, so only we know that they are busy.

    A move is a booking of its own at the new time: ``moved_appointment_id`` is what it moves, and it shares its
    ``visit_id`` with what it takes the place of, so that the two may overlap. ``patient_id`` is the PMS's, or the
    handle of a patient who is still being created (``services.newcomers``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="bookings")
    integration = models.ForeignKey("pms.PmsIntegration", on_delete=models.PROTECT, related_name="bookings")
    call = models.ForeignKey("pms.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="bookings")
    visit_id = models.UUIDField(default=uuid.uuid4, editable=False)
    moved_appointment_id = models.CharField(max_length=128, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  # null: not unique
    confirmation_number = models.CharField(max_length=12)
    state = models.CharField(max_length=12, choices=BookingState.choices, default=BookingState.HELD)
    failure = models.CharField(max_length=64, blank=True)
    patient_id = models.CharField(max_length=128)
    appointment_type = models.ForeignKey("pms.AppointmentType", on_delete=models.PROTECT, related_name="bookings")
    clinician_id = models.CharField(max_length=128)
    clinician_name = models.CharField(max_length=120, blank=True)
    operatory_id = models.CharField(max_length=128)
    assistant_id = models.CharField(max_length=128, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    busy_from = models.DateTimeField()
    busy_to = models.DateTimeField()
    hold_expires_at = models.DateTimeField()
    note = models.BinaryField(null=True, editable=False)
    pms_appointment_id = models.CharField(max_length=128, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "bookings"
        constraints = [
            models.UniqueConstraint(fields=["account", "confirmation_number"], name="bookings_confirmation_key"),
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="bookings_idempotency_key"),
            models.CheckConstraint(condition=Q(ends_at__gt=models.F("starts_at")), name="bookings_length"),
        ]
        indexes = [
            models.Index(fields=["account", "busy_from"], condition=BLOCKING, name="bookings_blocking_idx"),
            models.Index(fields=["account", "busy_to"], name="bookings_account_ahead_idx"),
            models.Index(fields=["account", "patient_id", "starts_at"], name="bookings_patient_idx"),
            models.Index(fields=["state", "hold_expires_at"], name="bookings_state_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.confirmation_number} {self.state}"
