"""Which appointment is meant, and getAppointments: what a patient has ahead, or what the practice's server asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pms.domain import errors, speech, spoken
from pms.domain.localtime import local_date_of
from pms.domain.records import AppointmentStatus
from pms.models import Operation, Task
from pms.services import diary, directory, gateway, requests
from pms.services.diary import Entry
from pms.tools import subject, timing
from pms.tools.context import Answer, Context

AHEAD = timedelta(days=400)
DEFAULT_SPAN = timedelta(days=30)
LONGEST_SPAN = timedelta(days=92)
_FIRST_YEAR = 1900
_NONE_AHEAD = "I don't see any appointment coming up."
# A caller hears when, and not what for or with whom.
_UNTOLD = {"appointmentType": "", "providerId": ""}


def get_appointments(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Say what a patient of this call has ahead; list what a server asks for."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), required=False)
    if not subject.is_trusted(context):
        ahead = _ahead(context, patient_id)
        waiting = requests.open_for(integration=context.integration, patient_id=patient_id)
        say = " ".join([_say(context, ahead), *(_say_request(context, one) for one in waiting)])
        return Answer(say=say, data={"appointments": [_public(one, {}) | _UNTOLD for one in ahead]})
    start, end = _span(context, arguments)
    with gateway.reading(**context.access, action="getAppointments", phi=True, patient_id=patient_id or None) as access:
        entries = diary.between(access, start, end, patient_id=patient_id, details=True)
        names = {person.id: person.name for person in directory.clinicians(access).values()}
        access.summary["rows"] = len(entries)
    found = [entry for entry in entries if _is_asked_for(entry, arguments)]
    return Answer(say="", data={"appointments": [_public(one, names) for one in found]})


def appointment(context: Context, said: str | None, patient_id: str) -> str:
    """Return what names the appointment that is meant: what was said or, without that, the patient's only one ahead.

    Raises ``AppointmentNotFound`` if there is none, ``Invalid`` with the choice if there are several.
    """
    if said:
        return said
    if subject.is_trusted(context):
        raise errors.Invalid("An appointmentId is needed.", fields={"appointmentId": "This field is required."})
    ahead = _ahead(context, patient_id)
    if not ahead:
        raise errors.AppointmentNotFound(spoken=_NONE_AHEAD)
    if len(ahead) > 1:
        choice = speech.say_list([_when(context, one) for one in ahead], last="or")
        raise errors.Invalid(
            "The patient has several appointments ahead.",
            spoken=f"Which appointment is it: {choice}?",
            fields={"appointmentId": "Name one of the patient's appointments."},
        )
    return _name(ahead[0])


def _ahead(context: Context, patient_id: str) -> list[Entry]:
    now = context.request.clock.now()
    today = local_date_of(now, context.request.account.zone)
    with gateway.reading(**context.access, action="getAppointments", phi=True, patient_id=patient_id) as access:
        entries = diary.between(access, today, today + AHEAD, patient_id=patient_id)
        access.summary["rows"] = len(entries)
    return [entry for entry in entries if entry.stands(now)]


def _say(context: Context, ahead: list[Entry]) -> str:
    if not ahead:
        return _NONE_AHEAD
    said = speech.say_list([_when(context, one) + _remark(context, one) for one in ahead])
    return f"Coming up: {said}."


def requested(context: Context, said: str | None, patient_id: str) -> Task | None:
    """Return the patient's request that is meant: the one that was named or, with nothing said, the only one."""
    if subject.is_trusted(context):
        return None
    waiting = requests.open_for(integration=context.integration, patient_id=patient_id)
    if said:
        return requests.named(waiting, said)
    return waiting[0] if len(waiting) == 1 else None


def say_requested(context: Context, task: Task) -> str:
    """Return the start that was asked for, as it is said."""
    starts_at = requests.starts_at(task)
    return timing.say_when(context, starts_at) if starts_at else "a time that I can't read any more"


def _say_request(context: Context, task: Task) -> str:
    number = speech.spell(task.number)
    return (
        f"There is also a request for {say_requested(context, task)} that the team has yet to answer, number {number}."
    )


def _when(context: Context, entry: Entry) -> str:
    return f"{timing.say_when(context, entry.starts_at)} (appointment {speech.one_line(_name(entry))})"


def _remark(context: Context, entry: Entry) -> str:
    """Return what a caller must know of an appointment that is not, or not for long, what the calendar says."""
    if not entry.is_certain:
        return ", which is requested and not final yet"
    match entry.change.operation if entry.change else "":
        case Operation.CANCEL:
            return ", for which a cancellation is on its way and not final yet"
        case Operation.MOVE if entry.change is not None and entry.change.booking is not None:
            when = timing.say_when(context, entry.change.booking.starts_at)
            return f", for which a move to {when} is on its way and not final yet"
    return ""


def _name(entry: Entry) -> str:
    """Return what an appointment is called by: the PMS's id, else the number that the caller has heard."""
    return entry.id or (entry.booking.confirmation_number if entry.booking else "")


def _span(context: Context, arguments: Mapping[str, Any]) -> tuple[date, date]:
    """Return the local days, both inclusive. Raises ``DateInvalid``, or ``Invalid`` if they are inverted or too far."""
    today = context.request.today
    start = _day(context, arguments.get("startDate")) or today
    end = _day(context, arguments.get("endDate")) or start + DEFAULT_SPAN
    if not start <= end <= start + LONGEST_SPAN:
        raise errors.Invalid(
            "The days must be in order and at most 92 apart.",
            fields={"endDate": "Not before startDate; at most 92 days."},
        )
    return start, end


def _day(context: Context, written: str | None) -> date | None:
    """Read a local day, or the local day of an instant. Raises ``DateInvalid``, also for years without appointments."""
    if not written:
        return None
    try:
        day = _read_day(written, context.request.account.zone)
    except (ValueError, OverflowError):
        raise errors.DateInvalid("startDate and endDate are ISO 8601.") from None
    if not _FIRST_YEAR <= day.year <= spoken.LAST_YEAR:
        raise errors.DateInvalid
    return day


def _read_day(written: str, where: ZoneInfo) -> date:
    if len(written) == len("YYYY-MM-DD"):
        return date.fromisoformat(written)
    instant = datetime.fromisoformat(written)
    return instant.date() if instant.tzinfo is None else local_date_of(instant, where)


def _is_asked_for(entry: Entry, arguments: Mapping[str, Any]) -> bool:
    wanted, clinician_id = arguments.get("status"), arguments.get("providerId")
    statuses = {wanted, AppointmentStatus.CONFIRMED.value} if wanted == AppointmentStatus.SCHEDULED else {wanted}
    return (not wanted or _status(entry) in statuses) and clinician_id in (None, "", entry.clinician_id)


def _status(entry: Entry) -> str:
    return entry.status.value if entry.is_certain else "pending"


def _public(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    public: dict[str, Any] = {
        "id": entry.id or None,
        "patientId": entry.patient_id,
        "patientName": entry.patient_name or None,
        "providerId": entry.clinician_id,
        "providerName": names.get(entry.clinician_id),
        "appointmentType": entry.appointment_type,
        "startTime": entry.starts_at,
        "endTime": entry.ends_at,
        "status": _status(entry),
        "notes": entry.note,
    }
    if entry.booking is not None:
        public["bookingId"] = str(entry.booking.pk)
    if entry.change is not None and entry.is_certain:
        public["pendingChange"] = entry.change.operation
    return public
