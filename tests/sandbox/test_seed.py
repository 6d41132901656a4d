"""What the fictional practice promises to whoever builds on it."""

import re
from collections import Counter
from datetime import date, timedelta
from itertools import combinations

import pytest

from pms.sandbox import Sandbox, cast
from pms.sandbox.diary import closed_days, minutes, working_spans
from pms.sandbox.practice import ALDER, CEDAR
from pms.sandbox.truth import Office, is_active, overlaps, seeded

from .conftest import START, TODAY


@pytest.fixture
def alder(sandbox: Sandbox) -> Office:
    return sandbox.world.offices["D10001"]


def test_the_practice(alder: Office) -> None:
    working = [row for row in alder.providers if row["provider_type"] == "Provider" and row["status"] == "Active"]
    assert Counter(row["specialty"] for row in working) == {"General Dentist": 2, "Hygienist": 2}
    assert len([row for row in alder.operatories if row["is_hidden"] == "F"]) == 5
    assert len(alder.truth.patients) == 200


def test_active_appointments_never_overlap_and_lie_in_working_hours(sandbox: Sandbox) -> None:
    for office in sandbox.world.offices.values():
        active = [row for row in office.truth.appointments.values() if is_active(row)]
        clashes = [(a, b) for a, b in combinations(active, 2) if a["date"] == b["date"] and overlaps(a, b)]
        assert clashes == []
        hours = {place.practice_id: place.hours for place in office.profile.locations}
        people = {who.provider_id: who for who in office.profile.clinicians}
        for row in active:
            day, start = date.fromisoformat(row["date"][:10]), minutes(row["time"])
            assert day not in closed_days(TODAY)
            spans = working_spans(hours[row["practice_id"]], people[row["provider_id"]].hours, day.weekday())
            assert any(begin <= start and start + int(row["length"]) <= end for begin, end in spans)


def test_everybody_has_free_time_on_every_working_day_ahead(alder: Office) -> None:
    for distance in range(1, 29):
        day = TODAY + timedelta(days=distance)
        for who in ALDER.clinicians:
            spans = working_spans(ALDER.locations[0].hours, who.hours, day.weekday())
            if not spans or day in closed_days(TODAY):
                continue
            busy = sum(
                int(row["length"])
                for row in alder.truth.appointments.values()
                if is_active(row) and row["provider_id"] == who.provider_id and row["date"][:10] == day.isoformat()
            )
            assert sum(end - start for start, end in spans) - busy >= 60


def test_the_book_reaches_a_month_each_way_with_some_broken_and_cancelled(alder: Office) -> None:
    rows = alder.truth.appointments.values()
    days = sorted(row["date"][:10] for row in rows)
    assert date.fromisoformat(days[0]) <= TODAY - timedelta(days=27)
    assert date.fromisoformat(days[-1]) >= TODAY + timedelta(days=27)
    kinds = {(row["status"], row["cancelled"]) for row in rows if not is_active(row)}
    assert kinds == {("Broken", "False"), ("Cancelled", ""), ("Scheduled", "True"), ("Cancelled", "True")}


def test_the_cast_is_there(alder: Office) -> None:
    for person in cast.ALDER:
        row = alder.truth.patients[person.patient_id]
        assert (row["firstname"], row["lastname"]) == (person.firstname, person.lastname)
        assert row["birthdate"] == f"{person.birthdate}T00:00:00"
        assert (row["cell"], row["homephone"], row["workphone"]) == (person.cell, person.homephone, person.workphone)
        assert row["status"] == person.status
    booked = [
        row for row in alder.truth.appointments.values() if row["patient_id"] in {one.patient_id for one in cast.ALDER}
    ]
    assert [(row["patient_id"], row["date"][:10] > TODAY.isoformat()) for row in booked] == [
        ("1010", True),
        ("1001", False),
    ]


def test_the_people_are_as_awkward_as_real_ones(alder: Office) -> None:
    rows = list(alder.truth.patients.values())
    phones = [number for row in rows for number in (row["cell"], row["homephone"], row["workphone"])]
    written = {re.sub(r"\d", "9", number) for number in phones}
    assert {"(999) 999-9999", "999-999-9999", "999.999.9999 x99", "9999999999", ""} <= written
    fictional = re.compile(r"1?(\d{3}55501\d\d|555\d{7})(12)?")
    assert [number for number in phones if number and not fictional.fullmatch(re.sub(r"\D", "", number))] == []
    names = Counter((row["firstname"], row["lastname"]) for row in rows)
    assert len([name for name, times in names.items() if times > 1]) >= 3
    born = Counter((row["firstname"], row["lastname"], row["birthdate"]) for row in rows)
    assert max(born.values()) == 2
    assert any(not row["lastname"].isascii() for row in rows)
    assert any("'" in row["lastname"] for row in rows)
    assert any("-" in row["lastname"] for row in rows)
    minors = [row for row in rows if row["birthdate"][:10] > "2008-03-02"]
    assert len(minors) >= 5
    assert all(row["guarantor_id"] != row["patient_id"] for row in minors)
    assert len([row for row in rows if row["status"] == "Inactive"]) >= 3
    assert len([row for row in rows if row["birthdate"].startswith("0001-01-01")]) >= 2
    digits = Counter(re.sub(r"\D", "", number)[:10] for number in phones if number)
    assert max(digits.values()) >= 3


def test_one_seed_makes_one_practice(alder: Office) -> None:
    seeded.cache_clear()
    same = Office(ALDER, alder.write.api_url, 1, START)
    other = Office(ALDER, alder.write.api_url, 2, START)
    assert same.truth == alder.truth
    assert other.truth.patients["2001"] != alder.truth.patients["2001"]
    assert other.truth.patients["1001"]["birthdate"] == alder.truth.patients["1001"]["birthdate"]


def test_every_seed_fills_both_locations() -> None:
    for seed in range(30):
        office = Office(CEDAR, "http://x/v4", seed, START)
        assert {row["practice_id"] for row in office.truth.appointments.values()} == {"1-1", "1-2"}


@pytest.mark.parametrize("start", [TODAY + timedelta(days=shift) for shift in range(7)])
def test_the_promises_hold_on_every_weekday(start: date) -> None:
    office = Office(ALDER, "http://x/v4", 3, START + (start - TODAY))
    ahead = [row for row in office.truth.appointments.values() if row["patient_id"] == "1001"]
    assert all(row["date"][:10] < start.isoformat() for row in ahead)
    active = [row for row in office.truth.appointments.values() if is_active(row)]
    assert not any(office.truth.clash(row) for row in active[:60])
    assert next(iter(closed_days(start))).weekday() <= 3
