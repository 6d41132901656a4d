"""`find=`: the vendor's small query language, such as `lastname=eq_lee::AND::birthdate=gte_1975-01-01`.

Operators: eq_ neq_ like_ (prefix) gt_ gte_ lt_ lte_. `::AND::` binds tighter than `::OR::`; there are no brackets.
Text compares without regard to case but with its accents; a date compares by its first ten characters.
"""

import operator
import re
from collections.abc import Callable

from .errors import Refusal
from .fields import Row

_TERM = re.compile(r"([a-z0-9_]+)=(eq|neq|like|gte|gt|lte|lt)_(.*)", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ORDER: dict[str, Callable[[str, str], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

Test = Callable[[Row], bool]


def _term(text: str) -> Test:
    match = _TERM.fullmatch(text.strip())
    if match is None:
        raise Refusal("API1026")
    name, verb, wanted = match[1], match[2], match[3].casefold()

    def test(row: Row) -> bool:
        if name not in row:
            raise Refusal("API1026")
        stored = row[name].casefold()
        if _DAY.fullmatch(wanted):
            stored = stored[:10]
        if verb == "eq":
            return stored == wanted
        if verb == "neq":
            return stored != wanted
        if verb == "like":
            return stored.startswith(wanted)
        if stored.isdigit() and wanted.isdigit():
            width = max(len(stored), len(wanted))
            return _ORDER[verb](stored.zfill(width), wanted.zfill(width))
        return bool(stored) and _ORDER[verb](stored, wanted)

    return test


def parse(text: str) -> Test:
    """A test for rows; malformed text or a field the API does not have is refused with API1026."""
    choices = [[_term(term) for term in choice.split("::AND::")] for choice in text.split("::OR::")]
    return lambda row: any(all(test(row) for test in choice) for choice in choices)
