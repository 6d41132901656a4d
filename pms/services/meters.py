"""What a vendor says of its rate limit, shared by the processes through the cache that counts for our own limits."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from django.core.cache import caches

from pms import vault
from pms.domain.clock import Clock
from pms.providers.base import Quota

log = structlog.get_logger(__name__)

# One integer holds both, because the cache of counters keeps nothing else: seconds since 1970, and thousandths.
_PARTS = 10_000


class CacheMeter:
    """A ``Meter`` of one vendor. A scope's limit is shared by all its integrations, such as the locations of an office.

    Two processes may overwrite each other's latest word, so it is a little behind; the vendor's own limit is not.
    """

    def __init__(self, *, provider: str, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock

    def read(self, scope: str) -> Quota | None:
        try:
            kept = caches["limits"].get(self._key(scope))
        except Exception as error:  # noqa: BLE001  # every backend has its own
            log.error("rate limit not read", exception=type(error).__name__)
            return None
        if kept is None:
            return None
        quota = Quota(kept % _PARTS / 1000, datetime.fromtimestamp(kept // _PARTS, UTC))
        return quota if quota.resets_at > self._clock.now() else None

    def note(self, scope: str, quota: Quota) -> None:
        seconds = max(1.0, (quota.resets_at - self._clock.now()).total_seconds())
        packed = round(quota.resets_at.timestamp()) * _PARTS + round(1000 * min(max(quota.share_left, 0.0), 1.0))
        try:
            caches["limits"].set(self._key(scope), packed, seconds)
        except Exception as error:  # noqa: BLE001
            log.error("rate limit not kept", exception=type(error).__name__)

    def _key(self, scope: str) -> str:
        return f"quota:{self._provider}:{vault.digest(scope, 'quota')}"
