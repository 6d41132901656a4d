"""Who is calling: comparing what a caller said with the patients that a bounded search found.

Names match on their letters, the date of birth exactly. Where the name is only nearly right (a nickname, one half of
a double name) or several people match, a phone number on file has to decide. The caller's number is used here only if
it is proven: the call's own envelope gave it and the carrier vouches for it. What a model wrote never counts as it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from pms.domain.localtime import age_on
from pms.domain.phone import last_four
from pms.domain.records import Patient

ADULT_AGE = 18
# Practice systems write 0001-01-01, 1753-01-01, 1899-12-30 or 1900-01-01 where nobody entered a date.
LAST_PLACEHOLDER_YEAR = 1900

# Letters that are not a base letter plus an accent, so that Unicode decomposition leaves them as they are.
_FOLDED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015/]+")

# Each line holds forms of one name; a caller may use any of them for any other.
_NICKNAMES = tuple(
    frozenset(line.split())
    for line in """
    abigail abby gail
    albert al bert
    alexander alex sasha
    alexandra alex sandra sasha
    alfred al fred
    andrew andy drew
    anthony tony
    barbara barb barbie
    benjamin ben benny
    catherine katherine kathryn kathleen cathy kathy kate katie kat
    charles charlie chuck
    christina christine chris tina
    christopher chris kit
    daniel dan danny
    david dave davey
    deborah debra deb debbie
    dorothy dot dottie
    edward ed eddie ted ned
    elizabeth liz lizzie beth betty eliza
    eugene gene
    francis frank
    frederick fred freddie
    gabriel gabe
    gerald jerry gerry
    gregory greg
    harold harry hal
    henry hank harry
    jacob jake
    james jim jimmy jamie
    jennifer jen jenny
    jessica jess jessie
    john jack johnny
    jonathan jon
    joseph joe joey
    joshua josh
    judith judy
    kenneth ken kenny
    lawrence laurence larry
    leonard leo len lenny
    margaret maggie meg peggy marge
    matthew matt
    michael mike mikey mick
    nathaniel nathan nate
    nicholas nick nicky
    pamela pam
    patricia pat patty trish tricia
    patrick pat paddy
    peter pete
    philip phillip phil
    raymond ray
    rebecca becky becca
    richard rick ricky rich dick
    robert rob robbie bob bobby
    ronald ron ronnie
    samantha sam
    samuel sam sammy
    stephen steven steve
    susan sue susie
    theodore ted teddy theo
    theresa teresa terry tess
    thomas tom tommy
    timothy tim
    victoria vicky tori
    vincent vince vinny
    walter walt
    william will willie bill billy liam
    zachary zach zack
    """.strip().splitlines()
)


@dataclass(frozen=True, slots=True)
class Verified:
    """Exactly one active patient; ``phone_matched`` says that the caller's number is on that file."""

    patient: Patient
    phone_matched: bool


@dataclass(frozen=True, slots=True)
class Inactive:
    """The one match is no active patient any more: no new record, staff decide."""

    patient: Patient


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several patients match and the factors given do not tell them apart; who they are is not for the caller."""


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nobody matches, or only nearly and without the phone that would prove it: to be told the same way."""


Outcome = Verified | Inactive | Ambiguous | NoMatch


@dataclass(frozen=True, slots=True)
class _Said:
    """What is known about the caller."""

    first: str = field(repr=False)
    last: str = field(repr=False)
    phone_last4: str | None = field(repr=False)
    caller_phone: str | None = field(repr=False)


def match(
    candidates: Iterable[Patient],
    said_first: str,
    said_last: str,
    dob: date,
    phone_last4: str | None = None,
    caller_phone: str | None = None,
) -> Outcome:
    """Decide which of ``candidates`` the caller is.

    ``phone_last4`` are digits the caller said, ``caller_phone`` the E.164 number that the carrier vouches for. Names
    that match on all letters win over near ones; active patients win over inactive ones.
    """
    said = _Said(said_first, said_last, _digits(phone_last4), caller_phone)
    born = [patient for patient in candidates if patient.date_of_birth == dob and not is_placeholder_date(dob)]
    exact = [patient for patient in born if _is_exact(patient, said)]
    return _decide(exact, said) if exact else _decide_near(born, said)


def letters(name: str) -> str:
    """Return the letters of a name for comparison: no case, accents, hyphens, apostrophes or spaces."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_FOLDED))
    return "".join(character for character in decomposed if character.isalpha())


def is_placeholder_date(dob: date) -> bool:
    """Return whether a date of birth is what systems write for an unknown one; such a date never matches."""
    return dob.year <= LAST_PLACEHOLDER_YEAR


def minor(dob: date, today: date) -> bool:
    """Return whether somebody born on ``dob`` is under 18 on ``today``, the practice's local date."""
    return age_on(dob, today) < ADULT_AGE


def _decide(exact: Sequence[Patient], said: _Said) -> Outcome:
    """Decide among full matches: one active one is enough, several need an extra factor."""
    active = [patient for patient in exact if patient.is_active]
    pool = active or list(exact)
    if len(pool) > 1:
        pool = [patient for patient in pool if _has_factor(patient, said)]
    return _outcome(pool[0], said) if len(pool) == 1 else Ambiguous()


def _decide_near(born: Sequence[Patient], said: _Said) -> Outcome:
    """Decide among near matches, which always need a phone number on file."""
    namesakes = [patient for patient in born if _same(patient.last_name, said.last)]
    # With siblings of one birthday a nickname could be either's.
    nicknamed = [p for p in namesakes if len(namesakes) == 1 and _nearly_first(p, said) and _has_caller_phone(p, said)]
    halved = [p for p in born if _same_first(p, said) and _is_part(p.last_name, said.last) and _has_factor(p, said)]
    near = {patient.id: patient for patient in [*nicknamed, *halved]}
    if not near:
        return NoMatch()
    return _outcome(next(iter(near.values())), said) if len(near) == 1 else Ambiguous()


def _outcome(patient: Patient, said: _Said) -> Verified | Inactive:
    return Verified(patient, _has_caller_phone(patient, said)) if patient.is_active else Inactive(patient)


def _is_exact(patient: Patient, said: _Said) -> bool:
    return _same_first(patient, said) and _same(patient.last_name, said.last)


def _same(on_file: str, said: str) -> bool:
    return bool(letters(said)) and letters(on_file) == letters(said)


def _same_first(patient: Patient, said: _Said) -> bool:
    return _same(patient.first_name, said.first) or _same(patient.preferred_name, said.first)


def _nearly_first(patient: Patient, said: _Said) -> bool:
    """Return whether the first name said is a nickname of the one on file, or one part of it ("Mary" of "Mary Ann")."""
    return _are_nicknames(patient.first_name, said.first) or _is_part(patient.first_name, said.first)


def _are_nicknames(on_file: str, said: str) -> bool:
    pair = {letters(on_file), letters(said)}
    return any(pair <= forms for forms in _NICKNAMES)


def _is_part(on_file: str, said: str) -> bool:
    """Return whether one name is a whole part of the other: "Jones" and "Smith-Jones"."""
    return _contains(on_file, said) or _contains(said, on_file)


def _contains(name: str, part: str) -> bool:
    parts = [letters(piece) for piece in _SEPARATORS.split(name)]
    return len(parts) > 1 and len(letters(part)) > 1 and letters(part) in parts


def _has_factor(patient: Patient, said: _Said) -> bool:
    """Return whether a phone on file proves the caller; digits that were said outrank the number that calls."""
    if said.phone_last4:
        return any(last_four(phone) == said.phone_last4 for phone in patient.phones)
    return _has_caller_phone(patient, said)


def _has_caller_phone(patient: Patient, said: _Said) -> bool:
    return bool(said.caller_phone) and said.caller_phone in patient.phones


def _digits(phone_last4: str | None) -> str | None:
    # Who says the whole number has said its end, too.
    digits = re.sub(r"\D", "", phone_last4 or "")
    return digits[-4:] if len(digits) >= 4 else None
