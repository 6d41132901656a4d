"""PT cases: who is the same person, by what is on file and what is said of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from accounts.models import Account
from pms.domain.identity import NoMatch, Outcome, Verified, match
from pms.domain.records import Patient
from tests.identity.saying import ROBERT, ROBERTS_NUMBER, find
from tests.identity.test_every_case import CASES
from tests.talking import CORA, Caller

NUMBER, ANOTHER = "+14155550101", "+14155550102"
PATIENTS = {case["id"]: case for case in CASES["patients"]}


def on_file(case_id: str) -> Patient:
    """Return the patient of a case, with a phone number."""
    person = PATIENTS[case_id]["on_file"]
    born = date.fromisoformat(person["dob"])
    return Patient("1", person["first"], person["last"], date_of_birth=born, phones=(NUMBER,))


def matched(case_id: str, **factors: Any) -> Outcome:
    """Match what is said in a case with what is on file in it."""
    said = PATIENTS[case_id]["said"]
    return match([on_file(case_id)], said["first"], said["last"], date.fromisoformat(said["dob"]), **factors)


def test_pt_01_accents_are_not_heard() -> None:
    assert matched("PT-01") == Verified(on_file("PT-01"), phone_matched=False)


def test_pt_03_a_nickname_is_a_candidate_only_with_the_phone_on_file() -> None:
    assert matched("PT-03", caller_phone=NUMBER) == Verified(on_file("PT-03"), phone_matched=True)
    assert [matched("PT-03", **one) for one in ({}, {"caller_phone": ANOTHER}, {"phone_last4": "0101"})] == [
        NoMatch()
    ] * 3


def test_pt_03_without_it_the_whole_name_is_asked_for_again(practice: Account) -> None:
    rob = {**ROBERT, "firstName": "Rob"}

    unknown, known = (find(Caller(practice, number=number), rob) for number in ("", ROBERTS_NUMBER))

    assert unknown.outcome == "patient_not_found"
    assert "name and date of birth" in unknown.say
    assert known.outcome == "ok"


def test_pt_04_another_date_of_birth_is_another_person_whatever_the_phone() -> None:
    assert matched("PT-04", caller_phone=NUMBER, phone_last4="0101") == NoMatch()


def test_pt_04_the_date_is_asked_for_again_with_the_month_as_a_word(caller: Caller) -> None:
    swapped = find(caller, {**CORA, "dateOfBirth": "1987-12-04"})

    assert swapped.outcome == "patient_not_found"
    assert "with the month as a word?" in swapped.say
    assert find(caller, {**CORA, "dateOfBirth": "April 12th 1987"}).outcome == "ok"


@pytest.mark.parametrize(
    ("factors", "is_found"),
    [
        ({}, False),
        ({"caller_phone": ANOTHER}, False),
        ({"phone_last4": "0102"}, False),
        ({"caller_phone": NUMBER}, True),
        ({"phone_last4": "0101"}, True),
    ],
)
def test_pt_06_half_of_a_double_name_needs_the_phone_or_its_digits(factors: dict[str, str], is_found: bool) -> None:
    assert isinstance(matched("PT-06", **factors), Verified) is is_found


@pytest.mark.parametrize("born", [PATIENTS["PT-12"]["on_file"]["dob"], "1753-01-01", "1899-12-30", "1900-01-01"])
def test_pt_12_a_date_that_stands_for_none_never_matches(born: str) -> None:
    dob = date.fromisoformat(born)
    varga = Patient("1031", "Paul", "Varga", date_of_birth=dob, phones=(NUMBER,))

    assert match([varga], "Paul", "Varga", dob, phone_last4="0101", caller_phone=NUMBER) == NoMatch()
