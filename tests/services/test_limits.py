"""How often something may be asked, counted in the database and in Redis."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import caches
from django.db import connection
from pytest_django import Settings

from pms.domain import errors
from pms.services import limits
from tests.ground.support import in_threads
from tests.support import redis
from tests.support.server import free_port

NOW = datetime(2026, 5, 12, 14, 0, tzinfo=UTC)
HOURLY = 20
REDIS = "django.core.cache.backends.redis.RedisCache"
SQL = "pms.services.counters.SqlCounterCache"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The run's Redis, or one of our own."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
    else:
        with redis.server() as url:
            yield url


@pytest.fixture(params=[SQL, REDIS], ids=["database", "redis"])
def backend(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Count in each backend in turn."""
    chosen: str = request.param
    values: dict[str, object] = {"BACKEND": chosen}
    if chosen == REDIS:
        values |= {"LOCATION": request.getfixturevalue("redis_url"), "KEY_PREFIX": uuid.uuid4().hex}
    settings.CACHES = {**settings.CACHES, "limits": values}
    return chosen


def use(key: str = "caller", limit: str = "verification") -> int | None:
    """Use a limit once; return the seconds to wait if it was refused."""
    try:
        limits.check(limit=limit, key=key)
    except errors.RateLimited as refused:
        return refused.retry_after_seconds
    return None


@pytest.mark.django_db
def test_the_settings_count_where_every_process_sees_it(settings: Settings) -> None:
    assert settings.RATELIMIT_USE_CACHE == "limits"
    assert settings.CACHES["limits"]["BACKEND"] in (SQL, REDIS)


@pytest.mark.django_db(transaction=True)
def test_eight_threads_get_exactly_what_the_limit_allows(backend: str) -> None:
    with time_machine.travel(NOW, tick=False):
        refused = [wait for waits in in_threads(lambda _: [use() for _ in range(5)]) for wait in waits]

    assert caches["limits"].__class__.__name__ == backend.rpartition(".")[2]
    assert refused.count(None) == HOURLY
    assert len(refused) == 40


@pytest.mark.django_db
def test_a_refusal_says_how_long_to_wait(backend: str) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(HOURLY):
            assert use() is None
        wait = use()
        assert wait is not None
        clock.shift(timedelta(seconds=wait - 1))
        still = use()

    assert 0 < wait <= 3600
    assert still == 1


@pytest.mark.django_db
def test_the_next_window_starts_from_nothing(backend: str) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        refused = [use() for _ in range(HOURLY + 1)][-1]
        clock.shift(timedelta(hours=1))
        again = [use() for _ in range(HOURLY + 1)]

    assert refused is not None
    assert again[:-1] == [None] * HOURLY
    assert again[-1] is not None


@pytest.mark.django_db
def test_one_key_or_limit_does_not_use_up_another(backend: str) -> None:
    with time_machine.travel(NOW, tick=False):
        for _ in range(HOURLY + 1):
            use()
        found = [use(), use(key="another caller"), use(limit="account")]

    assert found[0] is not None
    assert found[1:] == [None, None]


@pytest.mark.django_db
def test_a_key_is_not_readable_where_it_is_counted(backend: str) -> None:
    use(key="+12125550147")

    if backend == SQL:
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM rate_counters")
            names = [str(row[0]) for row in cursor.fetchall()]
    else:
        names = [name.decode() for name in caches["limits"]._cache.get_client().scan_iter()]  # type: ignore[attr-defined]

    assert names
    assert not [name for name in names if "5550147" in name]


@pytest.mark.django_db
def test_a_use_that_cannot_be_counted_is_refused(settings: Settings) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "limits": {"BACKEND": REDIS, "LOCATION": f"redis://127.0.0.1:{free_port()}/0"},
    }

    assert use() == 1


@pytest.mark.django_db
def test_a_message_is_kept_also_while_nothing_can_be_counted(settings: Settings) -> None:
    dead = {"BACKEND": REDIS, "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {**settings.CACHES, "limits": dead}

    assert use(limit="messages") is None


def test_a_limit_that_nobody_named_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        limits.check(limit="verifications", key="caller")
