"""Lines follow what has changed, whoever changed it, and only those that were set up before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts import baa, practices
from accounts.models import Account
from accounts.roles import Role
from pms.domain.clock import SystemClock
from pms.jobs import queue
from pms.models import PmsIntegration, Provisioning, ProvisioningState, VoiceLine
from pms.services import features, lines, policies, rules
from pms.services.audit import Asker
from tests.accounts.people import member

pytestmark = pytest.mark.django_db
ASKER = Asker(actor="user:1", endpoint="test", method="TEST")
DONE_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def account(practice: Account) -> Account:
    Provisioning.objects.create(line=practice.voice_lines.get(), state=ProvisioningState.DONE, done_at=DONE_AT)
    return practice


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(queue, "wake", names.append)
    return names


def _switch(account: Account) -> None:
    features.change(account=account, switches={"insurance": False}, asker=ASKER)


def _transfer(account: Account) -> None:
    policies.change(account=account, changes={"transfer_number": "+12125550177"}, asker=ASKER)


def _record(account: Account) -> None:
    policies.change(account=account, changes={"keeps_recordings": True}, asker=ASKER)


def _rename(account: Account) -> None:
    account.refresh_from_db()
    assert practices.change(None, account, {"name": "Cedar"}, version=practices.version_of(account))  # type: ignore[arg-type]


def _agree(account: Account) -> None:
    baa.accept(account, member(account, Role.OWNER).user, name="Ana Alder", title="Owner")


@pytest.mark.parametrize("change", [_switch, _transfer, _record, _rename, _agree])
def test_a_line_that_is_set_up_follows(
    change: Callable[[Account], Any],
    account: Account,
    woken: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change(account)
    row = Provisioning.objects.get()
    assert (row.state, bool(row.next_attempt_at), set(woken)) == (ProvisioningState.QUEUED, True, {"provision"})


def _days(account: Account) -> None:
    policies.change(account=account, changes={"keeps_days": 30}, asker=ASKER)


def _pause(account: Account) -> None:
    assert policies.pause(account=account, paused=True, asker=ASKER)


def _notice(account: Account) -> None:
    read = rules.read(account=account, clock=SystemClock())
    changes = {"settings": {"noticeMinutes": 45}, "version": read["version"]}
    rules.change(account=account, changes=changes, asker=ASKER, clock=SystemClock())


def _health(account: Account) -> None:
    PmsIntegration.objects.get(account=account).save(update_fields=["last_sync_at"])


@pytest.mark.parametrize("change", [_days, _pause, _notice, _health])
def test_what_vapi_is_not_told_wakes_nobody(
    change: Callable[[Account], Any],
    account: Account,
    woken: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change(account)
    assert (Provisioning.objects.get().state, woken) == (ProvisioningState.DONE, [])


def test_a_line_that_nobody_had_set_up_stays_as_it_is(
    account: Account, woken: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    Provisioning.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        _switch(account)
    assert (Provisioning.objects.count(), woken) == (0, [])


def test_a_line_out_of_use_and_another_practice_s_stay_as_they_are(
    account: Account, woken: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    lines.deactivate(line=account.voice_lines.get(), asker=ASKER)
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    line = VoiceLine.objects.create(account=other, label="Main")
    Provisioning.objects.create(line=line, state=ProvisioningState.DONE)
    with django_capture_on_commit_callbacks(execute=True):
        _transfer(account)
    assert set(Provisioning.objects.values_list("state", flat=True)) == {ProvisioningState.DONE}
    assert woken == []
