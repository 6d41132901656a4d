"""The life of the request key: who renews, who waits, and whose key it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from pms.domain import errors
from pms.domain.clock import Clock, SystemClock
from pms.providers.base import StoredToken
from pms.providers.sikka.account import read_account
from pms.providers.sikka.envelope import KeyRefused, RequestRefused, Row
from pms.providers.sikka.keys import KeyRing
from tests.providers.fakes import APP_ID, APP_KEY, OFFICE, FakeClock, MemoryTokens, connection, stored_key

DAY = timedelta(days=1)


@dataclass
class Vendor:
    """Issues key-1, key-2 ... for the office; ``refuse`` names grants that fail, and how."""

    issued_to: str = OFFICE
    expires_in: str = "86400 second(s)"
    seconds: float = 0.0
    same_key: str = ""
    refuse: dict[str, errors.PmsError] = field(default_factory=dict)
    grants: list[Mapping[str, str]] = field(default_factory=list)

    def post(self, grant: Mapping[str, str]) -> Row:
        self.grants.append(grant)
        number = len(self.grants)
        time.sleep(self.seconds)
        if grant["grant_type"] in self.refuse:
            raise self.refuse[grant["grant_type"]]
        return {
            "request_key": self.same_key or f"key-{number}",
            "refresh_key": f"refresh-{number}",
            "issued_to": self.issued_to,
            "expires_in": self.expires_in,
            "end_time": "2001-01-01T00:00:00",
        }

    def offices(self) -> list[Row]:
        return [{"office_id": OFFICE, "practice_id": "1", "secret_key": "office-secret"}]

    @property
    def kinds(self) -> list[str]:
        return [grant["grant_type"] for grant in self.grants]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> MemoryTokens:
    return MemoryTokens(clock)


def ring(vendor: Vendor, tokens: MemoryTokens, clock: Clock, seconds: float = 8.0) -> KeyRing:
    """A key ring as another process would build it."""
    link = connection(tokens=tokens, clock=clock, seconds=seconds)
    return KeyRing(link, read_account(link.credentials, link.config), post=vendor.post, offices=vendor.offices)


def expiry(tokens: MemoryTokens) -> datetime:
    token = tokens.get()
    assert token is not None
    return token.expires_at


def test_first_key_comes_by_the_office_secret_and_is_stored(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor(expires_in="85603 second(s)")
    assert ring(vendor, tokens, clock).key() == "key-1"
    assert vendor.grants == [
        {
            "grant_type": "request_key",
            "office_id": OFFICE,
            "secret_key": "office-secret",
            "app_id": APP_ID,
            "app_key": APP_KEY,
        }
    ]
    token = tokens.get()
    assert token is not None
    assert token.values == {"office_id": OFFICE, "request_key": "key-1", "refresh_key": "refresh-1"}
    assert token.expires_at == clock.now() + timedelta(seconds=85603)


def test_row_5_a_second_process_reuses_the_stored_key(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    assert [ring(vendor, tokens, clock).key() for _ in range(3)] == ["key-1"] * 3
    assert len(vendor.grants) == 1


def test_expired_key_is_renewed_by_the_refresh_key(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    stored_key(tokens, "old", clock.now() - DAY, refresh="refresh-0")
    assert ring(vendor, tokens, clock).key() == "key-1"
    assert vendor.grants == [
        {"grant_type": "refresh_key", "refresh_key": "refresh-0", "app_id": APP_ID, "app_key": APP_KEY}
    ]


@pytest.mark.parametrize("refusal", [RequestRefused("no"), KeyRefused(), errors.CredentialsRejected()])
def test_refused_refresh_key_falls_back_to_the_secret(
    tokens: MemoryTokens, clock: FakeClock, refusal: errors.PmsError
) -> None:
    vendor = Vendor(refuse={"refresh_key": refusal})
    stored_key(tokens, "old", clock.now() - DAY, refresh="refresh-0")
    assert ring(vendor, tokens, clock).key() == "key-2"
    assert vendor.kinds == ["refresh_key", "request_key"]


def test_unreachable_vendor_is_not_asked_twice(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor(refuse={"refresh_key": errors.PmsUnavailable()})
    stored_key(tokens, "old", clock.now() - DAY, refresh="refresh-0")
    with pytest.raises(errors.PmsUnavailable):
        ring(vendor, tokens, clock).key()
    assert vendor.kinds == ["refresh_key"]


def test_refused_request_for_a_key_does_not_condemn_the_credentials(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor(refuse={"request_key": RequestRefused("Sikka answered with HTTP 400 API1005.")})
    with pytest.raises(errors.UpstreamInvalid):
        ring(vendor, tokens, clock).key()
    assert tokens.get() is None


def test_key_of_another_office_is_discarded(tokens: MemoryTokens, clock: FakeClock) -> None:
    with pytest.raises(errors.TenantMismatch):
        ring(Vendor(issued_to="D70002"), tokens, clock).key()
    assert tokens.get() is None


def test_refreshed_key_of_another_office_is_discarded_too(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor(issued_to="D70002")
    stored_key(tokens, "old", clock.now() - DAY, refresh="refresh-0")
    with pytest.raises(errors.TenantMismatch):
        ring(vendor, tokens, clock).key()
    assert vendor.kinds == ["refresh_key"]


def test_stored_token_of_another_office_counts_as_none(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    stored_key(tokens, "theirs", clock.now() + DAY, office="D70002", refresh="theirs-too")
    assert ring(vendor, tokens, clock).key() == "key-1"
    assert vendor.kinds == ["request_key"]
    token = tokens.get()
    assert token is not None
    assert (token.values["office_id"], token.version) == (OFFICE, 2)


def test_answer_without_a_key_is_invalid(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    link = connection(tokens=tokens, clock=clock)
    account = read_account(link.credentials, link.config)
    with pytest.raises(errors.UpstreamInvalid):
        KeyRing(link, account, post=lambda grant: {"issued_to": OFFICE}, offices=vendor.offices).key()


def test_unstated_life_is_taken_as_an_hour(tokens: MemoryTokens, clock: FakeClock) -> None:
    ring(Vendor(expires_in=""), tokens, clock).key()
    assert expiry(tokens) == clock.now() + timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "shortened"),
    [
        ("Tue, 12 May 2026 16:00:00 GMT", True),
        ("Wed, 13 May 2026 13:58:00 GMT", False),
        ("Thu, 14 May 2026 14:00:00 GMT", False),
        ("Tue, 12 May 2026 13:00:00 GMT", False),
        ("soon", False),
        ("", False),
    ],
)
def test_header_may_only_shorten_a_life(tokens: MemoryTokens, clock: FakeClock, said: str, shortened: bool) -> None:
    stored_key(tokens, "current", clock.now() + DAY)
    keys = ring(Vendor(), tokens, clock)
    keys.key()
    keys.note_expiry({"Request-Key-Expires": said})
    assert (expiry(tokens) == clock.now() + timedelta(hours=2)) is shortened
    assert (expiry(tokens) == clock.now() + DAY) is not shortened


class TestEarly:
    """With less than 30 minutes left a key is still good, so nobody waits for its successor."""

    @pytest.fixture(autouse=True)
    def _aging_key(self, tokens: MemoryTokens, clock: FakeClock) -> None:
        stored_key(tokens, "aging", clock.now() + timedelta(minutes=20), refresh="refresh-0")

    def test_whoever_gets_the_lease_renews(self, tokens: MemoryTokens, clock: FakeClock) -> None:
        assert ring(Vendor(), tokens, clock).key() == "key-1"
        assert expiry(tokens) == clock.now() + DAY

    def test_the_others_use_the_old_key_without_waiting(self, tokens: MemoryTokens, clock: FakeClock) -> None:
        vendor = Vendor()
        assert tokens.lease(60)
        assert ring(vendor, tokens, clock).key() == "aging"
        assert (vendor.grants, clock.slept) == ([], [])

    def test_failure_does_not_spoil_the_call(self, tokens: MemoryTokens, clock: FakeClock) -> None:
        vendor = Vendor(refuse={"refresh_key": errors.PmsUnavailable()})
        assert [ring(vendor, tokens, clock).key() for _ in range(3)] == ["aging"] * 3
        assert len(vendor.grants) == 1

    def test_vendor_that_repeats_the_key_is_asked_once_a_minute(self, tokens: MemoryTokens, clock: FakeClock) -> None:
        """A repeated request seems to be answered with the key that is still active."""
        vendor = Vendor(same_key="aging", expires_in="1200 second(s)")
        assert [ring(vendor, tokens, clock).key() for _ in range(3)] == ["aging"] * 3
        assert len(vendor.grants) == 1
        clock.advance(timedelta(seconds=61))
        ring(vendor, tokens, clock).key()
        assert len(vendor.grants) == 2


def test_failed_key_is_renewed_only_while_it_is_the_stored_one(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    stored_key(tokens, "current", clock.now() + DAY, refresh="refresh-0")
    assert ring(vendor, tokens, clock).replace("previous") == "current"
    assert vendor.grants == []
    assert ring(vendor, tokens, clock).replace("current") == "key-1"


def test_waiting_for_another_ones_renewal_ends_with_the_budget(tokens: MemoryTokens, clock: FakeClock) -> None:
    vendor = Vendor()
    assert tokens.lease(600)
    with pytest.raises(errors.BudgetSpent):
        ring(vendor, tokens, clock, seconds=2.0).key()
    assert vendor.grants == []
    assert sum(clock.slept) == pytest.approx(2.0)


def test_renewal_that_loses_the_compare_and_set_uses_the_winners_key(tokens: MemoryTokens, clock: FakeClock) -> None:
    """The lease may run out while the vendor is slow; then two renew, and one token stays."""
    winner, slow = Vendor(same_key="winner"), Vendor(same_key="loser")
    stored_key(tokens, "failed", clock.now() + DAY)

    def post(grant: Mapping[str, str]) -> Row:
        clock.advance(timedelta(seconds=6))
        assert ring(winner, tokens, clock).replace("failed") == "winner"
        return slow.post(grant)

    link = connection(tokens=tokens, clock=clock)
    keys = KeyRing(link, read_account(link.credentials, link.config), post=post, offices=slow.offices)
    assert keys.replace("failed") == "winner"
    token = tokens.get()
    assert token is not None
    assert token.values["request_key"] == "winner"


def test_renewal_that_ended_just_before_our_lease_is_not_repeated(clock: FakeClock) -> None:
    class Late(MemoryTokens):
        """Between our look and our lease, somebody else finishes."""

        def lease(self, ttl_seconds: float) -> bool:
            self.save({"office_id": OFFICE, "request_key": "theirs", "refresh_key": ""}, clock.now() + DAY, 0)
            return super().lease(ttl_seconds)

    vendor, tokens = Vendor(), Late(clock)
    assert ring(vendor, tokens, clock).key() == "theirs"
    assert vendor.grants == []
    assert MemoryTokens.lease(tokens, 5.0), "the lease was given back"


@pytest.mark.parametrize("state", ["none", "expired", "refused"])
def test_eight_threads_renew_once(state: str) -> None:
    clock = SystemClock()
    tokens, vendor = MemoryTokens(clock), Vendor(seconds=0.2)
    if state != "none":
        stored_key(tokens, "old", clock.now() + (DAY if state == "refused" else -DAY), refresh="refresh-0")
    start, found = threading.Barrier(8), []

    def work() -> None:
        keys = ring(vendor, tokens, clock)
        start.wait(5)
        found.append(keys.replace("old") if state == "refused" else keys.key())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["key-1"] * 8
    assert len(vendor.grants) == 1


def test_who_wants_to_renew_early_looks_again_when_it_is_their_turn(tokens: MemoryTokens, clock: FakeClock) -> None:
    """Between one's look and one's lease another process may have renewed, and have given its lease back."""
    vendor = Vendor()
    stored_key(tokens, "old", clock.now() + timedelta(minutes=20))

    class Overtaken(MemoryTokens):
        """The same store, in which another process is quicker."""

        def lease(self, ttl_seconds: float) -> bool:
            tokens.save({"office_id": OFFICE, "request_key": "theirs"}, clock.now() + DAY, 1)
            return tokens.lease(ttl_seconds)

        def get(self) -> StoredToken | None:
            return tokens.get()

        def save(self, values: Mapping[str, str], expires_at: datetime, version: int) -> bool:
            return tokens.save(values, expires_at, version)

    key = ring(vendor, Overtaken(clock), clock).key()

    assert (key, vendor.grants) == ("theirs", [])
    assert expiry(tokens) == clock.now() + DAY
    assert tokens.lease(5)  # it was given back
