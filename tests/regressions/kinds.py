"""Every kind of write, as a caller and as a server ask for it, and how it looks in the practice's own system."""

from __future__ import annotations

import re
import time as machine
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from pms.models import Operation
from pms.tools.context import Result
from tests.conftest import Sim
from tests.talking import ALDER, NEW_YORK, Caller, SetClock, quiet_day

Row = Mapping[str, str]

# What is said of a write that is in the practice's system, of whatever kind.
DONE = re.compile(
    r"\b(booked for|moved to|(?:has been|is) cancelled|marked as confirmed|There is a record for|confirmed|all set|"
    r"have added|has been entered)\b"
)
NINA = {"firstName": "Nina", "lastName": "Halvorsen", "dateOfBirth": "1979-12-05"}
NOTE = "Prefers to be called after five."
VISITS_ON = quiet_day(2)
MOVED_TO = datetime.combine(quiet_day(3), time(14), NEW_YORK)
BOOKED_AT = datetime.combine(quiet_day(), time(10), NEW_YORK)


class Hasty(SetClock):
    """Sleeps a fortieth of what it is asked for and counts the whole, so that nobody waits for what never ends."""

    _SHARE = 1 / 40

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self._not_slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._not_slept

    def sleep(self, seconds: float) -> None:
        machine.sleep(seconds * self._SHARE)
        self._not_slept += seconds * (1 - self._SHARE)


@dataclass(frozen=True)
class Kind:
    """One kind of write; ``made`` says whether the practice's system has it, from its rows of the patient."""

    operation: Operation
    noun: str
    wish: Callable[[str], dict[str, Any]]
    made: Callable[[Sim, str], bool]

    @property
    def tool(self) -> str:
        return self.operation.value

    def __str__(self) -> str:
        return self.tool

    def asked_by(self, caller: Caller, visit: str, **how: Any) -> Result:
        """Have a caller ask for it."""
        return caller.use(self.tool, **how, **self.wish(visit))

    def of_server(self, visit: str) -> dict[str, Any]:
        """Return the same wish as a server writes it: with instants, and naming the patient."""
        names_patient = self.operation in (Operation.BOOK, Operation.ADD_NOTE, Operation.POST_PAYMENT)
        wish = ({"patientId": "1001"} if names_patient else {}) | self.wish(visit)
        if "date" not in wish:
            return wish
        local = datetime.fromisoformat(f"{wish.pop('date')}T{wish.pop('time')}").replace(tzinfo=NEW_YORK)
        return {**wish, "startTime": f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}


def at(instant: datetime) -> dict[str, str]:
    return {"date": f"{instant:%Y-%m-%d}", "time": f"{instant:%H:%M}"}


def at_the_desk(sim: Sim, hour: str, *, patient_id: str = "1001", office: str = ALDER, **where: str) -> str:
    """Have the desk make a cleaning that every read shows, and return its number."""
    place = {"provider_id": "HY1", "operatory": "Hyg 1", "date": VISITS_ON.isoformat(), **where}
    made = sim(
        "POST", "steal", office_id=office, patient_id=patient_id, time=hour, type="Cleaning", cloud=True, **place
    )
    return str(made["appointment_sr_no"])


def appointment(sim: Sim, number: str) -> Row:
    """Return an appointment as the practice's own system has it."""
    rows: Sequence[Row] = sim("GET", "truth", office_id=ALDER)["appointments"]
    return next(row for row in rows if row["appointment_sr_no"] == number)


def appointments_at(sim: Sim, instant: datetime) -> list[Row]:
    """Return the appointments of the demo caller that start at an instant."""
    rows: Sequence[Row] = sim("GET", "truth", office_id=ALDER, patient_id="1001")["appointments"]
    return [row for row in rows if row["date"].startswith(f"{instant:%Y-%m-%d}") and row["time"] == f"{instant:%H:%M}"]


def people(sim: Sim, last_name: str) -> list[Row]:
    """Return the patients of a last name."""
    return [row for row in sim("GET", "truth", office_id=ALDER)["patients"] if row["lastname"] == last_name]


def chart(sim: Sim, what: str) -> list[Row]:
    """Return the notes or the transactions of the demo caller."""
    rows: list[Row] = sim("GET", "truth", office_id=ALDER, patient_id="1001")[what]
    return rows


def record_of(kind: Kind, sim: Sim, visit: str) -> str:
    """Return the id of the record that the first write of this kind has made or changed; of a note none is told."""
    match kind.operation:
        case Operation.BOOK:
            return appointments_at(sim, BOOKED_AT)[0]["appointment_sr_no"]
        case Operation.CREATE_PATIENT:
            return people(sim, NINA["lastName"])[0]["patient_id"]
        case Operation.ADD_NOTE:
            return ""
        case Operation.POST_PAYMENT:
            posted = [row for row in chart(sim, "transactions") if row["amount"].startswith("-41.5")]
            return min((row["transaction_sr_no"] for row in posted), key=int)
    return visit


KINDS = [
    Kind(
        Operation.BOOK,
        "booking",
        lambda _visit: {"appointmentType": "cleaning", "providerId": "HY1", **at(BOOKED_AT)},
        lambda sim, _visit: bool(appointments_at(sim, BOOKED_AT)),
    ),
    Kind(
        Operation.MOVE,
        "move",
        lambda visit: {"appointmentId": visit, **at(MOVED_TO)},
        lambda sim, visit: appointment(sim, visit)["date"].startswith(f"{MOVED_TO:%Y-%m-%d}"),
    ),
    Kind(
        Operation.CANCEL,
        "cancellation",
        lambda visit: {"appointmentId": visit},
        lambda sim, visit: appointment(sim, visit)["status"] == "Cancelled",
    ),
    Kind(
        Operation.CONFIRM,
        "confirmation",
        lambda visit: {"appointmentId": visit},
        lambda sim, visit: appointment(sim, visit)["is_confirmed"] == "True",
    ),
    Kind(
        Operation.ADD_NOTE,
        "note",
        lambda _visit: {"content": NOTE},
        lambda sim, _visit: NOTE in [row["text"] for row in chart(sim, "notes")],
    ),
    Kind(
        Operation.POST_PAYMENT,
        "payment",
        lambda _visit: {"amount": 41.5, "method": "check"},
        lambda sim, _visit: any(row["amount"].startswith("-41.5") for row in chart(sim, "transactions")),
    ),
    Kind(
        Operation.CREATE_PATIENT,
        "new_patient",
        lambda _visit: dict(NINA),
        lambda sim, _visit: bool(people(sim, NINA["lastName"])),
    ),
]
# Sikka takes no others (``SikkaService.possible_capabilities``).
IMPOSSIBLE = {Operation.UPDATE_PATIENT, Operation.ADD_INSURANCE}


def each(visits: Sequence[str]) -> list[tuple[Kind, str]]:
    """Return every kind with an appointment of its own, because of one appointment one change is made at a time.

    A new patient comes last: in a call with two patients each wish has to say whose it is.
    """
    spare = iter(visits)
    changes = (Operation.MOVE, Operation.CANCEL, Operation.CONFIRM)
    return [(kind, next(spare) if kind.operation in changes else "") for kind in KINDS]
