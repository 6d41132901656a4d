"""Booking an appointment: hold, re-check, write, follow; the words for its state are in ``tools.wording``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.identity import letters
from pms.domain.localtime import local_date_of
from pms.domain.records import NewAppointment
from pms.models import Booking, BookingState, Call, PmsIntegration, WriteBack, WriteBackState
from pms.providers.base import Capability
from pms.services import availability, bookings, gateway, integrations, tasks, write_backs
from pms.services.audit import Asker
from pms.services.availability import DayView
from pms.services.bookings import Wish
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

WAIT_FOR_WRITE_SECONDS = 4.0
_POLL_SECONDS = (0.4, 0.6, 1.0)
# What must be left of the budget: to send a write and hear of it, and after waiting, to write the outcome and answer.
_LEAST_TO_SEND_SECONDS = 1.5
_RESERVE_SECONDS = 0.5
_TRIES = 3

_NOT_MADE = (
    "I'm sorry, I could not get that into the practice's system, so nothing has been scheduled. "
    "I have left the team a note about it."
)
_OTHER_CLINICIAN = "There is a request for that time already, with somebody else, so I have not made another one."
_NOT_HELD = "That took too long, so the time is not kept for you any more."


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking; ``stood_before`` says that another request had made the same one already."""

    booking: Booking
    stood_before: bool


class TimeNotFree(errors.Conflict):
    """The wished time cannot be had; ``view`` has what that day offers instead. ``code`` is the reason's."""

    def __init__(self, reason: errors.ParlaeError, view: DayView) -> None:
        super().__init__(reason.message, spoken=reason.spoken)
        self.code, self.status, self.reason = reason.code, reason.status, reason  # type: ignore[misc]
        self.view = view


def book(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    wish: Wish,
    call: Call | None,
    key: str,
) -> Booked:
    """Book ``wish`` once; an empty ``clinician_id`` takes whoever the type's mapping prefers.

    Returns the booking in whatever state it has reached when the caller can wait no longer. Raises ``TimeNotFree``,
    ``PersonOverlap``, what the PMS refused, or ``OutcomeUnknown``; the booking's row keeps the state in every case.
    """
    asking: dict[str, Any] = {"integration": integration, "asker": asker, "clock": clock, "budget": budget}
    known = _known(asking, wish, key)
    if known is not None:
        return known
    with gateway.writing(**asking, action="bookAppointment", patient_id=wish.patient_id) as access:
        access.pms.require(Capability.BOOK_APPOINTMENT)
        try:
            booking = _hold_a_pair(access, wish, call, key)
        except errors.Conflict:
            twin = _known(asking, wish, key)  # perhaps the same wish in another request, which was quicker
            if twin is None:
                raise
            return twin
        _recheck(access, booking, wish)
        access.summary["booking"] = str(booking.pk)
        _write(access, booking, wish, asker)
        access.summary["state"] = booking.state
    return Booked(booking, stood_before=False)


def _known(asking: Mapping[str, Any], wish: Wish, key: str) -> Booked | None:
    """Return the booking that this key or this wish has already, ``None`` if there is none.

    Raises ``StillWorking`` while another request is making it, and ``IdempotencyConflict`` for a key with another wish.
    """
    integration, now = asking["integration"], asking["clock"].now()
    booking = bookings.of_key(integration=integration, key=key)
    if booking is not None and not _came_to_nothing(booking, now):
        if not wish.is_of(booking):
            raise errors.IdempotencyConflict
        return Booked(booking, stood_before=False)
    booking = bookings.standing(integration=integration, wish=wish)
    if booking is None or _came_to_nothing(booking, now) or not _is_still_there(asking, booking):
        return None
    if not wish.is_of(booking):
        raise errors.AlreadyBooked(spoken=_OTHER_CLINICIAN)
    return Booked(booking, stood_before=True)


def _came_to_nothing(booking: Booking, now: datetime) -> bool:
    """Return whether certainly nothing of a booking is in the PMS; then it no longer stands in anybody's way."""
    if bookings.is_being_made(booking, now):
        raise errors.StillWorking
    _give_up_sending(booking, now)
    if booking.state not in bookings.NOTHING_MADE:
        return False
    bookings.forget(booking)
    return True


def _give_up_sending(booking: Booking, now: datetime) -> None:
    """Call a booking unknown whose process died while sending it: "sent" would be more than we know."""
    write_back = booking.write_backs.filter(state=WriteBackState.SENDING).first()
    if write_back is None:
        return
    if now - write_back.sent_at < bookings.ABANDONED_AFTER:
        raise errors.StillWorking
    write_backs.lose_reference(write_back)
    write_backs.tell_staff(write_back, f"booking_{errors.OutcomeUnknown.code}")
    booking.refresh_from_db()


def _is_still_there(asking: Mapping[str, Any], booking: Booking) -> bool:
    """Return whether the PMS still has a booking that it showed before: the desk may have moved or cancelled it."""
    if booking.state != BookingState.CONFIRMED or booking.verified_at is None:
        return True
    day = local_date_of(booking.starts_at, asking["integration"].account.zone)
    with gateway.reading(**asking, action="checkBooking", phi=True, patient_id=booking.patient_id) as access:
        rows = access.pms.list_appointments(day, day, patient_id=booking.patient_id)
    shown = next((row for row in rows if row.id == booking.pms_appointment_id), None)
    if shown is not None and bookings.is_shown_as_booked(booking, shown):
        return True
    if shown is None:
        bookings.transition(booking, BookingState.LOST)
        tasks.open_task(
            account=booking.account,
            kind="booking_lost",
            detail={"patientId": booking.patient_id, "confirmationNumber": booking.confirmation_number},
            booking=booking,
        )
    else:
        is_moved = shown.status.occupies_time
        bookings.transition(booking, BookingState.RESCHEDULED if is_moved else BookingState.CANCELLED)
    return False


def _hold_a_pair(access: Access, wish: Wish, call: Call | None, key: str) -> Booking:
    """Hold the time with the first free pair; when another caller is quicker, look once more for another pair."""
    for _ in range(_TRIES):
        view = _view(access, wish)
        _refuse_person_overlap(view, wish)
        slot = next((s for s in view.result.slots if s.start == wish.starts_at), None)
        if slot is None:
            raise _not_free(access, wish, availability.why_not(view, wish.starts_at))
        clinician_id, operatory_id = availability.pair_of(slot)
        name = view.clinicians[clinician_id].name
        chosen = replace(wish, clinician_id=clinician_id, operatory_id=operatory_id, clinician_name=name)
        try:
            return bookings.hold(
                integration=access.integration, wish=chosen, call=call, key=key, now=access.clock.now()
            )
        except errors.SlotTaken:
            continue
    raise _not_free(access, wish, errors.SlotTaken())


def _recheck(access: Access, booking: Booking, wish: Wish) -> None:
    """Read the day once more, now that nobody of ours can take the time, and give it up if the PMS has it busy."""
    reason: errors.ParlaeError | None = None
    try:
        view = _view(access, wish, held=booking)
        _refuse_person_overlap(view, wish)
        if not any(slot.start == booking.starts_at for slot in view.result.slots):
            reason = availability.why_not(view, booking.starts_at)
            raise reason
        if access.budget.left() < _LEAST_TO_SEND_SECONDS:
            raise errors.BudgetSpent
    except Exception as error:
        code = error.code if isinstance(error, errors.ParlaeError) else errors.Internal.code
        bookings.transition(booking, BookingState.FAILED, failure=code)
        if reason is not None:
            raise _not_free(access, wish, reason) from None
        raise


def _refuse_person_overlap(view: DayView, wish: Wish) -> None:
    for row in view.appointments:
        overlaps = row.starts_at < wish.ends_at and row.ends_at > wish.starts_at
        if overlaps and row.patient_id == wish.patient_id and row.status.occupies_time:
            raise errors.PersonOverlap


def _not_free(access: Access, wish: Wish, reason: errors.ParlaeError) -> errors.ParlaeError:
    """Return the error for a time that cannot be had, with what its day offers instead if that can be read now.

    That is of all clinicians: who wanted a certain one hears whose times they are.
    """
    try:
        return TimeNotFree(reason, _view(access, replace(wish, clinician_id="")))
    except errors.PmsError:
        return reason


def _write(access: Access, booking: Booking, wish: Wish, asker: Asker) -> None:
    """Send the booking once and wait a little for the vendor to make it."""
    new = NewAppointment(
        patient_id=booking.patient_id,
        clinician_id=booking.clinician_id,
        operatory_id=booking.operatory_id,
        starts_at=booking.starts_at,
        duration_minutes=booking.appointment_type.duration_minutes,
        appointment_type=booking.appointment_type.pms_value,
        description=bookings.reveal_note(booking) or booking.appointment_type.name,
    )
    write_back = write_backs.start(booking=booking, access_id=access.id, new=new, now=access.clock.now())
    if write_back is None:
        raise _not_free(access, wish, errors.SlotExpired(spoken=_NOT_HELD))
    try:
        _send(access, write_back, new, asker)
        booking.refresh_from_db()
    except errors.ParlaeError:
        raise
    except Exception as error:  # by now the PMS may have it, so nothing else would be true
        log.error("booking broke after it was sent", booking_id=str(booking.pk), exc_info=error)
        write_backs.tell_staff(write_back, f"booking_{errors.OutcomeUnknown.code}")
        raise errors.OutcomeUnknown from error
    if booking.state == BookingState.FAILED:
        raise _failure(access, write_back, wish)
    _keep_whole_note(access, booking)


def _keep_whole_note(access: Access, booking: Booking) -> None:
    """Give staff what the caller wanted noted, if the PMS could not take all its words."""
    note = bookings.reveal_note(booking)
    if letters(access.pms.as_written(note)) == letters(note):
        return
    tasks.open_task(
        account=booking.account,
        kind="booking_note",
        detail={"patientId": booking.patient_id, "confirmationNumber": booking.confirmation_number, "note": note},
        call=booking.call,
        booking=booking,
    )


def _send(access: Access, write_back: WriteBack, new: NewAppointment, asker: Asker) -> None:
    """Send once, settle what the vendor says, and follow it for as long as a caller can wait."""
    try:
        with write_backs.certainly_not_made(write_back):
            outcome = access.pms.book_appointment(new)
    except errors.SlotTaken:
        return
    except errors.PmsError as error:
        write_backs.tell_staff(write_back, f"booking_{error.code}")
        if not isinstance(error, errors.OutcomeUnknown):
            error.spoken = _NOT_MADE
        raise
    write_backs.settle(write_back=write_back, outcome=outcome, now=access.clock.now())
    _wait(access, write_back, asker)


def _wait(access: Access, write_back: WriteBack, asker: Asker) -> None:
    """Follow a pending write-back for as long as a caller can wait; what is not known by then stays pending."""
    deadline = access.clock.monotonic() + WAIT_FOR_WRITE_SECONDS
    pauses = itertools.chain(_POLL_SECONDS, itertools.repeat(_POLL_SECONDS[-1]))
    while write_backs.is_open(write_back):
        pause = next(pauses)
        left = min(deadline - access.clock.monotonic(), access.budget.left() - _RESERVE_SECONDS)
        if left < pause:
            return
        access.clock.sleep(pause)
        try:
            write_backs.follow(write_back=write_back, pms=access.pms, now=access.clock.now())
        except errors.PmsError as error:  # not known now; the follow-up job asks again
            log.info("write-back not followed", code=error.code, booking_id=str(write_back.booking_id))
            integrations.note_failure(integration=access.integration, error=error, asker=asker)
            return
        except Exception as error:  # the state stays as it was, and so do the words
            log.error("following broke", booking_id=str(write_back.booking_id), exc_info=error)
            return


def _failure(access: Access, write_back: WriteBack, wish: Wish) -> errors.ParlaeError:
    """Return the error for a booking that the PMS refused while the caller waited."""
    if write_back.failure == errors.SlotTaken.code:
        return _not_free(access, wish, errors.SlotTaken())
    write_backs.tell_staff(write_back, "booking_failed")
    return errors.WriteRejected(spoken=_NOT_MADE)


def _view(access: Access, wish: Wish, held: Booking | None = None) -> DayView:
    return availability.day_view(
        access,
        appointment_type=wish.appointment_type,
        day=local_date_of(wish.starts_at, access.integration.account.zone),
        clinician_id=held.clinician_id if held else wish.clinician_id,
        operatory_id=held.operatory_id if held else "",
        ignoring=held.pk if held else None,
    )
