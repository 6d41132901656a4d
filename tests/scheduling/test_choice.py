"""The few times that are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pms.scheduling.choice import Preference, pick
from pms.scheduling.rules import Team
from pms.scheduling.slots import Slot

ZONE = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-12T{text}").replace(tzinfo=ZONE).astimezone(UTC)


def slot(text: str) -> Slot:
    start = at(text)
    return Slot(start, start + timedelta(hours=1), start.astimezone(ZONE), Team(frozenset()))


ALL_DAY = "08:00 08:30 09:00 09:30 10:00 10:30 11:00 13:00 13:30 14:00 14:30 15:00 15:30 16:00"


@pytest.mark.parametrize(
    ("free", "given", "expected"),
    [
        (ALL_DAY, {}, "08:00 13:00 16:00"),
        (ALL_DAY, {"limit": 2}, "08:00 13:00"),
        (ALL_DAY, {"limit": 1}, "08:00"),
        (ALL_DAY, {"limit": 0}, ""),
        (ALL_DAY, {"preference": Preference.MORNING}, "08:00 09:30 11:00"),
        (ALL_DAY, {"preference": Preference.AFTERNOON}, "13:00 14:30 16:00"),
        ("08:00 09:00", {"preference": Preference.AFTERNOON}, ""),
        ("13:00 13:30 14:00", {}, "13:00 13:30 14:00"),
        ("10:00 12:00", {"preference": Preference.AFTERNOON}, "12:00"),
        (ALL_DAY, {"near": at("12:10")}, "11:00 13:00 13:30"),
        (ALL_DAY, {"near": at("10:00")}, "09:30 10:00 10:30"),
        (ALL_DAY, {"near": at("10:00"), "limit": 1}, "10:00"),
        (ALL_DAY, {"near": at("07:00")}, "08:00 08:30 09:00"),
        (ALL_DAY, {"near": at("20:00")}, "15:00 15:30 16:00"),
        ("08:00 10:40 10:50 16:00", {"near": at("11:00"), "limit": 2}, "10:50 16:00"),
        (ALL_DAY, {"near": at("12:00"), "preference": Preference.MORNING}, "10:00 10:30 11:00"),
        ("", {}, ""),
        ("", {"near": at("10:00")}, ""),
    ],
)
def test_pick(free: str, given: dict[str, object], expected: str) -> None:
    chosen = pick([slot(text) for text in free.split()], **given)  # type: ignore[arg-type]
    assert " ".join(f"{one.local:%H:%M}" for one in chosen) == expected
