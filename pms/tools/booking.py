"""bookAppointment: from what a caller, or a server of the practice's, chose to a booking and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms.domain import errors, speech, spoken
from pms.domain.localtime import to_local
from pms.models import AppointmentType, BookingState, CredentialKind
from pms.scheduling.choice import pick
from pms.services import appointments, directory, gateway, patients
from pms.services.appointments import Booked, TimeNotFree
from pms.services.bookings import Wish
from pms.tools import choosing, offering, wording
from pms.tools.context import Answer, Context, Face

_STATUS = {
    BookingState.HELD: "pending",
    BookingState.PENDING: "pending",
    BookingState.UNKNOWN: "unknown",
    BookingState.CONFIRMED: "confirmed",
}


@dataclass(frozen=True, slots=True)
class _Choice:
    kind: AppointmentType
    starts_at: datetime
    clinician_id: str


def book_appointment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Book for a patient verified in this call, or for the one a system credential names."""
    patient_id = _patient_id(context, arguments.get("patientId"))
    name = _patient_name(context, patient_id)
    choice = _choice(context, arguments)
    wish = Wish(
        patient_id=patient_id,
        appointment_type=choice.kind,
        starts_at=choice.starts_at,
        clinician_id=choice.clinician_id,
        note=arguments.get("notes") or "",
    )
    request = context.request
    key = (
        f"{request.call.pk}:{request.tool_call_id}"
        if request.call and request.tool_call_id
        else request.idempotency_key
    )
    try:
        booked = appointments.book(**context.access, wish=wish, call=request.call, key=key)
    except TimeNotFree as taken:
        raise _with_alternatives(context, taken, choice) from None
    return _answer(context, booked, name)


def _patient_id(context: Context, patient_id: str | None) -> str:
    request = context.request
    if request.kind == CredentialKind.SYSTEM and not request.from_model:
        if not patient_id:
            raise errors.Invalid("A patientId is needed.", fields={"patientId": "This field is required."})
        return patient_id
    if request.call is None:
        raise errors.CallRequired
    return patients.require_verified(call=request.call, patient_id=patient_id or "", asker=request.asker)


def _patient_name(context: Context, patient_id: str) -> str | None:
    """Return the name for REST's answer; a caller hears no name that was not said in the call."""
    if context.request.face is Face.VOICE:
        return None
    patient = patients.read(**context.access, patient_id=patient_id, action="getPatient")
    return f"{patient.first_name} {patient.last_name}".strip()


def _choice(context: Context, arguments: Mapping[str, Any]) -> _Choice:
    request = context.request
    now = request.clock.now()
    if arguments.get("slotCode"):
        if request.call is None:
            raise errors.SlotExpired
        offered = offering.slot_of(request.call, arguments["slotCode"], now)
        return _Choice(offered.appointment_type, offered.starts_at, offered.clinician_id)
    kind = choosing.appointment_type(request.account, arguments.get("appointmentType"))
    starts_at = _start(context, arguments, now)
    said = arguments.get("providerId")
    return _Choice(kind, starts_at, _clinician(context, said) if said else "")


def _start(context: Context, arguments: Mapping[str, Any], now: datetime) -> datetime:
    if context.request.from_model:
        return spoken.read_wall_clock(arguments, now=now, where=context.request.account.zone).utc
    return _instant(arguments.get("startTime"), now)


def _instant(written: str | None, now: datetime) -> datetime:
    """Read a system's ISO 8601 instant, which means what it says."""
    if not written:
        raise errors.DateMissing("A startTime is needed.", fields={"startTime": "This field is required."})
    try:
        starts_at = datetime.fromisoformat(written)
    except ValueError:
        raise errors.DateInvalid("startTime is not an ISO 8601 date and time.") from None
    if starts_at.tzinfo is None:
        raise errors.TimeFormat("startTime needs Z or an offset.")
    if starts_at <= now:
        raise errors.DateInPast
    return starts_at


def _clinician(context: Context, said: str) -> str:
    with gateway.reading(**context.access, action="listClinicians", phi=False) as access:
        return choosing.clinician_id(directory.clinicians(access), said)


def _with_alternatives(context: Context, taken: TimeNotFree, choice: _Choice) -> errors.ParlaeError:
    """Return the reason with the nearest open times of that day, each under a code."""
    slots = pick(taken.view.result.slots, near=choice.starts_at)
    call = context.request.call
    now = context.request.clock.now()
    codes = offering.offer(call=call, kind=choice.kind, slots=slots, now=now) if call else [""] * len(slots)
    day = speech.say_date(taken.view.day)
    instead = (
        f" On {day} there is {offering.say_slots(taken.view, slots, codes)}."
        if slots
        else f" Nothing else is open on {day}."
    )
    return type(taken.reason)(taken.reason.message, spoken=taken.reason.spoken + instead, fields=taken.reason.fields)


def _answer(context: Context, booked: Booked, patient_name: str | None) -> Answer:
    booking = booked.booking
    when = speech.say_when(to_local(booking.starts_at, context.request.account.zone))
    sentence = wording.booking_sentence(booking, when, speech.say_name(booking.clinician_name))
    status = _STATUS[BookingState(booking.state)]
    data: dict[str, Any] = {
        "id": booking.pms_appointment_id or None,
        "bookingId": str(booking.pk),
        "confirmationNumber": booking.confirmation_number,
        "patientName": patient_name,
        "startTime": booking.starts_at,
        "endTime": booking.ends_at,
    }
    prefix = "You already have that one. " if booked.stood_before else ""
    return Answer(
        say=prefix + sentence,
        data={"status": status, "appointment": data},
        status=201 if status == "confirmed" else 202,
    )
