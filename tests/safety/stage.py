"""Where the campaign takes place: a practice, its database, and its office, which is the sandbox as a process."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import requests
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from pms.domain.clock import SystemClock
from pms.jobs import sweeps
from pms.models import Booking, BookingState, WriteBack, triggers
from pms.sandbox.practice import APP_ID, APP_KEY
from tests.journeys.houses import SANDBOX, House
from tests.practice import seeded
from tests.talking import ALDER, quiet_day

QUICK = 0.05  # seconds until the office has carried out a write
_LOOK_EVERY_SECONDS = 0.003
_PATIENCE_SECONDS = 20.0
_ROUNDS = 4
_HOURS = ("08:00", "09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00")
_WEEKS = 6
_WEEKDAYS = 4

_WATCH = """
CREATE TABLE safety_steps (place text, was text, became text);
CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO safety_steps VALUES (TG_TABLE_NAME, OLD.state, NEW.state);
    RETURN NULL;
END $$;
CREATE TRIGGER bookings_steps AFTER UPDATE ON bookings
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION note_step();
CREATE TRIGGER write_backs_steps AFTER UPDATE ON write_backs
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION note_step();
"""

Row = dict[str, str]


class DidNotStrike(Exception):
    """A fault was prepared and did not happen: what came after it would prove nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A free hour of the practice: the local day and the wall clock, as a model writes them."""

    day: str
    time: str


def places() -> list[Place]:
    """Return every hour at which the practice is open and has no appointment at all."""
    days = (quiet_day(weekday + 7 * week) for week in range(_WEEKS) for weekday in range(_WEEKDAYS))
    return [Place(day.isoformat(), hour) for day, hour in itertools.product(days, _HOURS)]


def sikka(url: str) -> dict[str, str]:
    """Return the platform's settings for the sandbox at ``url``."""
    return {"baseUrl": f"{url}/v4", "applicationId": APP_ID, "secretKey": APP_KEY}


class Stage:
    """One practice at a time, connected to the sandbox that ``house`` runs."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.account = Account()
        self._ahead = timedelta()
        self.patients: Sequence[str] = ()

    def begin(self) -> None:
        """Start anew: an empty database with one practice, the sandbox as it was seeded, an office that is quick."""
        self.house.ready(SANDBOX)
        self.sim("POST", "reset")
        self._ahead = timedelta()
        triggers.uninstall()
        try:
            call_command("flush", verbosity=0, interactive=False)
        finally:
            triggers.install()
        for cache in caches.all(initialized_only=True):
            cache.clear()
        self.account = seeded()
        self.sim("POST", "config", writeback_delay=QUICK, rate_limit=10**9)
        people = self.sim("GET", "truth", office_id=ALDER)["patients"]
        self.patients = [row["patient_id"] for row in people if row["status"] == "Active"][
            :-1
        ]  # the last is the desk's

    def now(self) -> datetime:
        """Return the instant, here and at the office."""
        return datetime.now(UTC) + self._ahead

    def pass_time(self, passed: timedelta) -> None:
        """Let time pass; what is counted for a minute, such as failures in a row, is forgotten."""
        self._ahead += passed
        self.sim("POST", "clock", advance_seconds=passed.total_seconds())
        caches["limits"].clear()

    @property
    def is_up(self) -> bool:
        """Whether the vendor's server runs, or is about to."""
        return self.house.runs(SANDBOX)

    def sim(self, method: str, path: str, /, **asked: Any) -> Any:
        """Use the sandbox's control plane, as soon as it is there."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self.house.sim(method, path, **asked)
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_EVERY_SECONDS)

    def appointments(self, patient_id: str = "") -> list[Row]:
        """Return the appointments on quiet days, of one patient or all, as the practice's own system has them."""
        first = quiet_day(0).isoformat()
        rows: list[Row] = self.sim("GET", "truth", office_id=ALDER, patient_id=patient_id)["appointments"]
        return [row for row in rows if row["date"] >= first]

    def requests(self) -> list[dict[str, Any]]:
        """Return what the vendor has been asked since the log was emptied."""
        found: list[dict[str, Any]] = self.sim("GET", "requests")["requests"]
        return found

    def until(self, ready: Callable[[], bool]) -> None:
        """Return once ``ready()`` is true. Raises ``DidNotStrike`` if that takes too long."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise DidNotStrike
            time.sleep(_LOOK_EVERY_SECONDS)

    @property
    def is_silent(self) -> bool:
        """Whether the vendor has kept silent to a request: whoever asked hangs there, or did."""
        return any(row["status"] == 0 for row in self.requests())


def work() -> None:
    """Do what the worker does, until nothing more is due."""
    for _ in range(_ROUNDS):
        if not sweeps.follow_write_backs():
            break
    sweeps.do_duties()
    sweeps.housekeeping()


@contextmanager
def own_time(stage: Stage) -> Iterator[None]:
    """Let the product read the stage's time, which passes as the office's does."""
    with (
        mock.patch.object(timezone, "now", stage.now),
        mock.patch.object(SystemClock, "now", side_effect=stage.now),
    ):
        yield


def make_due(rows: Any, now: datetime) -> None:
    """Let the worker look at write-backs now; what a worker that was killed before held is free again."""
    WriteBack.objects.exclude(lease_until=None).update(lease_until=None)
    rows.update(next_attempt_at=now - timedelta(seconds=1), lease_until=None)


def age(rows: Any, passed: timedelta, *names: str) -> None:
    """Move instants of rows into the past, where time shall pass for one caller alone."""
    rows.update(**{name: F(name) - passed for name in names})


def watch_steps() -> None:
    """Have the database note every change of a booking's or a write's state, whoever makes it."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)


def steps_taken() -> set[tuple[str, str, str]]:
    """Return which changes of state there were: the table, the state before, the state after."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT place, was, became FROM safety_steps")
        return set(cursor.fetchall())


def is_over() -> bool:
    """Return whether nothing is held and no write-back is to be followed any more."""
    is_held = Booking.objects.filter(state=BookingState.HELD).exists()
    return not is_held and not WriteBack.objects.filter(next_attempt_at__isnull=False).exists()


def cut_connections() -> int:
    """End every connection to the database but our own; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])
