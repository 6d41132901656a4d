"""Callers of Alder Dental."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.sandbox import Sandbox
from tests.conftest import Sim
from tests.talking import Caller, Slow, made_at_the_desk, slow_office


@pytest.fixture
def caller(practice: Account) -> Caller:
    """Somebody who has said nothing yet, on the demo caller's phone."""
    return Caller(practice)


@pytest.fixture
def cora(practice: Account) -> Caller:
    """The demo caller, verified."""
    return Caller(practice).verified()


@pytest.fixture
def quick_office(sim: Sim) -> None:
    """Let the office carry out what it is sent almost at once."""
    sim("POST", "config", writeback_delay=0.02)


@pytest.fixture
def number(sandbox: Sandbox) -> str:
    """The id of a cleaning that the desk has made for Cora at nine."""
    return made_at_the_desk(sandbox)


@pytest.fixture
def slow(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Let the office take long: ``slow()``, or ``slow("PATCH appointment")`` with some writes only."""
    return lambda *writes: slow_office(sim, monkeypatch, *writes)
