"""The lists of calls and bookings, and one of each opened."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.roles import Role
from pms.models import Booking, Call, ToolCall
from pms.services import paging
from tests.dashboard.conftest import SignedIn
from tests.dashboard.pages import text, words
from tests.practice import CALLER
from tests.services.conftest import Hold, hold
from tests.services.people import call, no_evidence, task, views
from tests.talking import Caller

__all__ = ["hold"]

CALLER_SHOWN = "(212) 555-0147"


@pytest.fixture
def booked(practice: Account, cora: Caller, quick_office: None) -> Booking:
    """Cora's cleaning, booked in a call."""
    cora.book("09:00", providerId="HY1")
    return Booking.objects.get()


@pytest.mark.parametrize("path", ["/calls/", "/bookings/", "/tasks/"])
def test_an_empty_list_says_what_will_be_there(path: str, practice: Account, staff: Client) -> None:
    empty, filtered = text(staff.get(path)), text(staff.get(path, {"outcome": "booked", "state": "done"}))

    assert 'class="empty"' in empty
    assert "Nothing fits" in filtered
    assert f'href="{path}"' in filtered


def test_calls_are_found_by_outcome_task_and_whether_they_were_tests(practice: Account, staff: Client) -> None:
    plain = call(practice, outcome="answered")
    with_task = call(practice, outcome="message")
    task(practice, call=with_task)
    tried = call(practice, is_test=True)

    def found(**asked: str) -> set[uuid.UUID]:
        page = text(staff.get("/calls/", asked))
        return {pk for pk in Call.objects.values_list("pk", flat=True) if f"/calls/{pk}/" in page}

    assert found() == {plain.pk, with_task.pk}
    assert found(outcome="answered") == {plain.pk}
    assert found(task="1") == {with_task.pk}
    assert found(tests="1") == {plain.pk, with_task.pk, tried.pk}
    assert found(outcome="nonsense", before="nonsense") == {plain.pk, with_task.pk}


def test_a_filter_stays_while_one_leafs_through(
    practice: Account, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging.page, "__kwdefaults__", {**(paging.page.__kwdefaults__ or {}), "size": 2})
    made = [call(practice, ago=ago, outcome="answered") for ago in range(5)]

    first = staff.get("/calls/", {"outcome": "answered"})
    second = staff.get(first.context["older"])
    back = staff.get(second.context["newer"])

    assert "outcome=answered" in first.context["older"]
    assert [row.id for row in first.context["rows"]] == [made[0].pk, made[1].pk]
    assert [row.id for row in second.context["rows"]] == [made[2].pk, made[3].pk]
    assert [row.id for row in back.context["rows"]] == [made[0].pk, made[1].pk]
    assert not first.context["newer"]


def test_a_list_asks_no_more_questions_for_more_rows(practice: Account, staff: Client, hold: Hold) -> None:
    def questions() -> dict[str, int]:
        counted = {}
        for path in ("/calls/", "/bookings/", "/tasks/"):
            with CaptureQueriesContext(connection) as asked:
                assert staff.get(path).status_code == 200
            counted[path] = len(asked)
        return counted

    task(practice, call=call(practice))
    hold(0)
    staff.get("/calls/")
    few = questions()
    for number in range(1, 5):
        task(practice, detail={"message": str(number)}, call=call(practice))
        hold(number * 60, patient_id=f"100{number + 1}")

    assert questions() == few


def test_a_list_names_nobody_and_leaves_no_evidence(practice: Account, staff: Client, booked: Booking) -> None:
    pages = [text(staff.get(path)) for path in ("/calls/", "/bookings/", "/tasks/")]

    assert not any(CALLER_SHOWN in page or CALLER in page or "Whitfield" in page for page in pages)
    assert not [*views("viewCall"), *views("viewBooking"), *views("viewTask")]


def test_a_call_shows_what_was_done_in_it_and_how_long_it_took(
    practice: Account, staff: Client, booked: Booking
) -> None:
    ToolCall.objects.filter(tool="bookAppointment").update(duration_ms=417)

    page = words(staff.get(f"/calls/{booked.call_id}/"))

    assert CALLER_SHOWN in page
    assert "Book an appointment" in page
    assert "417 ms" in page
    assert f"/bookings/{booked.pk}/" in page
    [row] = views("viewCall")
    assert row.endpoint == "/calls/<uuid:pk>/"


def test_a_booking_shows_whose_it_is_and_how_it_stands(practice: Account, staff: Client, booked: Booking) -> None:
    page = words(staff.get(f"/bookings/{booked.pk}/"))

    assert "Cora Whitfield" in page
    assert "What was sent to your system" in page
    assert f"/calls/{booked.call_id}/" in page
    [row] = views("viewBooking")
    assert row.patient_id == booked.patient_id


def test_no_patient_is_in_a_title(practice: Account, staff: Client, booked: Booking) -> None:
    for path in (f"/calls/{booked.call_id}/", f"/bookings/{booked.pk}/"):
        title = text(staff.get(path)).partition("<title>")[2].partition("</title>")[0]
        assert title.startswith("A ")
        assert "Whitfield" not in title


def test_times_are_the_practice_s(practice: Account, staff: Client, booked: Booking) -> None:
    assert "9:00 AM" in text(staff.get("/bookings/"))
    assert "9:00 AM" in text(staff.get(f"/bookings/{booked.pk}/"))


def test_html_in_what_was_said_is_only_text(practice: Account, staff: Client) -> None:
    made = task(practice, detail={"message": "<script>alert(1)</script>", "callerName": "<b>Cora</b>"})

    page = text(staff.get(f"/tasks/{made.pk}/"))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>Cora" not in page


def test_what_belongs_to_another_practice_does_not_exist(staff: Client, booked: Booking) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    theirs = {"calls": call(other).pk, "tasks": task(other).pk, "bookings": booked.pk}
    Booking.objects.filter(pk=booked.pk).update(account=other)

    for where, pk in theirs.items():
        assert staff.get(f"/{where}/{pk}/").status_code == 404
    assert staff.post(f"/tasks/{theirs['tasks']}/", {"action": "done"}).status_code == 404
    assert not [*views("viewCall"), *views("viewTask"), *views("viewBooking")]


def test_nothing_is_shown_without_evidence(
    practice: Account, staff: Client, booked: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task(practice)
    staff.get("/")
    no_evidence(monkeypatch)

    for path in (f"/calls/{booked.call_id}/", f"/bookings/{booked.pk}/", f"/tasks/{made.pk}/"):
        answer = staff.get(path)
        assert answer.status_code == 503
        assert "Whitfield" not in text(answer)
        assert CALLER not in text(answer)
        assert CALLER_SHOWN not in text(answer)


@pytest.mark.parametrize("path", ["/calls/", "/bookings/", "/tasks/", "/schedule/", "/schedule/day/", "/settings/"])
def test_an_auditor_sees_none_of_it(path: str, signed_in: SignedIn) -> None:
    assert signed_in(Role.AUDITOR).get(path).status_code == 403
