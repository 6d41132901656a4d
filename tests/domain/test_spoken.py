"""What voice models write for dates and times: read exactly, or asked about with its own code."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pms.domain import errors, spoken
from pms.domain.errors import (
    DateAmbiguous,
    DateInPast,
    DateInvalid,
    DateMissing,
    ParlaeError,
    Placeholder,
    TimeFormat,
    TimeZoneMismatch,
)
from pms.domain.localtime import zone

NOW = datetime(2026, 5, 12, 13, 10, tzinfo=UTC)
TODAY = date(2026, 5, 12)
NEW_YORK = zone("America/New_York")
MAY_14 = date(2026, 5, 14)
TEN = datetime(2026, 5, 14, 14, tzinfo=UTC)
Failure = type[ParlaeError]


def read(*, now: datetime = NOW, where: str = "America/New_York", **arguments: Any) -> spoken.WallClock:
    return spoken.read_wall_clock(arguments, now=now, where=zone(where))


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-14T10:00", "2026-05-14T10:00:00", "2026-05-14t10:00:00.000", "2026-05-14 10:00", "2026-05-14 10 AM",
        "2026-05-14T10:00:00-04:00", "2026-05-14T10:00-0400", "2026-05-14T10:00-04", " 2026-05-14T10:00 ",
        "2026/5/14 10:00am", "20260514T10:00", "5/14/2026 10:00", "14/5/2026 10:00", "5-14-2026, 10 a.m.",
        "14.05.2026 10:00", "May 14, 2026 at 10 AM", "14th of May 2026 10:00", "Thursday, May 14th, 2026 at 10:00 AM",
        "thu 2026-05-14 10:00", "\uff12\uff10\uff12\uff16-05-14T10:00",
    ],
)  # fmt: skip
def test_ten_o_clock(text: str) -> None:
    found = read(startTime=text)
    assert (found.utc, found.flags) == (TEN, frozenset())
    assert found.local.isoformat() == "2026-05-14T10:00:00-04:00"


@pytest.mark.parametrize(
    "arguments",
    [
        {"date": "2026-05-14", "time": "10:00"},
        {"date": "2026-05-14", "time": "10 am"},
        {"date": "2026-05-14", "startTime": "10:00"},
        {"date": "2026-05-14", "time": "2026-05-14T10:00"},
        {"date": "2026-05-14T00:00:00", "time": "10:00"},
        {"date": "2026-05-14T10:00", "time": ""},
        {"startTime": "2026-05-14T10:00", "date": "null", "time": None, "duration": "15"},
        {"startTime": "2026-05-14T10:00", "date": "5/14/2026", "time": "10:00 AM"},
    ],
)
def test_ten_o_clock_in_parts(arguments: dict[str, Any]) -> None:
    assert read(**arguments).utc == TEN


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("12:00 PM", 12, 0),
        ("12 am", 0, 0),
        ("12:30 AM", 0, 30),
        ("10:30 pm", 22, 30),
        ("1PM", 13, 0),
        ("9:05", 9, 5),
        ("23:59", 23, 59),
        ("2:30", 2, 30),
    ],
)
def test_clock_times(text: str, hour: int, minute: int) -> None:
    local = read(date="2026-05-14", time=text).local
    assert (local.hour, local.minute) == (hour, minute)


@pytest.mark.parametrize(
    ("arguments", "failure"),
    [
        ({}, DateMissing),
        ({"startTime": ""}, DateMissing),
        ({"startTime": "null", "date": "undefined"}, DateMissing),
        ({"startTime": "10:00"}, DateMissing),
        ({"time": "10 AM"}, DateMissing),
        ({"startTime": "2026-05-14"}, TimeFormat),
        ({"date": "2026-05-14", "time": "N/A"}, TimeFormat),
        ({"startTime": "tomorrow"}, TimeFormat),
        ({"startTime": "next Tuesday at 10:00"}, TimeFormat),
        ({"date": "today", "time": "10:00"}, TimeFormat),
        ({"date": "2026-05-14", "time": "noon"}, TimeFormat),
        ({"date": "2026-05-14", "time": "10"}, TimeFormat),
        ({"date": "2026-05-14", "time": "10:75"}, TimeFormat),
        ({"date": "2026-05-14", "time": "24:00"}, TimeFormat),
        ({"date": "2026-05-14", "time": "13 PM"}, TimeFormat),
        ({"date": "2026-05-14", "time": "0:30 AM"}, TimeFormat),
        ({"startTime": "2026-05-14T10:00 EST"}, TimeFormat),
        ({"startTime": "2026-05-14T10:00", "time": "11:00"}, TimeFormat),
        ({"startTime": "2026-05-14 morning"}, TimeFormat),
        ({"startTime": 1778767200}, TimeFormat),
        ({"startTime": True}, TimeFormat),
        ({"startTime": ["2026-05-14T10:00"]}, TimeFormat),
        ({"startTime": {"date": "2026-05-14"}}, TimeFormat),
        ({"startTime": "2026-05-14T10:00" + " " * 100 + "x"}, TimeFormat),
        ({"startTime": "2026-05-14T10:00:00-07:00"}, TimeZoneMismatch),
        ({"startTime": "2026-05-14T10:00:00-05:00"}, TimeZoneMismatch),
        ({"startTime": "2026-05-14T10:00:00+00:00"}, TimeZoneMismatch),
        ({"startTime": "2026-05-14T10:00:00+99:99"}, TimeZoneMismatch),
        ({"date": "2026-05-14T00:00:00-07:00", "time": "10:00"}, TimeZoneMismatch),
        ({"startTime": "2026-05-12T08:00"}, DateInPast),
        ({"startTime": "2026-05-12T09:10"}, DateInPast),
        ({"startTime": "2024-05-14T10:00"}, DateInPast),
        ({"startTime": "0001-01-01T10:00"}, DateInPast),
        ({"startTime": "2026-02-30T10:00"}, DateInvalid),
        ({"startTime": "2026-13-01T10:00"}, DateInvalid),
        ({"startTime": "2/30/2026 10:00"}, DateInvalid),
        ({"startTime": "13/13/2026 10:00"}, DateInvalid),
        ({"startTime": "9999-12-31T10:00"}, DateInvalid),
        ({"startTime": "0000-01-01T10:00"}, DateInvalid),
        ({"startTime": "2027-03-14T02:30"}, DateInvalid),
        ({"startTime": "5/6/2026 10:00"}, DateAmbiguous),
        ({"startTime": "5/14/26 10:00"}, DateAmbiguous),
        ({"startTime": "5/14 10:00"}, DateAmbiguous),
        ({"startTime": "December 1st at 9:30 AM"}, DateAmbiguous),
        ({"startTime": "Friday, May 14, 2026 10:00"}, DateAmbiguous),
        ({"startTime": "2026-05-14T10:00", "date": "2026-05-15"}, DateAmbiguous),
        ({"startTime": "2026-11-01T01:30"}, DateAmbiguous),
        ({"startTime": "{{slot.start}}"}, Placeholder),
        ({"date": "<date>", "time": "10:00"}, Placeholder),
        ({"date": "YYYY-MM-DD", "time": "10:00"}, Placeholder),
    ],
)
def test_asked_about(arguments: dict[str, Any], failure: Failure) -> None:
    with pytest.raises(ParlaeError) as raised:
        read(**arguments)
    assert type(raised.value) is failure


def test_a_bare_z_is_the_practice_s_wall_clock_and_flagged() -> None:
    found = read(startTime="2026-05-14T10:00:00.000Z")
    assert (found.utc, found.flags) == (TEN, {spoken.ZONE_SUFFIX_IGNORED})
    assert read(date="2026-05-14T00:00:00Z", time="10:00").flags == {spoken.ZONE_SUFFIX_IGNORED}
    assert not read(startTime="2026-12-14T10:00Z", where="Europe/London").flags


def test_a_minute_from_now_is_not_past() -> None:
    assert read(startTime="2026-05-12T09:11").utc - NOW == timedelta(minutes=1)


def test_the_practice_s_today_counts() -> None:
    late = datetime(2026, 5, 13, 1, tzinfo=UTC)
    assert read(now=late, startTime="2026-05-12T21:30").utc > late


def test_a_doubled_hour_is_offered_in_words_and_settled_by_the_offset() -> None:
    with pytest.raises(DateAmbiguous) as raised:
        read(startTime="2026-11-01T01:30")
    assert raised.value.spoken.endswith("Would you like the first or the second 1:30 AM?")
    offered = [word for word in raised.value.message.split() if word.startswith("2026")]
    assert [read(startTime=text).utc.hour for text in offered] == [5, 6]


def test_a_missing_hour_is_explained() -> None:
    with pytest.raises(DateInvalid) as raised:
        read(startTime="2027-03-14T02:30")
    assert "there is no 2:30 AM" in raised.value.spoken


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        ({"startTime": "tomorrow at ten"}, "Which day"),
        ({"date": "tomorrow", "time": "10:00"}, "Which day"),
        ({"date": "2026-05-14", "time": "noon"}, "What time"),
        ({"startTime": "2026-05-14 at noon"}, "What time"),
        ({"startTime": "2026-05-14"}, "What time"),
        ({"startTime": "2026-05-12T08:00"}, "What time"),
        ({"startTime": "2026-05-11T08:00"}, "Which day"),
    ],
)
def test_the_question_is_about_what_is_unclear(arguments: dict[str, Any], question: str) -> None:
    with pytest.raises(errors.Invalid) as raised:
        read(**arguments)
    assert question in raised.value.spoken


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-14", MAY_14),
        ("2026-05-12", TODAY),
        ("5/14/2026", MAY_14),
        ("6/6/2026", date(2026, 6, 6)),
        ("May 14, 2026", MAY_14),
        ("2026-05-14T00:00:00Z", MAY_14),
        ("2026-05-14T23:00:00", MAY_14),
        ("2026-05-14T00:00:00-04:00", MAY_14),
        ("", DateMissing),
        (None, DateMissing),
        ("10:00", DateMissing),
        ("tomorrow", TimeFormat),
        ("tuesday", TimeFormat),
        (20260514, TimeFormat),
        ("5/6/2026", DateAmbiguous),
        ("May 14", DateAmbiguous),
        ("2026-02-30", DateInvalid),
        ("2026-05-11", DateInPast),
        ("2026-05-14T00:00:00-07:00", TimeZoneMismatch),
        ("{{today}}", Placeholder),
    ],
)
def test_read_date(value: object, expected: date | Failure) -> None:
    if isinstance(expected, date):
        assert spoken.read_date(value, today=TODAY, where=NEW_YORK) == expected
    else:
        with pytest.raises(expected):
            spoken.read_date(value, today=TODAY, where=NEW_YORK)


def test_without_a_zone_every_offset_is_asked_about() -> None:
    with pytest.raises(TimeZoneMismatch):
        spoken.read_date("2026-05-14T00:00:00-04:00", today=TODAY)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1980-03-04", date(1980, 3, 4)),
        ("3/14/1980", date(1980, 3, 14)),
        ("3/13/1980", date(1980, 3, 13)),
        ("13/3/1980", date(1980, 3, 13)),
        ("12/3/1980", DateAmbiguous),
        ("04/04/1980", date(1980, 4, 4)),
        ("March 4th, 1980", date(1980, 3, 4)),
        ("4 March 1980", date(1980, 3, 4)),
        ("Sept. 4, 1980", date(1980, 9, 4)),
        ("1980-03-04T00:00:00Z", date(1980, 3, 4)),
        ("2026-05-12", TODAY),
        ("1896-05-12", date(1896, 5, 12)),
        ("1895-05-12", DateInvalid),
        ("2026-05-13", DateInvalid),
        ("1980-02-30", DateInvalid),
        ("0001-01-01", DateInvalid),
        ("the fourth of March", DateInvalid),
        ("10:00", DateMissing),
        (19800304, DateInvalid),
        ("03/04/1980", DateAmbiguous),
        ("3/14/80", DateAmbiguous),
        ("March 4th", DateAmbiguous),
        ("", DateMissing),
        (None, DateMissing),
        ("date_of_birth", Placeholder),
    ],
)
def test_read_date_of_birth(value: object, expected: date | Failure) -> None:
    if isinstance(expected, date):
        assert spoken.read_date_of_birth(value, today=TODAY) == expected
    else:
        with pytest.raises(expected):
            spoken.read_date_of_birth(value, today=TODAY)


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "null", "None", "undefined", "n/a", "unknown", "string", "{{customer.number}}", "{% name %}",
        "${name}", "<name>", "[patient name]", "{name}", "%NAME%", "caller_phone_number", "patient_name",
        "customerNumber", "callerPhoneNumber", "first_name", "dateOfBirth", "phone_number", "your_name_here",
        "YYYY-MM-DD", "HH:MM",
    ],
)  # fmt: skip
def test_placeholders(value: object) -> None:
    assert spoken.is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "Ann",
        "Naomi",
        "Nulla",
        "Callie",
        "Client",
        "Don",
        "+14155550123",
        "2026-05-14",
        "A1",
        "o'neil",
        0,
        False,
        [],
        "Nan",
        "Na",
    ],
)
def test_values(value: object) -> None:
    assert not spoken.is_placeholder(value)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["startTime", "date", "time"]),
        st.text(alphabet="0123456789-/:.TtZz+ apmjdecnov,s", max_size=30)
        | st.none()
        | st.integers()
        | st.text(max_size=70),
    )
)
def test_anything_is_understood_or_asked_about(arguments: dict[str, Any]) -> None:
    question = ""
    try:
        assert read(**arguments).utc > NOW
    except errors.Invalid as error:
        question = error.spoken
    assert question[-1:] in ("", "?")
