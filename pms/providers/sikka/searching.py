"""Which patients somebody may mean: the questions that are asked of Sikka, and who of the answers fits. Pure functions.

The vendor compares with what the front desk typed, ignores filters that a system does not know, and looks through
cities as well as names; so several spellings are asked for, and every row is compared again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pms.domain.identity import letters
from pms.domain.phone import normalize
from pms.domain.records import Patient, PatientQuery

# Filters that not every system behind Sikka takes.
MAY_BE_REFUSED = frozenset({"find", "search"})

_NANP_PREFIX = "+1"
_FEWEST_DIGITS = 4
# ``search`` looks through all kinds of numbers, where a system takes it.
_PHONE_FILTERS = ("search", "cell", "homephone")
Question = dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the words of a search name: a whole number, a part of one, an e-mail address or the parts of a name."""

    words: str = field(repr=False)
    phone: str = field(default="", repr=False)
    digits: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)

    def questions(self) -> list[Question]:
        """Return the questions to ask, the most telling first; none for words that name nothing."""
        if self.phone:
            return [{name: spelling} for name in _PHONE_FILTERS for spelling in _spellings(self.phone)]
        if self.email:
            return [{"email": self.email}, {"search": self.email}]
        if self.digits:
            return _distinct([{"search": self.words}, {"search": self.digits}])
        return self._by_name() if self.names else []

    def fits(self, one: Patient) -> bool:
        """Return whether a patient is one whom the words name."""
        if self.phone:
            return self.phone in one.phones
        if self.email:
            return one.email.casefold() == self.email.casefold()
        if self.digits:
            return any(self.digits in phone for phone in one.phones)
        parts = [letters(name) for name in (one.first_name, one.preferred_name, one.last_name)]
        return bool(self.names) and all(any(letters(name) in part for part in parts) for name in self.names)

    def _by_name(self) -> list[Question]:
        *firsts, last = self.names
        if not firsts:
            return _distinct([{"search": last}, {"lastname": last}, {"firstname": last}])
        splits = [(" ".join(self.names[:at]), " ".join(self.names[at:])) for at in (len(firsts), 1)]
        by_both = [{"firstname": first, "lastname": rest} for first, rest in splits]
        return _distinct([*by_both, {"search": " ".join(self.names)}, {"lastname": last}])


def wanted(words: str) -> Wanted:
    """Return what ``words`` name. "Last, First" is read as a name the other way round."""
    said = " ".join(words.split())
    phone = normalize(said)
    if phone:
        return Wanted(said, phone=phone)
    if "@" in said:
        return Wanted(said, email=said)
    if any(map(str.isalpha, said)):
        last, _, first = said.partition(",")
        return Wanted(said, names=tuple(name for name in f"{first} {last}".split() if letters(name)))
    digits = "".join(filter(str.isdigit, said))
    return Wanted(said, digits=digits if len(digits) >= _FEWEST_DIGITS else "")


def questions_of(query: PatientQuery) -> list[Question]:
    """Return the questions that a query asks; they depend on the query alone.

    The cell number is asked in the usual spellings, because the filter compares what the front desk typed.
    """
    asked = [{"lastname": query.last_name}, {"find": f"birthdate=eq_{query.date_of_birth.isoformat()}"}]
    spellings = _spellings(query.phone)
    if len(spellings) > 1:
        asked += [{"cell": spelling} for spelling in spellings]
    return [one for one in asked if all(one.values())]


def _spellings(e164: str) -> list[str]:
    """Return a number as front desks type it; one from outside North America only as it is."""
    digits = e164.removeprefix(_NANP_PREFIX)
    if len(digits) != 10 or not (digits.isascii() and digits.isdigit()):
        return [e164]
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return [digits, f"{area}-{exchange}-{line}", f"({area}) {exchange}-{line}"]


def _distinct(questions: list[Question]) -> list[Question]:
    return [one for number, one in enumerate(questions) if one not in questions[:number]]
