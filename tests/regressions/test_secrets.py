"""Regressions of lessons.md C3, C6 and C7: nobody is let in by default, and what lets somebody in is never readable.

The door's whole table is in ``tests/vapi``; the walk over every address of the project too.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import Account
from pms.domain.clock import SystemClock
from pms.models import Credential, PmsAuditLog, PmsIntegration, PmsToken, SecurityEvent, Task
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY, PROFILES
from pms.services import connecting, integrations
from pms.services.tokens import DatabaseTokenStore
from tests.conftest import Sim
from tests.journeys.tenants import Door, endpoints
from tests.talking import CORA, Caller, asked_of_the_pms
from tests.vapi.sending import ASKER, about, tool_call, tool_calls

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def addresses() -> set[str]:
    return {address.format(appointmentId="70001", patientId="1001", writeId="70001") for _, address in endpoints()}


# C3: an API without a guard


@pytest.mark.parametrize("method", METHODS)
def test_c3_no_address_of_the_api_answers_without_a_signature(door: Door, sim: Sim, method: str) -> None:
    sim("DELETE", "requests")
    before = PmsAuditLog.objects.count()

    told = {
        (address, door.client.generic(method, address, b"{}", content_type="application/json").status_code)
        for address in addresses()
    }

    assert {status for _, status in told} <= {400, 401, 405}
    assert {address for address, status in told if status == 400} <= {"/api/pms/vapi/webhook"}
    assert (asked_of_the_pms(sim), PmsAuditLog.objects.count()) == ([], before)


# C6: credentials and tokens in plain text, and an encryption that failed open


def everything() -> bytes:
    """Return every column of every table, and on SQLite the database's files, as they are stored."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # the database's own name
            found += [raw(value) for row in cursor.fetchall() for value in row]
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        found += [path.read_bytes() for path in (Path(name), Path(f"{name}-wal")) if path.exists()]
    return b"\n".join(found)


def raw(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def written_as(secret: str) -> Iterator[bytes]:
    """Yield a secret as it would be stored by somebody who has not sealed it."""
    plain = secret.encode()
    yield from (plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"="))


@pytest.mark.django_db(transaction=True)
def test_c6_no_credential_and_no_token_is_in_the_database(practice: Account, door: Door, sandbox: Sandbox) -> None:
    connecting.connect(
        account=practice,
        provider="SIKKA",
        credentials={"practiceId": "D10001", "applicationId": APP_ID, "secretKey": APP_KEY},
        config={},
        features={"booking": True},
        asker=ASKER,
        clock=SystemClock(),
    )
    Caller(practice).verified().book()
    integration = PmsIntegration.objects.get()
    token = DatabaseTokenStore(integration_id=integration.pk, clock=SystemClock()).get()
    assert token

    stored = everything()

    keys = (*sandbox.world.keys.keys, *sandbox.world.keys.refresh_keys)
    assert set(token.values.values()) >= set(keys)
    assert integrations.reveal(integration=integration)["secretKey"] == APP_KEY
    secrets = [APP_ID, APP_KEY, PROFILES[0].secret_key, *keys, *door.tenant.secrets.values()]
    secrets.append(door.tenant.secrets["server"].split("_", 2)[2])
    assert [one for one in secrets for form in written_as(one) if form in stored] == []
    assert b"Alder Dental" in stored


@pytest.mark.parametrize("column", ["credentials", "token"])
def test_c6_what_cannot_be_opened_is_not_used_as_it_is(cora: Caller, sim: Sim, column: str) -> None:
    if column == "token":
        PmsToken.objects.update(sealed=b"a key in plain text")
    else:
        PmsIntegration.objects.update(credentials=b'{"practiceId": "D10001"}')
    sim("DELETE", "requests")

    result = cora.use("getAppointments")

    asked = asked_of_the_pms(sim)
    if column == "token":  # a new one is asked for
        assert (result.outcome, asked[:2]) == ("ok", [("GET", "/authorized_practices"), ("POST", "/request_key")])
    else:
        assert (result.outcome, asked) == ("internal_error", [])


def test_c6_without_a_key_nothing_starts() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "parlae.settings", "ENCRYPTION_KEYS": ""}
    command = [sys.executable, "-c", "import django; django.setup()"]

    started = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert started.returncode != 0
    assert "ENCRYPTION_KEYS" in started.stderr


# C7: without a secret everything was accepted, and headers and bodies said who somebody was

CLAIMS: list[dict[str, str]] = [
    {"X-Internal-Call": "true"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    {"Authorization": "Bearer "},
    {"X-Vapi-Secret": ""},
    {"X-Vapi-Secret": "undefined", "X-Signature": "", "X-Timestamp": ""},
    {"Cookie": "sessionid=admin"},
]


def claimed(door: Door, headers: dict[str, str]) -> set[int]:
    """Return how a booking and a message are answered on both faces, of a known line, with a claim instead of proof."""
    line = door.tenant.line
    named = {**headers, "X-Vapi-Phone-Number-Id": line.vapi_phone_number_id or ""}
    bodies: list[tuple[str, object]] = [
        ("/api/pms/vapi/webhook", tool_calls(line, [tool_call("takeMessage", {"message": "Hello"})], call_id="call-1")),
        ("/api/pms/vapi/webhook", {**about(line), "Source": "Sikka"}),
        ("/api/pms/messages", {"message": "Hello", "Source": "Sikka", "accountId": str(door.tenant.account.pk)}),
        ("/api/pms/appointments", {"patientId": "1001", "Source": "Sikka"}),
    ]
    return {
        door.client.post(address, body, content_type="application/json", headers=named).status_code
        for address, body in bodies
    }


@pytest.mark.parametrize("headers", CLAIMS, ids=lambda one: ", ".join(one))
def test_c7_who_only_says_who_he_is_is_not_let_in(door: Door, headers: dict[str, str]) -> None:
    assert claimed(door, headers) == {401}
    assert not Task.objects.exists()


def test_c7_without_any_secret_nothing_is_accepted(door: Door, settings: Settings) -> None:
    Credential.objects.all().delete()
    settings.VAPI_WEBHOOK_SECRETS = []

    told = [claimed(door, headers) for headers in CLAIMS]

    assert told == [{503}] * len(CLAIMS)
    assert not Task.objects.exists()


def test_c7_a_wrong_secret_is_no_better_than_none(door: Door, client: Client) -> None:
    door.tenant.secrets |= {"line": "a secret that nobody has", "server": door.tenant.secrets["server"][:-3] + "xyz"}

    by_voice = door.voice("findPatient", CORA, call="call-1")
    by_server = door.rest("checkAvailability", {"appointmentType": "Cleaning"}, by="server")

    assert (by_voice.verdict, by_server.verdict) == ("401", "401 signature_invalid")
    assert SecurityEvent.objects.filter(kind="webhook.refused").exists()
