"""One day of the schedule as callers would hear it: what is offered, and why the rest is not, in stretches of time.

``services.explaining`` finds a reason for every start; a page wants to read them as stretches, and to go on to the next
day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.models import Account
from pms.domain import speech
from pms.domain.clock import Clock
from pms.domain.localtime import local_date_of
from pms.models import AppointmentType, BookingMode
from pms.services import explaining
from pms.services.audit import Asker

OFFERED = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Starts of a day that follow each other and are offered with the same clinician, or refused for the same reason.

    ``first`` and ``last`` are starts in the practice's time. ``code`` is ``OFFERED`` or a reason's. ``in_the_way`` says
    whose time it is and when: "Op 1, 9 AM to 10 AM".
    """

    code: str
    text: str
    first: datetime
    last: datetime
    count: int
    who: str
    in_the_way: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One day. ``hindrances`` keep everything from being booked for the moment; ``no_times`` says why there are none.

    ``earlier`` and ``later`` are the days beside it, ``None`` where nobody may look any further.
    """

    day: date
    today: date
    earlier: date | None
    later: date | None
    appointment_type: str
    hindrances: tuple[str, ...]
    no_times: str
    offered: int
    stretches: tuple[Stretch, ...]


def kinds(*, account: Account) -> list[tuple[UUID, str]]:
    """Return the kinds of appointments there are to look at, by id and name; what the agent gives itself first."""
    found = AppointmentType.objects.filter(account=account, is_active=True).order_by("position", "name")
    return [(one.pk, one.name) for one in sorted(found, key=lambda one: one.mode != BookingMode.DIRECT)]


def preview(
    *, account: Account, day: date, appointment_type: str, asker: Asker, clock: Clock, clinician_id: str = ""
) -> Preview:
    """Return one day for one kind of appointment. Raises what ``explaining.explain`` does; it asks the practice's
    system, so it is for a request of its own."""
    told = explaining.explain(
        account=account,
        day=day,
        appointment_type=appointment_type,
        asker=asker,
        clock=clock,
        clinician_id=clinician_id,
    )
    today = local_date_of(clock.now(), account.zone)
    one = timedelta(days=1)
    stretches = tuple(_stretches(told["times"], account.zone))
    return Preview(
        day=day,
        today=today,
        earlier=day - one if day - one >= today - explaining.LONGEST_BACK else None,
        later=day + one if day + one <= today + explaining.LONGEST_AHEAD else None,
        appointment_type=told["appointmentType"],
        hindrances=tuple(reason["text"] for reason in told["bookable"]["reasons"]),
        no_times=(told["day"]["reason"] or {}).get("text", ""),
        offered=sum(stretch.count for stretch in stretches if stretch.code == OFFERED),
        stretches=stretches,
    )


def _stretches(times: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Iterable[Stretch]:
    for (code, text, who), found in groupby(times, key=_alike):
        together = list(found)
        ways = dict.fromkeys(_way(row, zone) for time in together for row in time.get("inTheWay", ()))
        yield Stretch(
            code=code,
            text=text,
            first=together[0]["startTime"].astimezone(zone),
            last=together[-1]["startTime"].astimezone(zone),
            count=len(together),
            who=who,
            in_the_way=tuple(ways),
        )


def _alike(time: Mapping[str, Any]) -> tuple[str, str, str]:
    if time["offered"]:
        return OFFERED, "Offered", time["providerName"]
    return time["reason"]["code"], time["reason"]["text"], ""


def _way(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    start, end = (row[name].astimezone(zone) for name in ("startTime", "endTime"))
    return f"{', '.join(row['whose'])}, {speech.say_time(start.time())} to {speech.say_time(end.time())}"
