"""Sikka's rate limits, and the part of them that jobs leave to calls in which somebody waits.

The limit per minute stands in ``X-Rate-Limit-Limit``, ``-Remaining`` and ``-Reset`` (seconds until the window ends) of
every keyed answer; the plan decides how much it is. The limits per practice and day are told only once they are used
up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from pms.domain import errors
from pms.domain.localtime import day_bounds, local_date_of
from pms.providers.base import Connection, Quota

# Jobs stop while no more than this share is left.
RESERVE = 0.3
# Only what comes near to that is worth keeping, so that usual traffic writes nothing.
_NOTED_FROM = 0.5
# Seconds. The documented window is a minute; a longer one would hold up the jobs on a misunderstanding.
_LONGEST_WINDOW = 3600


def quota_of(headers: Mapping[str, str], now: datetime) -> Quota | None:
    """Return what an answer says of the limit per minute, ``None`` if it says nothing that can be used."""
    limit, left, reset = (_count(headers.get(f"X-Rate-Limit-{name}")) for name in ("Limit", "Remaining", "Reset"))
    if not limit or left is None or not reset or reset > _LONGEST_WINDOW:
        return None
    return Quota(left / limit, now + timedelta(seconds=reset))


class RateGuard:
    """Both limits of one office, in the meter that its processes share. Each has a scope of its own there."""

    def __init__(self, connection: Connection, office_id: str) -> None:
        self._connection = connection
        self._minute, self._day = office_id, f"{office_id}/day"

    def keep_reserve(self) -> None:
        """Raise ``PmsRateLimited`` in a job while only the reserve is left. A live call is never held up."""
        if self._connection.is_live:
            return
        for scope in (self._day, self._minute):
            quota = self._connection.meter.read(scope)
            if quota is not None and quota.share_left <= RESERVE:
                raise errors.PmsRateLimited(
                    "What is left of Sikka's rate limit is kept for live calls.",
                    retry_after_seconds=self._seconds_until(quota.resets_at),
                )

    def note(self, headers: Mapping[str, str]) -> None:
        """Keep what an answer says of the minute, once half of it is used."""
        quota = quota_of(headers, self._connection.clock.now())
        if quota is not None and quota.share_left <= _NOTED_FROM:
            self._connection.meter.note(self._minute, quota)

    def close_day(self) -> int:
        """Stop the jobs until the practice's midnight; return the seconds until then."""
        zone = self._connection.time_zone
        _, midnight = day_bounds(local_date_of(self._connection.clock.now(), zone), zone)
        self._connection.meter.note(self._day, Quota(0.0, midnight))
        return self._seconds_until(midnight)

    def _seconds_until(self, instant: datetime) -> int:
        return max(1, math.ceil((instant - self._connection.clock.now()).total_seconds()))


def _count(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
