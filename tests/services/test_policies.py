"""What a practice has decided about its calls, and its pause."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Account
from pms.domain import errors
from pms.models import SecurityEvent
from pms.services import audit, policies
from pms.services.audit import Asker
from pms.services.policies import POLICIES
from tests.talking import Caller

ASKER = Asker(actor="user:mona", endpoint="/setup/features/", method="POST")


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


def change(account: Account, version: str = "", **changes: Any) -> dict[str, Any]:
    return policies.change(account=account, changes=changes, asker=ASKER, version=version)


def events(kind: str = "practice.changed") -> list[Any]:
    return list(SecurityEvent.objects.filter(kind=kind).order_by("seq").values_list("detail", flat=True))


def test_every_policy_is_told(account: Account) -> None:
    told = policies.read(account=account)

    assert set(told) == {*POLICIES, "version"}
    assert (told["keeps_days"], told["transfer_hours"], told["keeps_transcripts"]) == (90, {}, False)


def test_what_is_named_is_changed_and_the_rest_stays(account: Account) -> None:
    told = change(account, transfer_number="+12125550177", keeps_transcripts=True)

    stored = Account.objects.get()
    assert (stored.transfer_number, stored.keeps_transcripts, stored.keeps_recordings) == ("+12125550177", True, False)
    assert {name: told[name] for name in POLICIES} == {name: getattr(stored, name) for name in POLICIES}
    assert account.transfer_number == "+12125550177"


WRONG: dict[str, dict[str, Any]] = {
    "transfer_number": {"transfer_number": "212 555"},
    "after_hours_number": {"after_hours_number": "+1"},
    "transfer_hours": {"transfer_hours": {"8": []}},
    "keeps_days": {"keeps_days": 6},
    "keeps_transcripts": {"keeps_transcripts": "perhaps"},
    "is_paused": {"is_paused": True},
    "name": {"name": "Birch Dental"},
}


@pytest.mark.parametrize(("field", "changes"), WRONG.items(), ids=WRONG.keys())
def test_what_cannot_be_is_named_by_its_field_and_nothing_changes(
    account: Account, field: str, changes: dict[str, Any]
) -> None:
    before = Account.objects.values().get()

    with pytest.raises(errors.Invalid) as caught:
        change(account, keeps_recordings=True, **changes)

    assert set(caught.value.fields) == {field}
    assert Account.objects.values().get() == before
    assert events() == []


def test_the_evidence_has_names_and_no_numbers(account: Account) -> None:
    change(account, transfer_number="+12125550177", keeps_days=30)
    change(account, keeps_days=30)

    assert events() == [{"settings": "keeps_days transfer_number"}]


def test_two_people_do_not_overwrite_each_other(account: Account) -> None:
    read = policies.read(account=account)["version"]
    change(account, version=read, keeps_days=30)

    with pytest.raises(errors.IdempotencyConflict):
        change(account, version=read, keeps_days=365)

    assert Account.objects.get().keeps_days == 30


def test_without_evidence_nothing_changes(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "record_event", _unwritten)

    with pytest.raises(errors.Internal):
        change(account, keeps_recordings=True)

    assert Account.objects.get().keeps_recordings is False


def _unwritten(**_event: object) -> None:
    raise errors.Internal


# The pause


def test_a_paused_agent_only_takes_messages_until_it_is_let_work_again(practice: Account) -> None:
    asked = []
    for paused in (True, False):
        assert policies.pause(account=practice, paused=paused, asker=ASKER)
        caller = Caller(Account.objects.get())
        asked.append(caller.use("checkAvailability", appointmentType="cleaning").outcome)

    assert asked == ["paused", "ok"]
    assert [events("practice.paused"), events("practice.resumed")] == [[{}], [{}]]


def test_a_second_pause_is_no_other_one(account: Account) -> None:
    told = [policies.pause(account=account, paused=paused, asker=ASKER) for paused in (False, True, True)]

    assert told == [False, True, False]
    assert events("practice.paused") == [{}]


def test_without_evidence_a_pause_holds_and_is_not_ended(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "record_event", _unwritten)

    for paused in (True, False):
        with pytest.raises(errors.Internal):
            policies.pause(account=account, paused=paused, asker=ASKER)

    assert Account.objects.get().is_paused
