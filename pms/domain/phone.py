"""Phone numbers: what carriers, callers, models and practices write, reduced to E.164.

``phonenumbers`` decides what is a number, and so rejects what carriers send for a withheld one: words, and words typed
on a keypad behind a plus sign ("+266696687" is ANONYMOUS). One thing it does not know is decided here: the block that
the North American plan keeps for fiction (NXX-555-0100 to 0199) is usable under every area code, so that
demonstrations never need a real person's number.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import phonenumbers

MAX_INPUT_LENGTH = 80

_SCHEME = re.compile(r"^(?:tel|sips?):", re.IGNORECASE)
_URI_EXTENSION = re.compile(r"^ext=", re.IGNORECASE)
# Only digits and punctuation, then perhaps an extension: letters are words or a vanity spelling, and both are asked
# about instead of being turned into digits.
_WRITTEN = re.compile(
    r"^(?P<number>\+?[\d\s().\-/]+?)(?:[\s,;]*(?:extension|ext\.?|x|#)\s*(?P<extension>\d{1,10}))?$", re.IGNORECASE
)
_FICTIONAL = re.compile(r"^[2-9]\d{2}55501\d{2}$")


@dataclass(frozen=True, slots=True)
class Phone:
    """A usable number: ``e164`` like ``+14155550123``, ``extension`` its digits or empty text."""

    e164: str = field(repr=False)
    extension: str = ""


def normalize(text: str, region: str = "US") -> str | None:
    """Return ``text`` as E.164, or ``None`` if it is withheld, wordy, incomplete or no valid number.

    ``region`` is the two-letter country that a number without a country code belongs to.
    """
    phone = parse(text, region)
    return phone.e164 if phone else None


def parse(text: str, region: str = "US") -> Phone | None:
    """Return the number and its extension, or ``None`` where `normalize` would."""
    written = _WRITTEN.match(_without_uri(text)) if len(text) <= MAX_INPUT_LENGTH else None
    if written is None:
        return None
    try:
        number = phonenumbers.parse(written["number"], region)
    except phonenumbers.NumberParseException:
        return None
    if not (phonenumbers.is_valid_number(number) or _is_fictional(number)):
        return None
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), written["extension"] or "")


def last_four(e164: str) -> str:
    """Return the last four digits of a number that `normalize` gave."""
    return e164[-4:]


def _without_uri(text: str) -> str:
    """Strip a ``tel:`` or ``sip:`` scheme, the host and the URI parameters; an ``ext`` parameter stays as text."""
    plain = unicodedata.normalize("NFKC", text).strip()
    scheme = _SCHEME.match(plain)
    if scheme is None:
        return plain
    user, *parameters = plain[scheme.end() :].split("@")[0].split(";")
    extension = next((p for p in parameters if _URI_EXTENSION.match(p)), "")
    return f"{user} {_URI_EXTENSION.sub('ext ', extension)}".strip()


def _is_fictional(number: phonenumbers.PhoneNumber) -> bool:
    return number.country_code == 1 and bool(_FICTIONAL.match(str(number.national_number)))
