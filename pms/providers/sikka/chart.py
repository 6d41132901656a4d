"""Sikka's rows of a patient's chart as records: address, notes and insurances. Pure functions.

What a row does not say stays empty; nothing is completed from another patient's or another insurer's row.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from pms.domain.localtime import resolve_edge
from pms.domain.records import InsurancePolicy, Note, PatientProfile
from pms.providers.sikka import mapping
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import clock, entered_day, flag, instant, text

PROFILE_FIELDS = f"{mapping.PATIENT_FIELDS},address_line1,address_line2,city,state,zipcode,last_visit"
NOTE_FIELDS = "patient_id,practice_id,note_id,date,time_stamp,type,text,description,created_by"
INSURED_FIELDS = (
    "patient_id,practice_id,primary_insurance_company_id,primary_insurance,primary_relationship,subscriber_id,"
    "secondary_insurance_company_id,secondary_insurance,secondary_relationship,secondary_subscriber_id"
)
SUBSCRIBER_FIELDS = (
    "patient_id,practice_id,subscriber_id,type,insurance_company_id,patient_relation,insurance_effective_date"
)
COMPANY_FIELDS = "practice_id,insurance_company_id,insurance_company_name,group_plan_number"

_RANKS = ("primary", "secondary")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def profile(row: Row) -> PatientProfile:
    """Return one row of ``patients`` with its address. Raises ``UpstreamInvalid`` only without an id.

    Sikka tells no emergency contact.
    """
    lines = (text(row.get("address_line1")), text(row.get("address_line2")))
    return PatientProfile(
        patient=mapping.patient(row),
        street=", ".join(filter(None, lines)),
        city=text(row.get("city")),
        state=text(row.get("state")),
        postal_code=text(row.get("zipcode")),
        last_visit=entered_day(row.get("last_visit")),
    )


def notes(rows: Iterable[Row], where: ZoneInfo) -> list[Note]:
    """Return the rows of ``medical_notes`` that say anything, newest first; ``where`` is the practice's zone.

    Many systems give their notes no number. Such a note is known by what it says and by how many equal ones came
    before it, so that two equal notes stay two.
    """
    found: dict[str, Note] = {}
    equals: Counter[str] = Counter()
    for row in rows:
        words = text(row.get("text")) or text(row.get("description"))
        if not words:
            continue
        number = _number(row.get("note_id"))
        note = Note(
            id=number,
            text=words,
            kind=text(row.get("type")),
            author=text(row.get("created_by")),
            written_at=_written_at(row, where),
        )
        if number and found.setdefault(number, note) == note:
            continue
        key = _digest(*(text(row.get(name)) for name in ("patient_id", "date", "time_stamp", "type")), words)
        equals[key] += 1
        number = _digest(key, str(equals[key]))
        found[number] = Note(number, note.text, note.kind, note.author, note.written_at)
    return sorted(found.values(), key=lambda note: note.written_at or _EARLIEST, reverse=True)


def _written_at(row: Row, where: ZoneInfo) -> datetime | None:
    """Return when a note was written, as exactly as it is told.

    The page gives ``time_stamp`` no format: a time beside the date, or date and time in one.
    """
    day, stamp = entered_day(row.get("date")), row.get("time_stamp")
    wall, stamped_day = clock(stamp), entered_day(stamp)
    if day and wall:
        return resolve_edge(day, wall, where)
    stamped = instant(stamp, where) if stamped_day and day in (None, stamped_day) else None
    return stamped or (resolve_edge(day, time(0), where) if day else None)


def company_ids(patient: Row, subscribers: Iterable[Row]) -> list[str]:
    """Return the ids of the companies that insure a patient, each once."""
    named = [patient.get(f"{rank}_insurance_company_id") for rank in _RANKS]
    named += [row.get("insurance_company_id") for row in subscribers if not _is_medical(row)]
    return list(dict.fromkeys(filter(None, map(_number, named))))


def policies(patient: Row, subscribers: Iterable[Row], companies: Mapping[str, Row]) -> list[InsurancePolicy]:
    """Return a patient's dental insurances, the primary one first.

    ``patient`` is their row of ``patients``, ``subscribers`` their own rows, ``companies`` rows by id. Where patient
    and subscriber name different companies for one rank, the patient's row decides, and the other's numbers are not
    mixed into it. Medical insurances are left out: nothing tells them apart afterwards.
    """
    rest = [row for row in subscribers if not _is_medical(row)]
    found: list[InsurancePolicy] = []
    for rank in _RANKS:
        company_id = _number(patient.get(f"{rank}_insurance_company_id"))
        row = next((one for one in rest if _is_of(one, rank, company_id)), None)
        if row is not None:
            company_id = company_id or _number(row.get("insurance_company_id"))
        if company_id or row is not None:
            found.append(_policy(patient, rank, company_id, row or {}, companies.get(company_id, {})))
    listed = {one.id for one in found}
    for row in rest:
        company_id = _number(row.get("insurance_company_id"))
        further = _policy(patient, _rank(row), company_id, row, companies.get(company_id, {}))
        if not _rank(row) and company_id and further.id not in listed:
            found.append(further)
    return found


def _policy(patient: Row, rank: str, company_id: str, subscriber: Row, company: Row) -> InsurancePolicy:
    prefix = "secondary_" if rank == "secondary" else ""
    own = patient if rank else {}
    named = text(own.get(f"{rank}_insurance"))
    carrier = text(company.get("insurance_company_name")) or (named if _is_name(named) else "")
    numbers = (text(own.get(f"{prefix}subscriber_id")), text(subscriber.get("subscriber_id")))
    return InsurancePolicy(
        id=_digest(text(patient.get("patient_id")), rank, company_id),
        carrier=carrier,
        subscriber_id=next((number for number in numbers if _is_on_a_card(number, company_id)), ""),
        group_number=text(company.get("group_plan_number")),
        is_primary=rank == "primary",
        relationship=text(subscriber.get("patient_relation")) or text(own.get(f"{rank}_relationship")),
        effective_on=entered_day(subscriber.get("insurance_effective_date")),
    )


def _is_of(subscriber: Row, rank: str, company_id: str) -> bool:
    insurer = _number(subscriber.get("insurance_company_id"))
    return _rank(subscriber) in (rank, "") and insurer == company_id if company_id else _rank(subscriber) == rank


def _rank(subscriber: Row) -> str:
    word = text(subscriber.get("type")).lower()
    return next((rank for rank in _RANKS if rank in word), "")


def _is_medical(subscriber: Row) -> bool:
    return "medical" in text(subscriber.get("type")).lower()


def _is_name(value: str) -> bool:
    """Return whether a value that the pages do not explain can be a company's name, and no flag or number."""
    return any(map(str.isalpha, value)) and not flag(value) and value.lower() not in ("false", "f", "no", "n", "none")


def _is_on_a_card(number: str, company_id: str) -> bool:
    """Return whether a number may be the member's; "217_35" of company 217 is the vendor's own key."""
    return bool(_number(number)) and not (company_id and number.startswith(f"{company_id}_"))


def _number(value: object) -> str:
    """Return an id; rows write 0 where there is none."""
    found = text(value)
    return found if found.strip("0") else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
