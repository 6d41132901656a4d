"""How Parlae says things: one form for dates, times, amounts, names and codes.

The forms are read the same way by text-to-speech engines and by language models: "Tuesday, December 1st", "9:30 AM",
"125 dollars and 50 cents". Text that somebody else wrote (a name in a PMS, a note) passes `one_line` first, so that
neither a line break nor markup reaches the model or a page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

MAX_TEXT_LENGTH = 200
MAX_NAME_LENGTH = 80

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_TEENS = (11, 12, 13)
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
# From here on, a date without its year could be taken for this year's.
_YEAR_IS_SAID_BEYOND = timedelta(days=300)

_TAG = re.compile(r"<[^<>]{0,200}>")
_MARKUP = re.compile(r"[<>{}\[\]|\\`*_#~^=$\"]+")
_EMAIL = re.compile(r"[\w.+'-]{1,64}@[\w.-]{1,100}", re.ASCII)
_MARK = re.compile(r" \(code [A-Z]\d{1,4}\)")
_CENT = Decimal("0.01")


def say_date(day: date, today: date | None = None) -> str:
    """Return "Tuesday, December 1st"; with ``today``, a date most of a year away also gets its year."""
    spoken = f"{_WEEKDAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}{_suffix(day.day)}"
    is_far = today is not None and abs(day - today) > _YEAR_IS_SAID_BEYOND
    return f"{spoken}, {day.year}" if is_far else spoken


def say_time(clock: time) -> str:
    """Return "9:30 AM", or "9 AM" at the full hour."""
    minutes = f":{clock.minute:02d}" if clock.minute else ""
    return f"{clock.hour % 12 or 12}{minutes} {'AM' if clock.hour < 12 else 'PM'}"


def say_when(local: datetime, today: date | None = None) -> str:
    """Return "Tuesday, December 1st at 9:30 AM" for a datetime that is already in the practice's zone."""
    return f"{say_date(local.date(), today)} at {say_time(local.time())}"


def say_list(items: Sequence[str], last: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"; ``last`` is the word before the last one."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def say_times(clocks: Iterable[time], last: str = "and") -> str:
    """Return "9 AM, 10:30 AM and 2 PM"."""
    return say_list([say_time(clock) for clock in clocks], last)


def mark(text: str, code: str) -> str:
    """Return words with the code by which a model names what they are about; it is not meant for ears."""
    return f"{text} (code {code})" if code else text


def unmarked(text: str) -> str:
    """Return words without such codes, as a caller hears them."""
    return _MARK.sub("", text)


def say_amount(amount: Decimal) -> str:
    """Return dollars and cents in words around digits; a negative amount is "a credit of ..."."""
    if amount < 0:
        return f"a credit of {say_amount(-amount)}"
    dollars, cents = divmod(int(amount.quantize(_CENT, ROUND_HALF_UP) * 100), 100)
    parts = [_counted(dollars, "dollar")] if dollars or not cents else []
    return " and ".join([*parts, *([_counted(cents, "cent")] if cents else [])])


def say_name(*parts: str) -> str:
    """Return a person's name from its parts, on one line.

    Practice systems often store capitals only, which speech engines spell out letter by letter: those are lowered.
    """
    return one_line(" ".join(_natural_case(part) for part in parts if part.strip()), MAX_NAME_LENGTH)


def say_email(address: str) -> str:
    """Return an e-mail address as it is written, or as one plain line if it is none."""
    return address if _EMAIL.fullmatch(address) else one_line(address)


def spell(code: str) -> str:
    """Return the letters and digits of a code one by one: "K7M2" as "K 7 M 2"."""
    return " ".join(character for character in code.upper() if character.isalnum())


def one_line(text: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return foreign text as one plain line of at most ``limit`` characters: no control characters, no markup."""
    plain = _MARKUP.sub(" ", _TAG.sub(" ", flatten(text)))
    return " ".join(plain.split())[:limit].rstrip()


def flatten(text: str) -> str:
    """Return ``text`` with line breaks, control characters and runs of white space as single spaces.

    Invisible format characters (direction overrides, zero-width joiners) are dropped without a space.
    """
    visible = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    return " ".join("".join(c if c.isprintable() else " " for c in visible).split())


def _suffix(day: int) -> str:
    return "th" if day in _TEENS else _SUFFIXES.get(day % 10, "th")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _natural_case(name: str) -> str:
    # Two capitals may be initials ("JD") and stay.
    return name.title() if name.isupper() and len(name.strip()) > 2 else name
