"""The sandbox's clock: real time, shifted forward on demand."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Time that starts at `start` (default: now) and runs at real speed; `advance` jumps ahead."""

    def __init__(self, start: datetime | None = None) -> None:
        self._asked = start
        self.restart()

    def restart(self) -> None:
        """Back to `start`; jumps are forgotten."""
        self._start = self._asked or datetime.now(UTC)
        self._began = time.monotonic()

    def now(self) -> datetime:
        """The sandbox's instant, aware, UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds` (never negative: time does not run back)."""
        self._start += timedelta(seconds=max(seconds, 0.0))
