"""Alder Dental with a caller, whose office goes wrong in every way that the sandbox can."""

from __future__ import annotations

import pytest

from accounts.models import Account
from tests.conftest import Sim
from tests.regressions.kinds import Hasty
from tests.talking import Caller
from tests.tools.conftest import number, slow

__all__ = ["number", "slow"]


@pytest.fixture(autouse=True)
def _at_once(sim: Sim) -> None:
    sim("POST", "config", writeback_delay=0)


@pytest.fixture
def cora(practice: Account) -> Caller:
    """The demo caller, verified; nobody waits long for what never ends."""
    return Caller(practice, clock=Hasty()).verified()
