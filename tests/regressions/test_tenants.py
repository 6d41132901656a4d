"""Regressions of lessons.md C1, C2, C4 and C5: whose data is asked for and shown is never decided by a request.

Over every tool and address, with swapped ids, that is ``tests/journeys/test_isolation.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from accounts.models import Account
from pms.domain.clock import Budget, SystemClock
from pms.jobs import sweeps
from pms.models import ConnectionStatus, PmsIntegration, PmsToken, SecurityEvent, WriteBack, WriteBackState
from pms.providers.http import pool_for
from pms.sandbox import Sandbox, reads
from pms.services import connecting, gateway, integrations
from tests.conftest import Sim, use_sandbox
from tests.journeys import tenants
from tests.journeys.tenants import ALDER, BIRCH, Door, OfficeJournal, Tenant
from tests.regressions.kinds import Hasty
from tests.talking import CORA, Caller, SetClock, asked_of_the_pms, quiet_day, together

Both = tuple[Tenant, Tenant]


@pytest.fixture
def journal(sandbox: Sandbox) -> Iterator[OfficeJournal]:
    with tenants.journal_of_offices(sandbox) as journal:
        yield journal


@pytest.fixture
def both(db: None, journal: OfficeJournal, sandbox: Sandbox, settings: Settings) -> Both:
    """Alder, and Birch, which comes second in the application's list of practices."""
    use_sandbox(settings, sandbox)
    settings.VAPI_WEBHOOK_SECRETS = []
    return tenants.opened()


# C1 and WB-18: the practice id was replaced by the first of the application's list, so each saw the first one's data


def rows_of_another_practice(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the vendor ignore the practice that is asked for, and have rows of another one."""
    filtered = reads.filtered

    def anybodys(rows: Any, request: Any, exact: Mapping[str, str]) -> Any:
        return filtered(rows, request, {name: field for name, field in exact.items() if name != "practice_id"})

    monkeypatch.setattr(reads, "filtered", anybodys)
    with sandbox.world.lock:
        cloud = sandbox.world.offices[ALDER].cloud
        for rows in (cloud.patients, cloud.appointments):
            rows |= {key: {**row, "practice_id": "2"} for key, row in rows.items()}


def key_of_another_office(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the vendor give out another office's key."""
    PmsToken.objects.update(sealed=None, expires_at=None)
    monkeypatch.setattr(sandbox.world.keys, "_office_by_secret", lambda _asked: BIRCH)


Wrong = Callable[[Sandbox, pytest.MonkeyPatch], None]
WRONG: list[Wrong] = [rows_of_another_practice, key_of_another_office]


@pytest.mark.parametrize("goes_wrong", WRONG, ids=lambda one: one.__name__)
@pytest.mark.parametrize("tool", ["findPatient", "checkAvailability"])
def test_c1_an_answer_for_another_practice_switches_the_connection_off_and_is_never_adopted(
    practice: Account,
    caller: Caller,
    sandbox: Sandbox,
    sim: Sim,
    monkeypatch: pytest.MonkeyPatch,
    goes_wrong: Wrong,
    tool: str,
) -> None:
    known = PmsIntegration.objects.values("provider", "credentials", "config", "metadata").get()
    arguments: dict[str, Any] = {"findPatient": CORA}.get(tool, {"appointmentType": "cleaning"})
    goes_wrong(sandbox, monkeypatch)

    result = caller.use(tool, **arguments)
    sim("DELETE", "requests")
    again = caller.use(tool, **arguments)

    integration, event = PmsIntegration.objects.get(), SecurityEvent.objects.get(kind="integration.tenant_mismatch")
    assert result.outcome == "upstream_invalid"
    assert "Whitfield" not in result.say
    assert not caller.call.verifications.filter(succeeded=True).exists()
    assert (integration.status, integration.last_error) == (ConnectionStatus.ERROR, "upstream_invalid")
    assert PmsIntegration.objects.values("provider", "credentials", "config", "metadata").get() == known
    assert (event.account_id, event.detail["integration"]) == (practice.pk, str(integration.pk))
    token = PmsToken.objects.get()
    assert token.sealed is None if goes_wrong is key_of_another_office else token.sealed
    # From then on nothing is asked, and only a person switches it on again.
    assert (again.outcome, asked_of_the_pms(sim)) == ("credentials_rejected", [])
    assert connecting.recheck_rejected(clock=SetClock.later(hours=2)) == 0
    assert PmsIntegration.objects.get().status == ConnectionStatus.ERROR


def test_c1_a_write_that_the_vendor_calls_another_practices_is_not_this_ones(
    practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
) -> None:
    sim("POST", "config", writeback_delay=600)
    cora.book()
    sim("POST", "clock", advance_seconds=601)
    with sandbox.world.lock:
        [(_, job)] = sandbox.world.jobs.values()
        job.payload = {**job.payload, "practice_id": "2"}

    looks = sweeps.follow_write_backs(SetClock.later(seconds=61))

    write_back = WriteBack.objects.get()
    assert looks == 1
    assert (write_back.state, write_back.record_id) == (WriteBackState.PENDING, "")
    assert PmsIntegration.objects.get().status == ConnectionStatus.ERROR
    assert SecurityEvent.objects.get(kind="integration.tenant_mismatch").account_id == practice.pk


def test_c1_the_second_practice_of_an_application_stays_itself_when_its_key_ends(
    both: Both, sim: Sim, journal: OfficeJournal
) -> None:
    _, birch = both
    sim("DELETE", "requests")

    for at in ("16:00", "17:00"):
        caller = Caller(birch.account, clock=Hasty()).verified(birch.patient)
        assert "is booked for" in caller.book(at).say
        sim("POST", "expire_key", office_id=BIRCH)

    integration = PmsIntegration.objects.get(account=birch.account)
    assert journal.asked(BIRCH)
    assert journal.asked(ALDER) == []
    assert integrations.reveal(integration=integration) == {"practiceId": BIRCH}
    assert integration.status == ConnectionStatus.ACTIVE


# C2: one client object, whose credentials were set for each request


def test_c2_the_shared_connections_keep_nothing_of_whose_request_it_was(both: Both, sandbox: Sandbox) -> None:
    for tenant in both:
        Caller(tenant.account).verified(tenant.patient)

    clock = SystemClock()
    services = [
        gateway.service_for(integration=tenant.account.integrations.get(), clock=clock, budget=Budget(8, clock))
        for tenant in both
    ]
    session = pool_for("SIKKA")._process().session

    assert services[0].connection.http is services[1].connection.http is pool_for("SIKKA")
    assert services[0].connection.credentials != services[1].connection.credentials
    assert services[0].connection.tokens is not services[1].connection.tokens
    assert set(session.headers) == {"Accept", "Accept-Encoding", "Connection", "User-Agent"}
    assert (len(session.cookies), session.auth, session.params) == (0, None, {})


@pytest.mark.django_db(transaction=True)
def test_c2_bookings_of_two_practices_at_once_are_each_in_its_own_office(both: Both, sim: Sim) -> None:
    sim("POST", "config", latency=0.02)
    hours = ("09:00", "10:00", "11:00", "14:00")

    def book(number: int) -> tuple[str, str]:
        tenant = both[number % 2]
        caller = Caller(tenant.account, number="").verified(tenant.patient)
        wish = {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": hours[number // 2]}
        return tenant.office, caller.use("bookAppointment", seconds=30, providerId="HY1", **wish).outcome

    told = together(*(lambda n=n: book(n) for n in range(8)))

    assert sorted(told) == [(ALDER, "ok")] * 4 + [(BIRCH, "ok")] * 4
    for tenant in both:
        rows = sim("GET", "truth", office_id=tenant.office, patient_id="1001")["appointments"]
        assert sorted(r["time"] for r in rows if r["date"].startswith(quiet_day().isoformat())) == list(hours)
        assert {row["patient_name"] for row in rows if "patient_name" in row} <= {
            f"{tenant.patient['firstName']} {tenant.patient['lastName']}"
        }


# C4: an account's id from the client was believed


def test_c4_an_accounts_id_chooses_only_among_those_that_the_credential_opens(both: Both, client: Client) -> None:
    alder, birch = both
    door, asked = Door(client, alder), {"appointmentType": "Cleaning"}

    own = door.rest("checkAvailability", asked, by="server", query={"account": str(alder.account.pk)})
    other = door.rest("checkAvailability", asked, by="server", query={"account": str(birch.account.pk)})
    in_body = door.rest("takeMessage", {"message": "Hello", "accountId": str(birch.account.pk)}, by="server")
    by_voice = door.voice("checkAvailability", asked, call="call-1", more={"accountId": str(birch.account.pk)})

    assert own.is_served
    assert (other.verdict, in_body.verdict) == ("403 forbidden", "403 forbidden")
    assert by_voice.verdict == "403"
    assert birch.account.tasks.count() == 0


# C5: practices were connected by an unsigned state that came back from a vendor's page


def patterns(urls: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Yield every address pattern of the project."""
    for one in urls:
        here = f"{before}{one.pattern}"
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns, here)
        else:
            yield here


def test_c5_there_is_no_address_to_which_a_vendor_sends_somebody_back() -> None:
    found = list(patterns(get_resolver().url_patterns))

    assert any(one.endswith("vapi/webhook") for one in found)
    back = re.compile(r"oauth|callback|authori[sz]e|exchange|redirect|connect(?!ion$)")  # test-connection is the spec's
    assert [one for one in found if back.search(one)] == []


@pytest.mark.parametrize(
    "address",
    [
        "/api/pms/sikka/oauth/callback",
        "/api/pms/sikka/exchange-code",
        "/api/pms/connection-status",
        "/api/google-calendar/callback",
    ],
)
def test_c5_nobody_is_connected_by_a_state_that_names_an_account(both: Both, client: Client, address: str) -> None:
    alder, birch = both
    known = list(PmsIntegration.objects.order_by("pk").values())
    state = {"state": str(birch.account.pk), "code": "a code", "accountId": str(birch.account.pk)}

    answers = [
        client.get(address, state),
        client.post(address, state, content_type="application/json"),
        client.get(address, state, headers={"Authorization": f"Bearer {alder.secrets['server']}"}),
    ]

    assert [one.status_code for one in answers] == [404] * 3
    assert list(PmsIntegration.objects.order_by("pk").values()) == known
