"""What the provider tests inject: a clock that obeys, a token store and a meter in memory, a connection of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pms.domain.clock import Budget, Clock, SystemClock
from pms.providers.base import Connection, Meter, Quota, StoredToken, TokenStore
from pms.providers.http import HttpPool

NOW = datetime(2026, 5, 12, 14, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
APP_ID = "invented-app-id-that-opens-nothing"
APP_KEY = "invented-app-key-that-opens-nothing"
OFFICE = "D70001"


class FakeClock:
    """A clock that only ``sleep`` and ``advance`` move."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds

    def advance(self, delta: timedelta) -> None:
        self._elapsed += delta.total_seconds()


class RunningClock:
    """The machine's clock, set to another time and running on from there."""

    def __init__(self, now: datetime) -> None:
        self._ahead = now - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class MemoryTokens:
    """A token store with compare-and-set and leases, as the contract describes it; safe for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token: StoredToken | None = None
        self._lease_ends = float("-inf")
        self.saves = 0

    def get(self) -> StoredToken | None:
        with self._lock:
            return self._token

    def lease(self, ttl_seconds: float) -> bool:
        with self._lock:
            if self._clock.monotonic() < self._lease_ends:
                return False
            self._lease_ends = self._clock.monotonic() + ttl_seconds
            return True

    def save(self, values: Mapping[str, str], expires_at: datetime, version: int) -> bool:
        with self._lock:
            if version != (self._token.version if self._token else 0):
                return False
            self._token = StoredToken(dict(values), expires_at, version + 1)
            self._lease_ends = float("-inf")
            self.saves += 1
            return True


class MemoryMeter:
    """A meter as the contract describes it; ``notes`` are the scopes and quotas it was given, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.notes: list[tuple[str, Quota]] = []
        self.reads = 0

    def read(self, scope: str) -> Quota | None:
        self.reads += 1
        quota = dict(self.notes).get(scope)
        return quota if quota and quota.resets_at > self._clock.now() else None

    def note(self, scope: str, quota: Quota) -> None:
        self.notes.append((scope, quota))


def stored_key(tokens: TokenStore, key: str, expires_at: datetime, *, office: str = OFFICE, refresh: str = "") -> None:
    """Put a request key into an empty store."""
    assert tokens.save({"office_id": office, "request_key": key, "refresh_key": refresh}, expires_at, 0)


def connection(
    *,
    credentials: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    zone: ZoneInfo = ZONE,
    pool: HttpPool | None = None,
    tokens: TokenStore | None = None,
    meter: Meter | None = None,
    clock: Clock | None = None,
    seconds: float = 8.0,
    is_live: bool = True,
) -> Connection:
    """Return a connection to the fictional office, each part replaceable."""
    clock = clock or SystemClock()
    return Connection(
        credentials={"applicationId": APP_ID, "secretKey": APP_KEY, "practiceId": OFFICE, **(credentials or {})},
        config={"locationId": "1", **(config or {})},
        time_zone=zone,
        http=pool or HttpPool("SIKKA"),
        tokens=tokens or MemoryTokens(clock),
        meter=meter or MemoryMeter(clock),
        clock=clock,
        budget=Budget(seconds, clock),
        is_live=is_live,
    )
