"""Sikka's scalars as Python values. Pure functions, lenient in form and strict in meaning.

Values are documented as strings with "" for null; examples also show numbers, real booleans and null. Dates come as
``2020-09-29T00:00:00`` (a local day), times as ``10:30`` beside them, both on the practice's wall clock.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from pms.domain.localtime import UnknownZone, resolve_edge, zone

# The strictest length documented for an appointment's description (Dentrix, on the page of PUT /appointments).
DESCRIPTION_LENGTH = 60

_US_NUMBER = re.compile(r"\+1(\d{10})")
_TRUE = frozenset({"true", "t", "1", "yes", "y"})
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?")
_MINUTES = re.compile(r"(\d{1,5})(?:\.0+)?")
_REFUSED = re.compile(r"[^A-Za-z0-9 .\-'()]+")
_NOT_IN_NAMES = re.compile(r"[^\w .\-']|_")
_LONGEST_VISIT = 24 * 60
# A minus before or behind the dollar sign; thousands in groups, if at all.
_MONEY = re.compile(r"(-?\$?|\$-)((?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,6})?)", re.ASCII)
_CENT = Decimal("0.01")
# Years and days that PMSs show for a date nobody entered.
_FIRST_REAL_YEAR = 1900
_FIRST_UNREAL_YEAR = 9000
_PLACEHOLDER = date(1900, 1, 1)


def text(value: object) -> str:
    """Return a scalar as stripped text; null is empty."""
    return "" if value is None else str(value).strip()


def flag(value: object) -> bool:
    """Return whether a boolean in any of the vendor's spellings is true; empty and unknown are not."""
    return text(value).lower() in _TRUE


def minutes(value: object) -> int | None:
    """Return a length in whole minutes, ``None`` if it is missing, zero or longer than a day."""
    match = _MINUTES.fullmatch(text(value))
    found = int(match.group(1)) if match else 0
    return found if 0 < found <= _LONGEST_VISIT else None


def day(value: object) -> date | None:
    """Return the date that a value begins with, ``None`` if there is none."""
    try:
        return date.fromisoformat(text(value)[:10])
    except ValueError:
        return None


def clock(value: object) -> time | None:
    """Return a wall-clock time written ``HH:mm[:ss]`` or ``h:mm AM``, to the minute, ``None`` if it is none."""
    match = _CLOCK.fullmatch(text(value))
    if match is None:
        return None
    hour, minute, half = int(match.group(1)), int(match.group(2)), (match.group(3) or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, minute)
    except ValueError:
        return None


def instant(value: object, where: ZoneInfo) -> datetime | None:
    """Return the UTC instant of a local date and time in one value, such as ``2022-03-28T01:40:31``."""
    local_day, wall = day(value), clock(text(value)[11:])
    return resolve_edge(local_day, wall, where) if local_day and wall else None


def entered_day(value: object) -> date | None:
    """Return a date that somebody entered, ``None`` for the placeholders 0001, 1111, 1900-01-01 and 9999."""
    found = day(value)
    is_real = found and _FIRST_REAL_YEAR <= found.year < _FIRST_UNREAL_YEAR and found != _PLACEHOLDER
    return found if is_real else None


def money(value: object) -> Decimal | None:
    """Return an amount such as ``24.0000``, ``-39.3`` or ``$1,200.50`` with two decimals, ``None`` if it is none."""
    match = _MONEY.fullmatch(text(value))
    if match is None:
        return None
    amount = Decimal(match[2].replace(",", "")) * (-1 if "-" in match[1] else 1)
    return amount.quantize(_CENT, ROUND_HALF_UP) + 0  # a zero without a sign


def iana_zone(value: object) -> str:
    """Return the IANA name of a Windows zone name such as "Eastern Standard Time"; empty if it is unknown.

    The table is Unicode CLDR's. A value that is an IANA name already is returned as it is.
    """
    name = text(value)
    try:
        return zone(win_tz.get(name, name)).key
    except UnknownZone:
        return ""


def plain(value: str, longest: int | None = DESCRIPTION_LENGTH) -> str:
    """Return ``value`` in the characters that write-backs take: letters, digits, space and ``. - ' ( )``.

    Accents go, line breaks and everything else become a space; cut at a word if that costs less than half. It is not
    cut where ``longest`` is ``None``.
    """
    letters = unicodedata.normalize("NFKD", value.replace("\u2019", "'"))
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    cleaned = " ".join(_REFUSED.sub(" ", letters).split())
    if longest is None or len(cleaned) <= longest:
        return cleaned
    head, _, _ = cleaned[: longest + 1].rpartition(" ")
    return head if len(head) * 2 >= longest else cleaned[:longest].rstrip()


def system_name(value: object) -> str:
    """Return the name of a PMS in one spelling: "Open Dental" and "opendental" are the same system."""
    return re.sub(r"[^a-z0-9]", "", text(value).lower())


def person_name(value: str) -> str:
    """Return a name as write-backs take it: letters of any script, digits, space and ``- ' .``; it is never cut.

    No page forbids accents. What is neither a letter nor one of these has no place in a name.
    """
    name = unicodedata.normalize("NFC", value.replace("\u2019", "'"))
    return " ".join(_NOT_IN_NAMES.sub(" ", name).split())


def phone_digits(e164: str) -> str:
    """Return a number as write-backs take it: ten digits for one of the North American plan, else E.164 as it is."""
    national = _US_NUMBER.fullmatch(e164)
    return national.group(1) if national else e164
