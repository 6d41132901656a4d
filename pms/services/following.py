"""The job's part of a write-back: claim what is due, follow it to its end, read the result back, tell a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from django.db.models import Q, QuerySet

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.models import Booking, BookingState, WriteBack, WriteBackState
from pms.services import bookings, gateway, write_backs
from pms.services.audit import Asker
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 30.0
LEASE = timedelta(seconds=90)


def claim_due(*, clock: Clock, limit: int = 50) -> Iterator[WriteBack]:
    """Yield due write-backs, each leased to this caller by compare-and-set, so that no two workers share one."""
    due = _due(clock.now()).order_by("next_attempt_at").values_list("pk", "attempts")
    for pk, attempts in list(due[:limit]):
        now = clock.now()  # of this row: those before it took their time
        if _due(now).filter(pk=pk, attempts=attempts).update(lease_until=now + LEASE, attempts=attempts + 1) == 1:
            yield WriteBack.objects.select_related("booking__account", "integration__account").get(pk=pk)


def _due(now: datetime) -> QuerySet[WriteBack]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return WriteBack.objects.filter(free, next_attempt_at__lte=now)


def follow(*, write_back: WriteBack, clock: Clock) -> None:
    """Take one write-back one step further and plan the next look."""
    if write_back.state == WriteBackState.SENDING:  # its process died while sending, so nobody told the caller
        write_backs.lose_reference(write_back)
        write_backs.tell_staff(write_back, "booking_outcome_unknown")
    booking = write_back.booking
    try:
        with gateway.reading(
            integration=write_back.integration,
            asker=Asker(actor="job:write-backs", endpoint="job:write-backs", method="JOB"),
            action="followWriteBack",
            phi=True,
            clock=clock,
            budget=Budget(BUDGET_SECONDS, clock),
            patient_id=booking.patient_id if booking else None,
        ) as access:
            _step(access, write_back)
    except errors.PmsError as error:
        log.info("write-back not followed", code=error.code, write_id=str(write_back.pk), attempts=write_back.attempts)
    if booking is not None:
        booking.refresh_from_db()
        if booking.state == BookingState.FAILED:
            # The caller heard that it was on its way.
            write_backs.tell_staff(write_back, "booking_failed")
            return
        if booking.state == BookingState.MISMATCH:
            write_backs.tell_staff(write_back, "booking_mismatch")
            return
    if write_back.next_attempt_at is not None:
        write_backs.reschedule(write_back=write_back, now=clock.now())


def postpone(*, write_back: WriteBack, clock: Clock) -> None:
    """Plan the next look at a row that broke its job; it too is parked for a person in the end."""
    write_backs.reschedule(write_back=write_back, now=clock.now())


def _step(access: Access, write_back: WriteBack) -> None:
    if write_backs.is_open(write_back):
        write_backs.follow(write_back=write_back, pms=access.pms, now=access.clock.now())
        access.summary["state"] = write_back.state
        return
    booking = write_back.booking
    if booking is not None and booking.state == BookingState.CONFIRMED and booking.verified_at is None:
        _read_back(access, write_back, booking)


def _read_back(access: Access, write_back: WriteBack, booking: Booking) -> None:
    """Compare what the PMS shows with what was booked; a copy that lags shows nothing yet, which proves nothing."""
    day = local_date_of(booking.starts_at, access.integration.account.zone)
    rows = access.pms.list_appointments(day, day, patient_id=booking.patient_id)
    shown = next((row for row in rows if row.id == booking.pms_appointment_id), None)
    if shown is None:
        return
    is_equal = bookings.is_shown_as_booked(booking, shown)
    if is_equal:
        Booking.objects.filter(pk=booking.pk, state=BookingState.CONFIRMED).update(verified_at=access.clock.now())
    else:
        bookings.transition(booking, BookingState.MISMATCH)
    access.summary["readback"] = "equal" if is_equal else "different"
    _finish(write_back)


def _finish(write_back: WriteBack) -> None:
    WriteBack.objects.filter(pk=write_back.pk).update(next_attempt_at=None, lease_until=None)
    write_back.refresh_from_db()


def release_expired_holds(*, now: datetime) -> int:
    """Free the times that were held too long; return how many."""
    held = Booking.objects.filter(state=BookingState.HELD, hold_expires_at__lte=now)
    return held.update(state=BookingState.EXPIRED)
