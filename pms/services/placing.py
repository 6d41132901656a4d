"""Finding and keeping a place in the practice's day for a visit: for a new appointment and for one that is moved."""

from __future__ import annotations

from dataclasses import replace

from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.models import Booking, BookingState, Call
from pms.services import availability, bookings, diary, sending
from pms.services.availability import DayView, Sought
from pms.services.bookings import Wish
from pms.services.gateway import Access

NOT_HELD = "That took too long, so the time is not kept for you any more."
_TRIES = 3


class TimeNotFree(errors.Conflict):
    """The time of ``wish`` cannot be had; ``view`` has what that day offers instead. ``code`` is the reason's."""

    def __init__(self, reason: errors.ParlaeError, wish: Wish, view: DayView) -> None:
        super().__init__(reason.message, spoken=reason.spoken)
        self.code, self.status, self.reason = reason.code, reason.status, reason  # type: ignore[misc]
        self.wish, self.view = wish, view


def hold(access: Access, wish: Wish, call: Call | None, key: str) -> Booking:
    """Hold the time with the first free pair; when another caller is quicker, look once more for another pair."""
    for _ in range(_TRIES):
        view = _view(access, wish)
        _refuse_person_overlap(access, view, wish)
        slot = next((s for s in view.result.slots if s.start == wish.starts_at), None)
        if slot is None:
            raise not_free(access, wish, availability.why_not(view, wish.starts_at))
        clinician_id, operatory_id, assistant_id = availability.trio_of(slot)
        chosen = replace(
            wish,
            clinician_id=clinician_id,
            operatory_id=operatory_id,
            assistant_id=assistant_id,
            clinician_name=view.clinicians[clinician_id].name,
        )
        try:
            return bookings.hold(
                integration=access.integration, wish=chosen, call=call, key=key, now=access.clock.now()
            )
        except errors.SlotTaken:
            continue
    raise not_free(access, wish, errors.SlotTaken())


def recheck(access: Access, booking: Booking, wish: Wish) -> None:
    """Read the day once more, now that nobody of ours can take the time, and give it up if the PMS has it busy."""
    reason: errors.ParlaeError | None = None
    try:
        reason = why_not_free(access, booking, wish)
        if reason is not None:
            raise reason
        sending.require_time(access)
    except Exception as error:
        code = error.code if isinstance(error, errors.ParlaeError) else errors.Internal.code
        bookings.transition(booking, BookingState.FAILED, failure=code)
        if reason is not None:
            raise not_free(access, wish, reason) from None
        raise


def why_not_free(access: Access, booking: Booking, wish: Wish) -> errors.ParlaeError | None:
    """Return why the PMS has the place of our own booking taken, ``None`` if it has not. Raises ``PersonOverlap``."""
    view = _view(access, wish, booking)
    _refuse_person_overlap(access, view, wish)
    if any(slot.start == booking.starts_at for slot in view.result.slots):
        return None
    return availability.why_not(view, booking.starts_at)


def not_free(access: Access, wish: Wish, reason: errors.ParlaeError) -> errors.ParlaeError:
    """Return the error for a time that cannot be had, with what its day offers instead if that can be read now.

    That is of all clinicians: who wanted a certain one hears whose times they are.
    """
    try:
        return TimeNotFree(reason, wish, _view(access, replace(wish, clinician_id="")))
    except errors.PmsError:
        return reason


def _refuse_person_overlap(access: Access, view: DayView, wish: Wish) -> None:
    own = [row for row in view.appointments if row.patient_id == wish.patient_id]
    for entry in diary.of_rows(access.integration, own):
        overlaps = entry.starts_at < wish.ends_at and entry.ends_at > wish.starts_at
        if overlaps and entry.status.occupies_time:
            raise errors.PersonOverlap


def _view(access: Access, wish: Wish, held: Booking | None = None) -> DayView:
    sought = Sought(
        appointment_type=wish.appointment_type,
        clinician_id=held.clinician_id if held else wish.clinician_id,
        operatory_id=held.operatory_id if held else "",
        assistant_id=held.assistant_id if held else None,
        minutes=wish.minutes,
        is_approved=wish.is_approved,
        without_booking=held.pk if held else None,
        without_visit=wish.visit_id,
        without_appointment=wish.moved_appointment_id,
    )
    return availability.day_view(access, sought, local_date_of(wish.starts_at, access.integration.account.zone))
