"""The contract between Parlae and any practice-management system.

An adapter subclasses :class:`PmsService`, declares what it needs and what it can do, and overrides the methods it
supports; the rest refuse before any wire call. It takes and returns ``pms.domain`` records and raises only
``pms.domain.errors``. Everything it depends on (transport, tokens, clock, budget) comes in through the constructor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import (
    Appointment,
    Balance,
    Change,
    Clinician,
    ConnectionReport,
    DaySchedule,
    InsurancePolicy,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    Note,
    Operatory,
    Patient,
    PatientProfile,
    PatientQuery,
    PatientUpdate,
    PmsAppointmentType,
    StatusChange,
)
from pms.providers.http import HttpPool
from pms.providers.progress import Admit, Progress, anyone, unheard


class Capability(StrEnum):
    """What a connection may be able to do."""

    READ_SCHEDULE = "read_schedule"
    READ_APPOINTMENTS = "read_appointments"
    READ_PATIENTS = "read_patients"
    BOOK_APPOINTMENT = "book_appointment"
    MOVE_APPOINTMENT = "move_appointment"
    CANCEL_APPOINTMENT = "cancel_appointment"
    CONFIRM_APPOINTMENT = "confirm_appointment"
    CREATE_PATIENT = "create_patient"
    UPDATE_PATIENT = "update_patient"
    READ_NOTES = "read_notes"
    ADD_NOTE = "add_note"
    READ_INSURANCE = "read_insurance"
    ADD_INSURANCE = "add_insurance"
    READ_BALANCE = "read_balance"
    POST_PAYMENT = "post_payment"


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of the credentials form. ``secret`` fields are write-only everywhere."""

    name: str
    label: str
    help: str
    secret: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """A write the PMS has made; ``record_id`` is the PMS's own id, empty while the vendor has not told it."""

    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A write that is under way; ``reference`` asks for its state and is never a record's id."""

    reference: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A write the PMS refused after accepting it; nothing was changed.

    ``conflict`` is true when the time was taken; ``reason`` is our own short code. ``said`` is the vendor's text, for
    the person who does it by hand and for nobody else: it may name a patient.
    """

    reason: str
    conflict: bool = False
    said: str = field(default="", repr=False, compare=False)


WriteOutcome = Done | Pending | Failed


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection's data stands; ``None`` where the vendor does not tell.

    ``data_as_of`` is when the copy that reads come from was taken. While ``office_is_offline``, nothing can be written.
    """

    data_as_of: datetime | None = None
    office_is_offline: bool | None = None


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A vendor's session token as the store holds it; ``version`` grows with every save."""

    values: Mapping[str, str]
    expires_at: datetime
    version: int


class TokenStore(Protocol):
    """Where the processes of one integration share a token. Holds no lock while a vendor is called."""

    def get(self) -> StoredToken | None:
        """Return the current token, or ``None`` if there is none."""

    def lease(self, ttl_seconds: float) -> bool:
        """Try to become the one that renews; the lease ends by itself after ``ttl_seconds``."""

    def save(self, values: Mapping[str, str], expires_at: datetime, version: int) -> bool:
        """Store a token if the stored version is still ``version`` (0 for none), and end the lease."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a vendor has said of its rate limit: the share of it, 0 to 1, that is left until ``resets_at``."""

    share_left: float
    resets_at: datetime


class Meter(Protocol):
    """Where the processes share what a vendor says of its rate limit; ``scope`` is whose it is, such as an office.

    A meter that cannot be read knows nothing; the vendor's own limit still holds.
    """

    def read(self, scope: str) -> Quota | None:
        """Return the latest quota, ``None`` if none is known or its window is over."""

    def note(self, scope: str, quota: Quota) -> None:
        """Keep what an answer said."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything a service needs to talk for one integration, and nothing of another one's.

    ``is_live`` says that somebody waits for the answer, so that the reserve of the vendor's rate limit may be used.
    """

    credentials: Mapping[str, str]
    config: Mapping[str, Any]
    time_zone: ZoneInfo
    http: HttpPool
    tokens: TokenStore
    meter: Meter
    clock: Clock
    budget: Budget
    is_live: bool = True


class PmsService(ABC):
    """The spec's ``IPmsService``: what Parlae asks of a practice-management system.

    Dates are the practice's local days, both ends inclusive. Any method may raise ``PmsUnavailable``,
    ``CredentialsRejected`` or ``UpstreamInvalid``.
    """

    provider: ClassVar[str]
    label: ClassVar[str]
    credential_fields: ClassVar[tuple[CredentialField, ...]]
    # What each capability asks of the vendor, as "METHOD /path": for the documents.
    vendor_calls: ClassVar[Mapping[Capability, tuple[str, ...]]]
    # Up to which age the vendor's copy of the practice is as fresh as it gets; ``None`` where reads are live.
    copy_max_age: ClassVar[timedelta | None] = None

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    @abstractmethod
    def possible_capabilities(cls) -> frozenset[Capability]:
        """Return what this adapter can do at best."""

    def capabilities(self) -> frozenset[Capability]:
        """Return what this connection can do: the adapter's best, narrowed by what was found when connecting."""
        found = self.connection.config.get("capabilities")
        best = self.possible_capabilities()
        return best if found is None else frozenset(capability for capability in best if capability in found)

    def require(self, capability: Capability) -> None:
        """Raise ``NotSupported`` unless this connection has ``capability``."""
        if capability not in self.capabilities():
            raise errors.NotSupported(f"{self.label} connection without {capability}.")

    # Connecting

    @classmethod
    def at_location(cls, credentials: Mapping[str, str], location: str) -> dict[str, str]:
        """Return credentials that lead to one of an office's locations.

        Raises ``NotSupported`` where an office has only one.
        """
        raise errors.NotSupported

    @abstractmethod
    def test_connection(self, progress: Progress = unheard, admit: Admit = anyone) -> ConnectionReport:
        """Check every step of the way to the practice's data, and report what was found.

        ``progress`` is told each step (``providers.progress``) when it is known, ``admit`` the report's
        ``practice_key`` and the practice's e-mail address before anything else of the practice is read. Raises
        ``LocationRequired`` (``fields`` maps location ids to names) if the office has several.
        """

    # Keeping the connection well

    def keep_session(self) -> None:
        """Renew the vendor's session token if it ends soon; nothing is to be done where there is none."""
        return

    def health(self) -> Health:
        """Return how old the data is, and whether the office's computer can be reached."""
        return Health()

    # Reading the practice

    def list_clinicians(self) -> Sequence[Clinician]:
        raise errors.NotSupported

    def list_operatories(self) -> Sequence[Operatory]:
        raise errors.NotSupported

    def list_appointment_types(self) -> Sequence[PmsAppointmentType]:
        raise errors.NotSupported

    def list_appointment_statuses(self) -> Sequence[str]:
        raise errors.NotSupported

    def list_schedules(self, start: date, end: date) -> Sequence[DaySchedule]:
        """Return the opening windows that the PMS knows; a day without rows is *unknown*, not closed."""
        raise errors.NotSupported

    # Reading patients and appointments

    def list_appointments(
        self, start: date, end: date, *, patient_id: str = "", details: bool = False
    ) -> Sequence[Appointment]:
        """Return all appointments of the days, whatever their status, on every page.

        ``details`` adds the patient's name and the note, which nobody else needs.
        """
        raise errors.NotSupported

    def get_appointment(self, appointment_id: str) -> Appointment:
        """Return one appointment with its details, whatever its status, or raise ``AppointmentNotFound``."""
        raise errors.NotSupported

    def shows(self, instant: datetime) -> bool:
        """Return whether reads certainly show what was carried out by ``instant``; a vendor's copy may be older."""
        return True

    def search_patients(self, query: PatientQuery) -> Sequence[Patient]:
        """Return a bounded set of candidates; the caller decides who matches.

        Asks the same questions whoever is on file, so that the time taken tells nothing.
        """
        raise errors.NotSupported

    def get_patient(self, patient_id: str) -> Patient:
        """Return one patient or raise ``PatientNotFound``."""
        raise errors.NotSupported

    def find_patients(self, words: str, limit: int) -> Sequence[Patient]:
        """Return at most ``limit`` patients whom a name, a phone number or an e-mail address may mean."""
        raise errors.NotSupported

    def get_profile(self, patient_id: str) -> PatientProfile:
        """Return one patient with address and last visit, or raise ``PatientNotFound``."""
        raise errors.NotSupported

    def list_notes(self, patient_id: str) -> Sequence[Note]:
        """Return the notes of a patient's record, newest first; none for a patient who is not there."""
        raise errors.NotSupported

    def list_insurance(self, patient_id: str) -> Sequence[InsurancePolicy]:
        """Return the insurances on a patient's record, the primary one first, or raise ``PatientNotFound``."""
        raise errors.NotSupported

    def get_balance(self, patient_id: str) -> Balance:
        """Return what is owed on a patient's account, or raise ``PatientNotFound``."""
        raise errors.NotSupported

    def find_payment(self, payment: NewPayment, *, others: frozenset[str] = frozenset()) -> str | None:
        """Return the id of the ledger's entry that shows ``payment``, ``None`` if there is none.

        ``others`` are ids of entries that belong to other payments, however alike they are.
        """
        raise errors.NotSupported

    # Writing

    def book_appointment(self, new: NewAppointment) -> Done | Pending:
        """Write one appointment, once.

        Raises ``WriteRejected`` or ``OfficeOffline`` if it certainly was not made, ``SlotTaken`` if the PMS says so,
        and ``OutcomeUnknown`` if it may have been.
        """
        raise errors.NotSupported

    def move_appointment(self, moved: MovedAppointment) -> Done | Pending:
        """Change time, clinician or room of one appointment, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def change_status(self, change: StatusChange) -> Done | Pending:
        """Cancel or confirm one appointment, once. Raises as ``book_appointment``.

        Raises ``NotSupported`` before any write where the practice's system has no word for it.
        """
        raise errors.NotSupported

    def create_patient(self, new: NewPatient) -> Done | Pending:
        """Create one patient, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def update_patient(self, update: PatientUpdate) -> Done | Pending:
        """Change a patient's contact details, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def add_note(self, note: NewNote) -> Done | Pending:
        """Add a note to a patient's record, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def add_insurance(self, insurance: NewInsurance) -> Done | Pending:
        """Add an insurance to a patient's record, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def post_payment(self, payment: NewPayment) -> Done | Pending:
        """Enter a payment that was made elsewhere into the patient's ledger, once. Raises as ``book_appointment``."""
        raise errors.NotSupported

    def note_as_written(self, text: str) -> str:
        """Return what of a note's text the record will hold: a PMS may refuse characters and cut lengths."""
        return text

    def as_written(self, note: str) -> str:
        """Return what of a free text a booking will hold: a PMS may refuse characters and cut lengths."""
        return note

    def follow_write(self, reference: str) -> WriteOutcome:
        """Return how a pending write stands. Raises ``PmsUnavailable`` when that cannot be told now."""
        raise errors.NotSupported

    def withdraw_write(self, reference: str, *, sent_at: datetime) -> bool:
        """Take a pending write back; return whether it certainly will never be made, ``False`` if it is too late.

        May be repeated. Raises ``NotSupported``, or ``PmsUnavailable`` when it cannot be told.
        """
        raise errors.NotSupported

    def find_write(
        self, change: Change, *, sent_at: datetime, others: frozenset[str] = frozenset()
    ) -> WriteOutcome | None:
        """Look for a write whose outcome is unknown. ``None`` means that the vendor certainly has no trace of it.

        ``others`` are references and record ids that belong to other writes of ours, however alike they are. Raises
        ``PmsUnavailable`` when nothing is certain yet.
        """
        raise errors.NotSupported
