"""What a test call has left in the practice's system, by our own rows, and how it ends.

Nothing is repeated blindly: a cancellation is sent again only where the appointment stands for certain and none was
sent before, and one that does not go through is left to the team.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

from django.db.models import QuerySet

from pms.models import Booking, BookingState, Call, Operation, Task, TaskState, WriteBack, WriteBackState
from pms.services import requests, tasks

NOT_CANCELLED, LEFT_OPEN, REQUEST_LEFT = "not_cancelled", "left_open", "request_left"
TASK = "test_call_not_cancelled"
GIVE_UP_AFTER = timedelta(minutes=30)

_GONE = (BookingState.EXPIRED, BookingState.FAILED, BookingState.CANCELLED)
_FOR_A_PERSON = (BookingState.MISMATCH, BookingState.LOST)
_ENDED_WITHOUT = (WriteBackState.FAILED, WriteBackState.PARKED)


class Left(Enum):
    """What there is still to do about a test call."""

    NOTHING = auto()
    WAIT = auto()
    CANCEL = auto()
    APPOINTMENT = auto()  # it stands, and this call cannot cancel it
    REQUEST = auto()


def booking_of(call: Call) -> Booking | None:
    """Return what a test call has booked."""
    return Booking.objects.filter(call=call).order_by("created_at").last()


def name_of(call: Call) -> str:
    """Return what to cancel is called by: an appointment's id, else its number, or a request's; empty for nothing."""
    booking = booking_of(call)
    if booking is not None and booking.state not in _GONE:
        return booking.pms_appointment_id or booking.confirmation_number
    waiting = _requests(call).first()
    return waiting.number if waiting else ""


def look(call: Call) -> Left:
    """Return what a test call has left to do."""
    booking = booking_of(call)
    if booking is None or booking.state in _GONE:
        return Left.REQUEST if _requests(call).exists() else Left.NOTHING
    if booking.state in _FOR_A_PERSON:
        return Left.APPOINTMENT
    sent = WriteBack.objects.filter(call=call, operation=Operation.CANCEL).order_by("created_at").last()
    if sent is not None:
        return Left.APPOINTMENT if sent.state in _ENDED_WITHOUT else Left.WAIT
    return Left.CANCEL if booking.state == BookingState.CONFIRMED else Left.WAIT


def code_of(left: Left, call: Call, now: datetime) -> str | None:
    """Return how a test call ends, by what it has left: a code, empty if all is well, ``None`` while it goes on."""
    match left:
        case Left.NOTHING:
            return ""
        case Left.REQUEST:
            return REQUEST_LEFT
        case Left.APPOINTMENT:
            return NOT_CANCELLED
    return LEFT_OPEN if now - call.started_at >= GIVE_UP_AFTER else None


def tell_team(call: Call) -> None:
    """Leave it to the team to cancel what a test call could not."""
    booking = booking_of(call)
    if booking is None:
        return
    detail = {
        "patientId": booking.patient_id,
        "appointmentId": booking.pms_appointment_id,
        "startsAt": booking.starts_at.isoformat(),
        "confirmationNumber": booking.confirmation_number,
    }
    tasks.open_task(account=call.account, kind=TASK, detail=detail, call=call, booking=booking)


def tell_none_left(call: Call, now: datetime) -> None:
    """End the tasks of a test call of which nothing is left: there is nothing to look after."""
    for task in Task.objects.filter(call=call, state=TaskState.OPEN):
        tasks.add_meanwhile(task=task, what="It was a test call, and nothing is left of it.")
        Task.objects.filter(pk=task.pk, state=TaskState.OPEN).update(state=TaskState.DONE, resolved_at=now)


def _requests(call: Call) -> QuerySet[Task]:
    return Task.objects.filter(call=call, kind=requests.KIND, state=TaskState.OPEN)
