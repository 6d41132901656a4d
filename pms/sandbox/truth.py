"""One office's data twice: the truth in its PMS, and the copy in the cloud that reads answer from.

Rows are never changed in place, only replaced, so a copy is a copy of two dictionaries.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from random import Random
from zoneinfo import ZoneInfo

from . import chart, ledger, premises, timetable
from .diary import Diary, closed_days, minutes
from .fields import Row
from .insurance import policies
from .people import invent
from .practice import FREE_AGAIN, Profile
from .rows import RowWriter, hashed

FIRST_NEW_PATIENT = 5001
FIRST_NEW_APPOINTMENT = 90001
FIRST_NEW_NOTE = 25001
FIRST_NEW_TRANSACTION = 60001


def is_active(row: Row) -> bool:
    """Whether an appointment still takes its time: not broken, not cancelled by status or by flag."""
    return row["status"].casefold() not in FREE_AGAIN and row["cancelled"] != "True"


def overlaps(one: Row, other: Row) -> bool:
    """Whether two appointments want the same room or the same clinician at the same time."""
    if one["date"] != other["date"] or one["practice_id"] != other["practice_id"]:
        return False
    same_person = bool({one["provider_id"], one["hygienist"]} & {other["provider_id"], other["hygienist"]} - {""})
    if not same_person and one["operatory"] != other["operatory"]:
        return False
    start, begin = minutes(one["time"]), minutes(other["time"])
    return start < begin + int(other["length"]) and begin < start + int(one["length"])


@dataclass
class Store:
    """Patients by id; appointments, notes and the entries of the ledgers by number."""

    patients: dict[str, Row] = field(default_factory=dict)
    appointments: dict[str, Row] = field(default_factory=dict)
    notes: dict[str, Row] = field(default_factory=dict)
    transactions: dict[str, Row] = field(default_factory=dict)

    def copy(self) -> "Store":
        """The same rows in a store of its own."""
        return Store(dict(self.patients), dict(self.appointments), dict(self.notes), dict(self.transactions))

    def clash(self, wanted: Row) -> bool:
        """Whether an active appointment, another one, is in the way of `wanted`."""
        return any(
            is_active(row) and overlaps(row, wanted)
            for number, row in self.appointments.items()
            if number != wanted["appointment_sr_no"]
        )


@dataclass(frozen=True)
class Seed:
    """All rows of an office as they are on the first day."""

    store: Store
    practices: list[Row]
    providers: list[Row]
    operatories: list[Row]
    practice_variables: list[Row]
    appointment_statuses: list[Row]
    booking_details: list[Row]
    schedule: list[Row]
    note_types: list[Row]
    payment_types: list[Row]
    insurance_companies: list[Row]
    subscribers: list[Row]

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same patients, appointments, notes and entries, wherever the server listens."""
        store = self.store
        rows = (*store.patients.values(), *store.appointments.values(), *store.transactions.values())
        hashes = [row["rowhash"] for row in (*rows, *map(hashed, store.notes.values()))]
        return hashlib.sha256("".join(hashes).encode()).hexdigest()[:32]


@lru_cache(maxsize=12)
def seeded(profile: Profile, api_url: str, seed: int, today: date) -> Seed:
    """The rows that follow from these four; remembered, so that a reset costs nothing. Copy the store before use."""
    write = RowWriter(profile, api_url)
    random = Random(f"{seed}/{profile.office_id}")  # noqa: S311 - invented people
    store, subscribers = Store(), list[Row]()
    for person in invent(profile, today, random):
        known_for = random.randint(40, 3000)
        last_seen = random.randint(20, min(known_for, 400))
        covered = policies(profile, person, today)
        created, seen = today - timedelta(days=known_for), today - timedelta(days=last_seen)
        patient = write.patient(person, created=created, seen=seen, policies=covered)
        store.patients[person.patient_id] = patient
        for rank, policy in zip(("Primary", "Secondary"), covered, strict=False):
            subscribers.append(write.subscriber(policy, rank, patient, store.patients[policy.holder]))
    for row in Diary(profile, write, store.patients, today, random).rows():
        store.appointments[row["appointment_sr_no"]] = row
    for note in chart.notes(profile, store.patients, today):
        store.notes[note.number] = write.note(note, store.patients[note.patient_id])
    for entry in ledger.entries(profile, store.patients, today, random):
        store.transactions[entry.number] = write.transaction(entry, store.patients[entry.patient_id])
    return Seed(
        store,
        premises.practices(write),
        premises.providers(write),
        premises.operatories(write),
        premises.practice_variables(write),
        premises.appointment_statuses(write),
        premises.booking_details(write),
        timetable.schedule(write, today, closed_days(today)),
        premises.note_types(write),
        premises.payment_types(write),
        premises.insurance_companies(write),
        subscribers,
    )


class Office:
    """An office: its rows, its computer (online or not), its cloud copy: how old, and whether it is kept up."""

    def __init__(self, profile: Profile, api_url: str, seed: int, now: datetime) -> None:
        self.profile = profile
        self.zone = ZoneInfo(profile.zone)
        self.write = RowWriter(profile, api_url)
        self.seed = seeded(profile, api_url, seed, self.local(now).date())
        self.truth = self.seed.store.copy()
        self.practices = self.seed.practices
        self.providers = self.seed.providers
        self.operatories = self.seed.operatories
        self.practice_variables = self.seed.practice_variables
        self.appointment_statuses = self.seed.appointment_statuses
        self.booking_details = self.seed.booking_details
        self.schedule = self.seed.schedule
        self.note_types = self.seed.note_types
        self.payment_types = self.seed.payment_types
        self.insurance_companies = self.seed.insurance_companies
        self.subscribers = self.seed.subscribers
        self.access = {place.practice_id: True for place in profile.locations}
        self.online = True
        self.copying = True
        self.seen_at = now
        self.next_patient = FIRST_NEW_PATIENT
        self.next_appointment = FIRST_NEW_APPOINTMENT
        self.next_note = FIRST_NEW_NOTE
        self.next_transaction = FIRST_NEW_TRANSACTION
        self.refresh(now)

    def local(self, instant: datetime) -> datetime:
        """The practice's wall clock at `instant`."""
        return instant.astimezone(self.zone)

    def refresh(self, instant: datetime) -> None:
        """Copy the truth to the cloud, as of `instant`."""
        self.cloud = self.truth.copy()
        self.copied_at = instant
        self.stale = False

    def new_patient_id(self) -> str:
        """An id no patient has had."""
        self.next_patient += 1
        return str(self.next_patient - 1)

    def new_appointment_number(self) -> str:
        """A number no appointment has had; write-back ids come from another range."""
        self.next_appointment += 1
        return str(self.next_appointment - 1)

    def new_note_number(self) -> str:
        """A number no note has had."""
        self.next_note += 1
        return str(self.next_note - 1)

    def new_transaction_number(self) -> str:
        """A number no entry of a ledger has had."""
        self.next_transaction += 1
        return str(self.next_transaction - 1)

    def put_patient(self, row: Row) -> None:
        """Add or replace a patient in the truth."""
        self.truth.patients[row["patient_id"]] = row
        self.stale = True

    def put_appointment(self, row: Row) -> None:
        """Add or replace an appointment in the truth."""
        self.truth.appointments[row["appointment_sr_no"]] = row
        self.stale = True

    def put_note(self, row: Row) -> None:
        """Add a note to the truth."""
        self.truth.notes[row["note_id"]] = row
        self.stale = True

    def put_transaction(self, row: Row) -> None:
        """Add an entry to a ledger in the truth."""
        self.truth.transactions[row["transaction_sr_no"]] = row
        self.stale = True
