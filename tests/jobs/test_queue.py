"""What wakes the sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from huey import RedisHuey, SqliteHuey
from huey.api import Huey
from pytest_django import Settings

from pms.jobs import queue as module
from pms.jobs import sweeps


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which sweeps ran."""
    ran: list[str] = []
    for name in ("follow_write_backs", "do_duties", "housekeeping", "forget"):
        monkeypatch.setattr(sweeps, name, lambda name=name: ran.append(name))
    monkeypatch.setattr(module, "close_old_connections", lambda: None)
    return ran


@pytest.fixture
def huey(settings: Settings, tmp_path: Path) -> Iterator[Huey]:
    settings.JOBS_URL = f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    made = module.queue.__wrapped__()
    yield made
    made.storage.close()


def run_what_waits(huey: Huey, at: datetime) -> None:
    """Do what a worker does: take over what is due by the schedule, and run what is queued."""
    for task in huey.read_schedule(at):
        huey.enqueue(task)
    while (task := huey.dequeue()) is not None:
        huey.execute(task, timestamp=at)


def test_a_new_worker_does_at_once_what_fell_due_before(huey: Huey, swept: list[str]) -> None:
    run_what_waits(huey, datetime.now(UTC).replace(tzinfo=None))

    assert swept == ["follow_write_backs", "do_duties"]


def test_every_minute_keeps_house_does_duties_and_follows_four_times(huey: Huey, swept: list[str]) -> None:
    huey.flush()
    now = datetime(2026, 11, 23, 9, 12, tzinfo=UTC).replace(tzinfo=None)
    [periodic] = huey.read_periodic(now)

    huey.execute(periodic, timestamp=now)
    run_what_waits(huey, now + timedelta(days=365))

    assert sorted(swept) == ["do_duties"] + ["follow_write_backs"] * 4 + ["housekeeping"]


def test_once_an_hour_what_is_no_longer_kept_is_forgotten(huey: Huey, swept: list[str]) -> None:
    huey.flush()
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
