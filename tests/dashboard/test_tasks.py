"""The team's tasks: who has them, what is done with them, and what two people do at once."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Account, User
from accounts.roles import Role
from pms.models import AppointmentType, Booking, Task, TaskNote, TaskState
from pms.services import task_work, tasks
from tests.dashboard.conftest import SignedIn
from tests.dashboard.pages import text, words
from tests.services.people import call, member, task, views
from tests.talking import Caller


@pytest.fixture
def message(practice: Account) -> Task:
    """A message that somebody left."""
    return task(practice, call=call(practice))


@pytest.fixture
def request_for_cora(practice: Account, cora: Caller, quick_office: None) -> Task:
    """A request for a cleaning that the team decides about."""
    AppointmentType.objects.filter(name="Cleaning").update(mode="REQUEST")
    cora.book("09:00")
    return Task.objects.get()


def test_the_list_is_narrowed_by_whose_they_are_what_they_are_about_and_whether_they_are_done(
    practice: Account, staff: Client, person: User, message: Task
) -> None:
    by_hand, finished = task(practice, "please_cancel"), task(practice, detail={"message": "old"})
    Task.objects.filter(pk=finished.pk).update(state=TaskState.DONE)
    Task.objects.filter(pk=by_hand.pk).update(assigned_to=person)

    def found(**asked: str) -> set[str]:
        page = text(staff.get("/tasks/", asked))
        known = {"message": message, "by hand": by_hand, "finished": finished}
        return {name for name, one in known.items() if f"/tasks/{one.pk}/" in page}

    assert found() == {"message", "by hand"}
    assert found(state="done") == {"finished"}
    assert found(whose="mine") == {"by hand"}
    assert found(whose="nobody") == {"message"}
    assert found(about="changes") == {"by hand"}
    assert found(whose="nobody", about="changes") == set()


def test_a_task_says_what_to_do_and_leaves_one_row_of_evidence(staff: Client, message: Task) -> None:
    page = words(staff.get(f"/tasks/{message.pk}/"))

    assert "Read it, and call back if it asks for that." in page
    assert "Please call back." in page
    assert f"/calls/{message.call_id}/" in page
    assert len(views("viewTask")) == 1


def test_somebody_takes_a_task_and_hears_if_another_was_quicker(
    practice: Account, staff: Client, person: User, message: Task
) -> None:
    other = member(practice, "Bo Desk")
    mine = {"action": "assign", "was": "", "to": str(person.pk)}

    assert "The task is yours." in text(staff.post(f"/tasks/{message.pk}/", mine, follow=True))
    late = words(staff.post(f"/tasks/{message.pk}/", mine | {"to": str(other.pk)}, follow=True))

    message.refresh_from_db()
    assert message.assigned_to == person
    assert "given to Ada Desk" in late


def test_a_task_is_given_to_somebody_else_and_back_to_nobody(
    practice: Account, staff: Client, person: User, message: Task
) -> None:
    other = member(practice, "Bo Desk")
    address = f"/tasks/{message.pk}/"

    given = {"action": "assign", "was": "", "to": str(other.pk)}
    assert "It was given to Bo Desk." in words(staff.post(address, given, follow=True))
    back = {"action": "assign", "was": str(other.pk), "to": ""}
    assert "It is nobody's now." in words(staff.post(address, back, follow=True))


@pytest.mark.parametrize("to", ["nobody-we-know", "00000000-0000-0000-0000-000000000001"])
def test_a_task_is_given_to_nobody_outside_the_practice(to: str, staff: Client, message: Task) -> None:
    page = text(staff.post(f"/tasks/{message.pk}/", {"action": "assign", "was": "", "to": to}, follow=True))

    message.refresh_from_db()
    assert message.assigned_to is None
    assert "Choose somebody of the practice." in page


def test_a_task_is_done_once_and_can_be_opened_again(staff: Client, person: User, message: Task) -> None:
    address = f"/tasks/{message.pk}/"
    assert "Marked as done." in text(staff.post(address, {"action": "done"}, follow=True))
    message.refresh_from_db()
    assert (message.state, message.resolved_by) == (TaskState.DONE, person)

    assert "Ada Desk was quicker" in text(staff.post(address, {"action": "done"}, follow=True))
    assert "Opened again. It was done by Ada Desk." in words(staff.post(address, {"action": "reopen"}, follow=True))
    message.refresh_from_db()
    assert message.state == TaskState.OPEN


def test_a_note_is_kept_sealed_and_shown(staff: Client, message: Task) -> None:
    page = staff.post(f"/tasks/{message.pk}/", {"action": "note", "text": "Called <back>, no answer."}, follow=True)

    note = TaskNote.objects.get()
    assert tasks.note_text(note) == "Called <back>, no answer."
    assert "Called &lt;back&gt;, no answer." in text(page)
    assert page.redirect_chain == [(f"/tasks/{message.pk}/", 302)]


def test_a_note_that_cannot_be_kept_stays_in_the_form(staff: Client, message: Task) -> None:
    long = "a" * (task_work.LONGEST_NOTE + 1)
    for typed in ("Card 4111 1111 1111 1111", long):
        answer = staff.post(f"/tasks/{message.pk}/", {"action": "note", "text": typed})
        assert answer.status_code == 422
        assert typed in text(answer)
    assert not TaskNote.objects.exists()


def test_a_request_is_approved_into_a_booking(staff: Client, request_for_cora: Task) -> None:
    address = f"/tasks/{request_for_cora.pk}/"
    assert 'value="approve"' in text(staff.get(address))

    page = words(staff.post(address, {"action": "approve"}, follow=True))

    assert "Approved. Booked" in page
    assert Booking.objects.filter(state="CONFIRMED").count() == 1
    assert "was quicker" in words(staff.post(address, {"action": "decline"}, follow=True))


def test_a_request_is_declined_and_the_team_told_to_call(staff: Client, request_for_cora: Task) -> None:
    page = words(staff.post(f"/tasks/{request_for_cora.pk}/", {"action": "decline"}, follow=True))

    assert "call them" in page
    request_for_cora.refresh_from_db()
    assert request_for_cora.state == TaskState.DONE
    assert not Booking.objects.filter(state="CONFIRMED").exists()


def test_a_request_is_not_simply_done_and_a_message_not_approved(staff: Client, message: Task) -> None:
    assert staff.post(f"/tasks/{message.pk}/", {"action": "approve"}).status_code == 404
    assert staff.post(f"/tasks/{message.pk}/", {"action": "nonsense"}).status_code == 404


def test_an_auditor_changes_nothing(signed_in: SignedIn, message: Task) -> None:
    assert signed_in(Role.AUDITOR).post(f"/tasks/{message.pk}/", {"action": "done"}).status_code == 403
    message.refresh_from_db()
    assert message.state == TaskState.OPEN
