"""Warming: what most calls need first is read early, briefly and seldom, and no patient is among it."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Account
from pms.models import ConnectionStatus, PmsAuditLog, PmsCachedData, PmsIntegration, PmsToken
from pms.services import gateway, warming
from pms.services.audit import Asker
from tests import agreement
from tests.conftest import Sim
from tests.journeys.tenants import BIRCH_PRACTICE
from tests.practice import owner_is_now, seeded
from tests.talking import Caller, SetClock, asked_of_the_pms, together
from tests.vapi.conftest import logs

__all__ = ["logs"]

ASKER = Asker(actor="voice:test", endpoint="/api/pms/vapi/webhook", method="POST", vapi_call_id="call-1")
UNREACHABLE = "http://127.0.0.1:9/v4"


def warm(account: Account, **later: float) -> None:
    warming.warm(account=Account.objects.get(pk=account.pk), asker=ASKER, clock=SetClock.later(**later))


def accesses() -> int:
    return PmsAuditLog.objects.filter(action="warmUp").count()


def at(base_url: str, settings: Settings) -> None:
    keys = settings.PMS_PROVIDER_DEFAULTS["SIKKA"]
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**keys, "baseUrl": base_url}}


def a_minute_later() -> None:
    """Let the minute pass within which a connection is not warmed again."""
    warming.caches["limits"].clear()


@pytest.fixture(autouse=True)
def _no_minute_is_left(practice: Account) -> None:
    a_minute_later()


def test_the_token_people_rooms_and_hours_are_read_and_no_patient(practice: Account, sim: Sim) -> None:
    PmsToken.objects.all().delete()
    sim("DELETE", "requests")

    warm(practice)

    asked = {path for _, path in asked_of_the_pms(sim)}
    assert "/request_key" in asked
    assert not any("patient" in path or "appointment" in path for path in asked)
    assert set(PmsCachedData.objects.values_list("cache_type", flat=True)) == {"clinicians", "operatories", "schedules"}


def test_it_is_one_audited_access_without_patient_data(practice: Account) -> None:
    warm(practice)

    row = PmsAuditLog.objects.get(action="warmUp")
    assert (row.actor, row.vapi_call_id) == ("voice:test", "call-1")
    assert (row.phi_accessed, row.patient_id, row.success) == (False, None, True)


def test_the_first_question_about_times_finds_it_there(practice: Account, sim: Sim) -> None:
    warm(practice)
    sim("DELETE", "requests")

    result = Caller(practice).use("checkAvailability", appointmentType="cleaning")

    assert result.outcome == "ok"
    assert {path for _, path in asked_of_the_pms(sim)} == {"/appointments"}


def test_what_is_kept_is_not_read_again(practice: Account, sim: Sim) -> None:
    warm(practice)
    a_minute_later()
    sim("DELETE", "requests")

    warm(practice, minutes=14)

    assert (accesses(), asked_of_the_pms(sim)) == (1, [])


def test_what_has_expired_is_read_again(practice: Account) -> None:
    warm(practice)
    a_minute_later()

    warm(practice, minutes=16)

    assert accesses() == 2


def test_a_connection_is_warmed_once_a_minute_also_if_it_fails(practice: Account, settings: Settings) -> None:
    at(UNREACHABLE, settings)

    for _ in range(3):
        warm(practice)
    before = accesses()
    a_minute_later()
    warm(practice)

    assert (before, accesses()) == (1, 2)


def test_one_connection_s_minute_is_not_another_s(practice: Account) -> None:
    warm(practice)
    owner_is_now("owner@alder.example")
    birch = seeded(**BIRCH_PRACTICE)

    warm(birch)

    assert PmsAuditLog.objects.filter(action="warmUp", account_id=birch.pk).count() == 1


def paused(account: Account) -> None:
    Account.objects.update(is_paused=True)


def closed(account: Account) -> None:
    Account.objects.update(is_active=False)


def no_agreement(account: Account) -> None:
    agreement.withdraw()


def not_connected(account: Account) -> None:
    PmsIntegration.objects.update(status=ConnectionStatus.INACTIVE)


@pytest.mark.parametrize("change", [paused, closed, no_agreement, not_connected])
def test_a_practice_that_may_not_be_served_is_not_warmed(
    practice: Account, sim: Sim, change: Callable[[Account], None]
) -> None:
    change(practice)
    sim("DELETE", "requests")

    warm(practice)

    assert (accesses(), asked_of_the_pms(sim)) == (0, [])


def test_a_pms_that_cannot_be_reached_is_a_code_in_the_log(
    practice: Account, settings: Settings, logs: io.StringIO
) -> None:
    at(UNREACHABLE, settings)

    warm(practice)

    entries = [json.loads(text) for text in logs.getvalue().splitlines()]
    assert [entry["code"] for entry in entries if entry["event"] == "not warmed"] == ["pms_unavailable"]
    assert PmsAuditLog.objects.get(action="warmUp").success is False


def test_a_crash_is_logged_without_its_words(
    practice: Account, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(**asked: Any) -> None:
        raise RuntimeError("a canary")

    monkeypatch.setattr(gateway, "reading", reading)

    warm(practice)

    assert "warming crashed" in logs.getvalue()
    assert "canary" not in logs.getvalue()


def test_a_slow_pms_costs_three_seconds_at_most(practice: Account, sim: Sim) -> None:
    sim("POST", "config", latency=8, latency_path="*")
    started = time.monotonic()
    try:
        warm(practice)
    finally:
        sim("POST", "config", latency=0)

    assert time.monotonic() - started < warming.BUDGET_SECONDS + 3
    assert accesses() == 1


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_begin_at_once_one_warms(practice: Account) -> None:
    together(*[lambda: warm(practice)] * 5)

    assert accesses() == 1


def test_while_one_thread_warms_the_others_go_on(practice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, goes_on = threading.Event(), threading.Event()

    def slow(*_args: Any) -> None:
        waits.set()
        goes_on.wait(10)

    monkeypatch.setattr(warming, "_warm", slow)
    first = threading.Thread(target=warming.warm, kwargs={"account": practice, "asker": ASKER, "clock": SetClock()})
    first.start()
    assert waits.wait(10)
    monkeypatch.setattr(warming, "_warm", lambda *_args: pytest.fail("a second thread waits for a PMS"))

    warming.warm(account=practice, asker=ASKER, clock=SetClock())

    goes_on.set()
    first.join(10)
    monkeypatch.undo()
    warm(practice)
    assert accesses() == 1
