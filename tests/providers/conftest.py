from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pms.domain.clock import Budget, SystemClock
from pms.providers.base import PmsService
from pms.providers.http import HttpPool
from pms.providers.registry import service_class
from pms.sandbox import Sandbox
from tests.providers.fakes import MemoryMeter, MemoryTokens, RunningClock, connection
from tests.providers.loopback import Script, loopback
from tests.providers.office import ALDER, NEW_YORK, START, Build, Command


@pytest.fixture
def server() -> Iterator[Script]:
    with loopback() as script:
        yield script


@pytest.fixture
def budget() -> Budget:
    return Budget(5.0, SystemClock())


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox(writeback_delay=0, refresh_lag=0, start=START) as sandbox:
        yield sandbox


@pytest.fixture
def sim(running: Sandbox) -> Command:
    """The sandbox's control plane, after a reset."""

    def command(method: str, name: str, /, **asked: object) -> dict[str, Any]:
        query = "&".join(f"{key}={value}" for key, value in asked.items()) if method == "GET" else ""
        url = f"{running.url}/_sim/{name}" + (f"?{query}" if query else "")
        body = json.dumps(asked).encode() if method == "POST" else None
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found

    command("POST", "reset")
    return command


@pytest.fixture
def clock() -> RunningClock:
    """The sandbox's time, as far as its control plane leaves it alone."""
    return RunningClock(START)


@pytest.fixture
def meter(clock: RunningClock) -> MemoryMeter:
    """The meter that all services of a test share."""
    return MemoryMeter(clock)


@pytest.fixture
def build(running: Sandbox, sim: Command, meter: MemoryMeter, clock: RunningClock) -> Iterator[Build]:
    """Return services as an access gets them: one pool, one token store per office."""
    keys = sim("GET", "credentials")
    pool, stores = HttpPool("SIKKA"), dict[str, MemoryTokens]()

    def service(
        office: str = ALDER,
        *,
        zone: ZoneInfo = NEW_YORK,
        seconds: float = 5.0,
        app_key: str = "",
        is_live: bool = True,
        **config: object,
    ) -> PmsService:
        credentials = {"applicationId": keys["app_id"], "secretKey": app_key or keys["app_key"], "practiceId": office}
        link = connection(
            credentials=credentials,
            config={"baseUrl": keys["base_url"], "locationId": "", **config},
            zone=zone,
            pool=pool,
            tokens=stores.setdefault(office, MemoryTokens(clock)),
            meter=meter,
            clock=clock,
            seconds=seconds,
            is_live=is_live,
        )
        return service_class("SIKKA")(link)

    yield service
    pool._process().session.close()
