"""Atomic counters for rate limits where there is no Redis.

Django's own database cache increments by get-then-set and so loses counts between processes; this cache does every
increment in one statement, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from pms.models import RateCounter

_TABLE = RateCounter._meta.db_table


def remove_expired() -> int:
    """Remove the counters of windows that are over, each of which has a key of its own; return how many."""
    return RateCounter.objects.filter(expires_at__lte=time.time()).delete()[0]


class SqlCounterCache(BaseCache):
    """A cache of integers: ``add``, ``get``, ``get_many``, ``set``, ``incr`` and ``delete``."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Store ``value`` unless an unexpired one exists; return whether it was stored."""
        now, name = time.time(), self.make_and_validate_key(key, version=version)
        sql = (
            f"INSERT INTO {_TABLE} (key, value, expires_at) VALUES (%s, %s, %s) "  # noqa: S608  # a constant
            f"ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at "
            f"WHERE {_TABLE}.expires_at <= %s RETURNING value"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [name, int(value), self._expiry(timeout), now])
            return cursor.fetchone() is not None

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add ``delta`` in one statement and return the sum; the window stays. Raises ``ValueError`` if absent."""
        sql = f"UPDATE {_TABLE} SET value = value + %s WHERE key = %s AND expires_at > %s RETURNING value"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [delta, self.make_and_validate_key(key, version=version), time.time()])
            row = cursor.fetchone()
        if row is None:
            raise ValueError("No such counter.")
        return int(row[0])

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        name = self.make_and_validate_key(key, version=version)
        row = RateCounter.objects.filter(key=name, expires_at__gt=time.time()).values_list("value").first()
        return row[0] if row else default

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        found = RateCounter.objects.filter(key__in=names, expires_at__gt=time.time()).values_list("key", "value")
        return {names[name]: value for name, value in found}

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        RateCounter.objects.update_or_create(
            key=self.make_and_validate_key(key, version=version),
            defaults={"value": int(value), "expires_at": self._expiry(timeout)},
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(RateCounter.objects.filter(key=self.make_and_validate_key(key, version=version)).delete()[0])

    def clear(self) -> None:
        RateCounter.objects.all().delete()

    def _expiry(self, timeout: Any) -> float:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return time.time() + float(seconds if seconds is not None else 10**9)
