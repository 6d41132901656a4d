"""practice_schedule: opening and working hours, one row per week and resource."""

from datetime import date, timedelta

from . import fields
from .fields import DAYS, Row
from .practice import Hours
from .rows import RowWriter, cust_id, midnight

WEEKS_BACK = 8
WEEKS_AHEAD = 30


def schedule(write: RowWriter, today: date, holidays: frozenset[date]) -> list[Row]:
    """Weekly rows for practice, clinicians and rooms, from 8 weeks back to 30 ahead; `date` is the week's Sunday.

    The vendor documents no time format: practice rows say "8:00 AM", the others "08:00". A closed day keeps its hours
    and is flagged on the practice's row alone.
    """
    sunday = today - timedelta(days=(today.weekday() + 1) % 7)
    rows: list[Row] = []
    for week in range(-WEEKS_BACK, WEEKS_AHEAD + 1):
        start = sunday + timedelta(weeks=week)
        for place in write.profile.locations:
            where = place.practice_id
            rows.append(_week(write, start, where, "practice", where, place.hours, holidays))
            for who in write.profile.clinicians:
                if who.practice_id == where and who.hours:
                    rows.append(_week(write, start, where, "provider", who.provider_id, who.hours, frozenset()))
            for room in write.profile.rooms:
                if room.is_hidden == "F" and room.practice_id in (where, f"{where}-0"):
                    rows.append(_week(write, start, where, "operatory", room.operatory, place.hours, frozenset()))
    return sorted(rows, key=lambda row: row["resource_id"])


def _week(
    write: RowWriter, start: date, where: str, kind: str, resource: str, hours: Hours, holidays: frozenset[date]
) -> Row:
    values: dict[str, str] = {}
    for index, day in enumerate(DAYS):
        spans = hours.get((index - 1) % 7, ())
        for number, (opens, closes) in enumerate(spans, start=1):
            values[f"{day}_start_{number}"] = _spoken(opens) if kind == "practice" else opens
            values[f"{day}_end_{number}"] = _spoken(closes) if kind == "practice" else closes
        values[f"{day}_holiday"] = str(start + timedelta(days=index) in holidays)
    return fields.PRACTICE_SCHEDULE.row(
        href=write.href(where, "practice_schedule", resource),
        practice_id=where,
        practice_href=write.href(where),
        date=midnight(start),
        cust_id=cust_id(where),
        resource_type=kind,
        resource_id=resource,
        **values,
    )


def _spoken(clock: str) -> str:
    """ "13:00" as "1:00 PM"."""
    hour, minute = int(clock[:2]), clock[3:]
    return f"{hour % 12 or 12}:{minute} {'AM' if hour < 12 else 'PM'}"
