"""The five features as a practice reads of them: what each does, and what happens where a connection cannot do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pms.providers.base import Capability


@dataclass(frozen=True, slots=True)
class Declared:
    """``parts`` are what a feature uses of a connection, in words; without all of ``needs`` it is of no use."""

    label: str
    words: str
    parts: Mapping[Capability, str]
    instead: str
    needs: frozenset[Capability] = field(default_factory=frozenset)


WHY_NOT = {
    "all": "",
    "some": "Your system does not allow all of this through its connection.",
    "none": "Your system does not allow this through its connection.",
}
PARTS_INSTEAD = "What it does not allow becomes a task for your team."
_MESSAGE = "The agent says so and offers to leave your team a message."
_TASK = "What callers ask for becomes a task for your team."

FEATURES: Mapping[str, Declared] = {
    "booking": Declared(
        label="Appointments",
        words="Callers hear open times, and book, move, cancel and confirm appointments.",
        parts={
            Capability.READ_SCHEDULE: "see your people and rooms",
            Capability.READ_APPOINTMENTS: "see your appointments",
            Capability.BOOK_APPOINTMENT: "book an appointment",
            Capability.MOVE_APPOINTMENT: "move an appointment",
            Capability.CANCEL_APPOINTMENT: "cancel an appointment",
            Capability.CONFIRM_APPOINTMENT: "note that a patient is coming",
        },
        needs=frozenset({Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.BOOK_APPOINTMENT}),
        instead=_MESSAGE,
    ),
    "newPatients": Declared(
        label="New patients",
        words="Callers who have never been with you get a record in your system, so that they can book.",
        parts={
            Capability.READ_PATIENTS: "look for a record that is there already",
            Capability.CREATE_PATIENT: "make a record",
        },
        needs=frozenset({Capability.READ_PATIENTS, Capability.CREATE_PATIENT}),
        instead=_MESSAGE,
    ),
    "notes": Declared(
        label="Notes",
        words="The agent adds a note to the record of a patient, and reads out notes that are meant for patients.",
        parts={
            Capability.READ_NOTES: "read notes",
            Capability.ADD_NOTE: "add a note",
        },
        instead=_TASK,
    ),
    "insurance": Declared(
        label="Insurance",
        words="Callers hear which insurance you have on file, and can tell you a new one. Never what is covered.",
        parts={
            Capability.READ_INSURANCE: "see the insurance on file",
            Capability.ADD_INSURANCE: "enter a new insurance",
        },
        instead=_TASK,
    ),
    "payments": Declared(
        label="Payments",
        words="Callers hear what they owe, and can say what they want to pay. Card numbers are never taken.",
        parts={
            Capability.READ_BALANCE: "see what is owed",
            Capability.POST_PAYMENT: "enter a payment into the ledger",
        },
        instead=_TASK,
    ),
}
