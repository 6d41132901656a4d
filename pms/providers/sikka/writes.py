"""Sikka's write-backs: what is sent, and what the answers prove. Pure functions.

A write-back is accepted at once and carried out minutes later by the computer at the practice. Its id follows the
write; it is never the id of an appointment or a patient.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

from pms.domain import errors
from pms.domain.localtime import resolve_edge
from pms.domain.records import MovedAppointment, NewAppointment, NewPatient, StatusChange
from pms.providers.base import Done, Failed, Pending, WriteOutcome
from pms.providers.sikka.envelope import Row, conflicts
from pms.providers.sikka.values import flag, person_name, phone_digits, plain, text

# As the documentation names them in `api_name` of /writebacks. The paths of changes and writeback_status have plurals.
APPOINTMENT = "appointment"
PATIENT = "patient"
NOTE = "medical_note"
TRANSACTION = "transaction"

# What has no singular in its address, even where something new is made.
_ALWAYS_PLURAL = frozenset({NOTE})

_NO_DESCRIPTION = "Appointment"
_ID = re.compile(r"\bid\s*:\s*(\d+)", re.IGNORECASE)
_FAILED = frozenset({"failed", "failure", "error", "rejected"})
_CHANGES = frozenset({"PUT", "PATCH"})
# The documentation forbids these in a path, and dots alone would name another path.
_NOT_IN_PATHS = re.compile(r"[:#?/\\%+=]|\A\.*\Z")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One write-back to be. ``target`` is the id of the record that it changes, empty if it makes a new one."""

    method: str
    api: str
    body: Mapping[str, str] = field(repr=False)
    target: str = ""

    @property
    def path(self) -> str:
        """Return the path: plural with its id for a change, else singular, but for notes."""
        if self.target:
            return f"/{self.api}s/{quote(self.target, safe='')}"
        return f"/{self.api}s" if self.api in _ALWAYS_PLURAL else f"/{self.api}"

    @property
    def takes_time(self) -> bool:
        """Return whether it puts an appointment into time that may be taken."""
        return "time" in self.body


def booking(new: NewAppointment, location_id: str, where: ZoneInfo) -> WriteRequest:
    """Return POST /appointment: strings, the practice's wall clock, every field that is required.

    ``description`` is required and takes few characters; ``check_spu`` makes an offline office an error instead of a
    write that waits for ever. Raises ``WriteRejected`` for a start that the wall clock cannot tell apart.
    """
    day, wall = _wall(new.starts_at, where)
    body = {
        "patient_id": new.patient_id,
        "date": day,
        "time": wall,
        "description": plain(new.description) or _NO_DESCRIPTION,
        "provider_id": new.clinician_id,
        "length": str(new.duration_minutes),
        "operatory": new.operatory_id,
        "practice_id": location_id,
        "check_spu": "true",
    }
    if new.appointment_type:
        body["type"] = new.appointment_type
    return WriteRequest("POST", APPOINTMENT, body)


def move(moved: MovedAppointment, location_id: str, where: ZoneInfo) -> WriteRequest:
    """Return PUT /appointments/{id}. Raises ``WriteRejected`` as `booking`, and for an id that cannot be in a path.

    A broken appointment of Dentrix G6 needs date, time and room, so whatever is known is sent, changed or not.
    """
    day, wall = _wall(moved.starts_at, where)
    body = {
        "practice_id": location_id,
        "provider_id": moved.clinician_id,
        "date": day,
        "time": wall,
        "length": str(moved.duration_minutes),
        "check_spu": "true",
    }
    if moved.operatory_id:
        body["operatory"] = moved.operatory_id
    return WriteRequest("PUT", APPOINTMENT, body, _target(moved.appointment_id))


def status(change: StatusChange, value: str, location_id: str) -> WriteRequest:
    """Return PATCH /appointments/{id} with the practice's own word for a status. Raises ``WriteRejected`` as `move`."""
    body = {
        "op": "replace",
        "path": "/appointment_status",
        "value": value,
        "practice_id": location_id,
        "appointment_sr_no": change.appointment_id,
        "check_spu": "true",
    }
    return WriteRequest("PATCH", APPOINTMENT, body, _target(change.appointment_id))


def patient(new: NewPatient, location_id: str) -> WriteRequest:
    """Return POST /patient; what is not known is left out. Raises ``WriteRejected`` for a name without any letter.

    Without ``guarantor_id`` the patient becomes their own guarantor.
    """
    body = {
        "firstname": person_name(new.first_name),
        "lastname": person_name(new.last_name),
        "provider_id": new.clinician_id,
        "practice_id": location_id,
        "birthdate": new.date_of_birth.isoformat(),
        "check_spu": "true",
    }
    if not all(any(map(str.isalpha, body[name])) for name in ("firstname", "lastname")):
        raise errors.WriteRejected("The name has no letters that can be written.")
    optional = {
        "cell": phone_digits(new.phone),
        "email": new.email,
        "guarantor_id": new.guarantor_id,
        "is_guarantor_exist": "true" if new.guarantor_id else "",
        "address_line1": new.street,
        "city": new.city,
        "state": new.state,
        "zipcode": new.postal_code,
    }
    return WriteRequest("POST", PATIENT, body | {name: value for name, value in optional.items() if value})


def reference_in(receipt: Row) -> str:
    """Return the write-back's id: ``Id:123`` in the text, else the id of the status link; empty if neither is there."""
    found = _ID.search(text(receipt.get("long_message")))
    if found:
        return found.group(1)
    ids = parse_qs(urlsplit(text(receipt.get("more_information"))).query).get("id", [""])
    return ids[0] if ids[0].isdigit() else ""


def outcome_of(row: Row, reference: str) -> WriteOutcome:
    """Return how a row of ``writeback_status`` stands.

    Done only if it says completed, without error and successful; failed only if it says so. A word that we do not know
    proves neither, so such a write stays pending until a person looks.
    """
    word = text(row.get("status")).lower()
    if not flag(row.get("is_completed")):
        return Pending(reference)
    if flag(row.get("has_error")) or word in _FAILED:
        said = text(row.get("result"))
        taken = conflicts(said)
        return Failed("already_scheduled" if taken else "refused_by_pms", conflict=taken, said=said)
    if word not in ("", "success"):
        return Pending(reference)
    return Done(_record_id(row))


def _record_id(row: Row) -> str:
    """Return the id of the record that a row made or changed.

    Which fields count depends on the kind of write: the row of a booking also names the patient it is for, and the row
    of a note perhaps a visit.
    """
    made, api = text(row.get("created_id")), text(row.get("api")).lower()
    if api.startswith(PATIENT):
        return made or text(row.get("patient_id"))
    if api.startswith((NOTE, TRANSACTION)):
        return made
    target = text(row.get("appointment_sr_no"))
    return target if text(row.get("method")).upper() in _CHANGES else target or made


def _target(record_id: str) -> str:
    if _NOT_IN_PATHS.search(record_id):
        raise errors.WriteRejected("The appointment's id cannot be part of an address.")
    return record_id


def _wall(starts_at: datetime, where: ZoneInfo) -> tuple[str, str]:
    """Return date and time of a start on the practice's clock, as ``yyyy-mm-dd`` and ``HH:mm``."""
    local = starts_at.astimezone(where)
    wall = time(local.hour, local.minute)
    if resolve_edge(local.date(), wall, where) != starts_at:
        raise errors.WriteRejected("The start is not a whole minute that the practice's clock shows once.")
    return local.date().isoformat(), wall.strftime("%H:%M")
