"""What the end of a write-back brings along in our own tables: its booking, the booking it replaces, a new patient.

Called inside the transaction that settles the write-back, so that both happen or neither.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from pms.models import Booking, BookingState, Call, Operation, Task, Verification, WriteBack, WriteBackState
from pms.services import bookings, cache, newcomers, outcomes, tasks

_CANCELLABLE = (BookingState.CONFIRMED, BookingState.MISMATCH)


def done(write_back: WriteBack, now: datetime) -> None:
    """The vendor has made it; ``record_id`` is what it made or changed."""
    booking, record_id = write_back.booking, write_back.record_id
    cache.forget_patient(integration_id=write_back.integration_id, patient_id=write_back.patient_id)
    if write_back.operation == Operation.CREATE_PATIENT:
        name_patient(write_back, now)
    elif write_back.operation == Operation.CANCEL:
        for one in _bookings_of(write_back, _CANCELLABLE):
            _move(one, BookingState.CANCELLED)
    elif booking is not None:
        _move(booking, BookingState.CONFIRMED, pms_appointment_id=record_id)
    tasks.tell_meanwhile(write_back=write_back, what="The practice's system has it.")
    if write_back.operation == Operation.MOVE and booking is not None:
        for one in _bookings_of(write_back, (BookingState.CONFIRMED,)).exclude(pk=booking.pk):
            _move(one, BookingState.RESCHEDULED)
    outcomes.renew(_call_of(write_back))


def failed(write_back: WriteBack) -> None:
    """Nothing of it is in the PMS; bookings that wait for it end too, at the job's next look."""
    WriteBack.objects.filter(after=write_back, state=WriteBackState.WAITING).update(next_attempt_at=write_back.sent_at)
    _move(write_back.booking, BookingState.FAILED, failure=write_back.failure)
    tasks.tell_meanwhile(write_back=write_back, what="It is not in the practice's system.")
    outcomes.renew(_call_of(write_back))


def withdrawn(write_back: WriteBack) -> None:
    """Nothing of it will ever be in the PMS, as somebody wanted; what was unknown until then has never been."""
    _move(write_back.booking, BookingState.CANCELLED)
    _move(write_back.booking, BookingState.FAILED, failure=write_back.failure)
    tasks.tell_meanwhile(write_back=write_back, what="It was taken back and is not in the practice's system.")
    outcomes.renew(_call_of(write_back))


def unknown(write_back: WriteBack) -> None:
    """It may or may not be in the PMS."""
    _move(write_back.booking, BookingState.UNKNOWN)


def verified(write_back: WriteBack, now: datetime) -> None:
    """The PMS's own reads show it, and what was kept of them before may not."""
    cache.forget_patient(integration_id=write_back.integration_id, patient_id=write_back.patient_id)
    if write_back.booking is not None:
        Booking.objects.filter(pk=write_back.booking.pk, state=BookingState.CONFIRMED).update(verified_at=now)


def _call_of(write_back: WriteBack) -> Call | None:
    return write_back.booking.call if write_back.booking else write_back.call


def name_patient(write_back: WriteBack, now: datetime) -> None:
    """Give a patient who has been created the PMS's id everywhere, and let the bookings go on that waited."""
    handle, patient_id = newcomers.handle_of(write_back), write_back.record_id
    Verification.objects.filter(patient_id=handle).update(patient_id=patient_id)
    Booking.objects.filter(patient_id=handle).update(patient_id=patient_id)
    Task.objects.filter(patient_id=handle).update(patient_id=patient_id)
    waiting = WriteBack.objects.filter(patient_id=handle)
    waiting.filter(state=WriteBackState.WAITING).update(next_attempt_at=now)
    waiting.update(patient_id=patient_id)


def _bookings_of(write_back: WriteBack, states: tuple[BookingState, ...]) -> QuerySet[Booking]:
    return Booking.objects.filter(
        integration_id=write_back.integration_id, pms_appointment_id=write_back.appointment_id, state__in=states
    )


def _move(booking: Booking | None, to: BookingState, **changes: str) -> None:
    """Bring a booking along, if its state still allows it."""
    while booking is not None:
        booking.refresh_from_db()
        if to not in bookings.TRANSITIONS.get(booking.state, frozenset()) or bookings.transition(
            booking, to, **changes
        ):
            return
