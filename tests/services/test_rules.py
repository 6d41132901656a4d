"""A practice's rules: what is told of them, what a change does, and what is not taken."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry

from accounts.models import Account
from pms.domain import errors
from pms.domain.localtime import local_date_of
from pms.models import (
    AppointmentType,
    Blockout,
    BookingMode,
    PmsAuditLog,
    ScheduledKind,
    SecurityEvent,
    SpecialDay,
    WeeklyHours,
)
from pms.services import rule_checks, rules
from pms.services.audit import Asker
from pms.services.opening import Calendar
from tests.conftest import Sim
from tests.ground.support import without_table
from tests.talking import NEW_YORK, Caller, SetClock, quiet_day, together

ASKER = Asker(actor="user:7", endpoint="/api/pms/rules", method="PUT", user_id="7", ip_address="127.0.0.1")
CLOCK = SetClock()
WEEK = {"1": [["08:00", "12:00"], ["13:00", "17:00"]], "2": [["08:00", "24:00"]]}
CHRISTMAS = date(2027, 12, 25)
NOON = datetime(2027, 5, 3, 16, 0, tzinfo=UTC)
PAIR = {"clinicianId": "HY1", "operatoryId": "Hyg 1"}

Json = dict[str, Any]


def change(account: Account, **changes: Any) -> Json:
    return rules.change(account=account, changes=changes, asker=ASKER, clock=CLOCK)


def read(account: Account) -> Json:
    return rules.read(account=account, clock=CLOCK)


def read_with_pms(account: Account) -> Json:
    return rules.read_with_pms(account=account, asker=ASKER, clock=CLOCK)


def kind(name: str = "Whitening", **changes: Any) -> Json:
    return {"name": name, "durationMinutes": 30, "resources": [PAIR], **changes}


def blockout(hours: float = 1, **changes: Any) -> Json:
    return {"startTime": NOON, "endTime": NOON + timedelta(hours=hours), **changes}


def refused(account: Account, **changes: Any) -> set[str]:
    """Return the fields that a change is refused for; nothing may be left of it."""
    before = read(account)
    with pytest.raises(errors.Invalid) as caught:
        change(account, **changes)
    assert read(account) == before
    return set(caught.value.fields)


def names(account: Account) -> list[str]:
    return [one["name"] for one in read(account)["appointmentTypes"] if one["isActive"]]


@pytest.fixture
def account(db: None) -> Account:
    """A practice that is not connected, and has said nothing."""
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


# What is told


def test_a_practice_that_has_said_nothing_has_no_hours_made_up(account: Account) -> None:
    told = read(account)

    version = told.pop("version")
    assert len(version) == 32
    assert told == {
        "hours": None,
        "clinicianHours": {},
        "operatoryHours": {},
        "specialDays": [],
        "blockouts": [],
        "appointmentTypes": [],
        "stepMinutes": 15,
        "minNoticeMinutes": 120,
        "maxAdvanceDays": 90,
        "maxDataAgeMinutes": None,
        "missing": ["no_hours", "no_types"],
    }


def test_what_is_changed_is_told_afterwards_and_the_rest_stays(practice: Account) -> None:
    before = read(practice)
    day = {"date": CHRISTMAS, "windows": [], "label": "Christmas"}
    special = {"date": CHRISTMAS, "windows": [["09:00", "11:00"]], "clinicianId": "HY1"}

    told = change(
        practice,
        hours=WEEK,
        clinicianHours={"HY1": {"1": [["09:00", "10:00"]]}, "HY2": {}},
        operatoryHours={"Hyg 1": WEEK},
        specialDays=[day, special],
        blockouts=[blockout(operatoryId="Hyg 1", label="Cleaning of the room")],
        minNoticeMinutes=0,
        maxDataAgeMinutes=60,
    )

    assert told == read(practice)
    assert (told["hours"], told["operatoryHours"]) == (WEEK, {"Hyg 1": WEEK})
    assert told["clinicianHours"] == {"HY1": {"1": [["09:00", "10:00"]]}, "HY2": {}}
    assert told["specialDays"] == [special, day]
    [block] = told["blockouts"]
    assert block == {**blockout(operatoryId="Hyg 1", label="Cleaning of the room"), "id": block["id"]}
    assert (told["minNoticeMinutes"], told["maxDataAgeMinutes"]) == (0, 60)
    for name in ("appointmentTypes", "maxAdvanceDays", "stepMinutes"):
        assert told[name] == before[name]


def test_what_is_told_can_be_sent_back_and_changes_nothing(practice: Account) -> None:
    change(practice, hours=WEEK, specialDays=[{"date": CHRISTMAS, "windows": []}], blockouts=[blockout()])
    told = read(practice)
    LogEntry.objects.all().delete()
    events = SecurityEvent.objects.count()

    assert change(practice, **told) == told

    assert SecurityEvent.objects.count() == events
    assert not LogEntry.objects.exists()


def test_an_imported_kind_that_sounds_like_another_can_be_sent_back(practice: Account) -> None:
    for number in (1, 2):
        AppointmentType.objects.create(
            account=practice, name=f"Crown {number}", duration_minutes=30, mode=BookingMode.REQUEST, is_active=False
        )
    told = read(practice)

    assert change(practice, **told) == told


def test_null_takes_the_practices_hours_away(account: Account) -> None:
    change(account, hours=WEEK)

    assert change(account, hours=None)["hours"] is None
    assert not WeeklyHours.objects.exists()


def test_hours_without_a_day_are_a_practice_that_is_always_closed(account: Account) -> None:
    told = change(account, hours={})

    assert (told["hours"], told["missing"]) == ({}, ["no_types"])
    assert Calendar(account, [], CHRISTMAS, CHRISTMAS).opening(CHRISTMAS, []).is_told is True


def test_null_makes_a_setting_what_is_usual(practice: Account) -> None:
    change(practice, stepMinutes=20, maxDataAgeMinutes=60)

    told = change(practice, stepMinutes=None, maxDataAgeMinutes=None)

    assert (told["stepMinutes"], told["maxDataAgeMinutes"]) == (15, None)
    assert {"stepMinutes", "maxDataAgeMinutes"}.isdisjoint(practice.integrations.get().config or {})


def test_settings_need_a_connection_to_live_in(account: Account) -> None:
    with pytest.raises(errors.SetupRequired):
        change(account, stepMinutes=20, hours=WEEK)

    assert not WeeklyHours.objects.exists()


def test_a_change_of_settings_leaves_all_else_of_the_connection(practice: Account) -> None:
    before = practice.integrations.get()

    change(practice, stepMinutes=20)

    after = practice.integrations.get()
    assert after.config == {**(before.config or {}), "stepMinutes": 20}
    assert (after.status, after.features, bytes(after.credentials)) == (
        before.status,
        before.features,
        bytes(before.credentials),
    )


# Days and blocked time


def test_a_part_is_replaced_as_a_whole(account: Account) -> None:
    change(account, clinicianHours={"HY1": WEEK, "HY2": WEEK}, blockouts=[blockout(), blockout(2)])

    told = change(account, clinicianHours={"HY2": {}}, blockouts=[blockout(2), blockout(3)])

    assert told["clinicianHours"] == {"HY2": {}}
    assert {one["endTime"] - one["startTime"] for one in told["blockouts"]} == {timedelta(hours=2), timedelta(hours=3)}


def test_a_blockout_that_stays_keeps_its_id(account: Account) -> None:
    [before] = change(account, blockouts=[blockout()])["blockouts"]

    after = change(account, blockouts=[blockout(), blockout(), blockout(2)])["blockouts"]

    assert len(after) == 2
    assert before in after


def test_days_long_past_are_neither_told_nor_taken_away(account: Account) -> None:
    today = local_date_of(CLOCK.now(), NEW_YORK)
    long_past, past = today - timedelta(days=40), today - timedelta(days=5)
    begun = CLOCK.now() - timedelta(days=40)
    SpecialDay.objects.create(account=account, day=long_past)
    Blockout.objects.create(account=account, starts_at=begun, ends_at=begun + timedelta(days=1))
    told = change(account, specialDays=[{"date": past, "windows": []}], blockouts=[])

    cleared = change(account, specialDays=[], blockouts=[])

    assert ([one["date"] for one in told["specialDays"]], told["blockouts"]) == ([past], [])
    assert (cleared["specialDays"], cleared["blockouts"]) == ([], [])
    assert [row.day for row in SpecialDay.objects.all()] == [long_past]
    assert Blockout.objects.count() == 1


def test_what_is_long_past_is_not_taken_again_and_again(account: Account) -> None:
    today = local_date_of(CLOCK.now(), NEW_YORK)
    days = [{"date": today - timedelta(days=back), "windows": []} for back in (30, 31)]
    begun = CLOCK.now() - timedelta(days=40)
    old = {"startTime": begun, "endTime": begun + timedelta(days=1)}

    assert refused(account, specialDays=days) == {"specialDays.1.date"}
    assert refused(account, blockouts=[blockout(), old]) == {"blockouts.1.endTime"}
    assert not SpecialDay.objects.exists()
    assert not Blockout.objects.exists()


def test_what_has_been_told_may_be_sent_back_after_midnight(account: Account) -> None:
    today = local_date_of(CLOCK.now(), NEW_YORK)
    begun = CLOCK.now() - timedelta(days=32)
    day, block = SpecialDay(account=account, day=today - timedelta(days=31)), Blockout(account=account)
    block.starts_at, block.ends_at = begun, begun + timedelta(hours=1)
    day.save()
    block.save()

    change(
        account,
        specialDays=[{"date": day.day, "windows": []}],
        blockouts=[{"startTime": block.starts_at, "endTime": block.ends_at}],
    )

    assert (SpecialDay.objects.get(), Blockout.objects.get()) == (day, block)


def test_a_day_of_the_practice_and_one_of_a_room_are_two(account: Account) -> None:
    days = [{"date": CHRISTMAS, "windows": [], **who} for who in ({}, {"operatoryId": "A"}, {"clinicianId": "A"})]

    change(account, specialDays=days)

    assert sorted(SpecialDay.objects.values_list("kind", "resource_id")) == [
        (ScheduledKind.CLINICIAN, "A"),
        (ScheduledKind.OPERATORY, "A"),
        (ScheduledKind.PRACTICE, ""),
    ]


# Kinds of appointment


def test_a_kind_that_is_left_out_is_switched_off_and_kept(practice: Account) -> None:
    before = read(practice)["appointmentTypes"]

    told = change(practice, appointmentTypes=before[1:])["appointmentTypes"]

    assert [one["id"] for one in told] == [one["id"] for one in (*before[1:], before[0])]
    assert told[-1] == {**before[0], "isActive": False}


def test_kinds_are_in_the_order_in_which_they_were_given(practice: Account) -> None:
    before = read(practice)["appointmentTypes"]

    change(practice, appointmentTypes=[kind(), *reversed(before)])

    told = read(practice)["appointmentTypes"]
    assert [one["name"] for one in told] == ["Whitening", *(one["name"] for one in reversed(before))]


def test_a_new_kind_can_be_booked_at_once(practice: Account) -> None:
    whitening = kind(aliases=["bleaching"], pmsValue="9", bufferAfterMinutes=15)
    change(practice, appointmentTypes=[*read(practice)["appointmentTypes"], whitening])

    offered = Caller(practice).open_times(appointmentType="bleaching", time="09:00", date=quiet_day().isoformat())

    row = AppointmentType.objects.get(account=practice, name="Whitening")
    assert "with Perpetua Lindqvist" in offered
    assert (row.pms_value, row.buffer_before_minutes, row.buffer_after_minutes, row.mode) == ("9", 0, 15, "DIRECT")


def test_a_kind_without_an_id_is_the_one_of_its_name(practice: Account) -> None:
    cleaning = AppointmentType.objects.get(account=practice, name="Cleaning")
    count = AppointmentType.objects.count()

    change(practice, appointmentTypes=[kind("Cleaning", durationMinutes=45)])

    cleaning.refresh_from_db()
    assert (cleaning.duration_minutes, AppointmentType.objects.count()) == (45, count)


def test_kinds_may_give_their_names_to_one_another(practice: Account) -> None:
    before = read(practice)["appointmentTypes"]
    others = before[1:] + before[:1]
    renamed = [{**one, "name": other["name"], "aliases": []} for one, other in zip(before, others, strict=True)]

    told = change(practice, appointmentTypes=renamed)["appointmentTypes"]

    assert [one["name"] for one in told] == [one["name"] for one in renamed]
    assert [one["id"] for one in told] == [one["id"] for one in before]


def test_a_kind_cannot_take_the_name_of_one_that_is_left_out(practice: Account) -> None:
    before = read(practice)["appointmentTypes"]

    assert refused(practice, appointmentTypes=[{**before[0], "name": before[1]["name"], "aliases": []}]) == {
        "appointmentTypes.0.name"
    }


def test_a_kind_of_another_practice_is_nobodys(practice: Account, account: Account) -> None:
    stranger = AppointmentType.objects.create(account=account, name="Exam", duration_minutes=30)

    for unknown in (stranger.pk, uuid.uuid4()):
        assert refused(practice, appointmentTypes=[kind(id=unknown)]) == {"appointmentTypes.0.id"}


# What is not taken


MONDAY_TWICE = [["08:00", "12:00"], ["11:00", "17:00"]]
BAD: dict[str, tuple[Json, set[str]]] = {
    "hours that are no object": ({"hours": []}, {"hours"}),
    "a day that is no weekday": ({"hours": {"0": []}}, {"hours"}),
    "a day that is no list": ({"hours": {"1": "08:00"}}, {"hours.1"}),
    "a window without an end": ({"hours": {"1": [["08:00"]]}}, {"hours.1"}),
    "a time that is none": ({"hours": {"1": [["8:00", "12:00"]]}}, {"hours.1"}),
    "a time after midnight": ({"hours": {"1": [["08:00", "24:01"]]}}, {"hours.1"}),
    "a window that ends before it starts": ({"hours": {"1": [["12:00", "08:00"]]}}, {"hours.1"}),
    "windows that overlap": ({"hours": {"1": MONDAY_TWICE}}, {"hours.1"}),
    "windows out of order": ({"hours": {"1": MONDAY_TWICE[::-1]}}, {"hours.1"}),
    "two days": ({"hours": {"1": MONDAY_TWICE, "2": [["x", "y"]]}}, {"hours.1", "hours.2"}),
    "a clinician's windows": ({"clinicianHours": {"HY1": {"1": MONDAY_TWICE}}}, {"clinicianHours.HY1.1"}),
    "a clinician without an id": ({"clinicianHours": {"": {}}}, {"clinicianHours"}),
    "a room of two lines": ({"operatoryHours": {"Op\n1": {}}}, {"operatoryHours"}),
    "too many rooms": ({"operatoryHours": {str(n): {} for n in range(201)}}, {"operatoryHours"}),
    "a day with bad windows": (
        {"specialDays": [{"date": CHRISTMAS, "windows": MONDAY_TWICE}]},
        {"specialDays.0.windows"},
    ),
    "a day twice": (
        {"specialDays": [{"date": CHRISTMAS, "windows": []}] * 2},
        {"specialDays.0.date", "specialDays.1.date"},
    ),
    "a day of two": (
        {"specialDays": [{"date": CHRISTMAS, "windows": [], "clinicianId": "A", "operatoryId": "B"}]},
        {"specialDays.0.operatoryId"},
    ),
    "a long label": ({"specialDays": [{"date": CHRISTMAS, "windows": [], "label": "x" * 81}]}, {"specialDays.0.label"}),
    "a label of two lines": ({"blockouts": [blockout(label="a\nb")]}, {"blockouts.0.label"}),
    "too many days": (
        {"specialDays": [{"date": CHRISTMAS + timedelta(days=n), "windows": []} for n in range(501)]},
        {"specialDays"},
    ),
    "no time": ({"blockouts": [blockout(), blockout(0)]}, {"blockouts.1.endTime"}),
    "time that ends first": ({"blockouts": [blockout(-1)]}, {"blockouts.0.endTime"}),
    "too much blocked time": ({"blockouts": [blockout(n + 1) for n in range(501)]}, {"blockouts"}),
    "too many kinds": (
        {"appointmentTypes": [kind(f"x{n}", isActive=False) for n in range(101)]},
        {"appointmentTypes"},
    ),
    "a kind without anybody": ({"appointmentTypes": [kind(resources=[])]}, {"appointmentTypes.0.resources"}),
    "a kind without a room": (
        {"appointmentTypes": [kind(resources=[{"clinicianId": "A"}])]},
        {"appointmentTypes.0.resources.0.operatoryId"},
    ),
    "one who assists themselves": (
        {"appointmentTypes": [kind(resources=[{**PAIR, "assistantId": "HY1"}])]},
        {"appointmentTypes.0.resources.0.assistantId"},
    ),
    "a kind of four minutes": ({"appointmentTypes": [kind(durationMinutes=4)]}, {"appointmentTypes.0.durationMinutes"}),
    "a kind of nine hours": ({"appointmentTypes": [kind(durationMinutes=540)]}, {"appointmentTypes.0.durationMinutes"}),
    "a buffer below zero": (
        {"appointmentTypes": [kind(bufferBeforeMinutes=-5)]},
        {"appointmentTypes.0.bufferBeforeMinutes"},
    ),
    "a buffer of three hours": (
        {"appointmentTypes": [kind(bufferAfterMinutes=180)]},
        {"appointmentTypes.0.bufferAfterMinutes"},
    ),
    "a mode that is none": ({"appointmentTypes": [kind(mode="direct")]}, {"appointmentTypes.0.mode"}),
    "patients of no kind": ({"appointmentTypes": [kind(forPatients="VIP")]}, {"appointmentTypes.0.forPatients"}),
    "a name that nobody can say": ({"appointmentTypes": [kind("123")]}, {"appointmentTypes.0.name"}),
    "an alias that nobody can say": ({"appointmentTypes": [kind(aliases=["-"])]}, {"appointmentTypes.0.aliases"}),
    "a value of two lines": ({"appointmentTypes": [kind(pmsValue="a\nb")]}, {"appointmentTypes.0.pmsValue"}),
    "too many aliases": (
        {"appointmentTypes": [kind(aliases=["x"] * 31)]},
        {"appointmentTypes.0.aliases"},
    ),
    "two kinds of one name": (
        {"appointmentTypes": [kind(isActive=False), kind(isActive=False)]},
        {"appointmentTypes.0.name", "appointmentTypes.1.name"},
    ),
    "two kinds that sound alike": (
        {"appointmentTypes": [kind("Check-Up"), kind("Exam", aliases=["check up"])]},
        {"appointmentTypes.0.aliases", "appointmentTypes.1.aliases"},
    ),
    "two mistakes": ({"hours": {"8": []}, "stepMinutes": 4}, {"hours", "stepMinutes"}),
    **{
        f"{name} {value}": ({name: value}, {name})
        for name in rule_checks.SETTINGS
        for value in (rule_checks.BOUNDS[name][0] - 1, rule_checks.BOUNDS[name][1] + 1, True, "30")
    },
}


@pytest.mark.parametrize(("changes", "fields"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_meant_is_named_by_its_field(account: Account, changes: Json, fields: set[str]) -> None:
    assert refused(account, **changes) == fields


@pytest.mark.parametrize("mode", [BookingMode.REQUEST, BookingMode.OFF])
def test_what_is_not_booked_directly_needs_nobody(account: Account, mode: BookingMode) -> None:
    change(account, appointmentTypes=[kind(resources=[], mode=mode), kind("Exam", resources=[], isActive=False)])

    assert names(account) == ["Whitening"]


def test_the_same_word_for_a_kind_that_is_switched_off_is_no_matter(account: Account) -> None:
    change(account, appointmentTypes=[kind("Check-Up"), kind("Check up", isActive=False)])

    assert names(account) == ["Check-Up"]


# What is missing


def test_kinds_without_anybody_are_missing_somebody(account: Account) -> None:
    AppointmentType.objects.create(account=account, name="Exam", duration_minutes=30)
    AppointmentType.objects.create(account=account, name="Crown", duration_minutes=30, mode=BookingMode.REQUEST)
    WeeklyHours.objects.create(account=account, hours=WEEK)

    assert read(account)["missing"] == ["type_without_resources:Exam"]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"mode": BookingMode.OFF}])
def test_a_practice_whose_kinds_are_all_off_has_none(practice: Account, changes: Json) -> None:
    AppointmentType.objects.filter(account=practice).update(**changes)

    assert read(practice)["missing"] == ["no_types"]


def test_people_and_rooms_that_the_pms_does_not_have_are_missing(practice: Account) -> None:
    gone = [PAIR, {"clinicianId": "DR9", "operatoryId": "Attic", "assistantId": "AS7"}]
    AppointmentType.objects.filter(account=practice, name="Cleaning").update(resources=gone)

    assert read(practice)["missing"] == []
    assert read_with_pms(practice)["missing"] == [
        "unknown_clinician:DR9",
        "unknown_clinician:AS7",
        "unknown_operatory:Attic",
    ]


def test_hours_are_missing_when_neither_the_pms_nor_the_practice_tells_them(practice: Account, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/practice_schedule", status=204, times=99)
    before = read_with_pms(practice)["missing"]

    change(practice, hours=WEEK)

    assert before == ["no_hours"]
    assert read_with_pms(practice)["missing"] == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"operatoryHours": {"Hyg 1": WEEK}}, ["no_hours", "no_types"]),
        ({"clinicianHours": {"HY1": WEEK}}, ["no_types"]),
        ({"hours": WEEK}, ["no_types"]),
    ],
)
def test_a_rooms_hours_alone_are_no_hours(account: Account, changes: Json, missing: list[str]) -> None:
    assert change(account, **changes)["missing"] == missing


# What the PMS tells


def test_the_pms_tells_people_rooms_and_the_hours_of_the_coming_week(practice: Account) -> None:
    told = read_with_pms(practice)["told"]

    today = local_date_of(CLOCK.now(), NEW_YORK)
    days = {one["date"]: one for one in told["days"]}
    assert list(days) == [today + timedelta(days=n) for n in range(7)]
    assert {"id": "HY1", "name": "Perpetua Lindqvist"} in told["clinicians"]
    assert "Hyg 1" in [one["id"] for one in told["operatories"]]
    [sunday] = [one for day, one in days.items() if day.weekday() == 6]
    assert sunday["practice"] == []
    assert any(one["practice"] and len(one["practice"][0]) == 2 for one in days.values())
    assert any(one["clinicians"].get("HY1") for one in days.values())
    assert any(one["operatories"].get("Hyg 1") for one in days.values())


def test_a_pms_that_lists_no_hours_tells_nothing_instead_of_closed(practice: Account, sim: Sim) -> None:
    sim("POST", "fail", path="/v4/practice_schedule", status=204, times=99)

    for day in read_with_pms(practice)["told"]["days"]:
        assert (day["practice"], day["clinicians"], day["operatories"]) == (None, {}, {})


def test_asking_the_pms_is_one_access_without_patients(practice: Account) -> None:
    read(practice)
    assert not PmsAuditLog.objects.filter(action="readRules").exists()

    read_with_pms(practice)

    row = PmsAuditLog.objects.get(action="readRules")
    assert (row.phi_accessed, row.success, row.actor) == (False, True, "user:7")


def test_without_a_connection_there_is_nothing_to_ask(account: Account) -> None:
    with pytest.raises(errors.SetupRequired):
        read_with_pms(account)


# Evidence


def test_a_change_leaves_one_event_with_the_names_of_what_changed(practice: Account) -> None:
    change(practice, hours=WEEK, stepMinutes=20, maxAdvanceDays=90, clinicianHours={}, blockouts=[blockout(label="X")])

    event = SecurityEvent.objects.get(kind="rules.changed")
    assert (event.actor, event.account_id, event.ip_address) == ("user:7", practice.pk, "127.0.0.1")
    assert event.detail == {"parts": "blockouts hours stepMinutes"}


def test_nothing_is_changed_if_the_evidence_cannot_be_written(account: Account) -> None:
    with without_table("security_events"), pytest.raises(errors.Internal):
        change(account, hours=WEEK)

    assert not WeeklyHours.objects.exists()


def test_the_history_has_every_row_that_changed_and_no_label(account: Account) -> None:
    label = "Mrs. Whitfield's surgery"
    change(account, specialDays=[{"date": CHRISTMAS, "windows": [], "label": label}], blockouts=[blockout(label=label)])
    change(account, specialDays=[], blockouts=[], hours=WEEK)

    history = LogEntry.objects.all()
    seen = sorted((entry.content_type.model, entry.action) for entry in history)
    made, gone = LogEntry.Action.CREATE, LogEntry.Action.DELETE
    assert {("specialday", made), ("specialday", gone), ("blockout", made), ("blockout", gone)} <= set(seen)
    assert ("weeklyhours", made) in seen
    assert "Whitfield" not in json.dumps([entry.changes for entry in history], default=str)


# Two at once


def test_a_version_that_is_old_changes_nothing(account: Account) -> None:
    old = read(account)["version"]
    new = change(account, hours=WEEK)["version"]

    with pytest.raises(errors.IdempotencyConflict):
        change(account, hours={}, version=old)

    assert read(account)["hours"] == WEEK
    assert change(account, hours={}, version=new)["hours"] == {}
    assert old != new


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_from_the_same_version_one_holds() -> None:
    account = Account.objects.create(name="Alder Dental", time_zone="America/New_York")
    version = read(account)["version"]
    weeks = [{"1": [["08:00", f"{hour}:00"]]} for hour in (12, 13)]

    def attempt(week: Json) -> Json | None:
        try:
            return change(account, hours=week, clinicianHours={"HY1": week}, version=version)
        except errors.IdempotencyConflict:
            return None

    found = together(*(partial(attempt, week) for week in weeks))
    kept = [week for week, told in zip(weeks, found, strict=True) if told]

    stored = read(account)
    assert [stored["hours"]] == kept
    assert stored["clinicianHours"] == {"HY1": stored["hours"]}


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_without_a_version_each_part_is_of_one_hand() -> None:
    account = Account.objects.create(name="Alder Dental", time_zone="America/New_York")
    weeks = [{"1": [["08:00", f"{hour}:00"]]} for hour in (12, 13)]

    together(*(partial(change, account, hours=week, operatoryHours={"A": week, "B": week}) for week in weeks))

    stored = read(account)
    assert stored["hours"] in weeks
    assert stored["operatoryHours"]["A"] == stored["operatoryHours"]["B"] == stored["hours"]
