"""What wakes the sweeps: huey, on a SQLite file unless ``JOBS_URL`` names Redis or PostgreSQL.

huey's periodic tasks run once a minute; a caller's booking should not wait that long for its end, so each minute
schedules the sweeps in between.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections
from huey import PostgresHuey, RedisHuey, SqliteHuey, crontab
from huey.api import Huey

from pms.jobs import sweeps

SWEEP_SECONDS = 15
FORGETTING_MINUTE = "37"  # of every hour
_NAME = "parlae"
_FILE = "sqlite:///"  # then a path, from the project's folder on


@cache
def queue() -> Huey:
    """Return the process's huey with its tasks."""
    huey = _storage(settings.JOBS_URL)

    @huey.task(name="follow")  # type: ignore[untyped-decorator]
    def follow() -> None:
        close_old_connections()
        sweeps.follow_write_backs()

    @huey.task(name="keep")  # type: ignore[untyped-decorator]
    def keep() -> None:
        close_old_connections()
        sweeps.do_duties()

    @huey.periodic_task(crontab(minute="*"), name="every_minute")  # type: ignore[untyped-decorator]
    def every_minute() -> None:
        for delay in range(0, 60, SWEEP_SECONDS):
            follow.schedule(delay=delay)
        keep()
        close_old_connections()
        sweeps.housekeeping()

    @huey.periodic_task(crontab(minute=FORGETTING_MINUTE), name="every_hour")  # type: ignore[untyped-decorator]
    def every_hour() -> None:
        close_old_connections()
        sweeps.forget()

    follow()  # what fell due while no worker ran
    keep()
    return huey


def _storage(url: str) -> Huey:
    if not url or url.startswith(_FILE):
        name = url.removeprefix(_FILE) or "var/jobs.sqlite3"
        return SqliteHuey(_NAME, filename=str(settings.BASE_DIR / name))
    if url.startswith(("redis://", "rediss://")):
        return RedisHuey(_NAME, url=url)
    if url.startswith(("postgres://", "postgresql://")):
        return PostgresHuey(_NAME, dsn=url)
    raise ImproperlyConfigured("JOBS_URL is empty, or starts with redis://, postgresql:// or sqlite:///.")
