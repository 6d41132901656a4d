"""Callers of Alder Dental."""

from __future__ import annotations

import pytest

from accounts.models import Account
from tests.conftest import Sim
from tests.talking import Caller


@pytest.fixture(autouse=True)
def _at_once(sim: Sim) -> None:
    """Let the office carry out at once what it is sent."""
    sim("POST", "config", writeback_delay=0.02)


@pytest.fixture
def caller(practice: Account) -> Caller:
    """Somebody who has said nothing yet, on the demo caller's phone."""
    return Caller(practice)


@pytest.fixture
def cora(caller: Caller) -> Caller:
    """The demo caller, verified."""
    return caller.verified()
