"""What wakes the sweeps: huey, on a SQLite file unless ``JOBS_URL`` names Redis or PostgreSQL.

huey's periodic tasks run once a minute; a caller's booking should not wait that long for its end, so each minute
schedules the sweeps in between. Who has just asked for something that the worker does wakes its sweep by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections
from django.utils import timezone
from huey import PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.api import Huey, TaskWrapper

from pms.jobs import sweeps
from pms.services import worker

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 15
FORGETTING_MINUTE = "37"  # of every hour
_NAME = "parlae"
_FILE = "sqlite:///"  # then a path, from the project's folder on

# What can be woken: the task's name and its sweep. Each runs every minute anyway.
SWEEPS: Mapping[str, Callable[[], object]] = {
    "follow": lambda: sweeps.follow_write_backs(),
    "keep": lambda: sweeps.do_duties(),
    "checks": lambda: sweeps.check_connections(),
    "test_calls": lambda: sweeps.play_test_calls(),
    "provision": lambda: sweeps.provision_lines(),
}


@dataclass(frozen=True, slots=True)
class Jobs:
    """A process's huey, and its tasks by the names of ``SWEEPS``."""

    huey: Huey
    tasks: Mapping[str, TaskWrapper]


def queue() -> Huey:
    """Return the process's huey with its tasks."""
    return _jobs().huey


def wake(name: str) -> None:
    """Have the worker do a sweep of ``SWEEPS`` now. Call it after the transaction that made the work.

    A wake-up that cannot be left loses nothing, because the sweep comes within a minute anyway.
    """
    if name not in SWEEPS:
        raise ValueError("There is no sweep of this name.")
    try:
        _jobs().tasks[name]()
    except Exception as error:
        log.error("worker not woken", job=name, exc_info=error)


def wake_all() -> None:
    """Have a worker that starts do what fell due while none ran."""
    for task in _jobs().tasks.values():
        task()


@cache
def _jobs() -> Jobs:
    return built()


def built() -> Jobs:
    """Return a huey of its own with the tasks."""
    huey = _storage(settings.JOBS_URL)
    tasks = {name: huey.task(name=name)(_work(name)) for name in SWEEPS}

    @huey.periodic_task(crontab(minute="*"), name="every_minute")  # type: ignore[untyped-decorator]
    def every_minute() -> None:
        for delay in range(0, 60, SWEEP_SECONDS):
            tasks["follow"].schedule(delay=delay)
        for name in SWEEPS.keys() - {"follow"}:
            tasks[name]()
        close_old_connections()
        sweeps.housekeeping()

    @huey.periodic_task(crontab(minute=FORGETTING_MINUTE), name="every_hour")  # type: ignore[untyped-decorator]
    def every_hour() -> None:
        close_old_connections()
        sweeps.forget()

    return Jobs(huey, tasks)


def _work(name: str) -> Callable[[], None]:
    def work() -> None:
        close_old_connections()
        worker.note_seen(now=timezone.now())
        SWEEPS[name]()

    return work


def _storage(url: str) -> Huey:
    if not url or url.startswith(_FILE):
        name = url.removeprefix(_FILE) or "var/jobs.sqlite3"
        return SqliteHuey(_NAME, filename=str(settings.BASE_DIR / name))
    if url.startswith(("redis://", "rediss://")):
        return RedisHuey(_NAME, url=url)
    if url.startswith(("postgres://", "postgresql://")):
        return PostgresHuey(_NAME, dsn=url)
    raise ImproperlyConfigured("JOBS_URL is empty, or starts with redis://, postgresql:// or sqlite:///.")
