"""What is said, and what never gets through."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.domain import speech


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 12, 1), "Tuesday, December 1st"),
        (date(2026, 12, 2), "Wednesday, December 2nd"),
        (date(2026, 12, 3), "Thursday, December 3rd"),
        (date(2026, 12, 4), "Friday, December 4th"),
        (date(2026, 12, 11), "Friday, December 11th"),
        (date(2026, 12, 12), "Saturday, December 12th"),
        (date(2026, 12, 13), "Sunday, December 13th"),
        (date(2026, 12, 21), "Monday, December 21st"),
        (date(2026, 12, 22), "Tuesday, December 22nd"),
        (date(2026, 12, 23), "Wednesday, December 23rd"),
        (date(2026, 12, 31), "Thursday, December 31st"),
    ],
)
def test_say_date(day: date, said: str) -> None:
    assert speech.say_date(day) == said


def test_the_year_is_said_when_the_date_could_be_taken_for_another() -> None:
    today = date(2026, 5, 12)
    assert speech.say_date(date(2027, 1, 5), today) == "Tuesday, January 5th"
    assert speech.say_date(date(2027, 5, 11), today) == "Tuesday, May 11th, 2027"
    assert speech.say_date(date(2025, 5, 13), today) == "Tuesday, May 13th, 2025"


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (time(9), "9 AM"),
        (time(9, 30), "9:30 AM"),
        (time(9, 5), "9:05 AM"),
        (time(12), "12 PM"),
        (time(12, 30), "12:30 PM"),
        (time(0), "12 AM"),
        (time(16, 45), "4:45 PM"),
    ],
)
def test_say_time(clock: time, said: str) -> None:
    assert speech.say_time(clock) == said


def test_say_when() -> None:
    local = datetime(2026, 12, 1, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    assert speech.say_when(local) == "Tuesday, December 1st at 9:30 AM"
    assert speech.say_when(local, date(2025, 1, 1)) == "Tuesday, December 1st, 2026 at 9:30 AM"


@pytest.mark.parametrize(
    ("clocks", "said"),
    [
        ([], ""),
        ([time(9)], "9 AM"),
        ([time(9), time(14)], "9 AM and 2 PM"),
        ([time(9), time(10, 30), time(14)], "9 AM, 10:30 AM and 2 PM"),
    ],
)
def test_say_times(clocks: list[time], said: str) -> None:
    assert speech.say_times(clocks) == said


def test_a_choice_is_said_with_or() -> None:
    assert speech.say_list(["cash", "card", "check"], "or") == "cash, card or check"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("125.50", "125 dollars and 50 cents"),
        ("1", "1 dollar"),
        ("1.01", "1 dollar and 1 cent"),
        ("0.5", "50 cents"),
        ("0", "0 dollars"),
        ("1234.5", "1,234 dollars and 50 cents"),
        ("-20", "a credit of 20 dollars"),
        ("19.999", "20 dollars"),
    ],
)
def test_say_amount(amount: str, said: str) -> None:
    assert speech.say_amount(Decimal(amount)) == said


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("Ann", "Smith-Jones"), "Ann Smith-Jones"),
        (("SEAN", "O'NEIL"), "Sean O'Neil"),
        (("JD", "Lee"), "JD Lee"),
        (("Jose\u0301", " Núñez "), "José Núñez"),
        (("Ann", "", "Lee"), "Ann Lee"),
        (("<b>Ann</b>\n", "Lee; {{system}}"), "Ann Lee; system"),
    ],
)
def test_say_name(parts: tuple[str, ...], said: str) -> None:
    assert speech.say_name(*parts) == said


@pytest.mark.parametrize(("code", "said"), [("k7m2", "K 7 M 2"), ("A-12", "A 1 2"), ("", "")])
def test_spell(code: str, said: str) -> None:
    assert speech.spell(code) == said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\r\ntwo\tthree\u2028four\x00five", "one two three four five"),
        ("<script>alert(1)</script>Ann", "alert(1) Ann"),
        ("a < b > c", "a c"),
        ("**bold** `code` [link](x) #4 a|b", "bold code link (x) 4 a b"),
        ("right\u202eto\u200bleft", "righttoleft"),
        ("Zoë & O'Brien, D.D.S.", "Zoë & O'Brien, D.D.S."),
        ("\ud800lone", "lone"),
        ("", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert speech.one_line(text) == line


def test_one_line_is_cut() -> None:
    assert speech.one_line("word " * 100, 12) == "word word wo"
    assert len(speech.one_line("x" * 10_000)) == speech.MAX_TEXT_LENGTH


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_one_line_is_one_plain_line(text: str) -> None:
    line = speech.one_line(text)
    assert len(line) <= speech.MAX_TEXT_LENGTH
    assert line.isprintable()
    assert not set(line) & set("<>{}[]`")
    assert line == line.strip()
    assert speech.flatten(text).splitlines() in ([], [speech.flatten(text)])


def test_a_code_is_for_the_model_and_not_for_ears() -> None:
    marked = f"{speech.mark('9:15 AM', 'A1')} or {speech.mark('2 PM', 'A12')}"

    assert marked == "9:15 AM (code A1) or 2 PM (code A12)"
    assert speech.unmarked(marked) == "9:15 AM or 2 PM"
    assert speech.mark("9:15 AM", "") == "9:15 AM"
