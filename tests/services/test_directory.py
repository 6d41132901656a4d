"""People, rooms and hours: kept for a while, sealed, and read again when that is over."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.models import PmsCachedData
from tests.conftest import Sim
from tests.talking import Caller, SetClock, asked_of_the_pms, codes, quiet_day


@pytest.fixture
def caller(practice: Account, sim: Sim) -> Caller:
    """A caller after whose first question everything is known."""
    caller = Caller(practice)
    caller.open_times()
    sim("DELETE", "requests")
    return caller


def lists_asked(sim: Sim) -> set[str]:
    return {path for _, path in asked_of_the_pms(sim)} - {"/appointments", "/practices"}


def test_what_is_kept_cannot_be_read(caller: Caller) -> None:
    kept = list(PmsCachedData.objects.values_list("cache_type", "data"))

    assert {kind for kind, _ in kept} == {"clinicians", "operatories", "schedules"}
    assert not any(b"Lindqvist" in bytes(data) or b"Hyg 1" in bytes(data) for _, data in kept)


@pytest.mark.parametrize(
    ("minutes", "read"),
    [
        (14, set()),
        (16, {"/practice_schedule"}),
        (61, {"/practice_schedule", "/providers", "/operatories"}),
    ],
)
def test_each_is_read_again_after_its_time(caller: Caller, sim: Sim, minutes: int, read: set[str]) -> None:
    caller.clock = SetClock.later(minutes=minutes)

    assert codes(caller.open_times())
    assert lists_asked(sim) == read


def test_hours_are_kept_by_the_week(caller: Caller, sim: Sim) -> None:
    caller.open_times(date=quiet_day(3).isoformat())

    assert lists_asked(sim) == set()


def test_a_copy_that_does_not_open_is_read_again(caller: Caller, sim: Sim) -> None:
    PmsCachedData.objects.update(data=b"1.gone.nothing")

    assert codes(caller.open_times())
    assert lists_asked(sim) == {"/practice_schedule", "/providers", "/operatories"}


def test_a_copy_of_another_row_does_not_open(caller: Caller, sim: Sim) -> None:
    people, rooms = (PmsCachedData.objects.get(cache_type=kind) for kind in ("clinicians", "operatories"))
    people.data = rooms.data
    people.save()

    assert codes(caller.open_times())
    assert lists_asked(sim) == {"/providers"}
