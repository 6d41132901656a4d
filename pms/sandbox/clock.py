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

    def ahead(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        return self.now() - datetime.now(UTC)

    def resume(self, ahead: timedelta) -> None:
        """Go on from another process's clock that was `ahead` of the machine's; time passed while nobody looked."""
        self._start = datetime.now(UTC) + ahead
        self._began = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds` (never negative: time does not run back)."""
        self._start += timedelta(seconds=max(seconds, 0.0))
