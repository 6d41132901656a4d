"""Payment card numbers: found however they are written, so that they are refused and never kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

# Digits with up to three separators between them; letters may stand right beside them.
_RUN = re.compile(r"\+?\d+(?:[\s.,:/_\-\u2010-\u2015\u2212]{1,3}\d+)*", re.ASCII)
# Ids of ours (UUIDs, with or without dashes) are full of digits.
_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}(?![0-9a-z])", re.I)
_LENGTHS = range(13, 20)
# A number with its country's code has at most so many digits (E.164).
_LONGEST_PHONE = 15
# The first digits of the card networks: Mastercard's 2 series, Amex, Diners and JCB, Visa, Mastercard, Maestro.
_NETWORKS = frozenset("23456")
_PHONE = (3, 3, 4)  # North American


def has_card_number(value: object) -> bool:
    """Return whether any text or number in a JSON value, names included, holds what passes for a card number."""
    return any(next(_cards_in(text), None) is not None for text in _texts(value))


def without_card_numbers(text: str) -> str:
    """Return a text with its card numbers blotted out; a character's other forms count as the character."""
    text = _plain(text)
    parts, end = [], 0
    for start, stop in _cards_in(text):
        parts += [text[end:start], "[card number]"]
        end = stop
    return "".join([*parts, text[end:]])


def _texts(value: object) -> Iterator[str]:
    """Yield every text and number in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield _plain(text)
            case bool() | None:
                pass
            case int() as number:
                yield str(number)
            case float() as number if number.is_integer():
                yield str(int(number))
            case Mapping() as mapping:
                waiting += [*mapping.keys(), *mapping.values()]
            case list() | tuple() as items:
                waiting += items


def _plain(text: str) -> str:
    """Return a text with wide, superscript and other forms of digits, spaces and dashes as the plain ones."""
    return unicodedata.normalize("NFKC", text)


def _cards_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the card numbers of a text begin and end, in their order, none within another."""
    text = _ID.sub(lambda found: " " * len(found[0]) if re.search("[a-f]", found[0], re.I) else found[0], text)
    for run in _RUN.finditer(text):
        groups = [(run.start() + found.start(), found[0]) for found in re.finditer(r"\d+", run[0], re.ASCII)]
        written = _without_others([digits for _, digits in groups])
        if run[0].startswith("+") and len(groups[0][1]) <= _LONGEST_PHONE:
            written[0] = ""
        first = 0
        while first < len(groups):
            count = _groups_of_card(written[first : first + _LENGTHS.stop])
            if count:
                last, digits = groups[first + count - 1]
                yield groups[first][0], last + len(digits)
            first += count or 1


def _without_others(groups: list[str]) -> list[str]:
    """Return groups of digits with those emptied that are a date's or a phone number's.

    Two of these beside each other would pass for a card number one time in ten.
    """
    found = list(groups)
    for start in range(len(groups) - 2):
        three = (groups[start], groups[start + 1], groups[start + 2])
        if tuple(map(len, three)) == _PHONE or _is_date(three):
            found[start : start + 3] = ["", "", ""]
    return found


def _groups_of_card(groups: list[str]) -> int:
    """Return how many of the first groups are a card number, 0 if none are."""
    digits = ""
    for count, group in enumerate(groups, 1):
        digits += group
        if not group or len(digits) >= _LENGTHS.stop:
            return 0
        if _is_card(digits):
            return count
    return 0


def _is_date(groups: tuple[str, str, str]) -> bool:
    """Return whether three groups are a year, a month and a day, the year first or last."""
    year = next((group for group in (groups[0], groups[2]) if len(group) == 4 and group[:2] in ("19", "20")), "")
    others = [int(group) for group in groups if group is not year]
    return bool(year) and len(others) == 2 and all(1 <= number <= 31 for number in others) and min(others) <= 12


def _is_card(digits: str) -> bool:
    return len(digits) in _LENGTHS and digits[0] in _NETWORKS and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """Return whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
