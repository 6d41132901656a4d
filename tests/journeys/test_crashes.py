"""Whoever is killed, at whatever step: one change or none in the PMS, our rows saying which, no false word.

Each case takes a phone call through the real web server to one step of one deed, where the sandbox is made to hang,
and kills the sandbox, the web server or the worker there. A sample runs by default, ``CRASHES=all`` runs every case.
"""

from __future__ import annotations

import itertools
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import Account
from pms.jobs import sweeps
from pms.management.simulation import Phone
from pms.models import (
    AuditPhase,
    Booking,
    BookingState,
    Operation,
    PmsAuditLog,
    Task,
    ToolCall,
    WriteBack,
    WriteBackState,
)
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import completing
from tests import child
from tests.journeys.houses import SANDBOX, WEB, WORKER, House, wait_until
from tests.practice import seeded
from tests.talking import ALDER, CORA, quiet_day

pytestmark = pytest.mark.django_db(transaction=True)

# What says that it is done, that it is sent, that it is not done, and that a person has been told.
DONE = re.compile(r"is booked for|has been moved to|(has been|is) cancelled|There is a record for")
SENT = re.compile(r"has been sent to the practice's system")
NOT_DONE = re.compile(
    r"nothing has been scheduled|did not go through|not been sent|could not|stays as it|still stands|there is none"
)
TOLD = re.compile(r"have asked the(m| team)|have left the team")
TO_BE_TOLD = re.compile(r"does not go through, the team will be told")

LONG, SHORT = 20.0, 2.0  # seconds that the sandbox hangs: until somebody is killed, or while a bystander is
SOON = 40  # seconds until the claim of a dead process ends; no job looks before a minute
COPIED_EVERY = timedelta(minutes=10)  # the vendor's reads show nothing sooner
_PATIENCE = 9  # rounds of ten minutes

Row = Mapping[str, str]


def visits(house: House) -> list[Row]:
    """The appointments on the quiet day, as the PMS has them; none but this test's."""
    found = house.sim("GET", "truth", office_id=ALDER)["appointments"]
    return [row for row in found if row["date"].startswith(quiet_day().isoformat())]


def booked(house: House) -> list[str]:
    return [row["appointment_sr_no"] for row in visits(house)]


def moved(house: House) -> list[str]:
    [row] = visits(house)
    return [row["appointment_sr_no"]] if row["time"] == "11:00" else []


def cancelled(house: House) -> list[str]:
    [row] = visits(house)
    return [row["appointment_sr_no"]] if row["cancelled"] == "True" else []


def created(house: House) -> list[str]:
    people = house.sim("GET", "truth", office_id=ALDER)["patients"]
    return [row["patient_id"] for row in people if row["lastname"] == "Ottershaw"]


@dataclass(frozen=True)
class Deed:
    """What the caller wants: the tool, the vendor's request for it, how the PMS's truth shows it (``made``: its ids).

    ``reads`` is what the tool reads of the vendor, ``looks`` how often before it holds a time. With ``visit`` the
    caller has an appointment already; with ``newcomer`` they have no record yet, so that the worker sends the booking.
    """

    tool: Operation
    arguments: Mapping[str, str]
    write: tuple[str, str]
    reads: str
    made: Callable[[House], list[str]]
    looks: int = 0
    visit: bool = False
    newcomer: bool = False


NEW = {"firstName": "Zephyrine", "lastName": "Ottershaw", "dateOfBirth": "1990-05-06"}
DEEDS = {
    "book": Deed(
        Operation.BOOK,
        {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": "09:00"},
        ("POST", "/v4/appointment"),
        "/v4/appointments",
        booked,
        looks=1,
    ),
    "move": Deed(
        Operation.MOVE,
        {"date": quiet_day().isoformat(), "time": "11:00"},
        ("PUT", "/v4/appointments/*"),
        "/v4/appointments",
        moved,
        looks=3,
        visit=True,
    ),
    "cancel": Deed(Operation.CANCEL, {}, ("PATCH", "/v4/appointments/*"), "/v4/appointments", cancelled, visit=True),
    "create": Deed(
        Operation.CREATE_PATIENT,
        NEW,
        ("POST", "/v4/patient"),
        "/v4/patients",
        created,
    ),
    "book for a newcomer": Deed(
        Operation.BOOK,
        {"appointmentType": "exam", "date": quiet_day().isoformat(), "time": "09:00"},
        ("POST", "/v4/appointment"),
        "/v4/appointments",
        booked,
        looks=1,
        newcomer=True,
    ),
}


@dataclass(frozen=True)
class Step:
    """Where it stops: ``hang`` makes the sandbox hang there; ``state`` is how our rows stand then.

    ``by_worker`` steps come after the call, in the worker; ``sends`` are those in which the worker sends.
    """

    hang: Callable[[Deed], tuple[str, dict[str, Any]] | None]
    state: str
    by_worker: bool = False
    sends: bool = False


def _silent(method: str, path: str, skip: int = 0) -> tuple[str, dict[str, Any]]:
    return "fail", {"kind": "timeout", "method": method, "path": path, "skip": skip}


def _unanswered(method: str, path: str) -> tuple[str, dict[str, Any]]:
    return "lose_answer", {"method": method, "path": path}


STEPS = {
    "before the hold": Step(lambda deed: _silent("GET", deed.reads), "none"),
    "after the hold": Step(lambda deed: _silent("GET", deed.reads, deed.looks), "HELD"),
    "before the write": Step(lambda deed: _silent(*deed.write), "SENDING"),
    "after the write": Step(lambda deed: _unanswered(*deed.write), "SENDING"),
    "waiting": Step(lambda _: _silent("GET", "/v4/writeback_status"), "PENDING"),
    "after done": Step(lambda _: None, "DONE"),
    "following": Step(lambda _: _silent("GET", "/v4/writeback_status"), "PENDING", by_worker=True),
    "before the read-back": Step(lambda deed: _silent("GET", deed.reads), "DONE", by_worker=True),
    "before the worker's write": Step(lambda deed: _silent(*deed.write), "SENDING", by_worker=True, sends=True),
    "after the worker's write": Step(lambda deed: _unanswered(*deed.write), "SENDING", by_worker=True, sends=True),
}


@dataclass(frozen=True)
class Case:
    """Who dies where, and after how many seconds (-1: not) Vapi repeats the call before any job has looked at it."""

    deed: str
    step: str
    victim: str
    repeated: int = -1

    def __str__(self) -> str:
        repeated = f", repeated after {self.repeated} s" if self.repeated >= 0 else ""
        return f"{self.deed}, {self.victim}, {self.step}{repeated}"


def _is_case(case: Case) -> bool:
    """Whether there is such a step in such a deed, and anything to repeat."""
    deed, step = DEEDS[case.deed], STEPS[case.step]
    is_unanswered = case.victim == WEB and not step.by_worker
    has_step = deed.newcomer == step.sends and (deed.looks > 0 or case.step != "after the hold")
    return has_step and (is_unanswered or case.repeated < 0)


ALL = [
    case
    for case in itertools.starmap(Case, itertools.product(DEEDS, STEPS, (WEB, SANDBOX, WORKER), (-1, 0, SOON)))
    if _is_case(case)
]
SAMPLE = [
    Case("book", "after the hold", WEB),
    Case("book", "after the write", WEB, SOON),
    Case("book", "after done", WEB),
    Case("book", "after the write", SANDBOX),
    Case("book", "waiting", SANDBOX),
    Case("book", "following", WORKER),
    Case("move", "after the write", WEB),
    Case("cancel", "before the write", WEB, SOON),
    Case("create", "after the write", WEB),
    Case("book for a newcomer", "after the worker's write", WORKER),
]
CASES = ALL if os.environ.get("CRASHES") == "all" else SAMPLE


@pytest.fixture(scope="module")
def _programs(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), child.database_url()) as house:
        yield house


@pytest.fixture
def house(_programs: House) -> Iterator[House]:
    """Sandbox and web server running, the sandbox as it was seeded; the worker is not running."""
    _programs.ready(SANDBOX, WEB)
    _programs.sim("POST", "reset")
    yield _programs
    if _programs.runs(WORKER):
        _programs.kill(WORKER)


@pytest.fixture
def alder(transactional_db: None, house: House, settings: Settings) -> Account:
    """Alder Dental, connected to the house's sandbox."""
    settings.PMS_PROVIDER_DEFAULTS = {
        **django_settings.PMS_PROVIDER_DEFAULTS,
        "SIKKA": {"baseUrl": f"{house.sandbox_url}/v4", "applicationId": APP_ID, "secretKey": APP_KEY},
    }
    return seeded()


@dataclass
class Asking:
    """One tool call as Vapi makes it: the same id and arguments whenever it is repeated."""

    house: House
    phone: Phone
    deed: Deed
    tool_call_id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")

    def ask(self) -> str:
        """Return what the model hears; nothing if the line to us broke."""
        try:
            return self.phone.use(self.deed.tool, self.deed.arguments, tool_call_id=self.tool_call_id)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # before or within the answer
            return ""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_whoever_is_killed_there_is_one_or_none_and_no_false_word(house: House, alder: Account, case: Case) -> None:
    deed, step = DEEDS[case.deed], STEPS[case.step]
    asking = Asking(house, _verified(house, alder, deed), deed)

    heard = (_killed_in_the_worker if step.by_worker else _killed_in_the_call)(house, asking, case)
    house.ready(SANDBOX)
    _is_true_already(house, deed, heard)
    if case.repeated >= 0:
        house.ready(WEB)
        _pass(house, seconds=case.repeated)
        heard.append(asking.ask())
    _come_to_an_end(house)
    _is_true(house, deed, heard)
    house.ready(WEB)
    again = asking.ask()
    _come_to_an_end(house)

    assert again
    _is_true(house, deed, [again])
    completing.complete_outcomes(now=timezone.now() + timedelta(minutes=6))
    outcome = PmsAuditLog.objects.filter(access_id=OuterRef("access_id"), phase=AuditPhase.OUTCOME)
    assert not PmsAuditLog.objects.filter(~Exists(outcome), phase=AuditPhase.INTENT).exists()


def _verified(house: House, account: Account, deed: Deed) -> Phone:
    """A call of somebody known: the demo caller, with an appointment if the deed is about one, or a newcomer."""
    if deed.visit:
        where = {"provider_id": "HY1", "operatory": "Hyg 1", "date": quiet_day().isoformat(), "time": "09:00"}
        visit = {"patient_id": "1001", "type": "Cleaning", "cloud": True}
        house.sim("POST", "steal", office_id=ALDER, **where, **visit)
    phone = house.phone(account)
    if deed.newcomer:
        house.sim("POST", "config", writeback_delays={"POST patient": 300})
        _do_not_wait(house)
        assert "has been sent" in phone.use("createPatient", NEW)
    else:
        assert "found the record" in phone.use("findPatient", CORA)
    return phone


def _do_not_wait(house: House) -> None:
    """Have the next question for a write-back fail, so that the caller hears at once that it is not final."""
    house.sim("POST", "fail", path="/v4/writeback_status", error_code="API1026")


def _killed_in_the_call(house: House, asking: Asking, case: Case) -> list[str]:
    """Kill somebody while the web server is at work; returns what the caller heard all the same."""
    step = STEPS[case.step]
    if case.victim == WORKER:
        house.start(WORKER)
    _hang(house, asking.deed, step, SHORT if case.victim == WORKER else LONG)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(asking.ask)
        _kill(house, asking.deed, step, case.victim)
        house.start(case.victim)
        return [heard.result(30)]


def _killed_in_the_worker(house: House, asking: Asking, case: Case) -> list[str]:
    """Kill somebody while the worker is at work after the call; a worker that was killed ends it when it is back."""
    step = STEPS[case.step]
    if step.state == WriteBackState.PENDING:
        house.sim("POST", "config", writeback_delay=300)
        _do_not_wait(house)
    heard = [asking.ask()]
    _is_true_already(house, asking.deed, heard)
    _pass(house, minutes=10)
    if step.sends:
        sweeps.follow_write_backs()  # the record is made; the booking that waits for it is next
    _hang(house, asking.deed, step, SHORT if case.victim == WEB else LONG)
    house.start(WORKER)
    _kill(house, asking.deed, step, case.victim)
    if case.victim == WORKER:
        _pass(house, minutes=10)
    house.start(case.victim)
    house.ready(SANDBOX)
    if case.victim == WORKER:
        wait_until(lambda: _has_gone_on(asking.deed, step))
    assert house.stop(WORKER) == 0
    return heard


def _has_gone_on(deed: Deed, step: Step) -> bool:
    write_back = WriteBack.objects.get(operation=deed.tool)
    return write_back.state != step.state or write_back.verified_at is not None


def _hang(house: House, deed: Deed, step: Step, seconds: float) -> None:
    house.sim("DELETE", "requests")
    if step.state == WriteBackState.PENDING:
        house.sim("POST", "config", writeback_delay=300)
    if (fault := step.hang(deed)) is not None:
        command, aim = fault
        house.sim("POST", command, hold_seconds=seconds, **aim)


def _kill(house: House, deed: Deed, step: Step, victim: str) -> None:
    """Kill ``victim`` as soon as the step is reached, and make sure that it was that step."""
    if step.state == WriteBackState.DONE and not step.by_worker:
        wait_until(lambda: WriteBack.objects.filter(state=WriteBackState.DONE).exists())
    else:
        wait_until(lambda: any(row["status"] == 0 for row in house.sim("GET", "requests")["requests"]))
    state = _state(deed)
    house.kill(victim)
    assert state == step.state


def _state(deed: Deed) -> str:
    write_back = WriteBack.objects.filter(operation=deed.tool).first()
    if write_back is not None:
        return str(write_back.state)
    booking = Booking.objects.first()
    return str(booking.state) if booking else "none"


def _pass(house: House, **passed: float) -> None:
    """Let time pass: at the vendor by its clock, here by moving what is planned and leased into the past."""
    ago = timedelta(**passed)
    WriteBack.objects.update(
        sent_at=F("sent_at") - ago,
        completed_at=F("completed_at") - ago,
        next_attempt_at=F("next_attempt_at") - ago,
        lease_until=F("lease_until") - ago,
    )
    Booking.objects.update(hold_expires_at=F("hold_expires_at") - ago)
    ToolCall.objects.update(lease_until=F("lease_until") - ago)
    house.sim("POST", "clock", advance_seconds=ago.total_seconds())
    if ago >= COPIED_EVERY:
        house.sim("POST", "refresh")


def _come_to_an_end(house: House) -> None:
    """Let time pass and the sweeps run until nothing is left to follow."""
    for _ in range(_PATIENCE):
        _pass(house, minutes=10)
        sweeps.follow_write_backs()
        sweeps.housekeeping()
        is_held = Booking.objects.filter(state=BookingState.HELD).exists()
        if not is_held and not WriteBack.objects.filter(next_attempt_at__isnull=False).exists():
            return
    pytest.fail(f"No end: {list(WriteBack.objects.values('operation', 'state', 'attempts'))}")


def _is_true_already(house: House, deed: Deed, heard: list[str]) -> None:
    """Compare what was called done with the PMS as it was then."""
    assert deed.made(house) or not any(DONE.search(words) for words in heard), heard


def _is_true(house: House, deed: Deed, heard: list[str]) -> None:
    """Compare the PMS with our rows, and both with what the caller heard."""
    made = deed.made(house)
    assert len(made) <= 1
    assert _ours(deed) == made
    method, api = deed.write[0], deed.write[1].split("/")[2].removesuffix("s")
    sent = [one for one in house.sim("GET", "writebacks")["writebacks"] if (one["method"], _api(one)) == (method, api)]
    assert len(sent) <= 1
    for words in heard:
        assert made or not DONE.search(words), words
        assert not made or not NOT_DONE.search(words), words
        assert sent or not SENT.search(words), words
        assert Task.objects.exists() or not TOLD.search(words), words
        assert Task.objects.exists() or made or not TO_BE_TOLD.search(words), words


def _api(write_back: Row) -> str:
    return write_back["api"].removesuffix("s")


def _ours(deed: Deed) -> list[str]:
    """The ids that our rows say were made or changed; whatever else there is must say that nothing was."""
    write_backs = WriteBack.objects.filter(operation=deed.tool)
    done = list(write_backs.filter(state=WriteBackState.DONE).values_list("record_id", flat=True))
    assert write_backs.filter(state=WriteBackState.FAILED).count() == write_backs.count() - len(done)
    confirmed = Booking.objects.filter(state=BookingState.CONFIRMED)
    if deed.looks:
        assert list(confirmed.values_list("pms_appointment_id", flat=True)) == done
    ended = Booking.objects.filter(state__in=[BookingState.FAILED, BookingState.EXPIRED])
    assert ended.count() == Booking.objects.count() - confirmed.count()
    return done
