"""The product's entry point for the benchmark: its limits lifted, and its waits for the practice's system told.

Both are done here, from outside, so that the product has no setting that lifts a limit and no code that times itself.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"

from parlae.wsgi import application as product
from pms.providers import _wire
from pms.services import limits

WAITED = "X-Bench-Waited"

limits.LIMITS.update(dict.fromkeys(limits.LIMITS, "1000000000/m"))


class _Waited(threading.local):
    seconds = 0.0


_waited = _Waited()


def _timed(method: Callable[..., Any]) -> Callable[..., Any]:
    """Add up how long a method of the vendor's socket takes: that is the vendor's time, not Parlae's.

    Sending counts as well as receiving, because the sandbox may run, and answer, before the call to send returns.
    """

    @functools.wraps(method)
    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return method(*arguments)
        finally:
            _waited.seconds += time.perf_counter() - started

    return timed


_wire._DeadlineReader.readinto = _timed(_wire._DeadlineReader.readinto)  # type: ignore[method-assign]
_wire._Connection.send = _timed(_wire._Connection.send)  # type: ignore[method-assign]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request; the answer says how many milliseconds of it were spent on the vendor's socket."""
    _waited.seconds = 0.0

    def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, (WAITED, f"{_waited.seconds * 1000:.3f}")], *more)

    return product(environ, started)
