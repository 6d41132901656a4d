"""Where a caller is put through: the practice's numbers, its hours in its own zone, and the time."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account
from pms.services import transfers
from tests.vapi.conftest import logs

__all__ = ["logs"]

TEAM, ON_CALL = "+12125550150", "+12125550160"
WEEK = {str(day): [["08:00", "12:00"], ["13:00", "17:00"]] for day in range(1, 6)}
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)  # a Monday, in New York


def account(**values: Any) -> Account:
    known = {"name": "Alder", "time_zone": "America/New_York", "transfer_number": TEAM, "after_hours_number": ON_CALL}
    return Account(**{**known, "transfer_hours": WEEK, **values})


def at(wall: str, **values: Any) -> str:
    """Return the number at an instant in UTC, such as "2026-11-23 13:00"."""
    now = datetime.fromisoformat(wall).replace(tzinfo=UTC)
    return transfers.number_for(account=account(**values), now=now)


@pytest.mark.parametrize(("wall", "number"), [
    ("2026-11-23 12:59:59", ON_CALL),  # 07:59:59
    ("2026-11-23 13:00", TEAM),
    ("2026-11-23 16:59:59", TEAM),
    ("2026-11-23 17:00", ON_CALL),  # half-open: closed at noon
    ("2026-11-23 18:00", TEAM),
    ("2026-11-23 22:00", ON_CALL),
    ("2026-11-22 14:00", ON_CALL),  # a Sunday
    ("2026-11-28 02:00", ON_CALL),  # Friday evening there, Saturday in UTC
    ("2026-07-20 12:00", TEAM),  # 08:00 in summer
    ("2026-07-20 11:59", ON_CALL),
])  # fmt: skip
def test_the_hours_are_the_practice_s_own_and_end_before_their_end(wall: str, number: str) -> None:
    assert at(wall) == number


@pytest.mark.parametrize(("wall", "window", "number"), [
    # In the night to 2026-11-01 the clocks show 01:00 to 02:00 twice.
    ("2026-11-01 05:30", ["01:00", "02:00"], TEAM),
    ("2026-11-01 06:30", ["01:00", "02:00"], TEAM),
    ("2026-11-01 07:00", ["01:00", "02:00"], ON_CALL),
    ("2026-11-01 05:45", ["00:00", "01:30"], ON_CALL),
    ("2026-11-01 06:15", ["00:00", "01:30"], ON_CALL),  # 01:15 for the second time
    # In the night to 2026-03-08 they do not show 02:00 to 03:00.
    ("2026-03-08 07:00", ["02:00", "04:00"], TEAM),
    ("2026-03-08 06:59", ["02:00", "04:00"], ON_CALL),
    ("2026-03-08 07:10", ["02:10", "02:50"], ON_CALL),
])  # fmt: skip
def test_the_clocks_change_and_each_edge_has_one_meaning(wall: str, window: list[str], number: str) -> None:
    assert at(wall, transfer_hours={"7": [window]}) == number


def test_a_window_may_last_until_midnight() -> None:
    hours = {"1": [["18:00", "24:00"]]}

    assert at("2026-11-24 04:59:59", transfer_hours=hours) == TEAM
    assert at("2026-11-24 05:00", transfer_hours=hours) == ON_CALL


@pytest.mark.parametrize("nothing", [{}, None])
def test_no_hours_are_any_time(nothing: object) -> None:
    assert at("2026-11-22 03:00", transfer_hours=nothing) == TEAM


def test_outside_the_hours_the_team_s_number_is_never_given() -> None:
    assert at("2026-11-22 14:00", after_hours_number="") == ""


def test_within_the_hours_the_other_number_is_never_given() -> None:
    assert at("2026-11-23 13:00", transfer_number="") == ""


@pytest.mark.parametrize("number", ["", "reception", "911", "12345"])
def test_what_is_no_number_takes_nobody(number: str) -> None:
    assert at("2026-11-23 13:00", transfer_number=number) == ""


BROKEN: list[Any] = [
    "always", ["08:00"], 7, True, {"1": None}, {"1": "08:00-17:00"}, {"1": ["08:00", "17:00"]}, {"1": [["08:00"]]},
    {"1": [["8:00", "17:00"]]}, {"1": [["17:00", "08:00"]]}, {"1": [["08:00", "08:00"]]}, {"1": [["24:00", "24:00"]]},
    {"1": [["08:00", "25:00"]]}, {"1": [["08:00", None]]}, {"1": [[8, 17]]}, {"1": [["08:00", "17:00", "18:00"]]},
    {"1": [["08:00", "17:00"], "x"]},
]  # fmt: skip


@pytest.mark.parametrize("hours", BROKEN, ids=range(len(BROKEN)))
def test_hours_that_cannot_be_read_are_none(hours: object, logs: io.StringIO) -> None:
    assert at("2026-11-23 17:00", transfer_hours=hours) == ON_CALL
    assert "transfer hours cannot be read" in logs.getvalue()


def test_a_day_that_cannot_be_read_leaves_the_others_as_they_are() -> None:
    assert at("2026-11-23 15:00", transfer_hours={**WEEK, "2": "closed"}) == TEAM


@pytest.mark.parametrize("hours", [*BROKEN, {**WEEK, "2": "closed"}, {**WEEK, "8": []}, {"monday": []}])
def test_such_hours_are_refused_when_they_are_entered(hours: object) -> None:
    with pytest.raises(ValidationError) as refused:
        account(transfer_hours=hours).clean()

    assert set(refused.value.message_dict) == {"transfer_hours"}


@pytest.mark.parametrize("number", ["2125550150", "+0125550150", "+1 212 555 0150", "reception"])
def test_a_number_that_is_not_e164_is_refused_when_it_is_entered(number: str) -> None:
    with pytest.raises(ValidationError) as refused:
        account(transfer_number=number, after_hours_number=number).clean()

    assert set(refused.value.message_dict) == {"transfer_number", "after_hours_number"}


@pytest.mark.parametrize("hours", [{}, WEEK, {"7": []}, {"1": [["00:00", "24:00"]]}])
def test_what_can_be_used_is_accepted(hours: object) -> None:
    account(transfer_hours=hours).clean()
    account(transfer_number="", after_hours_number="").clean()
