"""Home: the light, what is to do, what comes next, and the switch that pauses the agent."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from accounts.roles import Role
from pms.models import ConnectionStatus, PmsIntegration, SecurityEvent
from pms.services import policies
from tests.dashboard.conftest import SignedIn
from tests.dashboard.pages import text
from tests.practice import CALLER, agreed
from tests.services.people import call, member, task
from tests.talking import Caller


def test_it_says_how_the_practice_stands_with_its_calls_bookings_and_tasks(
    practice: Account, staff: Client, cora: Caller, quick_office: None
) -> None:
    cora.book("09:00")
    task(practice)

    page = text(staff.get("/"))

    assert "Alder Dental" in page
    assert "A message from a caller" in page
    assert "Cleaning" in page
    assert "Booked" in page


def test_what_is_wrong_comes_with_what_to_do_and_where(practice: Account, signed_in: SignedIn) -> None:
    practice.is_paused = True
    practice.save()

    page = text(signed_in(Role.OWNER).get("/"))

    assert "The agent is paused." in page
    assert "Take the pause off" in page


def test_no_patient_is_in_it(practice: Account, staff: Client, cora: Caller, quick_office: None) -> None:
    cora.book("09:00")

    for page in (text(staff.get("/")), text(staff.get("/now/"))):
        assert "Whitfield" not in page
        assert CALLER not in page


def test_an_auditor_sees_the_light_and_nothing_of_what_happened(practice: Account, signed_in: SignedIn) -> None:
    task(practice)
    call(practice)

    page = text(signed_in(Role.AUDITOR).get("/"))

    assert "Your schedule as of" in page
    assert "A message from a caller" not in page
    assert "Last calls" not in page
    assert 'action="/pause/"' not in page


@pytest.mark.django_db
def test_a_practice_that_is_not_set_up_sees_what_comes_next(client: Client) -> None:
    account = agreed(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))
    client.force_login(member(account, role=Role.OWNER))

    page = text(client.get("/"))

    assert "What comes next" in page
    assert 'href="/setup/"' in page
    assert "Last calls" not in page
    assert "It is not working." not in page
    assert 'action="/pause/"' not in page


def test_a_practice_whose_connection_has_ended_is_told_that_it_does_not_work(
    practice: Account, signed_in: SignedIn
) -> None:
    call(practice)
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)

    page = text(signed_in(Role.OWNER).get("/"))

    assert "It is not working." in page
    assert 'href="/setup/"' in page
    assert "Last calls" in page


def test_somebody_who_may_not_set_up_is_told_who_may(practice: Account, staff: Client) -> None:
    call(practice)
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)

    page = text(staff.get("/"))

    assert "An owner or admin of your practice can do this." in page
    assert 'href="/setup/"' not in page


def test_a_practice_without_calls_is_told_how_to_hear_the_agent(practice: Account, signed_in: SignedIn) -> None:
    page = text(signed_in(Role.OWNER).get("/"))
    assert "Hear it for yourself" in page
    assert 'href="/setup/done/"' in page

    call(practice)
    assert "Hear it for yourself" not in text(signed_in(Role.OWNER).get("/"))


def test_it_asks_for_itself_without_keeping_anybody_signed_in(practice: Account, staff: Client) -> None:
    assert f'hx-get="/now/?account={practice.pk}"' in text(staff.get("/"))
    seen = dict(staff.session)

    answer = staff.get("/now/", {"account": practice.pk}, headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "<html" not in text(answer)
    assert dict(staff.session) == seen


def test_a_poll_of_another_practice_s_page_is_refused(staff: Client) -> None:
    assert staff.get("/now/", {"account": "00000000-0000-0000-0000-000000000000"}).status_code == 409


def test_more_rows_ask_no_more_questions(practice: Account, staff: Client) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get("/now/").status_code == 200
        return len(asked)

    task(practice)
    call(practice)
    staff.get("/now/")
    few = questions()
    for number in range(4):
        task(practice, detail={"message": str(number)})
        call(practice)

    assert questions() == few


def test_an_owner_pauses_the_agent_and_takes_the_pause_off(practice: Account, signed_in: SignedIn) -> None:
    owner = signed_in(Role.OWNER)

    paused = owner.post("/pause/", {"paused": "yes", "account": practice.pk}, follow=True)
    assert "The agent is paused. Callers can leave messages" in text(paused)
    practice.refresh_from_db()
    assert practice.is_paused

    again = owner.post("/pause/", {"paused": "yes", "account": practice.pk}, follow=True)
    assert "somebody else was quicker" in text(again)

    owner.post("/pause/", {"paused": "no", "account": practice.pk})
    practice.refresh_from_db()
    assert not practice.is_paused
    kinds = list(SecurityEvent.objects.filter(kind__startswith="practice.").values_list("kind", flat=True))
    assert kinds == ["practice.paused", "practice.resumed"]


def test_staff_may_not_pause_the_agent(practice: Account, staff: Client) -> None:
    assert staff.post("/pause/", {"paused": "yes"}).status_code == 403
    practice.refresh_from_db()
    assert not practice.is_paused


def test_a_pause_is_not_taken_off_without_evidence(
    practice: Account, signed_in: SignedIn, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = signed_in(Role.OWNER)
    owner.post("/pause/", {"paused": "yes"})
    monkeypatch.setattr(policies.audit, "record_event", lambda **_: (_ for _ in ()).throw(policies.errors.Internal))

    answer = owner.post("/pause/", {"paused": "no"})

    assert answer.status_code == 503
    practice.refresh_from_db()
    assert practice.is_paused
