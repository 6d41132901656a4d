"""What the races have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pms.models import BLOCKING, Booking
from pms.tools.context import Result
from tests.conftest import Sim
from tests.talking import Caller, in_the_pms

PATIENCE = 30.0  # seconds for one tool: what is tested is who wins, not how fast this machine is


def booking(caller: Caller, at: str = "09:00", **arguments: Any) -> Callable[[], Result]:
    """Return what books a cleaning on the quiet day when it is called."""
    return lambda: caller.book(at, seconds=PATIENCE, **arguments)


def moving(caller: Caller, at: str, **arguments: Any) -> Callable[[], Result]:
    """Return what moves the caller's appointment when it is called."""
    return lambda: caller.move(at, seconds=PATIENCE, **arguments)


def active() -> int:
    """Return how many bookings of ours keep their time."""
    return Booking.objects.filter(BLOCKING).count()


def standing(sim: Sim) -> list[tuple[str, str]]:
    """Return patient and time of what takes place on the quiet day, in the practice's own system."""
    rows = [row for row in in_the_pms(sim) if row["status"] != "Cancelled"]
    return sorted((row["patient_id"], row["time"]) for row in rows)
