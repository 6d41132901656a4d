"""The computable lists of the shared scheduling cases; ``PARLAE_SCHEDULING_CASES`` names another file of that shape."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pms.domain import errors, localtime, phone, spoken
from pms.scheduling import hours
from pms.scheduling.reasons import error_for
from pms.scheduling.rules import Busy, Rule, Team
from pms.scheduling.slots import Day, day_slots
from pms.vapi.envelope import read_arguments

DEFAULT = Path(__file__).parent.parent / "data" / "scheduling" / "cases.json"
CASES = json.loads(Path(os.environ.get("PARLAE_SCHEDULING_CASES") or DEFAULT).read_text())
BASE = CASES["base"]
SLOT_KEYS = {
    "tz", "day", "windows", "duration", "step", "busy", "before", "after", "now", "notice", "max_days", "closed",
    "special", "pairs", "show_offset",
}  # fmt: skip

Case = dict[str, Any]


def cases(name: str) -> pytest.MarkDecorator:
    """Parametrize a test over one list of the file."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES.get(name, [])])


def shown(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def on(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str) -> time:
    return time.fromisoformat(text)


@cases("wall_to_utc")
def test_wall_to_utc(case: Case) -> None:
    found = localtime.wall_to_utc(on(case["day"]), at(case["time"]), localtime.zone(case["tz"]))
    assert {"status": found.status, "utc": [shown(instant) for instant in found.utc]} == case["expect"]


@cases("day_bounds")
def test_day_bounds(case: Case) -> None:
    start, end = localtime.day_bounds(on(case["day"]), localtime.zone(case["tz"]))
    hours_long = (end - start) / timedelta(hours=1)
    assert {"from": shown(start), "to": shown(end), "hours": hours_long} == case["expect"]


@cases("local_date_of")
def test_local_date_of(case: Case) -> None:
    found = localtime.local_date_of(datetime.fromisoformat(case["utc"]), localtime.zone(case["tz"]))
    assert found.isoformat() == case["expect"]


@cases("add_minutes")
def test_add_minutes(case: Case) -> None:
    start = datetime.fromisoformat(case["start"]).astimezone(localtime.zone(case["tz"]))
    assert localtime.add_minutes(start, case["minutes"]).strftime("%Y-%m-%dT%H:%M%z") == case["expect"]


@cases("age")
def test_age(case: Case) -> None:
    assert localtime.age_on(on(case["dob"]), on(case["on"])) == case["expect"]


@cases("phones")
def test_phones(case: Case) -> None:
    found = phone.parse(case["input"], case["country"])
    assert phone.normalize(case["input"], case["country"]) == case["expect"]
    assert (found.e164 if found else None) == case["expect"]
    assert (found.extension if found else "") == case.get("extension", "")


@cases("slots")
def test_slots(case: Case) -> None:
    given = case["given"]
    assert set(given) <= SLOT_KEYS, "the case has a key that this test does not know"
    form = "%H:%M%z" if given.get("show_offset") else "%H:%M"
    assert [slot.local.strftime(form) for slot in day_of(given).slots] == case["expect"]


@cases("speech_dates")
def test_speech_dates(case: Case) -> None:
    found = outcome(case["input"], datetime.fromisoformat(case["now"]), localtime.zone(case["tz"]))
    expected = case["expect"]
    assert (found.get("utc"), found.get("code")) == (expected.get("utc"), expected.get("code"))
    assert found.get("flags") == expected.get("flags", found.get("flags"))


def outcome(written: object, now: datetime, where: ZoneInfo) -> Case:
    """Read a start time as a booking does: the arguments, the wall clock, then the base practice's slots."""
    arguments, problem = read_arguments(written)
    if problem:
        return {"code": problem}
    try:
        start = spoken.read_wall_clock(arguments, now=now, where=where)
        refuse_if_not_offered(start.local, now)
    except errors.ParlaeError as error:
        return {"code": error.code}
    return {"utc": shown(start.utc), "flags": sorted(start.flags)}


def day_of(given: Case) -> Day:
    """Compute a case: what it does not give is the base practice's, long before the day, with one team."""
    full = {**BASE, **given}
    where, day = localtime.zone(full["tz"]), on(full["day"])
    special = {on(key): window_set(value) for key, value in full.get("special", {}).items()}
    closures = [on(text) for text in full.get("closed", [])]
    weekly = dict.fromkeys(range(7), window_set(full["windows"]))
    before_the_day = localtime.day_bounds(day, where)[0] - timedelta(days=7)
    return day_slots(
        day=day,
        where=where,
        windows=hours.of_day(day, weekly, closures=closures, special=special),
        teams=[Team(frozenset(resources)) for resources in full.get("pairs", [["P1", "OP1"]])],
        busy=[busy_row(row, day, full["tz"]) for row in full.get("busy", [])],
        rule=Rule(
            duration_minutes=full["duration"],
            step_minutes=full["step"],
            before_minutes=full.get("before", 0),
            after_minutes=full.get("after", 0),
            notice_minutes=full.get("notice", 0),
            horizon_days=full.get("max_days"),
        ),
        now=datetime.fromisoformat(full["now"]) if "now" in full else before_the_day,
    )


def window_set(pairs: list[list[str]]) -> hours.Windows:
    return hours.windows((at(opens), at(closes)) for opens, closes in pairs)


def busy_row(row: Case, day: date, tz: str) -> Busy:
    edges = [localtime.resolve_edge(day, at(row[key]), localtime.zone(tz)) for key in ("from", "to")]
    resources = frozenset(row.get("resources", ()))
    return Busy(edges[0], edges[1], resources, row.get("before", 0), row.get("after", 0))


def refuse_if_not_offered(local: datetime, now: datetime) -> None:
    reason = day_of({"day": local.date().isoformat(), "now": now.isoformat()}).why_not(local.astimezone(UTC))
    if reason is not None:
        raise error_for(reason)
