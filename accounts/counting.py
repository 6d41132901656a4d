"""How often something may be tried, counted where all processes look."""

from __future__ import annotations

from django.core.cache import caches


def is_too_often(key: str, most: int, seconds: int) -> bool:
    """Count one try and return whether there were more than ``most`` within a window of ``seconds``."""
    tries = caches["limits"]
    tries.add(key, 0, seconds)
    return bool(tries.incr(key) > most)


def forget(key: str) -> None:
    """Begin to count anew."""
    caches["limits"].delete(key)


def is_first(key: str, seconds: int) -> bool:
    """Return whether this has not been done within the last ``seconds``."""
    return bool(caches["limits"].add(key, 1, seconds))
