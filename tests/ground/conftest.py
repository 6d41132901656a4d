"""A practice that is connected to the sandbox, and what it takes to see inside."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime
from structlog.stdlib import ProcessorFormatter

from accounts.models import Account
from pms.domain.clock import Budget, SystemClock
from pms.management.simulation import wished_day
from pms.models import AppointmentType, PmsIntegration
from pms.providers.http import HttpPool
from pms.services.bookings import Wish
from pms.tools import runner
from tests.conftest import Sim
from tests.ground.support import ASKER
from tests.practice import live_call, voice_request

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def alder(practice: Account) -> PmsIntegration:
    """The demo practice's connection, with its account at hand."""
    return PmsIntegration.objects.select_related("account").get(account=practice)


@pytest.fixture
def wish(alder: PmsIntegration) -> Wish:
    """A cleaning for patient 1001 at a time that is free next week."""
    account = alder.account
    result = runner.run(
        name="checkAvailability",
        arguments={"date": wished_day(datetime.now(account.zone).date()).isoformat(), "appointmentType": "Cleaning"},
        request=voice_request(live_call(account)),
    )
    assert result.answer is not None
    first = result.answer.data["slots"][0]
    starts_at = first["startTime"] if isinstance(first["startTime"], datetime) else parse_datetime(first["startTime"])
    assert starts_at is not None
    kind = AppointmentType.objects.get(account=account, name="Cleaning")
    return Wish(patient_id="1001", appointment_type=kind, starts_at=starts_at, clinician_id="")


@pytest.fixture
def access(alder: PmsIntegration) -> dict[str, Any]:
    """The keyword arguments that open an access to the practice."""
    clock = SystemClock()
    return {"integration": alder, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}


@pytest.fixture
def asked(sim: Sim) -> Callable[[str], list[str]]:
    """The paths that the sandbox was asked for with a method, oldest first."""

    def paths(method: str) -> list[str]:
        return [row["path"] for row in sim("GET", "requests")["requests"] if row["method"] == method]

    return paths


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the product's own handler writes, line by line."""
    handler = next(h for h in logging.getLogger().handlers if isinstance(h.formatter, ProcessorFormatter))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(before)


@pytest.fixture
def at_the_vendor(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Have a function called whenever a vendor is asked, before the real request goes out."""
    original = HttpPool._exchange

    def watch(look: Callable[[], None]) -> None:
        def exchange(pool: HttpPool, *args: Any) -> Any:
            look()
            return original(pool, *args)

        monkeypatch.setattr(HttpPool, "_exchange", exchange)

    return watch
