"""Many callers of Alder Dental at the same moment; whoever wins, nothing may be lost or doubled in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import combinations

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.models import Booking, BookingState, Verification
from tests.conftest import Sim
from tests.services.conftest import hold
from tests.talking import ALDER, Caller, in_the_pms
from tests.tools.conftest import cora, number

__all__ = ["cora", "hold", "number"]

Callers = Callable[[int], list[Caller]]


@pytest.fixture(autouse=True)
def _hurried(settings: Settings, sim: Sim) -> None:
    """Let one process serve everybody who races, and the office carry out at once what it is sent."""
    settings.WEB_THREADS = 200
    sim("POST", "config", writeback_delay=0.02)


@pytest.fixture
def callers(practice: Account, sim: Sim) -> Callers:
    """Make callers in calls of their own, each verified as somebody else."""
    people = sim("GET", "truth", office_id=ALDER)["patients"]
    patients = [row["patient_id"] for row in people if row["status"] == "Active" and row["practice_id"] == "1"]
    Caller(practice, number="").open_times()  # the office's key and lists are known then

    def make(count: int) -> list[Caller]:
        made = [Caller(practice, number="") for _ in range(count)]
        for caller, patient_id in zip(made, patients[-count:], strict=True):
            Verification.objects.create(
                account=practice, call=caller.call, succeeded=True, patient_id=patient_id, subject_digest=""
            )
        return made

    return make


@pytest.fixture(autouse=True)
def _nothing_is_lost_or_doubled(practice: Account, sim: Sim) -> Iterator[None]:
    """Compare the practice's own system with itself and with our rows after every race."""
    yield
    standing = [row for row in in_the_pms(sim) if row["status"] != "Cancelled"]
    for one, other in combinations(standing, 2):
        shares = any(one[what] == other[what] for what in ("provider_id", "operatory", "patient_id"))
        assert not (shares and _overlap(one, other)), (one, other)
    ids = {row["appointment_sr_no"] for row in standing}
    confirmed = Booking.objects.filter(account=practice, state=BookingState.CONFIRMED)
    assert set(confirmed.values_list("pms_appointment_id", flat=True)) <= ids


def _overlap(one: dict[str, str], other: dict[str, str]) -> bool:
    return _begins(one) < _ends(other) and _begins(other) < _ends(one)


def _begins(row: dict[str, str]) -> datetime:
    return datetime.fromisoformat(f"{row['date'][:10]}T{row['time']}")


def _ends(row: dict[str, str]) -> datetime:
    return _begins(row) + timedelta(minutes=int(row["length"]))
