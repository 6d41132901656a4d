"""How far checkAvailability looks for the next day with a time, and what that costs the practice's system."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import speech
from pms.domain.localtime import day_bounds, local_date_of
from pms.models import Blockout, ScheduledKind, SlotOffer, SpecialDay
from pms.services import availability
from tests.conftest import Sim
from tests.talking import NEW_YORK, Caller, asked_of_the_pms, quiet_day
from tests.tools.conftest import caller

__all__ = ["caller"]


def today() -> date:
    return local_date_of(timezone.now(), NEW_YORK)


def configured(practice: Account, **changes: Any) -> None:
    integration = practice.integrations.get()
    integration.config = {**(integration.config or {}), **changes}
    integration.save()


def blocked(practice: Account, first: date, days: int) -> None:
    """Let the practice block so many days from ``first`` on."""
    start, end = day_bounds(first, NEW_YORK)[0], day_bounds(first + timedelta(days=days - 1), NEW_YORK)[1]
    Blockout.objects.create(account=practice, starts_at=start, ends_at=end)


def opened(practice: Account, day: date) -> None:
    """Let the practice work on a day with one hygienist in one room, whatever day of the week it is."""
    for kind, who in (
        (ScheduledKind.PRACTICE, ""),
        (ScheduledKind.CLINICIAN, "HY1"),
        (ScheduledKind.OPERATORY, "Hyg 1"),
    ):
        SpecialDay.objects.create(account=practice, kind=kind, resource_id=who, day=day, windows=[["09:00", "12:00"]])


def said(day: date) -> str:
    return speech.say_date(day, today())


def appointments_asked(sim: Sim) -> int:
    """Return how many pages of appointments the practice's system was asked for."""
    return asked_of_the_pms(sim).count(("GET", "/appointments"))


def offered_days() -> set[date]:
    return {local_date_of(offer.starts_at, NEW_YORK) for offer in SlotOffer.objects.all()}


def test_a_blocked_fortnight_leads_to_the_next_day_in_two_readings(practice: Account, caller: Caller, sim: Sim) -> None:
    blocked(practice, quiet_day(0), 14)
    sim("DELETE", "requests")

    say = caller.open_times(date=quiet_day(0).isoformat())

    next_open = quiet_day(0) + timedelta(days=14)
    assert say.startswith(
        f"There is nothing open on {said(quiet_day(0))}. The next opening is on {said(next_open)}: I can offer "
    )
    assert offered_days() == {next_open}
    assert appointments_asked(sim) == 2


def test_an_opening_within_the_fortnight_is_found_in_one_reading(practice: Account, caller: Caller, sim: Sim) -> None:
    blocked(practice, quiet_day(0), 11)  # until Thursday of the week after
    sim("DELETE", "requests")

    caller.open_times(date=quiet_day(0).isoformat())

    assert offered_days() == {quiet_day(0) + timedelta(days=11)}
    assert appointments_asked(sim) == 1


def test_nothing_within_the_horizon_names_the_last_day_that_was_looked_at(
    practice: Account, caller: Caller, sim: Sim
) -> None:
    blocked(practice, today(), 100)
    sim("DELETE", "requests")

    say = caller.open_times(date=quiet_day(0).isoformat())

    last = today() + timedelta(days=90)
    assert say == f"I can't find any open times from {said(quiet_day(0))} through {said(last)}."
    assert not SlotOffer.objects.exists()
    assert appointments_asked(sim) == 2


def test_a_short_horizon_is_looked_at_and_nothing_beyond(practice: Account, caller: Caller, sim: Sim) -> None:
    configured(practice, maxAdvanceDays=5)
    blocked(practice, today(), 6)
    sim("DELETE", "requests")

    say = caller.open_times(date=today().isoformat())

    assert say.endswith(f" through {said(today() + timedelta(days=5))}.")
    assert appointments_asked(sim) == 1


def test_the_last_day_of_the_horizon_is_looked_at(practice: Account, caller: Caller) -> None:
    days = (quiet_day() - today()).days
    configured(practice, maxAdvanceDays=days)
    blocked(practice, today(), days)

    caller.open_times(date=today().isoformat())

    assert offered_days() == {quiet_day()}


@pytest.fixture
def _far(practice: Account) -> None:
    configured(practice, maxAdvanceDays=400)


@pytest.mark.usefixtures("_far")
class TestHundredAndEightyDays:
    def test_are_the_end_however_far_a_practice_lets_anybody_book(
        self, practice: Account, caller: Caller, sim: Sim
    ) -> None:
        blocked(practice, today(), 300)
        sim("DELETE", "requests")

        say = caller.open_times(date=today().isoformat())

        last = today() + timedelta(days=availability.LOOK_AHEAD_DAYS)
        assert availability.LOOK_AHEAD_DAYS == 180
        assert say == f"I can't find any open times from {said(today())} through {said(last)}."
        assert appointments_asked(sim) == 2

    def test_are_looked_at_to_their_end(self, practice: Account, caller: Caller) -> None:
        last = today() + timedelta(days=180)
        blocked(practice, today(), 180)
        opened(practice, last)

        caller.open_times(date=today().isoformat())

        assert offered_days() == {last}

    def test_leave_the_day_after_them_unseen(self, practice: Account, caller: Caller) -> None:
        blocked(practice, today(), 181)
        opened(practice, today() + timedelta(days=181))

        say = caller.open_times(date=today().isoformat())

        assert say.startswith("I can't find any open times")
        assert not SlotOffer.objects.exists()
