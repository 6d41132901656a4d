"""A sandbox per test, and a small client that is deliberately not the adapter."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from pms.sandbox import Sandbox

# A Monday; noon UTC is the same day in all three offices.
START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)


class Desk:
    """Speaks to one sandbox as one office."""

    def __init__(self, url: str, session: requests.Session, office_id: str = "D10001") -> None:
        self.url = url
        self.session = session
        self.office_id = office_id
        self.headers: dict[str, str] = {}
        self.credentials = self.sim("GET", "credentials")
        self.app = {"App-Id": self.credentials["app_id"], "App-Key": self.credentials["app_key"]}
        self.secret = next(one["secret_key"] for one in self.credentials["offices"] if one["office_id"] == office_id)
        self.grant = self.first_key().json()
        self.headers = {"Request-Key": self.grant["request_key"]}

    def sim(self, method: str, command: str, /, **body: Any) -> dict[str, Any]:
        where = f"{self.url}/_sim/{command}"
        sent: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        answer = self.session.request(method, where, timeout=5, **sent)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def first_key(self, **changes: str) -> requests.Response:
        body = {
            "grant_type": "request_key",
            "office_id": self.office_id,
            "secret_key": self.secret,
            "app_id": self.app["App-Id"],
            "app_key": self.app["App-Key"],
        }
        return self.call("POST", "request_key", headers={}, json={**body, **changes})

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("headers", self.headers)
        options.setdefault("timeout", 5)
        return self.session.request(method, f"{self.url}/v4/{path}", **options)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def items(self, path: str, **params: Any) -> list[dict[str, str]]:
        answer = self.get(path, **params)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found: list[dict[str, str]] = (body[0] if isinstance(body, list) else body)["items"]
        return found

    def booking(self, **changes: str) -> dict[str, str]:
        """A body that books the demo caller into time that the seed leaves alone: Sunday evening."""
        return {
            "patient_id": "1001",
            "date": (TODAY + timedelta(days=6)).isoformat(),
            "time": "20:00",
            "description": "Cleaning",
            "provider_id": "DR1",
            "length": "30",
            "operatory": "Op 1",
            "practice_id": "1",
            **changes,
        }

    def book(self, **changes: str) -> str:
        """Accept a booking; returns the write-back id."""
        answer = self.call("POST", "appointment", json=self.booking(**changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["long_message"]).removeprefix("Id:")

    def note(self, **changes: str) -> dict[str, str]:
        """A body that adds a note to the demo caller's chart."""
        return {
            "patient_id": "1001",
            "type": "PatNote",
            "date": TODAY.isoformat(),
            "text": "Called about a sore tooth.",
            "provider_id": "DR1",
            "practice_id": "1",
            **changes,
        }

    def payment(self, **changes: str) -> dict[str, str]:
        """A body that posts a payment of 10.50 to the demo caller's ledger."""
        return {
            "patient_id": "1001",
            "guarantor_id": "1001",
            "procedure_code": "3",
            "procedure_description": "Credit Card Payment",
            "provider_id": "DR1",
            "amount": "-10.50",
            "practice_id": "1",
            "transaction_date": TODAY.isoformat(),
            **changes,
        }

    def written(self, path: str, body: dict[str, str]) -> str:
        """Accept a write-back; returns its id."""
        answer = self.call("POST", path, json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (201, "API2016"), answer.text
        return str(answer.json()["long_message"]).removeprefix("Id:")

    def truth(self, patient_id: str = "1001") -> dict[str, list[dict[str, str]]]:
        """The rows that the PMS itself has of a patient."""
        return self.sim("GET", "truth", office_id=self.office_id, patient_id=patient_id)

    def status(self, number: str) -> dict[str, str]:
        [item] = self.items("writeback_status", id=number)
        return item

    def later(self, seconds: float) -> None:
        self.sim("POST", "clock", advance_seconds=seconds)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox(writeback_delay=60, refresh_lag=900, start=START) as started:
        yield started


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    with running.world.lock:
        running.world.reset()
    return running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture
def desk(sandbox: Sandbox, session: requests.Session) -> Desk:
    return Desk(sandbox.url, session)


@pytest.fixture
def cedar(sandbox: Sandbox, session: requests.Session) -> Desk:
    return Desk(sandbox.url, session, "D30003")


@pytest.fixture
def birch(sandbox: Sandbox, session: requests.Session) -> Desk:
    return Desk(sandbox.url, session, "D20002")
