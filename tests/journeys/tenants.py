"""Two practices that share practice, patient, appointment and clinician ids, and everything that names one of them.

Alder and Birch are offices of one application at the sandbox. Both are furnished alike: a call with a verified patient,
offers, bookings made and under way, a cancellation, a new patient and a message, so that each has every kind of id that
the other could send.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import requests
from django.apps import apps
from django.db.models import ForeignKey, Model
from django.test import Client

from accounts.models import Account, User
from pms.api import urls
from pms.domain import speech
from pms.domain.phone import normalize
from pms.models import Booking, Call, ChainHead, Operation, RateCounter, SlotOffer, ToolCall, VoiceLine, WriteBack
from pms.models.credential import Scope
from pms.sandbox import Sandbox
from pms.sandbox.journal import Journal
from pms.sandbox.message import Request
from pms.sandbox.practice import PROFILES
from pms.sandbox.world import World
from pms.services import newcomers
from tests.conftest import Sim
from tests.practice import live_call, owner_is_now, seeded
from tests.sandbox.conftest import Desk
from tests.talking import CORA, Caller, SetClock, quiet_day
from tests.vapi.sending import (
    WEBHOOK,
    about,
    credential,
    issued,
    line_of,
    secret_of,
    signed,
    tool_call,
    tool_calls,
)

ALDER, BIRCH = "D10001", "D20002"
DESMOND = {"firstName": "Desmond", "lastName": "Achterberg", "dateOfBirth": "1949-07-08"}
# What both practices have of the same name, on purpose.
SHARED_PATIENT, SHARED_CALL, SHARED_TOOL_CALL, SHARED_KEY = "1001", "call-of-both", "call_of_both", "order-of-both"

BIRCH_PRACTICE: dict[str, Any] = {
    "account": {"name": "Birch Dental", "time_zone": "America/Los_Angeles"},
    "credentials": {"practiceId": BIRCH},
    "line": {
        "label": "Front desk",
        "vapi_assistant_id": "b4a1e0c2-52c7-4f0d-8d35-9f6a7c1e2d48",
        "vapi_phone_number_id": "c7f2d1a3-0e6b-4b8c-a1f9-5e4d3c2b1a09",
        "phone_number": "+14155550100",
    },
    "appointment_types": [
        {
            "name": "Cleaning",
            "aliases": ["hygiene"],
            "pms_value": "2",
            "duration_minutes": 60,
            "resources": [{"clinicianId": "HY1", "operatoryId": "Hyg 1"}],
        },
        {
            "name": "Emergency",
            "aliases": ["pain"],
            "pms_value": "3",
            "duration_minutes": 30,
            "resources": [{"clinicianId": "DR1", "operatoryId": "Op 1"}],
        },
    ],
}

_NEW_EACH_TIME = re.compile(r'"(?:requestId|taskId)": "[^"]*"')

Rows = dict[str, list[tuple[Any, ...]]]
Json = dict[str, Any]


@dataclass
class Tenant:
    """One practice: its patient 1001, what it proves itself by, and after ``furnish`` what it has."""

    account: Account
    office: str
    patient: dict[str, str]
    line: VoiceLine
    spare: VoiceLine  # a line without a credential of its own, so that the account's opens it
    secrets: dict[str, str] = field(repr=False)  # of the line, of the account, and a server's token
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return self.account.zone

    @property
    def call(self) -> Call:
        """The call in which the shared patient id was proven."""
        return Call.objects.select_related("account").get(account=self.account, vapi_call_id=self.ids["call"])


@dataclass(frozen=True)
class _Plan:
    """What makes one practice's data unlike the other's: times of its own, and numbers of its own."""

    patient: dict[str, str]
    phone: str  # on the patient's file, so that a call from it proves who calls
    booked: str
    requested: str
    visits: tuple[str, str, str]
    newcomer: tuple[str, str]
    walk_in: tuple[str, str]
    first_number: int


# The minutes of the visits, and the hours of the bookings, are offered by neither practice's rules or by one alone.
_PLANS = {
    ALDER: _Plan(
        CORA,
        "+12125550147",
        "08:00",
        "10:00",
        ("18:13", "19:21", "20:29"),
        ("Petronella", "Ashgrove"),
        ("Percival", "Thistle"),
        91001,
    ),
    BIRCH: _Plan(
        DESMOND,
        "+14155550118",
        "17:00",
        "15:00",
        ("18:41", "19:47", "20:53"),
        ("Leocadia", "Winterbourne"),
        ("Rosamund", "Fe"),
        95001,
    ),
}
_FIRST_PATIENT = {ALDER: 5701, BIRCH: 6701}


def opened() -> tuple[Tenant, Tenant]:
    """Create and connect both practices; nothing is in them yet."""
    alder = tenant_of(seeded(), ALDER)
    owner_is_now("owner@alder.example")
    return alder, tenant_of(seeded(**BIRCH_PRACTICE), BIRCH)


def tenant_of(account: Account, office: str) -> Tenant:
    """Give a practice what it needs to prove itself in every way."""
    line = VoiceLine.objects.get(account=account)
    spare = line_of(account, f"{(line.phone_number or '')[:-1]}9")
    of_account = f"a secret of the whole of {account.name}"
    credential(account, None, of_account)
    token, _ = issued(account, *Scope.values)
    secrets = {"line": secret_of(line), "account": of_account, "server": token}
    return Tenant(account, office, _PLANS[office].patient, line, spare, secrets)


# What there is


def furnish(tenants: tuple[Tenant, Tenant], sandbox: Sandbox, sim: Sim) -> None:
    """Give both practices one of everything."""
    with sandbox.world.lock:
        for tenant in tenants:
            office = sandbox.world.offices[tenant.office]
            office.next_appointment = _PLANS[tenant.office].first_number
            office.next_patient = _FIRST_PATIENT[tenant.office]
    sim("POST", "config", writeback_delay=0)
    for tenant in tenants:
        _at_the_desk(tenant, sandbox, sim)
    sim("POST", "refresh")
    for tenant in tenants:
        _in_calls(tenant, sim)
    sim("POST", "config", writeback_delay=0)


def _at_the_desk(tenant: Tenant, sandbox: Sandbox, sim: Sim) -> None:
    plan = _PLANS[tenant.office]
    with requests.Session() as session:
        session.trust_env = False
        first, last = plan.walk_in
        sent = {"firstname": first, "lastname": last, "provider_id": "DR1", "practice_id": "1"}
        Desk(sandbox.url, session, tenant.office).call("POST", "patient", json=sent).raise_for_status()
    tenant.ids["walk-in"] = str(_FIRST_PATIENT[tenant.office])
    for name, patient_id, at in (
        ("visit", SHARED_PATIENT, plan.visits[0]),
        ("cancelled visit", SHARED_PATIENT, plan.visits[1]),
        ("visit of the walk-in", tenant.ids["walk-in"], plan.visits[2]),
    ):
        where = {"provider_id": "HY1", "operatory": "Hyg 1", "date": quiet_day(2).isoformat(), "time": at}
        made = sim("POST", "steal", office_id=tenant.office, patient_id=patient_id, type="Cleaning", **where)
        tenant.ids[name] = str(made["appointment_sr_no"])


def _in_calls(tenant: Tenant, sim: Sim) -> None:
    plan, account = _PLANS[tenant.office], tenant.account
    tenant.ids["call"] = f"call-of-{tenant.office}"
    sim("POST", "config", writeback_delay=0)
    call = live_call(account, caller=plan.phone, vapi_call_id=tenant.ids["call"])
    caller = Caller(account, call=call).verified(plan.patient)
    caller.open_times()
    assert "is booked for" in caller.book(plan.booked, tool_call_id=SHARED_TOOL_CALL).say
    caller.use("takeMessage", message=f"Ask {account.name} about the marzipan.")
    sim("POST", "config", writeback_delay=3600)
    for use, arguments in (
        ("bookAppointment", {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": plan.requested}),
        ("cancelAppointment", {"appointmentId": tenant.ids["cancelled visit"]}),
        (
            "createPatient",
            {"firstName": plan.newcomer[0], "lastName": plan.newcomer[1], "dateOfBirth": "1991-08-14"}
            | {"phone": str(tenant.line.phone_number)},
        ),
    ):
        sim("POST", "fail", path="/v4/writeback_status")  # nobody waits for what takes an hour
        assert "not final yet" in caller.use(use, **arguments).say, use
    other = Caller(account, call=live_call(account, vapi_call_id=SHARED_CALL))
    other.verified(plan.patient).open_times()
    _name(tenant)


def _name(tenant: Tenant) -> None:
    """Keep the ids of what was made."""
    made, requested = Booking.objects.filter(account=tenant.account).order_by("created_at")
    changes = {one.operation: one for one in WriteBack.objects.filter(account=tenant.account, booking=None)}
    tenant.ids |= {
        "made appointment": made.pms_appointment_id,
        "booking": str(made.pk),
        "confirmation number": made.confirmation_number,
        "request": str(requested.pk),
        "number of the request": requested.confirmation_number,
        "cancellation": str(changes[Operation.CANCEL].pk),
        "new patient": str(changes[Operation.CREATE_PATIENT].pk),
        "temporary id": newcomers.handle_of(changes[Operation.CREATE_PATIENT]),
        "reference": changes[Operation.CANCEL].reference,
        "integration": str(made.integration_id),
        "account": str(tenant.account.pk),
    }


# What can be seen of it


class Canaries:
    """Everything that names a practice's people, times and rows, and that the other practice has nothing of."""

    def __init__(self, of: Tenant, than: Tenant, sim: Sim) -> None:
        words = _words(of, sim) - _words(than, sim)
        assert len(words) > 20
        longest_first = sorted(words, key=len, reverse=True)
        pattern = "|".join(re.escape(word) for word in longest_first)
        # A number inside a longer one, or inside a UUID, is another.
        self._pattern = re.compile(rf"(?<![0-9A-Za-z-])(?:{pattern})(?![0-9A-Za-z-])", re.IGNORECASE)

    def found_in(self, text: str) -> list[str]:
        """Return what ``text`` tells of the practice."""
        return self._pattern.findall(text)


def _words(tenant: Tenant, sim: Sim) -> set[str]:
    truth = sim("GET", "truth", office_id=tenant.office)
    words: set[str] = set()
    for person in truth["patients"]:
        words |= {person[name] for name in ("patient_id", "lastname", "email", "cell", "homephone", "workphone")}
        words |= {normalize(person[name], "US") or "" for name in ("cell", "homephone", "workphone")}
    words |= {visit["appointment_sr_no"] for visit in truth["appointments"]}
    words |= {note["text"] for note in truth["notes"]} | {entry["transaction_sr_no"] for entry in truth["transactions"]}
    words |= {who.lastname for profile in PROFILES if profile.office_id == tenant.office for who in profile.clinicians}
    for at in _PLANS[tenant.office].visits:
        words |= _spellings(datetime.fromisoformat(f"{quiet_day(2)}T{at}:00").replace(tzinfo=tenant.zone))
    own = [tenant.ids[name] for name in ("booking", "request") if name in tenant.ids]
    for booking in Booking.objects.filter(pk__in=own):
        local = booking.starts_at.astimezone(tenant.zone)
        words |= {f"{booking.starts_at:%Y-%m-%dT%H:%M:%SZ}", f"{local:%Y-%m-%dT%H:%M:%S}"}
        words |= {booking.confirmation_number, speech.spell(booking.confirmation_number)}
    words |= {*tenant.ids.values(), tenant.account.name, tenant.secrets["server"]} - {""}
    for rows in rows_of(tenant.account).values():
        words |= {str(value) for row in rows for value in row if isinstance(value, uuid.UUID)}
    return {word for word in words if len(word) > 3}


def _spellings(instant: datetime) -> set[str]:
    utc = instant.astimezone(ZoneInfo("UTC"))
    return {f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{instant:%Y-%m-%dT%H:%M}", speech.say_time(instant.time())}


def rows_of(account: Account) -> Rows:
    """Return every row of ours that belongs to an account, column by column."""
    found: Rows = {}
    for model in [*apps.get_app_config("pms").get_models(), *apps.get_app_config("accounts").get_models()]:
        if model in (RateCounter, User):  # counted by keys that are digests; a user may belong to several
            continue
        found[model._meta.label] = _rows(model, account)
    return found


def _rows(model: type[Model], account: Account) -> list[tuple[Any, ...]]:
    way = {ChainHead: "key__contains", Account: "pk"}.get(model) or _way_to_account(model)
    assert way, f"say whose a {model._meta.label} is"
    rows = model._default_manager.filter(**{way: account.pk}).order_by("pk").values_list()
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]


def _way_to_account(model: type[Model]) -> str:
    """Return the filter that leads from a model to its account, empty if there is none."""
    fields = {one.name: one for one in model._meta.concrete_fields}
    for name in ("account", "account_id"):
        if name in fields:
            return name
    for name, one in fields.items():
        if isinstance(one, ForeignKey) and not one.null and (further := _way_to_account(one.related_model)):
            return f"{name}__{further}"
    return ""


@dataclass(frozen=True)
class Seen:
    """All that there is of a practice: our rows, and its own system."""

    rows: Rows
    truth: Json
    writes: Json


def seen(tenant: Tenant, sim: Sim) -> Seen:
    """Return all that there is of a practice."""
    asked = {"office_id": tenant.office}
    return Seen(rows_of(tenant.account), sim("GET", "truth", **asked), sim("GET", "writebacks", **asked))


def changed(before: Seen, after: Seen) -> list[str]:
    """Return in which of our tables, or where else, something is different."""
    tables = [name for name, rows in after.rows.items() if rows != before.rows[name]]
    return [*tables, *(name for name in ("truth", "writes") if getattr(before, name) != getattr(after, name))]


# Whom the vendor was asked for


class OfficeJournal(Journal):
    """The sandbox's log, which also tells the office of each request: its key's, or the one that asks for a key."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.offices: list[tuple[str, Json]] = []

    def note(self, instant: datetime, request: Request, status: int) -> None:
        super().note(instant, request, status)
        self.offices.append((self._office_of(request), self.entries()[-1]))

    def clear(self) -> None:
        super().clear()
        self.offices.clear()

    def asked(self, office: str) -> list[Json]:
        """Return the requests of an office."""
        return [entry for owner, entry in self.offices if owner == office]

    def _office_of(self, request: Request) -> str:
        keys = self._world.keys
        key = keys.keys.get(request.headers.get("request-key", ""))
        if key is not None:
            return key.office_id
        body = request.json_object() if request.method == "POST" else {}
        return str(body.get("office_id") or keys.refresh_keys.get(str(body.get("refresh_key", "")), ""))


@contextmanager
def journal_of_offices(sandbox: Sandbox) -> Iterator[OfficeJournal]:
    """Have the sandbox tell the office of each request."""
    world = sandbox.world
    plain, journal = world.journal, OfficeJournal(world)
    with world.lock:
        world.journal = journal
    try:
        yield journal
    finally:
        with world.lock:
            world.journal = plain


# Ways to ask


@dataclass(frozen=True)
class Heard:
    """An answer: all of its text, and its status with the outcome: ``ok``, or the error's code."""

    text: str
    verdict: str

    @property
    def is_served(self) -> bool:
        return self.verdict in ("200 ok", "201 ok", "202 ok")

    @property
    def in_short(self) -> str:
        """The verdict and the text, without what is different each time."""
        return f"{self.verdict} {_NEW_EACH_TIME.sub('', self.text)}"


ADDRESSES = {
    "checkAvailability": ("GET", "/api/pms/appointments/availability"),
    "getAppointments": ("GET", "/api/pms/appointments"),
    "bookAppointment": ("POST", "/api/pms/appointments"),
    "rescheduleAppointment": ("PATCH", "/api/pms/appointments/{appointmentId}"),
    "confirmAppointment": ("PATCH", "/api/pms/appointments/{appointmentId}"),
    "cancelAppointment": ("DELETE", "/api/pms/appointments/{appointmentId}"),
    "createPatient": ("POST", "/api/pms/patients"),
    "findPatient": ("POST", "/api/pms/patients/search"),
    "searchPatients": ("GET", "/api/pms/patients/search"),
    "getPatientInfo": ("GET", "/api/pms/patients/{patientId}"),
    "updatePatient": ("PATCH", "/api/pms/patients/{patientId}"),
    "getPatientNotes": ("GET", "/api/pms/patients/{patientId}/notes"),
    "addPatientNote": ("POST", "/api/pms/patients/{patientId}/notes"),
    "getInsurance": ("GET", "/api/pms/patients/{patientId}/insurance"),
    "addInsurance": ("POST", "/api/pms/patients/{patientId}/insurance"),
    "getBalance": ("GET", "/api/pms/patients/{patientId}/balance"),
    "processPayment": ("POST", "/api/pms/payments"),
    "takeMessage": ("POST", "/api/pms/messages"),
    "getWrite": ("GET", "/api/pms/writes/{writeId}"),
}


def endpoints() -> set[tuple[str, str]]:
    """Return every method and address below ``/api/pms``, from the URL configuration itself."""
    found = set()
    for one in urls.urlpatterns:
        view = getattr(one.callback, "view_class", None)
        methods = [name for name in view.http_method_names if hasattr(view, name)] if view else ["post"]
        address = re.sub(r"<str:(\w+)_id>", r"{\1Id}", f"/api/pms/{one.pattern}")
        found |= {(name.upper(), address) for name in methods if name != "options"}
    return found


class Door:
    """Both faces of Parlae, as one practice stands before them."""

    def __init__(self, client: Client, tenant: Tenant) -> None:
        self.client, self.tenant = client, tenant

    def voice(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        by: str = "line",
        at: str = WEBHOOK,
        line: VoiceLine | None = None,
        call: str = "",
        tool_call_id: str = "",
        more: Mapping[str, Any] | None = None,
        message: Mapping[str, Any] | None = None,
    ) -> Heard:
        """Use a tool by an envelope; ``more`` stands beside the message, ``message`` inside it."""
        line = line or (self.tenant.line if by == "line" else self.tenant.spare)
        identifier = tool_call_id or f"call_{uuid.uuid4().hex}"
        one = tool_call(tool, arguments, identifier)
        sent = tool_calls(line, [one], call_id=call or self.tenant.ids["call"])
        sent["message"] |= message or {}
        return self.post({**sent, **(more or {})}, by=by, at=at)

    def tell(self, line: VoiceLine, *, by: str = "line", **message: Any) -> Heard:
        """Send a message that is no tool call."""
        return self.post(about(line, **message), by=by)

    def post(self, body: Mapping[str, Any], *, by: str, at: str = WEBHOOK) -> Heard:
        """Post a signed body."""
        raw = json.dumps(body).encode()
        answer = self.client.post(
            at, data=raw, content_type="application/json", headers=signed(raw, self.tenant.secrets[by])
        )
        rows = answer.json().get("results", ())
        said = " ".join(row["result"] for row in rows) or answer.content.decode()
        used = ToolCall.objects.filter(
            account=self.tenant.account, tool_call_id__in=[row["toolCallId"] for row in rows]
        )
        newest = used.order_by("-created_at").values_list("outcome", flat=True)[:1]
        return Heard(said, " ".join([str(answer.status_code), *newest]))

    def rest(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        by: str = "line",
        call: str | None = None,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """Use a tool by its address. ``call`` is the own one, or none for a server, unless another is named."""
        method, pattern = ADDRESSES[tool]
        in_path = re.findall(r"\{(\w+)\}", pattern)
        rest = {name: value for name, value in arguments.items() if name not in in_path}
        address = pattern.format(**{name: arguments[name] for name in in_path})
        if tool == "confirmAppointment":
            rest["status"] = "confirmed"
        if tool == "processPayment" and by == "server" and not key:
            key = f"payment-{uuid.uuid4()}"
        asked = {**(rest if method == "GET" else {}), **(query or {})}
        raw = b"" if method == "GET" else json.dumps(rest).encode()
        proof = self._proof(by, raw)
        named = {"X-Vapi-Call-Id": (self.tenant.ids["call"] if by != "server" else "") if call is None else call}
        named |= {"Idempotency-Key": key, **(headers or {})}
        answer = self.client.generic(
            method,
            f"{address}?{urlencode(asked)}" if asked else address,
            raw,
            content_type="application/json",
            headers={**proof, **{name: value for name, value in named.items() if value}},
        )
        body = answer.json()
        return Heard(json.dumps(body), f"{answer.status_code} {body.get('error', {}).get('code', 'ok')}")

    def _proof(self, by: str, raw: bytes) -> dict[str, str]:
        if by == "server":
            return {"Authorization": f"Bearer {self.tenant.secrets[by]}"}
        line = self.tenant.line if by == "line" else self.tenant.spare
        return {**signed(raw, self.tenant.secrets[by]), "X-Vapi-Phone-Number-Id": line.vapi_phone_number_id or ""}


def offer(tenant: Tenant, code: str) -> SlotOffer:
    """Return what was offered under a code in the call that both practices have."""
    return SlotOffer.objects.get(call__account=tenant.account, call__vapi_call_id=SHARED_CALL, code=code)


def caller_of(tenant: Tenant, **how: Any) -> Caller:
    """Return the caller of a practice's call whose patient is proven."""
    return Caller(tenant.account, call=tenant.call, clock=SetClock(), **how)
