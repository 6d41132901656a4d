"""The sandbox beside a scripted call: faults, which are taken back in the end, and what the PMS truly has.

The truth is asked of the PMS itself, past Sikka's copy and past everything that Parlae knows or says.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import requests

from accounts.models import Account
from pms.domain import speech
from pms.domain.records import NewNote
from pms.models import Booking, Operation, WriteBack
from pms.sandbox.truth import is_active
from pms.services import write_backs
from pms.vapi.phone import CallFailed

# What a script may do to the sandbox: switches, which are put back, and what a practice does anyway.
SWITCHES = ("config", "office")
EVENTS = ("clock", "refresh", "steal")
# Faults wait for the requests that they hit. Those aimed at every request, or every POST, also hit one for a key, which
# changes nothing: so whatever is left of them can be used up.
FAULTS = ("fail", "lose_answer")
AIM = "/v4/*"

_TIMEOUT_SECONDS = 5.0
_WHEN = r"\w+day, \w+ \d+\w\w(?:, \d{4})? at \d+(?::\d\d)? [AP]M"
_HAS = re.compile(rf"(?:is booked for|has been moved to) ({_WHEN}) with .*? number is (\w(?: \w)*)")
_LISTED = re.compile(rf"({_WHEN}) \(appointment (\d+)\)")
_CANCELLED = re.compile(rf"appointment on ({_WHEN}) (?:has been|is) cancelled")
_CONFIRMED = re.compile(rf"appointment on ({_WHEN}) is marked as confirmed")
_ADDED = re.compile(r"I have added that (note)")
_CREATED = re.compile(r"record for (.+?) now \(patient id (\w+)\)")


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment as the PMS has it; ``starts_at`` is on the practice's wall clock."""

    id: str
    patient_id: str
    clinician_id: str
    starts_at: datetime
    is_active: bool
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What is in the PMS that was not before: appointments, those of them that are cancelled, patients by id, notes.

    ``others`` are earlier appointments that are not what they were; ``notes`` are what new ones say.
    """

    booked: Sequence[Visit]
    cancelled: Sequence[Visit]
    others: Sequence[Visit]
    patients: Mapping[str, str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Truth:
    """What the PMS has: appointments by id, and the names of patients and the texts of notes by id."""

    visits: Mapping[str, Visit]
    people: Mapping[str, str]
    notes: Mapping[str, str]


class Witness:
    """Sees and steers one office of the sandbox while a script is played.

    Args:
        url: the sandbox's address.
        office_id: the office that the account is connected to.
        patients: the ids of those whom the script is about.
        account: the practice as Parlae knows it.
        today: its local day.
    """

    def __init__(self, *, url: str, office_id: str, patients: Sequence[str], account: Account, today: date) -> None:
        self._url = url.rstrip("/")
        self._office_id = office_id
        self._patients = list(patients)
        self._account = account
        self._today = today
        self._session = requests.Session()
        self._session.trust_env = False
        self._faults = 0
        self._found: dict[str, dict[str, Any]] = {}  # how the switches stood
        self._before = self._truth()

    def steer(self, command: str, asked: Mapping[str, Any]) -> None:
        """Send ``command``, such as "POST office", to the control plane. Raises ``CallFailed`` for what would stay."""
        method, _, name = command.partition(" ")
        if name in FAULTS and (asked.get("path"), asked.get("method", "POST")) != (AIM, "POST"):
            raise CallFailed(f"{name} must be aimed at {AIM}, or it could not be taken back.")
        if name not in (*FAULTS, *SWITCHES, *EVENTS):
            raise CallFailed(f"{command} cannot be taken back, so no script may ask for it.")
        of_office = {} if name in ("config", "clock", *FAULTS) else {"office_id": self._office_id}
        if name in SWITCHES and name not in self._found:
            self._found[name] = {**of_office, **self._control("POST", name, of_office)}
        if name in FAULTS:
            self._faults += int(asked.get("times", 1)) + int(asked.get("skip", 0))
        self._control(method, name, {**of_office, **asked})

    def put_back(self) -> None:
        """Take every fault back and put every switch to where it was. Raises ``CallFailed`` if a fault is left."""
        for name in list(self._found):
            self._control("POST", name, self._found.pop(name))
        if not self._faults:
            return
        grant = self._grant()
        for _ in range(self._faults):
            with contextlib.suppress(requests.RequestException):
                self._ask_for_key(grant)
        if not self._ask_for_key(grant):
            raise CallFailed("The sandbox still has faults that the script asked for.")
        self._faults = 0

    def confirms(self, heard: str) -> bool:
        """Return whether ``heard`` says that something is done; raise ``CallFailed`` if the PMS does not have it."""
        claims = [(check, found.groups()) for pattern, check in self._checks() for found in pattern.finditer(heard)]
        self._patients += [found[2] for found in _CREATED.finditer(heard)]  # the script is about them too from now on
        if claims:
            visits = [visit for patient_id in self._patients for visit in self._truth(patient_id).visits.values()]
            if not all(check(visits, *said) for check, said in claims):
                raise CallFailed(f"The caller heard what the PMS does not have: {heard}")
        return bool(claims)

    def changes(self) -> Changes:
        """Return what is otherwise than when the script began."""
        truth, before = self._truth(), self._before
        new = [visit for number, visit in truth.visits.items() if number not in before.visits]
        return Changes(
            booked=[visit for visit in new if visit.is_active],
            cancelled=[visit for visit in new if not visit.is_active],
            others=[visit for number, visit in truth.visits.items() if before.visits.get(number, visit) != visit],
            patients={number: name for number, name in truth.people.items() if number not in before.people},
            notes=[text for number, text in truth.notes.items() if number not in before.notes],
        )

    def has(self, booking: Booking) -> bool:
        """Return whether the PMS has exactly this booking: the record, and no other of that patient at that time."""
        start = booking.starts_at.astimezone(self._account.zone).replace(tzinfo=None)
        visits = [visit for visit in self._truth(booking.patient_id).visits.values() if visit.starts_at == start]
        found = [(visit.id, visit.clinician_id) for visit in visits if visit.is_active]
        return found == [(booking.pms_appointment_id, booking.clinician_id)]

    def _checks(self) -> list[tuple[re.Pattern[str], Callable[..., bool]]]:
        return [
            (_HAS, self._is_booked),
            (_LISTED, self._is_listed),
            (_CANCELLED, self._is_cancelled),
            (_CONFIRMED, self._is_confirmed),
            (_CREATED, self._is_created),
            (_ADDED, self._is_added),
        ]

    def _is_booked(self, _visits: Sequence[Visit], when: str, number: str) -> bool:
        booking = Booking.objects.filter(account=self._account, confirmation_number=number.replace(" ", "")).first()
        if booking is None:
            return False
        return self._say(booking.starts_at.astimezone(self._account.zone)) == when and self.has(booking)

    def _is_listed(self, visits: Sequence[Visit], when: str, number: str) -> bool:
        return any(visit.id == number and visit.is_active for visit in self._at(visits, when))

    def _is_cancelled(self, visits: Sequence[Visit], when: str) -> bool:
        there = self._at(visits, when)
        return bool(there) and not any(visit.is_active for visit in there)

    def _is_confirmed(self, visits: Sequence[Visit], when: str) -> bool:
        there = [visit for visit in self._at(visits, when) if visit.is_active]
        return bool(there) and all(visit.is_confirmed for visit in there)

    def _is_created(self, _visits: Sequence[Visit], first_name: str, patient_id: str) -> bool:
        return self._truth(patient_id).people.get(patient_id, "").startswith(f"{first_name} ")

    def _is_added(self, _visits: Sequence[Visit], _note: str) -> bool:
        last = WriteBack.objects.filter(account=self._account, operation=Operation.ADD_NOTE).latest("created_at")
        wanted = write_backs.change_of(last)
        return isinstance(wanted, NewNote) and wanted.text in self._truth(last.patient_id).notes.values()

    def _at(self, visits: Sequence[Visit], when: str) -> list[Visit]:
        return [visit for visit in visits if self._say(visit.starts_at) == when]

    def _say(self, local: datetime) -> str:
        return speech.say_when(local, self._today)

    def _truth(self, patient_id: str = "") -> _Truth:
        rows = self._control("GET", "truth", {"office_id": self._office_id, "patient_id": patient_id})
        return _Truth(
            visits={row["appointment_sr_no"]: _visit(row) for row in rows["appointments"]},
            people={row["patient_id"]: f"{row['firstname']} {row['lastname']}" for row in rows["patients"]},
            notes={row["note_id"]: row["text"] for row in rows["notes"]},
        )

    def _grant(self) -> dict[str, str]:
        """Return what asks for the office's key."""
        known = self._control("GET", "credentials", {})
        [office] = [one for one in known["offices"] if one["office_id"] == self._office_id]
        return {
            "grant_type": "request_key",
            "app_id": known["app_id"],
            "app_key": known["app_key"],
            "office_id": self._office_id,
            "secret_key": office["secret_key"],
        }

    def _ask_for_key(self, grant: Mapping[str, str]) -> bool:
        answer = self._session.post(f"{self._url}/v4/request_key", json=grant, timeout=_TIMEOUT_SECONDS)
        return answer.status_code == 200

    def _control(self, method: str, command: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Send a command and return its answer. Raises ``CallFailed`` with the sandbox's own words if it refuses."""
        sent: dict[str, Any] = {"params": asked} if method == "GET" else {"json": asked}
        answer = self._session.request(method, f"{self._url}/_sim/{command}", timeout=_TIMEOUT_SECONDS, **sent)
        body: dict[str, Any] = answer.json()
        if not body.pop("ok", False):
            raise CallFailed(f"The sandbox refuses {method} {command}: {body.get('error')}.")
        return body


def _visit(row: Mapping[str, str]) -> Visit:
    return Visit(
        id=row["appointment_sr_no"],
        patient_id=row["patient_id"],
        clinician_id=row["provider_id"],
        starts_at=datetime.fromisoformat(f"{row['date'][:10]}T{row['time']}"),
        is_active=is_active(dict(row)),
        is_confirmed=row["is_confirmed"] == "True",
    )
