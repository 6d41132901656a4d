"""bookAppointment and rescheduleAppointment: from what somebody chose to a booking and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pms.domain import errors, speech
from pms.domain.records import NewPatient, Patient
from pms.models import Booking, BookingState, WriteBackState
from pms.services import appointments, claims, moves, newcomers, patients, registering, requests
from pms.services.appointments import Booked, BookingUnknown
from pms.services.bookings import Wish
from pms.services.freshness import RequestsOnly
from pms.services.moves import NewTime
from pms.services.placing import TimeNotFree
from pms.tools import subject, telling, timing, which, wording
from pms.tools.context import Answer, Context, Face


def book_appointment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Book for a patient verified or created in this call, or for the one a system credential names."""
    patient_id = subject.patient_of(context, arguments.get("patientId"))
    choice = timing.chosen(context, arguments)
    name = _patient_name(context, patient_id)
    wish = Wish(
        patient_id=patient_id,
        appointment_type=choice.kind,
        starts_at=choice.starts_at,
        clinician_id=choice.clinician_id,
        note=arguments.get("notes") or "",
    )
    try:
        booked = appointments.book(
            **context.access,
            wish=wish,
            call=context.request.call,
            key=_key(context),
            notifies=telling.is_wished(context, arguments),
        )
    except TimeNotFree as taken:
        raise timing.with_alternatives(context, taken) from None
    except errors.OnRequestOnly as refusal:
        return _requested(context, wish, refusal)
    except BookingUnknown as unknown:
        booked = Booked(unknown.booking)
    return _answer(context, arguments, booked, {"patientName": name, "startTime": booked.booking.starts_at})


def reschedule_appointment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Move an appointment of a patient verified in this call, or of the one a system credential names."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), required=False)
    identifier = which.appointment(context, arguments.get("appointmentId"), patient_id)
    entry = moves.find(**context.access, identifier=identifier, patient_id=patient_id)
    starts_at, clinician_id = timing.moved_to(context, arguments, moves.type_of(entry, context.integration))
    to = NewTime(starts_at, clinician_id, arguments.get("reason") or "")
    try:
        booked = moves.move(
            **context.access,
            entry=entry,
            to=to,
            call=context.request.call,
            key=_key(context),
            notifies=telling.is_wished(context, arguments),
        )
    except TimeNotFree as taken:
        raise timing.with_alternatives(context, taken) from None
    except BookingUnknown as unknown:
        booked = Booked(unknown.booking)
    return _answer(context, arguments, booked, {"newStartTime": booked.booking.starts_at})


def public_status(booking: Booking) -> str:
    """Return the state of a booking as REST tells it: only ``confirmed`` is in the PMS for certain."""
    if booking.state in (BookingState.MISMATCH, BookingState.LOST):
        return "unknown"  # a person has to look
    return "pending" if booking.state == BookingState.HELD else booking.state.lower()


def public_booking(booking: Booking) -> dict[str, Any]:
    """Return what every answer about a booking says of it."""
    return {
        "id": booking.pms_appointment_id or booking.moved_appointment_id or None,
        "bookingId": str(booking.pk),
        "confirmationNumber": booking.confirmation_number,
        "startTime": booking.starts_at,
        "endTime": booking.ends_at,
    }


def _requested(context: Context, wish: Wish, refusal: errors.OnRequestOnly) -> Answer:
    """Leave to the team what a caller wants and may not have at once; the practice's own server is only told so."""
    if not context.request.from_model:
        raise refusal
    why = refusal.why if isinstance(refusal, RequestsOnly) else "on_request"
    task = requests.take(integration=context.integration, wish=wish, call=context.request.call, why=why)
    return Answer(
        say=wording.request_sentence(timing.say_when(context, wish.starts_at), task.number),
        data={"status": "requested", "taskId": str(task.pk)},
        status=202,
        outcome=refusal.code,
    )


def _key(context: Context) -> str:
    request = context.request
    if request.call and request.tool_call_id:
        return f"{request.call.pk}:{claims.storable_id(request.tool_call_id)}"
    return request.idempotency_key


def _patient_name(context: Context, patient_id: str) -> str | None:
    """Return the name for REST's answer; a caller hears no name that was not said in the call."""
    if context.request.face is Face.VOICE or newcomers.is_handle(patient_id):
        return None
    person: Patient | NewPatient
    try:
        person = patients.read(**context.access, patient_id=patient_id, action="getPatient")
    except errors.PatientNotFound:
        sent = registering.sent_for(integration=context.integration, patient_id=patient_id)
        if sent is None:
            raise
        person = sent  # the PMS's own reads do not show them yet
    return f"{person.first_name} {person.last_name}".strip()


def _answer(context: Context, arguments: Mapping[str, Any], booked: Booked, more: dict[str, Any]) -> Answer:
    booking = booked.booking
    when, who = timing.say_when(context, booking.starts_at), speech.say_name(booking.clinician_name)
    is_waiting = booking.write_backs.filter(state=WriteBackState.WAITING).exists()
    sentence = wording.booking_sentence(booking, when, who, is_waiting=is_waiting)
    status = public_status(booking)
    data: dict[str, Any] = {
        "status": status,
        "appointment": {**public_booking(booking), **more},
        **telling.answered(arguments, booking.write_backs.first()),
    }
    return Answer(
        say=wording.before(booking) + sentence if booked.stood_before else sentence,
        data=data,
        status=201 if status == "confirmed" else 202,
        outcome=errors.OutcomeUnknown.code if booking.state == BookingState.UNKNOWN else "ok",
    )
