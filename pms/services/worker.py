"""Whether a worker runs: it leaves a sign of life every minute, because pages promise what only it can do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from django.core.cache import caches

log = structlog.get_logger(__name__)

# It signs once a minute, and may be busy for a while.
SILENT_AFTER = timedelta(minutes=3)
_KEY = "worker:seen"
_KEPT_SECONDS = 7 * 24 * 3600


def note_seen(*, now: datetime) -> None:
    """Leave a sign of life. Where it cannot be left, it is missed and nothing else."""
    try:
        caches["limits"].set(_KEY, int(now.timestamp()), _KEPT_SECONDS)
    except Exception as error:  # noqa: BLE001  # every backend has its own
        log.error("worker not noted", exception=type(error).__name__)


def seen_at() -> datetime | None:
    """Return when a worker was there last, ``None`` if none was in a week or nobody knows."""
    try:
        seen = caches["limits"].get(_KEY)
    except Exception as error:  # noqa: BLE001
        log.error("worker not looked for", exception=type(error).__name__)
        return None
    return datetime.fromtimestamp(seen, UTC) if seen else None


def is_silent(*, now: datetime) -> bool:
    """Return whether what is asked of the worker will have to wait for somebody to start it."""
    seen = seen_at()
    return seen is None or now - seen > SILENT_AFTER
