"""A practice's connection over time: what a new setup changes, what a failed one leaves, and what is imported."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import AppointmentType, BookingMode, ConnectionStatus, PmsIntegration, PmsToken, Provider, SecurityEvent
from pms.providers.base import Capability
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import connecting, integrations
from pms.services.audit import Asker
from pms.tools import runner
from tests.conftest import Sim
from tests.practice import live_call, voice_request
from tests.talking import asked_of_the_pms, quiet_day, together

ASKER = Asker(actor="user:test", endpoint="test", method="TEST")
MINE = {"applicationId": APP_ID, "secretKey": APP_KEY, "practiceId": "D10001"}


def connect(account: Account, *, clock: Any = None, zone: str = "", **changes: Any) -> PmsIntegration:
    """Connect a practice; ``changes`` are credentials, ``config`` or ``features``."""
    config, features = changes.pop("config", {}), changes.pop("features", {})
    return connecting.connect(
        account=account,
        provider="SIKKA",
        credentials={**MINE, **changes},
        config=config,
        features=features,
        asker=ASKER,
        clock=clock or SystemClock(),
        time_zone=zone,
    )


def kinds_of_events() -> list[str]:
    found = SecurityEvent.objects.filter(kind__startswith="integration.").order_by("created_at", "seq")
    return list(found.values_list("kind", flat=True))


@pytest.fixture
def fresh(practice: Account) -> Account:
    """Another practice, which is to be connected in place of the one that is."""
    integrations.deactivate(integration=practice.integrations.get())
    return Account.objects.create(name="Birch Dental", time_zone="America/New_York")


# A failed setup


BROKEN: dict[str, tuple[dict[str, Any], type[errors.ParlaeError]]] = {
    "a wrong key": ({"secretKey": "an-invented-key"}, errors.CredentialsRejected),
    "another office": ({"practiceId": "D99999"}, errors.CredentialsRejected),
    "several locations": ({"practiceId": "D30003"}, errors.LocationRequired),
    "no office": ({"practiceId": " "}, errors.Invalid),
}


@pytest.mark.parametrize(("typed", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_a_failed_setup_loses_nothing_of_a_connection_that_works(
    practice: Account, typed: dict[str, str], error: type[errors.ParlaeError]
) -> None:
    before, token = PmsIntegration.objects.values().get(), PmsToken.objects.values().get()

    with pytest.raises(error):
        connect(practice, **typed, zone="America/Chicago", config={"stepMinutes": 5}, features={"booking": False})

    assert PmsIntegration.objects.values().get() == before
    assert PmsToken.objects.values().get() == token
    assert Account.objects.get().time_zone == "America/New_York"


def test_callers_are_served_while_a_setup_fails(practice: Account, sim: Sim) -> None:
    served = threading.Event()

    class Clock(SystemClock):
        """Lets a caller ask while the new credentials are tried."""

        def monotonic(self) -> float:
            if not served.is_set():
                served.set()
                outcomes.append(ask(practice))
            return super().monotonic()

    outcomes: list[str] = []
    with pytest.raises(errors.CredentialsRejected):
        connect(practice, clock=Clock(), secretKey="an-invented-key")

    assert [*outcomes, ask(practice)] == ["ok", "ok"]


def ask(practice: Account) -> str:
    arguments = {"date": quiet_day().isoformat(), "appointmentType": "Cleaning"}
    request = voice_request(live_call(practice))
    return runner.run(name="checkAvailability", arguments=arguments, request=request).outcome


def test_a_connection_that_was_refused_after_it_had_worked_is_kept_for_the_vendor_to_come_round(
    practice: Account,
) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.ERROR, last_error="credentials_rejected")
    with pytest.raises(errors.CredentialsRejected):
        connect(practice, secretKey="an-invented-key")
    PmsIntegration.objects.update(updated_at=timezone.now() - timedelta(minutes=11))

    assert connecting.recheck_rejected(clock=SystemClock()) == 1

    stored = PmsIntegration.objects.get()
    assert (stored.status, integrations.reveal(integration=stored)) == (
        ConnectionStatus.ACTIVE,
        {"practiceId": "D10001"},
    )


def test_a_later_setup_that_fails_takes_the_place_of_an_earlier_one_that_failed(fresh: Account) -> None:
    for key in ("an-invented-key", "another-invented-key"):
        with pytest.raises(errors.CredentialsRejected):
            connect(fresh, secretKey=key)

    stored = fresh.integrations.get()
    assert integrations.reveal(integration=stored)["secretKey"] == "another-invented-key"
    assert (stored.status, stored.metadata) == (ConnectionStatus.ERROR, None)


def test_the_credentials_of_a_practice_that_was_never_connected_are_not_tried_again_by_a_job(
    fresh: Account, sim: Sim
) -> None:
    with pytest.raises(errors.CredentialsRejected):
        connect(fresh, secretKey="an-invented-key")
    fresh.integrations.update(updated_at=timezone.now() - timedelta(minutes=11))
    sim("DELETE", "requests")

    assert connecting.recheck_rejected(clock=SystemClock()) == 0

    assert asked_of_the_pms(sim) == []


# Again by itself


def test_a_connection_that_comes_back_can_do_what_it_can_do_now(practice: Account, sim: Sim) -> None:
    sim("POST", "config", scope=["practices", "providers", "operatories", "appointments"])
    sim("POST", "expire_key", office_id="D10001")
    PmsIntegration.objects.update(
        status=ConnectionStatus.ERROR,
        last_error="credentials_rejected",
        updated_at=timezone.now() - timedelta(minutes=11),
    )

    connecting.recheck_rejected(clock=SystemClock())

    metadata = PmsIntegration.objects.get().metadata
    assert metadata is not None
    assert metadata["capabilities"] == [Capability.READ_APPOINTMENTS, Capability.READ_SCHEDULE]


def test_a_connection_does_not_come_back_beside_another_one(practice: Account) -> None:
    PmsIntegration.objects.update(
        status=ConnectionStatus.ERROR,
        last_error="credentials_rejected",
        updated_at=timezone.now() - timedelta(minutes=11),
    )
    other = PmsIntegration.objects.create(
        account=practice, provider=Provider.KOLLA, credentials=b"sealed", status=ConnectionStatus.ACTIVE
    )

    assert connecting.recheck_rejected(clock=SystemClock()) == 0

    assert PmsIntegration.objects.get(status=ConnectionStatus.ACTIVE).pk == other.pk


@pytest.mark.django_db(transaction=True)
def test_a_test_of_credentials_that_were_replaced_meanwhile_switches_nothing_on(
    practice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.ERROR, last_error="credentials_rejected")
    original = connecting._tested

    def replaced(*args: Any, **named: Any) -> Any:
        found = original(*args, **named)
        integrations.store(account=practice, provider="SIKKA", credentials=MINE, config={}, features={})
        return found

    monkeypatch.setattr(connecting, "_tested", replaced)

    with pytest.raises(errors.StillWorking):
        connecting.retest(account=practice, asker=ASKER, clock=SystemClock())

    assert PmsIntegration.objects.get().status == ConnectionStatus.SETUP_REQUIRED


# What a setup keeps


def test_settings_that_are_not_named_stay_as_they_are(practice: Account) -> None:
    before = practice.integrations.get()

    after = connect(practice, config={"minNoticeMinutes": 60}, features={"payments": False})

    assert before.config is not None
    assert after.config == {**before.config, "minNoticeMinutes": 60}
    assert after.features == {**(before.features or {}), "payments": False}
    assert Account.objects.get().time_zone == "America/New_York"


def test_settings_move_along_to_another_vendor(fresh: Account) -> None:
    switches = dict.fromkeys(integrations.FEATURES, False)
    old = PmsIntegration.objects.create(
        account=fresh,
        provider=Provider.KOLLA,
        credentials=b"sealed",
        status=ConnectionStatus.ACTIVE,
        config={"stepMinutes": 20},
        features=switches,
    )

    new = connect(fresh, features={"booking": True})

    old.refresh_from_db()
    assert (new.config, new.features) == ({"stepMinutes": 20}, {**switches, "booking": True})
    assert old.status == ConnectionStatus.INACTIVE
    assert kinds_of_events()[-2:] == ["integration.created", "integration.deactivated"]


def test_what_was_set_while_the_vendor_was_asked_is_kept(practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    original = connecting._tested

    def set_meanwhile(*args: Any, **named: Any) -> Any:
        found = original(*args, **named)
        PmsIntegration.objects.update(config={"maxAdvanceDays": 30})
        return found

    monkeypatch.setattr(connecting, "_tested", set_meanwhile)

    assert connect(practice, config={"stepMinutes": 10}).config == {"maxAdvanceDays": 30, "stepMinutes": 10}


def test_the_first_caller_after_a_setup_waits_for_no_key(practice: Account, sim: Sim) -> None:
    connect(practice)
    sim("DELETE", "requests")

    assert ask(practice) == "ok"

    assert ("POST", "/request_key") not in asked_of_the_pms(sim)


# What is imported


def test_the_kinds_that_the_pms_tells_are_imported_switched_off_and_on_request(fresh: Account) -> None:
    connect(fresh)

    found = AppointmentType.objects.filter(account=fresh).order_by("position")
    assert {"Cleaning", "Crown Prep"} <= {kind.name for kind in found}
    assert all(kind.pms_value for kind in found)
    assert {(kind.mode, kind.is_active, str(kind.resources)) for kind in found} == {(BookingMode.REQUEST, False, "[]")}
    assert [kind.position for kind in found] == list(range(len(found)))


def test_what_staff_have_made_of_a_kind_stays(fresh: Account) -> None:
    connect(fresh)
    cleaning = AppointmentType.objects.get(account=fresh, name="Cleaning")
    AppointmentType.objects.filter(pk=cleaning.pk).update(
        name="Hygiene visit", duration_minutes=50, mode=BookingMode.DIRECT, is_active=True
    )
    before = list(AppointmentType.objects.filter(account=fresh).order_by("pk").values())

    connect(fresh)

    assert list(AppointmentType.objects.filter(account=fresh).order_by("pk").values()) == before


def test_a_kind_of_the_same_name_is_not_made_twice(fresh: Account) -> None:
    AppointmentType.objects.create(account=fresh, name="CLEANING", duration_minutes=45)

    connect(fresh)

    own = AppointmentType.objects.filter(account=fresh, name__iexact="cleaning").get()
    assert (own.name, own.pms_value, own.duration_minutes) == ("CLEANING", "", 45)


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 200}, {"status": 500}, {"status": 400}])
def test_a_practice_is_connected_also_without_the_list_of_kinds(
    fresh: Account, sim: Sim, fault: dict[str, Any]
) -> None:
    sim("POST", "fail", path="/v4/practice_variables", times=9, **fault)

    assert connect(fresh).status == ConnectionStatus.ACTIVE

    assert not AppointmentType.objects.filter(account=fresh).exists()


def test_nothing_is_asked_that_the_key_does_not_open(fresh: Account, sim: Sim) -> None:
    sim("POST", "config", scope=["practices", "patients"])
    sim("DELETE", "requests")

    connect(fresh)

    assert "/practice_variables" not in [path for _, path in asked_of_the_pms(sim)]


# Two at once


@pytest.mark.django_db(transaction=True)
def test_a_setup_that_fails_beside_one_that_works_breaks_nothing(
    fresh: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = fresh
    original, gate = connecting._tested, threading.Barrier(2)

    def tested(*args: Any, **named: Any) -> Any:
        gate.wait(20)  # both have begun, so neither knows of a connection that works
        return original(*args, **named)

    monkeypatch.setattr(connecting, "_tested", tested)

    def attempt(key: str) -> Callable[[], str]:
        def work() -> str:
            try:
                return connect(account, secretKey=key).status
            except errors.CredentialsRejected as error:
                return error.code

        return work

    ended = together(attempt(APP_KEY), attempt("an-invented-key"))

    stored = account.integrations.get()
    assert ended == ["ACTIVE", "credentials_rejected"]
    assert stored.status == ConnectionStatus.ACTIVE
    assert integrations.reveal(integration=stored) == MINE
