"""Two connected practices before all three faces, and everything that a use of a tool leaves behind.

The practices are made once for a module and every test's own changes are taken back, because a cell of the table is
quicker than a practice is made.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

from django.db import transaction
from django.test import Client

from accounts.models import Account
from pms.domain import errors
from pms.models import PmsAuditLog, PmsToken, Task, ToolCall, VoiceLine, WriteBack
from pms.models.credential import Scope
from pms.sandbox import Sandbox
from tests.conftest import Sim
from tests.journeys.tenants import ALDER, BIRCH, BIRCH_PRACTICE, DESMOND
from tests.practice import live_call, owner_is_now, seeded
from tests.talking import Caller, quiet_day
from tests.vapi.sending import WEBHOOK, issued, secret_of, signed, tool_call, tool_calls

Arguments = Mapping[str, Any]
Truth = dict[str, dict[str, dict[str, dict[str, str]]]]

# Of Birch alone: Alder has nobody and nothing by these ids.
BIRCHS_PATIENT, BIRCHS_FIRST_VISIT = "1004", 95001
# What is kept of no use of a tool is known by its sentence.
_CODES = {one.default_spoken: one.code for one in (errors.RateLimited, errors.CallRequired)}
_VISIT = {"provider_id": "HY1", "operatory": "Hyg 1", "type": "2", "length": 60}


class Face(StrEnum):
    """How a use of a tool comes in."""

    SERVER = "REST by a server"
    CALL = "REST in a call"
    HOOK = "the webhook"


@dataclass(frozen=True)
class Heard:
    """An answer. ``code`` is ``ok`` or the error's; by the webhook ``say`` is what the model hears."""

    status: int
    code: str
    raw: bytes = field(repr=False)
    say: str = ""
    retry_after: str = ""


@dataclass(frozen=True)
class Left:
    """What a use has left: audit rows, tasks, and what the practices' own systems were asked and changed."""

    audit: tuple[str, ...]
    changed: tuple[str, ...]
    tasks: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass
class House:
    """What is made once: the practices, and the ids that a test needs of them."""

    alder: Account
    birch: Account
    line: VoiceLine
    birchs_line: VoiceLine
    token: str = field(repr=False)
    birchs_token: str = field(repr=False)
    call: str  # in which the demo caller is proven, from the number on file
    silent_call: str  # in which nobody has said who they are
    write: str = ""
    birchs_write: str = ""


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back every change of the database at the end, as Django's ``TestCase`` does."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]  # evidence is durable, also inside of a test
    with atomic:
        try:
            yield
        finally:
            transaction.set_rollback(True)


def built(sim: Sim) -> House:
    """Make both practices, a call in each state, and one finished change of each."""
    sim("POST", "reset")
    sim("POST", "config", writeback_delay=0)
    alder = seeded()
    owner_is_now("owner@alder.example")
    birch = seeded(**BIRCH_PRACTICE)
    Caller(alder, call=live_call(alder, vapi_call_id="proven-call")).verified()
    live_call(alder, vapi_call_id="silent-call")
    house = House(
        alder,
        birch,
        VoiceLine.objects.get(account=alder),
        VoiceLine.objects.get(account=birch),
        issued(alder, *Scope.values)[0],
        issued(birch, *Scope.values)[0],
        "proven-call",
        "silent-call",
    )
    for account, person in ((alder, None), (birch, DESMOND)):
        Caller(account, call=live_call(account, vapi_call_id="call-of-a-note")).verified(person).use(
            "addPatientNote", content="Comes by bus."
        )
    house.write, house.birchs_write = (str(WriteBack.objects.get(account=one).pk) for one in (alder, birch))
    PmsToken.objects.all().delete()  # every test's office begins without sessions
    return house


class Stage:
    """What one test has: the practices as they were made, and an office with one appointment ahead for the caller."""

    def __init__(self, house: House, client: Client, sandbox: Sandbox, sim: Sim) -> None:
        self.house, self.client, self.sim = house, client, sim
        self.url, self._world = sandbox.url, sandbox.world
        sim("POST", "reset")
        sim("POST", "config", writeback_delay=0.01)
        self.visit = self._visit(ALDER, "1001")
        self._world.offices[BIRCH].next_appointment = BIRCHS_FIRST_VISIT
        self.birchs_visit = self._visit(BIRCH, "1001")

    def _visit(self, office: str, patient_id: str) -> str:
        when = {"date": quiet_day(2).isoformat(), "time": "10:00"}
        made = self.sim("POST", "steal", office_id=office, patient_id=patient_id, cloud=True, **when, **_VISIT)
        return str(made["appointment_sr_no"])

    # What is left

    def forget(self) -> None:
        """Begin to look at what is left."""
        with self._world.lock:
            self._world.journal.clear()
        self._before = self._truth()
        self._rows, self._tasks = PmsAuditLog.objects.count(), Task.objects.count()

    def rows(self) -> list[PmsAuditLog]:
        """Return the audit rows since then."""
        return list(PmsAuditLog.objects.order_by("created_at", "seq")[self._rows :])

    def left(self) -> Left:
        """Return what is left since then."""
        tasks = Task.objects.order_by("created_at")[self._tasks :]
        with self._world.lock:
            asked = [f"{one['method']} {one['path']}".replace("/v4", "") for one in self._world.journal.entries()]
        now = self._truth()
        return Left(
            tuple(f"{row.action} {row.phase} {row.error_message or 'ok'}" for row in self.rows()),
            tuple(f"{o} {name}" for o, kept in now.items() for name in kept if kept[name] != self._before[o][name]),
            tuple(task.kind for task in tasks),
            tuple(asked),
        )

    def _truth(self) -> Truth:
        with self._world.lock:
            self._world.settle()
            return {
                office_id: {
                    name: {key: dict(row) for key, row in rows.items()} for name, rows in vars(office.truth).items()
                }
                for office_id, office in self._world.offices.items()
            }

    # How a tool is used

    def use(
        self,
        face: Face,
        tool: str,
        method: str,
        address: str,
        arguments: Arguments,
        *,
        call: str | None = None,
        token: str = "",
        secret: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """Use a tool. ``call`` is the proven one unless another is named, or none with an empty text."""
        call = self.house.call if call is None else call
        if face is Face.HOOK:
            return self._hook(tool, arguments, call, secret or secret_of(self.house.line))
        return self._rest(face, method, address, arguments, call, token, secret, headers or {})

    def _hook(self, tool: str, arguments: Arguments, call: str, secret: str) -> Heard:
        identifier = f"call_{uuid.uuid4().hex}"
        body = tool_calls(self.house.line, [tool_call(tool, arguments, identifier)], call_id=call)
        raw = json.dumps(body).encode()
        answer = self.client.post(WEBHOOK, data=raw, content_type="application/json", headers=signed(raw, secret))
        if answer.status_code != 200:
            return Heard(answer.status_code, answer.json()["error"]["code"], answer.content)
        [row] = answer.json()["results"]
        assert set(answer.json()) == {"results"}
        assert set(row) == {"name", "toolCallId", "result"}
        assert (row["name"], row["toolCallId"]) == (tool, identifier)
        outcome = ToolCall.objects.filter(tool_call_id=identifier).values_list("outcome", flat=True).first()
        return Heard(200, outcome or _CODES.get(row["result"], "ok"), answer.content, row["result"])

    def _rest(
        self,
        face: Face,
        method: str,
        address: str,
        arguments: Arguments,
        call: str,
        token: str,
        secret: str,
        headers: Mapping[str, str],
    ) -> Heard:
        in_path = re.findall(r"\{(\w+)\}", address)
        address = address.format(**{name: quote(str(arguments[name]), safe="") for name in in_path})
        rest = {name: value for name, value in arguments.items() if name not in in_path}
        if method == "GET" and rest:
            address, rest = f"{address}?{urlencode(rest)}", {}
        raw = b"" if method == "GET" else json.dumps(rest).encode()
        if face is Face.SERVER:
            named = {"Authorization": f"Bearer {token or self.house.token}"}
        else:
            line = {"X-Vapi-Phone-Number-Id": self.house.line.vapi_phone_number_id or "", "X-Vapi-Call-Id": call}
            named = {**signed(raw, secret or secret_of(self.house.line)), **line}
        sent = {name: value for name, value in {**named, **headers}.items() if value}
        answer = self.client.generic(method, address, raw, content_type="application/json" if raw else "", headers=sent)
        assert answer["Content-Type"] == "application/json"
        body = answer.json()
        if answer.status_code >= 400:
            assert set(body) == {"success", "error"}
            assert {"code", "message", "retryable", "requestId"} <= set(body["error"])
            assert set(body["error"]) <= {"code", "message", "retryable", "requestId", "fields"}
            assert body["error"]["requestId"] == answer["X-Request-Id"]
        code = body["error"]["code"] if answer.status_code >= 400 else "ok"
        return Heard(answer.status_code, code, answer.content, retry_after=answer.get("Retry-After", ""))
