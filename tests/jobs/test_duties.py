"""What a connection needs again and again: when it is done, by whom, and what becomes of it when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms import vault
from pms.domain.clock import Budget
from pms.jobs import sweeps
from pms.models import Duty, DutyKind, PmsAuditLog, PmsIntegration, PmsToken, SecurityEvent
from pms.services import duties, gateway
from pms.services.audit import Asker
from tests.conftest import Sim
from tests.providers.fakes import FakeClock
from tests.talking import SetClock, asked_of_the_pms, together

ASKER = Asker(actor="voice:test", endpoint="test", method="POST")
ALL = {DutyKind.TOKEN, DutyKind.HEALTH, DutyKind.SYNC}


def do(**later: float) -> int:
    """Run the sweep of duties at a later time."""
    return sweeps.do_duties(SetClock.later(**later))


def of(kind: DutyKind) -> Duty:
    return Duty.objects.select_related("integration").get(kind=kind)


def only(kind: DutyKind) -> None:
    """Leave one kind of work due, and the others for another day."""
    duties.prepare(clock=SetClock())
    Duty.objects.exclude(kind=kind).update(next_attempt_at=timezone.now() + timedelta(days=30))


def renewals(sim: Sim) -> int:
    return asked_of_the_pms(sim).count(("POST", "/request_key"))


def breaking(monkeypatch: pytest.MonkeyPatch, what: str = "pms.services.health.check") -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(what, broken)


class TestSweep:
    def test_does_every_kind_once_and_plans_the_next_time(self, practice: Account, sim: Sim) -> None:
        before = timezone.now()

        counts = [do(), do(seconds=30)]

        assert counts == [3, 0]
        assert set(Duty.objects.values_list("kind", flat=True)) == ALL
        for duty in Duty.objects.all():
            assert duty.next_attempt_at is not None
            every = duties.EVERY[DutyKind(duty.kind)]
            assert every <= duty.next_attempt_at - before <= every * 1.1 + timedelta(minutes=1)
            assert (duty.lease_until, duty.attempts, duty.last_error, duty.parked_at) == (None, 0, "", None)

    def test_does_each_again_when_its_time_has_come(self, practice: Account, sim: Sim) -> None:
        done = [do(), do(minutes=4), do(minutes=7), do(minutes=18)]

        assert done == [3, 0, 1, 3]

    def test_spreads_the_connections_over_time(self) -> None:
        intervals = {duties._interval(Duty(pk=number, kind=DutyKind.HEALTH)) for number in range(1, 101)}

        assert len(intervals) == 100
        assert min(intervals) >= timedelta(minutes=5)
        assert max(intervals) <= timedelta(minutes=5.5)

    def test_leaves_an_audit_row_for_every_access_and_says_where_patients_are(
        self, practice: Account, sim: Sim
    ) -> None:
        do()

        rows = PmsAuditLog.objects.filter(actor="job:duties").values_list("action", "phi_accessed", "success")
        assert sorted(rows) == [("checkHealth", False, True), ("keepSession", False, True)]

    @pytest.mark.parametrize("status", ["INACTIVE", "ERROR", "SETUP_REQUIRED"])
    def test_rests_while_the_connection_is_not_in_use(self, practice: Account, sim: Sim, status: str) -> None:
        do()
        PmsIntegration.objects.update(status=status)
        resting = do(hours=5)
        PmsIntegration.objects.update(status="ACTIVE")

        assert (resting, do(hours=5)) == (0, 3)

    def test_rests_while_the_practice_is_switched_off(self, practice: Account, sim: Sim) -> None:
        Account.objects.update(is_active=False)

        assert do() == 0
        assert not Duty.objects.exists()

    def test_goes_on_after_one_that_breaks(self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
        breaking(monkeypatch)

        assert do() == 3

        assert of(DutyKind.HEALTH).last_error == "broken"
        assert {of(kind).last_error for kind in ALL - {DutyKind.HEALTH}} == {""}

    def test_goes_on_after_a_practice_whose_credentials_cannot_be_opened(self, practice: Account, sim: Sim) -> None:
        closed = Account.objects.create(name="Birch Dental", time_zone="America/New_York")
        PmsIntegration.objects.create(
            account=closed, provider="SIKKA", status="ACTIVE", credentials=vault.seal({}, "elsewhere")
        )

        do()

        assert set(Duty.objects.filter(integration__account=closed).values_list("last_error", flat=True)) == {
            "",  # nothing to compare, so that nobody was asked
            "broken",
        }
        assert set(Duty.objects.filter(integration__account=practice).values_list("last_error", flat=True)) == {""}

    def test_asks_a_silent_pms_once_and_leaves_its_other_duties_for_the_next_sweep(
        self, practice: Account, sim: Sim
    ) -> None:
        PmsToken.objects.all().delete()
        sim("POST", "fail", path="/v4/authorized_practices", kind="drop", times=99)

        assert do() == 1

    def test_stops_when_the_next_sweep_is_near(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeps, "DUTIES_FOR", timedelta())

        assert [do(), do(), do(), do()] == [1, 1, 1, 0]


class TestClaim:
    def test_gives_each_connection_to_one_of_eight_workers(
        self, transactional_db: None, practice: Account, sim: Sim
    ) -> None:
        clock = SetClock()
        duties.prepare(clock=clock)
        claim: Callable[[], list[Duty]] = lambda: list(duties.claim_due(clock=clock))  # noqa: E731

        taken = [duty for claimed in together(*[claim] * 8) for duty in claimed]

        assert len(taken) == 1

    def test_rows_are_made_once_however_many_make_them(
        self, transactional_db: None, practice: Account, sim: Sim
    ) -> None:
        clock = SetClock()

        together(*[lambda: duties.prepare(clock=clock)] * 8)

        assert sorted(Duty.objects.values_list("kind", flat=True)) == sorted(ALL)

    def test_another_worker_takes_what_one_that_died_had_begun_when_its_lease_ends(
        self, practice: Account, sim: Sim
    ) -> None:
        only(DutyKind.HEALTH)
        [begun] = duties.claim_due(clock=SetClock())

        early = do(seconds=duties.LEASE.total_seconds() - 10)
        late = do(seconds=duties.LEASE.total_seconds() + 1)

        assert (early, late) == (0, 1)
        assert of(DutyKind.HEALTH).done_at is not None
        assert begun.done_at is None

    def test_who_comes_back_after_the_lease_changes_nothing(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.HEALTH)
        [begun] = duties.claim_due(clock=SetClock())
        do(minutes=2)
        done = of(DutyKind.HEALTH)

        duties.postpone(duty=begun, clock=SetClock())

        kept = of(DutyKind.HEALTH)
        assert (kept.attempts, kept.last_error, kept.next_attempt_at) == (0, "", done.next_attempt_at)


class TestFailure:
    @pytest.fixture(autouse=True)
    def _no_circuit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every try reach the vendor."""
        monkeypatch.setattr("pms.services.circuit.Circuit.enter", lambda *_, **__: None)

    def test_is_tried_again_less_and_less_often_and_never_parked(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.HEALTH)
        sim("POST", "fail", path="/v4/authorized_practices", status=500, times=999)
        waits, passed = [], 0.0

        for _ in range(9):
            clock = FakeClock(timezone.now() + timedelta(seconds=passed))
            assert sweeps.do_duties(clock) == 1
            planned = of(DutyKind.HEALTH).next_attempt_at
            assert planned is not None
            waits.append(round((planned - clock.now()).total_seconds() / 60))
            passed += (planned - clock.now()).total_seconds() + 1

        duty = of(DutyKind.HEALTH)
        assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert (duty.attempts, duty.parked_at, duty.done_at) == (9, None, None)
        assert PmsIntegration.objects.get().status == "ACTIVE"

    def test_is_forgotten_once_it_has_worked(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.HEALTH)
        sim("POST", "fail", path="/v4/authorized_practices", kind="drop", times=3)
        do()
        failed = of(DutyKind.HEALTH)

        do(minutes=2)

        duty = of(DutyKind.HEALTH)
        assert (failed.attempts, failed.last_error) == (1, "pms_unavailable")
        assert (duty.attempts, duty.last_error) == (0, "")

    def test_waits_as_long_as_the_vendor_asks_for(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.HEALTH)
        [duty] = duties.claim_due(clock=SetClock())
        now = timezone.now()

        duties._fail(duty, "pms_unavailable", now, at_least=7200)

        assert of(DutyKind.HEALTH).next_attempt_at == now + timedelta(hours=2)


class TestParking:
    def fail(self, times: int) -> None:
        for number in range(times):
            do(hours=number)

    def test_comes_the_sixth_time_in_a_row_that_one_breaks(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        only(DutyKind.HEALTH)
        breaking(monkeypatch)

        self.fail(5)
        before = of(DutyKind.HEALTH)
        self.fail(9)

        duty = of(DutyKind.HEALTH)
        event = SecurityEvent.objects.get(kind="duty.parked")
        assert (before.attempts, before.parked_at) == (5, None)
        assert duty.parked_at is not None
        assert (duty.next_attempt_at, duty.lease_until, duty.attempts) == (None, None, duties.PARKED_AFTER)
        assert event.account_id == practice.pk
        assert event.detail == {"duty": "HEALTH", "integration": str(duty.integration_id)}

    def test_does_not_come_where_a_failure_was_between(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        only(DutyKind.HEALTH)
        with monkeypatch.context() as patch:
            breaking(patch)
            self.fail(5)
        sim("POST", "fail", path="/v4/authorized_practices", kind="drop", times=3)
        do(hours=6)
        failed = of(DutyKind.HEALTH)
        breaking(monkeypatch)

        do(hours=12)

        duty = of(DutyKind.HEALTH)
        assert (failed.attempts, failed.last_error) == (1, "pms_unavailable")
        assert (duty.attempts, duty.parked_at) == (1, None)

    def test_ends_when_somebody_takes_it_up_again(
        self, practice: Account, sim: Sim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        only(DutyKind.HEALTH)
        with monkeypatch.context() as patch:
            breaking(patch)
            self.fail(6)
        parked = of(DutyKind.HEALTH)

        resumed = [duties.resume(duty=parked, clock=SetClock()), duties.resume(duty=parked, clock=SetClock())]
        do(seconds=1)

        duty = of(DutyKind.HEALTH)
        assert resumed == [True, False]
        assert (duty.parked_at, duty.attempts, duty.last_error) == (None, 0, "")
        assert duty.done_at is not None


class TestToken:
    def ends_in(self, **left: float) -> None:
        PmsToken.objects.update(expires_at=timezone.now() + timedelta(**left))

    @pytest.mark.parametrize(("minutes", "asked"), [(45, 0), (20, 1), (-5, 1)])
    def test_is_renewed_ahead_of_its_end_and_not_sooner(
        self, practice: Account, sim: Sim, minutes: float, asked: int
    ) -> None:
        only(DutyKind.TOKEN)
        sim("POST", "config", rotate_keys=True)
        self.ends_in(minutes=minutes)
        sim("DELETE", "requests")

        do()

        assert renewals(sim) == asked
        assert PmsToken.objects.get().expires_at > timezone.now() + timedelta(minutes=40)  # type: ignore[operator]

    def test_is_made_where_there_is_none(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.TOKEN)
        PmsToken.objects.all().delete()

        do()

        assert PmsToken.objects.get().sealed is not None

    def test_one_failure_to_renew_costs_nothing(self, practice: Account, sim: Sim) -> None:
        only(DutyKind.TOKEN)
        self.ends_in(minutes=20)
        sim("POST", "fail", path="/v4/request_key", status=503, times=9)

        do()

        assert PmsIntegration.objects.get().status == "ACTIVE"
        assert of(DutyKind.TOKEN).last_error == ""

    @pytest.mark.parametrize("minutes", [20, -5])
    def test_is_renewed_once_by_two_workers_and_six_callers(
        self, transactional_db: None, practice: Account, sim: Sim, settings: Settings, minutes: float
    ) -> None:
        settings.WEB_THREADS = 64  # nobody is to wait for a place
        only(DutyKind.TOKEN)
        sim("POST", "config", rotate_keys=True, latency=0.1, latency_path="/v4/request_key")
        self.ends_in(minutes=minutes)
        sim("DELETE", "requests")
        integration = practice.integrations.select_related("account").get()

        def call() -> int:
            clock = SetClock()
            with gateway.reading(
                integration=integration, asker=ASKER, action="live", phi=False, clock=clock, budget=Budget(8, clock)
            ) as access:
                return len(access.pms.list_clinicians())

        results = together(do, do, *[call] * 6)

        assert sorted(results[:2]) == [0, 1]
        assert set(results[2:]) == {5}
        assert renewals(sim) == 1
