"""Payment card numbers: found, so that they are refused and never kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# Digits as they are written or read out: in groups, with one space, dash or dot between them.
_RUN = re.compile(r"(?<![\d+])\d+(?:[ .-]\d+)*")
_LENGTHS = range(13, 20)
# The first digits of the card networks: Mastercard's 2 series, Amex, Diners and JCB, Visa, Mastercard, Maestro.
_NETWORKS = frozenset("23456")


def has_card_number(value: object) -> bool:
    """Return whether any text or number in a JSON value holds what passes for a card number."""
    match value:
        case str():
            return any(_card_in(found[0]) for found in _RUN.finditer(value))
        case bool() | None:
            return False
        case int():
            return _is_card(str(value))
        case Mapping():
            return any(map(has_card_number, value.values()))
        case Iterable():
            return any(map(has_card_number, value))
    return False


def without_card_numbers(text: str) -> str:
    """Return a text with its card numbers blotted out."""

    def blotted(found: re.Match[str]) -> str:
        run = found[0]
        while card := _card_in(run):
            run = run.replace(card, "[card number]")
        return run

    return _RUN.sub(blotted, text)


def _card_in(run: str) -> str:
    """Return the groups of a run that are a card number; other numbers may stand before and after it."""
    groups = list(re.finditer(r"\d+", run))
    for first, start in enumerate(groups):
        if start[0][0] not in _NETWORKS:
            continue
        digits = ""
        for end in groups[first : first + _LENGTHS.stop]:
            digits += end[0]
            if _is_card(digits):
                return run[start.start() : end.end()]
            if len(digits) >= _LENGTHS.stop:
                break
    return ""


def _is_card(digits: str) -> bool:
    return len(digits) in _LENGTHS and digits[:1] in _NETWORKS and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """Return whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
