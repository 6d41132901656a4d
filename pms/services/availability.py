"""Which times can be offered: the practice's hours and rules, minus the PMS's appointments and our own bookings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pms.domain import errors
from pms.domain.localtime import day_bounds, local_date_of
from pms.domain.records import Appointment, Clinician, ResourceKind
from pms.models import AppointmentType, Booking, BookingMode, BookingState, Call, PmsIntegration, WriteBack
from pms.scheduling import reasons
from pms.scheduling.reasons import Reason
from pms.scheduling.rules import Busy, BusyKind, Rule, resource
from pms.scheduling.slots import Day, Slot, days_slots
from pms.services import directory, freshness, opening, plain
from pms.services.gateway import Access
from pms.services.opening import Trio

# Most callers find a time in the first fortnight. Only if there is none, the rest is read, all at once.
FIRST_DAYS = 14
LOOK_AHEAD_DAYS = 180
# Sikka's copy is a day old at the most.
REFUSED_FOR = timedelta(days=1)

# What is true whoever was asked for: a time may be taken for weeks, and the practice open while nobody does this.
_WORDS: dict[type[errors.ParlaeError], str] = {
    errors.SlotTaken: "I'm sorry, that time is taken.",
    errors.OutsideHours: "That is outside the hours for that kind of visit.",
}
_NOT_KNOWN = {
    Reason.NO_HOURS: "I can't see the practice's hours for that day, so I can't book a time on it.",
    Reason.NO_MAPPING: "I can't see anybody in the schedule with whom I could book that.",
}
_STATES = BookingState
_KEEPING_TIME = (
    f"SELECT {plain.columns(Booking)} FROM {plain.table(Booking)}"  # noqa: S608  # constants of ours
    " WHERE account_id = %s AND busy_to > %s AND busy_from < %s"
    f" AND (state IN ('{_STATES.PENDING}', '{_STATES.UNKNOWN}')"
    f" OR (state = '{_STATES.HELD}' AND hold_expires_at > %s)"
    f" OR (state = '{_STATES.CONFIRMED}' AND (verified_at IS NULL OR assistant_id <> ''))"
    f" OR (state = '{_STATES.FAILED}' AND updated_at > %s AND EXISTS (SELECT 1 FROM {plain.table(WriteBack)}"
    f" WHERE booking_id = {plain.table(Booking)}.id AND failure = %s)))"
)
DEFAULTS = {"stepMinutes": 15, "minNoticeMinutes": 120, "maxAdvanceDays": 90}


@dataclass(frozen=True, slots=True)
class DayView:
    """One local day: what the engine found, the PMS's own rows it was made from, and the names to say."""

    day: date
    result: Day
    appointments: tuple[Appointment, ...]
    clinicians: dict[str, Clinician]


@dataclass(frozen=True, slots=True)
class Found:
    """The first day with a slot or, if there is none, the day that was asked for, and the last day looked at."""

    view: DayView
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What times are looked for: of a type, with these people in this room or, where none is named, with any.

    ``minutes`` replaces the type's length. ``is_approved`` says that a person at the practice wants it, whatever the
    type's mode and however old the vendor's copy. What gives way is left out: one booking of ours, one visit of ours,
    one appointment of the PMS, and times that are held in the asker's own call.
    """

    appointment_type: AppointmentType
    clinician_id: str = ""
    operatory_id: str = ""
    assistant_id: str | None = None
    minutes: int = 0
    is_approved: bool = False
    without_booking: UUID | None = None
    without_visit: UUID | None = None
    without_appointment: str = ""
    call: Call | None = None


def day_view(access: Access, sought: Sought, day: date) -> DayView:
    """Compute one day afresh from the PMS. Raises ``OnRequestOnly`` where nothing may be booked directly."""
    return next(_views(access, sought, [day]))


def first_with_slots(access: Access, sought: Sought, day: date) -> Found:
    """Return the view of ``day`` or, if it has no slot, of the next day that has one, up to 180 days ahead.

    The PMS is read once for the first fortnight, and once more for all the rest if nothing is open in it.
    """
    where = access.integration.account.zone
    last = rule_for(access.integration, sought.appointment_type).last_day(access.clock.now(), where)
    until = min(last or date.max, day + timedelta(days=LOOK_AHEAD_DAYS))
    days = [day + timedelta(days=n) for n in range(max((until - day).days, 0) + 1)]
    asked = None
    for some in (days[:FIRST_DAYS], days[FIRST_DAYS:]):
        for view in _views(access, sought, some) if some else ():
            asked = asked or view
            if view.result.slots:
                return Found(view, days[-1])
    if asked is None:
        raise errors.Internal  # there is at least the day that was asked for
    return Found(asked, days[-1])


def why_not(view: DayView, starts_at: datetime) -> errors.ParlaeError:
    """Return the error for a caller who wants exactly ``starts_at``."""
    reason = view.result.why_not(starts_at)
    if reason is None or reason is Reason.HOLD:
        return errors.SlotTaken()
    error = type(reasons.error_for(reason))
    return error(spoken=_NOT_KNOWN.get(reason) or _WORDS.get(error, ""))


def trio_of(slot: Slot) -> Trio:
    """Return the ids of the slot's clinician, operatory and assistant, the last one perhaps empty."""
    clinician, operatory, assistant = slot.team.names
    return clinician, operatory, assistant


def rule_for(integration: PmsIntegration, appointment_type: AppointmentType, minutes: int = 0) -> Rule:
    """Return the engine's rule of a type under the practice's settings; ``minutes`` replaces the type's length."""
    config: dict[str, Any] = {**DEFAULTS, **(integration.config or {})}
    return Rule(
        duration_minutes=minutes or appointment_type.duration_minutes,
        before_minutes=appointment_type.buffer_before_minutes,
        after_minutes=appointment_type.buffer_after_minutes,
        step_minutes=int(config["stepMinutes"]),
        notice_minutes=int(config["minNoticeMinutes"]),
        horizon_days=int(config["maxAdvanceDays"]),
    )


def _views(access: Access, sought: Sought, days: Sequence[date]) -> Iterator[DayView]:
    """Yield the days, each computed when it is asked for, from one reading of the PMS."""
    if not sought.is_approved:
        if sought.appointment_type.mode != BookingMode.DIRECT:
            raise errors.OnRequestOnly
        freshness.require_current(access)
    account = access.integration.account
    people = directory.clinicians(access)
    trios = _trios(access, sought, people)
    calendar = opening.Calendar(account, directory.schedules(access, days[0], days[-1]), days[0], days[-1])
    rows = access.pms.list_appointments(days[0], days[-1])
    appointments = [row for row in rows if row.id != sought.without_appointment]
    found = days_slots(
        days=days,
        where=account.zone,
        opening=lambda day: calendar.opening(day, trios),
        busy=[*_taken(appointments), *_ours(access, days, sought), *opening.blocked(account, days[0], days[-1])],
        rule=rule_for(access.integration, sought.appointment_type, sought.minutes),
        now=access.clock.now(),
    )
    of_days: dict[date, list[Appointment]] = defaultdict(list)
    for row in appointments:
        of_days[local_date_of(row.starts_at, account.zone)].append(row)
    for day, result in zip(days, found, strict=True):
        yield DayView(day, result, tuple(of_days[day]), people)


def _trios(access: Access, sought: Sought, people: dict[str, Clinician]) -> list[Trio]:
    """Return the mapped people and rooms, or those of them that are sought, whom the PMS still has."""
    rooms = directory.operatories(access)
    mapped = [
        (str(one["clinicianId"]), str(one["operatoryId"]), str(one.get("assistantId") or ""))
        for one in sought.appointment_type.resources
    ]
    return [
        (person, room, assistant)
        for person, room, assistant in mapped
        if person in people
        and room in rooms
        and (not assistant or assistant in people)
        and sought.clinician_id in ("", person)
        and sought.operatory_id in ("", room)
        and sought.assistant_id in (None, assistant)
    ]


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


def _ours(access: Access, days: Sequence[date], sought: Sought) -> Iterator[Busy]:
    """Yield the time of our bookings that no reads have shown as they were made, and of who assists in the others.

    Just what cannot be held either; where the PMS shows it already, it counts once all the same.
    """
    for booking in _keeping_time(access, days):
        if booking.pk == sought.without_booking or booking.visit_id == sought.without_visit:
            continue
        if booking.state == BookingState.HELD and sought.call is not None and booking.call_id == sought.call.pk:
            continue
        people = [booking.assistant_id] if booking.assistant_id else []
        keys = set()
        if booking.state != BookingState.CONFIRMED or booking.verified_at is None:
            people.append(booking.clinician_id)
            keys.add(resource(ResourceKind.OPERATORY, booking.operatory_id))
        keys.update(resource(ResourceKind.CLINICIAN, who) for who in people)
        yield Busy(booking.busy_from, booking.busy_to, frozenset(keys), kind=BusyKind.HOLD)


def _keeping_time(access: Access, days: Sequence[date]) -> list[Booking]:
    """Return our bookings that keep time on these local days which the PMS may not show.

    Of those that it shows, who assists; of those that it refused, the time, because its copy lacks whoever has it.
    """
    integration, now = access.integration, access.clock.now()
    where = integration.account.zone
    start, end = day_bounds(days[0], where)[0], day_bounds(days[-1], where)[1]
    return plain.rows(
        Booking,
        _KEEPING_TIME,
        [
            *plain.stored(Booking, account_id=integration.account_id, busy_to=start, busy_from=end),
            *plain.stored(Booking, hold_expires_at=now, updated_at=now - REFUSED_FOR),
            errors.SlotTaken.code,
        ],
    )
