"""Booking an appointment: hold, re-check, write, follow; the words for its state are in ``tools.wording``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pms.domain import errors, speech
from pms.domain.clock import Budget, Clock
from pms.domain.identity import letters
from pms.domain.localtime import local_date_of
from pms.domain.records import Change, NewAppointment
from pms.models import (
    Booking,
    BookingMode,
    BookingState,
    Call,
    ForPatients,
    Operation,
    PmsIntegration,
    WriteBack,
    WriteBackState,
)
from pms.providers.base import Capability
from pms.services import bookings, freshness, gateway, newcomers, notices, placing, sending, syncing, tasks, write_backs
from pms.services.audit import Asker
from pms.services.bookings import Wish
from pms.services.freshness import OfficeUnreachable, RequestsOnly
from pms.services.gateway import Access

_NOT_MADE = (
    "I'm sorry, I could not get that into the practice's system, so nothing has been scheduled. "
    "I have left the team a note about it."
)
_OTHER_CLINICIAN = "There is a request for that time already, with somebody else, so I have not made another one."


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking; ``stood_before`` says that another request had made the same one already."""

    booking: Booking
    stood_before: bool = False


class BookingUnknown(errors.OutcomeUnknown):
    """A booking was sent, and whether it was made is not known; its row follows."""

    def __init__(self, booking: Booking) -> None:
        super().__init__()
        self.booking = booking


def book(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    wish: Wish,
    call: Call | None,
    key: str,
    notifies: bool = False,
) -> Booked:
    """Book ``wish`` once; an empty ``clinician_id`` takes whoever the type's mapping prefers.

    ``notifies`` says that the patient is to be told by e-mail once it is done (``services.notices``). Returns the
    booking in whatever state it has reached when the caller can wait no longer; that of a patient who is still being
    created is sent when the record is there. Raises ``TimeNotFree``, ``PersonOverlap``, ``OnRequestOnly`` where the
    team has to agree first, what the PMS refused, or ``BookingUnknown``; the booking's row keeps the state in every
    case.
    """
    patient_id, newcomer = newcomers.resolve(integration=integration, patient_id=wish.patient_id)
    wish = replace(wish, patient_id=patient_id)
    asking: dict[str, Any] = {"integration": integration, "asker": asker, "clock": clock, "budget": budget}
    known = already(asking, wish, key)
    if known is not None:
        return known
    if wish.appointment_type.mode != BookingMode.DIRECT and not wish.is_approved:
        raise errors.OnRequestOnly
    require_kind_for(integration, wish, clock.now())
    with gateway.writing(**asking, action=Operation.BOOK, patient_id=wish.patient_id) as access:
        access.pms.require(Capability.BOOK_APPOINTMENT)
        freshness.require_office(access)
        held = hold(access, asking, wish, call, key)
        if isinstance(held, Booked):
            return held
        write_back = _write(access, held, wish, asker, newcomer, notifies)
        tasks.end_request(account=integration.account, key=wish.request_key, now=clock.now())
        access.summary["state"] = held.state
        notice = notices.at_once(access, write_back, call)
    notices.send(notice, now=clock.now())
    return Booked(held)


def require_kind_for(integration: PmsIntegration, wish: Wish, now: datetime) -> None:
    """Raise ``Invalid`` if that kind of appointment is only for new patients, or only for others, and not for this."""
    wanted = ForPatients(wish.appointment_type.for_patients)
    if wanted is ForPatients.ANYONE or wish.is_approved:
        return
    is_new = newcomers.is_new(integration=integration, patient_id=wish.patient_id, now=now)
    if is_new is (wanted is ForPatients.NEW):
        return
    raise errors.Invalid(
        f"This kind of appointment is for {wanted.label.lower()} only.",
        spoken=f"{speech.one_line(wish.appointment_type.name)} is only for {wanted.label.lower()}. "
        "What else can I look for?",
        fields={"appointmentType": f"Only for {wanted.label.lower()}."},
    )


def send_waiting(access: Access, write_back: WriteBack, booking: Booking, asker: Asker) -> None:
    """Send a booking that has waited for its patient; its row keeps what became of it. Raises what the PMS raises."""
    wish = Wish(
        patient_id=booking.patient_id,
        appointment_type=booking.appointment_type,
        starts_at=booking.starts_at,
        clinician_id=booking.clinician_id,
        minutes=bookings.minutes_of(booking),
        is_approved=True,  # it was when it was asked for
    )
    if booking.starts_at <= access.clock.now():
        write_backs.fail(write_back, errors.TooSoon.code)
        return
    try:
        freshness.require_current(access)
        reason = placing.why_not_free(access, booking, wish)
    except errors.PersonOverlap as overlap:
        reason = overlap
    except RequestsOnly:
        return  # it can wait for a newer copy
    if isinstance(reason, errors.TooSoon):
        reason = None  # the notice was kept when it was asked for; if the time is taken, the PMS says so
    if reason is not None:
        write_backs.fail(write_back, reason.code)
        return
    new = _new_appointment(booking)
    if write_backs.resume(write_back=write_back, change=new, access_id=access.id, now=access.clock.now()):
        sending.carry_out(access, write_back, new, asker)
        _keep_whole_note(access, booking)


def hold(access: Access, asking: Mapping[str, Any], wish: Wish, call: Call | None, key: str) -> Booking | Booked:
    """Hold the time of ``wish``, and look once more; or return what another request, which was quicker, has of it."""
    try:
        booking = placing.hold(access, wish, call, key)
    except errors.Conflict:
        twin = already(asking, wish, key)
        if twin is None:
            raise
        return twin
    placing.recheck(access, booking, wish)
    access.summary["booking"] = str(booking.pk)
    return booking


def carry_out(
    access: Access, write_back: WriteBack, booking: Booking, wish: Wish, change: Change, asker: Asker, *, not_made: str
) -> None:
    """Send what a booking needs, and bring ``booking`` up to date; ``not_made`` is said where nothing came of it.

    Raises ``TimeNotFree``, ``OfficeUnreachable``, what the PMS refused, ``WriteRejected`` or ``BookingUnknown``.
    """
    try:
        sending.carry_out(access, write_back, change, asker)
    except errors.SlotTaken as taken:
        raise placing.not_free(access, wish, taken) from None
    except errors.OutcomeUnknown as error:
        raise BookingUnknown(booking) from error
    except errors.PmsError as error:
        if sending.is_requested_instead(write_back, error):
            raise OfficeUnreachable from None
        error.spoken = not_made
        raise
    finally:
        booking.refresh_from_db()
    if booking.state == BookingState.FAILED:
        if write_back.failure == errors.SlotTaken.code:
            raise placing.not_free(access, wish, errors.SlotTaken())
        write_backs.tell_staff(write_back, "failed")
        raise errors.WriteRejected(spoken=not_made)


def already(asking: Mapping[str, Any], wish: Wish, key: str) -> Booked | None:
    """Return the booking that this key or this wish has already, ``None`` if there is none.

    Raises ``StillWorking`` while another request is making it, and ``IdempotencyConflict`` for a key with another wish.
    """
    integration, now = asking["integration"], asking["clock"].now()
    booking = bookings.of_key(integration=integration, key=key)
    if booking is not None and not _came_to_nothing(booking, now):
        if not wish.is_of(booking) or wish.moved_appointment_id != booking.moved_appointment_id:
            raise errors.IdempotencyConflict
        return Booked(booking)
    booking = bookings.standing(integration=integration, wish=wish)
    if booking is None or _came_to_nothing(booking, now) or not _is_still_there(asking, booking):
        return None
    if wish.moved_appointment_id not in ("", booking.moved_appointment_id):
        if wish.moved_appointment_id == booking.pms_appointment_id:
            return None  # what is to be moved, where it is now
        raise errors.PersonOverlap
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
    write_backs.give_up_sending(write_back, now=now)
    if write_back.state == WriteBackState.SENDING:
        raise errors.StillWorking
    booking.refresh_from_db()


def _is_still_there(asking: Mapping[str, Any], booking: Booking) -> bool:
    """Return whether the PMS still has a booking: the desk may have moved or cancelled it."""
    if booking.state != BookingState.CONFIRMED:
        return True
    day = local_date_of(booking.starts_at, asking["integration"].account.zone)
    with gateway.reading(**asking, action="checkBooking", phi=True, patient_id=booking.patient_id) as access:
        rows = access.pms.list_appointments(day, day, patient_id=booking.patient_id)
        shown = next((row for row in rows if row.id == booking.pms_appointment_id), None)
        return syncing.follow_desk(access, booking, shown)


def _write(
    access: Access, booking: Booking, wish: Wish, asker: Asker, newcomer: WriteBack | None, notifies: bool
) -> WriteBack:
    """Send the booking once and wait a little for the vendor to make it, or keep it until its patient exists."""
    new = _new_appointment(booking)
    write_back = write_backs.start(
        integration=access.integration,
        operation=Operation.BOOK,
        change=new,
        access_id=access.id,
        now=access.clock.now(),
        booking=booking,
        patient_id=booking.patient_id,
        after=newcomer,
        notifies=notifies,
    )
    if write_back is None:
        raise placing.not_free(access, wish, errors.SlotExpired(spoken=placing.NOT_HELD))
    if newcomer is None:
        carry_out(access, write_back, booking, wish, new, asker, not_made=_NOT_MADE)
        _keep_whole_note(access, booking)
    return write_back


def _new_appointment(booking: Booking) -> NewAppointment:
    return NewAppointment(
        patient_id=booking.patient_id,
        clinician_id=booking.clinician_id,
        operatory_id=booking.operatory_id,
        starts_at=booking.starts_at,
        duration_minutes=bookings.minutes_of(booking),
        appointment_type=booking.appointment_type.pms_value,
        description=bookings.reveal_note(booking) or booking.appointment_type.name,
    )


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
