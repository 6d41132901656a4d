"""Bookings for the people at a practice: how each stands, and whose one is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import Booking, BookingState, ConnectionStatus, Operation, PmsAuditLog, WriteBackState
from pms.services import booking_views, booking_words
from pms.services.booking_views import Detail, Row
from tests.conftest import Sim
from tests.services.conftest import Hold, hold
from tests.services.people import asker, no_evidence, views
from tests.talking import NOBODY, Caller, Slow
from tests.tools.conftest import caller, cora, quick_office, slow

__all__ = ["caller", "cora", "hold", "quick_office", "slow"]


def rows(account: Account, **asked: Any) -> list[Row]:
    return list(booking_views.listed(account=account, clock=SystemClock(), **asked).rows)


def opened(account: Account) -> Detail:
    return booking_views.opened(account=account, pk=Booking.objects.get().pk, asker=asker(), clock=SystemClock())


def test_every_state_has_words_and_belongs_to_one_group() -> None:
    grouped = [state for _, states in booking_words.GROUPS.values() for state in states]

    assert sorted(grouped) == sorted(BookingState.values)
    assert set(booking_words.STATES) == set(BookingState.values)
    assert set(booking_words.WRITES) == set(WriteBackState.values)
    assert set(booking_words.OPERATIONS) == set(Operation.values)


def test_only_what_the_system_has_is_called_booked() -> None:
    said = {state for state, (word, _) in booking_words.STATES.items() if word == "Booked"}

    assert said == {BookingState.CONFIRMED}


def test_the_list_says_how_a_booking_stands_and_names_nobody(
    practice: Account, cora: Caller, quick_office: None
) -> None:
    cora.book("09:00", providerId="HY1")

    [row] = rows(practice)

    booking = Booking.objects.get()
    assert (row.state_words, row.appointment_type, row.clinician) == ("Booked", "Cleaning", "Perpetua Lindqvist")
    assert (row.number, row.appointment_id, row.patient_id) == (
        booking.confirmation_number,
        booking.pms_appointment_id,
        "1001",
    )
    assert (row.starts_at.hour, row.minutes, row.call_id) == (9, 60, cora.call.pk)
    assert "Whitfield" not in repr(row)


def test_what_was_seen_in_the_system_is_booked_and_checked(practice: Account, hold: Hold) -> None:
    hold()
    Booking.objects.update(state="CONFIRMED", verified_at=timezone.now())

    assert rows(practice)[0].state_words == "Booked and checked"


def test_what_was_taken_back_is_not_told_as_refused(practice: Account, hold: Hold) -> None:
    hold()
    Booking.objects.update(state="FAILED", failure="withdrawn")

    assert rows(practice)[0].state_words == "Taken back"


@pytest.mark.parametrize("state", BookingState.values)
def test_a_group_has_what_is_in_its_states(practice: Account, hold: Hold, state: str) -> None:
    hold()
    Booking.objects.update(state=state)

    found = [name for name in booking_words.GROUPS if rows(practice, group=name)]

    assert len(found) == 1
    assert state in booking_words.GROUPS[found[0]][1]
    assert len(rows(practice, group="nonsense")) == 1


def test_days_leave_only_what_begins_within_them(practice: Account, hold: Hold) -> None:
    booking = hold()
    ahead = (booking.starts_at - timezone.now()) // timedelta(days=1)

    assert rows(practice, days=ahead) == []
    assert len(rows(practice, days=ahead + 2)) == 1


def test_what_test_calls_have_booked_is_hidden_unless_it_is_wanted(practice: Account, cora: Caller) -> None:
    cora.book("09:00")
    type(cora.call).objects.update(is_test=True)

    assert rows(practice) == []
    assert [row.is_test for row in rows(practice, with_tests=True)] == [True]


@pytest.mark.parametrize("count", [1, 8])
def test_a_list_is_one_query_however_long_it_is(practice: Account, hold: Hold, count: int) -> None:
    for number in range(count):
        hold(number * 120, patient_id=f"20{number}")
        Booking.objects.update(state="CONFIRMED", verified_at=timezone.now())

    with CaptureQueriesContext(connection) as made:
        assert len(rows(practice)) == count
    assert len(made) == 1


def test_an_opened_booking_has_the_name_from_the_practice_s_system(
    practice: Account, cora: Caller, quick_office: None
) -> None:
    cora.book("09:00", notes="A little afraid of needles.")

    detail = opened(practice)

    assert (detail.patient_name, detail.no_name, detail.note) == ("Cora Whitfield", "", "A little afraid of needles.")
    assert detail.meaning == "Your system has it."
    assert [(one.what, one.state_words) for one in detail.writes] == [("Booking", "Done")]
    assert "Whitfield" not in repr(detail)


def test_opening_leaves_one_row_of_evidence(practice: Account, cora: Caller) -> None:
    cora.book("09:00")
    before = PmsAuditLog.objects.count()

    opened(practice)

    [row] = views("viewBooking")
    assert PmsAuditLog.objects.count() == before + 1
    assert (row.actor, row.phi_accessed, row.patient_id, row.success) == ("user:somebody", True, "1001", True)


def test_a_cancellation_is_among_what_was_sent(practice: Account, cora: Caller, quick_office: None) -> None:
    cora.book("09:00")
    cora.cancel()

    detail = opened(practice)

    assert detail.row.state_words == "Cancelled"
    assert [(one.what, one.state_words) for one in detail.writes] == [("Booking", "Done"), ("Cancellation", "Done")]


def test_where_the_system_does_not_answer_all_but_the_name_is_shown(practice: Account, cora: Caller, sim: Sim) -> None:
    cora.book("09:00")
    sim("POST", "fail", path="/v4/*", times=50, status=503)

    detail = opened(practice)

    assert (detail.patient_name, detail.no_name) == ("", booking_views.NO_NAME)
    assert detail.row.appointment_type == "Cleaning"
    [row] = views("viewBooking")
    assert (row.success, row.error_message) == (False, "pms_unavailable")


def test_a_patient_who_is_not_there_any_more_is_told_as_such(practice: Account, cora: Caller) -> None:
    cora.book("09:00")
    Booking.objects.update(patient_id="999999")

    assert opened(practice).no_name == "Your system has no record under this number any more."


def test_where_nothing_is_connected_nobody_is_asked_and_the_evidence_is_there(practice: Account, hold: Hold) -> None:
    hold()
    practice.integrations.update(status=ConnectionStatus.ERROR)

    detail = opened(practice)

    assert (detail.patient_name, detail.no_name) == ("", booking_views.NO_NAME)
    assert [row.patient_id for row in views("viewBooking")] == ["1001"]


def test_of_a_practice_that_was_connected_before_nobody_s_name_is_asked_for(practice: Account, hold: Hold) -> None:
    hold()
    practice.integrations.update(practice_since=timezone.now() + timedelta(minutes=1))

    assert opened(practice).no_name.startswith("The connection led to another practice")
    assert len(views("viewBooking")) == 1


def test_a_new_patient_s_record_that_is_on_its_way_is_told(practice: Account, caller: Caller, slow: Slow) -> None:
    slow("POST patient")
    caller.use("createPatient", **NOBODY)
    caller.book("09:00", providerId="HY1")

    detail = opened(practice)

    assert detail.no_name == booking_views.NEW_PATIENT
    assert [one.state_words for one in detail.writes] == ["Waits for the patient's record"]


def test_without_evidence_nothing_is_shown(practice: Account, hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    hold()
    no_evidence(monkeypatch)

    with pytest.raises(errors.Internal):
        opened(practice)


def test_another_practice_s_booking_is_not_found(practice: Account, hold: Hold) -> None:
    hold()
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")

    with pytest.raises(errors.WriteNotFound):
        opened(other)
    assert rows(other) == []


def test_its_tasks_are_told(practice: Account, cora: Caller, sim: Sim) -> None:
    sim("POST", "lose_answer", path="/v4/appointment")
    cora.book("09:00")

    detail = opened(practice)

    assert detail.row.state_words == "We do not know yet"
    assert len(detail.task_ids) == 1


def test_a_note_that_cannot_be_opened_is_no_obstacle(practice: Account, hold: Hold) -> None:
    hold()
    Booking.objects.update(note=b"1.gone.x")

    assert opened(practice).note == ""
