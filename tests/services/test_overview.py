"""Is it working? One light, and every reason that it is not green."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import baa
from accounts.models import Account
from pms.domain.clock import SystemClock
from pms.models import AppointmentType, Booking, Call, Credential, PmsIntegration, Provisioning, VoiceLine
from pms.services import health, overview, worker
from pms.services.overview import Standing
from pms.services.overview_words import REASONS, Light
from tests.services.conftest import Hold, hold
from tests.services.people import call, task

__all__ = ["hold"]


@pytest.fixture
def well(practice: Account) -> Account:
    """A practice where all is well."""
    now = timezone.now()
    worker.note_seen(now=now)
    PmsIntegration.objects.update(last_sync_at=now, checked_at=now, office_offline_at=None)
    return practice


def look(account: Account) -> Standing:
    account.refresh_from_db()
    return overview.standing(account=account, clock=SystemClock())


def codes(account: Account) -> list[str]:
    return [reason.code for reason in look(account).reasons]


def integration(**changes: Any) -> Callable[[Settings, pytest.MonkeyPatch], None]:
    return lambda _settings, _patch: PmsIntegration.objects.update(**changes) and None


def line(**changes: Any) -> Callable[[Settings, pytest.MonkeyPatch], None]:
    return lambda _settings, _patch: VoiceLine.objects.update(**changes) and None


def provisioning(**changes: Any) -> Callable[[Settings, pytest.MonkeyPatch], None]:
    return lambda _settings, _patch: Provisioning.objects.create(line=VoiceLine.objects.get(), **changes) and None


def no_agreement(_settings: Settings, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(baa, "is_accepted", lambda _account: False)


def paused(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    Account.objects.update(is_paused=True)


def silent(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    worker.note_seen(now=timezone.now() - timedelta(hours=1))


def circuit_open(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    until = int(timezone.now().timestamp()) + 60
    caches["limits"].set(f"circuit:{PmsIntegration.objects.get().pk}:state", until * 10 + 1, 60)


def old_copy(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    PmsIntegration.objects.update(last_sync_at=timezone.now() - timedelta(days=3))


def no_line(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    Credential.objects.all().delete()
    VoiceLine.objects.all().delete()


def no_key(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    Credential.objects.update(revoked_at=timezone.now())


def booking_off(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    row = PmsIntegration.objects.get()
    row.features = {**(row.features or {}), "booking": False}
    row.save()


def no_online_booking(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    row = PmsIntegration.objects.get()
    row.config = {**(row.config or {}), "allowOnlineBooking": False}
    row.save()


def nothing_given(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    AppointmentType.objects.update(mode="OFF")


def nobody_gives_it(_settings: Settings, _patch: pytest.MonkeyPatch) -> None:
    AppointmentType.objects.update(mode="DIRECT", resources=[])


SPOILED: list[tuple[str, Callable[[Settings, pytest.MonkeyPatch], None]]] = [
    ("agreement_missing", no_agreement),
    ("not_connected", integration(status="SETUP_REQUIRED")),
    ("not_connected", integration(status="INACTIVE")),
    ("credentials_rejected", integration(status="ERROR", last_error="credentials_rejected")),
    ("another_practice", integration(status="ERROR", last_error="upstream_invalid")),
    ("circuit_open", circuit_open),
    ("office_offline", integration(office_offline_at=timezone.now())),
    ("copy_too_old", old_copy),
    ("copy_of_unknown_age", integration(last_sync_at=None)),
    ("worker_silent", silent),
    ("no_line", no_line),
    ("line_off", line(is_active=False)),
    ("line_unattached", line(vapi_assistant_id=None, vapi_phone_number_id=None, phone_number=None)),
    ("line_closed", no_key),
    ("provisioning_failed", provisioning(state="FAILED")),
    ("provisioning_waits", provisioning(state="DONE", needs_credential_id=True)),
    ("provisioning_runs", provisioning(state="QUEUED")),
    ("paused", paused),
    ("booking_off", booking_off),
    ("booking_off", no_online_booking),
    ("nothing_to_book", nothing_given),
    ("nothing_to_book", nobody_gives_it),
]


def test_where_all_is_well_the_light_is_green(well: Account) -> None:
    found = look(well)

    assert (found.light, found.reasons, found.headline) == (Light.GREEN, (), "Everything is working.")
    assert (found.is_sandbox, found.is_paused, found.lines) == (True, False, (("Main number", "+12125550100"),))


@pytest.mark.parametrize(("code", "spoil"), SPOILED, ids=[f"{code}-{n}" for n, (code, _) in enumerate(SPOILED)])
@pytest.mark.whole
def test_each_thing_that_is_wrong_is_told_alone(
    well: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch, code: str, spoil: Callable[..., None]
) -> None:
    spoil(settings, monkeypatch)

    found = look(well)

    assert [reason.code for reason in found.reasons] == [code]
    assert found.light == REASONS[code].light
    assert found.headline != "Everything is working."


def test_no_reason_is_without_a_test() -> None:
    assert {code for code, _ in SPOILED} == set(REASONS)


def test_the_worst_comes_first_and_gives_the_light(well: Account) -> None:
    Account.objects.update(is_paused=True)
    Credential.objects.update(revoked_at=timezone.now())

    found = look(well)

    assert [reason.code for reason in found.reasons] == ["line_closed", "paused"]
    assert found.light == Light.RED


def test_a_pause_is_not_called_working(well: Account) -> None:
    Account.objects.update(is_paused=True)

    assert look(well).headline == "The agent is paused."


def test_a_practice_with_nothing_at_all_is_told_where_to_begin(db: None) -> None:
    empty = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    worker.note_seen(now=timezone.now())

    found = look(empty)

    assert [reason.code for reason in found.reasons] == ["agreement_missing", "not_connected", "no_line"]
    assert (found.system, found.data_age, found.is_sandbox) == ("", "", False)
    assert (found.data_as_of, found.last_call_at, found.last_booking_at) == (None, None, None)


def test_another_practice_s_troubles_are_not_this_one_s(well: Account) -> None:
    other = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
    call(other)
    task(other)

    found = look(well)

    assert (found.light, found.open_tasks, found.last_call_at) == (Light.GREEN, 0, None)


def test_the_last_call_and_booking_are_real_ones(well: Account, hold: Hold) -> None:
    real = call(well, ago=30)
    call(well, ago=1, is_test=True)
    booking = hold()
    Booking.objects.update(state="CONFIRMED")
    Booking.objects.filter(pk=hold(120, patient_id="1010").pk).update(state="FAILED")

    found = look(well)

    assert (found.last_call_at, found.last_booking_at) == (real.started_at, booking.created_at)
    assert str(found.last_call_at.tzinfo) == "America/New_York" if found.last_call_at else False


def test_what_a_test_call_has_booked_is_no_last_booking(well: Account, hold: Hold) -> None:
    hold()
    Booking.objects.update(state="CANCELLED", call=call(well, is_test=True))

    assert look(well).last_booking_at is None


def test_how_old_the_data_is_is_rounded_as_people_do(well: Account) -> None:
    PmsIntegration.objects.update(last_sync_at=timezone.now() - timedelta(minutes=12, seconds=5))

    assert look(well).data_age == "12 minutes"


def test_an_account_s_credential_opens_a_line_without_one_of_its_own(well: Account) -> None:
    Credential.objects.update(line=None)

    assert codes(well) == []


def test_looking_costs_the_same_however_much_there_is_and_asks_nobody(
    well: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "check", lambda _access: pytest.fail("the practice's system was asked"))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as made:
            overview.standing(account=well, clock=SystemClock())
        counts.append(len(made))
        for _ in range(10):
            task(well, call=call(well))

    assert counts[0] == counts[1]
    assert Call.objects.count() == 20
