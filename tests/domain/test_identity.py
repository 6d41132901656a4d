"""Who is verified, who is asked for more, and who is told the same as a stranger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pms.domain.identity import (
    Ambiguous,
    Inactive,
    NoMatch,
    Verified,
    is_placeholder_date,
    letters,
    match,
    minor,
)
from pms.domain.records import Patient

BORN = date(1980, 3, 4)
HOME, MOBILE = "+14155550101", "+14155550102"
ROBERT = Patient("1", "Robert", "Lee", date_of_birth=BORN, phones=(HOME,))
JOSE = Patient("2", "José", "Núñez", date_of_birth=BORN)
ANN = Patient("3", "Ann", "Smith-Jones", date_of_birth=BORN, phones=(HOME, MOBILE))


def like(patient: Patient, **changes: Any) -> Patient:
    return replace(patient, **changes)


@pytest.mark.parametrize(
    ("on_file", "first", "last"),
    [
        (JOSE, "Jose", "Nunez"),
        (JOSE, " JOSÉ ", "núñez"),
        (JOSE, "Jose\u0301", "Nu\u0301n\u0303ez"),
        (ANN, "Ann", "Smith Jones"),
        (ANN, "ann", "SMITHJONES"),
        (like(ROBERT, last_name="O'Neil"), "Robert", "ONeil"),
        (like(ROBERT, last_name="O\u2019Neil"), "Robert", "O'Neil"),
        (like(ROBERT, last_name="Groß"), "Robert", "Gross"),
        (like(ROBERT, last_name="Sørensen"), "Robert", "Sorensen"),
        (like(ROBERT, last_name="Łukasz"), "Robert", "Lukasz"),
        (like(ROBERT, last_name="Æther"), "Robert", "Aether"),
        (like(ROBERT, preferred_name="Bobby Lee"), "bobby lee", "Lee"),
        (like(ROBERT, first_name="Mary Ann"), "Maryann", "Lee"),
        (like(ROBERT, first_name="美", last_name="李"), "美", "李"),
    ],
)
def test_names_match_on_their_letters(on_file: Patient, first: str, last: str) -> None:
    assert match([on_file], first, last, BORN) == Verified(on_file, phone_matched=False)


@pytest.mark.parametrize(
    ("candidates", "first", "last", "dob"),
    [
        ([], "Robert", "Lee", BORN),
        ([ROBERT], "Robert", "Lee", date(1980, 4, 3)),
        ([ROBERT], "Robert", "Leigh", BORN),
        ([ROBERT], "Rob ert", "L", BORN),
        ([ROBERT], "", "Lee", BORN),
        ([ROBERT], "Robert", "", BORN),
        ([ROBERT], "-", "'", BORN),
        ([like(ROBERT, first_name="", last_name="")], "", "", BORN),
        ([like(ROBERT, preferred_name="Ace")], "", "Lee", BORN),
        ([like(ROBERT, date_of_birth=None)], "Robert", "Lee", BORN),
        ([like(ROBERT, date_of_birth=date(1, 1, 1))], "Robert", "Lee", date(1, 1, 1)),
        ([like(ROBERT, date_of_birth=date(1900, 1, 1))], "Robert", "Lee", date(1900, 1, 1)),
    ],
)
def test_no_match(candidates: list[Patient], first: str, last: str, dob: date) -> None:
    assert match(candidates, first, last, dob, phone_last4="0101", caller_phone=HOME) == NoMatch()


@pytest.mark.parametrize(
    ("caller", "matched"),
    [(HOME, True), (MOBILE, False), (None, False)],
)
def test_whether_the_caller_s_number_is_on_file(caller: str | None, matched: bool) -> None:
    assert match([ROBERT], "Robert", "Lee", BORN, caller_phone=caller) == Verified(ROBERT, phone_matched=matched)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"caller_phone": HOME}, Verified(ROBERT, phone_matched=True)),
        ({"caller_phone": MOBILE}, NoMatch()),
        ({}, NoMatch()),
        # Four digits can be guessed; a nickname needs the number itself.
        ({"phone_last4": "0101"}, NoMatch()),
    ],
)
def test_a_nickname_needs_the_phone_on_file(given: dict[str, str], expected: object) -> None:
    assert match([ROBERT], "Bob", "Lee", BORN, **given) == expected


def test_a_nickname_must_be_one() -> None:
    assert match([ROBERT], "Bill", "Lee", BORN, caller_phone=HOME) == NoMatch()
    assert match([ROBERT], "Bob", "Leigh", BORN, caller_phone=HOME) == NoMatch()
    mary_ann = like(ROBERT, first_name="Mary Ann")
    assert match([mary_ann], "Mary", "Lee", BORN, caller_phone=HOME) == Verified(mary_ann, phone_matched=True)
    assert match([mary_ann], "Mary", "Lee", BORN) == NoMatch()


def test_a_nickname_of_one_twin_is_not_enough() -> None:
    twin = like(ROBERT, id="9", first_name="Ruth")
    assert match([ROBERT, twin], "Bob", "Lee", BORN, caller_phone=HOME) == NoMatch()
    assert match([ROBERT, twin], "Ruth", "Lee", BORN, caller_phone=HOME) == Verified(twin, phone_matched=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, NoMatch()),
        ({"caller_phone": MOBILE}, Verified(ANN, phone_matched=True)),
        ({"phone_last4": "0102"}, Verified(ANN, phone_matched=False)),
        ({"phone_last4": "9999"}, NoMatch()),
        ({"phone_last4": "9999", "caller_phone": HOME}, NoMatch()),
    ],
)
@pytest.mark.parametrize("last", ["Jones", "smith", "Smith-Jones-Lee"])
def test_half_of_a_double_name_needs_a_factor(last: str, given: dict[str, str], expected: object) -> None:
    on_file = like(ANN, last_name="Jones") if last.count("-") else ANN
    said = "Smith-Jones" if last.count("-") else last
    wanted = Verified(on_file, expected.phone_matched) if isinstance(expected, Verified) else expected
    assert match([on_file], "Ann", said, BORN, **given) == wanted


def test_a_nickname_and_half_a_name_are_too_little() -> None:
    elizabeth = like(ANN, first_name="Elizabeth")
    assert match([elizabeth], "Liz", "Jones", BORN, caller_phone=HOME) == NoMatch()


TWO = [ROBERT, like(ROBERT, id="4", phones=(MOBILE,))]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Ambiguous()),
        ({"phone_last4": "0101"}, Verified(TWO[0], phone_matched=False)),
        ({"phone_last4": "01 02"}, Verified(TWO[1], phone_matched=False)),
        ({"phone_last4": "(415) 555-0101"}, Verified(TWO[0], phone_matched=False)),
        ({"phone_last4": "2", "caller_phone": HOME}, Verified(TWO[0], phone_matched=True)),
        ({"phone_last4": "0103"}, Ambiguous()),
        ({"phone_last4": "101"}, Ambiguous()),
        ({"caller_phone": MOBILE}, Verified(TWO[1], phone_matched=True)),
        ({"caller_phone": MOBILE, "phone_last4": "0101"}, Verified(TWO[0], phone_matched=False)),
    ],
)
def test_two_people_of_one_name_and_birthday_need_a_factor(given: dict[str, str], expected: object) -> None:
    assert match(TWO, "Robert", "Lee", BORN, **given) == expected
    assert match(TWO[::-1], "Robert", "Lee", BORN, **given) == expected


def test_two_people_of_one_household_stay_ambiguous() -> None:
    same_house = [ROBERT, like(ROBERT, id="4")]
    assert match(same_house, "Robert", "Lee", BORN, phone_last4="0101", caller_phone=HOME) == Ambiguous()


def test_an_inactive_patient_is_found_but_not_verified() -> None:
    gone = like(ROBERT, id="5", is_active=False)
    assert match([gone], "Robert", "Lee", BORN) == Inactive(gone)
    assert match([gone], "Bob", "Lee", BORN, caller_phone=HOME) == Inactive(gone)
    assert match([gone, ROBERT], "Robert", "Lee", BORN) == Verified(ROBERT, phone_matched=False)


@pytest.mark.parametrize(
    ("name", "expected"), [("O'Brien-Łoś 3rd", "obrienlosrd"), ("", ""), ("Đặng", "dang"), ("ﬁ", "fi")]
)
def test_letters(name: str, expected: str) -> None:
    assert letters(name) == expected


@pytest.mark.parametrize(
    ("dob", "today", "expected"),
    [
        (date(2008, 5, 13), date(2026, 5, 12), True),
        (date(2008, 5, 12), date(2026, 5, 12), False),
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
    ],
)
def test_minor(dob: date, today: date, expected: bool) -> None:
    assert minor(dob, today) is expected


def test_placeholder_dates() -> None:
    assert is_placeholder_date(date(1899, 12, 30))
    assert not is_placeholder_date(date(1920, 1, 1))


def test_an_outcome_shows_nobody_s_name() -> None:
    assert "Robert" not in repr(match([ROBERT], "Robert", "Lee", BORN))
