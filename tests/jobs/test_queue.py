"""What wakes the sweeps, and whether anybody is there to be woken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from huey import RedisHuey, SqliteHuey
from huey.api import Huey
from pytest_django import Settings

from pms.jobs import queue as module
from pms.jobs import sweeps
from pms.jobs.queue import Jobs
from pms.services import worker
from tests.ground.conftest import Lines, lines

__all__ = ["lines"]


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which sweeps ran."""
    ran: list[str] = []
    for name in ("housekeeping", "forget"):
        monkeypatch.setattr(sweeps, name, lambda name=name: ran.append(name))
    monkeypatch.setattr(module, "SWEEPS", {name: lambda name=name: ran.append(name) for name in module.SWEEPS})
    monkeypatch.setattr(module, "close_old_connections", lambda: None)
    return ran


@pytest.fixture
def jobs(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    settings.JOBS_URL = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    made = module.built()
    monkeypatch.setattr(module, "_jobs", lambda: made)
    yield made
    made.huey.storage.close()


@pytest.fixture
def huey(jobs: Jobs) -> Huey:
    return jobs.huey


def run_what_waits(huey: Huey, at: datetime) -> None:
    """Do what a worker does: take over what is due by the schedule, and run what is queued."""
    for task in huey.read_schedule(at):
        huey.enqueue(task)
    while (task := huey.dequeue()) is not None:
        huey.execute(task, timestamp=at)


def test_a_new_worker_does_at_once_what_fell_due_before(huey: Huey, swept: list[str]) -> None:
    module.wake_all()

    run_what_waits(huey, datetime.now(UTC).replace(tzinfo=None))

    assert sorted(swept) == sorted(module.SWEEPS)


def test_what_is_woken_is_done_next_and_nothing_else(huey: Huey, swept: list[str]) -> None:
    module.wake("checks")

    run_what_waits(huey, datetime.now(UTC).replace(tzinfo=None))

    assert swept == ["checks"]


def test_only_what_there_is_can_be_woken() -> None:
    with pytest.raises(ValueError, match="sweep"):
        module.wake("everything")


def test_a_queue_that_is_away_keeps_nobody_from_what_they_do(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(jobs.huey, "enqueue", _away)

    module.wake("checks")

    assert [(line["event"], line["job"]) for line in lines()] == [("worker not woken", "checks")]


def _away(_task: object) -> None:
    raise OSError("nobody listens")


def test_a_worker_is_seen_by_what_it_does(huey: Huey, swept: list[str]) -> None:
    before = worker.seen_at()
    module.wake("keep")
    unseen = worker.seen_at()

    run_what_waits(huey, datetime.now(UTC).replace(tzinfo=None))

    now = timezone.now()
    assert (before, unseen) == (None, None)
    assert not worker.is_silent(now=now)
    assert worker.is_silent(now=now + worker.SILENT_AFTER + timedelta(seconds=1))


def test_without_a_cache_nobody_knows_of_a_worker(settings: Settings, lines: Lines) -> None:
    nobody_listens = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "limits": nobody_listens}

    worker.note_seen(now=timezone.now())

    assert worker.is_silent(now=timezone.now())
    assert [line["event"] for line in lines()] == ["worker not noted", "worker not looked for"]


def test_every_minute_keeps_house_and_sweeps_and_follows_four_times(huey: Huey, swept: list[str]) -> None:
    now = datetime(2026, 11, 23, 9, 12, tzinfo=UTC).replace(tzinfo=None)
    [periodic] = huey.read_periodic(now)

    huey.execute(periodic, timestamp=now)
    run_what_waits(huey, now + timedelta(days=365))

    assert sorted(swept) == sorted([*module.SWEEPS, *["follow"] * 3, "housekeeping"])


def test_once_an_hour_what_is_no_longer_kept_is_forgotten(huey: Huey, swept: list[str]) -> None:
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC).replace(tzinfo=None)
    hour = [nine + timedelta(minutes=minute) for minute in range(60)]
    extra = [(at, task) for at in hour for task in huey.read_periodic(at) if task.name != "every_minute"]

    for at, task in extra:
        huey.execute(task, timestamp=at)

    assert len(extra) == 1
    assert swept == ["forget"]


def test_without_an_address_it_is_a_file_of_this_machine(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    settings.BASE_DIR = tmp_path

    made = module._storage("")
    made.storage.close()

    assert isinstance(made, SqliteHuey)
    assert (tmp_path / "var" / "jobs.sqlite3").exists()


def test_redis_is_taken_by_its_address() -> None:
    assert isinstance(module._storage("redis://127.0.0.1:6379/3"), RedisHuey)


def test_any_other_address_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="JOBS_URL"):
        module._storage("amqp://broker")
