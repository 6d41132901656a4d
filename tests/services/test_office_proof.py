"""The code from the practice's mailbox: when it is needed, how long it counts, what is kept of it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from pytest_django import Settings

from accounts.models import Account
from pms.domain import errors
from pms.domain.records import Location
from pms.models import CheckState, ConnectionStatus, OfficeProof, PmsIntegration, SecurityEvent
from pms.providers.progress import CheckStep, StepState
from pms.providers.sikka.service import SikkaService
from pms.sandbox import Sandbox
from pms.services import audit, connecting, integrations, office_proof, stand_in
from tests.conftest import Sim, use_sandbox
from tests.practice import agreed
from tests.proving import BIRCH, BIRCHS, WRONG, Outbox, last_code, live, prove
from tests.services.setting_up import MINE, Manager, told
from tests.talking import SetClock, asked_of_the_pms

__all__ = ["live"]

OFFICE = {"practiceId": BIRCH}


@pytest.fixture
def account(live: None, db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """A practice that has agreed and is not connected yet."""
    use_sandbox(settings, sandbox)
    return agreed(Account.objects.create(name="Birch Dental", time_zone="America/Los_Angeles"))


@pytest.fixture
def mona(account: Account) -> Manager:
    return Manager(account)


def said(mona: Manager, code: str) -> str:
    """Return what is said to somebody whose code is refused."""
    with pytest.raises(errors.Invalid) as caught:
        prove(mona, code)
    return caught.value.message


def kinds() -> list[str]:
    events = SecurityEvent.objects.filter(kind__startswith="office.").order_by("seq")
    return list(events.values_list("kind", flat=True))


# When it is needed


def test_a_number_alone_opens_nothing_but_sends_a_code_to_the_practice(
    mona: Manager, sim: Sim, mailoutbox: Outbox
) -> None:
    seen = mona.connect(OFFICE)

    [mail] = mailoutbox
    stored = PmsIntegration.objects.get()
    assert (seen.check_state, seen.error_code) == (CheckState.FAILED, "office_unproven")
    assert told(seen)[CheckStep.OFFICE] == (StepState.FAILED, "office_unproven")
    assert (mail.to, mail.cc, mail.bcc, mail.subject) == ([BIRCHS], [], [], office_proof.SUBJECT)
    assert "as mona@practice.example wants to connect" in mail.body
    assert (stored.status, stored.metadata, stored.practice_digest) == (ConnectionStatus.SETUP_REQUIRED, None, "")
    assert asked_of_the_pms(sim)[-1] == ("GET", "/practices")
    with pytest.raises(errors.SetupRequired):
        integrations.active_for(account=mona.account)


def test_who_types_the_code_is_let_in(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)

    prove(mona, f" {last_code(mailoutbox)[:4]} {last_code(mailoutbox)[4:]} ")
    seen = mona.check()

    proof = OfficeProof.objects.get()
    assert (seen.check_state, seen.practice_name) == (CheckState.PASSED, "Birch Dental")
    assert (proof.proven_by, proof.code_digest, len(mailoutbox)) == (mona.user, "", 1)
    assert kinds() == ["office.code_sent", "office.proven"]


def test_keys_of_their_own_need_no_code(mona: Manager, mailoutbox: Outbox) -> None:
    assert mona.connect({**MINE, **OFFICE}).check_state == CheckState.PASSED
    assert not mailoutbox


def test_the_stand_in_needs_no_code(mona: Manager, monkeypatch: pytest.MonkeyPatch, mailoutbox: Outbox) -> None:
    monkeypatch.setattr(stand_in, "is_sandbox", lambda _integration: True)

    assert mona.connect(OFFICE).check_state == CheckState.PASSED
    assert not mailoutbox


def test_a_practice_that_was_connected_before_needs_no_code(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect({**MINE, **OFFICE})
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)

    connecting.connect(
        account=mona.account,
        provider="SIKKA",
        credentials=OFFICE,
        config={},
        features={},
        asker=mona.by["asker"],
        clock=mona.clock,
    )

    assert integrations.reveal(integration=integrations.active_for(account=mona.account)) == OFFICE
    assert not mailoutbox


def test_another_practice_needs_one_of_its_own_and_the_first_none_again(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)
    prove(mona, last_code(mailoutbox))
    mona.check()

    mona.type(practiceId="D10001")
    other = mona.check()
    assert (other.error_code, other.is_connected, other.practice_name) == ("office_unproven", True, "Birch Dental")
    assert mailoutbox[-1].to == ["frontdesk@alder.example"]
    prove(mona, last_code(mailoutbox))
    assert mona.check().practice_name == "Alder Dental"

    mona.type(practiceId=BIRCH)
    assert mona.check().practice_name == "Birch Dental"
    assert len(mailoutbox) == 2


def test_a_location_without_an_address_is_told_as_such(mona: Manager, mailoutbox: Outbox) -> None:
    seen = mona.connect(practiceId="D30003:1-2")

    assert told(seen)[CheckStep.OFFICE] == (StepState.FAILED, "office_without_mail")
    assert (list(mailoutbox), OfficeProof.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    "on_file", ["", "none", "a@birch.example, b@evil.example", "a@birch.example\nBcc: b@evil.example"]
)
def test_nothing_goes_to_what_is_no_address(
    mona: Manager, monkeypatch: pytest.MonkeyPatch, mailoutbox: Outbox, on_file: str
) -> None:
    monkeypatch.setattr(SikkaService, "_email_of", lambda *_asked: on_file)

    assert mona.connect(OFFICE).error_code == "office_without_mail"
    assert not mailoutbox


EMAILS: list[tuple[list[str], list[str], str]] = [
    (["a@birch.example"], ["b@birch.example"], "a@birch.example"),
    ([""], ["b@birch.example"], "b@birch.example"),
    (["", ""], [""], ""),
]


@pytest.mark.parametrize(("practices", "authorised", "found"), EMAILS)
def test_the_address_is_that_of_exactly_this_location(practices: list[str], authorised: list[str], found: str) -> None:
    elsewhere = {"practice_id": "2", "email": "other@birch.example"}
    adapter: Any = SimpleNamespace(_practices=[elsewhere, *({"practice_id": "1", "email": one} for one in practices)])
    offices: list[Any] = [elsewhere, *({"practice_id": "1", "email": one} for one in authorised)]

    assert SikkaService._email_of(adapter, Location("1", "Birch"), offices) == found


# How long it counts


def test_a_code_that_counts_is_not_sent_twice(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)

    assert mona.check().error_code == "office_unproven"
    assert len(mailoutbox) == 1


def test_after_half_an_hour_it_has_expired_and_another_one_is_sent(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)
    old = last_code(mailoutbox)
    mona.clock = SetClock.later(minutes=30)

    assert "has expired" in said(mona, old)
    mona.check()
    assert len(mailoutbox) == 2
    assert "not the code" in said(mona, old)
    prove(mona, last_code(mailoutbox))


def test_after_five_wrong_tries_another_one_has_to_be_sent(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)

    heard = [said(mona, WRONG) for _ in range(5)]

    assert [one.removeprefix("That is not the code from the mail. ").removesuffix(".") for one in heard[:4]] == [
        "4 tries are left",
        "3 tries are left",
        "2 tries are left",
        "1 try is left",
    ]
    assert "no tries left" in heard[4]
    assert "no tries left" in said(mona, last_code(mailoutbox))
    assert kinds() == ["office.code_sent", *["office.code_wrong"] * 5]
    mona.check()
    prove(mona, last_code(mailoutbox))
    assert len(mailoutbox) == 2


def test_a_code_counts_once(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)
    prove(mona, last_code(mailoutbox))

    assert "no code that counts" in said(mona, last_code(mailoutbox))


def test_one_that_was_replaced_while_it_was_typed_does_not_count(
    mona: Manager, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona.connect(OFFICE)
    record = audit.record_event

    def meanwhile(**event: Any) -> Any:
        OfficeProof.objects.update(code_digest="of another code")
        return record(**event)

    monkeypatch.setattr(audit, "record_event", meanwhile)

    assert "no code that counts" in said(mona, last_code(mailoutbox))
    assert OfficeProof.objects.get().proven_at is None


def test_before_one_was_sent_nothing_is_a_code(mona: Manager) -> None:
    assert "No code was sent yet" in said(mona, "")


def test_it_goes_to_the_address_that_is_on_file_now(
    mona: Manager, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona.connect(OFFICE)
    monkeypatch.setattr(SikkaService, "_email_of", lambda *_asked: "owner@new.example")

    mona.check()

    assert [mail.to for mail in mailoutbox] == [[BIRCHS], ["owner@new.example"]]
    assert office_proof.sent_to(account=mona.account) == "o•••@new.example"


# How many are sent


def test_an_account_has_three_codes_sent_in_an_hour(mona: Manager, mailoutbox: Outbox) -> None:
    mona.connect(OFFICE)
    for _ in range(3):
        OfficeProof.objects.update(code_digest="")
        seen = mona.check()

    assert (seen.error_code, len(mailoutbox)) == ("office_codes_used_up", 3)


def test_a_mailbox_gets_five_in_a_day_whoever_asks(account: Account, mailoutbox: Outbox) -> None:
    seen = []
    for number in range(6):
        other = agreed(Account.objects.create(name=f"Somebody {number}", time_zone="America/New_York"))
        seen.append(Manager(other, f"Sven{number} Stranger").connect(OFFICE).error_code)

    assert seen == [*["office_unproven"] * 5, "office_codes_used_up"]
    assert len(mailoutbox) == 5


# The mail


def test_a_mail_server_that_fails_leaves_no_code_that_counts(
    mona: Manager, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_mail: EmailMessage) -> int:
        raise OSError(f"550 {BIRCHS} is not here")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        assert mona.connect(OFFICE).error_code == "office_mail_failed"
    assert OfficeProof.objects.get().code_digest == ""

    assert mona.check().error_code == "office_unproven"
    prove(mona, last_code(mailoutbox))


def test_a_mail_that_goes_nowhere_is_not_called_sent(mona: Manager, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    assert mona.connect(OFFICE).error_code == "office_mail_failed"


def test_no_transaction_is_open_while_the_mail_is_sent(
    live: None, transactional_db: None, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(settings, sandbox)
    mona = Manager(agreed(Account.objects.create(name="Birch Dental", time_zone="America/New_York")))
    inside: list[bool] = []

    def send(_mail: EmailMessage) -> int:
        inside.append(connection.in_atomic_block)
        return 1

    monkeypatch.setattr(EmailMessage, "send", send)
    mona.connect(OFFICE)

    assert inside == [False]


# What is kept


def test_the_code_and_the_address_are_kept_nowhere(
    mona: Manager, mailoutbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mona.connect(OFFICE)
    said(mona, WRONG)

    proof, code = OfficeProof.objects.values().get(), last_code(mailoutbox)
    kept = f"{proof} {list(SecurityEvent.objects.values())} {[record.__dict__ for record in caplog.records]}"
    assert (len(code), code.isdigit(), proof["sent_to"]) == (8, True, "f•••@birch.example")
    assert BIRCHS not in kept
    assert code not in kept.replace(str(proof["practice_digest"]), "").replace(str(proof["code_digest"]), "")


def test_nothing_is_done_without_evidence(mona: Manager, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*, kind: str, **event: Any) -> Any:
        if kind.startswith("office."):
            raise errors.Internal
        return record(kind=kind, **event)

    record = audit.record_event
    with monkeypatch.context() as broken:
        broken.setattr(audit, "record_event", fails)
        assert mona.connect(OFFICE).error_code == "internal_error"
    assert not mailoutbox

    mona.check()
    with monkeypatch.context() as broken:
        broken.setattr(audit, "record_event", fails)
        with pytest.raises(errors.Internal):
            prove(mona, last_code(mailoutbox))
    assert OfficeProof.objects.get().proven_at is None


def test_the_refusal_says_nothing_of_the_address() -> None:
    error = errors.OfficeUnproven(address=BIRCHS, practice_digest="digest")

    assert "@" not in f"{error} {error!r} {error.message} {error.spoken} {error.fields}"
