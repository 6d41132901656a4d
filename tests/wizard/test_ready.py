"""Step 5: the line, the test call and the list before going live."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, User
from accounts.roles import Role
from pms.jobs import sweeps
from pms.models import Booking, Provisioning, SecurityEvent, VoiceLine
from pms.sandbox import Sandbox
from pms.sandbox.vapi import API_KEY
from tests.accounts.visitor import Visitor
from tests.services.people import member
from tests.wizard.conftest import browser, connected
from tests.wizard.test_agent import direct, pair, sent


@pytest.fixture
def ready(dana: Visitor, birch: Account) -> Visitor:
    """The last page, after cleanings were switched on."""
    step = connected(dana).open("/setup/features/")
    step.client.post("/setup/features/", sent(step, **direct(birch, pair(step, birch))))
    return step.open("/setup/done/")


def test_without_a_key_for_vapi_it_says_what_to_do_by_hand(ready: Visitor) -> None:
    assert "Set the line up by hand" in ready.text

    ready.open("/setup/done/by-hand/")

    assert "checkAvailability" in ready.text
    assert "Show the secret" in ready.text


def test_the_secret_is_shown_only_when_it_is_asked_for_and_that_is_noted(ready: Visitor, birch: Account) -> None:
    ready.open("/setup/done/by-hand/")
    assert 'id="secret"' not in ready.page.content.decode()

    ready.send({}, to="/setup/done/by-hand/secret/")

    assert 'id="secret"' in ready.page.content.decode()
    assert SecurityEvent.objects.filter(account_id=birch.pk, kind="vapi.secret_shown").count() == 1


def test_a_test_call_runs_against_the_stand_in_and_books_and_cancels(ready: Visitor, birch: Account) -> None:
    VoiceLine.objects.filter(account=birch).update(phone_number="+12125550111")
    ready.open("/setup/done/")

    ready.send({}, to="/setup/done/call/new/")
    assert "made-up patient" not in ready.text  # while one is under way no other is offered
    sweeps.play_test_calls()
    ready.open("/setup/done/")

    assert "booked, and cancelled again" in ready.text
    assert Booking.objects.get(account=birch).state == "CANCELLED"
    assert "The appointment is booked for" in ready.text


def test_the_parts_that_ask_for_themselves_answer_alone(ready: Visitor, birch: Account) -> None:
    for part in ("line", "call"):
        answer = ready.client.get(f"/setup/done/{part}/?account={birch.pk}")
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()


def test_a_line_gets_a_number_at_vapi(
    ready: Visitor, birch: Account, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAPI_API_KEY = API_KEY
    monkeypatch.setattr("pms.vapi.management.SPACING_SECONDS", 0.0)

    sweeps.provision_lines()

    ready.open("/setup/done/").send({"area_code": "21"}, having="area_code")
    assert "Three digits" in ready.text
    ready.send({"area_code": "212"}, having="area_code")
    sweeps.provision_lines()
    ready.open("/setup/done/")

    assert Provisioning.objects.get(line__account=birch).state == "DONE"
    assert "Your agent answers" in ready.text


def test_what_only_a_person_knows_is_confirmed_by_name(ready: Visitor, birch: Account, owner: User) -> None:
    ready.send({"code": "sikka_agreement"}, having="code")

    assert "Confirmed by Dana Kim" in ready.text
    assert SecurityEvent.objects.filter(account_id=birch.pk, kind="golive.confirmed").count() == 1
    answer = ready.client.post("/setup/done/confirm/", {"code": "made_up"})
    assert answer.status_code in (403, 404)


def test_staff_of_the_practice_cannot_start_a_test_call(ready: Visitor, birch: Account) -> None:
    visitor = browser(member(birch, "Ada Desk", Role.STAFF))

    assert visitor.open("/setup/done/").page.status_code == 403


def test_the_ids_of_what_was_made_by_hand_are_kept(ready: Visitor, birch: Account) -> None:
    sent = {
        "assistant_id": "asst-1",
        "number": "(212) 555-0123",
        "phone_number_id": "num-1",
        "credential_id": "cred-0001",
    }
    ready.open("/setup/done/by-hand/").send(sent, having="assistant_id")

    line = VoiceLine.objects.get(account=birch)
    assert (line.vapi_assistant_id, line.phone_number, line.vapi_phone_number_id) == ("asst-1", "+12125550123", "num-1")
    assert Provisioning.objects.get(line=line).vapi_credential_id == "cred-0001"
    assert "cred-0001" in ready.open("/setup/done/by-hand/").text
    assert "The line is set up by hand" in ready.open("/setup/done/").text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "at least one"),
        ({"number": "(212) 555-0123"}, "both the number and its id"),
        ({"assistant_id": "no id at all"}, "Not an id"),
        ({"number": "call Bob", "phone_number_id": "num-1"}, "Not a phone number"),
        ({"assistant_id": "asst-taken"}, "Another line has it already"),
    ],
)
def test_ids_that_cannot_be_are_said(ready: Visitor, birch: Account, sent: dict[str, str], said: str) -> None:
    other = Account.objects.create(name="Alder Dental", time_zone="America/New_York")
    VoiceLine.objects.create(account=other, label="Main", vapi_assistant_id="asst-taken")

    ready.open("/setup/done/by-hand/").send(sent, having="assistant_id")

    assert ready.page.status_code == 422
    assert said in ready.text
    assert not VoiceLine.objects.get(account=birch).vapi_assistant_id


def test_the_page_alone_tells_the_secret_to_nobody(ready: Visitor, client: Client) -> None:
    client.force_login(User.objects.get(name="Dana Kim"))

    answer = client.post("/setup/done/by-hand/")

    assert (answer.status_code, b'id="secret"' in answer.content) == (405, False)


def test_with_a_key_for_vapi_no_number_is_taken_without_asking_vapi_whose_it_is(
    ready: Visitor, birch: Account, settings: Settings
) -> None:
    settings.VAPI_API_KEY = API_KEY
    sent = {"assistant_id": "asst-1", "number": "(212) 555-0123", "phone_number_id": "num-1"}
    ready.open("/setup/done/by-hand/").send(sent, having="assistant_id")

    line = VoiceLine.objects.get(account=birch)
    assert (line.vapi_assistant_id, line.phone_number, line.vapi_phone_number_id) == ("asst-1", None, None)
