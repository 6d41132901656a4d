"""The table of the campaign, and its place in ``docs/booking-safety.md``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from pms.management.booking_safety import MEASURED_BEGIN, MEASURED_END, NAME, WRITE_STEPS
from pms.services import bookings
from tests.bench import machine
from tests.bench.figures import table
from tests.safety.campaign import NEVER, Tally

DEFAULT_TIMES = 25
_HEAD = (
    "fault",
    "times tried",
    "lost",
    "doubled",
    "said wrongly",
    "done",
    "tasks",
    "median time to the true end",
)


def measured(tallies: Sequence[Tally], *, times: int, database: str, seconds: float) -> str:
    """Return the table with the line above it that says when, where and how it was made."""
    command = "make safety" if times == DEFAULT_TIMES else f"make safety TIMES={times}"
    day = datetime.now(UTC).date().isoformat()
    total = sum(tally.times for tally in tallies)
    about = f"`{command}` on {day}: {machine.facts()}, {database}; {total} tries in {seconds / 60:.0f} min."
    return f"{about}\n\n{table(_HEAD, [_row(tally) for tally in tallies])}"


def steps_not_in_the_page(taken: set[tuple[str, str, str]]) -> list[str]:
    """Return the changes of state, of those that there were, that the page does not have."""
    drawn = {"bookings": bookings.TRANSITIONS, "write_backs": WRITE_STEPS}
    return [
        f"{where}: {was} -> {became}" for where, was, became in sorted(taken) if became not in drawn[where].get(was, ())
    ]


def keep(text: str) -> None:
    """Put the table into the page, and leave the rest of it as it is."""
    page = settings.BASE_DIR / "docs" / NAME
    before, rest = page.read_text(encoding="utf-8").split(MEASURED_BEGIN)
    after = rest.split(MEASURED_END)[1]
    page.write_text(f"{before}{MEASURED_BEGIN}\n\n{text}\n\n{MEASURED_END}{after}", encoding="utf-8")


def database_version() -> str:
    """Return the database's name and version."""
    return f"PostgreSQL {connection.cursor().connection.info.server_version // 10000}"


def _row(tally: Tally) -> tuple[str, ...]:
    counts = (tally.times, tally.lost, tally.doubled, tally.untrue, tally.done, tally.tasks.total())
    return (tally.name, *map(str, counts), _in_words(tally.median))


def _in_words(span: timedelta) -> str:
    if span == NEVER:
        return "none"
    if not span:
        return "at once"
    minutes = span.total_seconds() / 60
    if minutes < 1:
        return f"{span.total_seconds():.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.0f} h"
