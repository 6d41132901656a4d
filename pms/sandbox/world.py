"""Everything the sandbox knows: offices, keys, write-backs, faults, the clock. One lock guards it all.

Nothing runs in the background. Whoever looks first carries out what has come due by then, in the order in which it
would have happened: write-backs at their time, refreshes on their beat, none of it while the office is offline.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import RLock

from .auth import KeyRing
from .clock import Clock
from .faults import Faults
from .journal import Journal
from .practice import PROFILES
from .truth import Office
from .writebacks import FIRST_ID, Job, Operation, Outcome, Payload

WRITEBACK_DELAY = 5.0
REFRESH_LAG = 900.0


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `refresh_lag` 0 copies every change to the cloud at once."""

    writeback_delay: float = WRITEBACK_DELAY
    refresh_lag: float = REFRESH_LAG
    seed: int = 1
    tell_created_id: bool = True
    data_insert: str = "completed"


class World:
    """The state behind the server. `url` is the server's own, without /v4; hold `lock` while touching anything."""

    def __init__(self, url: str, settings: Settings, clock: Clock) -> None:
        self.url = url
        self.api_url = f"{url}/v4"
        self.lock = RLock()
        self.clock = clock
        self.journal = Journal()
        self._start_settings = settings
        self.reset()

    def reset(self) -> None:
        """Back to the seed, the settings and the clock of the start; the log is emptied."""
        self.clock.restart()
        self.settings = self._start_settings
        now = self.clock.now()
        self.offices = {
            profile.office_id: Office(profile, self.api_url, self.settings.seed, now) for profile in PROFILES
        }
        self.keys = KeyRing(self.settings.seed, {profile.office_id: profile for profile in PROFILES})
        self.jobs: dict[str, tuple[Office, Job]] = {}
        self.faults = Faults()
        self.journal.clear()
        self._job_ids = count(FIRST_ID)

    def accept(self, office: Office, operation: Operation, target: str, payload: Payload, text: str) -> Job:
        """Queue a write-back that was found in order."""
        now = self.clock.now()
        due = now + timedelta(seconds=self.settings.writeback_delay)
        job = Job(str(next(self._job_ids)), operation, target, payload, text, now, due)
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
            text = self.faults.take_failure()
            job.outcome = job.operation.apply(office, job) if text is None else Outcome(text, failed=True)
            job.done_at = job.due_at
        self._refresh_until(office, now)

    def _refresh_until(self, office: Office, instant: datetime) -> None:
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
        if online and not office.online:
            if now - office.copied_at >= timedelta(seconds=self.settings.refresh_lag):
                office.refresh(now)  # a beat that fell into the outage is made up for now, not dated back
            due = now + timedelta(seconds=self.settings.writeback_delay)
            for owner, job in self.jobs.values():
                if owner is office and job.outcome is None:
                    job.due_at = max(job.due_at, due)
        office.online = online
        self.settle()
