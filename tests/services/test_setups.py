"""Choosing a system, typing what opens it, and coming back: what is kept, what is shown, and who overwrites whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import Account
from pms.domain import errors
from pms.models import CheckState, PmsIntegration, SecurityEvent, Setup
from pms.providers import registry
from pms.providers.base import CredentialField
from pms.providers.sikka.service import SikkaService
from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_KEY
from pms.services import integrations, setup_drafts, setups
from pms.services.setups import ChangedMeanwhile
from tests.conftest import use_sandbox
from tests.practice import agreed
from tests.services.setting_up import MINE, Manager, row
from tests.talking import SetClock


class OtherService(SikkaService):
    """A second system that can be connected."""

    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("apiKey", "API key", "From Kolla's portal.", secret=True),
    )


@pytest.fixture
def account(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """A practice that has agreed, at a platform without keys of its own."""
    use_sandbox(settings, sandbox)
    base = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]["baseUrl"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {"baseUrl": base, "applicationId": "", "secretKey": ""}}
    return agreed(Account.objects.create(name="Alder Dental", time_zone="America/New_York"))


@pytest.fixture
def mona(account: Account) -> Manager:
    return Manager(account)


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another system has an adapter too."""
    known = dict(registry._SERVICES)
    monkeypatch.setattr(registry, "_SERVICES", known | {"KOLLA": f"{__name__}.OtherService"})
    registry.service_class.cache_clear()
    yield
    registry.service_class.cache_clear()


# How far it is


def test_a_new_practice_begins_at_the_first_step_and_reading_leaves_nothing_behind(mona: Manager) -> None:
    seen = mona.read()

    assert (seen.furthest, seen.provider, seen.version, seen.kept) == (1, "", 0, frozenset())
    assert (seen.check_state, seen.fields, seen.changed_by) == (CheckState.NONE, (), "")
    assert not Setup.objects.exists()


def test_each_step_opens_the_next(mona: Manager) -> None:
    furthest = [mona.choose().furthest, mona.type().furthest, mona.check().furthest]

    done = setups.mark_features_done(account=mona.account, user=mona.user, clock=mona.clock)

    assert [*furthest, done.furthest] == [2, 3, 4, 5]
    assert done.features_at is not None
    assert (done.is_connected, done.is_draft, done.practice_name) == (True, False, "Alder Dental")


def test_the_last_step_is_not_reached_without_a_connection(mona: Manager) -> None:
    mona.choose()

    with pytest.raises(errors.SetupRequired):
        setups.mark_features_done(account=mona.account, user=mona.user, clock=mona.clock)


def test_a_connection_that_was_made_elsewhere_counts(practice: Account) -> None:
    seen = setups.read(account=practice)

    assert (seen.provider, seen.furthest, seen.is_connected) == ("SIKKA", 4, True)
    assert seen.kept == {"practiceId"}
    assert set(seen.set_on) == {"practiceId"}


def test_whoever_goes_on_at_another_computer_finds_everything_there(mona: Manager) -> None:
    mona.choose()
    mona.type()

    elsewhere = setups.read(account=mona.account)

    assert elsewhere == mona.seen
    assert elsewhere.kept == set(MINE)
    assert elsewhere.is_draft


# What is shown


def test_a_secret_is_never_shown_only_that_it_is_there_and_since_when(mona: Manager) -> None:
    mona.choose()
    seen = mona.type()

    assert seen.shown == {name: value for name, value in MINE.items() if name != "secretKey"}
    assert APP_KEY not in repr(seen)
    assert abs(seen.set_on["secretKey"] - mona.clock.now()) < timedelta(seconds=10)


def test_a_secret_in_use_is_there_since_it_was_put_to_use(mona: Manager) -> None:
    seen = mona.connect(MINE)

    used = SecurityEvent.objects.get(kind="integration.created").created_at
    assert not seen.is_draft
    assert seen.set_on == dict.fromkeys(MINE, used)
    assert APP_KEY not in repr(seen)


def test_only_what_the_practice_has_to_give_is_asked_for(mona: Manager, sandbox: Sandbox, settings: Settings) -> None:
    before = [field.name for field in mona.choose().fields]
    use_sandbox(settings, sandbox)

    after = [field.name for field in mona.read().fields]

    assert (before, after) == (["applicationId", "secretKey", "practiceId"], ["practiceId"])


def test_what_was_typed_is_sealed_and_in_no_evidence(mona: Manager) -> None:
    mona.choose()
    mona.type({**MINE, "practiceId": "D10001-canary"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT draft FROM setups")
        raw = bytes(cursor.fetchone()[0])
    events = list(SecurityEvent.objects.values())
    assert APP_KEY.encode() not in raw
    assert b"canary" not in raw
    assert not any(secret in repr(events) for secret in (APP_KEY, "canary"))


def test_a_draft_whose_key_is_gone_has_to_be_typed_again(mona: Manager) -> None:
    mona.choose()
    mona.type()
    Setup.objects.update(draft=b"1.gone.nothing")

    assert (mona.read().kept, mona.seen.furthest) == (frozenset(), 2)
    assert mona.type().kept == set(MINE)


# What is accepted

WRONG: dict[str, tuple[dict[str, object], set[str]]] = {
    "nothing": ({"secretKey": ""}, set(MINE)),
    "blanks": ({**MINE, "practiceId": "  "}, {"practiceId"}),
    "a line break": ({**MINE, "secretKey": "a\r\nX: y"}, {"secretKey"}),
    "letters that no header holds": ({**MINE, "secretKey": "ключ"}, {"secretKey"}),
    "too much": ({**MINE, "applicationId": "x" * 501}, {"applicationId"}),
    "no text": ({**MINE, "applicationId": ["x"]}, {"applicationId"}),
}


@pytest.mark.parametrize(("typed", "fields"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_named_by_its_field(mona: Manager, typed: dict[str, object], fields: set[str]) -> None:
    mona.choose()

    with pytest.raises(errors.Invalid) as caught:
        mona.type(typed)

    assert set(caught.value.fields) == fields
    assert "ключ" not in repr(caught.value.fields)
    assert row(mona.account).draft is None


def test_what_is_left_empty_keeps_what_was_typed_before(mona: Manager) -> None:
    mona.choose()
    mona.type()

    mona.type(secretKey="", practiceId="D20002")

    draft = setup_drafts.of(row(mona.account), "SIKKA")
    assert draft is not None
    assert draft.values == {**MINE, "practiceId": "D20002"}


def test_what_is_left_empty_keeps_also_what_is_in_use(mona: Manager) -> None:
    mona.connect(MINE)
    since = mona.seen.set_on["secretKey"]
    mona.clock = SetClock.later(minutes=5)

    seen = mona.type(practiceId="D20002")

    assert (seen.is_draft, seen.shown["practiceId"]) == (True, "D20002")
    assert seen.set_on["secretKey"] == since < seen.set_on["practiceId"]
    assert mona.check().practice_name == "Birch Dental"


def test_saving_without_a_change_changes_nothing(mona: Manager) -> None:
    mona.connect(MINE)
    version = mona.seen.version

    seen = mona.type(secretKey="")

    assert (seen.version, seen.is_draft, seen.check_state) == (version, False, CheckState.PASSED)


def test_other_fields_than_the_providers_are_dropped(mona: Manager) -> None:
    mona.choose()

    assert mona.type(MINE, baseUrl="http://127.0.0.1:1").kept == set(MINE)


def test_credentials_come_after_the_system(mona: Manager) -> None:
    with pytest.raises(errors.SetupRequired):
        mona.type()


@pytest.mark.parametrize("provider", ["KOLLA", "CUSTOM", "", "sikka"])
def test_a_system_that_cannot_be_connected_cannot_be_chosen(mona: Manager, provider: str) -> None:
    with pytest.raises(errors.NotSupported):
        mona.choose(provider)

    assert not Setup.objects.exists()


# The agreement


@pytest.mark.usefixtures("account")
class TestWithoutAnAgreement:
    @pytest.fixture
    def nadia(self) -> Manager:
        return Manager(Account.objects.create(name="Cedar Dental", time_zone="America/Chicago"), "Nadia Newcomer")

    def test_no_credentials_are_taken(self, nadia: Manager) -> None:
        nadia.choose()

        with pytest.raises(errors.BaaRequired):
            nadia.type()

        assert row(nadia.account).draft is None

    def test_nothing_is_checked(self, nadia: Manager) -> None:
        nadia.choose()

        with pytest.raises(errors.BaaRequired):
            nadia.ask()


# Two people


def test_two_people_do_not_overwrite_each_other(mona: Manager) -> None:
    mona.choose()
    otto = Manager(mona.account, "Otto Other")
    mona.type()

    with pytest.raises(ChangedMeanwhile) as caught:
        otto.type({**MINE, "practiceId": "D20002"})

    changed = caught.value
    assert (changed.who, changed.code) == ("Mona Manager", "idempotency_conflict")
    assert changed.when == row(mona.account).changed_at
    assert mona.read().shown["practiceId"] == "D10001"


def test_whoever_looks_again_may_change_it(mona: Manager) -> None:
    mona.choose()
    otto = Manager(mona.account, "Otto Other")
    mona.type()
    otto.read()

    seen = otto.type(practiceId="D20002")

    assert (seen.shown["practiceId"], seen.changed_by) == ("D20002", "Otto Other")


def test_of_two_who_save_at_the_same_moment_one_is_told(mona: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    mona.choose()
    otto = Manager(mona.account, "Otto Other")
    original = setups._record

    def overtaken(*args: Any, **detail: Any) -> None:
        original(*args, **detail)
        monkeypatch.setattr(setups, "_record", original)
        otto.type()

    monkeypatch.setattr(setups, "_record", overtaken)

    with pytest.raises(ChangedMeanwhile) as caught:
        mona.type({**MINE, "practiceId": "D20002"})

    assert caught.value.who == "Otto Other"
    assert otto.read().shown["practiceId"] == "D10001"


def test_a_page_that_names_no_version_changes_nothing(mona: Manager) -> None:
    mona.choose()

    with pytest.raises(ChangedMeanwhile):
        setups.choose_provider(provider="SIKKA", version=-1, **mona.by)


# Another system


@pytest.mark.usefixtures("second")
class TestAnotherSystem:
    def test_finds_nothing_of_the_first_ones_keys(self, mona: Manager) -> None:
        mona.choose()
        mona.type()

        seen = mona.choose("KOLLA")

        assert (seen.furthest, seen.kept, [field.name for field in seen.fields]) == (2, frozenset(), ["apiKey"])

    def test_leaves_what_was_typed_for_the_first_one(self, mona: Manager) -> None:
        mona.choose()
        mona.type()
        mona.choose("KOLLA")
        mona.type(apiKey="another-key")

        seen = mona.choose("SIKKA")

        drafts = {name: setup_drafts.of(row(mona.account), name) for name in ("SIKKA", "KOLLA")}
        assert (seen.furthest, seen.kept) == (3, frozenset(MINE))
        assert {name: dict(draft.values) for name, draft in drafts.items() if draft} == {
            "SIKKA": MINE,
            "KOLLA": {"apiKey": "another-key"},
        }

    def test_is_no_other_one_when_it_is_the_same(self, mona: Manager) -> None:
        mona.choose()
        version = mona.seen.version

        assert mona.choose().version == version

    def test_in_place_of_a_connection_in_use_leaves_that_alone(self, mona: Manager) -> None:
        mona.connect(MINE)

        mona.choose("KOLLA")

        assert integrations.active_for(account=mona.account).provider == "SIKKA"


# Evidence


def test_each_change_leaves_an_event_with_whoever_made_it(mona: Manager) -> None:
    mona.choose()
    mona.type()
    mona.type(practiceId="D20002")
    mona.ask()

    events = list(SecurityEvent.objects.filter(kind__startswith="setup.").order_by("seq"))
    assert [(one.kind, one.detail.get("fields")) for one in events] == [
        ("setup.provider_chosen", None),
        ("setup.credentials_kept", "applicationId practiceId secretKey"),
        ("setup.credentials_kept", "practiceId"),
        ("setup.check_asked", None),
    ]
    assert {(one.actor, one.account_id) for one in events} == {(f"user:{mona.user.pk}", mona.account.pk)}


def test_another_practice_sees_nothing_of_it(mona: Manager) -> None:
    mona.connect(MINE)
    birch = Account.objects.create(name="Birch Dental", time_zone="America/Chicago")

    seen = setups.read(account=birch)

    assert (seen.furthest, seen.kept, seen.practice_name) == (1, frozenset(), "")
    assert PmsIntegration.objects.count() == 1
