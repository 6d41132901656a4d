"""The vendor's rate limits: what answers say of them, and what of them is kept for calls in which somebody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import responses

from pms.domain import errors
from pms.providers.base import Quota
from pms.providers.sikka.account import DEFAULT_BASE_URL as BASE
from pms.providers.sikka.client import SikkaClient
from pms.providers.sikka.limits import quota_of
from tests.providers.fakes import NOW, OFFICE, FakeClock, MemoryMeter, MemoryTokens, connection, stored_key
from tests.providers.test_sikka_client import envelope, flat

# NOW is ten in the morning in New York.
MIDNIGHT = datetime(2026, 5, 13, 4, 0, tzinfo=UTC)


def said(left: int, *, limit: int = 100, reset: object = 40) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": str(left),
        "X-Rate-Limit-Reset": str(reset),
    }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def meter(clock: FakeClock) -> MemoryMeter:
    return MemoryMeter(clock)


def client(meter: MemoryMeter, clock: FakeClock, *, is_live: bool) -> SikkaClient:
    tokens = MemoryTokens(clock)
    stored_key(tokens, "key-0", clock.now() + timedelta(days=2))
    return SikkaClient(connection(tokens=tokens, meter=meter, clock=clock, is_live=is_live))


@pytest.fixture
def live(meter: MemoryMeter, clock: FakeClock) -> SikkaClient:
    """A client of a live call, which has 8 seconds."""
    return client(meter, clock, is_live=True)


@pytest.fixture
def job(meter: MemoryMeter, clock: FakeClock) -> SikkaClient:
    return client(meter, clock, is_live=False)


class TestHeaders:
    def test_they_are_a_share_until_the_window_ends(self) -> None:
        assert quota_of(said(30, limit=120, reset=15), NOW) == Quota(0.25, NOW + timedelta(seconds=15))

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-Rate-Limit-Remaining": "3"},
            said(3, limit=0),
            said(3, reset=0),
            said(3, reset=""),
            said(3, reset="soon"),
            said(3, reset=-5),
            said(3, reset=86400),
            said(3, reset="1" * 30),
        ],
    )
    def test_what_cannot_be_used_says_nothing(self, headers: dict[str, str]) -> None:
        assert quota_of(headers, NOW) is None


class TestNoting:
    @responses.activate
    @pytest.mark.parametrize(("left", "noted"), [(100, False), (51, False), (50, True), (0, True)])
    def test_an_answer_is_noted_once_half_of_the_minute_is_used(
        self, live: SikkaClient, meter: MemoryMeter, left: int, noted: bool
    ) -> None:
        responses.get(f"{BASE}/practices", json=envelope([]), headers=said(left))

        live.rows("/practices", {})

        assert meter.notes == ([(OFFICE, Quota(left / 100, NOW + timedelta(seconds=40)))] if noted else [])

    @responses.activate
    def test_answers_to_writes_and_refusals_are_noted_too(self, live: SikkaClient, meter: MemoryMeter) -> None:
        responses.put(f"{BASE}/appointments/7", json=flat(200, "API0007"), headers=said(20))
        responses.get(f"{BASE}/practices", status=401, json=flat(401, "API2004"), headers=said(10))

        live.write("PUT", "/appointments/7", {})
        with pytest.raises(errors.NotEntitled):
            live.rows("/practices", {})

        assert [quota.share_left for _, quota in meter.notes] == [0.2, 0.1]

    @responses.activate
    def test_answers_to_the_application_are_another_limit(self, live: SikkaClient, meter: MemoryMeter) -> None:
        responses.get(f"{BASE}/supported_pmses", json=envelope([]), headers=said(1))

        live.app_rows("/supported_pmses", {})

        assert meter.notes == []


class TestReserve:
    @responses.activate
    @pytest.mark.parametrize(("left", "stops"), [(31, False), (30, True), (0, True)])
    def test_a_job_stops_at_the_reserve_before_it_asks(
        self, job: SikkaClient, meter: MemoryMeter, clock: FakeClock, left: int, stops: bool
    ) -> None:
        responses.get(f"{BASE}/practices", json=envelope([]))
        meter.note(OFFICE, Quota(left / 100, clock.now() + timedelta(seconds=39.2)))

        if stops:
            with pytest.raises(errors.PmsRateLimited) as caught:
                job.rows("/practices", {})
            assert caught.value.retry_after_seconds == 40
        else:
            job.rows("/practices", {})

        assert len(responses.calls) == (0 if stops else 1)

    @responses.activate
    def test_a_job_sends_no_write_into_the_reserve(self, job: SikkaClient, meter: MemoryMeter) -> None:
        meter.note(OFFICE, Quota(0.1, NOW + timedelta(seconds=40)))

        with pytest.raises(errors.PmsRateLimited):
            job.write("POST", "/appointment", {})

        assert len(responses.calls) == 0

    @responses.activate
    def test_a_job_goes_on_when_the_window_is_over(self, meter: MemoryMeter, clock: FakeClock) -> None:
        responses.get(f"{BASE}/practices", json=envelope([]))
        meter.note(OFFICE, Quota(0.0, clock.now() + timedelta(seconds=40)))

        clock.advance(timedelta(seconds=40))
        client(meter, clock, is_live=False).rows("/practices", {})

        assert len(responses.calls) == 1

    @responses.activate
    def test_a_live_call_uses_the_reserve_without_reading_the_meter(
        self, live: SikkaClient, meter: MemoryMeter
    ) -> None:
        responses.get(f"{BASE}/practices", json=envelope([]))
        meter.note(OFFICE, Quota(0.0, NOW + timedelta(seconds=40)))

        live.rows("/practices", {})

        assert (len(responses.calls), meter.reads) == (1, 0)

    @responses.activate
    def test_another_office_has_a_limit_of_its_own(self, job: SikkaClient, meter: MemoryMeter) -> None:
        responses.get(f"{BASE}/practices", json=envelope([]))
        meter.note("D70002", Quota(0.0, NOW + timedelta(seconds=40)))

        job.rows("/practices", {})

        assert len(responses.calls) == 1


class TestDay:
    @responses.activate
    @pytest.mark.parametrize("code", ["API2011", "API2012"])
    def test_a_used_up_day_stops_jobs_until_the_practices_midnight(
        self, live: SikkaClient, job: SikkaClient, meter: MemoryMeter, clock: FakeClock, code: str
    ) -> None:
        for _ in range(2):
            responses.get(f"{BASE}/practices", status=429, json=flat(429, code))
        responses.get(f"{BASE}/practices", json=envelope([]))

        with pytest.raises(errors.PmsRateLimited) as by_the_vendor:
            live.rows("/practices", {})
        with pytest.raises(errors.PmsRateLimited) as by_ourselves:
            job.rows("/practices", {})
        asked = len(responses.calls)
        clock.advance(MIDNIGHT - clock.now())
        client(meter, clock, is_live=False).rows("/practices", {})

        until_midnight = 14 * 3600
        assert until_midnight - 1 <= (by_the_vendor.value.retry_after_seconds or 0) <= until_midnight
        assert by_ourselves.value.retry_after_seconds == by_the_vendor.value.retry_after_seconds
        assert (asked, len(responses.calls)) == (2, 3)

    @responses.activate
    def test_the_minute_does_not_open_a_day_that_is_closed(
        self, live: SikkaClient, job: SikkaClient, clock: FakeClock
    ) -> None:
        responses.post(f"{BASE}/appointment", status=429, json=flat(429, "API2011"), headers=said(90))
        responses.get(f"{BASE}/practices", json=envelope([]), headers=said(40))

        with pytest.raises(errors.PmsRateLimited):
            live.write("POST", "/appointment", {})
        live.rows("/practices", {})
        clock.advance(timedelta(seconds=41))

        with pytest.raises(errors.PmsRateLimited):
            job.rows("/practices", {})

    @responses.activate
    def test_a_live_call_still_asks_on_a_day_that_is_closed(self, live: SikkaClient) -> None:
        responses.get(f"{BASE}/practices", status=429, json=flat(429, "API2012"))

        for _ in range(2):
            with pytest.raises(errors.PmsRateLimited):
                live.rows("/practices", {})

        assert len(responses.calls) == 4, "each is asked once more, as after any 429"


class TestTooMany:
    @responses.activate
    def test_a_live_call_waits_once_for_the_window_if_the_caller_can(self, live: SikkaClient, clock: FakeClock) -> None:
        responses.get(f"{BASE}/practices", status=429, json=flat(429, ""), headers=said(0, reset=3))
        responses.get(f"{BASE}/practices", json=envelope([]))

        live.rows("/practices", {})

        assert len(clock.slept) == 1
        assert 3 <= clock.slept[0] < 4

    @responses.activate
    def test_a_live_call_does_not_begin_a_wait_that_is_too_long(self, live: SikkaClient, clock: FakeClock) -> None:
        responses.get(f"{BASE}/practices", status=429, json=flat(429, ""), headers=said(0, reset=9))

        with pytest.raises(errors.PmsRateLimited) as caught:
            live.rows("/practices", {})

        assert (clock.slept, len(responses.calls)) == ([], 1)
        assert caught.value.retry_after_seconds == 9

    @responses.activate
    def test_a_write_that_was_not_let_in_is_not_repeated(self, live: SikkaClient, clock: FakeClock) -> None:
        responses.post(f"{BASE}/appointment", status=429, json=flat(429, ""), headers=said(0, reset=1))

        with pytest.raises(errors.PmsRateLimited):
            live.write("POST", "/appointment", {})

        assert (clock.slept, len(responses.calls)) == ([], 1)
