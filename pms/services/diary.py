"""A patient's appointments as they truly stand: the PMS's rows, and over them our own writes that they lack.

A vendor's copy is minutes or a day old. What the vendor has called done since is laid over it; what is still on its
way is named as that, never as done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from pms.domain import errors
from pms.domain.localtime import day_bounds
from pms.domain.records import Appointment, AppointmentStatus
from pms.models import OPEN_WRITES, Booking, BookingState, Operation, PmsIntegration, WriteBack, WriteBackState
from pms.services import integrations, newcomers
from pms.services.gateway import Access

S = BookingState
# Of ours, what may stand although the PMS's reads do not show it.
_NOT_SHOWN = Q(state__in=[S.PENDING, S.UNKNOWN]) | Q(state=S.CONFIRMED, verified_at__isnull=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment. ``id`` is the PMS's, empty while it has none; ``change`` is what is on its way for it.

    ``is_certain`` is false for a booking of ours that the PMS has not made yet, or perhaps not.
    """

    id: str
    patient_id: str
    clinician_id: str
    operatory_id: str
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    appointment_type: str
    patient_name: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    booking: Booking | None = None
    change: WriteBack | None = None
    is_certain: bool = True

    @property
    def duration_minutes(self) -> int:
        return round((self.ends_at - self.starts_at).total_seconds() / 60)

    def stands(self, now: datetime) -> bool:
        """Return whether it is, or may be, still to come."""
        return self.status.occupies_time and self.starts_at > now


def between(access: Access, start: date, end: date, *, patient_id: str = "", details: bool = False) -> list[Entry]:
    """Return the appointments of the local days, both inclusive, of one patient or of all, by their start."""
    where = access.integration.account.zone
    first, last = day_bounds(start, where)[0], day_bounds(end, where)[1]
    known, _ = newcomers.resolve(integration=access.integration, patient_id=patient_id)
    rows: Sequence[Appointment] = ()
    if not newcomers.is_handle(known):  # who is still being created has none
        rows = access.pms.list_appointments(start, end, patient_id=known, details=details)
    bookings = _of_ours(access.integration).filter(starts_at__gte=first, starts_at__lt=last)
    if known:
        bookings = bookings.filter(patient_id=known)
    shown, made = {row.id for row in rows}, {one.pms_appointment_id for one in bookings} - {""}
    missing = [_of_booking(one, rows) for one in bookings if _is_missing(one, shown, made)]
    entries = _with_writes(access.integration, [*map(_of_row, rows), *missing])
    return sorted(
        (entry for entry in entries if first <= entry.starts_at < last), key=lambda entry: (entry.starts_at, entry.id)
    )


def find(access: Access, identifier: str, *, patient_id: str = "") -> Entry:
    """Return one appointment by the PMS's id, by a booking's id or by our confirmation number.

    Raises ``AppointmentNotFound``, also for one of another patient than ``patient_id``, with the same words and after
    the same question to the PMS.
    """
    booking = _named(access.integration, identifier, patient_id)
    appointment_id = (booking.pms_appointment_id or booking.moved_appointment_id) if booking else identifier
    entry = _read(access, appointment_id) if appointment_id or booking is None else _pending(booking)
    if patient_id and entry.patient_id != patient_id:
        raise errors.AppointmentNotFound
    return entry


def of_rows(integration: PmsIntegration, rows: Iterable[Appointment]) -> list[Entry]:
    """Return the PMS's rows as the appointments they are, after what the vendor has called done since."""
    return _with_writes(integration, map(_of_row, rows))


def _pending(booking: Booking) -> Entry:
    """Return a booking without an id as an appointment; one of which nothing was made is none."""
    if booking.state not in (S.PENDING, S.UNKNOWN, S.CANCELLED):
        raise errors.AppointmentNotFound
    return _of_booking(booking, ())


def _read(access: Access, appointment_id: str) -> Entry:
    try:
        entry = _of_row(access.pms.get_appointment(appointment_id))
    except errors.AppointmentNotFound:
        known = Booking.objects.filter(_NOT_SHOWN | Q(state=S.CANCELLED), integration=access.integration)
        made = known.filter(pms_appointment_id=appointment_id).exclude(pms_appointment_id="")
        booking = made.select_related("appointment_type").order_by("created_at").last()
        if booking is None:
            raise
        entry = _of_booking(booking, ())
    return _with_writes(access.integration, [entry])[0]


def _with_writes(integration: PmsIntegration, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries after what the vendor has called done since, and with what is on its way for them."""
    shown = [*entries]
    found = {entry.id: entry for entry in shown if entry.id}
    told = dict(found)
    writes = WriteBack.objects.filter(integration=integration, appointment_id__in=list(found))
    writes = writes.select_related("booking__appointment_type")
    for write_back in writes.filter(completed_at__isnull=False).order_by("completed_at"):
        identifier = write_back.appointment_id
        # Once reads were compared with a write, the row tells of it, and of whatever came before it.
        is_compared = write_back.verified_at is not None or write_back.state == WriteBackState.PARKED
        found[identifier] = told[identifier] if is_compared else _changed(found[identifier], write_back)
    for write_back in writes.filter(OPEN_WRITES):
        found[write_back.appointment_id] = replace(found[write_back.appointment_id], change=write_back)
    for booking in _known_bookings(integration, list(found)):
        found[booking.pms_appointment_id] = replace(found[booking.pms_appointment_id], booking=booking)
    return [found.get(entry.id, entry) for entry in shown]


def _changed(entry: Entry, write_back: WriteBack) -> Entry:
    """Return the entry after a write that the vendor has called done."""
    booking = write_back.booking
    match write_back.operation:
        case Operation.CANCEL:
            return replace(entry, status=AppointmentStatus.CANCELLED)
        case Operation.CONFIRM if entry.status is AppointmentStatus.SCHEDULED:  # else the row tells something newer
            return replace(entry, status=AppointmentStatus.CONFIRMED)
        case Operation.MOVE if booking is not None:
            return replace(
                entry,
                starts_at=booking.starts_at,
                ends_at=booking.ends_at,
                clinician_id=booking.clinician_id,
                operatory_id=booking.operatory_id,
            )
    return entry


def _of_row(row: Appointment) -> Entry:
    return Entry(
        id=row.id,
        patient_id=row.patient_id,
        clinician_id=row.clinician_id,
        operatory_id=row.operatory_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        status=row.status,
        appointment_type=row.appointment_type,
        patient_name=row.patient_name,
        note=row.note,
    )


def _of_booking(booking: Booking, rows: Iterable[Appointment]) -> Entry:
    is_certain = booking.state in (S.CONFIRMED, S.CANCELLED)
    return Entry(
        id=booking.pms_appointment_id,
        patient_id=booking.patient_id,
        clinician_id=booking.clinician_id,
        operatory_id=booking.operatory_id,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        status=AppointmentStatus.CANCELLED if booking.state == S.CANCELLED else AppointmentStatus.SCHEDULED,
        appointment_type=booking.appointment_type.name,
        patient_name=next((row.patient_name for row in rows if row.patient_id == booking.patient_id), ""),
        booking=booking,
        change=booking.write_backs.filter(OPEN_WRITES | Q(state=WriteBackState.WAITING)).first(),
        is_certain=is_certain,
    )


def _is_missing(booking: Booking, shown: set[str], made: set[str]) -> bool:
    """Return whether no row shows a booking; a move that is not done is the change of what it moves."""
    if booking.pms_appointment_id:
        return booking.pms_appointment_id not in shown
    return booking.moved_appointment_id not in shown | made


def _of_ours(integration: PmsIntegration) -> QuerySet[Booking]:
    since = integrations.practice_since(integration)
    ours = Booking.objects.filter(_NOT_SHOWN, integration=integration, created_at__gte=since)
    return ours.select_related("appointment_type").order_by("created_at")


def _known_bookings(integration: PmsIntegration, ids: Sequence[str]) -> QuerySet[Booking]:
    made = Booking.objects.filter(integration=integration, pms_appointment_id__in=ids)
    return made.exclude(state=S.RESCHEDULED).select_related("appointment_type").order_by("created_at")


def _named(integration: PmsIntegration, identifier: str, patient_id: str) -> Booking | None:
    """Return the booking of ours with this id or confirmation number.

    One of another patient is none, so that it costs the same question as an id that nobody has.
    """
    since = integrations.practice_since(integration)
    ours = Booking.objects.filter(integration=integration, created_at__gte=since).select_related("appointment_type")
    if patient_id:
        ours = ours.filter(patient_id=patient_id)
    try:
        return ours.filter(pk=UUID(identifier)).first()
    except ValueError:
        return ours.filter(confirmation_number=identifier.upper()).first()
