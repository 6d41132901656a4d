"""Sikka's rows as Parlae's records. Pure functions.

A row that cannot be read is an error where leaving it out would lie: an appointment that vanishes is a time offered
twice. A patient with one odd field keeps the other fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pms.domain import errors
from pms.domain.localtime import resolve_edge
from pms.domain.phone import normalize
from pms.domain.records import (
    Appointment,
    AppointmentStatus,
    Clinician,
    Location,
    Operatory,
    Patient,
    PmsAppointmentType,
)
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import clock, day, entered_day, flag, minutes, text

APPOINTMENT_FIELDS = (
    "appointment_sr_no,practice_id,patient_id,provider_id,hygienist,operatory,"
    "date,time,length,type,status,is_confirmed,cancelled"
)
# Asked for only where somebody needs them.
APPOINTMENT_DETAILS = ",patient_name,note,description"
PATIENT_FIELDS = (
    "patient_id,practice_id,guarantor_id,firstname,lastname,preferred_name,birthdate,status,"
    "cell,homephone,workphone,other_phone,email"
)
CLINICIAN_FIELDS = (
    "provider_id,practice_id,provider_type,firstname,lastname,status,is_hidden,specialty,speciality,specialty_code"
)

_PHONE_FIELDS = ("cell", "homephone", "workphone", "other_phone")
_STATUSES = {
    AppointmentStatus.CANCELLED: {"cancelled", "canceled", "deleted"},
    AppointmentStatus.NO_SHOW: {"broken", "missed", "no show", "noshow", "failed"},
    AppointmentStatus.COMPLETED: {"complete", "completed", "walked out", "checked out"},
}
_CONFIRMED = re.compile(r"(?<!un)(?<!un )(?<!not )(?<!to be )confirm")
# Where the words of a status stand in practice_variables: each service_item, in the order in which they are looked at.
_STATUS_ITEMS = {
    AppointmentStatus.CANCELLED: ("appointment status",),
    AppointmentStatus.CONFIRMED: ("appointment confirmed status", "appointment status"),
}
# What a word must say besides to be written: "Deleted" may remove the record, and "eConfirm sent" confirms nothing.
_WRITTEN = {
    AppointmentStatus.CANCELLED: re.compile(r"\bcancel"),
    AppointmentStatus.CONFIRMED: re.compile(r"\bconfirm(?:ed)?$"),
}
_NOT_A_DOCTOR = re.compile(r"hygien|assist|staff", re.IGNORECASE)
_A_DOCTOR = re.compile(r"dentist|odont|surgeon|surgery|prosth|pedo|general|doctor|\bdds\b|\bdmd\b", re.IGNORECASE)
_TITLED = re.compile(r"dr\.?\s", re.IGNORECASE)
# NUCC provider taxonomy: 1223... are dentists of every specialty.
_DENTIST_CODE = "1223"


@lru_cache(maxsize=1024)  # a practice has a dozen words, and a fortnight of appointments uses each a hundred times
def appointment_status(raw: str, *, is_cancelled: bool = False, is_confirmed: bool = False) -> AppointmentStatus:
    """Return what a PMS's own word means, in any case. An unknown word keeps its time busy."""
    word = _words(raw)
    if is_cancelled:
        return AppointmentStatus.CANCELLED
    for status, words in _STATUSES.items():
        if word in words:
            return status
    if is_confirmed or _CONFIRMED.search(word):
        return AppointmentStatus.CONFIRMED
    return AppointmentStatus.SCHEDULED


def status_value(rows: Iterable[Row], status: AppointmentStatus) -> str:
    """Return the practice's own value for ``status`` from its ``practice_variables``, empty if it has none.

    A PMS that keeps ids as values says in ``description`` what they mean.
    """
    statuses = list(rows)
    for item in _STATUS_ITEMS.get(status, ()):
        for row in variables(statuses, "Appointment Status", item):
            if _means(row, status):
                return text(row["value"])
    return ""


def _means(row: Row, status: AppointmentStatus) -> bool:
    word = _words(text(row["value"]))
    if appointment_status(word) is AppointmentStatus.SCHEDULED:
        word = _words(text(row.get("description"))) or word
    return appointment_status(word) is status and bool(_WRITTEN[status].search(word))


def _words(raw: str) -> str:
    return " ".join(re.sub(r"[\s._-]+", " ", raw.lower()).split())


def appointment(row: Row, where: ZoneInfo, default_minutes: int, *, details: bool = False) -> Appointment:
    """Return one row of ``appointments``; ``where`` is the practice's zone. Only with ``details`` it says who and why.

    A start inside the gap of a clock change is the first instant after it. Raises ``UpstreamInvalid`` without an id, a
    date or a time.
    """
    number, local_day, wall = text(row.get("appointment_sr_no")), day(row.get("date")), clock(row.get("time"))
    if not number or local_day is None or wall is None:
        raise errors.UpstreamInvalid("An appointment has no readable id, date or time.")
    starts_at = resolve_edge(local_day, wall, where)
    clinician_id, hygienist = text(row.get("provider_id")), text(row.get("hygienist"))
    raw = text(row.get("status"))
    return Appointment(
        id=number,
        patient_id=text(row.get("patient_id")),
        clinician_id=clinician_id,
        operatory_id=text(row.get("operatory")),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes(row.get("length")) or default_minutes),
        status=appointment_status(
            raw, is_cancelled=flag(row.get("cancelled")), is_confirmed=flag(row.get("is_confirmed"))
        ),
        raw_status=raw,
        appointment_type=text(row.get("type")),
        assistant_ids=(hygienist,) if hygienist and hygienist != clinician_id else (),
        patient_name=text(row.get("patient_name")) if details else "",
        # Bookings carry their note in `description`, because only one system takes `note`.
        note=(text(row.get("note")) or text(row.get("description"))) if details else "",
    )


def patient(row: Row) -> Patient:
    """Return one row of ``patients``. Raises ``UpstreamInvalid`` only without an id."""
    number = text(row.get("patient_id"))
    if not number:
        raise errors.UpstreamInvalid("A patient has no id.")
    status = text(row.get("status")).lower()
    numbers = (normalize(text(row.get(name))) for name in _PHONE_FIELDS)
    return Patient(
        id=number,
        first_name=text(row.get("firstname")),
        last_name=text(row.get("lastname")),
        preferred_name=text(row.get("preferred_name")),
        date_of_birth=entered_day(row.get("birthdate")),
        phones=tuple(dict.fromkeys(found for found in numbers if found)),
        email=text(row.get("email")),
        guarantor_id=text(row.get("guarantor_id")),
        is_active=not status or status.startswith("active"),
    )


def clinicians(rows: Iterable[Row]) -> list[Clinician]:
    """Return the people of ``providers`` who treat patients; staff, hidden rows and rows without an id are left out."""
    return [
        Clinician(text(row["provider_id"]), clinician_name(row), text(row.get("status")).lower() == "active")
        for row in rows
        if text(row.get("provider_id"))
        and text(row.get("provider_type")).lower() in ("", "provider")
        and not flag(row.get("is_hidden"))
    ]


def clinician_name(row: Row) -> str:
    """Return the name as the practice says it: "Dr. Ada Lund" for a dentist, "Ada Lund" for anybody else.

    ``specialty_code`` decides if it is a dentist's, else the words of ``specialty`` (``speciality`` in get_all); who is
    not clearly a doctor is not called one.
    """
    first, last = text(row.get("firstname")), text(row.get("lastname"))
    name = " ".join(part for part in (first, last) if part) or text(row.get("provider_id"))
    specialty = text(row.get("specialty")) or text(row.get("speciality"))
    says_so = _A_DOCTOR.search(specialty) and not _NOT_A_DOCTOR.search(specialty)
    is_doctor = text(row.get("specialty_code")).startswith(_DENTIST_CODE) or bool(says_so)
    return f"Dr. {name}" if is_doctor and last and not _TITLED.match(name) else name


def operatories(rows: Iterable[Row], other_locations: frozenset[str] = frozenset()) -> list[Operatory]:
    """Return the rooms that can be booked. ``operatory`` is the value to book with, not the abbreviation.

    Rooms carry a practice id of their own making ("1-0"), so only those of ``other_locations`` are left out. Eaglesoft
    alone ties rooms to people: several ids joined by ``|``.
    """
    rooms = (row for row in rows if text(row.get("operatory")) and not flag(row.get("is_hidden")))
    return [
        Operatory(
            id=text(row["operatory"]),
            name=text(row["operatory"]),
            clinician_ids=tuple(part.strip() for part in text(row.get("provider_id")).split("|") if part.strip()),
        )
        for row in rooms
        if text(row.get("practice_id")) not in other_locations
    ]


def variables(rows: Iterable[Row], service: str, item: str = "") -> list[Row]:
    """Return the rows of ``practice_variables`` that belong to ``service``, such as "Appointment Type".

    One ``service_name`` mixes several ``service_item`` (appointment status and confirmed status); without ``item`` it
    is the one with the service's own name.
    """
    return [
        row
        for row in rows
        if text(row.get("service_item")).lower() in ("", item or service.lower())
        and text(row.get("service_name")).lower() in ("", service.lower())
        and text(row.get("value"))
    ]


def appointment_types(rows: Iterable[Row]) -> list[PmsAppointmentType]:
    """Return the types of ``practice_variables``."""
    found = variables(rows, "Appointment Type")
    return [PmsAppointmentType(text(row["value"]), text(row.get("description")) or text(row["value"])) for row in found]


def locations(rows: Iterable[Row]) -> list[Location]:
    """Return the rows of ``practices``."""
    return [Location(text(row["practice_id"]), text(row.get("name"))) for row in rows if text(row.get("practice_id"))]
