"""The three fictional offices: who works there, in which rooms, in which hours. All invented.

Alder (D10001) is the full practice. Birch (D20002) is small and shares practice id, patient ids and provider ids with
Alder, for somebody else. Cedar (D30003) has two locations. Delta (D40004) exists at Sikka and has not let us in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import cast

APP_ID = "sandbox-app-id-not-a-real-one-00"
APP_KEY = "sandbox-app-key-not-a-real-one-0"
CLOSED_OFFICE_ID = "D40004"

Span = tuple[str, str]
# Weekday (0 = Monday) to open spans "HH:MM"; an absent day is closed.
Hours = Mapping[int, tuple[Span, ...]]

MORNING: Span = ("08:00", "12:00")
AFTERNOON: Span = ("13:00", "17:00")
FRIDAY: Span = ("08:00", "13:00")


def _week(days: tuple[int, ...], *spans: Span) -> dict[int, tuple[Span, ...]]:
    return dict.fromkeys(days, spans)


OPEN_WEEK: Hours = {**_week((0, 1, 2, 3), MORNING, AFTERNOON), 4: (FRIDAY,)}


@dataclass(frozen=True)
class Clinician:
    """A row of `providers`; `room` is where this person usually works ("" for staff)."""

    provider_id: str
    firstname: str
    lastname: str
    specialty: str
    room: str = ""
    hours: Hours = field(default_factory=dict)
    provider_type: str = "Provider"
    status: str = "Active"
    practice_id: str = "1"


@dataclass(frozen=True)
class Room:
    """A row of `operatories`; bookings name `operatory`, never the abbreviation."""

    operatory: str
    abbreviation: str
    is_hidden: str = "F"
    practice_id: str = "1"


@dataclass(frozen=True)
class Location:
    """A row of `practices`."""

    practice_id: str
    name: str
    address: str
    city: str
    state: str
    zipcode: str
    phone: str
    hours: Hours = field(default_factory=lambda: OPEN_WEEK)
    email: str = ""


_WRITES = ("new_appointment_writeback", "appointment_status_writeback", "new_patient_writeback", "note_writeback")


@dataclass(frozen=True)
class System:
    """A row of `supported_pmses`: a PMS in one version, and its columns that say "available"."""

    name: str
    version: str
    writes: tuple[str, ...]


# Spelled as that API spells them; offices spell their PMS differently.
SYSTEMS = (
    System("Dentrix", "G6.4", _WRITES[1:]),
    System("Dolphin Management", "9.0", _WRITES[:3]),
    System("EagleSoft", "21.0", _WRITES),
    System("Opendental", "21.1", _WRITES[:3]),
    System("Opendental", "24.2", (*_WRITES, "payment_writeback")),
    System("OrthoTrac", "14", _WRITES),
)


@dataclass(frozen=True, eq=False)
class Profile:
    """An office as Sikka knows it, one object per office. `zone`: the IANA name behind the Windows name Sikka tells."""

    office_id: str
    secret_key: str
    windows_zone: str
    zone: str
    pms: str
    locations: tuple[Location, ...]
    clinicians: tuple[Clinician, ...]
    rooms: tuple[Room, ...]
    people: tuple[cast.Person, ...]
    patient_count: int
    pms_version: str = "24.2"

    @property
    def system(self) -> System:
        """The PMS, as the list of all of them has it."""
        told = (self.pms.casefold(), self.pms_version)
        return next(one for one in SYSTEMS if (one.name.casefold(), one.version) == told)


STATUSES = ("Scheduled", "Complete", "Broken", "Cancelled", "ASAP")
CONFIRMATIONS = ("Unconfirmed", "Left Message", "Appointment Confirmed")
FREE_AGAIN = frozenset({"broken", "cancelled"})  # statuses whose time is free for somebody else


@dataclass(frozen=True)
class VisitType:
    """An appointment type: bookings send `item`, reads show `name`. `minutes`: the usual length, never told."""

    item: str
    name: str
    minutes: int
    hygiene: bool = False
    code: str = ""


VISIT_TYPES = (
    VisitType("1", "New Patient Exam", 60, code="D0150"),
    VisitType("2", "Cleaning", 60, hygiene=True, code="D1110"),
    VisitType("3", "Emergency", 30, code="D0140"),
    VisitType("4", "Filling", 60, code="D2391"),
    VisitType("5", "Crown Prep", 90, code="D2740"),
    VisitType("6", "Consultation", 30),
    VisitType("7", "Periodontal Maintenance", 50, hygiene=True, code="D4910"),
)

# What a note may be; the words are sent back as they stand here.
PATIENT_NOTE, CLINICAL_NOTE = "PatNote", "Clinical Note"
APPOINTMENT_NOTE, GROUP_NOTE = "Appointment Note", "Group Note"
NOTE_TYPES = (PATIENT_NOTE, CLINICAL_NOTE, APPOINTMENT_NOTE, GROUP_NOTE)


@dataclass(frozen=True)
class PaymentType:
    """What a ledger entry that is no treatment may be. `kind`: payment, insurance, credit or debit (adjustments)."""

    code: str
    description: str
    kind: str = "payment"
    status: str = "Active"


PAYMENT_TYPES = (
    PaymentType("1", "Check Payment' Thank You"),
    PaymentType("2", "Cash Payment"),
    PaymentType("3", "Credit Card Payment"),
    PaymentType("6", "Money Order Payment", status="Inactive"),
    PaymentType("10", "Insurance Check Payment", "insurance"),
    PaymentType("20", "Courtesy Discount", "credit"),
    PaymentType("30", "Finance Charge", "debit"),
)

_LATE_START: Hours = _week((0, 1, 2, 3), ("09:00", "12:00"), AFTERNOON)
# Entered in the PMS without the lunch break: only the practice's own row has it.
_NO_LUNCH: Hours = {**_week((0, 1, 2, 3), ("08:00", "17:00")), 4: (FRIDAY,)}
_NO_WEDNESDAY: Hours = {**_week((0, 1, 3), MORNING, AFTERNOON), 4: (FRIDAY,)}
_BIRCH_WEEK: Hours = _week((1, 2, 3, 4), ("09:00", "13:00"), ("14:00", "18:00"))

ALDER = Profile(
    office_id="D10001",
    secret_key="sandbox-secret-d10001-invented-0",  # noqa: S106 - invented, opens nothing but this sandbox
    windows_zone="Eastern Standard Time",
    zone="America/New_York",
    pms="OpenDental",
    locations=(
        Location(
            "1",
            "Alder Dental",
            "14 Rookery Lane",
            "New York",
            "NY",
            "10001",
            "(212) 555-0100",
            email="frontdesk@alder.example",
        ),
    ),
    clinicians=(
        Clinician("DR1", "Imogen", "Tarkowski", "General Dentist", "Op 1", OPEN_WEEK),
        Clinician("DR2", "Absalom", "Okonjo", "General Dentist", "Op 2", _LATE_START),
        Clinician("DR9", "Leopold", "Vantongeren", "General Dentist", status="Inactive"),
        Clinician("HY1", "Perpetua", "Lindqvist", "Hygienist", "Hyg 1", _NO_LUNCH),
        Clinician("HY2", "Casimir", "Bellweather", "Hygienist", "Hyg 2", _NO_WEDNESDAY),
        Clinician("ST1", "Wilhelmina", "Draycott", "", provider_type="Staff"),
        Clinician("ST2", "Ambrose", "Pettifer", "", provider_type="Staff"),
    ),
    rooms=(
        Room("Op 1", "O1"),
        Room("Op 2", "O2"),
        Room("Op 3", "O3"),
        Room("Hyg 1", "H1"),
        Room("Hyg 2", "H2"),
        Room("Old X-ray", "XR", is_hidden="T"),
    ),
    people=cast.ALDER,
    patient_count=200,
)

BIRCH = Profile(
    office_id="D20002",
    secret_key="sandbox-secret-d20002-invented-0",  # noqa: S106
    windows_zone="Pacific Standard Time",
    zone="America/Los_Angeles",
    pms="Opendental",
    locations=(
        Location(
            "1",
            "Birch Dental",
            "8 Saltmarsh Road",
            "San Francisco",
            "CA",
            "94101",
            "(415) 555-0100",
            _BIRCH_WEEK,
            email="frontdesk@birch.example",
        ),
    ),
    clinicians=(
        Clinician("DR1", "Thaddeus", "Quillfeather", "General Dentist", "Op 1", _BIRCH_WEEK),
        Clinician("HY1", "Rosalind", "Umbertide", "Hygienist", "Hyg 1", _BIRCH_WEEK),
    ),
    # The vendor's only example of an operatory carries practice_id "1-0" in an office whose practice is "1".
    rooms=(Room("Op 1", "O1", practice_id="1-0"), Room("Hyg 1", "H1", practice_id="1-0")),
    people=cast.BIRCH,
    patient_count=16,
)

CEDAR = Profile(
    office_id="D30003",
    secret_key="sandbox-secret-d30003-invented-0",  # noqa: S106
    windows_zone="Central Standard Time",
    zone="America/Chicago",
    pms="OpenDental",
    locations=(
        Location(
            "1-1",
            "Cedar Dental North",
            "2 Heron Street",
            "Chicago",
            "IL",
            "60601",
            "(312) 555-0100",
            email="north@cedar.example",
        ),
        # Nobody has written an address into this one's record.
        Location("1-2", "Cedar Dental South", "77 Kestrel Way", "Chicago", "IL", "60602", "(312) 555-0101"),
    ),
    clinicians=(
        Clinician("DR1", "Evander", "Moncrieffe", "General Dentist", "North 1", OPEN_WEEK, practice_id="1-1"),
        Clinician("DR2", "Philippa", "Szabolcs", "General Dentist", "South 1", OPEN_WEEK, practice_id="1-2"),
    ),
    rooms=(Room("North 1", "N1", practice_id="1-1"), Room("South 1", "S1", practice_id="1-2")),
    people=cast.CEDAR,
    patient_count=24,
    pms_version="21.1",  # an old one: it takes no notes and no payments
)

PROFILES: tuple[Profile, ...] = (ALDER, BIRCH, CEDAR)
