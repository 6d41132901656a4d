"""What a practice may say in its rules. What could not be meant is named by its field, and nothing is repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from accounts import hours
from pms.domain import errors
from pms.domain.identity import letters
from pms.models import BookingMode, ForPatients, ScheduledKind

_DAY = 24 * 60
# Of the practice's settings and of the lengths of a type: the least and the most.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "minNoticeMinutes": (0, 30 * _DAY),
    "maxAdvanceDays": (1, 730),
    "stepMinutes": (5, 120),
    "maxDataAgeMinutes": (15, 7 * _DAY),
    "durationMinutes": (5, 480),
    "bufferBeforeMinutes": (0, 120),
    "bufferAfterMinutes": (0, 120),
}
SETTINGS = ("minNoticeMinutes", "maxAdvanceDays", "stepMinutes", "maxDataAgeMinutes")
LENGTHS = ("durationMinutes", "bufferBeforeMinutes", "bufferAfterMinutes")
MOST_DAYS = MOST_BLOCKOUTS = 500
MOST_TYPES = 100
MOST_RESOURCES = 200  # people or rooms, with hours of their own or of one type
MOST_ALIASES = 30
LONGEST_NAME = 80
LONGEST_ID = 128
_WEEKDAYS = frozenset("1234567")
_NAME = f"Use one line of text of up to {LONGEST_NAME} characters."
_ID = f"An id is one line of text of up to {LONGEST_ID} characters."
_SAID = "It is said on the phone, so it has at least one letter."

Problems = Iterator[tuple[str, str]]


def check(changes: Mapping[str, Any]) -> None:
    """Raise ``Invalid`` with every field of a change whose value could not be meant."""
    problems: dict[str, str] = {}
    for field, text in _problems(changes):
        problems.setdefault(field, text)
    if problems:
        raise errors.Invalid(fields=problems)


def whose(one: Mapping[str, Any]) -> tuple[ScheduledKind, str]:
    """Return whose day or time an entry is about: a clinician's, a room's, or the whole practice's."""
    if one.get("clinicianId"):
        return ScheduledKind.CLINICIAN, one["clinicianId"]
    if one.get("operatoryId"):
        return ScheduledKind.OPERATORY, one["operatoryId"]
    return ScheduledKind.PRACTICE, ""


def is_active(one: Mapping[str, Any]) -> bool:
    """Return whether a kind of appointment can be asked for; one that does not say so can."""
    return bool(one.get("isActive", True))


def _problems(changes: Mapping[str, Any]) -> Problems:
    if changes.get("hours") is not None:
        yield from _weekly("hours", changes["hours"])
    for part in ("clinicianHours", "operatoryHours"):
        yield from _of_each(part, changes.get(part, {}))
    yield from _special_days(changes.get("specialDays", ()))
    yield from _blockouts(changes.get("blockouts", ()))
    yield from _types(changes.get("appointmentTypes", ()))
    for name in SETTINGS:
        if changes.get(name) is not None:
            yield from _within(name, changes[name], name)


def _of_each(part: str, stored: Mapping[str, Any]) -> Problems:
    if len(stored) > MOST_RESOURCES:
        yield part, f"At most {MOST_RESOURCES} have hours of their own."
    for who, weekly in stored.items():
        if not _is_line(who, LONGEST_ID):
            yield part, _ID
            continue
        yield from _weekly(f"{part}.{who}", weekly)


def _weekly(field: str, stored: Any) -> Problems:
    if not isinstance(stored, Mapping):
        yield field, "Hours are an object by weekday."
        return
    for weekday, pairs in stored.items():
        if weekday not in _WEEKDAYS:
            yield field, "Weekdays are 1 (Monday) to 7 (Sunday)."
            continue
        yield from _windows(f"{field}.{weekday}", pairs)


def _windows(field: str, pairs: Any) -> Problems:
    try:
        read = hours.windows({"1": pairs}, 1)
    except ValueError as error:
        yield field, str(error)
        return
    if any(later[0] < earlier[1] for earlier, later in pairwise(read)):
        yield field, "Windows are in order and do not overlap."


def _special_days(days: Sequence[Mapping[str, Any]]) -> Problems:
    if len(days) > MOST_DAYS:
        yield "specialDays", f"At most {MOST_DAYS} days can be kept."
    seen = Counter((*whose(one), one["date"]) for one in days)
    for number, one in enumerate(days):
        field = f"specialDays.{number}"
        yield from _entry(field, one)
        yield from _windows(f"{field}.windows", one["windows"])
        if seen[*whose(one), one["date"]] > 1:
            yield f"{field}.date", "This day is listed more than once."


def _blockouts(blockouts: Sequence[Mapping[str, Any]]) -> Problems:
    if len(blockouts) > MOST_BLOCKOUTS:
        yield "blockouts", f"At most {MOST_BLOCKOUTS} can be kept."
    for number, one in enumerate(blockouts):
        field = f"blockouts.{number}"
        yield from _entry(field, one)
        if one["endTime"] <= one["startTime"]:
            yield f"{field}.endTime", "The end is after the start."


def _entry(field: str, one: Mapping[str, Any]) -> Problems:
    """Yield what is wrong with whom a day or a time is about, or with what it is called."""
    if one.get("clinicianId") and one.get("operatoryId"):
        yield f"{field}.operatoryId", "Name a clinician or a room; an entry of its own each."
    if whose(one)[1] and not _is_line(whose(one)[1], LONGEST_ID):
        yield field, _ID
    if one.get("label") and not _is_line(one["label"], LONGEST_NAME):
        yield f"{field}.label", _NAME


def _types(types: Sequence[Mapping[str, Any]]) -> Problems:
    if len(types) > MOST_TYPES:
        yield "appointmentTypes", f"At most {MOST_TYPES} can be kept."
    names = Counter(one["name"] for one in types)
    ids = Counter(str(one["id"]) for one in types if one.get("id"))
    words = Counter(word for one in types if is_active(one) for word in _words(one))
    for number, one in enumerate(types):
        field = f"appointmentTypes.{number}"
        yield from _type(field, one)
        if one.get("id") and ids[str(one["id"])] > 1:
            yield f"{field}.id", "This id is listed more than once."
        if names[one["name"]] > 1:
            yield f"{field}.name", "Another type has the same name."
        if is_active(one) and any(words[word] > 1 for word in _words(one)):
            yield f"{field}.aliases", "Another type can be asked for in the same words."


def _type(field: str, one: Mapping[str, Any]) -> Problems:
    if not _is_line(one["name"], LONGEST_NAME):
        yield f"{field}.name", _NAME
    if is_active(one) and not letters(one["name"]):
        yield f"{field}.name", _SAID
    aliases = one.get("aliases", ())
    if is_active(one) and not all(letters(alias) for alias in aliases):
        yield f"{field}.aliases", _SAID
    if len(aliases) > MOST_ALIASES or not all(_is_line(alias, LONGEST_NAME) for alias in aliases):
        yield f"{field}.aliases", f"Use up to {MOST_ALIASES}, each one line of up to {LONGEST_NAME} characters."
    if one.get("pmsValue") and not _is_line(one["pmsValue"], LONGEST_ID):
        yield f"{field}.pmsValue", f"Use one line of text of up to {LONGEST_ID} characters."
    for name in LENGTHS:
        if name in one or name == "durationMinutes":
            yield from _within(f"{field}.{name}", one[name], name)
    yield from _chosen(f"{field}.mode", one.get("mode", BookingMode.DIRECT), BookingMode.values)
    yield from _chosen(f"{field}.forPatients", one.get("forPatients", ForPatients.ANYONE), ForPatients.values)
    yield from _resources(f"{field}.resources", one)


def _resources(field: str, one: Mapping[str, Any]) -> Problems:
    resources = one.get("resources", ())
    if len(resources) > MOST_RESOURCES:
        yield field, f"At most {MOST_RESOURCES} can be kept."
    for number, who in enumerate(resources):
        for name, needed in (("clinicianId", True), ("operatoryId", True), ("assistantId", False)):
            if (needed or who.get(name)) and not _is_line(who.get(name) or "", LONGEST_ID):
                yield f"{field}.{number}.{name}", _ID
        if who.get("assistantId") and who["assistantId"] == who["clinicianId"]:
            yield f"{field}.{number}.assistantId", "Nobody assists themselves."
    if not resources and is_active(one) and one.get("mode", BookingMode.DIRECT) == BookingMode.DIRECT:
        yield field, "What is booked directly needs somebody who does it, and a room."


def _words(one: Mapping[str, Any]) -> set[str]:
    """Return the names of a type as they are compared with what a caller says."""
    return {letters(name) for name in (one["name"], *one.get("aliases", ()))}


def _within(field: str, value: Any, name: str) -> Problems:
    least, most = BOUNDS[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        yield field, f"Use a whole number from {least} to {most}."


def _chosen(field: str, value: Any, choices: Sequence[str]) -> Problems:
    if value not in choices:
        yield field, f"Choose one of {', '.join(choices)}."


def _is_line(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable() and text == text.strip()
