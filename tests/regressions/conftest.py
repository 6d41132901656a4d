"""Alder Dental with a caller and with a server of its own; its office carries out at once what is written."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Account
from tests.conftest import Sim
from tests.journeys.tenants import Door, tenant_of
from tests.regressions.kinds import Hasty, at_the_desk
from tests.talking import ALDER, Caller


@pytest.fixture(autouse=True)
def _at_once(sim: Sim) -> None:
    sim("POST", "config", writeback_delay=0)


@pytest.fixture
def caller(practice: Account) -> Caller:
    """Somebody who has said nothing yet, on the demo caller's phone; the practice has payments posted."""
    integration = practice.integrations.get()
    integration.config = {**(integration.config or {}), "voicePayments": "ledger"}
    integration.save()
    return Caller(practice, clock=Hasty())


@pytest.fixture
def cora(caller: Caller) -> Caller:
    """The demo caller, verified."""
    return caller.verified()


@pytest.fixture
def door(practice: Account, client: Client, settings: Settings) -> Door:
    """Both faces as Alder stands before them, and no secret of the platform's."""
    settings.VAPI_WEBHOOK_SECRETS = []
    return Door(client, tenant_of(practice, ALDER))


@pytest.fixture
def visits(practice: Account, sim: Sim) -> list[str]:
    """Three cleanings of the demo caller, made at the desk."""
    return [at_the_desk(sim, hour) for hour in ("09:00", "10:00", "11:00")]
