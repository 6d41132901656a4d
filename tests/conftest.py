"""Fixtures that more than one folder needs: the sandbox, and a practice connected to it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.core.management.commands import flush
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings
from structlog.stdlib import ProcessorFormatter

from accounts.models import Account
from pms.models import triggers
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY
from tests import canaries
from tests.practice import seeded

Sim = Callable[..., Any]

# The same examples in every run, however busy the machine is.
hypothesis_settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis_settings.load_profile("repeatable")

# Of a test with more cases than this, `make check` runs every eighth, and `make test` all.
_MANY = 4
_CHOSEN = ("exhaustive", "race", "whole")
# A race is another one each time. SQLite has one writer, so that there once is enough.
_REPEATS = int(os.environ.get("PARLAE_RACE_REPEATS", "20"))


def pytest_configure(config: pytest.Config) -> None:
    """Say what the markers are that this file knows what to do with."""
    config.addinivalue_line("markers", "race: runs PARLAE_RACE_REPEATS times on PostgreSQL, once on SQLite")
    config.addinivalue_line("markers", "whole: `make check` leaves none of its cases out")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have every race run again and again."""
    if metafunc.definition.get_closest_marker("race"):
        is_sqlite = django_settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
        metafunc.fixturenames.append("_run")
        metafunc.parametrize("_run", range(1 if is_sqlite else _REPEATS))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what of many cases alike is left out of the sample, unless a test has chosen for itself."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for alike in cases.values():
        if len(alike) <= _MANY or any(item.get_closest_marker(one) for item in alike for one in _CHOSEN):
            continue
        for number, item in enumerate(alike):
            if number % 8:
                item.add_marker(pytest.mark.exhaustive)


@pytest.fixture(autouse=True, scope="session")
def _flush_lifts_triggers() -> Iterator[None]:
    """Let tests with real transactions empty the tables: their flush meets the append-only triggers."""
    original = flush.Command.handle

    def handle(self: flush.Command, **options: Any) -> None:
        triggers.uninstall(options["database"])
        try:
            original(self, **options)
        finally:
            triggers.install(options["database"])

    flush.Command.handle = handle  # type: ignore[method-assign, assignment]
    yield
    flush.Command.handle = original  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def _no_canary_in_any_log() -> Iterator[None]:
    """Listen to every log line of the whole run, and fail it if a patient or a key is in one."""
    root = logging.getLogger()
    formatter = next(h.formatter for h in root.handlers if isinstance(h.formatter, ProcessorFormatter))
    listener = canaries.Listener(formatter)
    root.addHandler(listener)
    yield
    root.removeHandler(listener)
    assert not listener.hits, f"{len(listener.hits)} of {listener.lines} log lines hold canaries: {listener.hits[:3]}"


@pytest.fixture(autouse=True)
def _windows_begin_with_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no limit's window end in the middle of a test: the library's end at a second of their own per key."""
    began = int(time.time())

    def end_of_window(_key: str, period: int) -> int:
        return began + ((int(time.time()) - began) // period + 1) * period

    monkeypatch.setattr("django_ratelimit.core._get_window", end_of_window)


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(writeback_delay=0.2, refresh_lag=900) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    """The sandbox as it was when it started."""
    _control(_running_sandbox)("POST", "reset")
    return _running_sandbox


@pytest.fixture
def sim(sandbox: Sandbox) -> Sim:
    """The sandbox's control plane: ``sim("POST", "office", office_id="D10001", online=False)``."""
    return _control(sandbox)


def copied_since(sim: Sim) -> None:
    """Let so much time pass at Sikka that its copy is newer than any booking of the test."""
    sim("POST", "clock", advance_seconds=600)
    sim("POST", "refresh")


@pytest.fixture
def practice(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """Alder Dental, connected to the sandbox."""
    use_sandbox(settings, sandbox)
    return seeded()


def use_sandbox(settings: Settings, sandbox: Sandbox) -> None:
    """Point the platform's Sikka at the sandbox."""
    settings.PMS_PROVIDER_DEFAULTS = {
        **django_settings.PMS_PROVIDER_DEFAULTS,
        "SIKKA": {"baseUrl": f"{sandbox.url}/v4", "applicationId": APP_ID, "secretKey": APP_KEY},
    }


def _control(sandbox: Sandbox) -> Sim:
    def control(method: str, path: str, /, **asked: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            sent = {"params": asked} if method == "GET" else {"json": asked}
            answer = session.request(method, f"{sandbox.url}/_sim/{path}", timeout=5, **sent)  # type: ignore[arg-type]
            answer.raise_for_status()
            return answer.json()

    return control
