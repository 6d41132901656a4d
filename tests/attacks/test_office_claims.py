"""A stranger types the number of an office that has let Parlae in and is connected nowhere: they get nothing."""

from __future__ import annotations

from functools import partial

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain import errors
from pms.models import CheckState, ConnectionStatus, OfficeProof, PmsIntegration
from pms.sandbox import Sandbox
from pms.services import connecting, integrations
from tests.api.test_setup import SETUP, STATUS, TEST, Person
from tests.conftest import Sim, use_sandbox
from tests.practice import agreed
from tests.proving import BIRCH, BIRCHS, WRONG, Outbox, last_code, live, prove
from tests.services.setting_up import Manager
from tests.talking import asked_of_the_pms, together

__all__ = ["live"]

ASKED = {"/authorized_practices", "/request_key", "/request_key_info", "/practices"}


def practice(name: str) -> Account:
    return agreed(Account.objects.create(name=name, time_zone="America/New_York"))


@pytest.fixture
def vendor(live: None, sandbox: Sandbox, settings: Settings) -> None:
    use_sandbox(settings, sandbox)


@pytest.fixture
def sven(db: None, vendor: None) -> Manager:
    """A stranger, with a sign-in and a practice of their own making."""
    return Manager(practice("Stranger Dental"), "Sven Stranger")


@pytest.fixture
def mona(db: None, vendor: None) -> Manager:
    """Who owns Birch Dental."""
    return Manager(practice("Birch Dental"))


def let_in(manager: Manager) -> bool:
    return PmsIntegration.objects.filter(account=manager.account, status=ConnectionStatus.ACTIVE).exists()


def guess(manager: Manager, code: str) -> bool:
    """Return whether a code was taken."""
    try:
        prove(manager, code)
    except errors.Invalid:
        return False
    return True


def test_the_setup_lets_a_stranger_in_nowhere(sven: Manager, sim: Sim) -> None:
    for _ in range(3):
        seen = sven.connect(practiceId=BIRCH)

    assert (seen.error_code, seen.furthest, seen.practice_name, seen.locations) == ("office_unproven", 3, "", {})
    assert {path for _, path in asked_of_the_pms(sim)} == ASKED
    assert not let_in(sven)
    assert connecting.recheck_rejected(clock=sven.clock) == 0
    with pytest.raises(errors.SetupRequired):
        integrations.active_for(account=sven.account)


def test_rest_lets_them_in_nowhere_tells_no_address_and_sends_no_mail(
    sven: Manager, sim: Sim, mailoutbox: Outbox
) -> None:
    person = Person(sven.user)

    answers = [
        person.ask("POST", SETUP, {"provider": "SIKKA", "credentials": {"practiceId": BIRCH}}),
        person.ask("POST", TEST),
    ]
    status = person.ask("GET", STATUS).json()

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "office_unproven")
        assert not [word for word in ("birch.example", "frontdesk", "@", "fields") if word in answer.content.decode()]
    assert status["status"] == ConnectionStatus.SETUP_REQUIRED
    assert {path for _, path in asked_of_the_pms(sim)} == ASKED
    assert not mailoutbox
    assert not let_in(sven)


def test_what_was_kept_over_rest_is_not_opened_by_the_setup_either(sven: Manager, mailoutbox: Outbox) -> None:
    Person(sven.user).ask("POST", SETUP, {"provider": "SIKKA", "credentials": {"practiceId": BIRCH}})

    assert sven.check().error_code == "office_unproven"
    assert [mail.to for mail in mailoutbox] == [[BIRCHS]]


def test_the_code_of_another_account_opens_nothing(sven: Manager, mona: Manager, mailoutbox: Outbox) -> None:
    sven.connect(practiceId=BIRCH)
    mona.connect(practiceId=BIRCH)

    assert not guess(sven, last_code(mailoutbox))
    assert guess(mona, last_code(mailoutbox))
    assert sven.check().error_code == "office_unproven"
    assert mona.check().check_state == CheckState.PASSED
    assert sven.check().error_code == "office_refused"
    assert [let_in(one) for one in (sven, mona)] == [False, True]


def test_a_proof_of_another_account_is_not_theirs(sven: Manager, mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(practiceId=BIRCH)
    prove(mona, last_code(mailoutbox))

    assert sven.connect(practiceId=BIRCH).error_code == "office_unproven"


def test_the_code_of_a_practice_of_their_own_opens_no_other(sven: Manager, mailoutbox: Outbox) -> None:
    sven.connect(practiceId="D10001")  # whose mailbox they read
    own = last_code(mailoutbox)
    sven.type(practiceId=BIRCH)
    sven.check()

    assert not guess(sven, own)
    sven.type(practiceId="D10001")
    sven.check()
    assert guess(sven, own)
    sven.type(practiceId=BIRCH)
    assert sven.check().error_code == "office_unproven"
    assert not let_in(sven)


def test_a_location_proves_nothing_about_its_neighbour(sven: Manager, mailoutbox: Outbox) -> None:
    sven.connect(practiceId="D30003:1-1")
    prove(sven, last_code(mailoutbox))
    assert sven.check().practice_name == "Cedar Dental North"

    sven.type(practiceId="D30003:1-2")
    seen = sven.check()

    assert (seen.error_code, seen.practice_name) == ("office_without_mail", "Cedar Dental North")


def test_an_old_code_is_not_replayed(sven: Manager, mailoutbox: Outbox) -> None:
    sven.connect(practiceId=BIRCH)
    old = last_code(mailoutbox)
    OfficeProof.objects.update(attempts=5)
    sven.check()

    assert len(mailoutbox) == 2
    assert not guess(sven, old)


def test_a_digest_is_no_code(sven: Manager) -> None:
    sven.connect(practiceId=BIRCH)
    proof = OfficeProof.objects.get()

    assert not guess(sven, proof.code_digest)
    assert not guess(sven, proof.practice_digest)
    assert not guess(sven, "\ud800\x00")


def test_what_is_stored_of_a_code_opens_nothing_in_another_place(
    sven: Manager, mona: Manager, mailoutbox: Outbox
) -> None:
    """Who can write to the database, and has a code of their own, cannot copy it to another account or practice."""
    sven.connect(practiceId="D10001")
    own, stored = last_code(mailoutbox), OfficeProof.objects.get().code_digest
    sven.type(practiceId=BIRCH)
    sven.check()
    mona.connect(practiceId="D10001")
    OfficeProof.objects.update(code_digest=stored)

    assert not guess(sven, own)
    assert not guess(mona, own)


def test_nobody_guesses_over_and_over(sven: Manager, mailoutbox: Outbox) -> None:
    sven.connect(practiceId=BIRCH)
    for _ in range(4):
        for _ in range(9):
            guess(sven, WRONG)
        seen = sven.check()

    assert (seen.error_code, len(mailoutbox)) == ("office_codes_used_up", 3)
    assert not guess(sven, last_code(mailoutbox))  # its five tries are gone


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_are_five(vendor: None, mailoutbox: Outbox) -> None:
    sven = Manager(practice("Stranger Dental"), "Sven Stranger")
    sven.connect(practiceId=BIRCH)

    together(*[partial(guess, sven, WRONG)] * 12)

    assert OfficeProof.objects.get().attempts == 5
    assert not guess(sven, last_code(mailoutbox))


@pytest.mark.django_db(transaction=True)
def test_of_two_right_codes_at_once_one_counts(vendor: None, mailoutbox: Outbox) -> None:
    mona = Manager(practice("Birch Dental"))
    mona.connect(practiceId=BIRCH)

    assert sorted(together(*[partial(guess, mona, last_code(mailoutbox))] * 2)) == [False, True]


def test_a_connection_in_use_is_not_led_elsewhere(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(practiceId=BIRCH)
    prove(mona, last_code(mailoutbox))
    mona.check()
    answer = Person(mona.user).ask("POST", SETUP, {"provider": "SIKKA", "credentials": {"practiceId": "D10001"}})

    assert answer.status_code == 409
    in_use = integrations.active_for(account=mona.account)
    assert integrations.reveal(integration=in_use) == {"practiceId": BIRCH}


NAMES = [
    "<b>bold</b>@evil.example",
    "www.evil.example/parlae?code@evil.example",
    '"call 555 0100 now"@evil.example',
    "a@evil.example\nBcc: b@evil.example",
]


@pytest.mark.parametrize("email", NAMES)
def test_nothing_that_a_person_calls_themselves_is_shown_to_the_practice(
    mona: Manager, mailoutbox: Outbox, email: str
) -> None:
    User.objects.filter(pk=mona.user.pk).update(email=email)

    mona.connect(practiceId=BIRCH)

    [mail] = mailoutbox
    assert "evil" not in mail.message().as_string()
    assert mail.content_subtype == "plain"
    assert not getattr(mail, "alternatives", [])


@pytest.mark.parametrize("role", [Role.STAFF, Role.AUDITOR])
def test_who_may_not_connect_may_not_prove(mona: Manager, mailoutbox: Outbox, role: Role) -> None:
    mona.connect(practiceId=BIRCH)
    ada = User.objects.create_user("ada@practice.example", "a long password of a test", name="Ada Desk")
    Membership.objects.create(user=ada, account=mona.account, role=role)
    client = Client()
    client.force_login(ada)

    answer = client.post("/setup/test/code/", {"code": last_code(mailoutbox), "account": str(mona.account.pk)})

    assert answer.status_code == 403
    assert OfficeProof.objects.get().proven_at is None
