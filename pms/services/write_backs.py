"""Changes on their way into a PMS: recorded before the wire, followed to their end, settled once.

``settle`` is the only place where what a vendor said becomes the state of a booking; the request that made the change
and the job that follows it both come through here, and whoever is second changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from pms import vault
from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.domain.records import NewAppointment
from pms.models import Booking, BookingState, WriteBack, WriteBackState
from pms.providers.base import Done, Failed, Pending, PmsService, WriteOutcome
from pms.services import bookings, tasks

log = structlog.get_logger(__name__)

# While a request may still be at work on a write-back, no job touches it.
REQUEST_GRACE = timedelta(seconds=60)
FOLLOW_FOR = timedelta(hours=24)
# How long staff are not told of a write that has no end, unless the appointment is nearer.
_PATIENCE = timedelta(hours=2)
_FIRST_INTERVAL = timedelta(seconds=15)
_LONGEST_INTERVAL = timedelta(minutes=15)
_OPEN = (WriteBackState.SENDING, WriteBackState.PENDING, WriteBackState.UNKNOWN)


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
    """Settle the write-back as failed when an error says that nothing was changed, as unknown when it may have been.

    An error that nobody expected says nothing about the wire, so it becomes ``OutcomeUnknown``.
    """
    try:
        yield
    except errors.OutcomeUnknown:
        _mark(write_back, WriteBackState.UNKNOWN, BookingState.UNKNOWN)
        raise
    except errors.ParlaeError as error:
        _fail(write_back, error.code)
        raise
    except Exception as error:
        log.error("write broke", write_id=str(write_back.pk), exc_info=error)
        _mark(write_back, WriteBackState.UNKNOWN, BookingState.UNKNOWN)
        raise errors.OutcomeUnknown from error


def settle(*, write_back: WriteBack, outcome: WriteOutcome, now: datetime) -> WriteBack:
    """Bring the write-back and its booking to what the vendor said; never backwards."""
    if isinstance(outcome, Pending):
        _update_open(write_back, state=WriteBackState.PENDING, reference=outcome.reference)
    elif isinstance(outcome, Failed):
        _fail(write_back, "slot_taken" if outcome.conflict else outcome.reason)
    elif outcome.record_id:
        _confirm(write_back, outcome.record_id, now)
    # Done without an id: the vendor has made it but not told which; the follow-up finds it by reading back.
    return write_back


def follow(*, write_back: WriteBack, pms: PmsService, now: datetime) -> WriteBack:
    """Ask once how the write-back stands, and settle it. Raises what the PMS raises: then nothing is known."""
    outcome = _asked(write_back, pms)
    if outcome == Done():
        outcome = _read_back(write_back, pms)
    return write_back if outcome is None else settle(write_back=write_back, outcome=outcome, now=now)


def lose_reference(write_back: WriteBack) -> None:
    """Mark a write-back whose process died while sending: whether it arrived is not known."""
    _mark(write_back, WriteBackState.UNKNOWN, BookingState.UNKNOWN)


def reschedule(*, write_back: WriteBack, now: datetime) -> None:
    """Plan the next look, with growing intervals; after a day a person has to look."""
    if now - write_back.sent_at >= FOLLOW_FOR:
        _update_open(write_back, state=WriteBackState.PARKED)
        _update(write_back, next_attempt_at=None, lease_until=None)
        tell_staff(write_back, "booking_unresolved")
        return
    if is_open(write_back) and now - write_back.sent_at >= _patience(write_back):
        tell_staff(write_back, "booking_unresolved")
    interval = min(_FIRST_INTERVAL * 2 ** min(write_back.attempts, 10), _LONGEST_INTERVAL)
    _update(write_back, next_attempt_at=now + interval, lease_until=None)


def is_open(write_back: WriteBack) -> bool:
    """Return whether the vendor may still change its mind."""
    return write_back.state in _OPEN


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


def _patience(write_back: WriteBack) -> timedelta:
    booking = write_back.booking
    return min(_PATIENCE, (booking.starts_at - write_back.sent_at) / 2) if booking else _PATIENCE


def _asked(write_back: WriteBack, pms: PmsService) -> WriteOutcome | None:
    """Return what the vendor tells about the write-back, ``None`` where that is nothing."""
    if not write_back.reference:
        new, others = new_appointment(write_back), _others(write_back)
        return pms.find_booking(new, sent_at=write_back.sent_at, others=others) or Failed("never_arrived")
    try:
        return pms.follow_write(write_back.reference)
    except errors.NotEntitled:  # we may not ask; what the PMS shows by itself is an answer too
        return _read_back(write_back, pms)


def _read_back(write_back: WriteBack, pms: PmsService) -> Done | None:
    """Return the appointment that the PMS shows where the write-back should have put one."""
    new = new_appointment(write_back)
    day = local_date_of(new.starts_at, write_back.integration.account.zone)
    wanted = (new.patient_id, new.starts_at, new.clinician_id, new.operatory_id)
    others = _others(write_back)
    for row in pms.list_appointments(day, day, patient_id=new.patient_id):
        shown = (row.patient_id, row.starts_at, row.clinician_id, row.operatory_id)
        if shown == wanted and row.status.occupies_time and row.id not in others:
            return Done(row.id)
    return None


def _others(write_back: WriteBack) -> frozenset[str]:
    """Return the references and record ids of our other writes: what is theirs is not this one's, however alike."""
    booking = write_back.booking
    if booking is None:
        return frozenset()
    alike = WriteBack.objects.filter(
        integration_id=write_back.integration_id,
        booking__patient_id=booking.patient_id,
        booking__starts_at=booking.starts_at,
    ).exclude(pk=write_back.pk)
    known = [identifier for pair in alike.values_list("reference", "record_id") for identifier in pair]
    return frozenset(known) - {""}


def _confirm(write_back: WriteBack, record_id: str, now: datetime) -> None:
    with transaction.atomic():
        done = _update_open(
            write_back,
            state=WriteBackState.DONE,
            record_id=record_id,
            completed_at=now,
            next_attempt_at=now + _FIRST_INTERVAL,  # the read-back
            lease_until=None,
        )
        if done:
            _move(write_back.booking, BookingState.CONFIRMED, pms_appointment_id=record_id)


def _fail(write_back: WriteBack, reason: str) -> None:
    with transaction.atomic():
        done = _update_open(
            write_back, state=WriteBackState.FAILED, failure=reason, next_attempt_at=None, lease_until=None
        )
        if done:
            _move(write_back.booking, BookingState.FAILED, failure=reason)


def _mark(write_back: WriteBack, state: WriteBackState, booking_state: BookingState) -> None:
    with transaction.atomic():
        if _update_open(write_back, state=state):
            _move(write_back.booking, booking_state)


def _move(booking: Booking | None, to: BookingState, **changes: str) -> None:
    """Bring the booking along, if its state still allows it."""
    while booking is not None:
        booking.refresh_from_db()
        if to not in bookings.TRANSITIONS.get(booking.state, frozenset()) or bookings.transition(
            booking, to, **changes
        ):
            return


def _update_open(write_back: WriteBack, **changes: object) -> bool:
    """Change a write-back that has no end yet; return whether this caller did it."""
    done = WriteBack.objects.filter(pk=write_back.pk, state__in=_OPEN).update(**changes) == 1
    write_back.refresh_from_db()
    return done


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
