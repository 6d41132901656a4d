"""Bookings for the people at a practice: how each stands, and one with what was sent for it and whose it is.

Patients' names are not kept, so the list has ids only. Opening a booking asks the practice's system for the name, in
one audited access; where it does not answer, the rest is shown without the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from accounts import baa
from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import Booking, ConnectionStatus, PmsIntegration, WriteBack
from pms.providers.base import Capability
from pms.services import booking_words, bookings, disclosure, gateway, integrations, newcomers, paging
from pms.services.audit import Asker
from pms.services.paging import Page

BUDGET_SECONDS = 4.0
NO_NAME = "Your system could not be asked for the name just now."
NO_RECORD = "Your system has no record under this number any more."
NEW_PATIENT = "A new patient, whose record is on its way to your system."
_OTHER_PRACTICE = "The connection led to another practice when this was booked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One booking in the list; times are the practice's."""

    id: UUID
    state: str
    state_words: str
    starts_at: datetime
    minutes: int
    appointment_type: str
    clinician: str
    number: str
    appointment_id: str
    patient_id: str
    call_id: UUID | None
    is_move: bool
    is_test: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One thing that was sent to the practice's system for a booking."""

    what: str
    state: str
    state_words: str
    sent_at: datetime
    completed_at: datetime | None
    verified_at: datetime | None
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One booking, opened. Without a ``patient_name``, ``no_name`` says why."""

    row: Row
    meaning: str
    patient_name: str = field(repr=False)
    no_name: str
    note: str = field(repr=False)
    room: str
    writes: tuple[Write, ...]
    task_ids: tuple[UUID, ...]


def listed(
    *,
    account: Account,
    clock: Clock,
    group: str = "",
    days: int = 0,
    with_tests: bool = False,
    before: str = "",
    after: str = "",
) -> Page[Row]:
    """Return a page of bookings, the newest made first; ``group`` is one of ``booking_words.GROUPS``.

    With ``days``, only those that begin within so many days from now.
    """
    found = Booking.objects.filter(account=account).select_related("appointment_type", "call")
    if not with_tests:
        found = found.exclude(call__is_test=True)
    if group in booking_words.GROUPS:
        found = found.filter(state__in=booking_words.GROUPS[group][1])
    if days > 0:
        found = found.filter(starts_at__range=(clock.now(), clock.now() + timedelta(days=days)))
    return paging.page(found, by="created_at", before=before, after=after).of(lambda one: _row(one, account))


def opened(*, account: Account, pk: UUID, asker: Asker, clock: Clock) -> Detail:
    """Return one booking with whose it is. Raises ``WriteNotFound``, and ``Internal`` without evidence."""
    found = Booking.objects.filter(account=account, pk=pk).select_related("appointment_type", "call", "integration")
    booking = found.first()
    if booking is None:
        raise errors.WriteNotFound
    name, no_name = _name(account, booking, asker, clock)
    return Detail(
        row=_row(booking, account),
        meaning=booking_words.meaning(booking),
        patient_name=name,
        no_name=no_name,
        note=_note(booking),
        room=booking.operatory_id,
        writes=tuple(_write(one, account) for one in _writes(booking)),
        task_ids=tuple(booking.tasks.order_by("created_at").values_list("pk", flat=True)),
    )


def _name(account: Account, booking: Booking, asker: Asker, clock: Clock) -> tuple[str, str]:
    """Return the patient's name, or why there is none; whichever way, one row of evidence is there."""
    integration = integrations.current(account=account)
    why_not = _why_not_asked(account, booking, integration)
    if why_not or integration is None:
        summary = {"booking": str(booking.pk)}
        disclosure.record(
            account=account, asker=asker, action="viewBooking", summary=summary, patient_id=booking.patient_id
        )
        return "", why_not
    try:
        with gateway.reading(
            integration=integration,
            asker=asker,
            action="viewBooking",
            phi=True,
            clock=clock,
            budget=Budget(BUDGET_SECONDS, clock),
            patient_id=booking.patient_id,
        ) as access:
            access.summary["booking"] = str(booking.pk)
            access.pms.require(Capability.READ_PATIENTS)
            patient = access.pms.get_patient(booking.patient_id)
    except errors.Internal:
        raise
    except errors.PatientNotFound:
        return "", NO_RECORD
    except errors.ParlaeError:  # the access has its row, and the rest of the booking is ours
        return "", NO_NAME
    return f"{patient.first_name} {patient.last_name}".strip(), ""


def _why_not_asked(account: Account, booking: Booking, integration: PmsIntegration | None) -> str:
    if newcomers.is_handle(booking.patient_id):
        return NEW_PATIENT
    if integration is None or integration.status != ConnectionStatus.ACTIVE or not baa.is_accepted(account):
        return NO_NAME
    is_older = booking.created_at < integrations.practice_since(integration)
    return _OTHER_PRACTICE if is_older or booking.integration_id != integration.pk else ""


def _row(booking: Booking, account: Account) -> Row:
    return Row(
        id=booking.pk,
        state=booking.state,
        state_words=booking_words.state(booking),
        starts_at=booking.starts_at.astimezone(account.zone),
        minutes=bookings.minutes_of(booking),
        appointment_type=booking.appointment_type.name,
        clinician=booking.clinician_name or booking.clinician_id,
        number=booking.confirmation_number,
        appointment_id=booking.pms_appointment_id,
        patient_id=booking.patient_id,
        call_id=booking.call_id,
        is_move=bool(booking.moved_appointment_id),
        is_test=booking.call is not None and booking.call.is_test,
        created_at=booking.created_at.astimezone(account.zone),
    )


def _writes(booking: Booking) -> list[WriteBack]:
    """Return what was sent for a booking, and for the appointment that it has become."""
    found = list(booking.write_backs.all())
    if booking.pms_appointment_id:
        same = WriteBack.objects.filter(integration=booking.integration, appointment_id=booking.pms_appointment_id)
        found += list(same.exclude(pk__in=[one.pk for one in found]))
    return sorted(found, key=lambda one: one.sent_at)


def _write(write: WriteBack, account: Account) -> Write:
    def local(when: datetime | None) -> datetime | None:
        return when.astimezone(account.zone) if when else None

    return Write(
        what=booking_words.OPERATIONS[write.operation],
        state=write.state,
        state_words=booking_words.WRITES[write.state],
        sent_at=write.sent_at.astimezone(account.zone),
        completed_at=local(write.completed_at),
        verified_at=local(write.verified_at),
        failure=write.failure,
    )


def _note(booking: Booking) -> str:
    try:
        return bookings.reveal_note(booking)
    except vault.CannotOpen:  # its key was retired
        return ""
