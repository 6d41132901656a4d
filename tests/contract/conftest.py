"""The practices of the contract's table, made once for a module."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from pms.domain.clock import SystemClock
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY
from tests.conftest import _control
from tests.contract.stage import House, Stage, built, taken_back


@pytest.fixture(scope="module")
def house(_running_sandbox: Sandbox, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """Alder and Birch, connected, with what a test needs of them."""
    platform = {"baseUrl": f"{_running_sandbox.url}/v4", "applicationId": APP_ID, "secretKey": APP_KEY}
    with (
        override_settings(PMS_PROVIDER_DEFAULTS={**settings.PMS_PROVIDER_DEFAULTS, "SIKKA": platform}),
        django_db_blocker.unblock(),
        taken_back(),
    ):
        yield built(_control(_running_sandbox))


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleep less between two looks at a write, and between two tries."""
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: time.sleep(seconds / 20))


@pytest.fixture
def stage(house: House, db: None, client: Client, _running_sandbox: Sandbox) -> Stage:
    """The practices as they were made; what a test changes is taken back."""
    return Stage(house, client, _running_sandbox, _control(_running_sandbox))
