"""A booking's states, and the hold that no two can have."""

from __future__ import annotations

import copy
import itertools
import threading
import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from accounts.models import Account
from pms.domain import errors
from pms.domain.records import NewAppointment
from pms.models import AppointmentType, Booking, BookingState, PmsIntegration, WriteBack, WriteBackState
from pms.providers.base import Done, Failed, Pending, WriteOutcome
from pms.services import bookings, write_backs
from pms.services.bookings import TRANSITIONS
from tests.practice import start_of
from tests.services.conftest import Hold, nine, wish
from tests.talking import together

S = BookingState
TERMINAL = {S.EXPIRED, S.FAILED, S.LOST, S.CANCELLED, S.RESCHEDULED}


def in_state(booking: Booking, state: str) -> Booking:
    Booking.objects.filter(pk=booking.pk).update(state=state)
    booking.refresh_from_db()
    return booking


class TestTransitions:
    def test_are_those_of_the_design(self) -> None:
        assert {str(state): set(map(str, after)) for state, after in TRANSITIONS.items()} == {
            "HELD": {"PENDING", "EXPIRED", "FAILED", "CANCELLED"},
            "PENDING": {"CONFIRMED", "FAILED", "UNKNOWN", "MISMATCH", "LOST", "CANCELLED"},
            "UNKNOWN": {"CONFIRMED", "FAILED", "MISMATCH", "LOST"},
            "CONFIRMED": {"MISMATCH", "LOST", "CANCELLED", "RESCHEDULED"},
            "MISMATCH": {"CONFIRMED", "CANCELLED"},
        }

    def test_never_leave_an_end(self) -> None:
        assert not TERMINAL & set(TRANSITIONS)

    def test_refuse_every_other_step(self, hold: Hold) -> None:
        booking = hold()
        refused = [
            (before, after)
            for before, after in itertools.product(S, S)
            if after not in TRANSITIONS.get(before, frozenset())
        ]

        for before, after in refused:
            in_state(booking, before)
            with pytest.raises(ValueError, match="never goes"):
                bookings.transition(booking, after)
            assert Booking.objects.get().state == before

        assert len(refused) == 100 - sum(map(len, TRANSITIONS.values()))

    def test_take_their_changes_along(self, hold: Hold) -> None:
        booking = in_state(hold(), S.PENDING)

        assert bookings.transition(booking, S.CONFIRMED, pms_appointment_id="90001")
        assert (booking.state, booking.pms_appointment_id) == (S.CONFIRMED, "90001")

    def test_lose_to_whoever_was_first(self, hold: Hold) -> None:
        booking = in_state(hold(), S.PENDING)
        same = Booking.objects.get()
        bookings.transition(booking, S.FAILED, failure="refused_by_pms")

        assert not bookings.transition(same, S.CONFIRMED, pms_appointment_id="90001")
        assert (same.state, same.pms_appointment_id) == (S.FAILED, "")


@pytest.mark.django_db(transaction=True)
class TestCompareAndSet:
    @pytest.mark.parametrize(("before", "after"), [(S.HELD, S.PENDING), (S.PENDING, S.CONFIRMED)])
    def test_has_one_winner_among_eight(self, hold: Hold, before: S, after: S) -> None:
        pk = in_state(hold(), before).pk
        copies = [Booking.objects.get(pk=pk) for _ in range(8)]

        won = together(*(lambda copy=copy: bookings.transition(copy, after) for copy in copies))

        assert won.count(True) == 1
        assert Booking.objects.get().state == after

    def test_has_one_winner_among_different_wishes(self, hold: Hold) -> None:
        pk = in_state(hold(), S.PENDING).pk
        ends = [S.CONFIRMED, S.FAILED, S.UNKNOWN, S.CANCELLED] * 2
        copies = [Booking.objects.get(pk=pk) for _ in ends]

        won = together(
            *(lambda copy=copy, end=end: bookings.transition(copy, end) for copy, end in zip(copies, ends, strict=True))
        )

        assert won.count(True) == 1
        assert Booking.objects.get().state == ends[won.index(True)]


# What happens, and whether to somebody who has loaded the row before anything else did.
Event = tuple[WriteOutcome | str, bool]
OUTCOMES: list[WriteOutcome | str | None] = [
    Pending("480001"),
    Done(),
    Done("90001"),
    Failed("refused_by_pms"),
    Failed("already_scheduled", conflict=True),
    "unknown",
    "parked",
    "call over",
    "sent again",
    "withdrawn",
    "lost",
]
RANK = {S.HELD: 0, S.PENDING: 1, S.UNKNOWN: 2, S.CONFIRMED: 3, S.FAILED: 4, S.EXPIRED: 4, S.CANCELLED: 4, S.LOST: 4}


@pytest.mark.django_db
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans()), max_size=10))
def test_no_order_of_events_brings_a_booking_back(hold: Hold, events: list[Event]) -> None:
    with transaction.atomic():  # each example leaves the database as it was
        seen = lived_through(hold, events)
        sent = WriteBack.objects.count()
        transaction.set_rollback(True)

    ranks = [RANK[state] for state, _, _ in seen]
    assert ranks == sorted(ranks)
    assert sent == 1
    for (state, write_state, record), (later, later_write, later_record) in itertools.pairwise(seen):
        if state in TERMINAL:
            assert later == state
        if RANK[state] >= RANK[S.CONFIRMED]:
            assert later_record == record
        if write_state in (WriteBackState.FAILED, WriteBackState.PARKED):
            assert later_write == write_state
        if write_state == WriteBackState.DONE:
            assert later_write in (WriteBackState.DONE, WriteBackState.PARKED)


Moment = tuple[BookingState, WriteBackState, str]


def lived_through(hold: Hold, events: list[Event]) -> list[Moment]:
    """Return how a booking and its write-back stood after each event."""
    booking = hold()
    held = copy.copy(booking)
    write_back = started(booking)
    first = copy_of(write_back)
    seen = []
    for event in [None, *events]:
        if event is not None:
            what, is_late = event
            happen(what, copy.copy(first) if is_late else copy_of(write_back), copy.copy(held))
        booking.refresh_from_db()
        write_back.refresh_from_db()
        seen.append((S(booking.state), WriteBackState(write_back.state), booking.pms_appointment_id))
    return seen


def started(booking: Booking) -> WriteBack:
    new = NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)
    write_back = start_of(booking, new)
    assert write_back
    return write_back


def copy_of(write_back: WriteBack) -> WriteBack:
    return WriteBack.objects.select_related("booking__account").get(pk=write_back.pk)


def happen(event: WriteOutcome | str, stale: WriteBack, held: Booking) -> None:
    """Let something happen to a write-back, seen by somebody who loaded it, or its booking, some time ago."""
    booking = Booking.objects.get(pk=stale.booking_id)
    if not isinstance(event, str):
        write_backs.settle(write_back=stale, outcome=event, now=timezone.now())
    elif event == "unknown":
        write_backs.lose_reference(stale)
    elif event == "parked":
        write_backs.reschedule(write_back=stale, now=stale.sent_at + write_backs.FOLLOW_FOR)
    elif event == "call over":
        Booking.objects.filter(pk=stale.booking_id, state=S.HELD).update(state=S.EXPIRED)
    elif event == "sent again":
        assert start_of(held, NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)) is None
    elif event == "withdrawn":
        write_backs.withdraw(stale)
    elif event == "lost" and booking.state == S.CONFIRMED:
        bookings.transition(booking, S.LOST)
        write_backs.park(stale)


class TestWriteBack:
    def test_is_not_started_for_a_hold_that_was_lost(self, hold: Hold) -> None:
        booking = hold()
        Booking.objects.update(state=S.EXPIRED)

        new = NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)
        assert start_of(booking, new) is None
        assert not WriteBack.objects.exists()

    def test_remembers_exactly_what_was_sent(self, hold: Hold) -> None:
        write_back = started(hold())

        assert write_backs.change_of(write_back) == NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)

    def test_confirms_a_booking_that_was_unknown(self, hold: Hold) -> None:
        booking = hold()
        write_back = started(booking)
        write_backs.lose_reference(write_back)

        write_backs.settle(write_back=write_back, outcome=Done("90001"), now=timezone.now())

        booking.refresh_from_db()
        assert (booking.state, booking.pms_appointment_id) == (S.CONFIRMED, "90001")

    def test_never_takes_its_own_id_for_a_record(self, hold: Hold) -> None:
        booking = hold()
        write_back = started(booking)

        write_backs.settle(write_back=write_back, outcome=Pending("480001"), now=timezone.now())
        write_backs.settle(write_back=write_back, outcome=Done(), now=timezone.now())

        booking.refresh_from_db()
        assert (booking.state, booking.pms_appointment_id) == (S.PENDING, "")
        assert (write_back.reference, write_back.record_id) == ("480001", "")


class TestHold:
    def test_frees_itself_after_five_minutes(self, hold: Hold) -> None:
        first = hold(now=timezone.now() - timedelta(seconds=301))

        second = hold(patient_id="1010")

        first.refresh_from_db()
        assert (first.state, second.state) == (S.EXPIRED, S.HELD)

    def test_refuses_within_five_minutes(self, hold: Hold) -> None:
        hold(now=timezone.now() - timedelta(seconds=295))

        with pytest.raises(errors.SlotTaken):
            hold(patient_id="1010")

    @pytest.mark.parametrize("minutes", [-59, -30, 0, 30, 59])
    def test_refuses_whatever_overlaps(self, hold: Hold, minutes: int) -> None:
        hold()

        with pytest.raises(errors.SlotTaken):
            hold(minutes, patient_id="1010")

    @pytest.mark.parametrize("minutes", [-60, 60])
    def test_lets_through_what_touches(self, hold: Hold, minutes: int) -> None:
        hold()

        assert hold(minutes, patient_id="1010")

    def test_keeps_both_buffers_free(self, hold: Hold, practice: Account) -> None:
        kind = AppointmentType.objects.get(account=practice, name="Cleaning")
        kind.buffer_before_minutes, kind.buffer_after_minutes = 5, 10
        kind.save()
        hold(kind=kind)

        for minutes in (-74, -70, 60, 74):
            with pytest.raises(errors.SlotTaken):
                hold(minutes, kind=kind, patient_id="1010")
        assert hold(75, kind=kind, patient_id="1010")

    @pytest.mark.parametrize(
        "other", [{"clinician_id": "HY1", "operatory_id": "Hyg 2"}, {"clinician_id": "HY2", "operatory_id": "Hyg 1"}]
    )
    def test_refuses_where_one_of_both_resources_is_taken(self, hold: Hold, other: dict[str, str]) -> None:
        hold()

        with pytest.raises(errors.SlotTaken):
            hold(patient_id="1010", **other)

    def test_refuses_the_same_person_elsewhere(self, hold: Hold) -> None:
        hold()

        with pytest.raises(errors.PersonOverlap):
            hold(30, clinician_id="HY2", operatory_id="Hyg 2")

    @pytest.mark.parametrize("state", [S.EXPIRED, S.FAILED, S.CANCELLED, S.LOST, S.RESCHEDULED, S.MISMATCH])
    def test_ignores_rows_that_hold_nothing(self, hold: Hold, state: S) -> None:
        in_state(hold(), state)

        assert hold(patient_id="1010")

    @pytest.mark.parametrize("state", [S.PENDING, S.UNKNOWN, S.CONFIRMED])
    def test_respects_rows_that_the_pms_does_not_show_yet(self, hold: Hold, state: S) -> None:
        in_state(hold(), state)

        with pytest.raises(errors.SlotTaken):
            hold(patient_id="1010")

    def test_leaves_what_the_pms_shows_to_the_pms(self, hold: Hold) -> None:
        in_state(hold(), S.CONFIRMED)
        Booking.objects.update(verified_at=timezone.now())

        assert hold(patient_id="1010")

    def test_has_a_number_that_is_easy_to_say(self, hold: Hold) -> None:
        numbers = {hold(60 * n).confirmation_number for n in range(6)}

        assert len(numbers) == 6
        assert all(len(number) == 6 and set(number) <= set("ACEFHJKMNPRTWXY3479") for number in numbers)

    def test_is_forgotten_with_its_key(self, hold: Hold) -> None:
        booking = hold(key="call:1")

        bookings.forget(booking)

        booking.refresh_from_db()
        assert (booking.state, booking.idempotency_key) == (S.EXPIRED, None)
        assert hold(key="call:1")

    def test_is_not_forgotten_once_it_was_sent(self, hold: Hold) -> None:
        booking = hold(key="call:1")
        Booking.objects.update(state=S.PENDING)

        bookings.forget(booking)

        booking.refresh_from_db()
        assert (booking.state, booking.idempotency_key) == (S.PENDING, "call:1")


class TestLostRace:
    @pytest.mark.parametrize(
        "lost", [DeadlockDetected, SerializationFailure, LockNotAvailable], ids=lambda error: error.__name__
    )
    def test_is_run_once_more(self, hold: Hold, monkeypatch: pytest.MonkeyPatch, lost: type[psycopg.Error]) -> None:
        lose(monkeypatch, times=1, error=lost)

        assert hold().state == S.HELD

    @pytest.mark.parametrize("lost", [DeadlockDetected, None], ids=["postgresql", "sqlite"])
    def test_twice_says_nothing_about_whose_the_time_is(
        self, hold: Hold, monkeypatch: pytest.MonkeyPatch, lost: type[psycopg.Error] | None
    ) -> None:
        lose(monkeypatch, times=2, error=lost)

        with pytest.raises(errors.StillWorking):
            hold()

        assert not Booking.objects.exists()

    def test_is_not_what_any_failure_of_the_database_is(self, hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
        lose(monkeypatch, times=1, error=psycopg.errors.DiskFull)

        with pytest.raises(OperationalError):
            hold()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer and no such lock")
    def test_for_a_day_that_somebody_keeps_locked_ends_in_time(self, hold: Hold) -> None:
        locked, done = threading.Event(), threading.Event()

        def keep_locked() -> None:
            with transaction.atomic():
                bookings._lock_day(PmsIntegration.objects.select_related("account").get(), nine())
                locked.set()
                done.wait(10)

        def ask() -> str:
            locked.wait(10)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 100")
            try:
                hold()
            except errors.StillWorking as error:
                return error.code
            finally:
                done.set()
            return "held"

        assert together(keep_locked, ask)[1] == "still_working"


def lose(monkeypatch: pytest.MonkeyPatch, *, times: int, error: type[psycopg.Error] | None) -> None:
    """Have the database break off the next transactions that hold a time; without an error as SQLite does it."""
    real, left = bookings._hold, [None] * times

    def hold(*asked: Any) -> Booking:
        if not left:
            return real(*asked)
        left.pop()
        if error is None:
            raise OperationalError("database is locked")
        raise OperationalError("broken off") from error()

    monkeypatch.setattr(bookings, "_hold", hold)


def test_the_net_below_refuses_what_slipped_through(hold: Hold) -> None:
    hold()
    twin = Booking.objects.get()
    twin.pk, twin.visit_id, twin.confirmation_number, twin.patient_id = uuid.uuid4(), uuid.uuid4(), "AAAAAA", "1010"

    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)
    else:  # SQLite has one writer, and no such constraint
        twin.save(force_insert=True)
        assert Booking.objects.count() == 2


def test_a_wish_knows_its_own_booking(hold: Hold, practice: Account) -> None:
    booking = hold()

    assert wish(practice).is_of(booking)
    assert not any(
        wish(practice, minutes, **changes).is_of(booking)
        for minutes, changes in [(30, {}), (0, {"patient_id": "1010"})]
    )
