"""Calls for the people at a practice: the list, and one call opened."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from pms.domain import errors
from pms.models import Call, PmsIntegration, SecurityEvent, ToolCall
from pms.services import call_views, calls, retention
from pms.services.call_views import Detail, Row
from pms.services.calls import Progress
from tests.services.people import asker, call, no_evidence, task, views
from tests.talking import CORA, Caller, SetClock
from tests.tools.conftest import cora, quick_office

__all__ = ["cora", "quick_office"]


def rows(account: Account, **asked: Any) -> list[Row]:
    return list(call_views.listed(account=account, **asked).rows)


def opened(account: Account, one: Call) -> Detail:
    return call_views.opened(account=account, pk=one.pk, asker=asker())


def test_the_list_says_when_how_long_and_what_came_of_it_and_hides_who_called(practice: Account) -> None:
    made = call(practice, ago=10, outcome="booked")
    Call.objects.update(ended_at=made.started_at + SetClock.later(seconds=90)._ahead)
    task(practice, call=made)

    [row] = rows(practice)

    assert (row.outcome_words, row.bookings, row.tasks, row.is_test) == ("Booked", 0, 1, False)
    assert row.caller == "••• ••• ••47"
    assert str(row.started_at.tzinfo) == "America/New_York"
    assert round(row.duration.total_seconds()) == 90 if row.duration else False


def test_a_withheld_number_and_one_that_cannot_be_read_are_told(practice: Account) -> None:
    call(practice, caller_number=None)
    call(practice, caller_number=b"1.gone.x")

    assert [row.caller for row in rows(practice)] == ["Number withheld"] * 2


def test_test_calls_are_hidden_unless_they_are_wanted(practice: Account) -> None:
    call(practice, is_test=True)

    assert rows(practice) == []
    assert [row.is_test for row in rows(practice, with_tests=True)] == [True]


def test_calls_are_found_by_what_came_of_them_and_by_open_tasks(practice: Account) -> None:
    booked, other = call(practice, outcome="booked"), call(practice, outcome="message")
    open_one = task(practice, call=other)
    done = task(practice, call=booked)
    type(done).objects.filter(pk=done.pk).update(state="DONE")

    assert [row.id for row in rows(practice, outcome="booked")] == [booked.pk]
    assert [row.id for row in rows(practice, has_task=True)] == [open_one.call_id]
    assert len(rows(practice, outcome="nonsense")) == 2


def test_another_practice_s_calls_are_nobody_s_here(practice: Account) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    theirs = call(other)

    assert rows(practice) == []
    with pytest.raises(errors.WriteNotFound):
        opened(practice, theirs)
    assert views("viewCall") == []


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_is_one_query_however_long_it_is(practice: Account, count: int) -> None:
    for _ in range(count):
        task(practice, call=call(practice))

    with CaptureQueriesContext(connection) as made:
        assert len(rows(practice)) == count
    assert len(made) == 1


def test_an_opened_call_shows_what_was_asked_answered_and_done(practice: Account, cora: Caller) -> None:
    cora.use("takeMessage", message="Please call me back.")
    booked = cora.book("09:00")

    detail = opened(practice, cora.call)

    tools = [step for step in detail.steps if step.kind == "tool"]
    assert [step.title for step in tools] == ["Check who the call is about", "Take a message", "Book an appointment"]
    assert ("First name", "Cora") in tools[0].asked
    assert ("Date of birth", "Sunday, April 12th, 1987") in tools[0].asked
    assert (tools[2].text, tools[2].outcome_words) == (booked.say, "Done")
    assert [step.outcome_words for step in detail.steps if step.kind == "booking"] == ["Booked"]
    assert [step.title for step in detail.steps if step.kind == "task"] == ["A message from a caller"]
    assert [step.at for step in detail.steps] == sorted(step.at for step in detail.steps)
    assert detail.caller == "+12125550147"


@pytest.mark.parametrize("count", [1, 10])
def test_an_opened_call_costs_the_same_however_much_happened(practice: Account, count: int) -> None:
    caller = Caller(practice)
    for number in range(count):
        caller.use("takeMessage", message=f"Number {number}.")

    with CaptureQueriesContext(connection) as made:
        opened(practice, caller.call)
    reads = [one["sql"] for one in made if one["sql"].startswith("SELECT")]
    assert len(reads) == 6


def test_opening_leaves_one_row_of_evidence_that_names_nobody(practice: Account, cora: Caller) -> None:
    opened(practice, cora.call)

    [row] = views("viewCall")
    assert (row.actor, row.endpoint, row.phi_accessed, row.patient_id) == (
        "user:somebody",
        "/calls/<uuid:pk>",
        True,
        "1001",
    )
    assert str(cora.call.pk) in (row.request_summary or "")
    assert "Cora" not in repr(row.__dict__)


def test_without_evidence_nothing_is_shown(practice: Account, cora: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[ToolCall] = []
    monkeypatch.setattr(call_views.claims, "said", shown.append)
    no_evidence(monkeypatch)

    with pytest.raises(errors.Internal):
        opened(practice, cora.call)
    assert shown == []


def test_at_a_practice_without_a_system_the_evidence_is_an_event(db: None) -> None:
    account = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    made = call(account)

    opened(account, made)

    event = SecurityEvent.objects.get(kind="viewed.viewCall")
    assert (event.account_id, event.detail) == (account.pk, {"call": str(made.pk)})
    assert not PmsIntegration.objects.exists()


def test_a_transcript_is_shown_if_it_is_kept(practice: Account) -> None:
    practice.keeps_transcripts = True
    practice.save()
    made = call(practice)
    made.account = practice
    calls.note(
        call=made, progress=Progress(status="ended", transcript="Hello!", summary="A greeting."), now=SetClock().now()
    )

    detail = opened(practice, made)

    assert (detail.transcript, detail.summary, detail.recording) == ("Hello!", "A greeting.", "")


def test_what_is_no_longer_kept_is_told_as_such(practice: Account, cora: Caller) -> None:
    Call.objects.update(ended_at=SetClock().now())
    retention.forget(now=SetClock.later(days=5000).now())

    detail = opened(practice, cora.call)

    assert (detail.caller, [step.text for step in detail.steps]) == ("Number withheld", ["No longer kept"])
    assert detail.steps[0].asked == ()


def test_what_was_sealed_with_a_retired_key_is_told_as_such(practice: Account, cora: Caller) -> None:
    ToolCall.objects.update(arguments=b"1.gone.x", answer=b"1.gone.x")
    Call.objects.update(report=b"1.gone.x")

    detail = opened(practice, cora.call)

    assert (detail.steps[0].text, detail.transcript) == ("No longer kept", "")


def test_what_the_model_made_up_is_no_label(practice: Account) -> None:
    caller = Caller(practice)
    caller.use("takeMessage", message="Hello.", somethingElse="x", accountId=str(uuid.uuid4()))

    assert opened(practice, caller.call).steps[0].asked == (("Message", "Hello."),)


def test_the_list_is_turned_by_cursors(practice: Account) -> None:
    for minute in range(30):
        call(practice, ago=minute)

    first = call_views.listed(account=practice)
    second = call_views.listed(account=practice, before=first.older)

    assert (len(first.rows), len(second.rows), second.older) == (25, 5, "")
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}


def test_nothing_of_a_list_can_be_read_in_the_log_of_a_repr(practice: Account, cora: Caller) -> None:
    detail = opened(practice, cora.call)

    assert CORA["lastName"] not in repr(detail)
    assert "+12125550147" not in repr(detail)
