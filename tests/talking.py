"""Callers, for tests: a live call whose model uses tools, clocks that can be set, and threads that start together."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import pytest
import requests
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts.models import Account
from pms.domain import speech
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of, zone
from pms.domain.records import AppointmentStatus
from pms.jobs import sweeps
from pms.models import (
    Booking,
    BookingState,
    Call,
    CredentialKind,
    Operation,
    Task,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.sandbox import Sandbox
from pms.services import diary, gateway
from pms.services.audit import Asker
from pms.tools import runner
from pms.tools.context import Face, Request, Result
from tests.conftest import Sim
from tests.practice import CALLER, live_call
from tests.sandbox.conftest import Desk

T = TypeVar("T")
Slow = Callable[..., None]

ALDER = "D10001"
NEW_YORK = zone("America/New_York")
CORA = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
MILO = {"firstName": "Milo", "lastName": "Whitfield", "dateOfBirth": "2017-09-30"}
JOSE = {"firstName": "José", "lastName": "Núñez", "dateOfBirth": "1980-02-03"}
JORDAN = {"firstName": "Jordan", "lastName": "Lee", "dateOfBirth": "1975-06-15"}
NOBODY = {"firstName": "Theodora", "lastName": "Brandywine", "dateOfBirth": "1990-01-02"}

_CLAIM = re.compile(r"\b(booked|all set|confirmed)\b|\b(?:is|are|been) (moved|cancelled)\b", re.IGNORECASE)
# Beyond the sandbox's month of appointments: every hour of such a day is free.
_QUIET_FROM_DAYS = 35
_HASTE = 5


class SetClock:
    """The machine's clock, set to another time and running on from there; it sleeps less, so that tests end sooner."""

    def __init__(self, now: datetime | None = None) -> None:
        self._ahead = now - datetime.now(UTC) if now else timedelta()

    @classmethod
    def later(cls, **passed: float) -> SetClock:
        """Return a clock that is ahead of the machine's by a ``timedelta``."""
        return cls(datetime.now(UTC) + timedelta(**passed))

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / _HASTE)


class Caller:
    """One live call. ``use`` has its model use a tool, as the webhook would after the signature."""

    def __init__(
        self, account: Account, *, number: str = CALLER, clock: Clock | None = None, call: Call | None = None
    ) -> None:
        self.clock = clock or SetClock()
        self.call = call or live_call(account, caller=number, now=self.clock.now())

    def request(self, *, tool_call_id: str = "", seconds: float = 0.0) -> Request:
        """Return the request of one tool call."""
        return Request(
            account=self.call.account,
            kind=CredentialKind.VOICE,
            face=Face.VOICE,
            asker=Asker(actor="voice:test", endpoint="test", method="POST", vapi_call_id=self.call.vapi_call_id),
            clock=self.clock,
            budget=Budget(seconds or settings.TOOL_BUDGET_SECONDS, self.clock),
            call=self.call,
            tool_call_id=tool_call_id or f"call_{uuid.uuid4().hex}",
        )

    def use(self, tool: str, *, tool_call_id: str = "", seconds: float = 0.0, **arguments: Any) -> Result:
        """Use one tool and return what the model hears; with ``seconds``, within another budget."""
        request = self.request(tool_call_id=tool_call_id, seconds=seconds)
        result = runner.run(name=tool, arguments=arguments, request=request)
        assert "\n" not in result.say
        for claim in _CLAIM.finditer(result.say):
            assert self._is_true((claim[1] or claim[2]).lower(), result.say), result.say
        return result

    def _is_true(self, claim: str, say: str) -> bool:
        """Return whether what was said to be done is done: by our own rows or, failing them, by the PMS's."""
        ours = Booking.objects.filter(account=self.call.account)
        done = WriteBack.objects.filter(account=self.call.account, state=WriteBackState.DONE)
        confirmed = ours.filter(state=BookingState.CONFIRMED).exclude(pms_appointment_id="")
        numbered = [one for one in confirmed if speech.spell(one.confirmation_number) in say]
        match claim:
            case "moved":
                is_moved = any(one.moved_appointment_id for one in numbered)
                return is_moved or ours.filter(state=BookingState.RESCHEDULED).exists()
            case "cancelled":
                withdrawn = WriteBack.objects.filter(account=self.call.account, failure="withdrawn")
                is_known = done.filter(operation=Operation.CANCEL).exists() or withdrawn.exists()
                is_cancelled = is_known or ours.filter(state=BookingState.CANCELLED).exists()
                return is_cancelled or self._pms_shows(AppointmentStatus.CANCELLED)
            case "confirmed":
                known = done.filter(operation=Operation.CONFIRM).exists()
                return known or self._pms_shows(AppointmentStatus.CONFIRMED)
        return bool(numbered)

    def _pms_shows(self, status: AppointmentStatus) -> bool:
        """Return whether the PMS shows an appointment ahead in a status, of a patient of this call."""
        account, today = self.call.account, local_date_of(self.clock.now(), self.call.account.zone)
        pms = gateway.service_for(
            integration=account.integrations.select_related("account").get(),
            clock=self.clock,
            budget=Budget(settings.TOOL_BUDGET_SECONDS, self.clock),
        )
        rows = pms.list_appointments(today, today + timedelta(days=90))
        known = Verification.objects.filter(call=self.call, succeeded=True).values_list("patient_id", flat=True)
        return any(row.status is status and row.patient_id in known for row in rows)

    def verified(self, person: dict[str, str] | None = None) -> Caller:
        """Prove who the call is about: the demo caller, or ``person``."""
        result = self.use("findPatient", **(person or CORA))
        assert result.outcome == "ok", result.say
        return self

    def open_times(self, **arguments: Any) -> str:
        """Ask for cleanings on a quiet day, unless ``arguments`` say otherwise."""
        asked = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), **arguments}
        return self.use("checkAvailability", **asked).say

    def book(self, at: str = "09:00", **arguments: Any) -> Result:
        """Book a cleaning on a quiet day, unless ``arguments`` say otherwise."""
        named: dict[str, Any] = {name: arguments.pop(name) for name in ("tool_call_id", "seconds") if name in arguments}
        wish = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": at}
        return self.use("bookAppointment", **named, **(arguments if "slotCode" in arguments else {**wish, **arguments}))

    def move(self, at: str = "10:00", **arguments: Any) -> Result:
        """Move the appointment to another time of the quiet day, unless ``arguments`` say otherwise."""
        is_written = arguments.keys() & {"slotCode", "startTime"}
        wish = {} if is_written else {"date": quiet_day().isoformat(), "time": at}
        return self.use("rescheduleAppointment", **{**wish, **arguments})

    def cancel(self, appointment: str = "", **arguments: Any) -> Result:
        """Cancel an appointment: the one that is named, else the only one there is."""
        return self.use("cancelAppointment", **({"appointmentId": appointment} if appointment else {}), **arguments)

    def confirm(self, appointment: str = "", **arguments: Any) -> Result:
        """Say that the patient is coming."""
        return self.use("confirmAppointment", **({"appointmentId": appointment} if appointment else {}), **arguments)

    def ahead(self) -> str:
        """Return what is said of the appointments ahead."""
        return self.use("getAppointments").say


def quiet_day(weekday: int = 1) -> date:
    """Return the Tuesday, or another day, of a week from Monday on in which Alder has no appointment at all."""
    return _quiet_monday() + timedelta(days=weekday)


@cache
def _quiet_monday() -> date:
    """Return the same day in the whole run, on whichever side of a midnight it is asked for."""
    day = local_date_of(timezone.now(), NEW_YORK) + timedelta(days=_QUIET_FROM_DAYS)
    return day + timedelta(days=-day.weekday() % 7)


def aged(years: int, days: int = 0) -> str:
    """Return the date of birth of who turns so old on the practice's day, or so many days after it."""
    birthday = local_date_of(timezone.now(), NEW_YORK) + timedelta(days=days)
    if (birthday.month, birthday.day) == (2, 29):
        birthday += timedelta(days=1 if days else -1)  # other years have no such day
    return birthday.replace(year=birthday.year - years).isoformat()


def codes(say: str) -> list[str]:
    """Return the codes in an answer."""
    return re.findall(r"\(code (A\d+)\)", say)


def in_the_pms(sim: Sim, patient_id: str = "", *, day: date | None = None) -> list[dict[str, str]]:
    """Return the appointments that are in the practice's own system, of one patient, of one day (else a quiet one)."""
    rows = sim("GET", "truth", office_id=ALDER, patient_id=patient_id)["appointments"]
    wanted = (day or quiet_day()).isoformat()
    return [row for row in rows if row["date"].startswith(wanted)]


def asked_of_the_pms(sim: Sim) -> list[tuple[str, str]]:
    """Return method and path of every request that the vendor has had since the log was emptied."""
    return [(row["method"], row["path"].removeprefix("/v4")) for row in sim("GET", "requests")["requests"]]


def bookings_sent(sim: Sim) -> int:
    """Return how often a booking was sent to the vendor."""
    return asked_of_the_pms(sim).count(("POST", "/appointment"))


def slow_office(sim: Sim, monkeypatch: pytest.MonkeyPatch, *writes: str) -> None:
    """Let the office take ten minutes, with all writes or with those named ("PUT appointment"); nobody waits for it."""
    _take_ten_minutes(sim, writes)
    monkeypatch.setattr("pms.services.sending.WAIT_FOR_WRITE_SECONDS", 0)


def slow_write(sim: Sim, *writes: str) -> None:
    """Let the office take ten minutes in the same way; nobody waits for the next write, as its state cannot be read."""
    _take_ten_minutes(sim, writes)
    sim("POST", "fail", path="/v4/writeback_status")


def _take_ten_minutes(sim: Sim, writes: Sequence[str]) -> None:
    if writes:
        sim("POST", "config", writeback_delays=dict.fromkeys(writes, 600))
    else:
        sim("POST", "config", writeback_delay=600)


def carry_out(sim: Sim) -> None:
    """Let so much time pass at the office that it has carried out what it takes long with."""
    sim("POST", "clock", advance_seconds=601)


def look(**later: float) -> int:
    """Run the sweep of write-backs at a later time."""
    return sweeps.follow_write_backs(SetClock.later(**later))


def kinds() -> list[str]:
    """Return the kinds of all tasks, in their order."""
    return sorted(Task.objects.values_list("kind", flat=True))


def without_capability(account: Account, capability: str) -> None:
    """Let the connection lack a capability, as some systems behind Sikka do."""
    integration = account.integrations.get()
    found = [one for one in integration.metadata["capabilities"] if one != capability]
    integration.metadata = {**integration.metadata, "capabilities": found}
    integration.save()


def trusting_any_copy(account: Account) -> None:
    """Have the practice book by a copy of any age, for clocks that are far ahead of the vendor's."""
    integration = account.integrations.get()
    integration.config = {**integration.config, "maxDataAgeMinutes": 10**6}
    integration.save()


def writes_sent(sim: Sim) -> list[tuple[str, str]]:
    """Return method and path of every change that was sent to the vendor."""
    return [one for one in asked_of_the_pms(sim) if one[0] != "GET" and one[1] not in ("/request_key", "/writebacks")]


def made_at_the_desk(
    sandbox: Sandbox, at: str = "09:00", *, day: date | None = None, is_shown: bool = True, **changes: str
) -> str:
    """Have the desk make an appointment, a cleaning for Cora on the quiet day unless told otherwise; return its id.

    The vendor's copy shows it, unless ``is_shown`` is false.
    """
    wanted = {"patient_id": "1001", "date": (day or quiet_day()).isoformat(), "time": at, "length": "60", "type": "2"}
    with requests.Session() as session:
        session.trust_env = False
        desk = Desk(sandbox.url, session)
        desk.book(**{**wanted, "provider_id": "HY1", "operatory": "Hyg 1", **changes})
        desk.later(1)
        if is_shown:
            desk.sim("POST", "refresh", office_id=ALDER)
        rows = desk.sim("GET", "truth", office_id=ALDER)["appointments"]
    return str(max((row["appointment_sr_no"] for row in rows), key=int))


def cancel_at_the_desk(sandbox: Sandbox, number: str) -> None:
    """Have the desk cancel an appointment in the practice's own system, and let the vendor's copy show it."""
    status = {"op": "replace", "path": "/appointment_status", "value": "Cancelled"}
    _change_at_the_desk(sandbox, "PATCH", number, status)


def move_at_the_desk(sandbox: Sandbox, number: str, **changes: str) -> None:
    """Have the desk change time, room or clinician of an appointment, and let the vendor's copy show it."""
    _change_at_the_desk(sandbox, "PUT", number, {"provider_id": "HY1", **changes})


def _change_at_the_desk(sandbox: Sandbox, method: str, number: str, change: dict[str, str]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        desk = Desk(sandbox.url, session)
        desk.call(method, f"appointments/{number}", json={"practice_id": "1", **change}).raise_for_status()
        desk.later(1)
        desk.sim("POST", "refresh", office_id=ALDER)


def together(*work: Callable[[], T]) -> list[T]:
    """Run every callable in a thread and database connection of its own, all at once, and return their results."""
    start = threading.Barrier(len(work))
    results: list[T | BaseException] = [RuntimeError("did not run")] * len(work)

    def run(number: int, one: Callable[[], T]) -> None:
        try:
            start.wait(10)
            results[number] = one()
        except BaseException as error:  # noqa: BLE001  # raised again below
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, one)) for number, one in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    failed = [result for result in results if isinstance(result, BaseException)]
    if failed:
        raise failed[0]
    return [result for result in results if not isinstance(result, BaseException)]


def find_at_once(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let so many threads find their appointment before any of them goes on to change it."""
    found, gate, seen = diary.find, threading.Barrier(count), set[int]()

    def find(*args: Any, **named: Any) -> diary.Entry:
        entry = found(*args, **named)
        if threading.get_ident() not in seen and len(seen) < count:
            seen.add(threading.get_ident())
            gate.wait(20)
        return entry

    monkeypatch.setattr(diary, "find", find)


def outcomes(results: Sequence[Result]) -> list[str]:
    """Return how each use of a tool ended, in order."""
    return sorted(result.outcome for result in results)
