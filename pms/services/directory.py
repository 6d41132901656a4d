"""What rarely changes at a practice: its people, rooms and opening hours, kept sealed for a while."""

from __future__ import annotations

from datetime import date, timedelta

from pms.domain.records import Clinician, DaySchedule, Operatory
from pms.services import cache
from pms.services.gateway import Access

PEOPLE_TTL = timedelta(hours=1)
SCHEDULE_TTL = timedelta(minutes=15)


def clinicians(access: Access) -> dict[str, Clinician]:
    """Return the active clinicians by id."""
    found = cache.kept(access, "clinicians", list[Clinician], PEOPLE_TTL, lambda: list(access.pms.list_clinicians()))
    return {one.id: one for one in found if one.is_active}


def operatories(access: Access) -> dict[str, Operatory]:
    """Return the bookable operatories by id."""
    found = cache.kept(access, "operatories", list[Operatory], PEOPLE_TTL, lambda: list(access.pms.list_operatories()))
    return {one.id: one for one in found if one.is_active}


def schedules(access: Access, start: date, end: date) -> list[DaySchedule]:
    """Return the opening hours of the days, read and kept by whole weeks."""
    first = start - timedelta(days=(start.weekday() + 1) % 7)
    last = end + timedelta(days=(5 - end.weekday()) % 7)
    return cache.kept(
        access,
        f"schedules:{first}:{last}",
        list[DaySchedule],
        SCHEDULE_TTL,
        lambda: list(access.pms.list_schedules(first, last)),
    )
