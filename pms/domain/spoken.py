"""Reading the dates and times that a voice model wrote as tool arguments.

They are the practice's wall clock. Whatever is missing, wordy, impossible, past or readable in two ways is asked about
with its own error and never repaired: a guessed time is a wrong appointment. The errors carry the question to ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pms.domain import errors
from pms.domain.localtime import WallStatus, age_on, local_date_of, to_local, wall_to_utc
from pms.domain.speech import say_date, say_time

ZONE_SUFFIX_IGNORED = "zone_suffix_ignored"
MAX_AGE_YEARS = 130
MAX_TEXT_LENGTH = 60
# Beyond this, date arithmetic nears the end of Python's calendar; no appointment does.
LAST_YEAR = 2199

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?(?![\d:])"

_WEEKDAY = re.compile(
    r"^(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
    r"[\s,.]+(?:the\s+)?"
)
_YEAR_FIRST = re.compile(r"^(?P<year>\d{4})([-/.]?)(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)")
_NUMBERS = re.compile(r"^(?P<first>\d{1,2})([-/.])(?P<second>\d{1,2})(?:\2(?P<year>\d{4}|\d{2}))(?![\d:])")
_NO_YEAR = re.compile(r"^\d{1,2}/\d{1,2}(?![\d/])")
_WORDED = (re.compile(rf"^{_MONTH}\s+{_DAY}{_YEAR}"), re.compile(rf"^{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}"))
_JOIN = re.compile(r"^(?:t|[\s,]+(?:at\s+)?)(?=\d)")
_CLOCK = re.compile(
    r"^(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?)?"
    r"(?:\s*(?P<half>[ap])\.?\s?m\.?)?\s*(?P<offset>z|[+-]\d{2}(?::?\d{2})?)?$"
)

# "Na" and "Nan" are names and stay out.
_BLANKS = frozenset({"", "null", "none", "undefined", "n/a", "unknown", "not provided", "-"})
_TEMPLATE = re.compile(
    # Unfilled templates, and the names of variables in place of their values.
    r"\{\{|\}\}|\{%|\$\{|^<.*>$|^\[.*\]$|^\{.*\}$|^%.*%$"
    r"|^(?:caller|customer|patient|user|call|client|your|the)(?:_[a-z0-9]+)+$"
    r"|^(?:caller|customer|patient|user|call)(?:phone|number|name|first|last|date|dob|id)[a-z]*$"
    r"|^(?:first|last|full)_?name$|^phone_?number$|^date_?of_?birth$|^start_?time$|^string$|^yyyy-mm-dd|^hh:mm"
)

_USE_ISO = "use YYYY-MM-DD"
_WHICH_TIME = errors.TimeFormat.default_spoken
_WHICH_DAY = "Which day would that be, with the month?"


@dataclass(frozen=True, slots=True)
class WallClock:
    """A start time that was understood: the instant in UTC, the same in the practice's zone, and what to read back."""

    utc: datetime
    local: datetime
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Written:
    """The parts of a text: ``offset`` is empty, ``z`` or like ``-04:00``."""

    day: date | None = None
    clock: time | None = None
    offset: str = ""


def is_blank(value: object) -> bool:
    """Return whether an argument was left out, also in the spellings models use for nothing ("null", "n/a")."""
    return value is None or (isinstance(value, str) and value.strip().casefold() in _BLANKS)


def is_placeholder(value: object) -> bool:
    """Return whether an argument holds nothing, an unfilled template or a variable's name instead of a value."""
    return is_blank(value) or (isinstance(value, str) and _is_template(value))


def read_date(value: object, *, today: date, where: ZoneInfo | None = None) -> date:
    """Return the practice's local day that an argument names.

    Raises `errors.DateMissing`, `errors.Placeholder`, `errors.TimeFormat` (words), `errors.DateAmbiguous`,
    `errors.DateInvalid`, `errors.DateInPast`; `errors.TimeZoneMismatch` for an instant with an offset that is not that
    of ``where``.
    """
    written = _read(value)
    if written is None or written.day is None:
        raise errors.DateMissing
    if _numeric([written]) and (where is None or not _own(written, where)):
        raise errors.TimeZoneMismatch
    if written.day < today:
        raise _past(written.day, today)
    return written.day


def read_date_of_birth(value: object, *, today: date) -> date:
    """Return a date of birth; a US slash date is ambiguous only if both numbers could be the month and differ.

    Raises `errors.DateMissing`, `errors.Placeholder`, `errors.DateAmbiguous`, and `errors.DateInvalid` for what cannot
    be read or lies in the future or more than 130 years back.
    """
    again = "I did not catch the date of birth. Could you say it again, with the month as a word?"
    try:
        written = _read(value)
    except errors.TimeFormat as error:
        raise errors.DateInvalid(f"The date of birth is not understood; {_USE_ISO}.", spoken=again) from error
    if written is None or written.day is None:
        raise errors.DateMissing("A date of birth is needed.", spoken="What is the date of birth, please?")
    if not (written.day <= today and age_on(written.day, today) <= MAX_AGE_YEARS):
        raise errors.DateInvalid("The date of birth is not one of a living person.", spoken=again)
    return written.day


def read_wall_clock(arguments: Mapping[str, object], *, now: datetime, where: ZoneInfo) -> WallClock:
    """Return the start that ``startTime``, or ``date`` and ``time``, name; other keys are not looked at.

    ``now`` is aware. Besides the errors of `read_date`, raises `errors.TimeFormat` for a missing or unreadable time,
    `errors.DateInvalid` for one that the clocks skip that night and `errors.DateAmbiguous` for one they show twice.
    """
    start, day = (_read(arguments.get(key)) for key in ("startTime", "date"))
    clock = _read(arguments.get("time"), ask=_WHICH_TIME)
    written = [part for part in (start, _without_midnight(day), clock) if part]
    wall = datetime.combine(_only_day(written), _only_clock(written))
    instant = _instant(wall, written, where)
    if instant <= now:
        raise _past(wall.date(), local_date_of(now, where))
    local = to_local(instant, where)
    is_ignored = any(part.offset == "z" for part in written) and bool(local.utcoffset())
    return WallClock(instant, local, frozenset({ZONE_SUFFIX_IGNORED} if is_ignored else ()))


def _read(value: object, ask: str = _WHICH_DAY) -> _Written | None:
    """Return the parts of one argument, ``None`` if it was left out; ``ask`` is the question if it is words."""
    if is_blank(value):
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        raise _words(ask)
    if _is_template(value):
        raise errors.Placeholder
    return _parts(" ".join(unicodedata.normalize("NFKC", value).casefold().split()), ask)


def _is_template(value: str) -> bool:
    return bool(_TEMPLATE.search(value.strip().casefold()))


def _parts(text: str, ask: str) -> _Written:
    weekday = _WEEKDAY.match(text)
    plain = text[weekday.end() :] if weekday else text
    found = _date_at_start(plain)
    if found is None:
        return _read_clock(None, plain, ask)
    day, rest = found
    if weekday and _WEEKDAYS.index(weekday["weekday"][:3]) != day.weekday():
        raise errors.DateAmbiguous(f"The weekday and the date do not agree; {_USE_ISO}.")
    join = _JOIN.match(rest)
    return _read_clock(day, rest[join.end() :] if join else rest, _WHICH_TIME) if rest else _Written(day)


def _date_at_start(text: str) -> tuple[date, str] | None:
    """Return the date that ``text`` begins with and the text after it, ``None`` if it begins with no date."""
    if match := _YEAR_FIRST.match(text):
        return _calendar(match["year"], int(match["month"]), match["day"]), text[match.end() :]
    if match := _NUMBERS.match(text):
        return _from_numbers(match), text[match.end() :]
    if _NO_YEAR.match(text):
        raise errors.DateAmbiguous(f"The year is missing; {_USE_ISO}.")
    if match := next(filter(None, (pattern.match(text) for pattern in _WORDED)), None):
        if match["year"] is None:
            raise errors.DateAmbiguous(f"The year is missing; {_USE_ISO}.", spoken="Which year would that be?")
        return _calendar(match["year"], _MONTHS.index(match["month"][:3]) + 1, match["day"]), text[match.end() :]
    return None


def _from_numbers(match: re.Match[str]) -> date:
    """Read "5/14/2026" the American way unless it could be another day the European way."""
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    if len(year) == 2 or (first != second and max(first, second) <= 12):
        raise errors.DateAmbiguous
    month, day = (second, first) if first > 12 else (first, second)
    return _calendar(year, month, str(day))


def _calendar(year: str, month: int, day: str) -> date:
    try:
        found = date(int(year), month, int(day))
    except ValueError as error:
        raise errors.DateInvalid from error
    if found.year > LAST_YEAR:
        raise errors.DateInvalid
    return found


def _read_clock(day: date | None, text: str, ask: str) -> _Written:
    match = _CLOCK.match(text)
    if match is None or not (match["minute"] or match["half"]):
        raise _words(ask)
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:
            raise errors.TimeFormat
        hour = hour % 12 + (12 if match["half"] == "p" else 0)
    try:
        clock = time(hour, int(match["minute"] or 0), int(match["second"] or 0))
    except ValueError as error:
        raise errors.TimeFormat from error
    return _Written(day, clock, match["offset"] or "")


def _without_midnight(written: _Written | None) -> _Written | None:
    # Models write a day as midnight of that day; in the date argument that is no time of day.
    is_day = written is not None and written.day is not None and written.clock == time.min
    return replace(written, clock=None) if written and is_day else written


def _only_day(written: Iterable[_Written]) -> date:
    days = {part.day for part in written if part.day}
    if len(days) > 1:
        raise errors.DateAmbiguous("The arguments name different days; send one.")
    if not days:
        raise errors.DateMissing
    return days.pop()


def _only_clock(written: Iterable[_Written]) -> time:
    clocks = {part.clock for part in written if part.clock is not None}
    if len(clocks) > 1:
        raise errors.TimeFormat("The arguments name different times; send one.")
    if not clocks:
        raise errors.TimeFormat("A time is needed; use 24-hour HH:MM.", spoken="What time would you like?")
    return clocks.pop()


def _instant(wall: datetime, written: list[_Written], where: ZoneInfo) -> datetime:
    meaning = wall_to_utc(wall.date(), wall.time(), where)
    if meaning.status is WallStatus.NONEXISTENT:
        raise _skipped(wall)
    offsets = _numeric(written)
    instants = [i for i in meaning.utc if all(to_local(i, where).utcoffset() == offset for offset in offsets)]
    if not instants:
        raise errors.TimeZoneMismatch
    if len(instants) > 1:
        raise _doubled(wall, [to_local(instant, where) for instant in instants])
    return instants[0]


def _numeric(written: Iterable[_Written]) -> list[timedelta]:
    """Return the explicit offsets as lengths of time."""
    return [_length(part.offset) for part in written if part.offset not in ("", "z")]


def _length(offset: str) -> timedelta:
    digits = offset[1:].replace(":", "").ljust(4, "0")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -length if offset.startswith("-") else length


def _own(written: _Written, where: ZoneInfo) -> bool:
    """Return whether the offset is one that the clocks in ``where`` have at that time."""
    if written.day is None or written.clock is None:
        return False
    instants = wall_to_utc(written.day, written.clock, where).utc
    return any([to_local(instant, where).utcoffset()] == _numeric([written]) for instant in instants)


def _words(ask: str) -> errors.TimeFormat:
    return errors.TimeFormat(f"Not understood; {_USE_ISO} and 24-hour HH:MM, not words.", spoken=ask)


def _past(day: date, today: date) -> errors.DateInPast:
    if day < today:
        # Models take a date from their training for today's.
        return errors.DateInPast(
            spoken=f"That date has already passed, today is {say_date(today)}. Which day did you mean?"
        )
    return errors.DateInPast(spoken="That time has already passed today. What time would you like?")


def _skipped(wall: datetime) -> errors.DateInvalid:
    return errors.DateInvalid(
        "The clocks go forward that night and skip this time.",
        spoken=f"The clocks go forward on {say_date(wall.date())}, so there is no {say_time(wall.time())} that day. "
        "What time would you like?",
    )


def _doubled(wall: datetime, readings: list[datetime]) -> errors.DateAmbiguous:
    clock = say_time(wall.time())
    first, second = (reading.isoformat(timespec="minutes") for reading in readings)
    return errors.DateAmbiguous(
        f"The clocks go back that night and show this twice; use {first} for the first or {second} for the second.",
        spoken=f"The clocks go back on {say_date(wall.date())}, so {clock} comes twice. "
        f"Would you like the first or the second {clock}?",
    )
