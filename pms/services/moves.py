"""Moving an appointment: hold the new time, re-check, write in place, follow. The old time is given up last.

A vendor that moves in place keeps the appointment's id; our booking of the new time takes the old one's place only
when the vendor has called the move done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.identity import letters
from pms.domain.records import MovedAppointment
from pms.models import AppointmentType, Booking, BookingMode, BookingState, Call, Operation, PmsIntegration, WriteBack
from pms.providers.base import Capability
from pms.services import appointments, bookings, changes, diary, freshness, gateway, notices, placing, write_backs
from pms.services.appointments import Booked
from pms.services.audit import Asker
from pms.services.bookings import Wish
from pms.services.diary import Entry
from pms.services.freshness import RequestsOnly
from pms.services.gateway import Access

_STANDS = "The appointment stays as it is."
_NOT_MOVED = (
    f"I'm sorry, that could not be moved in the practice's system. {_STANDS} I have left the team a note to move it."
)
_BY_THE_TEAM = f"I can't move that one myself, so I have asked the team to. {_STANDS}"
_NOT_FINAL = (
    "That appointment is not final in the practice's system yet, so I can't move it. "
    "I have asked the team to find another time."
)
_OTHER_CHANGE = (
    "There is another change of that appointment on its way that is not final yet, so I have not changed anything."
)


@dataclass(frozen=True, slots=True)
class NewTime:
    """When and with whom an appointment shall take place instead; an empty clinician keeps the present one if free."""

    starts_at: datetime
    clinician_id: str = ""
    reason: str = ""


def find(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    identifier: str,
    patient_id: str,
) -> Entry:
    """Return the appointment that is to be moved, audited. Raises as ``diary.find``."""
    with gateway.reading(
        integration=integration,
        asker=asker,
        action="findAppointment",
        phi=True,
        clock=clock,
        budget=budget,
        patient_id=patient_id or None,
    ) as access:
        entry = diary.find(access, identifier, patient_id=patient_id)
        access.patient_id = entry.patient_id
        return entry


def move(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    entry: Entry,
    to: NewTime,
    call: Call | None,
    key: str,
    notifies: bool = False,
) -> Booked:
    """Move an appointment once; returns the booking of the new time in whatever state it has reached.

    Raises ``TimeNotFree``, ``PersonOverlap``, ``NotSupported``, ``OnRequestOnly`` and ``StillWorking`` (the last three
    with a task for what the caller wanted), what the PMS refused, or ``BookingUnknown``. In every case but a move that
    is done the old time stands.
    """
    asking: dict[str, Any] = {"integration": integration, "asker": asker, "clock": clock, "budget": budget}
    changes.require_ahead(entry, clock.now())
    if not entry.status.occupies_time:
        raise errors.AppointmentNotFound
    kind = type_of(entry, integration)
    if kind is None or kind.mode != BookingMode.DIRECT:
        raise _left_to_team(integration, entry, to, call, errors.OnRequestOnly(spoken=_BY_THE_TEAM))
    wish = _wish(entry, to, kind)
    known = appointments.already(asking, wish, key)
    if known is not None:
        return known
    if to.starts_at == entry.starts_at and to.clinician_id in ("", entry.clinician_id):
        raise errors.AlreadyBooked(spoken="That appointment is at that time already.")
    if not entry.is_certain:
        raise _left_to_team(
            integration, entry, to, call, errors.StillWorking("The booking is not final yet.", spoken=_NOT_FINAL)
        )
    with gateway.writing(**asking, action=Operation.MOVE, patient_id=entry.patient_id) as access:
        try:
            access.pms.require(Capability.MOVE_APPOINTMENT)
        except errors.NotSupported as error:
            raise _left_to_team(
                integration, entry, to, call, errors.NotSupported(error.message, spoken=_BY_THE_TEAM)
            ) from None
        if entry.change is not None:
            raise errors.StillWorking("Another change of this appointment is under way.", spoken=_OTHER_CHANGE)
        try:
            freshness.require_office(access)
            held = appointments.hold(access, asking, wish, call, key)
        except RequestsOnly:
            raise _left_to_team(integration, entry, to, call, errors.OnRequestOnly(spoken=_BY_THE_TEAM)) from None
        if isinstance(held, Booked):
            return held
        write_back = _write(access, held, wish, asker, notifies)
        access.summary["state"] = held.state
        notice = notices.at_once(access, write_back, call)
    notices.send(notice, now=clock.now())
    return Booked(held)


def type_of(entry: Entry, integration: PmsIntegration) -> AppointmentType | None:
    """Return the practice's type of an appointment: our booking's, else the one that goes by the PMS's word for it."""
    if entry.booking is not None:
        return entry.booking.appointment_type
    said = letters(entry.appointment_type)
    types = AppointmentType.objects.filter(account_id=integration.account_id, is_active=True)
    for kind in types.order_by("position", "name"):
        if entry.appointment_type and (
            kind.pms_value == entry.appointment_type or (said and letters(kind.name) == said)
        ):
            return kind
    return None


def _wish(entry: Entry, to: NewTime, kind: AppointmentType) -> Wish:
    """Return the new time as a wish. Nobody else's time is taken silently: the clinician stays unless one is named."""
    mapped = {str(pair["clinicianId"]) for pair in kind.resources}
    present = entry.clinician_id if entry.clinician_id in mapped else ""
    return Wish(
        patient_id=entry.patient_id,
        appointment_type=kind,
        starts_at=to.starts_at,
        clinician_id=to.clinician_id or present,
        note=to.reason,
        moved_appointment_id=entry.id,
        visit_id=entry.booking.visit_id if entry.booking else None,
        minutes=entry.duration_minutes,
    )


def _write(access: Access, booking: Booking, wish: Wish, asker: Asker, notifies: bool) -> WriteBack:
    moved = MovedAppointment(
        appointment_id=wish.moved_appointment_id,
        patient_id=booking.patient_id,
        clinician_id=booking.clinician_id,
        operatory_id=booking.operatory_id,
        starts_at=booking.starts_at,
        duration_minutes=wish.duration_minutes,
    )
    write_back = write_backs.start(
        integration=access.integration,
        operation=Operation.MOVE,
        change=moved,
        access_id=access.id,
        now=access.clock.now(),
        booking=booking,
        patient_id=booking.patient_id,
        appointment_id=wish.moved_appointment_id,
        notifies=notifies,
    )
    if write_back is None:
        if booking.state != BookingState.HELD:
            raise placing.not_free(access, wish, errors.SlotExpired(spoken=placing.NOT_HELD))
        bookings.transition(booking, BookingState.FAILED, failure=errors.StillWorking.code)
        if not diary.find(access, wish.moved_appointment_id).status.occupies_time:
            raise errors.AppointmentNotFound
        raise errors.StillWorking("Another change of this appointment is under way.", spoken=_OTHER_CHANGE)
    appointments.carry_out(access, write_back, booking, wish, moved, asker, not_made=_NOT_MOVED)
    return write_back


def _left_to_team(
    integration: PmsIntegration, entry: Entry, to: NewTime, call: Call | None, error: errors.ParlaeError
) -> errors.ParlaeError:
    """Keep what the caller wanted as a task, and return the error that says so."""
    wanted = {"newStartsAt": to.starts_at.isoformat(), "reason": to.reason}
    changes.ask_team(integration=integration, entry=entry, to="move", call=call, wanted=wanted)
    return error
