"""Callers of Alder Dental."""

from __future__ import annotations

import pytest

from accounts.models import Account
from tests.talking import Caller


@pytest.fixture
def caller(practice: Account) -> Caller:
    """Somebody who has said nothing yet, on the demo caller's phone."""
    return Caller(practice)


@pytest.fixture
def cora(practice: Account) -> Caller:
    """The demo caller, verified."""
    return Caller(practice).verified()
