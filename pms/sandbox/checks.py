"""What several write-backs check alike."""

import re
from collections.abc import Iterable
from datetime import date

from .errors import Refusal
from .fields import Row

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# "Special characters are not allowed": what remains is letters of any script, digits, spaces and these.
_PUNCTUATION = frozenset(" .-'()")


def day(text: str) -> date:
    """A date written yyyy-mm-dd; anything else is refused."""
    if not _DAY.fullmatch(text):
        raise Refusal("API1026")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("API1026") from None


def plain(text: str) -> None:
    """Refuse special characters."""
    if any(not letter.isalnum() and letter not in _PUNCTUATION for letter in text):
        raise Refusal("API1026", "Special characters are not allowed.")


def known(rows: Iterable[Row], field: str, value: str) -> Row | None:
    """The first row whose field has this value."""
    return next((row for row in rows if row[field] == value), None)
