"""Appointments as they truly stand: the PMS's rows, and over them our own writes that they lack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget
from pms.domain.localtime import zone
from pms.domain.records import AppointmentStatus
from pms.models import Booking, BookingState, ConnectionStatus, Operation, PmsIntegration, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.services import diary, gateway, moves, newcomers
from pms.services.audit import Asker
from pms.services.diary import Entry
from pms.services.gateway import Access
from tests.conftest import Sim, use_sandbox
from tests.practice import seeded
from tests.talking import (
    JOSE,
    NOBODY,
    Caller,
    SetClock,
    Slow,
    cancel_at_the_desk,
    made_at_the_desk,
    quiet_day,
)

pytestmark = pytest.mark.usefixtures("quick_office")

NOBODYS = "0b7c1f0a-58a8-4f0a-9d0a-6f1d2a3b4c5d"


@contextmanager
def access(practice: Account) -> Iterator[Access]:
    clock = SetClock()
    with gateway.reading(
        integration=practice.integrations.select_related("account").get(status=ConnectionStatus.ACTIVE),
        asker=Asker(actor="system:test", endpoint="test", method="GET"),
        action="test",
        phi=True,
        clock=clock,
        budget=Budget(20, clock),
    ) as opened:
        yield opened


def between(practice: Account, start: date, end: date | None = None, **asked: Any) -> list[Entry]:
    with access(practice) as opened:
        return diary.between(opened, start, end or start, **asked)


def find(practice: Account, identifier: str, patient_id: str = "") -> Entry:
    with access(practice) as opened:
        return diary.find(opened, identifier, patient_id=patient_id)


def told(entries: list[Entry], practice: Account) -> list[tuple[str, str, bool]]:
    """Return id, wall clock and certainty of entries."""
    return [(one.id, f"{one.starts_at.astimezone(practice.zone):%m-%d %H:%M}", one.is_certain) for one in entries]


class TestDays:
    def test_are_the_practices_own_and_both_count(self, practice: Account, sandbox: Sandbox) -> None:
        days = [quiet_day(weekday) for weekday in (1, 2, 3)]
        numbers = [made_at_the_desk(sandbox, day=day) for day in days]

        found = between(practice, days[0], days[1], patient_id="1001")

        assert [entry.id for entry in found] == numbers[:2]

    @pytest.mark.parametrize(("name", "at"), [("Pacific/Honolulu", "22:30"), ("Pacific/Auckland", "07:30")])
    def test_are_local_also_where_utc_has_another_date(
        self, db: None, sandbox: Sandbox, settings: Settings, name: str, at: str
    ) -> None:
        use_sandbox(settings, sandbox)
        practice = seeded(account={"name": "Alder Dental", "time_zone": name})
        number = made_at_the_desk(sandbox, at)

        around = {offset: between(practice, quiet_day() + timedelta(days=offset), patient_id="1001") for offset in
                  (-1, 0, 1)}  # fmt: skip

        assert [[entry.id for entry in found] for found in around.values()] == [[], [number], []]
        assert around[0][0].starts_at == datetime.combine(quiet_day(), time.fromisoformat(at), tzinfo=zone(name))
        assert around[0][0].starts_at.date() != quiet_day()

    def test_are_told_in_order(self, practice: Account, cora: Caller, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, "15:00")
        made_at_the_desk(sandbox, "08:00")
        cora.book("10:00")

        found = between(practice, quiet_day(), patient_id="1001")

        assert [clock[-5:] for _, clock, _ in told(found, practice)] == ["08:00", "10:00", "15:00"]

    def test_that_a_move_has_left_or_reached_show_it_once(
        self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        tuesday, thursday = quiet_day(1), quiet_day(3)
        number = made_at_the_desk(sandbox, day=tuesday)
        cora.move("10:00", date=thursday.isoformat())

        old_copy = [len(between(practice, day, patient_id="1001")) for day in (tuesday, thursday)]
        found = between(practice, tuesday, thursday, patient_id="1001")
        sim("POST", "refresh")
        new_copy = [len(between(practice, day, patient_id="1001")) for day in (tuesday, thursday)]

        assert (old_copy, new_copy) == ([0, 1], [0, 1])
        assert told(found, practice) == [(number, f"{thursday:%m-%d} 10:00", True)]

    def test_hold_the_rows_of_everybody_if_nobody_is_named(
        self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        made_at_the_desk(sandbox, "09:00", patient_id="1003")
        cora.book("10:00")
        Caller(practice).verified(JOSE).book("11:00")

        found = between(practice, quiet_day())

        assert [entry.patient_id for entry in found] == ["1003", "1001", "1010"]


class TestEntry:
    def test_has_name_and_note_only_where_they_are_asked_for(self, practice: Account, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, description="Prefers mornings")

        [plain] = between(practice, quiet_day())
        [whole] = between(practice, quiet_day(), details=True)

        assert (plain.patient_name, plain.note) == ("", "")
        assert ("Whitfield" in whole.patient_name, whole.note) == (True, "Prefers mornings")

    def test_shows_no_name_or_note_when_it_is_printed(self, practice: Account, sandbox: Sandbox) -> None:
        made_at_the_desk(sandbox, description="Prefers mornings")

        [whole] = between(practice, quiet_day(), details=True)

        assert not any(word in repr(whole) for word in ("Whitfield", "mornings"))

    def test_of_what_the_desk_has_cancelled_is_there_as_that(self, practice: Account, sandbox: Sandbox) -> None:
        cancel_at_the_desk(sandbox, made_at_the_desk(sandbox))

        [entry] = between(practice, quiet_day())

        assert entry.status is AppointmentStatus.CANCELLED
        assert not entry.stands(SetClock().now())

    def test_of_what_we_have_confirmed_is_so_before_the_copy_shows_it(
        self, practice: Account, cora: Caller, sandbox: Sandbox
    ) -> None:
        made_at_the_desk(sandbox)
        cora.confirm()

        [entry] = between(practice, quiet_day())

        assert (entry.status, entry.change) == (AppointmentStatus.CONFIRMED, None)
        assert entry.stands(SetClock().now())

    @pytest.mark.parametrize("state", ["HELD", "EXPIRED", "FAILED", "LOST", "MISMATCH", "CANCELLED", "RESCHEDULED"])
    def test_of_our_own_is_there_only_while_it_may_stand(self, practice: Account, cora: Caller, state: str) -> None:
        cora.book("09:00")
        Booking.objects.update(state=state)

        assert between(practice, quiet_day()) == []

    @pytest.mark.parametrize("state", ["PENDING", "UNKNOWN"])
    def test_that_is_not_certain_says_so_and_what_is_on_its_way(
        self, practice: Account, cora: Caller, slow: Slow, state: str
    ) -> None:
        slow()
        cora.book("09:00")
        Booking.objects.update(state=state)

        [entry] = between(practice, quiet_day())

        assert (entry.id, entry.is_certain) == ("", False)
        assert entry.change == WriteBack.objects.get()

    def test_of_another_connection_of_the_practice_is_not_this_ones(self, practice: Account, cora: Caller) -> None:
        cora.book("09:00")
        other = PmsIntegration.objects.get()
        other.pk, other.provider, other.status = uuid.uuid4(), "KOLLA", ConnectionStatus.INACTIVE
        other.save(force_insert=True)
        Booking.objects.update(integration=other)

        assert between(practice, quiet_day()) == []

    def test_of_a_new_patient_is_theirs_by_handle_and_by_id(self, practice: Account, slow: Slow, sim: Sim) -> None:
        slow("POST patient")
        caller = Caller(practice)
        caller.use("createPatient", **NOBODY)
        caller.book("09:00")
        made = WriteBack.objects.get(operation=Operation.CREATE_PATIENT)
        handle = newcomers.handle_of(made)

        before = between(practice, quiet_day(), patient_id=handle)
        WriteBack.objects.filter(pk=made.pk).update(record_id="5001", state=WriteBackState.DONE)
        Booking.objects.update(patient_id="5001")
        after = [between(practice, quiet_day(), patient_id=name) for name in (handle, "5001")]

        assert [entry.booking for entry in before] == [Booking.objects.get()]
        assert [len(found) for found in after] == [1, 1]

    def test_of_a_handle_that_stands_for_nobody_is_refused(self, practice: Account) -> None:
        with pytest.raises(errors.PatientNotFound):
            between(practice, quiet_day(), patient_id=f"new-{uuid.uuid4().hex}")


class TestFind:
    def test_takes_the_id_the_booking_and_the_number(self, practice: Account, cora: Caller) -> None:
        cora.book("09:00")
        own = Booking.objects.get()

        names = (own.pms_appointment_id, str(own.pk), own.pk.hex, own.confirmation_number)
        found = {find(practice, name).id for name in names}

        assert found == {own.pms_appointment_id}

    @pytest.mark.parametrize("identifier", ["", "0", "x", "99999", "K7M3XR", NOBODYS, "%", "*", "1|2"])
    def test_finds_nothing_by_what_names_nothing(self, practice: Account, sandbox: Sandbox, identifier: str) -> None:
        made_at_the_desk(sandbox)

        with pytest.raises(errors.AppointmentNotFound):
            find(practice, identifier)

    def test_finds_nothing_of_another_patient(self, practice: Account, cora: Caller) -> None:
        cora.book("09:00")
        own = Booking.objects.get()

        for name in (own.pms_appointment_id, str(own.pk), own.confirmation_number):
            with pytest.raises(errors.AppointmentNotFound):
                find(practice, name, "1010")

    def test_follows_a_number_to_where_the_visit_is_now(self, practice: Account, cora: Caller, slow: Slow) -> None:
        cora.book("09:00")
        first = Booking.objects.get()
        cora.move("14:00")
        second = Booking.objects.latest("created_at")
        slow("PUT appointment")
        cora.move("15:00")

        found = [find(practice, one.confirmation_number) for one in (first, second)]

        assert {entry.booking for entry in found} == {second}
        assert {entry.change for entry in found} == {WriteBack.objects.latest("created_at")}
        assert told(found, practice) == [(first.pms_appointment_id, f"{quiet_day():%m-%d} 14:00", True)] * 2

    def test_finds_what_a_move_that_failed_was_to_move(
        self, practice: Account, cora: Caller, sandbox: Sandbox, sim: Sim
    ) -> None:
        number = made_at_the_desk(sandbox)
        sim("POST", "fail_write", method="PUT", result="Operatory does not exist")
        cora.move("14:00")

        found = find(practice, Booking.objects.get().confirmation_number)

        assert told([found], practice) == [(number, f"{quiet_day():%m-%d} 09:00", True)]

    @pytest.mark.parametrize("state", [BookingState.FAILED, BookingState.EXPIRED, BookingState.HELD])
    def test_finds_nothing_where_nothing_was_made(
        self, practice: Account, cora: Caller, slow: Slow, state: str
    ) -> None:
        slow()
        cora.book("09:00")
        Booking.objects.update(state=state)

        with pytest.raises(errors.AppointmentNotFound):
            find(practice, Booking.objects.get().confirmation_number)

    def test_asks_the_pms_about_a_number_that_only_another_practice_has(
        self, practice: Account, cora: Caller, sandbox: Sandbox
    ) -> None:
        cora.book("09:00")
        own = Booking.objects.get()
        other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
        integration = PmsIntegration.objects.get()
        integration.pk, integration.account = uuid.uuid4(), other
        integration.status = ConnectionStatus.INACTIVE
        integration.save(force_insert=True)
        Booking.objects.update(account=other, integration=integration)

        for name in (str(own.pk), own.confirmation_number):
            with pytest.raises(errors.AppointmentNotFound):
                find(practice, name)


class TestType:
    @pytest.mark.parametrize(
        ("shown", "kind"),
        [
            ("Cleaning", "Cleaning"),
            ("cleaning", "Cleaning"),
            ("2", "Cleaning"),
            ("New-Patient Exam", "New Patient Exam"),
            ("Filling", None),
            ("", None),
            ("7", None),
        ],
    )
    def test_of_what_the_desk_made_goes_by_the_pms_s_word(
        self, practice: Account, sandbox: Sandbox, shown: str, kind: str | None
    ) -> None:
        [entry] = [find(practice, made_at_the_desk(sandbox))]
        named = moves.type_of(shown_as(entry, shown), practice.integrations.get())

        assert (named.name if named else None) == kind

    def test_of_what_we_booked_is_what_we_booked(self, practice: Account, cora: Caller) -> None:
        cora.book("09:00")
        practice.appointment_types.filter(name="Cleaning").update(is_active=False, pms_value="99")

        entry = find(practice, Booking.objects.get().confirmation_number)

        named = moves.type_of(shown_as(entry, "Filling"), practice.integrations.get())
        assert named is not None
        assert named.name == "Cleaning"


def shown_as(entry: Entry, appointment_type: str) -> Entry:
    """Return the entry as a PMS would show it that has this word for its type."""
    return replace(entry, appointment_type=appointment_type)
