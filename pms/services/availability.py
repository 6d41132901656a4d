"""Which times can be offered: the practice's hours and rules, minus the PMS's appointments and our own bookings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from pms.domain import errors
from pms.domain.localtime import day_bounds, local_date_of
from pms.domain.records import Appointment, Clinician, DaySchedule, ResourceKind
from pms.models import BLOCKING, AppointmentType, Booking, BookingMode, BookingState, PmsIntegration
from pms.scheduling import hours, reasons
from pms.scheduling.reasons import Reason
from pms.scheduling.rules import Busy, BusyKind, Rule, Team, is_a, resource
from pms.scheduling.slots import Day, Slot, day_slots
from pms.services import directory
from pms.services.gateway import Access

LOOK_AHEAD_DAYS = 14
# Sikka's copy is a day old at the most.
REFUSED_FOR = timedelta(days=1)
Pair = tuple[str, str]  # clinician id, operatory id; empty names any

# What is true whoever was asked for: a time may be taken for weeks, and the practice open while nobody does this.
_WORDS: dict[type[errors.ParlaeError], str] = {
    errors.SlotTaken: "I'm sorry, that time is taken.",
    errors.OutsideHours: "That is outside the hours for that kind of visit.",
}
_DEFAULTS = {"stepMinutes": 15, "minNoticeMinutes": 120, "maxAdvanceDays": 90}


@dataclass(frozen=True, slots=True)
class DayView:
    """One local day: what the engine found, the PMS's own rows it was made from, and the names to say."""

    day: date
    result: Day
    appointments: tuple[Appointment, ...]
    clinicians: dict[str, Clinician]


@dataclass(frozen=True, slots=True)
class Without:
    """What does not stand in the way: one booking of ours, one visit of ours, one appointment of the PMS."""

    booking: UUID | None = None
    visit: UUID | None = None
    appointment: str = ""


NOBODY = Without()


def day_view(
    access: Access,
    *,
    appointment_type: AppointmentType,
    day: date,
    clinician_id: str = "",
    operatory_id: str = "",
    without: Without = NOBODY,
    minutes: int = 0,
) -> DayView:
    """Compute one day afresh from the PMS, for all mapped pairs or only those named, for a visit of ``minutes``.

    ``without`` leaves out what gives way: the asker's own hold, and the appointment that is moved.
    """
    return next(iter(_views(access, appointment_type, [day], (clinician_id, operatory_id), without, minutes)))


def first_with_slots(
    access: Access, *, appointment_type: AppointmentType, day: date, clinician_id: str = ""
) -> DayView:
    """Return the view of ``day`` or, if it has no slot, of the next day within two weeks that has one.

    Returns the view of ``day`` itself if none has. The PMS is read once for all of them.
    """
    days = [day + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS)]
    views = iter(_views(access, appointment_type, days, (clinician_id, "")))
    asked = next(views)
    # Each day is computed when it is looked at, so the first with a slot ends it.
    return next((view for view in chain([asked], views) if view.result.slots), asked)


def why_not(view: DayView, starts_at: datetime) -> errors.ParlaeError:
    """Return the error for a caller who wants exactly ``starts_at``."""
    reason = view.result.why_not(starts_at)
    if reason is None or reason is Reason.HOLD:
        return errors.SlotTaken()
    error = type(reasons.error_for(reason))
    return error(spoken=_WORDS.get(error, ""))


def pair_of(slot: Slot) -> Pair:
    """Return the ids of the slot's clinician and operatory."""
    keys = sorted(slot.team.resources)
    clinician = next(key for key in keys if is_a(ResourceKind.CLINICIAN, key))
    operatory = next(key for key in keys if is_a(ResourceKind.OPERATORY, key))
    return clinician.partition(":")[2], operatory.partition(":")[2]


def rule_for(integration: PmsIntegration, appointment_type: AppointmentType, minutes: int = 0) -> Rule:
    """Return the engine's rule of a type under the practice's settings; ``minutes`` replaces the type's length."""
    config: dict[str, Any] = {**_DEFAULTS, **(integration.config or {})}
    return Rule(
        duration_minutes=minutes or appointment_type.duration_minutes,
        before_minutes=appointment_type.buffer_before_minutes,
        after_minutes=appointment_type.buffer_after_minutes,
        step_minutes=int(config["stepMinutes"]),
        notice_minutes=int(config["minNoticeMinutes"]),
        horizon_days=int(config["maxAdvanceDays"]),
    )


def _views(
    access: Access,
    appointment_type: AppointmentType,
    days: Sequence[date],
    named: Pair,
    without: Without = NOBODY,
    minutes: int = 0,
) -> Iterable[DayView]:
    if appointment_type.mode != BookingMode.DIRECT:
        raise errors.OnRequestOnly
    where = access.integration.account.zone
    rule = rule_for(access.integration, appointment_type, minutes)
    people = directory.clinicians(access)
    pairs = _pairs(access, appointment_type, people, named)
    plans = directory.schedules(access, days[0], days[-1])
    rows = access.pms.list_appointments(days[0], days[-1])
    appointments = [row for row in rows if row.id != without.appointment]
    busy = [*_taken(appointments), *_ours(access, rows, days, without)]
    now = access.clock.now()
    for day in days:
        opening, teams = _open(plans, day, pairs)
        result = day_slots(day=day, where=where, windows=opening, teams=teams, busy=busy, rule=rule, now=now)
        of_day = tuple(a for a in appointments if local_date_of(a.starts_at, where) == day)
        yield DayView(day, result, of_day, people)


def _pairs(access: Access, appointment_type: AppointmentType, people: dict[str, Clinician], named: Pair) -> list[Pair]:
    """Return the mapped pairs, or those of the named ones, whose clinician and operatory the PMS still has."""
    rooms = directory.operatories(access)
    mapped = [(str(pair["clinicianId"]), str(pair["operatoryId"])) for pair in appointment_type.resources]
    return [
        (person, room)
        for person, room in mapped
        if person in people and room in rooms and named[0] in ("", person) and named[1] in ("", room)
    ]


def _open(plans: list[DaySchedule], day: date, pairs: list[Pair]) -> tuple[hours.Windows, list[Team]]:
    """Return the practice's windows and the teams with theirs; hours that the PMS does not tell are never invented."""
    practice = _practice_windows(plans, day)
    teams = []
    for person, room in pairs:
        own = hours.of_schedules(plans, day, ResourceKind.CLINICIAN, person)
        of_room = hours.of_schedules(plans, day, ResourceKind.OPERATORY, room)
        known = [windows for windows in (practice, own, of_room) if windows is not None]
        shared = hours.intersect(*known) if practice is not None or own is not None else ()
        keys = {resource(ResourceKind.CLINICIAN, person), resource(ResourceKind.OPERATORY, room)}
        teams.append(Team(frozenset(keys), shared))
    whole = (hours.Window(0, hours.DAY_MINUTES),)
    return (whole if practice is None else practice), teams


def _practice_windows(plans: list[DaySchedule], day: date) -> hours.Windows | None:
    ids = {plan.resource_id for plan in plans if plan.kind is ResourceKind.PRACTICE and plan.day == day}
    found = [hours.of_schedules(plans, day, ResourceKind.PRACTICE, identifier) for identifier in sorted(ids)]
    return hours.intersect(*[windows for windows in found if windows is not None]) if found else None


def _taken(appointments: Iterable[Appointment]) -> list[Busy]:
    return [
        Busy(
            start=row.starts_at,
            end=row.ends_at,
            # A row that names neither person nor room blocks the whole practice, which is the safe side.
            resources=frozenset(
                [resource(ResourceKind.CLINICIAN, who) for who in (row.clinician_id, *row.assistant_ids) if who]
                + [resource(ResourceKind.OPERATORY, room) for room in (row.operatory_id,) if room]
            ),
        )
        for row in appointments
        if row.status.occupies_time
    ]


def _ours(access: Access, appointments: Iterable[Appointment], days: Sequence[date], without: Without) -> list[Busy]:
    """Return our bookings that the PMS's reads do not show yet; one that they show counts once, as theirs.

    Times that the PMS has just refused are taken too, by somebody whom its copy does not show yet.
    """
    shown = {row.id for row in appointments}
    # What was moved goes on being shown at its old time for a while.
    shown_there = {(row.id, row.starts_at) for row in appointments}
    asked = (access.integration, days, access.integration.account.zone, access.clock.now())
    return [
        Busy(
            start=booking.busy_from,
            end=booking.busy_to,
            resources=frozenset(
                {
                    resource(ResourceKind.OPERATORY, booking.operatory_id),
                    resource(ResourceKind.CLINICIAN, booking.clinician_id),
                }
            ),
            kind=BusyKind.HOLD,
        )
        for booking in (*blocking(*asked), *refused(*asked))
        if booking.pk != without.booking
        and booking.visit_id != without.visit
        and (
            (booking.pms_appointment_id, booking.starts_at) not in shown_there
            if booking.moved_appointment_id
            else booking.pms_appointment_id not in shown
        )
    ]


def refused(integration: PmsIntegration, days: Sequence[date], where: ZoneInfo, now: datetime) -> Iterable[Booking]:
    """Return our bookings that the PMS refused because of somebody whom its copy does not show yet."""
    start, end = day_bounds(days[0], where)[0], day_bounds(days[-1], where)[1]
    return Booking.objects.filter(
        account=integration.account,
        state=BookingState.FAILED,
        write_backs__failure=errors.SlotTaken.code,
        updated_at__gt=now - REFUSED_FOR,
        starts_at__lt=end,
        ends_at__gt=start,
    )


def blocking(integration: PmsIntegration, days: Sequence[date], where: ZoneInfo, now: datetime) -> Iterable[Booking]:
    """Return our bookings that keep their time on these local days."""
    start, end = day_bounds(days[0], where)[0], day_bounds(days[-1], where)[1]
    expired = Q(state=BookingState.HELD, hold_expires_at__lte=now)
    return Booking.objects.filter(BLOCKING, account=integration.account, busy_from__lt=end, busy_to__gt=start).exclude(
        expired
    )
