"""The canonical records that adapters return and the rest of Parlae works with.

Identifiers are the PMS's own, opaque text. Instants are aware and in UTC; a practice's zone is applied at the edges.
``clinician`` is the dentist or hygienist; *provider* always means the PMS vendor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
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
class EmergencyContact:
    """Whom to call for a patient; ``phone`` is E.164, or empty."""

    name: str = field(repr=False)
    phone: str = field(default="", repr=False)
    relationship: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PatientProfile:
    """A patient with what only they, or the practice's own server, may hear."""

    patient: Patient
    street: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    last_visit: date | None = field(default=None, repr=False)
    emergency_contact: EmergencyContact | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """A note in a patient's record. ``written_at`` is an instant, or the start of the local day it was written on."""

    id: str
    text: str = field(repr=False)
    kind: str = ""
    author: str = ""
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InsurancePolicy:
    """One insurance of a patient. ``subscriber_id`` is the member's number on the card; dates are local days."""

    id: str
    carrier: str = field(repr=False)
    subscriber_id: str = field(default="", repr=False)
    group_number: str = field(default="", repr=False)
    is_primary: bool = True
    relationship: str = ""
    effective_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that a patient's account shows; ``amount`` is positive."""

    id: str
    amount: Decimal = field(repr=False)
    paid_on: date
    method: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed on a patient's account, negative for a credit. ``as_of`` is the local day of the figures."""

    patient_id: str
    total: Decimal = field(repr=False)
    insurance: Decimal = field(repr=False)
    patient: Decimal = field(repr=False)
    as_of: date | None = None
    last_payment: Payment | None = field(default=None, repr=False)


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


@dataclass(frozen=True, slots=True)
class PatientUpdate:
    """What changes in a patient's record; ``None`` stays as it is. ``phone`` is E.164."""

    patient_id: str
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    street: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewNote:
    """What a note writes, filed under the patient's own clinician. ``category`` is the asker's word for it."""

    patient_id: str
    text: str = field(repr=False)
    written_on: date
    category: str = ""


@dataclass(frozen=True, slots=True)
class NewInsurance:
    """What adding an insurance writes; ``relationship`` is the patient's to the subscriber, such as ``self``."""

    patient_id: str
    carrier: str = field(repr=False)
    subscriber_id: str = field(repr=False)
    group_number: str = field(default="", repr=False)
    is_primary: bool = True
    subscriber_name: str = field(default="", repr=False)
    subscriber_date_of_birth: date | None = field(default=None, repr=False)
    relationship: str = ""


class PaymentMethod(StrEnum):
    """How somebody paid, as the public API says it."""

    CREDIT_CARD = "credit_card"
    DEBIT_CARD = "debit_card"
    CASH = "cash"
    CHECK = "check"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What posting a payment to the ledger writes: nothing is charged. ``amount`` is positive, with two decimals.

    ``reference`` is the asker's own name for the payment, such as a card processor's.
    """

    patient_id: str
    amount: Decimal = field(repr=False)
    method: PaymentMethod
    paid_on: date
    reference: str = ""
    note: str = field(default="", repr=False)
    last4: str = field(default="", repr=False)


# Everything that a PMS can be asked to change.
Change = (
    NewAppointment | MovedAppointment | StatusChange | NewPatient | PatientUpdate | NewNote | NewInsurance | NewPayment
)


@dataclass(frozen=True, slots=True)
class Location:
    """One practice location inside the credentials' office."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection test found out. ``data_as_of`` is when the vendor's copy was last refreshed.

    ``practice_key`` is the vendor's name for the practice: patients' ids mean other people under another one.
    ``office_is_offline`` is ``None`` where the vendor does not tell.
    """

    practice_key: str
    practice_name: str
    pms_name: str
    time_zone: str
    locations: tuple[Location, ...]
    data_as_of: datetime | None
    capabilities: frozenset[str]
    office_is_offline: bool | None = None
