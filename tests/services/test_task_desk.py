"""The team's tasks: lists, one opened, and what two people do with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import AppointmentType, Booking, SecurityEvent, Task, TaskNote
from pms.services import retention, task_desk, task_work
from pms.services.task_desk import Detail, Row
from tests.services.people import asker, call, member, no_evidence, task, views
from tests.talking import Caller, SetClock
from tests.tools.conftest import cora, quick_office

__all__ = ["cora", "quick_office"]

CLOCK = SystemClock()


@pytest.fixture
def ada(practice: Account) -> User:
    return member(practice, "Ada Desk")


@pytest.fixture
def bo(practice: Account) -> User:
    return member(practice, "Bo Desk")


@pytest.fixture
def wanted(practice: Account, cora: Caller, quick_office: None) -> Task:
    """A request for a cleaning that the team has to agree to."""
    AppointmentType.objects.filter(name="Cleaning").update(mode="REQUEST")
    cora.book("09:00")
    return Task.objects.get()


def rows(account: Account, **asked: Any) -> list[Row]:
    return list(task_desk.listed(account=account, **asked).rows)


def opened(account: Account, one: Task) -> Detail:
    return task_desk.opened(account=account, pk=one.pk, asker=asker())


def test_the_list_says_what_to_do_and_names_nobody(practice: Account, ada: User) -> None:
    made = task(practice, call=call(practice, is_test=True))
    task_work.assign(account=practice, pk=made.pk, to=ada.pk, was=None)

    [row] = rows(practice)

    assert (row.told.title, row.assignee, row.is_open, row.is_test) == (
        "A message from a caller",
        "Ada Desk",
        True,
        True,
    )
    assert "call back" not in repr(row).lower().replace(row.told.advice.lower(), "")


def test_tasks_are_found_by_state_person_and_what_they_are_about(practice: Account, ada: User) -> None:
    message, change = task(practice), task(practice, "please_cancel")
    check, finished = task(practice, "booking_failed"), task(practice, "message", detail={"message": "b"})
    task_work.assign(account=practice, pk=check.pk, to=ada.pk, was=None)
    task_work.done(account=practice, pk=finished.pk, user=ada, clock=CLOCK)

    def found(**asked: Any) -> set[uuid.UUID]:
        return {row.id for row in rows(practice, **asked)}

    assert found() == {message.pk, change.pk, check.pk}
    assert found(is_open=False) == {finished.pk}
    assert found(assignee=str(ada.pk)) == {check.pk}
    assert found(assignee=task_desk.NOBODY) == {message.pk, change.pk}
    assert found(assignee="nonsense") == set()
    assert found(group="messages") == {message.pk}
    assert found(group="changes") == {change.pk}
    assert found(group="checks") == {check.pk}
    assert found(group="requests") == set()


def test_they_are_counted(practice: Account, ada: User, wanted: Task) -> None:
    mine = task(practice, "please_move")
    task_work.assign(account=practice, pk=mine.pk, to=ada.pk, was=None)

    assert task_desk.counts(account=practice, user=ada) == {
        "all": 2,
        "mine": 1,
        "nobody": 1,
        "requests": 1,
        "messages": 0,
        "changes": 1,
        "checks": 0,
    }


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_is_one_query_however_long_it_is(practice: Account, ada: User, count: int) -> None:
    for _ in range(count):
        made = task(practice, call=call(practice))
        task_work.assign(account=practice, pk=made.pk, to=ada.pk, was=None)

    with CaptureQueriesContext(connection) as made_queries:
        assert len(rows(practice)) == count
    assert len(made_queries) == 1


def test_an_opened_task_says_everything(practice: Account, wanted: Task) -> None:
    detail = opened(practice, wanted)

    said = dict(detail.said)
    assert (said["Patient id"], said["Kind of appointment"]) == ("1001", "Cleaning")
    assert said["Time"].endswith(" at 9 AM")
    assert said["Why it was not booked"] == "This kind of appointment is on request."
    assert "appointmentTypeId" not in said
    assert (detail.row.is_request, detail.row.number, detail.may_reopen) == (True, wanted.number, False)


def test_opening_leaves_one_row_of_evidence(practice: Account, wanted: Task) -> None:
    opened(practice, wanted)

    [row] = views("viewTask")
    assert (row.phi_accessed, row.patient_id, row.actor) == (True, "1001", "user:somebody")


def test_opening_costs_the_same_however_many_notes_there_are(practice: Account, ada: User) -> None:
    made, counts = task(practice), []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            opened(practice, made)
        counts.append(len(queries))
        for _ in range(5):
            task_work.add_note(account=practice, pk=made.pk, author=ada, text="Called, nobody there.")

    assert counts[0] == counts[1]


def test_without_evidence_nothing_is_shown(practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    made = task(practice)
    no_evidence(monkeypatch)

    with pytest.raises(errors.Internal):
        opened(practice, made)


def test_at_a_practice_without_a_system_the_evidence_is_an_event(db: None) -> None:
    account = Account.objects.create(name="Birch Dental", time_zone="America/New_York")

    assert opened(account, task(account)).said[0] == ("Message", "Please call back.")
    assert SecurityEvent.objects.filter(kind="viewed.viewTask", account_id=account.pk).count() == 1


def test_only_members_who_work_on_tasks_can_be_given_one(practice: Account, ada: User) -> None:
    made, auditor = task(practice), member(practice, "Cy Auditor", Role.AUDITOR)
    gone = member(practice, "Di Gone")
    Membership.objects.filter(user=gone).update(is_active=False)

    names = [name for _, name in task_desk.members(account=practice)]

    assert "Ada Desk" in names
    assert not {"Cy Auditor", "Di Gone"} & set(names)
    for nobody in (auditor.pk, gone.pk, uuid.uuid4()):
        with pytest.raises(errors.Invalid):
            task_work.assign(account=practice, pk=made.pk, to=nobody, was=None)


def test_a_task_is_given_and_given_back(practice: Account, ada: User) -> None:
    made = task(practice)

    task_work.assign(account=practice, pk=made.pk, to=ada.pk, was=None)
    task_work.assign(account=practice, pk=made.pk, to=None, was=ada.pk)

    assert rows(practice)[0].assignee == ""


def test_of_two_who_take_it_the_second_hears_who_was_quicker(practice: Account, ada: User, bo: User) -> None:
    made = task(practice)
    task_work.assign(account=practice, pk=made.pk, to=ada.pk, was=None)

    with pytest.raises(errors.AlreadyDecided, match="given to Ada Desk"):
        task_work.assign(account=practice, pk=made.pk, to=bo.pk, was=None)
    assert rows(practice)[0].assignee == "Ada Desk"


def test_of_two_who_have_done_it_the_second_hears_who_was_quicker(practice: Account, ada: User, bo: User) -> None:
    made = task(practice)
    task_work.done(account=practice, pk=made.pk, user=ada, clock=CLOCK)

    with pytest.raises(errors.AlreadyDecided, match="Ada Desk was quicker"):
        task_work.done(account=practice, pk=made.pk, user=bo, clock=CLOCK)
    assert rows(practice, is_open=False)[0].resolved_by == "Ada Desk"


def test_what_is_done_can_be_opened_again_once_and_a_note_says_so(practice: Account, ada: User, bo: User) -> None:
    made = task(practice)
    task_work.done(account=practice, pk=made.pk, user=ada, clock=CLOCK)

    task_work.reopen(account=practice, pk=made.pk, user=bo)
    with pytest.raises(errors.AlreadyDecided, match="it is open"):
        task_work.reopen(account=practice, pk=made.pk, user=ada)

    detail = opened(practice, made)
    assert detail.row.is_open
    assert [(note.author, note.text) for note in detail.notes] == [
        ("Bo Desk", "Opened again. It was done by Ada Desk.")
    ]


def test_what_parlae_has_ended_itself_can_be_opened_again(practice: Account, ada: User) -> None:
    made = task(practice)
    Task.objects.update(state="DONE", resolved_at=CLOCK.now())

    task_work.reopen(account=practice, pk=made.pk, user=ada)

    assert opened(practice, made).notes[0].text == "Opened again. It was done by Parlae."


def test_what_is_no_longer_kept_cannot_be_opened_again(practice: Account, ada: User) -> None:
    made = task(practice)
    task_work.add_note(account=practice, pk=made.pk, author=ada, text="Done by phone.")
    task_work.done(account=practice, pk=made.pk, user=ada, clock=CLOCK)
    retention.forget(now=SetClock.later(days=5000).now())

    detail = opened(practice, made)

    assert (detail.said, [note.text for note in detail.notes], detail.may_reopen) == ((), [""], False)
    with pytest.raises(errors.Invalid):
        task_work.reopen(account=practice, pk=made.pk, user=ada)


def test_notes_are_sealed_and_shown_in_their_order(practice: Account, ada: User, bo: User) -> None:
    made = task(practice)
    task_work.add_note(account=practice, pk=made.pk, author=ada, text=" Called Cora, nobody there. ")
    task_work.add_note(account=practice, pk=made.pk, author=bo, text="Reached her.")

    notes = opened(practice, made).notes

    assert [(note.author, note.text) for note in notes] == [
        ("Ada Desk", "Called Cora, nobody there."),
        ("Bo Desk", "Reached her."),
    ]
    assert b"Cora" not in b"".join(bytes(note.text) for note in TaskNote.objects.all())
    assert "Cora" not in repr(notes)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", errors.Invalid),
        ("  ", errors.Invalid),
        ("x" * 2001, errors.Invalid),
        ("Her card is 4111 1111 1111 1111", errors.CardNumberRefused),
    ],
)
def test_a_note_is_something_and_no_card_number(
    practice: Account, ada: User, text: str, refused: type[errors.ParlaeError]
) -> None:
    made = task(practice)

    with pytest.raises(refused):
        task_work.add_note(account=practice, pk=made.pk, author=ada, text=text)
    assert not TaskNote.objects.exists()


def test_a_request_is_approved_and_booked(practice: Account, ada: User, wanted: Task) -> None:
    approved = task_work.approve(account=practice, pk=wanted.pk, user=ada, asker=asker(ada), clock=CLOCK)

    booking = Booking.objects.get()
    assert (approved.booking_id, approved.state_words) == (booking.pk, "Booked")
    assert booking.confirmation_number == wanted.number
    assert rows(practice, is_open=False)[0].resolution == "Approved"


def test_a_request_is_declined_and_nothing_is_booked(practice: Account, ada: User, wanted: Task) -> None:
    task_work.decline(account=practice, pk=wanted.pk, user=ada, clock=CLOCK)

    assert not Booking.objects.exists()
    assert rows(practice, is_open=False)[0].resolution == "Declined"


def test_of_two_who_decide_the_second_hears_who_was_quicker(
    practice: Account, ada: User, bo: User, wanted: Task
) -> None:
    task_work.decline(account=practice, pk=wanted.pk, user=ada, clock=CLOCK)

    with pytest.raises(errors.AlreadyDecided, match="Ada Desk was quicker"):
        task_work.approve(account=practice, pk=wanted.pk, user=bo, asker=asker(bo), clock=CLOCK)
    assert not Booking.objects.exists()


def test_a_request_is_neither_done_nor_opened_again_nor_another_task_approved(
    practice: Account, ada: User, wanted: Task
) -> None:
    with pytest.raises(errors.Invalid, match="approved or declined"):
        task_work.done(account=practice, pk=wanted.pk, user=ada, clock=CLOCK)
    task_work.decline(account=practice, pk=wanted.pk, user=ada, clock=CLOCK)
    with pytest.raises(errors.Invalid):
        task_work.reopen(account=practice, pk=wanted.pk, user=ada)
    with pytest.raises(errors.WriteNotFound):
        task_work.decline(account=practice, pk=task(practice).pk, user=ada, clock=CLOCK)


@pytest.mark.parametrize(
    "what",
    [
        lambda account, pk, user: task_desk.opened(account=account, pk=pk, asker=asker()),
        lambda account, pk, user: task_work.assign(account=account, pk=pk, to=None, was=None),
        lambda account, pk, user: task_work.add_note(account=account, pk=pk, author=user, text="Hello"),
        lambda account, pk, user: task_work.done(account=account, pk=pk, user=user, clock=CLOCK),
        lambda account, pk, user: task_work.reopen(account=account, pk=pk, user=user),
        lambda account, pk, user: task_work.decline(account=account, pk=pk, user=user, clock=CLOCK),
        lambda account, pk, user: task_work.approve(account=account, pk=pk, user=user, asker=asker(), clock=CLOCK),
    ],
    ids=["opened", "assign", "add_note", "done", "reopen", "decline", "approve"],
)
def test_another_practice_s_task_is_not_found(
    practice: Account, ada: User, what: Callable[[Account, uuid.UUID, User], object]
) -> None:
    made = task(practice)
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")

    with pytest.raises(errors.WriteNotFound):
        what(other, made.pk, ada)
    made.refresh_from_db()
    assert (made.state, made.assigned_to_id) == ("OPEN", None)
    assert not TaskNote.objects.exists()
