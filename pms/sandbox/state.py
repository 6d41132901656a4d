"""What outlives the process: a file with everything that an answer has told or promised.

The file is JSON and only ever replaced as a whole, so that a process killed at any moment leaves the old one or the
new one. (Not so a power cut: nothing is flushed to the disk.) Of an office it holds the rows that differ from those of
the first day, which follow from the seed; links are left out of them, because the next process may listen elsewhere.
The log of requests is not kept.
"""

import json
import os
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .auth import Key, Meter
from .faults import Failure, Fault, Faults, Loss
from .fields import APPOINTMENTS, MEDICAL_NOTES, PATIENTS, TRANSACTIONS, FieldTable, Row
from .operations import OPERATIONS
from .rows import is_link
from .truth import Office, Store
from .vapi import Org
from .world import Settings, World
from .writebacks import Job, Outcome

FORMAT = 3

# The rows of a store, by their name there.
_TABLES = {
    "patients": PATIENTS,
    "appointments": APPOINTMENTS,
    "notes": MEDICAL_NOTES,
    "transactions": TRANSACTIONS,
}
_COUNTERS = ("next_patient", "next_appointment", "next_note", "next_transaction")

Saved = dict[str, Any]


class Unusable(Exception):
    """The file is not a state that this sandbox can go on from."""


class StateFile:
    """Where a world is kept. Two processes must not share one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.new")

    def restore(self, world: World) -> None:
        """Go on where the last process was; without a file, from the start. Raises `Unusable`."""
        if not self._path.exists():
            return
        try:
            saved: Saved = json.loads(self._path.read_bytes())
            if saved["format"] != FORMAT:
                raise Unusable(f"{self._path} was written by another version of the sandbox")
            _restore(world, saved)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unusable(f"{self._path} is not a state of the sandbox: {error!r}") from error
        if saved["fingerprints"] != _fingerprints(world):
            raise Unusable(f"{self._path} is about practices that this version of the sandbox does not make")

    def save(self, world: World) -> None:
        """Write all of it; once this returns, it outlives the process."""
        self._draft.write_text(json.dumps(_saved(world), default=datetime.isoformat))
        os.replace(self._draft, self._path)


def _fingerprints(world: World) -> dict[str, str]:
    return {office_id: office.seed.fingerprint for office_id, office in world.offices.items()}


def _saved(world: World) -> Saved:
    keys = world.keys
    return {
        "format": FORMAT,
        "fingerprints": _fingerprints(world),
        "founded": world.founded,
        "ahead_seconds": world.clock.ahead().total_seconds(),
        "settings": asdict(world.settings),
        "faults": asdict(world.faults),
        "keys": {
            "rate_limit": keys.rate_limit,
            "scope": keys.scope,
            "rotate": keys.rotate,
            "issued": keys.issued,
            "refresh_keys": keys.refresh_keys,
            "keys": [asdict(key) for key in keys.keys.values()],
            "meters": {holder: asdict(meter) for holder, meter in keys.meters.items()},
        },
        "offices": {office_id: _saved_office(office) for office_id, office in world.offices.items()},
        "vapi": asdict(world.vapi),
        "next_job": world.next_job,
        "jobs": [_saved_job(office, job) for office, job in world.jobs.values()],
    }


def _restore(world: World, saved: Saved) -> None:
    world.clock.resume(timedelta(seconds=saved["ahead_seconds"]))
    world.found(Settings(**saved["settings"]), datetime.fromisoformat(saved["founded"]))
    _restore_faults(world.faults, saved["faults"])
    _restore_keys(world, saved["keys"])
    for office_id, office in world.offices.items():
        _restore_office(office, saved["offices"][office_id])
    world.vapi = Org(**saved["vapi"])
    world.next_job = saved["next_job"]
    for one in saved["jobs"]:
        job = _restored_job(one)
        world.jobs[job.id] = (world.offices[one["office"]], job)


def _restore_faults(faults: Faults, saved: Saved) -> None:
    faults.latency, faults.latency_path = saved["latency"], saved["latency_path"]
    faults.queue = [Fault(**one) for one in saved["queue"]]
    faults.losses = [Loss(**one) for one in saved["losses"]]
    faults.failures = [Failure(**one) for one in saved["failures"]]


def _restore_keys(world: World, saved: Saved) -> None:
    ring = world.keys
    ring.rate_limit, ring.scope, ring.rotate = saved["rate_limit"], saved["scope"], saved["rotate"]
    ring.issued, ring.refresh_keys = saved["issued"], saved["refresh_keys"]
    ring.keys = {one["value"]: Key(**_with_times(one, "start", "expires")) for one in saved["keys"]}
    ring.meters = {holder: Meter(**_with_times(one, "start")) for holder, one in saved["meters"].items()}


def _saved_office(office: Office) -> Saved:
    return {
        "truth": _changes(office, office.truth),
        "cloud": _changes(office, office.cloud),
        "access": office.access,
        "online": office.online,
        "copying": office.copying,
        "seen_at": office.seen_at,
        "copied_at": office.copied_at,
        "stale": office.stale,
        **{name: getattr(office, name) for name in _COUNTERS},
    }


def _restore_office(office: Office, saved: Saved) -> None:
    office.truth, office.cloud = _restored(office, saved["truth"]), _restored(office, saved["cloud"])
    office.access, office.online, office.copying = saved["access"], saved["online"], saved["copying"]
    office.seen_at = datetime.fromisoformat(saved["seen_at"])
    office.copied_at = datetime.fromisoformat(saved["copied_at"])
    office.stale = saved["stale"]
    for name in _COUNTERS:
        setattr(office, name, saved[name])


def _changes(office: Office, store: Store) -> Saved:
    first = office.seed.store
    return {name: _changed(office, getattr(store, name), getattr(first, name)) for name in _TABLES}


def _changed(office: Office, rows: dict[str, Row], first: dict[str, Row]) -> Saved:
    """The rows that are not those of the first day: rows are only ever added or replaced."""
    host = office.write.api_url
    return {
        number: {name: value.removeprefix(host) if is_link(name) else value for name, value in row.items() if value}
        for number, row in rows.items()
        if first.get(number) is not row
    }


def _restored(office: Office, saved: Saved) -> Store:
    first = office.seed.store
    return Store(**{name: getattr(first, name) | _rows(office, table, saved[name]) for name, table in _TABLES.items()})


def _rows(office: Office, table: FieldTable, saved: dict[str, Row]) -> dict[str, Row]:
    host = office.write.api_url
    return {
        number: table.row(**{name: host + value if is_link(name) else value for name, value in row.items()})
        for number, row in saved.items()
    }


def _saved_job(office: Office, job: Job) -> Saved:
    values = {name: getattr(job, name) for name in ("id", "target", "payload", "text", "accepted_at", "due_at")}
    outcome = asdict(job.outcome) if job.outcome else None
    return {
        **values,
        "office": office.profile.office_id,
        "operation": job.operation.name,
        "done_at": job.done_at,
        "outcome": outcome,
    }


def _restored_job(saved: Saved) -> Job:
    return Job(
        saved["id"],
        OPERATIONS[saved["operation"]],
        saved["target"],
        saved["payload"],
        saved["text"],
        datetime.fromisoformat(saved["accepted_at"]),
        datetime.fromisoformat(saved["due_at"]),
        datetime.fromisoformat(saved["done_at"]) if saved["done_at"] else None,
        Outcome(**saved["outcome"]) if saved["outcome"] else None,
    )


def _with_times(saved: Saved, *names: str) -> Saved:
    return saved | {name: datetime.fromisoformat(saved[name]) for name in names}
