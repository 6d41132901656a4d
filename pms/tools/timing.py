"""Which start somebody chose: an offered code, a wall-clock time, or a system's instant; and what to offer instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms.domain import errors, speech, spoken
from pms.domain.localtime import local_date_of, to_local
from pms.models import AppointmentType, BookingMode, SlotOffer
from pms.scheduling.choice import pick
from pms.services import directory, gateway
from pms.services.placing import TimeNotFree
from pms.tools import choosing, offering
from pms.tools.context import Context


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen; an empty clinician is whoever the type's mapping prefers."""

    kind: AppointmentType
    starts_at: datetime
    clinician_id: str


def chosen(context: Context, arguments: Mapping[str, Any]) -> Choice:
    """Return the start that ``arguments`` name, and of which type.

    Raises what reading a time or a type raises, and ``SlotExpired`` for a code that is none, or none any more.
    """
    offered = _offered(context, arguments)
    if offered is not None:
        return Choice(offered.appointment_type, offered.starts_at, offered.clinician_id)
    kind = choosing.appointment_type(context.request.account, arguments.get("appointmentType"), for_request=True)
    return Choice(kind, *_named(context, arguments, kind))


def moved_to(context: Context, arguments: Mapping[str, Any], kind: AppointmentType | None) -> tuple[datetime, str]:
    """Return the new start of an appointment that ``arguments`` name, and the clinician, empty if nobody is named.

    Of a ``kind`` that the practice does not have nobody can be named. Raises as ``chosen``.
    """
    offered = _offered(context, arguments)
    return (offered.starts_at, offered.clinician_id) if offered is not None else _named(context, arguments, kind)


def with_alternatives(context: Context, taken: TimeNotFree) -> errors.ParlaeError:
    """Return the reason with the nearest open times of that day, each under a code."""
    slots = pick(taken.view.result.slots, near=taken.wish.starts_at)
    call, kind = context.request.call, taken.wish.appointment_type
    now = context.request.clock.now()
    codes = offering.offer(call=call, kind=kind, slots=slots, now=now) if call else [""] * len(slots)
    day = speech.say_date(taken.view.day, local_date_of(now, context.request.account.zone))
    instead = (
        f" On {day} I can offer {offering.say_slots(taken.view, slots, codes)}."
        if slots
        else f" I don't see another opening on {day}."
    )
    return type(taken.reason)(taken.reason.message, spoken=taken.reason.spoken + instead, fields=taken.reason.fields)


def say_when(context: Context, instant: datetime) -> str:
    """Return an instant as a person at the practice would say it."""
    where = context.request.account.zone
    return speech.say_when(to_local(instant, where), local_date_of(context.request.clock.now(), where))


def _offered(context: Context, arguments: Mapping[str, Any]) -> SlotOffer | None:
    """Return what was offered under the code that ``arguments`` name, ``None`` if they name none."""
    request = context.request
    if not arguments.get("slotCode"):
        return None
    if request.call is None:
        raise errors.SlotExpired
    offered = offering.slot_of(request.call, arguments["slotCode"], request.clock.now())
    if not offered.appointment_type.is_active or offered.appointment_type.mode == BookingMode.OFF:
        raise errors.OnRequestOnly
    _refuse_two_times(context, arguments, offered.starts_at)
    return offered


def _named(context: Context, arguments: Mapping[str, Any], kind: AppointmentType | None) -> tuple[datetime, str]:
    starts_at = _start(context, arguments, context.request.clock.now())
    said = arguments.get("providerId")
    return starts_at, _clinician(context, said, kind) if said and kind else ""


def _refuse_two_times(context: Context, arguments: Mapping[str, Any], starts_at: datetime) -> None:
    """Ask if a date or time beside the code says something else than the code."""
    local = to_local(starts_at, context.request.account.zone)
    beside = {name: arguments.get(name) for name in ("date", "time", "startTime") if arguments.get(name)}
    if not beside:
        return
    whole = beside if "startTime" in beside else {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}", **beside}
    if choosing.wall_clock(context.request, whole).utc != starts_at:
        raise errors.Invalid("The code and the time differ.", spoken="I have two different times. Which one is it?")


def _start(context: Context, arguments: Mapping[str, Any], now: datetime) -> datetime:
    if context.request.from_model:
        return choosing.wall_clock(context.request, arguments).utc
    return _instant(arguments.get("startTime"), now)


def _instant(written: str | None, now: datetime) -> datetime:
    """Read a system's ISO 8601 instant, which means what it says."""
    if not written:
        raise errors.DateMissing("A startTime is needed.", fields={"startTime": "This field is required."})
    try:
        starts_at = datetime.fromisoformat(written)
    except ValueError:
        raise errors.DateInvalid("startTime is not an ISO 8601 date and time.") from None
    if starts_at.tzinfo is None:
        raise errors.TimeFormat("startTime needs Z or an offset.")
    if starts_at <= now:
        raise errors.DateInPast
    if starts_at.year > spoken.LAST_YEAR:
        raise errors.DateInvalid
    return starts_at


def _clinician(context: Context, said: str, kind: AppointmentType) -> str:
    with gateway.reading(**context.access, action="listClinicians", phi=False) as access:
        who = choosing.clinician(directory.clinicians(access), said, kind)
    return who.id if who else ""
