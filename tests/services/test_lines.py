"""Voice lines: made with their credential, given their ids, and taken out of use."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import Credential, SecurityEvent, VoiceLine
from pms.services import credentials, lines
from pms.services.audit import Asker

ASKER = Asker(actor="user:test", endpoint="test", method="POST")
ID, OTHER_ID = "8a2e4c66-1b9d-4f3a-8e57-2c6d9f0a1b34", "9b3f5d77-1b9d-4f3a-8e57-2c6d9f0a1b34"


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


def make(account: Account, label: str = "Front desk") -> VoiceLine:
    return lines.create_line(account=account, label=label, asker=ASKER, clock=SystemClock())


def attach(line: VoiceLine, number_id: str = ID, number: str = "(212) 555-0100") -> None:
    lines.attach_number(line=line, phone_number_id=number_id, number=number, asker=ASKER)


def kinds() -> list[str]:
    return [event.kind for event in SecurityEvent.objects.order_by("seq")]


def test_a_line_is_made_with_a_credential_of_its_own(account: Account) -> None:
    line = make(account, "  Front desk ")

    [credential] = Credential.objects.filter(line=line)
    assert (line.label, line.is_active, line.vapi_assistant_id, line.phone_number) == ("Front desk", True, None, None)
    assert credentials.deciding_for(line) == [credential]
    assert kinds() == ["line.created", "credential.created"]


@pytest.mark.parametrize("label", ["", "  ", "a" * 81])
def test_it_has_a_name(account: Account, label: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        make(account, label)

    assert set(refused.value.fields) == {"label"}
    assert VoiceLine.objects.count() == 0


def test_what_opens_a_line_already_is_enough(account: Account) -> None:
    line = make(account)

    lines.ensure_credential(line=line, asker=ASKER, now=timezone.now())

    assert Credential.objects.count() == 1


def test_an_ended_credential_signs_nothing_and_gets_no_successor_by_itself(account: Account) -> None:
    line = make(account)
    credentials.revoke(credential=Credential.objects.get(), asker=ASKER, now=timezone.now())

    lines.ensure_credential(line=line, asker=ASKER, now=timezone.now())

    assert lines.deciding_credential(line=line, now=timezone.now()) is None
    assert Credential.objects.count() == 1


def test_a_number_is_kept_as_it_is_dialled(account: Account) -> None:
    line = make(account)

    attach(line)

    line.refresh_from_db()
    assert (line.vapi_phone_number_id, line.phone_number) == (ID, "+12125550100")
    assert kinds()[-1] == "line.number_attached"


@pytest.mark.parametrize(
    ("number_id", "number"), [("", "+12125550100"), ("a b", "+12125550100"), (ID, "555"), (ID, "call me")]
)
def test_what_is_no_id_or_number_is_refused(account: Account, number_id: str, number: str) -> None:
    line = make(account)

    with pytest.raises(errors.Invalid):
        attach(line, number_id, number)

    line.refresh_from_db()
    assert line.vapi_phone_number_id is None


@pytest.mark.parametrize(("number_id", "number"), [(ID, "+12125550101"), (OTHER_ID, "+12125550100")])
def test_two_lines_never_share_a_number(account: Account, number_id: str, number: str) -> None:
    attach(make(account))
    other = make(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))

    with pytest.raises(errors.Invalid):
        attach(other, number_id, number)

    assert other.vapi_phone_number_id is None
    assert kinds().count("line.number_attached") == 1


def test_a_line_out_of_use_gives_up_its_number_within_the_practice_only(account: Account) -> None:
    first, second = make(account), make(account, "Second")
    attach(first)
    lines.deactivate(line=first, asker=ASKER)
    stranger = make(Account.objects.create(name="Birch Dental", time_zone="America/Chicago"))

    with pytest.raises(errors.Invalid):
        attach(stranger)
    attach(second)

    first.refresh_from_db()
    assert (first.vapi_phone_number_id, first.phone_number) == (None, None)


def test_an_assistant_comes_and_goes(account: Account) -> None:
    line = make(account)

    lines.attach_assistant(line=line, assistant_id=ID, asker=ASKER)
    with pytest.raises(errors.Invalid):
        lines.attach_assistant(line=make(account, "Second"), assistant_id=ID, asker=ASKER)
    lines.detach_assistant(line=line, asker=ASKER)

    line.refresh_from_db()
    assert line.vapi_assistant_id is None


def test_a_line_is_taken_out_of_use_once(account: Account) -> None:
    line = make(account)

    for _ in range(2):
        lines.deactivate(line=line, asker=ASKER)

    assert not line.is_active
    assert kinds().count("line.deactivated") == 1
