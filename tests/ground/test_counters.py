"""Counting in the database: nobody's count is lost, and a window ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms.models import RateCounter
from pms.services import counters
from pms.services.counters import SqlCounterCache
from tests.ground.support import THREADS, in_threads

NOW = datetime(2026, 5, 12, 14, 0, tzinfo=UTC)


@pytest.fixture
def cache(db: None) -> SqlCounterCache:
    return SqlCounterCache("", {})


def test_the_first_to_add_wins(cache: SqlCounterCache) -> None:
    assert [cache.add("key", 1, 60), cache.add("key", 5, 60), cache.get("key")] == [True, False, 1]


def test_increments_add_up(cache: SqlCounterCache) -> None:
    cache.add("key", 1, 60)

    assert [cache.incr("key"), cache.incr("key", 5), cache.decr("key", 2)] == [2, 7, 5]


def test_what_is_not_there_cannot_be_incremented(cache: SqlCounterCache) -> None:
    with pytest.raises(ValueError, match="No such counter"):
        cache.incr("key")

    assert (cache.get("key"), cache.get("key", 7), "key" in cache) == (None, 7, False)


def test_keys_and_versions_do_not_mix(cache: SqlCounterCache) -> None:
    cache.add("key", 1, 60)
    cache.add("other", 10, 60)
    cache.add("key", 100, 60, version=2)

    cache.incr("key")

    assert (cache.get("key"), cache.get("other"), cache.get("key", version=2)) == (2, 10, 100)


def test_set_replaces_and_delete_removes(cache: SqlCounterCache) -> None:
    cache.add("key", 1, 60)
    cache.set("key", 9, 60)
    replaced = cache.get("key")

    assert (replaced, cache.delete("key"), cache.delete("key"), cache.get("key")) == (9, True, False, None)


def test_several_are_read_at_once(cache: SqlCounterCache) -> None:
    cache.add("key", 1, 60)
    cache.add("other", 2, 60)
    cache.add("other", 3, 60, version=2)

    with CaptureQueriesContext(connection) as queries:
        found = cache.get_many(["key", "other", "none"])

    assert (found, len(queries)) == ({"key": 1, "other": 2}, 1)


def test_clear_removes_everything(cache: SqlCounterCache) -> None:
    cache.add("key", 1, 60)

    cache.clear()

    assert not RateCounter.objects.exists()


@pytest.mark.parametrize(("timeout", "seconds"), [(60, 60), (None, 10**8), (0, 0)])
def test_a_window_ends(cache: SqlCounterCache, timeout: int | None, seconds: int) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        cache.add("key", 7, timeout)
        clock.shift(seconds - 1)
        before = cache.get("key")
        clock.shift(1)
        after = cache.get("key")

    assert (before, after) == {60: (7, None), None: (7, 7), 0: (7, None)}[timeout]


def test_an_increment_does_not_lengthen_its_window(cache: SqlCounterCache) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        cache.add("key", 1, 60)
        clock.shift(59)
        last = cache.incr("key")
        clock.shift(1)
        with pytest.raises(ValueError, match="No such counter"):
            cache.incr("key")
        again = cache.add("key", 1, 60)

        assert (last, again, cache.get("key")) == (2, True, 1)


def test_only_counters_whose_window_is_over_are_removed(cache: SqlCounterCache) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for key, timeout in {"over": 10, "just-over": 60, "open": 61, "for-ever": None}.items():
            cache.add(key, 1, timeout)
        clock.shift(60)

        removed = [counters.remove_expired(), counters.remove_expired()]

        assert removed == [2, 0]
        assert [cache.get("open"), cache.get("for-ever")] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_eight_threads_lose_no_count() -> None:
    SqlCounterCache("", {}).add("key", 0, 600)

    in_threads(lambda _: [SqlCounterCache("", {}).incr("key") for _ in range(20)])

    assert SqlCounterCache("", {}).get("key") == THREADS * 20


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_open_an_ended_window_one_does() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        SqlCounterCache("", {}).add("key", 50, 60)
        clock.shift(60)

        opened = in_threads(lambda _: SqlCounterCache("", {}).add("key", 1, 60))

        assert opened.count(True) == 1
        assert SqlCounterCache("", {}).get("key") == 1
