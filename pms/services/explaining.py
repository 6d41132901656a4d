"""Why a time is not offered, for the people at a practice: a reason for every start of a day, and what is in the way.

No patient is named: what is in the way is told by its time, and by whose time it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from accounts import baa
from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.identity import letters
from pms.domain.localtime import local_date_of
from pms.domain.records import ResourceKind
from pms.models import AppointmentType, BookingMode, ConnectionStatus, PmsIntegration
from pms.scheduling.reasons import Reason
from pms.scheduling.refusals import Refusal, occupied
from pms.scheduling.rules import Busy, BusyKind, resource
from pms.scheduling.slots import Slot
from pms.services import availability, directory, freshness, gateway, health, integrations
from pms.services.audit import Asker
from pms.services.availability import DayView, Sought
from pms.services.gateway import Access

BUDGET_SECONDS = 15.0
LONGEST_BACK = timedelta(days=31)
LONGEST_AHEAD = timedelta(days=730)

TEXTS: Mapping[Reason, str] = {
    Reason.HOLD: "The time is kept for a caller, or for a booking that the practice's system does not show yet.",
    Reason.BUFFER: "The time itself is free, but not the minutes that are kept free before or after it.",
    Reason.ROOM_BUSY: "The room is taken then.",
    Reason.CLINICIAN_BUSY: "The clinician has another appointment then.",
    Reason.RESOURCE_BUSY: "Something else that the appointment needs is taken then.",
    Reason.BLOCKOUT: "The time is blocked, for the practice or for somebody whom the appointment needs.",
    Reason.NOT_ON_GRID: "Appointments do not start at that minute.",
    Reason.DOES_NOT_FIT: "The appointment would not end before the break or the end of the day.",
    Reason.NOTICE: "It is too soon: the practice's minimum notice would not be kept.",
    Reason.HORIZON: "It is further ahead than the practice lets anybody book.",
    Reason.CLOSED: "Nobody who does this is at work then, or the practice is closed.",
    Reason.NO_HOURS: "Neither the practice's system nor the practice's rules say when it is open on that day.",
    Reason.NO_MAPPING: "Nobody in the rules does this in a room, or the practice's system does not have them any more.",
}
# What keeps all times from being booked directly for the moment.
HINDRANCES: Mapping[str, str] = {
    "agreement_missing": "The practice has not accepted the agreement yet, so no patient data is touched.",
    "paused": "The practice has paused the agent.",
    "booking_off": "Booking by the agent is switched off for the practice.",
    "connection_inactive": "The connection to the practice's system is not active.",
    "circuit_open": "The practice's system did not answer several times in a row and is left alone for a moment.",
    "office_offline": "The office's computer cannot be reached, so nothing can be written to the practice's system.",
    "copy_too_old": "What is seen of the practice's system is {age} old, which is more than the practice allows.",
    "copy_of_unknown_age": "Nobody has told how old what is seen of the practice's system is.",
    "type_inactive": "This kind of appointment is switched off.",
    "type_off": "This kind of appointment is not given by the agent.",
    "type_on_request": "This kind of appointment is only taken as a request, which the team answers.",
}
NOT_READ = "The practice's system was not asked, so the times of that day are not known."
_KINDS = {BusyKind.APPOINTMENT: "appointment", BusyKind.BLOCKOUT: "blockout", BusyKind.HOLD: "booking"}
_MODES = {BookingMode.OFF: "type_off", BookingMode.REQUEST: "type_on_request"}

Told = dict[str, Any]


def explain(
    *, account: Account, day: date, appointment_type: str, asker: Asker, clock: Clock, clinician_id: str = ""
) -> Told:
    """Return, for every start of a day, whether it is offered, and if not, why and what is in the way.

    ``appointment_type`` is an id, a name or an alias. Where the practice's system may not be asked there are no times,
    and ``bookable`` says why. Raises ``Invalid`` by field, and what the system raises.
    """
    kind = _kind(account, appointment_type)
    _require_near(account, day, clock)
    integration = integrations.current(account=account)
    hindrances = [*_of_practice(account, integration), *_of_type(kind)]
    found: Told = {"day": {"reason": {"code": "not_read", "text": NOT_READ}}, "times": []}
    if integration is not None and integration.status == ConnectionStatus.ACTIVE and baa.is_accepted(account):
        try:
            found = _read(integration, kind, day, clinician_id, asker, clock)
        except errors.CircuitOpen:
            hindrances.append("circuit_open")
        hindrances += _of_connection(integration, clock)
    reasons = [_hindrance(code, integration, clock) for code in HINDRANCES if code in hindrances]
    bookable = {"mode": kind.mode, "reasons": reasons}
    return {"date": day, "appointmentType": kind.name, "bookable": bookable, **found}


def _kind(account: Account, said: str) -> AppointmentType:
    """Return the kind that is meant by id, name or alias; one that is switched off only if no other is meant."""
    kinds = list(AppointmentType.objects.filter(account=account).order_by("position", "name"))
    found = [kind for kind in kinds if str(kind.pk) == _canonical(said)]
    if not found and letters(said):
        found = [kind for kind in kinds if letters(said) in {letters(name) for name in (kind.name, *kind.aliases)}]
        found = [kind for kind in found if kind.is_active] or found
    if len(found) != 1:
        raise errors.Invalid(fields={"appointmentType": "Choose one of the practice's types."})
    return found[0]


def _canonical(said: str) -> str:
    try:
        return str(UUID(said))
    except ValueError:
        return ""


def _require_near(account: Account, day: date, clock: Clock) -> None:
    today = local_date_of(clock.now(), account.zone)
    if not today - LONGEST_BACK <= day <= today + LONGEST_AHEAD:
        raise errors.Invalid(
            fields={"date": f"Use a day at most {LONGEST_BACK.days} days back and {LONGEST_AHEAD.days} ahead."}
        )


def _of_practice(account: Account, integration: PmsIntegration | None) -> Iterator[str]:
    if not baa.is_accepted(account):
        yield "agreement_missing"
    if account.is_paused:
        yield "paused"
    if integration is None or integration.status != ConnectionStatus.ACTIVE:
        yield "connection_inactive"
        return
    is_on = (integration.features or {}).get("booking", False)
    if not (is_on and (integration.config or {}).get("allowOnlineBooking", True)):
        yield "booking_off"


def _of_type(kind: AppointmentType) -> Iterator[str]:
    if not kind.is_active:
        yield "type_inactive"
    if kind.mode in _MODES:
        yield _MODES[BookingMode(kind.mode)]


def _of_connection(integration: PmsIntegration, clock: Clock) -> Iterator[str]:
    now = clock.now()
    if integration.office_is_offline:
        yield "office_offline"
    if health.is_stale(integration, now):
        yield "copy_of_unknown_age" if health.age(integration, now) is None else "copy_too_old"


def _hindrance(code: str, integration: PmsIntegration | None, clock: Clock) -> dict[str, str]:
    age = health.age(integration, clock.now()) if integration else None
    return {"code": code, "text": HINDRANCES[code].format(age=say_age(age or timedelta(0)))}


def say_age(age: timedelta) -> str:
    """Return a length of time as a person would round it."""
    minutes = age // timedelta(minutes=1)
    if minutes < 120:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _read(
    integration: PmsIntegration, kind: AppointmentType, day: date, clinician_id: str, asker: Asker, clock: Clock
) -> Told:
    sought = Sought(appointment_type=kind, clinician_id=clinician_id, is_approved=True)
    with gateway.reading(
        integration=integration,
        asker=asker,
        action="explainOpenings",
        phi=True,
        clock=clock,
        budget=Budget(BUDGET_SECONDS, clock),
    ) as access:
        _look_again(access)
        view = availability.day_view(access, sought, day)
        names = _names(access, view)
        times = [
            *(_offered(slot, view) for slot in view.result.slots),
            *(_refused(refusal, names) for refusal in view.result.refusals),
        ]
        access.summary["slots"], access.summary["refused"] = len(view.result.slots), len(view.result.refusals)
    reason = view.result.reason
    return {
        "day": {"reason": _told(reason) if reason else None},
        "times": sorted(times, key=lambda one: one["startTime"]),
    }


def _look_again(access: Access) -> None:
    """Have an old copy and an offline office looked at again, as for a caller; what comes of it is told, not raised."""
    for required in (freshness.require_current, freshness.require_office):
        with suppress(freshness.RequestsOnly):
            required(access)


def _names(access: Access, view: DayView) -> dict[str, str]:
    """Return what people and rooms are called, by their key in the engine."""
    people = {resource(ResourceKind.CLINICIAN, one.id): one.name for one in view.clinicians.values()}
    rooms = directory.operatories(access).values()
    return people | {resource(ResourceKind.OPERATORY, one.id): one.name for one in rooms}


def _offered(slot: Slot, view: DayView) -> Told:
    clinician_id, operatory_id, _ = availability.trio_of(slot)
    return {
        "startTime": slot.start,
        "offered": True,
        "providerId": clinician_id,
        "providerName": view.clinicians[clinician_id].name,
        "operatoryId": operatory_id,
    }


def _refused(refusal: Refusal, names: Mapping[str, str]) -> Told:
    in_the_way = [_row(row, names) for row in sorted(refusal.rows, key=lambda row: (row.start, row.end))]
    return {
        "startTime": refusal.start,
        "offered": False,
        "reason": _told(refusal.reason),
        **({"inTheWay": in_the_way} if in_the_way else {}),
    }


def _row(row: Busy, names: Mapping[str, str]) -> Told:
    start, end = occupied(row)
    return {
        "kind": _KINDS[row.kind],
        "startTime": start,
        "endTime": end,
        # A person or a room that the practice's system does not list any more has only its id.
        "whose": [names.get(key, key.partition(":")[2]) for key in sorted(row.resources)],
    }


def _told(reason: Reason) -> dict[str, str]:
    return {"code": reason.value, "text": TEXTS[reason]}
