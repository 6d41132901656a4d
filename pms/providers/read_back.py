"""Whether a practice's system shows what was written into it, in terms of the contract: the same for every vendor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum, auto

from pms.domain import errors
from pms.domain.identity import letters
from pms.domain.localtime import local_date_of
from pms.domain.records import (
    Appointment,
    Change,
    InsurancePolicy,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    Note,
    Patient,
    PatientProfile,
    PatientQuery,
    PatientUpdate,
    StatusChange,
)
from pms.providers.base import PmsService


class Shown(Enum):
    """What reads say of a write that was called done."""

    EQUAL = auto()
    DIFFERENT = auto()
    ABSENT = auto()
    NOT_YET = auto()  # the vendor's copy may be older than the write, so it proves nothing


def find_record(pms: PmsService, change: Change, others: frozenset[str] = frozenset()) -> str | None:
    """Return the id of the record in which reads show ``change``, ``None`` if none does.

    ``others`` are ids that belong to other writes. Raises ``PmsUnavailable`` if several could be it.
    """
    match change:
        case NewAppointment():
            day = local_date_of(change.starts_at, pms.connection.time_zone)
            rows = pms.list_appointments(day, day, patient_id=change.patient_id)
            found = [row.id for row in rows if row.id not in others and shows_appointment(row, change)]
            return found[0] if found else None
        case MovedAppointment() | StatusChange():
            row = _appointment(pms, change.appointment_id)
            return row.id if row is not None and _is_as_changed(row, change) else None
        case NewPatient():
            query = PatientQuery(change.last_name, change.date_of_birth, change.phone)
            return find_patient(pms.search_patients(query), change, others)
        case PatientUpdate():
            return change.patient_id if shows_details(pms.get_profile(change.patient_id), change) else None
        case NewNote():
            notes = (one for one in pms.list_notes(change.patient_id) if one.id not in others)
            return next((one.id for one in notes if shows_note(pms, one, change)), None)
        case NewInsurance():
            policies = (one for one in pms.list_insurance(change.patient_id) if one.id not in others)
            return next((one.id for one in policies if shows_insurance(one, change)), None)
        case NewPayment():
            return pms.find_payment(change, others=others)


def find_patient(people: Iterable[Patient], new: NewPatient, others: frozenset[str]) -> str | None:
    """Return the id of the one of ``people`` who is ``new``. Raises ``PmsUnavailable`` if several could be."""
    found = {one.id for one in people if one.id not in others and shows_patient(one, new)}
    if len(found) > 1:
        raise errors.Undecided("Several records could be the new patient's.")
    return found.pop() if found else None


def compare(
    pms: PmsService, change: Change, *, record_id: str, done_at: datetime, others: frozenset[str] = frozenset()
) -> Shown:
    """Return what reads show of a change that the vendor called done at ``done_at``.

    ``others`` are ids that belong to other writes. They count where the id that was told need not be the one that reads
    show: a note and a payment are also known by what they say.
    """
    match change:
        case NewPatient():
            try:
                shown = shows_patient(pms.get_patient(record_id), change)
            except errors.PatientNotFound:
                return _if_shown(pms, done_at, Shown.ABSENT)
            return Shown.EQUAL if shown else Shown.DIFFERENT
        case NewAppointment():
            row = _appointment(pms, record_id)
            if row is None:
                return _if_shown(pms, done_at, Shown.ABSENT)
            return Shown.EQUAL if shows_appointment(row, change) else Shown.DIFFERENT
        case MovedAppointment() | StatusChange():
            row = _appointment(pms, record_id)
            if row is not None:
                return Shown.EQUAL if _is_as_changed(row, change) else _if_shown(pms, done_at, Shown.DIFFERENT)
            # Some systems drop what is cancelled.
            is_gone = isinstance(change, StatusChange) and not change.status.occupies_time
            return _if_shown(pms, done_at, Shown.EQUAL if is_gone else Shown.ABSENT)
        case PatientUpdate():
            try:
                shown = shows_details(pms.get_profile(change.patient_id), change)
            except errors.PatientNotFound:
                return _if_shown(pms, done_at, Shown.ABSENT)
            return Shown.EQUAL if shown else _if_shown(pms, done_at, Shown.DIFFERENT)
        case NewNote():
            return _compare_note(pms, change, record_id, done_at, others)
        case NewInsurance() | NewPayment():
            try:
                is_there = find_record(pms, change, others - {record_id}) is not None
            except errors.PatientNotFound:
                is_there = False
            return Shown.EQUAL if is_there else _if_shown(pms, done_at, Shown.ABSENT)


def shows_appointment(row: Appointment, written: NewAppointment | MovedAppointment) -> bool:
    """Return whether a row is the appointment that was written, and still takes place."""
    wanted = (written.patient_id, written.starts_at, written.clinician_id, written.operatory_id)
    found = (row.patient_id, row.starts_at, row.clinician_id, row.operatory_id)
    return found == wanted and row.status.occupies_time


def shows_patient(row: Patient, written: NewPatient) -> bool:
    """Return whether a row is the patient who was written."""
    wanted = (letters(written.first_name), letters(written.last_name), written.date_of_birth)
    return (letters(row.first_name), letters(row.last_name), row.date_of_birth) == wanted


def shows_details(found: PatientProfile, written: PatientUpdate) -> bool:
    """Return whether a patient's record has all the contact details that were written."""
    shown = {
        "email": found.patient.email,
        "street": found.street,
        "city": found.city,
        "state": found.state,
        "postal_code": found.postal_code,
    }
    wanted = {name: getattr(written, name) for name in shown}
    return written.phone in (None, *found.patient.phones) and all(
        value is None or _is_same_text(shown[name], value) for name, value in wanted.items()
    )


def shows_note(pms: PmsService, row: Note, written: NewNote) -> bool:
    """Return whether a row says what was written, and was not there before."""
    if row.written_at is None or not _is_same_text(row.text, pms.note_as_written(written.text)):
        return False
    return local_date_of(row.written_at, pms.connection.time_zone) >= written.written_on


def shows_insurance(row: InsurancePolicy, written: NewInsurance) -> bool:
    """Return whether a row is the insurance that was written."""
    wanted = (written.is_primary, written.subscriber_id.casefold(), written.carrier)
    found = (row.is_primary, row.subscriber_id.casefold(), row.carrier)
    return found[:2] == wanted[:2] and letters(found[2]) == letters(wanted[2])


def _compare_note(pms: PmsService, change: NewNote, record_id: str, done_at: datetime, others: frozenset[str]) -> Shown:
    notes = pms.list_notes(change.patient_id)
    by_id = next((one for one in notes if one.id == record_id), None)
    if by_id is not None:
        is_equal = _is_same_text(by_id.text, pms.note_as_written(change.text))
        return Shown.EQUAL if is_equal else Shown.DIFFERENT
    alike = any(shows_note(pms, one, change) for one in notes if one.id not in others)
    return Shown.EQUAL if alike else _if_shown(pms, done_at, Shown.ABSENT)


def _is_same_text(one: str, other: str) -> bool:
    """Return whether two texts say the same; systems change spaces and line breaks."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _is_as_changed(row: Appointment, change: MovedAppointment | StatusChange) -> bool:
    if isinstance(change, MovedAppointment):
        length = timedelta(minutes=change.duration_minutes)
        return shows_appointment(row, change) and row.ends_at - row.starts_at == length
    return row.status is change.status or (not change.status.occupies_time and not row.status.occupies_time)


def _appointment(pms: PmsService, appointment_id: str) -> Appointment | None:
    try:
        return pms.get_appointment(appointment_id)
    except errors.AppointmentNotFound:
        return None


def _if_shown(pms: PmsService, instant: datetime, shown: Shown) -> Shown:
    return shown if pms.shows(instant) else Shown.NOT_YET
