"""Changes on their way into a PMS: recorded before the wire, followed to their end, settled once.

``settle`` is the only place where what a vendor said becomes the state of a booking; the request that made the change
and the job that follows it both come through here, and whoever is second changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from pms import vault
from pms.domain import errors
from pms.domain.records import NewAppointment
from pms.models import Booking, BookingState, WriteBack, WriteBackState
from pms.providers.base import Done, Failed, Pending, PmsService, WriteOutcome
from pms.services import bookings, tasks

# While a request may still be at work on a write-back, no job touches it.
REQUEST_GRACE = timedelta(seconds=60)
FOLLOW_FOR = timedelta(hours=24)
_FIRST_INTERVAL = timedelta(seconds=15)
_LONGEST_INTERVAL = timedelta(minutes=15)


def start(*, booking: Booking, access_id: uuid.UUID, new: NewAppointment, now: datetime) -> WriteBack | None:
    """Record that a booking is about to be sent; ``None`` if its hold was lost meanwhile."""
    pk = uuid.uuid4()
    with transaction.atomic():
        if not bookings.transition(booking, BookingState.PENDING):
            return None
        return WriteBack.objects.create(
            id=pk,
            account_id=booking.account_id,
            integration=booking.integration,
            booking=booking,
            operation="bookAppointment",
            payload=vault.seal(_dumped(new), _place(pk)),
            access_id=access_id,
            sent_at=now,
            next_attempt_at=now + REQUEST_GRACE,
        )


@contextmanager
def certainly_not_made(write_back: WriteBack) -> Iterator[None]:
    """Settle the write-back as failed when an error says that nothing was changed, as unknown when it may have been."""
    try:
        yield
    except errors.OutcomeUnknown:
        _mark(write_back, WriteBackState.UNKNOWN, BookingState.UNKNOWN)
        raise
    except errors.ParlaeError as error:
        _fail(write_back, error.code)
        raise


def settle(*, write_back: WriteBack, outcome: WriteOutcome, now: datetime) -> WriteBack:
    """Bring the write-back and its booking to what the vendor said; never backwards."""
    if isinstance(outcome, Pending):
        _update(write_back, state=WriteBackState.PENDING, reference=outcome.reference)
    elif isinstance(outcome, Failed):
        _fail(write_back, "slot_taken" if outcome.conflict else outcome.reason)
    elif outcome.record_id:
        _confirm(write_back, outcome.record_id, now)
    # Done without an id: the vendor has made it but not told which; the follow-up finds it by reading back.
    return write_back


def follow(*, write_back: WriteBack, pms: PmsService, now: datetime) -> WriteBack:
    """Ask once how the write-back stands, and settle it. Raises what the PMS raises: then nothing is known."""
    new = new_appointment(write_back)
    if write_back.reference:
        outcome = pms.follow_write(write_back.reference)
        if outcome == Done():
            outcome = pms.find_booking(new, sent_at=write_back.sent_at) or outcome
    else:
        outcome = pms.find_booking(new, sent_at=write_back.sent_at) or Failed("never_arrived")
    return settle(write_back=write_back, outcome=outcome, now=now)


def lose_reference(write_back: WriteBack) -> None:
    """Mark a write-back whose process died while sending: whether it arrived is not known."""
    _mark(write_back, WriteBackState.UNKNOWN, BookingState.UNKNOWN)


def reschedule(*, write_back: WriteBack, now: datetime) -> None:
    """Plan the next look, with growing intervals; after a day a person has to look."""
    if now - write_back.sent_at >= FOLLOW_FOR:
        _update(write_back, state=WriteBackState.PARKED, next_attempt_at=None, lease_until=None)
        tell_staff(write_back, "booking_unresolved")
        return
    interval = min(_FIRST_INTERVAL * 2 ** min(write_back.attempts, 10), _LONGEST_INTERVAL)
    _update(write_back, next_attempt_at=now + interval, lease_until=None)


def is_open(write_back: WriteBack) -> bool:
    """Return whether the vendor may still change its mind."""
    return write_back.state in (WriteBackState.SENDING, WriteBackState.PENDING, WriteBackState.UNKNOWN)


def new_appointment(write_back: WriteBack) -> NewAppointment:
    """Return what was sent."""
    values = vault.unseal(write_back.payload, _place(write_back.pk))
    return NewAppointment(**{**values, "starts_at": datetime.fromisoformat(values["starts_at"])})


def tell_staff(write_back: WriteBack, kind: str) -> None:
    """Open a task for the booking of a write-back."""
    booking = write_back.booking
    if booking is not None:
        tasks.open_task(
            account=booking.account,
            kind=kind,
            detail={"patientId": booking.patient_id, "confirmationNumber": booking.confirmation_number},
            call=booking.call,
            booking=booking,
        )


def _confirm(write_back: WriteBack, record_id: str, now: datetime) -> None:
    with transaction.atomic():
        _update(
            write_back,
            state=WriteBackState.DONE,
            record_id=record_id,
            completed_at=now,
            next_attempt_at=now + _FIRST_INTERVAL,  # the read-back
            lease_until=None,
        )
        _move(write_back.booking, BookingState.CONFIRMED, pms_appointment_id=record_id)


def _fail(write_back: WriteBack, reason: str) -> None:
    with transaction.atomic():
        _update(write_back, state=WriteBackState.FAILED, failure=reason, next_attempt_at=None, lease_until=None)
        _move(write_back.booking, BookingState.FAILED, failure=reason)


def _mark(write_back: WriteBack, state: WriteBackState, booking_state: BookingState) -> None:
    with transaction.atomic():
        _update(write_back, state=state)
        _move(write_back.booking, booking_state)


def _move(booking: Booking | None, to: BookingState, **changes: str) -> None:
    if booking is None:
        return
    booking.refresh_from_db()
    if to in bookings.TRANSITIONS.get(booking.state, frozenset()):
        bookings.transition(booking, to, **changes)


def _update(write_back: WriteBack, **changes: object) -> None:
    WriteBack.objects.filter(pk=write_back.pk).update(**changes)
    write_back.refresh_from_db()


def _dumped(new: NewAppointment) -> dict[str, object]:
    return {
        "patient_id": new.patient_id,
        "clinician_id": new.clinician_id,
        "operatory_id": new.operatory_id,
        "starts_at": new.starts_at.isoformat(),
        "duration_minutes": new.duration_minutes,
        "appointment_type": new.appointment_type,
        "description": new.description,
    }


def _place(pk: uuid.UUID) -> str:
    return f"write_backs:{pk}:payload"
