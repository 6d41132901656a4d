"""What each write-back checks on arrival and does to the PMS. One function pair and one row of `OPERATIONS` each."""

import re
from dataclasses import replace
from datetime import date, datetime

from .cast import Person
from .checks import day, known, plain
from .errors import Refusal
from .fields import Row
from .paperwork import ADD_NOTE, CHANGE_PATIENT, POST_TRANSACTION
from .practice import CONFIRMATIONS, STATUSES, VISIT_TYPES
from .rows import Visit, hashed, midnight
from .truth import Office, is_active
from .writebacks import Job, Operation, Outcome, Payload

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
TAKEN = "Appointment already scheduled"


def _check_values(_office: Office, payload: Payload, _now: datetime) -> None:
    """The formats of a new or changed appointment."""
    if payload.get("date"):
        day(payload["date"])
    if payload.get("time") and not _TIME.fullmatch(payload["time"]):
        raise Refusal("API1026")
    length = payload.get("length", "")
    if length and not (length.isascii() and length.isdigit() and 0 < int(length) <= 24 * 60):
        raise Refusal("API1026")
    plain(payload.get("description", ""))


def _unfit(office: Office, row: Row) -> Outcome | None:
    """Why the PMS will not take this appointment, or None."""
    provider = known(office.providers, "provider_id", row["provider_id"])
    if provider is None or provider["status"].casefold() != "active":
        return Outcome("Provider does not exist", failed=True)
    places = (row["practice_id"], f"{row['practice_id']}-0")
    if not any(room["operatory"] == row["operatory"] and room["practice_id"] in places for room in office.operatories):
        return Outcome("Operatory does not exist", failed=True)
    if is_active(row) and office.truth.clash(row):
        return Outcome(TAKEN, failed=True)
    return None


def _book(office: Office, job: Job) -> Outcome:
    asked = job.payload
    patient = office.truth.patients.get(asked["patient_id"])
    if patient is None or patient["practice_id"] != asked["practice_id"]:
        return Outcome("Patient does not exist", failed=True)
    kind = next((kind for kind in VISIT_TYPES if kind.item == asked.get("type")), None)
    if asked.get("type") and kind is None:
        return Outcome("Appointment type does not exist", failed=True)
    visit = Visit(
        "",
        asked["patient_id"],
        asked["provider_id"],
        asked["operatory"],
        date.fromisoformat(asked["date"]),
        asked["time"],
        int(asked["length"]),
        kind.name if kind else "",
        description=asked["description"],
        code=asked.get("procedure_codes", "").split("|")[0],
    )
    made = office.local(job.due_at).date()
    refused = _unfit(office, office.write.appointment(visit, patient, made=made))
    if refused:
        return refused
    number = office.new_appointment_number()
    office.put_appointment(office.write.appointment(replace(visit, number=number), patient, made=made))
    return Outcome("New Appointment inserted successfully", created_id=number)


def _appointment(office: Office, job: Job) -> Row | None:
    row = office.truth.appointments.get(job.target)
    return row if row and row["practice_id"] == job.payload["practice_id"] else None


def _with_status(row: Row, value: str, today: str) -> Row | None:
    """The row under a new status word, or None if this PMS does not know the word."""
    if value in CONFIRMATIONS:
        confirmed = value == "Appointment Confirmed"
        return {**row, "is_confirmed": str(confirmed), "confirmed_on_date": today if confirmed else ""}
    if value not in STATUSES:
        return None
    gone = value == "Cancelled"
    return {**row, "status": value, "cancelled": str(gone), "cancelled_date": today if gone else ""}


def _change(office: Office, job: Job) -> Outcome:
    row, asked = _appointment(office, job), job.payload
    if row is None:
        return Outcome("Appointment does not exist", failed=True)
    today = midnight(office.local(job.due_at).date())
    changes = {name: asked[name] for name in ("time", "length", "operatory", "provider_id") if asked.get(name)}
    if asked.get("date"):
        changes["date"] = midnight(asked["date"])
    if changes.get("provider_id", row["provider_id"]) != row["provider_id"]:
        who = known(office.providers, "provider_id", changes["provider_id"])
        changes["hygienist"] = changes["provider_id"] if who and who["specialty"] == "Hygienist" else ""
        changes["provider_href"] = office.write.href(row["practice_id"], "providers", changes["provider_id"])
    changed: Row | None = {**row, **changes, "last_changed_date": today}
    if changed and asked.get("status"):
        changed = _with_status(changed, asked["status"], today)
    if changed is None:
        return Outcome("Appointment status does not exist", failed=True)
    refused = _unfit(office, changed)
    if refused:
        return refused
    office.put_appointment(hashed(changed))
    return Outcome("Appointment updated successfully")


def _check_status(_office: Office, payload: Payload, _now: datetime) -> None:
    if payload["op"] != "replace" or payload["path"] != "/appointment_status":
        raise Refusal("API1026")


def _set_status(office: Office, job: Job) -> Outcome:
    row = _appointment(office, job)
    if row is None:
        return Outcome("Appointment does not exist", failed=True)
    today = midnight(office.local(job.due_at).date())
    changed = _with_status({**row, "last_changed_date": today}, job.payload["value"], today)
    if changed is None:
        return Outcome("Appointment status does not exist", failed=True)
    if is_active(changed) and not is_active(row) and office.truth.clash(changed):
        return Outcome(TAKEN, failed=True)
    office.put_appointment(hashed(changed))
    return Outcome("Appointment status updated successfully")


def _check_patient(office: Office, payload: Payload, now: datetime) -> None:
    if payload.get("birthdate") and day(payload["birthdate"]) > office.local(now).date():
        raise Refusal("API1026")
    if payload.get("gender") and payload["gender"] not in ("male", "female", "unknown"):
        raise Refusal("API1026")
    if payload.get("email") and "@" not in payload["email"]:
        raise Refusal("API1026")


def _new_patient(office: Office, job: Job) -> Outcome:
    asked = job.payload
    if known(office.providers, "provider_id", asked["provider_id"]) is None:
        return Outcome("Provider does not exist", failed=True)
    guarantor = asked.get("guarantor_id", "")
    if guarantor and guarantor not in office.truth.patients:
        return Outcome("Guarantor does not exist", failed=True)
    person = Person(
        office.new_patient_id(),
        asked["firstname"],
        asked["lastname"],
        asked.get("birthdate", ""),
        cell=asked.get("cell", ""),
        homephone=asked.get("homephone", ""),
        workphone=asked.get("workphone", ""),
        email=asked.get("email", ""),
        gender=asked.get("gender", "").capitalize(),
        guarantor_id=guarantor,
        practice_id=asked["practice_id"],
    )
    row = office.write.patient(person, created=office.local(job.due_at).date())
    given = {
        name: asked[name] for name in ("address_line1", "address_line2", "city", "state", "zipcode") if name in asked
    }
    provider = {
        "provider_id": asked["provider_id"],
        "provider_href": office.write.href(asked["practice_id"], "providers", asked["provider_id"]),
    }
    office.put_patient(hashed({**row, "address_line1": "", **given, **provider}))
    return Outcome("New Patient inserted successfully", created_id=person.patient_id)


BOOK = Operation(
    "POST",
    "appointment",
    "appointments",
    ("patient_id", "date", "time", "description", "provider_id", "length", "operatory", "practice_id"),
    "API2016",
    _check_values,
    _book,
    "new_appointment_writeback",
)
CHANGE = Operation(
    "PUT",
    "appointment",
    "appointments",
    ("practice_id", "provider_id"),
    "API0007",
    _check_values,
    _change,
    "appointment_status_writeback",
)
SET_STATUS = Operation(
    "PATCH",
    "appointment",
    "appointments",
    ("op", "path", "value", "practice_id"),
    "API0007",
    _check_status,
    _set_status,
    "appointment_status_writeback",
)
NEW_PATIENT = Operation(
    "POST",
    "patient",
    "patients",
    ("firstname", "lastname", "provider_id", "practice_id"),
    "API2016",
    _check_patient,
    _new_patient,
    "new_patient_writeback",
)
OPERATIONS: dict[str, Operation] = {
    one.name: one for one in (BOOK, CHANGE, SET_STATUS, NEW_PATIENT, CHANGE_PATIENT, ADD_NOTE, POST_TRANSACTION)
}
