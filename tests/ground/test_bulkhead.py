"""The bulkhead: what one practice may hold of a process's threads, who waits for it, and who hears at once."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

from pms.domain import errors
from pms.management import demo
from pms.services import bulkhead
from tests.tooling.test_docs import documented

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 8.0  # a caller's budget
PLACES = 4
IN_LINE = 8
SOON = 0.5  # seconds in which nobody has waited, on a machine that is busy

Start = Callable[..., Future[float]]


@pytest.fixture(autouse=True)
def _threads(settings: Settings) -> None:
    settings.WEB_THREADS = 16


@pytest.fixture
def one() -> UUID:
    """An integration whose room is empty."""
    return uuid.uuid4()


@pytest.fixture
def start() -> Iterator[Start]:
    """Have a place taken in a thread of its own for some seconds; its result is how long it has waited for it."""
    with ThreadPoolExecutor(32) as pool:

        def begin(integration_id: UUID, *, seconds: float = 0.0, patience: float = PATIENCE) -> Future[float]:
            return pool.submit(waited, integration_id, seconds, patience)

        yield begin


def waited(integration_id: UUID, seconds: float = 0.0, patience: float = PATIENCE) -> float:
    began = time.monotonic()
    with bulkhead.place(integration_id=integration_id, patience=patience):
        got = time.monotonic()
        time.sleep(seconds)
    return got - began


def heard_after(work: Callable[[], object]) -> float:
    """Return after how many seconds somebody is refused."""
    began = time.monotonic()
    with pytest.raises(errors.Crowded):
        work()
    return time.monotonic() - began


@contextmanager
def full(integration_id: UUID) -> Iterator[threading.Event]:
    """Take all places of an integration, in threads that keep them until the event."""
    taken, leave = threading.Barrier(PLACES + 1), threading.Event()

    def keep() -> None:
        with bulkhead.place(integration_id=integration_id, patience=0.0):
            taken.wait(10)
            leave.wait(30)

    threads = [threading.Thread(target=keep) for _ in range(PLACES)]
    for thread in threads:
        thread.start()
    taken.wait(10)
    try:
        yield leave
    finally:
        leave.set()
        for thread in threads:
            thread.join(10)


def test_a_quarter_of_the_threads_is_had_at_once_and_the_next_hears_within_a_second(one: UUID) -> None:
    with full(one):
        heard = heard_after(lambda: waited(one))

    assert bulkhead.LONGEST_WAIT_SECONDS <= heard < bulkhead.LONGEST_WAIT_SECONDS + SOON
    assert bulkhead.LONGEST_WAIT_SECONDS < 1
    assert waited(one) < SOON


def test_who_waits_has_the_place_that_becomes_free(one: UUID, start: Start) -> None:
    with full(one) as leave:
        waiting = start(one)
        time.sleep(0.2)
        leave.set()

        assert waiting.result() >= 0.1


def test_a_burst_at_a_quick_pms_loses_nobody(one: UUID, start: Start) -> None:
    burst = [start(one, seconds=0.05) for _ in range(PLACES + IN_LINE)]

    assert [future.exception() for future in burst] == [None] * (PLACES + IN_LINE)


def test_the_line_is_short_and_the_rest_hears_at_once(one: UUID, start: Start) -> None:
    with full(one):
        line = [start(one) for _ in range(IN_LINE)]
        time.sleep(0.1)

        assert heard_after(lambda: waited(one)) < SOON
        assert all(isinstance(future.exception(), errors.Crowded) for future in line)


def test_whoever_comes_first_is_served_first(one: UUID, settings: Settings) -> None:
    served: list[int] = []

    def wait(number: int) -> None:
        with bulkhead.place(integration_id=one, patience=PATIENCE):
            served.append(number)

    settings.WEB_THREADS = 7  # one place, and three may wait
    with bulkhead.place(integration_id=one, patience=0.0):
        threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
    for thread in threads:
        thread.join(10)

    assert served == [0, 1, 2]


def test_where_all_places_are_stuck_nobody_waits(one: UUID) -> None:
    with full(one):
        time.sleep(bulkhead.STUCK_SECONDS + 0.05)

        assert heard_after(lambda: waited(one)) < SOON


def test_a_job_takes_a_free_place_and_never_waits_for_one(one: UUID) -> None:
    assert waited(one, patience=0.0) < SOON

    with full(one):
        assert heard_after(lambda: waited(one, patience=0.0)) < SOON


def test_nobody_waits_longer_than_their_own_time(one: UUID) -> None:
    with full(one):
        assert 0.1 <= heard_after(lambda: waited(one, patience=0.2)) < 0.6


def test_one_practices_line_is_not_anothers(one: UUID) -> None:
    with full(one):
        assert waited(uuid.uuid4()) < SOON


def test_a_thread_takes_one_place_however_often_it_asks(one: UUID) -> None:
    def nested(depth: int) -> float:
        with bulkhead.place(integration_id=one, patience=0.0):
            return nested(depth - 1) if depth else waited(one, patience=0.0)

    assert nested(PLACES * 2) < SOON
    assert not bulkhead.is_held(one)


def test_a_place_is_given_back_whatever_happened_in_it(one: UUID) -> None:
    for _ in range(PLACES + 1):
        with pytest.raises(ValueError, match="broken"), bulkhead.place(integration_id=one, patience=0.0):
            raise ValueError("broken")

    assert waited(one, patience=0.0) < SOON


@pytest.mark.parametrize("threads", [1, 3, 7])
def test_however_few_threads_there_are_one_place_is_everybodys(one: UUID, settings: Settings, threads: int) -> None:
    settings.WEB_THREADS = threads

    with bulkhead.place(integration_id=one, patience=0.0), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(waited, one, 0.0, 0.0).exception(), errors.Crowded)

    assert waited(one, patience=0.0) < SOON


def test_who_is_refused_hears_that_the_system_is_slow(one: UUID) -> None:
    with full(one), pytest.raises(errors.PmsUnavailable) as caught:
        waited(one, patience=0.0)

    assert (caught.value.code, caught.value.retryable) == ("pms_unavailable", True)
    assert caught.value.spoken == errors.BudgetSpent().spoken


def test_the_image_and_the_demo_have_as_many_threads_as_is_said() -> None:
    value, _ = documented()["WEB_THREADS"]
    image = re.findall(r'"--threads=(\d+)"', (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    web = [option.removeprefix("--threads=") for option in demo._WEB_OPTIONS if option.startswith("--threads=")]
    told = demo.settings("http://127.0.0.1:1", "http://127.0.0.1:2", {})["WEB_THREADS"]

    assert image == [value]
    assert web == [told]
