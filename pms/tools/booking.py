"""bookAppointment: from what a caller, or a server of the practice's, chose to a booking and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms.domain import errors, speech, spoken
from pms.domain.localtime import local_date_of, to_local
from pms.models import AppointmentType, BookingState, CredentialKind
from pms.scheduling.choice import pick
from pms.services import appointments, claims, directory, gateway, patients
from pms.services.appointments import Booked, TimeNotFree
from pms.services.bookings import Wish
from pms.tools import choosing, offering, wording
from pms.tools.context import Answer, Context, Face

# Only "confirmed" is in the PMS for certain; where a person has to look, nothing is known for certain.
_STATUS = {
    BookingState.HELD: "pending",
    BookingState.PENDING: "pending",
    BookingState.UNKNOWN: "unknown",
    BookingState.MISMATCH: "unknown",
    BookingState.LOST: "unknown",
    BookingState.CONFIRMED: "confirmed",
    BookingState.CANCELLED: "cancelled",
    BookingState.RESCHEDULED: "rescheduled",
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
    try:
        booked = appointments.book(**context.access, wish=wish, call=context.request.call, key=_key(context))
    except TimeNotFree as taken:
        raise _with_alternatives(context, taken, choice) from None
    return _answer(context, booked, name)


def _key(context: Context) -> str:
    request = context.request
    if request.call and request.tool_call_id:
        return f"{request.call.pk}:{claims.storable_id(request.tool_call_id)}"
    return request.idempotency_key


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
        _refuse_two_times(context, arguments, offered.starts_at)
        return _Choice(offered.appointment_type, offered.starts_at, offered.clinician_id)
    kind = choosing.appointment_type(request.account, arguments.get("appointmentType"))
    starts_at = _start(context, arguments, now)
    said = arguments.get("providerId")
    return _Choice(kind, starts_at, _clinician(context, said, kind) if said else "")


def _refuse_two_times(context: Context, arguments: Mapping[str, Any], starts_at: datetime) -> None:
    """Ask if a date or time beside the code says something else than the code."""
    local = to_local(starts_at, context.request.account.zone)
    beside = {name: arguments.get(name) for name in ("date", "time", "startTime") if arguments.get(name)}
    if not beside:
        return
    whole = beside if "startTime" in beside else {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}", **beside}
    if choosing.wall_clock(context.request, whole).utc != starts_at:
        raise errors.Invalid("The code and the time differ.", spoken="I have two different times. Which one is it?")


def _start(context: Context, arguments: Mapping[str, Any], now: datetime) -> datetime:
    if context.request.from_model:
        return choosing.wall_clock(context.request, arguments).utc
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
    if starts_at.year > spoken.LAST_YEAR:
        raise errors.DateInvalid
    return starts_at


def _clinician(context: Context, said: str, kind: AppointmentType) -> str:
    with gateway.reading(**context.access, action="listClinicians", phi=False) as access:
        who = choosing.clinician(directory.clinicians(access), said, kind)
    return who.id if who else ""


def _with_alternatives(context: Context, taken: TimeNotFree, choice: _Choice) -> errors.ParlaeError:
    """Return the reason with the nearest open times of that day, each under a code."""
    slots = pick(taken.view.result.slots, near=choice.starts_at)
    call = context.request.call
    now = context.request.clock.now()
    codes = offering.offer(call=call, kind=choice.kind, slots=slots, now=now) if call else [""] * len(slots)
    day = speech.say_date(taken.view.day, local_date_of(now, context.request.account.zone))
    instead = (
        f" On {day} I can offer {offering.say_slots(taken.view, slots, codes)}."
        if slots
        else f" I don't see another opening on {day}."
    )
    return type(taken.reason)(taken.reason.message, spoken=taken.reason.spoken + instead, fields=taken.reason.fields)


def _answer(context: Context, booked: Booked, patient_name: str | None) -> Answer:
    booking = booked.booking
    where = context.request.account.zone
    today = local_date_of(context.request.clock.now(), where)
    when = speech.say_when(to_local(booking.starts_at, where), today)
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
    return Answer(
        say=wording.before(booking) + sentence if booked.stood_before else sentence,
        data={"status": status, "appointment": data},
        status=201 if status == "confirmed" else 202,
    )
