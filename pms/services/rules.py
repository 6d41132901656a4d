"""A practice's own rules: hours, days, blocked time, kinds of appointment, notice and horizon.

They are read and changed under their public names. A part that is changed is replaced as a whole; what is left out
stays. What the practice's system tells counts before weekly hours, so that these are for what it does not tell
(``services.opening``). Nothing is made up for a practice that has said nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import day_bounds, local_date_of
from pms.domain.records import DaySchedule, ResourceKind
from pms.models import (
    AppointmentType,
    Blockout,
    BookingMode,
    ForPatients,
    PmsIntegration,
    ScheduledKind,
    SpecialDay,
    WeeklyHours,
)
from pms.scheduling import hours
from pms.scheduling.hours import Windows
from pms.services import audit, availability, directory, gateway, integrations, rule_checks
from pms.services.audit import Asker
from pms.services.opening import Calendar, Trio

READ_BUDGET_SECONDS = 15.0
# What lies further back is neither told nor touched.
TOLD_DAYS_BACK = 30
_TOO_LONG_PAST = f"Leave out what is more than {TOLD_DAYS_BACK} days past: it is neither told nor changed."
_WEEK = 7
_OWN_HOURS = {"clinicianHours": ScheduledKind.CLINICIAN, "operatoryHours": ScheduledKind.OPERATORY}
_NAMED = {ScheduledKind.CLINICIAN: "clinicianId", ScheduledKind.OPERATORY: "operatoryId"}

Rules = dict[str, Any]


@dataclass(slots=True)
class _Steps:
    """What a change comes down to in the parts of the rules that have these names; ``fields`` of a row, or all."""

    names: Sequence[str]
    saved: list[Model] = field(default_factory=list)
    deleted: list[Model] = field(default_factory=list)
    fields: Sequence[str] | None = None

    def __bool__(self) -> bool:
        return bool(self.saved or self.deleted)


def read(*, account: Account, clock: Clock) -> Rules:
    """Return the rules, with their ``version`` and the codes of what is ``missing`` as far as our own tables tell."""
    integration = integrations.current(account=account)
    rules = _rules(account, integration, clock.now())
    # A room's hours alone open nothing, and what a connected system tells is not known here.
    may_have_hours = integration is not None or rules["hours"] is not None or bool(rules["clinicianHours"])
    missing = [*([] if may_have_hours else ["no_hours"]), *_types_missing(account)]
    return {**rules, "version": _version(rules), "missing": missing}


def read_with_pms(*, account: Account, asker: Asker, clock: Clock) -> Rules:
    """Return what ``read`` does and what the practice's system tells of the coming week, for whom and where.

    ``missing`` then also names who and what of the rules the system does not have. Raises ``SetupRequired``,
    ``CredentialsRejected``, and what the system raises.
    """
    integration = integrations.active_for(account=account)
    with gateway.reading(
        integration=integration,
        asker=asker,
        action="readRules",
        phi=False,
        clock=clock,
        budget=Budget(READ_BUDGET_SECONDS, clock),
    ) as access:
        today = local_date_of(clock.now(), account.zone)
        days = [today + timedelta(days=number) for number in range(_WEEK)]
        plans = directory.schedules(access, days[0], days[-1])
        people, rooms = directory.clinicians(access), directory.operatories(access)
    told = {
        "clinicians": [{"id": one.id, "name": one.name} for one in people.values()],
        "operatories": [{"id": one.id, "name": one.name} for one in rooms.values()],
        "days": [_told(plans, day) for day in days],
    }
    missing = [*_hours_missing(account, plans, days), *_types_missing(account), *_unknown(account, people, rooms)]
    return {**read(account=account, clock=clock), "missing": missing, "told": told}


def change(*, account: Account, changes: Mapping[str, Any], asker: Asker, clock: Clock) -> Rules:
    """Replace the parts of the rules that ``changes`` names, and return what ``read`` does afterwards.

    Days are dates and instants aware; a ``version`` must be the one that was read last. A kind of appointment that is
    left out is switched off and never deleted, because bookings point at it. Raises ``Invalid`` by field,
    ``IdempotencyConflict`` if somebody else has changed the rules since, and ``SetupRequired`` for settings without a
    connection. Writes evidence, so it may not be called inside a transaction.
    """
    rule_checks.check(changes)
    _require_version(account, changes, clock.now())
    names = sorted(name for steps in _steps(account, changes, clock.now()) if steps for name in steps.names)
    if names:
        _record(account, names, asker)  # what opens times is in the evidence before they are open
        with _locked(account):
            _require_version(account, changes, clock.now())
            for steps in list(_steps(account, changes, clock.now())):
                _take(steps)
    return read(account=account, clock=clock)


def _rules(account: Account, integration: PmsIntegration | None, now: datetime) -> Rules:
    weekly = WeeklyHours.objects.filter(account=account).order_by("resource_id")
    own = {(row.kind, row.resource_id): row.hours for row in weekly}
    config = {**availability.DEFAULTS, **((integration.config or {}) if integration else {})}
    return {
        "hours": own.get((ScheduledKind.PRACTICE, "")),
        **{name: {who: one for (of, who), one in own.items() if of == kind} for name, kind in _OWN_HOURS.items()},
        "specialDays": [
            {"date": row.day, "windows": row.windows, **_whose(row), **_label(row)} for row in _told_days(account, now)
        ],
        "blockouts": [
            {
                "id": str(row.pk),
                "startTime": row.starts_at,
                "endTime": row.ends_at,
                **_whose(row),
                **_label(row),
            }
            for row in _told_blockouts(account, now)
        ],
        "appointmentTypes": [_public(kind) for kind in _kinds(account)],
        **{name: config.get(name) for name in rule_checks.SETTINGS},
    }


def _version(rules: Rules) -> str:
    written = json.dumps(rules, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def _require_version(account: Account, changes: Mapping[str, Any], now: datetime) -> None:
    known = changes.get("version")
    if known and known != _version(_rules(account, integrations.current(account=account), now)):
        raise errors.IdempotencyConflict("Somebody else has changed these rules since you read them; read them again.")


def _public(kind: AppointmentType) -> dict[str, Any]:
    return {
        "id": str(kind.pk),
        "name": kind.name,
        "aliases": kind.aliases,
        "pmsValue": kind.pms_value,
        "durationMinutes": kind.duration_minutes,
        "bufferBeforeMinutes": kind.buffer_before_minutes,
        "bufferAfterMinutes": kind.buffer_after_minutes,
        "mode": kind.mode,
        "forPatients": kind.for_patients,
        "isActive": kind.is_active,
        "resources": kind.resources,
    }


def _whose(row: SpecialDay | Blockout) -> dict[str, str]:
    """Return whom a row is about under its public name; nothing for the whole practice."""
    kind = ScheduledKind(row.kind)
    return {_NAMED[kind]: row.resource_id} if kind in _NAMED else {}


def _label(row: SpecialDay | Blockout) -> dict[str, str]:
    return {"label": row.label} if row.label else {}


def _first_told(account: Account, now: datetime) -> date:
    return local_date_of(now, account.zone) - timedelta(days=TOLD_DAYS_BACK)


def _first_instant(account: Account, now: datetime) -> datetime:
    return day_bounds(_first_told(account, now), account.zone)[0]


def _told_days(account: Account, now: datetime) -> list[SpecialDay]:
    rows = SpecialDay.objects.filter(account=account, day__gte=_first_told(account, now))
    return list(rows.order_by("day", "kind", "resource_id"))


def _told_blockouts(account: Account, now: datetime) -> list[Blockout]:
    rows = Blockout.objects.filter(account=account, ends_at__gt=_first_instant(account, now))
    return list(rows.order_by("starts_at", "pk"))


def _kinds(account: Account) -> list[AppointmentType]:
    return list(AppointmentType.objects.filter(account=account).order_by("position", "name"))


def _types_missing(account: Account) -> list[str]:
    """Return the codes of what keeps kinds of appointment from being offered, by our own rows."""
    active = [kind for kind in _kinds(account) if kind.is_active and kind.mode != BookingMode.OFF]
    without = [kind for kind in active if kind.mode == BookingMode.DIRECT and not kind.resources]
    return [*([] if active else ["no_types"]), *(f"type_without_resources:{kind.name}" for kind in without)]


def _hours_missing(account: Account, plans: Sequence[DaySchedule], days: Sequence[date]) -> list[str]:
    calendar, trios = Calendar(account, plans, days[0], days[-1]), _mapped(account)
    return [] if any(calendar.opening(day, trios).is_told for day in days) else ["no_hours"]


def _unknown(account: Account, people: Container[str], rooms: Container[str]) -> list[str]:
    """Return the codes of the people and rooms that kinds of appointment need and the PMS does not have."""
    codes: dict[str, None] = {}
    for clinician, operatory, assistant in _mapped(account):
        codes |= {f"unknown_clinician:{who}": None for who in (clinician, assistant) if who and who not in people}
        codes |= {f"unknown_operatory:{room}": None for room in (operatory,) if room not in rooms}
    return list(codes)


def _mapped(account: Account) -> list[Trio]:
    """Return the people and rooms of all that is booked directly."""
    direct = [kind for kind in _kinds(account) if kind.is_active and kind.mode == BookingMode.DIRECT]
    resources = [one for kind in direct for one in kind.resources]
    return [(one["clinicianId"], one["operatoryId"], one.get("assistantId") or "") for one in resources]


def _told(plans: Sequence[DaySchedule], day: date) -> dict[str, Any]:
    """Return what the PMS says of one day: ``None`` or nothing where it says nothing, no windows where it is closed."""
    practice = _told_by(plans, day, ResourceKind.PRACTICE)
    return {
        "date": day,
        "practice": _written(hours.intersect(*practice.values())) if practice else None,
        **{
            name: {who: _written(windows) for who, windows in _told_by(plans, day, kind).items()}
            for name, kind in (("clinicians", ResourceKind.CLINICIAN), ("operatories", ResourceKind.OPERATORY))
        },
    }


def _told_by(plans: Sequence[DaySchedule], day: date, kind: ResourceKind) -> dict[str, Windows]:
    names = sorted({plan.resource_id for plan in plans if (plan.day, plan.kind) == (day, kind)})
    return {name: hours.of_schedules(plans, day, kind, name) or () for name in names}


def _written(windows: Windows) -> list[list[str]]:
    return [[f"{minute // 60:02}:{minute % 60:02}" for minute in window] for window in windows]


# What a change comes down to


def _steps(account: Account, changes: Mapping[str, Any], now: datetime) -> Iterator[_Steps]:
    """Yield what is to be done for what is changed. Raises ``Invalid`` and ``SetupRequired``."""
    for name in ("hours", *_OWN_HOURS):
        if name in changes:
            yield _weekly(account, name, changes[name])
    if "specialDays" in changes:
        yield _special_days(account, changes["specialDays"], now)
    if "blockouts" in changes:
        yield _blockouts(account, changes["blockouts"], now)
    if "appointmentTypes" in changes:
        yield _types(account, changes["appointmentTypes"])
    settings = {name: changes[name] for name in rule_checks.SETTINGS if name in changes}
    if settings:
        yield _settings(account, settings)


def _weekly(account: Account, name: str, given: Any) -> _Steps:
    kind = _OWN_HOURS.get(name, ScheduledKind.PRACTICE)
    wanted: Mapping[str, Any] = given if name in _OWN_HOURS else {} if given is None else {"": given}
    stored = {row.resource_id: row for row in WeeklyHours.objects.filter(account=account, kind=kind)}
    steps = _Steps([name], deleted=[row for who, row in stored.items() if who not in wanted])
    for who, weekly in wanted.items():
        row = stored.get(who) or WeeklyHours(account=account, kind=kind, resource_id=who)
        if row.pk is None or row.hours != weekly:
            row.hours = weekly
            steps.saved.append(row)
    return steps


def _special_days(account: Account, given: Sequence[Mapping[str, Any]], now: datetime) -> _Steps:
    wanted = {(*rule_checks.whose(one), one["date"]): one for one in given}
    stored = {(row.kind, row.resource_id, row.day): row for row in SpecialDay.objects.filter(account=account)}
    left, first = [row for key, row in stored.items() if key not in wanted], _first_told(account, now)
    steps = _Steps(["specialDays"], deleted=[row for row in left if row.day >= first])
    problems: dict[str, str] = {}
    for number, ((kind, who, day), one) in enumerate(wanted.items()):
        row = stored.get((kind, who, day)) or SpecialDay(account=account, kind=kind, resource_id=who, day=day)
        says = (one["windows"], one.get("label") or "")
        if row.pk is None or (row.windows, row.label) != says:
            row.windows, row.label = says
            steps.saved.append(row)
            if day < first:
                problems[f"specialDays.{number}.date"] = _TOO_LONG_PAST
    if problems:
        raise errors.Invalid(fields=problems)
    return steps


def _blockouts(account: Account, given: Sequence[Mapping[str, Any]], now: datetime) -> _Steps:
    """Return the steps for blocked time, which is made and taken away, and never changed in place."""
    wanted = dict.fromkeys(
        (*rule_checks.whose(one), one["startTime"], one["endTime"], one.get("label") or "") for one in given
    )
    begin = _first_instant(account, now)
    stored = {
        (row.kind, row.resource_id, row.starts_at, row.ends_at, row.label): row
        for row in Blockout.objects.filter(account=account)
    }
    new = [
        Blockout(account=account, kind=kind, resource_id=who, starts_at=start, ends_at=end, label=label)
        for kind, who, start, end, label in wanted
        if (kind, who, start, end, label) not in stored
    ]
    past = {row.ends_at for row in new if row.ends_at <= begin}
    problems = {
        f"blockouts.{number}.endTime": _TOO_LONG_PAST for number, one in enumerate(given) if one["endTime"] in past
    }
    if problems:
        raise errors.Invalid(fields=problems)
    left = [row for key, row in stored.items() if key not in wanted]
    return _Steps(["blockouts"], saved=[*new], deleted=[row for row in left if row.ends_at > begin])


def _types(account: Account, given: Sequence[Mapping[str, Any]]) -> _Steps:
    stored = _kinds(account)
    was = {kind.pk: (_public(kind), kind.position) for kind in stored}
    rows = _rows_of(account, given, stored)
    for row, one in zip(rows, given, strict=True):
        _fill(row, one)
    left = [kind for kind in stored if kind not in rows]
    for row in left:
        row.is_active = False
    for position, row in enumerate((*rows, *left)):
        row.position = position
    changed = [row for row in (*left, *rows) if was.get(row.pk) != (_public(row), row.position)]
    return _Steps(["appointmentTypes"], saved=[*changed])


def _rows_of(
    account: Account, given: Sequence[Mapping[str, Any]], stored: Sequence[AppointmentType]
) -> list[AppointmentType]:
    """Return the row of each kind that is given: the one of its id, else the one of its name, else a new one.

    Raises ``Invalid`` for an id that is none of the practice's, and for a name that a kind keeps which is left out.
    """
    by_id = {str(kind.pk): kind for kind in stored}
    named = {str(one["id"]) for one in given if one.get("id")}
    by_name = {kind.name: kind for pk, kind in by_id.items() if pk not in named}
    problems: dict[str, str] = {}
    rows = []
    for number, one in enumerate(given):
        row = by_id.get(str(one["id"])) if one.get("id") else by_name.get(one["name"])
        if one.get("id") and row is None:
            problems[f"appointmentTypes.{number}.id"] = "The practice has no type of this id; leave it out."
        elif one.get("id") and one["name"] in by_name:
            problems[f"appointmentTypes.{number}.name"] = "Another type, which is switched off, has this name."
        rows.append(row or AppointmentType(account=account))
    if problems:
        raise errors.Invalid(fields=problems)
    return rows


def _fill(row: AppointmentType, one: Mapping[str, Any]) -> None:
    row.name = one["name"]
    row.aliases = list(one.get("aliases", ()))
    row.pms_value = one.get("pmsValue", "")
    row.duration_minutes = one["durationMinutes"]
    row.buffer_before_minutes = one.get("bufferBeforeMinutes", 0)
    row.buffer_after_minutes = one.get("bufferAfterMinutes", 0)
    row.mode = one.get("mode", BookingMode.DIRECT)
    row.for_patients = one.get("forPatients", ForPatients.ANYONE)
    row.is_active = rule_checks.is_active(one)
    row.resources = [{name: who for name, who in each.items() if who} for each in one.get("resources", ())]


def _settings(account: Account, given: Mapping[str, Any]) -> _Steps:
    """Return the steps for the settings, which live in the connection; ``None`` is what is usual."""
    integration = integrations.current(account=account)
    if integration is None:
        raise errors.SetupRequired
    usual = availability.DEFAULTS
    config = integration.config or {}
    kept = {**usual, **config}
    differing = {
        name: value for name, value in given.items() if (usual.get(name) if value is None else value) != kept.get(name)
    }
    wanted = {**config, **differing}
    integration.config = {name: value for name, value in wanted.items() if name not in given or value is not None}
    saved: list[Model] = [integration] if differing else []
    return _Steps(sorted(differing), saved=saved, fields=("config", "updated_at"))


def _take(steps: _Steps) -> None:
    for row in steps.deleted:
        row.delete()
    _step_aside([row for row in steps.saved if isinstance(row, AppointmentType)])
    for row in steps.saved:
        row.save(update_fields=steps.fields)


def _step_aside(rows: Sequence[AppointmentType]) -> None:
    """Free the names that kinds give to one another: no two of a practice have the same name, also for a moment."""
    wanted = {row.name: row.pk for row in rows}
    for holder in AppointmentType.objects.filter(pk__in=[row.pk for row in rows], name__in=wanted):
        if wanted[holder.name] != holder.pk:
            holder.name = str(holder.pk)
            holder.save(update_fields=["name"])


@contextmanager
def _locked(account: Account) -> Iterator[None]:
    """Open a short transaction in which nobody else changes the practice's rules or its connection."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        yield


def _record(account: Account, names: Sequence[str], asker: Asker) -> None:
    audit.record_event_by(asker, "rules.changed", account_id=account.pk, detail={"parts": " ".join(names)})
