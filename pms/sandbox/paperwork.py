"""The write-backs that leave the appointment book alone: notes, payments, and changes of a patient's record."""

import re
from datetime import date, datetime
from decimal import Decimal

from .checks import day, known, plain
from .errors import Refusal
from .fields import Row
from .ledger import ENTRY_TYPES, money
from .practice import APPOINTMENT_NOTE, GROUP_NOTE, PAYMENT_TYPES
from .rows import Entry, Note
from .truth import Office
from .writebacks import Job, Operation, Outcome, Payload

_AMOUNT = re.compile(r"-?\d{1,7}(\.\d{1,2})?")
_FIXED = frozenset({"practice_id", "check_spu"})  # of a changed patient


def _patient(office: Office, payload: Payload) -> Row | None:
    row = office.truth.patients.get(payload["patient_id"])
    return row if row and row["practice_id"] == payload["practice_id"] else None


def _check_note(_office: Office, payload: Payload, _now: datetime) -> None:
    day(payload["date"])
    plain(payload["text"])
    plain(payload.get("description", ""))
    missing_visit = payload["type"] == APPOINTMENT_NOTE and not payload.get("appointment_sr_no")
    missing_entry = payload["type"] == GROUP_NOTE and not payload.get("transaction_sr_no")
    if missing_visit or missing_entry:
        raise Refusal("API1020")


def _add_note(office: Office, job: Job) -> Outcome:
    asked, patient = job.payload, _patient(office, job.payload)
    if patient is None:
        return Outcome("Patient does not exist", failed=True)
    if known(office.providers, "provider_id", asked["provider_id"]) is None:
        return Outcome("Provider does not exist", failed=True)
    if known(office.note_types, "type", asked["type"]) is None:
        return Outcome("Note type does not exist", failed=True)
    visit, entries = asked.get("appointment_sr_no", ""), asked.get("transaction_sr_no", "")
    if visit and not _belongs(office.truth.appointments.get(visit), patient):
        return Outcome("Appointment does not exist", failed=True)
    if entries and not all(_belongs(office.truth.transactions.get(one), patient) for one in entries.split("|")):
        return Outcome("Transaction does not exist", failed=True)
    note = Note(
        office.new_note_number(),
        asked["patient_id"],
        asked["provider_id"],
        date.fromisoformat(asked["date"]),
        asked["type"],
        asked["text"],
        asked.get("description", ""),
        entries.split("|")[0],
        f"{office.local(job.due_at):%Y-%m-%dT%H:%M:%S}",
    )
    office.put_note(office.write.note(note, patient))
    return Outcome("Medical note inserted successfully")


def _belongs(row: Row | None, patient: Row) -> bool:
    return row is not None and row["patient_id"] == patient["patient_id"]


def _check_transaction(_office: Office, payload: Payload, _now: datetime) -> None:
    day(payload["transaction_date"])
    if payload.get("transaction_entry_date"):
        day(payload["transaction_entry_date"])
    for name in ("note", "cheque_no"):
        plain(payload.get(name, ""))
    if not _AMOUNT.fullmatch(payload["amount"]) or not Decimal(payload["amount"]):
        raise Refusal("API1026", "Enter a valid, non-zero payment amount.")


def _post_transaction(office: Office, job: Job) -> Outcome:
    """The amount is taken as it stands: only a negative one lowers what is due."""
    asked, patient = job.payload, _patient(office, job.payload)
    if patient is None:
        return Outcome("Patient does not exist", failed=True)
    if patient["guarantor_id"] != asked["guarantor_id"]:
        return Outcome("Guarantor does not exist", failed=True)
    provider = known(office.providers, "provider_id", asked["provider_id"])
    # "For OpenDental PMS, use only provider_id values ... where is_user=false."
    if provider is None or provider["is_user"] == "True":
        return Outcome("Provider does not exist", failed=True)
    named = (asked["procedure_code"], asked["procedure_description"])
    kind = next((kind for kind in PAYMENT_TYPES if (kind.code, kind.description) == named), None)
    if kind is None or kind.kind == "insurance" or kind.status != "Active":
        return Outcome("Payment type does not exist", failed=True)
    now = office.local(job.due_at)
    entry = Entry(
        office.new_transaction_number(),
        asked["patient_id"],
        asked["provider_id"],
        date.fromisoformat(asked["transaction_date"]),
        ENTRY_TYPES[kind.kind],
        kind.code,
        kind.description,
        money(Decimal(asked["amount"])),
        entered=date.fromisoformat(asked.get("transaction_entry_date") or f"{now:%Y-%m-%d}"),
        time=f"{now:%H:%M}",
        note=asked.get("note", ""),
        cheque_no=asked.get("cheque_no", ""),
    )
    office.put_transaction(office.write.transaction(entry, patient))
    return Outcome("Transaction inserted successfully", created_id=entry.number)


def _check_changes(_office: Office, payload: Payload, _now: datetime) -> None:
    if not any(value for name, value in payload.items() if name not in _FIXED):
        raise Refusal("API1020")


def _change_patient(_office: Office, _job: Job) -> Outcome:
    """OrthoTrac and Dolphin Management alone take this, and none of these offices has one of them."""
    return Outcome("Patient update is not supported for this practice management system", failed=True)


ADD_NOTE = Operation(
    "POST",
    "medical_notes",
    "medical_notes",
    ("patient_id", "type", "date", "text", "provider_id", "practice_id"),
    "API2016",
    _check_note,
    _add_note,
    "note_writeback",
)
POST_TRANSACTION = Operation(
    "POST",
    "transaction",
    "transactions",
    (
        "patient_id",
        "guarantor_id",
        "procedure_code",
        "procedure_description",
        "provider_id",
        "amount",
        "practice_id",
        "transaction_date",
    ),
    "API2016",
    _check_transaction,
    _post_transaction,
    "payment_writeback",
)
CHANGE_PATIENT = Operation("PATCH", "patient", "patients", ("practice_id",), "API0011", _check_changes, _change_patient)
