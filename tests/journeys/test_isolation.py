"""Two practices whose offices share their ids never see, ask or change each other, whatever ids are swapped.

The attempts are made from the tools' own declarations and the addresses from the URL configuration, so that a new one
without attempts fails here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Membership
from pms.domain.clock import SystemClock
from pms.jobs import sweeps
from pms.models import (
    Booking,
    Call,
    PmsCachedData,
    PmsToken,
    SecurityEvent,
    Task,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.providers.http import pool_for
from pms.sandbox import Sandbox
from pms.services import limits
from pms.services.patients import MAX_GUESSES
from pms.services.tokens import DatabaseTokenStore
from pms.tools import registry
from pms.tools.arguments import Identifier
from tests.conftest import Sim, use_sandbox
from tests.contract.people import ADDRESSES as OF_PEOPLE
from tests.journeys import tenants
from tests.journeys.tenants import (
    ADDRESSES,
    ALDER,
    BIRCH,
    SHARED_CALL,
    SHARED_KEY,
    SHARED_PATIENT,
    SHARED_TOOL_CALL,
    Canaries,
    Door,
    Heard,
    OfficeJournal,
    Tenant,
)
from tests.practice import live_call
from tests.talking import CORA, NOBODY, Caller, SetClock, quiet_day, together
from tests.vapi.sending import WEBHOOK, about, post

pytestmark = pytest.mark.django_db

Arguments = dict[str, Any]
Both = tuple[Tenant, Tenant]

# The ids that may stand in an argument; any other identifier gets some of them.
FITTING = {
    "patientId": ("walk-in", "temporary id", "booking"),
    "appointmentId": ("visit", "booking", "request", "confirmation number", "cancellation", "temporary id"),
    "writeId": ("booking", "request", "cancellation", "new patient", "temporary id"),
    "slotCode": ("booking", "confirmation number"),
    "providerId": ("booking",),
    "reference": (),  # the asker's own name for a payment: nothing is looked up by it
}
# What a body may name of a tenant. None of it is anybody's argument.
TENANT_KEYS = ("account_id", "practiceId", "officeId", "office_id", "integrationId", "pmsIntegrationId", "locationId")


@pytest.fixture
def journal(sandbox: Sandbox) -> Iterator[OfficeJournal]:
    with tenants.journal_of_offices(sandbox) as journal:
        yield journal


@pytest.fixture
def new(
    journal: OfficeJournal, sandbox: Sandbox, sim: Sim, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Both:
    """Alder and Birch, connected a moment ago."""
    use_sandbox(settings, sandbox)
    settings.VAPI_WEBHOOK_SECRETS = []
    for name in limits.LIMITS:
        monkeypatch.setitem(limits.LIMITS, name, "100000/m")
    sim("POST", "config", writeback_delay=0)
    return tenants.opened()


@pytest.fixture
def both(new: Both, sandbox: Sandbox, sim: Sim) -> Both:
    """Alder and Birch, each with one of everything."""
    tenants.furnish(new, sandbox, sim)
    return new


def base(tool: str, tenant: Tenant, *, from_model: bool) -> Arguments:
    """Return arguments of a tool that a practice may use with its own ids."""
    day = quiet_day(3).isoformat()
    at: Callable[[str, str], Arguments] = lambda wall, utc: (  # noqa: E731
        {"date": day, "time": wall} if from_model else {"startTime": f"{day}T{utc}:00Z"}
    )
    is_alder = tenant.office == ALDER
    who = {"patientId": SHARED_PATIENT}
    known: dict[str, Arguments] = {
        "checkAvailability": {"appointmentType": "cleaning", "date": day},
        "findPatient": dict(tenant.patient),
        "bookAppointment": {"appointmentType": "cleaning", **who, **at("11:00", "19:00")},
        "getAppointments": who,
        "rescheduleAppointment": {"appointmentId": tenant.ids["visit"], **who, **at("14:00", "18:00")},
        "confirmAppointment": {"appointmentId": tenant.ids["visit"], **who},
        "cancelAppointment": {"appointmentId": tenant.ids["made appointment"], **who},
        "createPatient": {
            "firstName": "Tamsin" if is_alder else "Ludovic",
            "lastName": "Oyelaran" if is_alder else "Brackenridge",
            "dateOfBirth": "1984-05-06",
        },
        "searchPatients": {"query": tenant.patient["lastName"]},
        "updatePatient": {**who, "email": "new@example.test"},
        "addPatientNote": {**who, "content": "Prefers the morning."},
        "addInsurance": {**who, "provider": "Pennywort", "policyNumber": "PW-1"},
        "processPayment": {**who, "amount": 12, "method": "credit_card"},
        "takeMessage": {"message": "Please call me back."},
        "transferToHuman": {"reason": "Would like to talk to somebody."},
        "getWrite": {"writeId": tenant.ids["booking"]},
    }
    return known.get(tool, who)


# What no system behind Sikka takes, so that it is left to the team.
LEFT_TO_THE_TEAM = ("updatePatient", "addInsurance")


@dataclass(frozen=True)
class Way:
    """One way for one practice's credential to use a tool."""

    name: str
    office: str
    use: Callable[[Door, str, Arguments], Heard]
    is_rest: bool = True
    from_model: bool = True

    @property
    def tools(self) -> list[str]:
        return list(ADDRESSES if self.is_rest else registry.TOOLS)

    def serves(self, tool: str) -> bool:
        """Return whether a practice gets what it asks for with its own ids."""
        if tool in LEFT_TO_THE_TEAM:
            return False
        if tool in ("findPatient", "searchPatients"):  # one in calls, the other for a server
            return (tool == "findPatient") is self.from_model
        return self.is_rest or registry.TOOLS[tool].for_voice


def through(by: str, *, call: str | None = None) -> Callable[[Door, str, Arguments], Heard]:
    return lambda door, tool, arguments: door.rest(tool, arguments, by=by, call=call)


def at_its_own_address(door: Door, tool: str, arguments: Arguments) -> Heard:
    """Post an envelope to an address of REST's, whatever that is for."""
    _, pattern = ADDRESSES.get(tool, ("", WEBHOOK))
    return door.voice(tool, arguments, by="account", at=re.sub(r"\{\w+\}", "1", pattern))


# Between them every tool on both faces, every kind of credential, and both practices on either side.
WAYS = [
    Way("an envelope by Alder's line", ALDER, lambda door, tool, asked: door.voice(tool, asked), is_rest=False),
    Way("an envelope at REST's address by Birch's account", BIRCH, at_its_own_address, is_rest=False),
    Way("REST in a call by Birch's line", BIRCH, through("line")),
    Way("REST in a call by Alder's account", ALDER, through("account")),
    Way("REST without a call by Birch's server", BIRCH, through("server"), from_model=False),
]


def swapped(tool: str, own: Tenant, other: Tenant, *, from_model: bool) -> Iterator[tuple[str, Arguments, Arguments]]:
    """Yield what is swapped, the arguments with the other practice's id, and those with one that nobody has."""
    arguments = base(tool, own, from_model=from_model)
    for name, declared in registry.TOOLS[tool].arguments().fields.items():
        labels = FITTING.get(name, ("walk-in", "booking") if isinstance(declared, Identifier) else ())
        for label in labels:
            value = other.ids[label]
            yield f"{name} = {label}", arguments | {name: value}, arguments | {name: nobodys(value)}


def nobodys(identifier: str) -> str:
    """Return an id of the same form that neither practice has."""
    if identifier.startswith("new-"):
        return f"new-{uuid.uuid4().hex}"
    if len(identifier) == 36:
        return str(uuid.uuid4())
    return "99999" if identifier.isdigit() else "ZZZZZZ"


def kind_of(what: str, arguments: Arguments) -> str:
    """Return the argument that was swapped, and the form of its value."""
    name = what.partition(" = ")[0]
    return f"{name} {re.sub('[0-9a-f]', '0', str(arguments[name]))}"


def test_every_tool_and_every_address_is_tried() -> None:
    assert tenants.endpoints() == {*ADDRESSES.values(), ("POST", WEBHOOK)} | OF_PEOPLE
    assert {tool for way in WAYS for tool in way.tools} == set(registry.TOOLS)
    assert set(registry.TOOLS) - set(ADDRESSES) == {"transferToHuman"}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_other_practices_ids_are_as_good_as_nobodys_and_nothing_of_it_is_seen_asked_or_changed(
    way: Way, both: Both, client: Client, sim: Sim, journal: OfficeJournal
) -> None:
    own, other = both if way.office == ALDER else both[::-1]
    door, before = Door(client, own), tenants.seen(other, sim)
    its_own, theirs = Canaries(own, other, sim), Canaries(other, own, sim)
    sim("DELETE", "requests")
    failures: list[object] = []
    served = ""

    for tool in way.tools:
        known: dict[str, str] = {}  # what is said to ids that nobody has
        for what, swapped_in, unknown in swapped(tool, own, other, from_model=way.from_model):
            heard, kind = way.use(door, tool, swapped_in), kind_of(what, unknown)
            if kind not in known:
                known[kind] = way.use(door, tool, unknown).in_short
            if heard.in_short != known[kind]:
                failures.append((tool, what, heard.in_short, known[kind]))
            failures += [(tool, what, word) for word in theirs.found_in(heard.text)]
        forged = dict.fromkeys(TENANT_KEYS, other.ids["account"])
        heard = way.use(door, tool, base(tool, own, from_model=way.from_model) | forged)
        if heard.is_served is not way.serves(tool):
            failures.append((tool, "with its own ids", heard))
        failures += [(tool, "forged", word) for word in theirs.found_in(heard.text)]
        served += heard.text

    assert failures == []
    assert its_own.found_in(served), "a canary that is never seen proves nothing"
    assert journal.asked(other.office) == []
    assert tenants.changed(before, tenants.seen(other, sim)) == []


# Another practice's line, account or call, named by a request that is truly signed


Use = Callable[[Door, Tenant, str, Arguments], Heard]


def naming_account(place: str) -> Use:
    """Name the other account in one place of an envelope."""

    def use(door: Door, other: Tenant, tool: str, arguments: Arguments) -> Heard:
        named: Arguments = {"metadata": {"accountId": other.ids["account"]}}
        if place == "body":
            return door.voice(tool, arguments, more={"accountId": other.ids["account"]})
        if place == "message":
            return door.voice(tool, arguments, message=named)
        call = {"id": door.tenant.ids["call"], **(named if place == "call" else {place: named})}
        return door.voice(tool, arguments, message={"call": call})

    return use


def naming_in_header(by: str, header: str) -> Use:
    """Name the other line or call in a header of REST's."""

    def use(door: Door, other: Tenant, tool: str, arguments: Arguments) -> Heard:
        named = {
            "X-Vapi-Assistant-Id": other.line.vapi_assistant_id or "",
            "X-Vapi-Phone-Number-Id": other.line.vapi_phone_number_id or "",
            "X-Vapi-Call-Id": other.ids["call"],
        }
        return door.rest(tool, arguments, by=by, headers={header: named[header]})

    return use


def naming_in_rest(by: str) -> Use:
    """Name the other account in the body and the address of a REST request."""

    def use(door: Door, other: Tenant, tool: str, arguments: Arguments) -> Heard:
        account = other.ids["account"]
        return door.rest(tool, {**arguments, "accountId": account}, by=by, query={"account": account})

    return use


REFUSED = {
    "401",
    "403",
    "401 signature_invalid",
    "403 forbidden",
    "403 call_required",
    "403 not_verified",
    "200 not_verified",
}
ELSEWHERE: dict[str, Use] = {
    "an envelope of the other line": lambda door, other, tool, arguments: door.voice(tool, arguments, line=other.line),
    "an envelope of the other's second line": lambda door, other, tool, arguments: door.voice(
        tool, arguments, by="account", line=other.spare
    ),
    "an envelope of the other assistant": lambda door, other, tool, arguments: door.voice(
        tool,
        arguments,
        message={"call": {"id": door.tenant.ids["call"], "assistantId": other.line.vapi_assistant_id}},
    ),
    "an envelope of the other number": lambda door, other, tool, arguments: door.voice(
        tool,
        arguments,
        message={"call": {"id": door.tenant.ids["call"], "phoneNumber": {"number": other.line.phone_number}}},
    ),
    "an envelope of the other call": lambda door, other, tool, arguments: door.voice(
        tool, arguments, call=other.ids["call"]
    ),
    **{
        f"an envelope with the other account in its {place}": naming_account(place)
        for place in ("body", "message", "call", "assistant", "assistantOverrides")
    },
    **{
        f"REST by the {by} with {header}": naming_in_header(by, header)
        for by in ("line", "account", "server")
        for header in ("X-Vapi-Assistant-Id", "X-Vapi-Phone-Number-Id", "X-Vapi-Call-Id")
    },
    **{f"REST by the {by} with accountId": naming_in_rest(by) for by in ("line", "account", "server")},
}


def test_a_line_an_account_or_a_call_of_the_other_practice_opens_nothing_of_it(
    both: Both, client: Client, sim: Sim, journal: OfficeJournal
) -> None:
    failures: list[object] = []

    for own, other in (both, both[::-1]):
        canaries, before = Canaries(other, own, sim), tenants.seen(other, sim)
        sim("DELETE", "requests")
        door = Door(client, own)
        for what, use in ELSEWHERE.items():
            for tool in ("bookAppointment", "cancelAppointment"):
                arguments = base(tool, other, from_model="server" not in what)
                heard = use(door, other, tool, arguments)
                if heard.verdict not in REFUSED:
                    failures.append((own.account.name, what, tool, heard))
                failures += [(own.account.name, what, tool, word) for word in canaries.found_in(heard.text)]
        failures += [(own.account.name, "asked", one) for one in journal.offices if one[0]]
        after = tenants.seen(other, sim)
        failures += [(own.account.name, "changed", one) for one in tenants.changed(before, after) if one not in NOTED]

    assert failures == []
    assert set(SecurityEvent.objects.filter(kind="webhook.refused").values_list("actor", flat=True)) == {"anonymous"}


# That somebody knocked at its line with a wrong secret is in a practice's own evidence.
NOTED = ("pms.SecurityEvent", "pms.ChainHead")


@pytest.mark.parametrize("message", [{"type": "status-update", "status": "ended"}, {"type": "end-of-call-report"}])
def test_the_end_of_a_call_of_the_same_name_ends_only_ones_own(message: Arguments, new: Both, client: Client) -> None:
    own, _ = new
    for tenant in new:
        live_call(tenant.account, vapi_call_id=SHARED_CALL)

    Door(client, own).tell(own.line, call={"id": SHARED_CALL}, **message)

    assert [one.account_id for one in Call.objects.exclude(ended_at=None)] == [own.account.pk]
    assert [one.account_id for one in Call.objects.filter(ended_at=None)] == [new[1].account.pk]


# Ids that both practices have


def test_the_same_call_and_tool_call_in_both_practices_are_two_uses(both: Both, client: Client) -> None:
    said = [
        Door(client, tenant).voice(
            "checkAvailability", {"appointmentType": kind}, call=SHARED_CALL, tool_call_id=SHARED_TOOL_CALL
        )
        for tenant, kind in zip(both, ("emergency", "cleaning"), strict=True)
    ]

    assert [heard.verdict for heard in said] == ["200 ok", "200 ok"]
    assert "Rosalind Umbertide" in said[1].text


def test_the_same_code_is_each_practices_own_offer(both: Both, client: Client) -> None:
    offered = {tenant.office: tenants.offer(tenant, "A3").starts_at for tenant in both}

    for tenant in both:
        heard = Door(client, tenant).voice("bookAppointment", {"slotCode": "A3"}, call=SHARED_CALL)
        assert heard.verdict == "200 ok", heard

    made = {
        booking.integration.account_id: booking.starts_at
        for booking in Booking.objects.filter(call__vapi_call_id=SHARED_CALL).select_related("integration")
    }
    assert made == {tenant.account.pk: offered[tenant.office] for tenant in both}


def test_the_same_key_and_the_same_clinician_at_the_same_moment_are_each_practices_own(
    new: Both, client: Client, sim: Sim
) -> None:
    wish = {
        "patientId": SHARED_PATIENT,
        "appointmentType": "Cleaning",
        "providerId": "HY1",
        "startTime": f"{quiet_day()}T19:00:00Z",
    }

    answers = [Door(client, tenant).rest("bookAppointment", wish, by="server", key=SHARED_KEY) for tenant in new]

    made = Booking.objects.order_by("created_at")
    assert [one.verdict for one in answers] == ["201 ok", "201 ok"]
    assert len({one.idempotency_key for one in made}) == 1
    assert [(one.account_id, one.clinician_id, one.operatory_id) for one in made] == [
        (tenant.account.pk, "HY1", "Hyg 1") for tenant in new
    ]
    assert len({one.starts_at for one in made}) == 1
    for tenant, one in zip(new, made, strict=True):
        rows = sim("GET", "truth", office_id=tenant.office, patient_id=SHARED_PATIENT)["appointments"]
        assert one.pms_appointment_id in [row["appointment_sr_no"] for row in rows]


def test_people_of_the_same_name_and_birth_date_are_each_practices_own(new: Both) -> None:
    assert [Caller(tenant.account).verified(CORA).call.verifications.get().patient_id for tenant in new] == [
        "1001",
        "1004",
    ]


def test_the_same_new_patient_is_a_record_in_each_practice(new: Both, sim: Sim) -> None:
    person = {"firstName": "Tamsin", "lastName": "Oyelaran", "dateOfBirth": "1984-05-06"}

    said = [Caller(tenant.account).use("createPatient", **person).outcome for tenant in new]

    made = [
        [row for row in sim("GET", "truth", office_id=tenant.office)["patients"] if row["lastname"] == "Oyelaran"]
        for tenant in new
    ]
    assert said == ["ok", "ok"]
    assert [len(rows) for rows in made] == [1, 1]


def test_a_call_of_the_same_name_that_is_locked_in_one_practice_is_not_in_the_other(new: Both) -> None:
    locked, free = (Caller(one.account, call=live_call(one.account, vapi_call_id=SHARED_CALL)) for one in new)
    for month in ("01", "02", "03"):
        locked.use("findPatient", **{**CORA, "dateOfBirth": f"1987-{month}-12"})

    assert locked.use("findPatient", **CORA).outcome == "verification_locked"
    assert free.use("findPatient", **new[1].patient).outcome == "ok"
    assert free.use("getAppointments").outcome == "ok"


# At the same moment, through one pool of connections (lessons C2)


@pytest.mark.django_db(transaction=True)
def test_callers_of_both_practices_at_once_never_get_each_others_key_or_answers(
    new: Both, sim: Sim, journal: OfficeJournal
) -> None:
    canaries = {own.office: Canaries(other, own, sim) for own, other in (new, new[::-1])}
    sim("DELETE", "requests")

    def talk(number: int) -> list[tuple[str, str]]:
        heard = []
        for round_ in range(2):
            tenant = new[(number + round_) % 2]
            half = ":00" if tenant.office == ALDER else ":30"
            hour, day = HOURS[number // 2], quiet_day(2 + round_).isoformat()
            caller = Caller(tenant.account, number="").verified(tenant.patient)
            wish = {"appointmentType": "cleaning", "date": day, "time": f"{hour}{half}"}
            booked = caller.use("bookAppointment", seconds=30, providerId="HY1", **wish)
            assert booked.outcome == "ok", booked.say
            heard += [(tenant.office, one.say) for one in (booked, caller.use("getAppointments", seconds=30))]
        return heard

    answers = [one for some in together(*(lambda n=n: talk(n) for n in range(8))) for one in some]

    assert pool_for("SIKKA") is pool_for("sikka")
    assert len(answers) == 32
    assert [(office, say) for office, say in answers if canaries[office].found_in(say)] == []
    assert {office for office, entry in journal.offices if entry["query"].get("lastname") == "Whitfield"} == {ALDER}
    assert {office for office, entry in journal.offices if entry["query"].get("lastname") == "Achterberg"} == {BIRCH}
    sent = [
        (office, entry["body"]["time"][-2:]) for office, entry in journal.offices if entry["path"] == "/v4/appointment"
    ]
    assert sorted(sent) == [(ALDER, "00")] * 8 + [(BIRCH, "30")] * 8


HOURS = ("09", "10", "11", "14")


# What is kept between two requests


def test_copies_of_people_and_hours_are_each_practices_own(new: Both) -> None:
    alder, birch = (Caller(tenant.account) for tenant in new)
    alder.open_times()
    birch.open_times()
    copies = PmsCachedData.objects.filter(pms_integration__account=new[0].account)
    keys = {copy.cache_key for copy in copies}
    for copy in copies:
        theirs = PmsCachedData.objects.filter(pms_integration__account=new[1].account, cache_key=copy.cache_key)
        assert theirs.update(data=copy.data) == 1

    said = birch.open_times(providerId="Lindqvist")

    assert {"clinicians", "operatories"} < keys
    assert said == "For Cleaning I can book Rosalind Umbertide. Would that suit you?"
    assert "Rosalind Umbertide" in birch.open_times()


@pytest.mark.parametrize("how", ["as it is sealed", "opened and sealed anew"])
def test_a_key_that_was_put_in_the_wrong_place_is_not_used_there(
    how: str, new: Both, sim: Sim, journal: OfficeJournal
) -> None:
    mine, theirs = (PmsToken.objects.get(integration__account=tenant.account) for tenant in new)
    if how == "as it is sealed":
        PmsToken.objects.filter(pk=mine.pk).update(sealed=theirs.sealed)
    else:
        opened = DatabaseTokenStore(integration_id=theirs.pk, clock=SystemClock()).get()
        assert opened
        store = DatabaseTokenStore(integration_id=mine.pk, clock=SystemClock())
        assert store.save(opened.values, opened.expires_at, mine.version)
    sim("DELETE", "requests")

    caller = Caller(new[0].account).verified(CORA)

    assert caller.call.verifications.get().patient_id == "1001"
    assert journal.asked(ALDER)
    assert journal.asked(BIRCH) == []


def use_up(limit: str, client: Client, tenant: Tenant) -> Callable[[], bool]:
    """Return what uses a limit once, and tells whether it was within."""
    caller, door = Caller(tenant.account), Door(client, tenant)
    pays = {"patientId": SHARED_PATIENT, "amount": 1, "method": "credit_card"}
    owner = Client()
    owner.force_login(Membership.objects.get(account=tenant.account).user)

    def knock() -> bool:
        events = SecurityEvent.objects.filter(kind="webhook.refused", account_id=tenant.account.pk)
        before = events.count()
        post(client, about(tenant.line), "a secret of nobody at all")
        return events.count() > before

    def guess() -> bool:
        guesses = Verification.objects.filter(account=tenant.account)
        warnings = Task.objects.filter(account=tenant.account, kind="verification_suspended")
        before = warnings.count()
        while guesses.count() < MAX_GUESSES - 1:
            Caller(tenant.account).use("findPatient", **NOBODY)
        Caller(tenant.account).use("findPatient", **NOBODY)
        return warnings.count() > before

    ways: Mapping[str, Callable[[], bool]] = {
        "account": lambda: caller.use("checkAvailability", appointmentType="cleaning").outcome != "rate_limited",
        "messages": lambda: caller.use("takeMessage", message="Hello").outcome != "rate_limited",
        "verification": lambda: caller.use("findPatient", **tenant.patient).outcome != "rate_limited",
        "refusals": knock,
        "search": lambda: door.rest("searchPatients", {"query": "Nobody"}, by="server").is_served,
        "payments": lambda: door.rest("processPayment", pays, by="server").is_served,
        "people": lambda: owner.get("/api/pms/status").status_code == 200,
        "connection": lambda: owner.post("/api/pms/test-connection", {}, "application/json").status_code == 200,
        "suspensions": guess,
    }
    return ways[limit]


# Those of the setup's pages are used up where the pages are tested; a mailbox has one limit for all on purpose.
_OF_THE_SETUP = {"test_calls", "office_codes", "office_mailbox"}


@pytest.mark.parametrize("limit", sorted(limits.LIMITS.keys() - _OF_THE_SETUP))
def test_a_limit_that_one_practice_has_used_up_does_not_hold_the_other(
    limit: str, new: Both, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.LIMITS, limit, "2/d")
    alder, birch = (use_up(limit, client, tenant) for tenant in new)

    within = [alder() for _ in range(3)]

    assert within == [True, True, False]
    assert birch() is True


# The worker


def test_the_worker_follows_each_practices_writes_at_its_own_office(
    both: Both, sim: Sim, journal: OfficeJournal
) -> None:
    references = {
        tenant.office: set(
            WriteBack.objects.filter(account=tenant.account, state="PENDING").values_list("reference", flat=True)
        )
        for tenant in both
    }
    sim("POST", "clock", advance_seconds=3601)
    sim("DELETE", "requests")

    done = sweeps.follow_write_backs(SetClock.later(seconds=3601))

    assert done >= 6
    for tenant in both:
        asked = {
            one["query"].get("id") for one in journal.asked(tenant.office) if one["path"] == "/v4/writeback_status"
        }
        assert asked == references[tenant.office]
        assert len(asked) == 3
        ends = WriteBack.objects.filter(account=tenant.account, reference__in=asked)
        assert {one.state for one in ends} == {WriteBackState.DONE}
        made = ends.get(operation="createPatient").record_id
        [record] = sim("GET", "truth", office_id=tenant.office, patient_id=made)["patients"]
        assert record["lastname"] in ("Ashgrove" if tenant.office == ALDER else "Winterbourne")
