"""The canonical records that adapters return and the rest of Parlae works with.

Identifiers are the PMS's own, opaque text. Instants are aware and in UTC; a practice's zone is applied at the edges.
``clinician`` is the dentist or hygienist; *provider* always means the PMS vendor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum


class AppointmentStatus(StrEnum):
    """A PMS's many words for the state of an appointment, reduced to the public API's."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"

    @property
    def occupies_time(self) -> bool:
        """Whether the appointment keeps its clinician and operatory busy."""
        return self not in (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)


class ResourceKind(StrEnum):
    """Whose opening hours a schedule row describes."""

    PRACTICE = "practice"
    CLINICIAN = "clinician"
    OPERATORY = "operatory"


@dataclass(frozen=True, slots=True)
class Clinician:
    """A person who treats patients; ``name`` is how the practice says it ("Dr. Ada Lund")."""

    id: str
    name: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Operatory:
    """A treatment room; ``id`` is the value the PMS books with.

    ``clinician_ids`` is empty where the PMS does not tie rooms to people.
    """

    id: str
    name: str
    is_active: bool = True
    clinician_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PmsAppointmentType:
    """An appointment type as the PMS lists it; ``value`` is what a booking sends."""

    value: str
    name: str


@dataclass(frozen=True, slots=True)
class DaySchedule:
    """The wall-clock opening windows of one resource on one local date; no windows means closed."""

    day: date
    kind: ResourceKind
    resource_id: str
    windows: tuple[tuple[time, time], ...]
    is_holiday: bool = False


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment as the PMS has it. ``raw_status`` keeps the PMS's own word."""

    id: str
    patient_id: str
    clinician_id: str
    operatory_id: str
    starts_at: datetime
    ends_at: datetime
    status: AppointmentStatus
    raw_status: str
    appointment_type: str = ""
    assistant_ids: tuple[str, ...] = ()
    patient_name: str = field(default="", repr=False)
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Patient:
    """A person in the PMS. ``phones`` are E.164; ``date_of_birth`` is ``None`` for a placeholder date."""

    id: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    preferred_name: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    email: str = field(default="", repr=False)
    guarantor_id: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class PatientQuery:
    """What a caller said about themselves, to narrow a bounded search; matching is done afterwards, in code."""

    last_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NewAppointment:
    """What a booking writes. ``appointment_type`` is the PMS's value; ``duration_minutes`` is elapsed time."""

    patient_id: str
    clinician_id: str
    operatory_id: str
    starts_at: datetime
    duration_minutes: int
    appointment_type: str = ""
    description: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MovedAppointment:
    """What a move writes: the same appointment at another time, and perhaps with somebody else in another room."""

    appointment_id: str
    patient_id: str
    clinician_id: str
    operatory_id: str
    starts_at: datetime
    duration_minutes: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a cancellation or a confirmation writes.

    ``patient_id`` and ``starts_at`` are the appointment's own, for finding it again; ``reason`` is for staff if it
    fails.
    """

    appointment_id: str
    patient_id: str
    starts_at: datetime
    status: AppointmentStatus
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NewPatient:
    """What creating a patient writes. ``phone`` is E.164, ``clinician_id`` the one the record is filed under."""

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)
    clinician_id: str
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    guarantor_id: str = ""
    street: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)


# Everything that a PMS can be asked to change.
Change = NewAppointment | MovedAppointment | StatusChange | NewPatient


@dataclass(frozen=True, slots=True)
class Location:
    """One practice location inside the credentials' office."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection test found out. ``data_as_of`` is when the vendor's copy was last refreshed."""

    practice_name: str
    pms_name: str
    time_zone: str
    locations: tuple[Location, ...]
    data_as_of: datetime | None
    capabilities: frozenset[str]
