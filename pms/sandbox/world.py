"""Everything the sandbox knows: offices, keys, write-backs, Vapi's objects, faults, the clock. One lock guards it all.

Nothing runs in the background. Whoever looks first carries out what has come due by then, in the order in which it
would have happened: write-backs at their time, refreshes on their beat, none of it while the office is offline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock

from .auth import KeyRing
from .clock import Clock
from .faults import Faults
from .journal import Journal
from .practice import PROFILES
from .truth import Office
from .vapi import Org
from .writebacks import FIRST_ID, Job, Operation, Outcome, Payload

WRITEBACK_DELAY = 5.0
REFRESH_LAG = 900.0


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `refresh_lag` 0 copies every change to the cloud at once.

    `writeback_delays` has those of single operations, such as {"POST patient": 60.0}. `extra_fields` stand in every row
    of the reads, beside those that are documented.
    """

    writeback_delay: float = WRITEBACK_DELAY
    writeback_delays: Mapping[str, float] = field(default_factory=dict)
    refresh_lag: float = REFRESH_LAG
    seed: int = 1
    tell_created_id: bool = True
    data_insert: str = "completed"
    extra_fields: Mapping[str, object] = field(default_factory=dict)

    def delay_of(self, operation: Operation) -> timedelta:
        """How long the office takes to carry this out."""
        return timedelta(seconds=self.writeback_delays.get(operation.name, self.writeback_delay))


class World:
    """The state behind the server. `url` is the server's own, without /v4; hold `lock` while touching anything."""

    def __init__(self, url: str, settings: Settings, clock: Clock) -> None:
        self.url = url
        self.api_url = f"{url}/v4"
        self.lock = RLock()
        self.clock = clock
        self.journal = Journal()
        self.life = 0  # counts the resets: a request that waited across one is of a world that is gone
        self._start_settings = settings
        self.reset()

    def reset(self) -> None:
        """Back to the seed, the settings and the clock of the start; the log is emptied."""
        self.clock.restart()
        self.found(self._start_settings, self.clock.now())

    def found(self, settings: Settings, instant: datetime) -> None:
        """Begin with the practices as they are on the day of `instant`; everything else is empty."""
        self.settings, self.founded = settings, instant
        self.offices = {
            profile.office_id: Office(profile, self.api_url, settings.seed, instant) for profile in PROFILES
        }
        self.keys = KeyRing(self.settings.seed, {profile.office_id: profile for profile in PROFILES})
        self.jobs: dict[str, tuple[Office, Job]] = {}
        self.faults = Faults()
        self.vapi = Org.found(instant)
        self.journal.clear()
        self.life += 1
        self.next_job = FIRST_ID

    def accept(self, office: Office, operation: Operation, target: str, payload: Payload, text: str) -> Job:
        """Queue a write-back that was found in order."""
        now = self.clock.now()
        due = now + self.settings.delay_of(operation)
        job = Job(str(self.next_job), operation, target, payload, text, now, due)
        self.next_job += 1
        self.jobs[job.id] = (office, job)
        return job

    def settle(self) -> datetime:
        """Carry out all that has come due; returns the sandbox's instant."""
        now = self.clock.now()
        for office in self.offices.values():
            if office.online:
                self._settle(office, now)
                office.seen_at = now
        return now

    def _settle(self, office: Office, now: datetime) -> None:
        waiting = [job for owner, job in self.jobs.values() if owner is office and job.outcome is None]
        for job in sorted(waiting, key=lambda job: (job.due_at, int(job.id))):
            if job.due_at > now:
                break
            self._refresh_until(office, job.due_at)
            text = self.faults.take_failure(job.operation.method, job.operation.api)
            job.outcome = job.operation.carry_out(office, job) if text is None else Outcome(text, failed=True)
            job.done_at = job.due_at
        self._refresh_until(office, now)

    def _refresh_until(self, office: Office, instant: datetime) -> None:
        if not office.copying:
            return
        lag = timedelta(seconds=self.settings.refresh_lag)
        if lag:
            beats = (instant - office.copied_at) // lag
            if beats > 0:
                office.refresh(office.copied_at + beats * lag)
        elif office.stale:
            office.refresh(instant)

    def set_online(self, office: Office, online: bool) -> None:
        """Switch the office's computer off or on; what waited meanwhile starts anew with its full delay."""
        now = self.settle()
        is_back = online and not office.online
        office.online = online
        if is_back:
            self._catch_up(office, now)
            for owner, job in self.jobs.values():
                if owner is office and job.outcome is None:
                    job.due_at = max(job.due_at, now + self.settings.delay_of(job.operation))
        self.settle()

    def set_copying(self, office: Office, copying: bool) -> None:
        """Stop or restart the copies to the cloud alone; the office goes on carrying out writes."""
        now = self.settle()
        is_back = copying and not office.copying
        office.copying = copying
        if is_back:
            self._catch_up(office, now)
        self.settle()

    def _catch_up(self, office: Office, now: datetime) -> None:
        """Make up now for a beat that was missed, rather than dating it back."""
        is_due = now - office.copied_at >= timedelta(seconds=self.settings.refresh_lag)
        if is_due and office.online and office.copying:
            office.refresh(now)
