"""The code from the practice's mailbox, typed at step 3 in a browser without JavaScript."""

from __future__ import annotations

import pytest

from accounts import recent
from accounts.models import Account
from pms.models import CheckState, OfficeProof, PmsIntegration, Setup
from pms.wizard import proving
from tests.accounts.visitor import Visitor, forms
from tests.proving import BIRCHS, WRONG, Outbox, last_code, live
from tests.wizard.conftest import connected, worker

__all__ = ["live"]

CODE = "/setup/test/code/"


@pytest.fixture
def asked(live: None, dana: Visitor) -> Visitor:
    """Dana at step 3, where she is asked for the code."""
    return connected(dana)


def typed(visitor: Visitor, code: str) -> Visitor:
    return visitor.send({"code": code}, to=CODE)


def test_who_types_the_code_goes_on(asked: Visitor, birch: Account, mailoutbox: Outbox) -> None:
    typed(asked, last_code(mailoutbox))
    assert (asked.where, Setup.objects.get(account=birch).check_state) == ("/setup/test/", CheckState.QUEUED)
    worker()

    assert "Go on" in asked.open("/setup/test/").text
    assert "Code from the mail" not in asked.text
    assert PmsIntegration.objects.get(account=birch).status == "ACTIVE"


def test_the_page_says_where_the_code_went_and_not_to_whom(asked: Visitor) -> None:
    assert "f•••@birch.example" in asked.text
    assert BIRCHS not in asked.text
    assert "A code from your practice&#x27;s mailbox is needed" in asked.text
    assert 'inputmode="numeric"' in asked.text
    assert 'autocomplete="one-time-code"' in asked.text


def test_nothing_wipes_what_is_being_typed(asked: Visitor) -> None:
    part = asked.client.get("/setup/test/progress/").content.decode()

    assert 'name="code"' in part
    assert "hx-get" not in part
    assert 'http-equiv="refresh"' not in asked.text


def test_a_wrong_code_is_told_with_the_tries_that_are_left(asked: Visitor) -> None:
    typed(asked, WRONG)

    assert asked.where == "/setup/test/"
    assert "That is not the code from the mail. 4 tries are left." in asked.text
    assert 'name="code"' in asked.text


def test_after_five_of_them_testing_again_sends_another_one(asked: Visitor, mailoutbox: Outbox) -> None:
    for _ in range(5):
        typed(asked, WRONG)
    assert "no tries left" in asked.text

    asked.send({}, to="/setup/test/")
    worker()
    typed(asked.open("/setup/test/"), last_code(mailoutbox))

    assert (len(mailoutbox), OfficeProof.objects.get().proven_by is None) == (2, False)


def test_nobody_types_one_who_has_not_shown_that_it_is_them(
    asked: Visitor, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "is_recent", lambda _request: False)

    typed(asked.open("/setup/test/"), last_code(mailoutbox))

    assert asked.where == "/accounts/reauthenticate/?next=/setup/test/"
    assert OfficeProof.objects.get().proven_at is None


def test_looking_for_the_mail_may_take_a_while(
    asked: Visitor, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "is_recent", lambda _request: False)

    typed(asked, last_code(mailoutbox))

    assert OfficeProof.objects.get().proven_at is not None


def test_what_another_person_has_opened_counts_for_them_alone(
    asked: Visitor, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "is_recent", lambda _request: False)

    asked.send({"code": last_code(mailoutbox), "opened": proving._OPENED.sign("somebody else")}, to=CODE)

    assert OfficeProof.objects.get().proven_at is None


def test_a_location_without_an_address_has_no_field_for_a_code(live: None, dana: Visitor) -> None:
    connected(dana, "D30003:1-2")

    assert "There is no mailbox that we could ask" in dana.text
    assert CODE not in [form["action"] for form in forms(dana.text)]


def test_other_failures_have_no_field_for_a_code(asked: Visitor) -> None:
    asked.open("/setup/credentials/").send({"practiceId": "D99999"}, having="practiceId")
    worker()

    assert CODE not in [form["action"] for form in forms(asked.open("/setup/test/").text)]


def test_the_address_takes_a_post_alone(asked: Visitor) -> None:
    assert asked.open(CODE).page.status_code == 405
