"""What a vendor says of its rate limit, shared by all processes: never in the way, and never telling whose it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from pms.domain import errors
from pms.domain.clock import Budget, SystemClock
from pms.models import PmsAuditLog, PmsIntegration, RateCounter
from pms.providers.base import PmsService, Quota
from pms.services import gateway
from pms.services.meters import CacheMeter
from tests.conftest import Sim
from tests.ground.conftest import Lines
from tests.ground.support import ASKER, in_threads, without_table
from tests.providers.fakes import FakeClock
from tests.services.test_limits import REDIS, backend, redis_url  # noqa: F401  # fixtures
from tests.support.server import free_port

OFFICE = "D10001"
MINUTE = timedelta(seconds=60)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.now(tz=SystemClock().now().tzinfo))


def meter(clock: FakeClock, provider: str = "SIKKA") -> CacheMeter:
    """The meter as another process would open it."""
    return CacheMeter(provider=provider, clock=clock)


@pytest.mark.django_db
@pytest.mark.usefixtures("backend")
class TestEitherBackend:
    def test_what_one_process_notes_every_other_one_reads(self, clock: FakeClock) -> None:
        meter(clock).note(OFFICE, Quota(0.4567, clock.now() + MINUTE))

        found = meter(clock).read(OFFICE)

        assert found is not None
        assert found.share_left == 0.457
        assert abs(found.resets_at - clock.now() - MINUTE) <= timedelta(seconds=0.5)

    def test_the_latest_word_counts(self, clock: FakeClock) -> None:
        for share in (0.5, 0.1, 0.3):
            meter(clock).note(OFFICE, Quota(share, clock.now() + MINUTE))

        found = meter(clock).read(OFFICE)

        assert found is not None
        assert found.share_left == 0.3

    def test_nothing_is_known_before_and_after_the_window(self, clock: FakeClock) -> None:
        before = meter(clock).read(OFFICE)
        meter(clock).note(OFFICE, Quota(0.0, clock.now() + MINUTE))
        clock.advance(timedelta(seconds=58))
        during = meter(clock).read(OFFICE)
        clock.advance(timedelta(seconds=3))

        assert (before, meter(clock).read(OFFICE)) == (None, None)
        assert during is not None
        assert during.share_left == 0.0

    def test_each_office_and_each_vendor_has_a_limit_of_its_own(self, clock: FakeClock) -> None:
        meter(clock).note(OFFICE, Quota(0.2, clock.now() + MINUTE))

        assert meter(clock).read("D20002") is None
        assert meter(clock).read(f"{OFFICE}/day") is None
        assert meter(clock, "KOLLA").read(OFFICE) is None

    @pytest.mark.parametrize(("told", "kept"), [(-0.5, 0.0), (7.0, 1.0)])
    def test_a_share_that_cannot_be_is_the_nearest_that_can(self, clock: FakeClock, told: float, kept: float) -> None:
        meter(clock).note(OFFICE, Quota(told, clock.now() + MINUTE))

        found = meter(clock).read(OFFICE)

        assert found is not None
        assert found.share_left == kept


@pytest.mark.django_db
def test_the_table_does_not_tell_whose_limit_it_is(clock: FakeClock) -> None:
    meter(clock).note(OFFICE, Quota(0.2, clock.now() + MINUTE))

    [row] = RateCounter.objects.all()

    assert OFFICE not in row.key


@pytest.mark.django_db(transaction=True)
def test_eight_who_note_at_once_leave_one_of_their_words(clock: FakeClock) -> None:
    until = clock.now() + MINUTE

    in_threads(lambda number: meter(clock).note(OFFICE, Quota(number / 10, until)))

    found = meter(clock).read(OFFICE)
    assert found is not None
    assert found.share_left in {number / 10 for number in range(8)}
    assert RateCounter.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_broken_table_knows_nothing_and_stops_nobody(clock: FakeClock, lines: Lines) -> None:
    with without_table("rate_counters"):
        meter(clock).note(OFFICE, Quota(0.0, clock.now() + MINUTE))
        found = meter(clock).read(OFFICE)

    assert found is None
    assert [line["event"] for line in lines()] == ["rate limit not kept", "rate limit not read"]
    assert OFFICE not in str(lines())


def test_a_redis_that_is_away_knows_nothing_and_stops_nobody(clock: FakeClock, settings: Settings) -> None:
    away = {"BACKEND": REDIS, "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {**settings.CACHES, "limits": away}

    meter(clock).note(OFFICE, Quota(0.0, clock.now() + MINUTE))

    assert meter(clock).read(OFFICE) is None


def service(integration: PmsIntegration, *, is_live: bool) -> PmsService:
    clock = SystemClock()
    return gateway.service_for(integration=integration, clock=clock, budget=Budget(8, clock), is_live=is_live)


def keyed(sim: Sim) -> int:
    """How many requests the office's key has made."""
    return len([row for row in sim("GET", "requests")["requests"] if "request-key" in row["headers"]])


@pytest.mark.django_db
def test_what_live_calls_use_up_stops_jobs_and_no_live_call(alder: PmsIntegration, sim: Sim) -> None:
    limit = 2 * (keyed(sim) + 20)
    sim("POST", "config", rate_limit=limit)
    live, job = service(alder, is_live=True), service(alder, is_live=False)

    job.list_clinicians()
    while keyed(sim) < 0.7 * limit:
        live.get_patient("1001")
    with pytest.raises(errors.PmsRateLimited) as caught:
        job.list_clinicians()

    assert 0 < (caught.value.retry_after_seconds or 0) <= 61
    assert live.list_clinicians()


@pytest.mark.django_db
def test_a_job_that_is_stopped_asks_nothing_and_leaves_its_evidence(alder: PmsIntegration, sim: Sim) -> None:
    clock = SystemClock()
    CacheMeter(provider="SIKKA", clock=clock).note(OFFICE, Quota(0.1, clock.now() + MINUTE))
    access: dict[str, Any] = {"integration": alder, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}
    before = keyed(sim)

    def stopped() -> None:
        with gateway.reading(**access, action="listClinicians", phi=False, is_live=False) as opened:
            opened.pms.list_clinicians()

    with pytest.raises(errors.PmsRateLimited):
        stopped()

    row = PmsAuditLog.objects.order_by("seq").last()
    assert row is not None
    assert (row.action, row.success, row.response_status) == ("listClinicians", False, 503)
    assert keyed(sim) == before
