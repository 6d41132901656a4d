"""What models write as dates and times, from the shared table of cases, through bookAppointment itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.models import Booking
from pms.sandbox import Sandbox
from pms.tools import runner
from pms.tools.context import Result
from pms.vapi.envelope import read_arguments
from tests.conftest import use_sandbox
from tests.practice import seeded
from tests.talking import Caller, SetClock, codes

Case = dict[str, Any]

CASES: list[Case] = json.loads((Path(__file__).parent.parent / "data/scheduling/cases.json").read_text())[
    "speech_dates"
]
NOW = datetime(2026, 5, 12, 13, 10, tzinfo=UTC)
AT_TEN = datetime(2026, 5, 14, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def in_may() -> Iterator[Sandbox]:
    with Sandbox(writeback_delay=0.05, refresh_lag=900, start=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def account(db: None, in_may: Sandbox, settings: Settings) -> Account:
    with in_may.world.lock:
        in_may.world.reset()
        truth = in_may.world.offices["D10001"]
        truth.truth.appointments.clear()
        truth.refresh(in_may.world.clock.now())
    use_sandbox(settings, in_may)
    return seeded()


@pytest.fixture
def cora(account: Account) -> Caller:
    return Caller(account, clock=SetClock(NOW)).verified()


def heard(caller: Caller, written: object) -> Result:
    """Book what a model wrote, as JSON text or as an object."""
    arguments, problem = read_arguments(written)
    if not problem:
        arguments = {"appointmentType": "cleaning", **arguments}
    return runner.run(name="bookAppointment", arguments=arguments, problem=problem, request=caller.request())


@pytest.mark.parametrize("case", [c for c in CASES if "utc" in c["expect"]], ids=lambda case: case["id"])
def test_a_start_that_is_understood_is_booked(cora: Caller, case: Case) -> None:
    result = heard(cora, case["input"])

    booking = Booking.objects.get()
    assert "is booked for Thursday, May 14th at 10 AM" in result.say
    assert booking.starts_at == datetime.fromisoformat(case["expect"]["utc"]) == AT_TEN
    assert (booking.ends_at - booking.starts_at).total_seconds() == 3600
    assert booking.account_id == cora.call.account_id


@pytest.mark.parametrize("case", [c for c in CASES if "error" in c["expect"]], ids=lambda case: case["id"])
def test_a_start_that_is_not_is_asked_about_or_refused(cora: Caller, in_may: Sandbox, case: Case) -> None:
    with in_may.world.lock:
        in_may.world.journal.clear()

    result = heard(cora, case["input"])

    is_asked = case["expect"]["error"] == "ask"
    requests = {row["method"] for row in in_may.world.journal.entries()}
    assert result.outcome == case["expect"]["code"]
    assert bool(codes(result.say)) is bool(case["expect"].get("alternatives"))
    assert result.say.endswith("?") is is_asked
    assert requests == (set() if is_asked else {"GET"})
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ({"date": "2026-02-30", "time": "10:00"}, "date_invalid"),
        ({"date": "5/6/2026", "time": "10:00"}, "date_ambiguous"),
        ({"date": "2026-05-14"}, "time_format"),
        ({"time": "10:00"}, "date_missing"),
        ({"date": "2026-05-14", "time": "10"}, "time_format"),
        ({"date": "2026-05-14", "time": "25:00"}, "time_format"),
        ({"date": "2026-05-14", "time": "10:00", "startTime": "2026-05-15T10:00"}, "date_ambiguous"),
        ({"startTime": "2026-05-14T10:00:00+02:00"}, "time_zone_mismatch"),
        ({}, "date_missing"),
        ("not json", "arguments_unreadable"),
    ],
)
def test_other_mistakes_have_their_own_question_too(cora: Caller, written: object, outcome: str) -> None:
    result = heard(cora, written)

    assert result.outcome == outcome
    assert not Booking.objects.exists()


def test_a_bare_zone_suffix_is_ignored_and_the_time_read_back(cora: Caller) -> None:
    result = heard(cora, {"startTime": "2026-05-14T10:00:00Z"})

    assert "at 10 AM" in result.say
    assert Booking.objects.get().starts_at == AT_TEN
