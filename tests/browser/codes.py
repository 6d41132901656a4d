"""An authenticator app (RFC 6238)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

# An app shows each code for half a minute, and the site takes each once: a test would wait as long for the next one.
PERIOD = 4  # seconds
_LEAST_LEFT = 1.5  # seconds between reading a code and its arrival
_used: dict[str, int] = {}


def fresh(secret: str) -> str:
    """Return a code that has not been returned before, early enough in its time to be typed; waits for it."""
    counter = int(time.time() + _LEAST_LEFT) // PERIOD
    counter = max(counter, _used.get(secret, 0) + 1)
    time.sleep(max(0.0, counter * PERIOD - time.time()))
    _used[secret] = counter
    return _code(secret, counter)


def last(secret: str) -> str:
    """Return the code that ``fresh`` returned last."""
    return _code(secret, _used[secret])


def _code(secret: str, counter: int) -> str:
    digest = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
