"""No patient, key or spoken answer can be read in a log line or in the raw database after a day of calls."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from structlog.stdlib import ProcessorFormatter

from accounts.models import Account
from pms.domain.clock import SystemClock
from pms.jobs import sweeps
from pms.management.simulation import Phone
from pms.models import Credential, PmsIntegration, ToolCall, VoiceLine, WriteBack
from pms.models.credential import Scope
from pms.sandbox import Sandbox
from pms.services import credentials
from pms.services.tokens import DatabaseTokenStore
from pms.vapi.webhook import ENDPOINT
from tests import canaries
from tests.conftest import Sim, use_sandbox
from tests.practice import CALLER, seeded
from tests.talking import ALDER, CORA, JORDAN, JOSE, SetClock, quiet_day
from tests.vapi.sending import issued

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "Cora Whitfield, born 1987-04-12, can be reached at (212) 555-0147"
CARD = "4242 4242 4242 4242"
# Of the demo caller's chart: member number, company, street, what is owed, and a card number that was said.
OF_THE_CHART = ("LDB20931847", "Larkfield", "Tansy Hill", "281.50", "281 dollars", CARD, CARD.replace(" ", ""))


class Lines(logging.Handler):
    """Keeps every line of the product's own logging, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        handlers = logging.getLogger().handlers
        self.setFormatter(next(h.formatter for h in handlers if isinstance(h.formatter, ProcessorFormatter)))
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def alder(sandbox: Sandbox, settings: Settings) -> Account:
    use_sandbox(settings, sandbox)
    return seeded()


class Day:
    """A day of calls that go well and badly, over HTTP. Keeps what the callers heard."""

    def __init__(self, account: Account, url: str, sim: Sim) -> None:
        self.line = VoiceLine.objects.get(account=account)
        [self.secret] = credentials.reveal(Credential.objects.get(line=self.line))
        self.url, self.sim = url, sim
        self.heard: list[str] = []
        self.answers: list[str] = []

    def call(self, caller: str = CALLER) -> Phone:
        return Phone(url=self.url, line=self.line, secret=self.secret, caller=caller)

    def use(self, phone: Phone, tool: str, **arguments: Any) -> str:
        self.heard.append(phone.use(tool, arguments))
        return self.heard[-1]

    def books(self, at: str = "09:00", **more: Any) -> dict[str, Any]:
        return {"appointmentType": "cleaning", "date": quiet_day().isoformat(), "time": at, "notes": NOTE, **more}

    def goes_well(self) -> None:
        phone = self.call()
        self.use(phone, "checkAvailability", appointmentType="cleaning", date=quiet_day().isoformat())
        self.use(phone, "findPatient", **CORA)
        assert "is booked for" in self.use(phone, "bookAppointment", slotCode="A1", notes=NOTE)
        self.use(phone, "bookAppointment", **self.books("08:00"))
        phone.hang_up()

    def is_about_a_chart(self) -> None:
        phone = self.call()
        self.use(phone, "findPatient", **CORA)
        told = [self.use(phone, tool) for tool in ("getPatientInfo", "getInsurance", "getBalance", "getPatientNotes")]
        assert [word for word in ("Tansy Hill", "Larkfield", "281 dollars") if word not in " ".join(told)] == []
        self.use(phone, "addPatientNote", content=NOTE)
        self.use(phone, "updatePatient", email="cora.whitfield@example.test", street="32 Tansy Hill")
        self.use(
            phone, "addInsurance", provider="Larkfield", policyNumber="LDB20931847", subscriberName="Cora Whitfield"
        )
        self.use(phone, "processPayment", amount="281.50", method="check", notes=NOTE)
        self.use(phone, "processPayment", amount="281.50", notes=f"My card is {CARD}")
        self.use(phone, "transferToHuman", reason=NOTE)
        phone.hang_up()

    def is_asked_by_a_server(self, token: str) -> None:
        """Let the practice's own server read and change the same chart, and look people up in every way."""
        patient = "/api/pms/patients/1001"
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {token}"

            def ask(method: str, address: str, **sent: Any) -> int:
                answer = session.request(method, f"{self.url}{address}", timeout=10, **sent)
                self.answers.append(answer.text)
                return answer.status_code

            read = [ask("GET", f"{patient}{part}") for part in ("", "/notes", "/insurance", "/balance")]
            read.append(ask("GET", "/api/pms/patients/search", params={"query": "Whitfield"}))
            read.append(ask("POST", "/api/pms/patients/search", json={"query": "(212) 555-0147"}))
            assert read == [200] * 6
            assert ask("POST", f"{patient}/notes", json={"content": NOTE}) in (201, 202)
            session.headers["Idempotency-Key"] = "payment-of-a-day"
            payment = {"patientId": "1001", "amount": 281.50, "method": "check", "notes": NOTE}
            assert ask("POST", "/api/pms/payments", json=payment) in (201, 202)
            assert ask("POST", "/api/pms/payments", json={**payment, "last4": CARD}) == 403
            del session.headers["Idempotency-Key"]
            assert ask("PATCH", patient, json={"email": "cora.whitfield@example.test"}) == 501
            assert (
                ask("POST", f"{patient}/insurance", json={"provider": "Larkfield", "policyNumber": "LDB20931847"})
                == 501
            )
            assert ask("GET", "/api/pms/patients/Cora%20Whitfield%201987-04-12") == 422

    def is_guessed_at(self) -> None:
        phone = self.call("+19175550121")
        for month in ("01", "03", "05", "07"):
            self.use(phone, "findPatient", **{**JOSE, "dateOfBirth": f"1980-{month}-03"})
        self.use(phone, "bookAppointment", **self.books(patientId="1010", verified=True))
        phone = self.call("")
        self.use(phone, "findPatient", **JORDAN)
        self.use(phone, "findPatient", **JORDAN, phoneLast4="0199")
        self.use(phone, "findPatient", firstName="Nora", lastName="Quist", dateOfBirth="1958-01-17")
        self.use(phone, "findPatient", firstName="Nora", lastName="Quist", dateOfBirth="the 17th, ask Cora Whitfield")

    def goes_badly(self) -> None:
        phone = self.call()
        self.use(phone, "findPatient", **CORA)
        self.sim("POST", "lose_answer")
        self.use(phone, "bookAppointment", **self.books("10:00"))
        self.sim("POST", "fail", path="/v4/appointment", error_code="API1026")
        self.use(phone, "bookAppointment", **self.books("13:00"))
        self.sim("POST", "office", office_id=ALDER, online=False)
        self.use(phone, "bookAppointment", **self.books("14:00"))
        self.sim("POST", "office", office_id=ALDER, online=True)
        self.sim("POST", "fail", path="/v4/patients", status=500, times=3)
        self.use(phone, "findPatient", **CORA)
        self.use(phone, "bookForCoraWhitfield", **CORA)
        self.use(phone, "findPatient", **{**CORA, "lastName": ["Whitfield"]})

    def crashes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash(**said: Any) -> None:
            raise ValueError(f"{NOTE} {said}")

        with monkeypatch.context() as patched:
            patched.setattr("pms.services.patients.verify", crash)
            self.use(self.call(), "findPatient", **CORA)

    def is_forged(self) -> None:
        body = {"message": {"type": "tool-calls", "customer": {"number": CALLER}, "toolCallList": [CORA, NOTE]}}
        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{self.url}{ENDPOINT}", json=body, headers={"X-Signature": "0" * 64}, timeout=5)
            session.get(f"{self.url}/api/pms/patients/search", params={"q": NOTE}, timeout=5)
            session.get(f"{self.url}/Cora/Whitfield/2125550147", headers={"User-Agent": "test"}, timeout=5)

    def is_followed(self) -> None:
        WriteBack.objects.filter(state="FAILED").update(next_attempt_at=timezone.now(), payload=b"1.k1.broken")
        self.sim("POST", "refresh", office_id=ALDER)
        for minutes in (3, 30, 60 * 25):
            sweeps.follow_write_backs(SetClock.later(minutes=minutes))
        sweeps.housekeeping()


def secrets_of(account: Account, day: Day) -> list[str]:
    integration = PmsIntegration.objects.get(account=account)
    token = DatabaseTokenStore(integration_id=integration.pk, clock=SystemClock()).get()
    assert token
    return [day.secret, token.values["request_key"], token.values["refresh_key"]]


def dump() -> str:
    """Return everything in the database as text: every column of every table, and on SQLite the files' bytes too."""
    text = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # the database's own name
            text += [f"{table}: {' | '.join(map(plain, row))}" for row in cursor.fetchall()]
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        text += [plain(path.read_bytes()) for path in map(Path, (name, f"{name}-wal")) if path.exists()]
    return "\n".join(text)


def plain(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)


def test_nothing_that_must_stay_secret_is_readable_anywhere(
    live_server: LiveServer, alder: Account, sim: Sim, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(alder, live_server.url, sim)
    sim("POST", "config", writeback_delay=0.05)

    token, _ = issued(alder, *Scope.values)
    day.goes_well()
    day.is_about_a_chart()
    day.is_asked_by_a_server(token)
    day.is_guessed_at()
    day.goes_badly()
    day.crashes(monkeypatch)
    day.is_forged()
    day.is_followed()

    happened = set(ToolCall.objects.values_list("outcome", flat=True))
    assert happened >= {
        "ok", "patient_not_found", "verification_locked", "ambiguous_patient", "date_invalid", "outcome_unknown",
        "write_rejected", "pms_unavailable", "unknown_tool", "validation_failed", "internal_error", "not_supported",
    }  # fmt: skip
    hidden = [*secrets_of(alder, day), *day.heard, *day.answers, *OF_THE_CHART, token]
    for where, text in (("log", "\n".join(lines.written)), ("database", dump())):
        assert canaries.found_in(text) == [], where
        assert [one for one in hidden if one in text] == [], where


def test_the_dump_and_the_log_would_have_shown_it(
    live_server: LiveServer, alder: Account, sim: Sim, lines: Lines
) -> None:
    Day(alder, live_server.url, sim).goes_well()

    stored, logged = dump(), "\n".join(lines.written)
    assert all(known in stored for known in ("Alder Dental", "Perpetua Lindqvist", "findPatient", "CONFIRMED", "1001"))
    assert '"tool": "bookAppointment"' in logged
    VoiceLine.objects.update(label="Cora Whitfield, 212-555-0147")
    assert canaries.found_in(dump()) == ["Whitfield", "555-0147"]
