"""What staff did in the PMS to bookings of ours that it had shown already: ours follow, and nothing is written back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.domain.records import Appointment, NewAppointment
from pms.models import OPEN_WRITES, Booking, BookingState, PmsIntegration, WriteBack
from pms.providers.read_back import shows_appointment
from pms.services import bookings, directory, integrations, tasks
from pms.services.gateway import Access

LONGEST_SPAN = timedelta(days=31)
# A copy is put in place a while after it was taken from the PMS.
_COPYING_TAKES = timedelta(hours=1)
_LONGEST_NAME = 120
# Said in the place of a clinician whom the list of the active ones lacks.
_NOT_NAMED = "the team"


def is_due(*, integration: PmsIntegration, now: datetime, since: datetime | None) -> bool:
    """Return whether there is anything to compare, and perhaps anything new to see since it was done last."""
    taken_at = integration.last_sync_at
    is_new = since is None or taken_at is None or taken_at > since - _COPYING_TAKES
    return is_new and _ahead(integration, now).exists()


def sync(access: Access) -> int:
    """Bring the bookings ahead to what the PMS shows of them; return how many had changed there.

    Only those that its reads had shown as they were made: the others are their write-backs' matter. Raises what the
    PMS raises; what was compared until then stays.
    """
    where, changed, seen = access.integration.account.zone, 0, 0
    ahead = list(_ahead(access.integration, access.clock.now()).select_related("account", "appointment_type"))
    for first, last in _spans(local_date_of(one.starts_at, where) for one in ahead):
        shown = {row.id: row for row in access.pms.list_appointments(first, last)}
        for booking in ahead:
            if first <= local_date_of(booking.starts_at, where) <= last:
                was, seen = _kept(booking), seen + 1
                follow_desk(access, booking, shown.get(booking.pms_appointment_id))
                changed += _kept(booking) != was
    access.summary.update(bookings=seen, changed=changed)
    return changed


def follow_desk(access: Access, booking: Booking, shown: Appointment | None) -> bool:
    """Bring a confirmed booking to what the PMS shows of it; return whether it stands there at its time.

    With somebody else or in another room it does, and has them from then on: whoever assists is still needed. ``shown``
    is its row, ``None`` if the rows of its day lack it. It is gone only if the PMS does not know it any more,
    in a copy that is newer than the one that has shown it. Nothing is decided while a change of ours is on its way, nor
    where the copy may be older than the booking, or than its move.
    """
    if shows(shown, booking):
        return True
    if booking.verified_at is None:
        if shown is None or shown.status.occupies_time:
            return True
    elif shown is None:
        if not access.pms.shows(booking.verified_at):
            return True
        shown = _read(access, booking)  # perhaps it was moved to another day
    if shows(shown, booking) or _is_changing(booking):
        return True
    if shown is None:
        _lose(booking)
    elif not shown.status.occupies_time:
        bookings.transition(booking, BookingState.CANCELLED)
    elif (shown.patient_id, shown.starts_at) == (booking.patient_id, booking.starts_at):
        return _take_over_place(access, booking, shown)
    else:
        bookings.transition(booking, BookingState.RESCHEDULED)
    return False


def shows(row: Appointment | None, booking: Booking) -> bool:
    """Return whether a row is a booking at its time, with its people and in its room, and still takes place."""
    made = NewAppointment(
        patient_id=booking.patient_id,
        clinician_id=booking.clinician_id,
        operatory_id=booking.operatory_id,
        starts_at=booking.starts_at,
        duration_minutes=bookings.minutes_of(booking),
    )
    return row is not None and shows_appointment(row, made)


def _take_over_place(access: Access, booking: Booking, shown: Appointment) -> bool:
    """Give a booking the clinician and room that the desk has chosen; return whether it was still confirmed."""
    name = booking.clinician_name
    if shown.clinician_id != booking.clinician_id:
        person = directory.clinicians(access).get(shown.clinician_id)
        name = person.name[:_LONGEST_NAME] if person else _NOT_NAMED
    place = {"clinician_id": shown.clinician_id, "clinician_name": name, "operatory_id": shown.operatory_id}
    confirmed = Booking.objects.filter(pk=booking.pk, state=BookingState.CONFIRMED, starts_at=booking.starts_at)
    done = confirmed.update(**place) == 1
    booking.refresh_from_db()
    return done


def _kept(booking: Booking) -> tuple[str, str, str]:
    """Return what may follow the desk."""
    return booking.state, booking.clinician_id, booking.operatory_id


def _ahead(integration: PmsIntegration, now: datetime) -> QuerySet[Booking]:
    """Return the bookings to compare; older ones than the connection's practice have another practice's ids."""
    on_its_way = WriteBack.objects.filter(
        OPEN_WRITES, integration=OuterRef("integration"), appointment_id=OuterRef("pms_appointment_id")
    )
    return Booking.objects.filter(
        ~Exists(on_its_way),
        integration=integration,
        state=BookingState.CONFIRMED,
        verified_at__isnull=False,
        starts_at__gt=now,
        created_at__gte=integrations.practice_since(integration),
    ).exclude(pms_appointment_id="")


def _is_changing(booking: Booking) -> bool:
    changes = WriteBack.objects.filter(OPEN_WRITES, integration_id=booking.integration_id)
    return changes.filter(appointment_id=booking.pms_appointment_id).exists()


def _spans(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Yield first and last days of spans that hold all ``days``, each as short as it may be and never too long."""
    first = last = None
    for day in sorted(days):
        if first is not None and last is not None and day - first >= LONGEST_SPAN:
            yield first, last
            first = None
        first, last = first or day, day
    if first is not None and last is not None:
        yield first, last


def _read(access: Access, booking: Booking) -> Appointment | None:
    try:
        return access.pms.get_appointment(booking.pms_appointment_id)
    except errors.AppointmentNotFound:
        return None


def _lose(booking: Booking) -> None:
    if not bookings.transition(booking, BookingState.LOST):
        return
    tasks.open_task(
        account=booking.account,
        kind="booking_lost",
        detail={"patientId": booking.patient_id, "confirmationNumber": booking.confirmation_number},
        booking=booking,
    )
