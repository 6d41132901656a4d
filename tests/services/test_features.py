"""What the agent may do: the switches, what a connection can do of each, and who has changed them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import Account
from pms.domain import errors
from pms.models import PmsIntegration, SecurityEvent
from pms.providers.base import Capability
from pms.services import audit, feature_words, features, integrations
from pms.services.audit import Asker
from pms.services.features import Ability, Feature
from pms.tools.registry import TOOLS
from tests.talking import Caller

ASKER = Asker(actor="user:mona", endpoint="/setup/features/", method="POST", ip_address="203.0.113.9")
ALL_ON = dict.fromkeys(integrations.FEATURES, True)


def by_name(account: Account) -> dict[str, Feature]:
    return {one.name: one for one in features.read(account=account).features}


def switched(account: Account) -> dict[str, bool]:
    return {name: one.is_on for name, one in by_name(account).items()}


def can(account: Account, *capabilities: Capability) -> None:
    """Have a connection that can do only this."""
    integration = account.integrations.get()
    integration.metadata = {**(integration.metadata or {}), "capabilities": sorted(capabilities)}
    integration.save()


def change(account: Account, payments: str = "", version: str = "", **switches: bool) -> None:
    features.change(account=account, switches=switches, asker=ASKER, voice_payments=payments, version=version)


def events() -> list[dict[str, object]]:
    return list(SecurityEvent.objects.filter(kind="features.changed").order_by("seq").values_list("detail", flat=True))


@pytest.fixture
def alder(practice: Account) -> Account:
    """Alder Dental with everything switched on."""
    practice.integrations.update(features=ALL_ON)
    return practice


# What a connection can do


def test_every_feature_has_a_label_words_and_what_happens_instead(alder: Account) -> None:
    told = by_name(alder)

    assert list(told) == list(integrations.FEATURES) == list(feature_words.FEATURES)
    assert all(one.label and one.words for one in told.values())
    assert all(one.instead for one in feature_words.FEATURES.values())
    assert switched(alder) == ALL_ON


def test_what_no_practice_can_do_through_sikka_is_said(alder: Account) -> None:
    told = by_name(alder)

    assert {name: one.ability for name, one in told.items()} == {
        **dict.fromkeys(ALL_ON, Ability.ALL),
        "insurance": Ability.SOME,
    }
    assert told["insurance"].lacks == ("enter a new insurance",)
    assert "task for your team" in told["insurance"].instead
    assert told["booking"].why_not == told["booking"].instead == ""


ABLE: dict[str, tuple[set[Capability], dict[str, Ability]]] = {
    "reads only": (
        {Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.READ_PATIENTS, Capability.READ_BALANCE},
        {"booking": Ability.NONE, "newPatients": Ability.NONE, "notes": Ability.NONE, "payments": Ability.SOME},
    ),
    "books and cannot cancel": (
        {Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.BOOK_APPOINTMENT},
        {"booking": Ability.SOME, "insurance": Ability.NONE},
    ),
    "only adds notes": ({Capability.ADD_NOTE}, {"notes": Ability.SOME, "booking": Ability.NONE}),
    "nothing": (set(), dict.fromkeys(ALL_ON, Ability.NONE)),
}


@pytest.mark.parametrize(("able", "told"), ABLE.values(), ids=ABLE.keys())
def test_a_feature_is_as_good_as_its_connection(
    alder: Account, able: set[Capability], told: dict[str, Ability]
) -> None:
    can(alder, *able)

    found = by_name(alder)

    assert {name: found[name].ability for name in told} == told
    for one in found.values():
        assert bool(one.lacks) is bool(one.why_not) is bool(one.instead) is (one.ability is not Ability.ALL)


@pytest.mark.parametrize("name", integrations.FEATURES)
def test_the_parts_of_a_feature_are_what_its_tools_use(alder: Account, name: str) -> None:
    used = {tool.capability for tool in TOOLS.values() if tool.feature == name and tool.capability is not None}

    assert used <= feature_words.FEATURES[name].parts.keys()
    assert feature_words.FEATURES[name].needs <= feature_words.FEATURES[name].parts.keys()


def test_what_is_said_to_happen_instead_happens(alder: Account) -> None:
    can(alder, Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.READ_PATIENTS)
    caller = Caller(alder).verified()

    booked, noted = caller.book("09:00"), caller.use("addPatientNote", content="Prefers mornings.")

    assert booked.outcome == "not_supported"
    assert "take a message" in booked.say
    assert "left it for the team" in noted.say
    assert alder.tasks.filter(kind="please_add_note").exists()


def test_without_a_connection_there_is_nothing_to_switch(db: None) -> None:
    account = Account.objects.create(name="Cedar Dental", time_zone="America/Chicago")

    with pytest.raises(errors.SetupRequired):
        features.read(account=account)
    with pytest.raises(errors.SetupRequired):
        change(account, notes=False)


# Switching


def test_a_switch_counts_for_the_next_caller(alder: Account) -> None:
    caller, outcomes = Caller(alder), []
    for is_on in (True, False, True):
        change(alder, booking=is_on)
        outcomes.append(caller.use("checkAvailability", appointmentType="cleaning").outcome)

    assert outcomes == ["ok", "feature_disabled", "ok"]


def test_what_is_left_out_stays(alder: Account) -> None:
    change(alder, notes=False)
    change(alder, payments="ledger")

    assert switched(alder) == {**ALL_ON, "notes": False}
    assert features.read(account=alder).voice_payments == "ledger"


@pytest.mark.parametrize("was", [True, False, None])
def test_the_specs_own_switch_for_bookings_follows(alder: Account, was: bool | None) -> None:
    integration = alder.integrations.get()
    integration.config = {**(integration.config or {}), "allowOnlineBooking": was} if was is not None else {}
    integration.save()
    shown = switched(alder)["booking"]

    change(alder, booking=not shown)
    after = PmsIntegration.objects.get()

    assert shown is (was is not False)
    assert after.config is not None
    assert after.features is not None
    assert after.config["allowOnlineBooking"] is after.features["booking"] is switched(alder)["booking"] is not shown


def test_the_settings_of_the_connection_stay(alder: Account) -> None:
    before = alder.integrations.get().config or {}

    change(alder, payments="ledger", booking=False)

    assert alder.integrations.get().config == {**before, "voicePayments": "ledger", "allowOnlineBooking": False}


@pytest.mark.parametrize("changes", [{"switches": {"fax": True}}, {"voice_payments": "charge"}])
def test_what_there_is_not_cannot_be_chosen(alder: Account, changes: dict[str, object]) -> None:
    with pytest.raises(errors.Invalid):
        features.change(**{"account": alder, "switches": {}, "asker": ASKER, **changes})  # type: ignore[arg-type]

    assert switched(alder) == ALL_ON


# Two people, and evidence


def test_two_people_do_not_overwrite_each_other(alder: Account) -> None:
    read = features.read(account=alder).version
    change(alder, version=read, notes=False)

    with pytest.raises(errors.IdempotencyConflict):
        change(alder, version=read, payments="ledger", insurance=False)

    assert switched(alder) == {**ALL_ON, "notes": False}
    assert features.read(account=alder).voice_payments == "task"


def test_one_who_is_overtaken_while_saving_changes_nothing(alder: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    alder.integrations.update(features={**ALL_ON, "notes": False})
    overtaken = _first(features._record, lambda: alder.integrations.update(features={**ALL_ON, "payments": False}))
    monkeypatch.setattr(features, "_record", overtaken)

    with pytest.raises(errors.IdempotencyConflict):
        change(alder, notes=True, insurance=False)

    assert switched(alder) == {**ALL_ON, "payments": False}


def _first(then: Callable[..., None], first: Callable[[], object]) -> Callable[..., None]:
    def both(*args: object, **named: object) -> None:
        first()
        then(*args, **named)

    return both


def test_a_change_is_in_the_evidence_with_whoever_made_it(alder: Account) -> None:
    change(alder, booking=False, notes=False)
    change(alder, payments="ledger", notes=True, insurance=True)
    change(alder, insurance=True)

    event = SecurityEvent.objects.filter(kind="features.changed").first()
    assert events() == [{"off": "booking notes"}, {"on": "notes", "voicePayments": "ledger"}]
    assert event is not None
    assert (event.actor, event.ip_address, event.account_id) == (ASKER.actor, ASKER.ip_address, alder.pk)


def test_without_evidence_nothing_opens_and_what_was_closed_is_closed(
    alder: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(alder, notes=False)

    def unwritten(**_event: object) -> None:
        raise errors.Internal

    monkeypatch.setattr(audit, "record_event", unwritten)

    with pytest.raises(errors.Internal):
        change(alder, payments="ledger", notes=True, insurance=False)

    assert switched(alder) == {**ALL_ON, "notes": False, "insurance": False}
    assert features.read(account=alder).voice_payments == "task"
