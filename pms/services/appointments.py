"""Booking an appointment: hold, re-check, write, follow; the words for its state are in ``tools.wording``."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import structlog

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.domain.records import NewAppointment
from pms.models import Booking, BookingState, Call, PmsIntegration, WriteBack
from pms.providers.base import Capability
from pms.services import availability, bookings, gateway, write_backs
from pms.services.audit import Asker
from pms.services.availability import DayView
from pms.services.bookings import Wish
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

WAIT_FOR_WRITE_SECONDS = 4.0
_POLL_SECONDS = (0.4, 0.6, 1.0)
# What must be left of the budget after waiting, to write the outcome and answer.
_RESERVE_SECONDS = 0.5
_TRIES = 3


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
    known = bookings.of_key(integration=integration, key=key) or bookings.standing(integration=integration, wish=wish)
    if known is not None:
        return _standing(known, key)
    with gateway.writing(
        integration=integration,
        asker=asker,
        action="bookAppointment",
        clock=clock,
        budget=budget,
        patient_id=wish.patient_id,
    ) as access:
        access.pms.require(Capability.BOOK_APPOINTMENT)
        booking = _hold_a_pair(access, wish, call, key)
        _recheck(access, booking, wish)
        access.summary["booking"] = str(booking.pk)
        _write(access, booking)
        access.summary["state"] = booking.state
    return Booked(booking, stood_before=False)


def _standing(booking: Booking, key: str) -> Booked:
    """Answer for a booking that exists: a repeated request gets what became of it."""
    if booking.state in (BookingState.FAILED, BookingState.EXPIRED):
        raise errors.SlotTaken if booking.failure == errors.SlotTaken.code else errors.WriteRejected
    return Booked(booking, stood_before=not key or booking.idempotency_key != key)


def _hold_a_pair(access: Access, wish: Wish, call: Call | None, key: str) -> Booking:
    """Hold the time with the first free pair; when another caller is quicker, look once more for another pair."""
    for _ in range(_TRIES):
        view = _view(access, wish)
        slot = next((s for s in view.result.slots if s.start == wish.starts_at), None)
        if slot is None:
            raise TimeNotFree(availability.why_not(view, wish.starts_at), view)
        clinician_id, operatory_id = availability.pair_of(slot)
        name = view.clinicians[clinician_id].name
        chosen = replace(wish, clinician_id=clinician_id, operatory_id=operatory_id, clinician_name=name)
        try:
            return bookings.hold(
                integration=access.integration, wish=chosen, call=call, key=key, now=access.clock.now()
            )
        except errors.SlotTaken:
            continue
    raise TimeNotFree(errors.SlotTaken(), _view(access, wish))


def _recheck(access: Access, booking: Booking, wish: Wish) -> None:
    """Read the day once more, now that nobody of ours can take the time, and give it up if the PMS has it busy."""
    try:
        view = _view(access, wish, held=booking)
        _refuse_person_overlap(view, booking)
        if not any(slot.start == booking.starts_at for slot in view.result.slots):
            raise TimeNotFree(availability.why_not(view, booking.starts_at), _view(access, wish))
    except errors.ParlaeError as error:
        bookings.transition(booking, BookingState.FAILED, failure=error.code)
        raise


def _refuse_person_overlap(view: DayView, booking: Booking) -> None:
    for row in view.appointments:
        overlaps = row.starts_at < booking.ends_at and row.ends_at > booking.starts_at
        if overlaps and row.patient_id == booking.patient_id and row.status.occupies_time:
            raise errors.PersonOverlap


def _write(access: Access, booking: Booking) -> None:
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
        raise errors.SlotExpired
    try:
        with write_backs.certainly_not_made(write_back):
            outcome = access.pms.book_appointment(new)
    except errors.PmsError as error:
        write_backs.tell_staff(write_back, f"booking_{error.code}")
        raise
    write_backs.settle(write_back=write_back, outcome=outcome, now=access.clock.now())
    _wait(access, write_back)
    booking.refresh_from_db()
    if booking.state == BookingState.FAILED:
        _raise_failure(access, booking)


def _wait(access: Access, write_back: WriteBack) -> None:
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
            return


def _raise_failure(access: Access, booking: Booking) -> None:
    if booking.failure == errors.SlotTaken.code:
        wish = Wish(
            patient_id=booking.patient_id,
            appointment_type=booking.appointment_type,
            starts_at=booking.starts_at,
            clinician_id="",
        )
        raise TimeNotFree(errors.SlotTaken(), _view(access, wish))
    raise errors.WriteRejected


def _view(access: Access, wish: Wish, held: Booking | None = None) -> DayView:
    return availability.day_view(
        access,
        appointment_type=wish.appointment_type,
        day=local_date_of(wish.starts_at, access.integration.account.zone),
        clinician_id=held.clinician_id if held else wish.clinician_id,
        operatory_id=held.operatory_id if held else "",
        ignoring=held.pk if held else None,
    )
