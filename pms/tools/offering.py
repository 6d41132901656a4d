"""checkAvailability: at most three times, each under a code that is valid in this call only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from pms.domain import errors, speech, spoken
from pms.domain.localtime import local_date_of, wall_to_utc
from pms.domain.records import Clinician
from pms.models import AppointmentType, Call, SlotOffer
from pms.scheduling.choice import NOON, Preference, pick
from pms.scheduling.reasons import Reason, error_for
from pms.scheduling.slots import Slot
from pms.services import availability, directory, gateway
from pms.services.availability import DayView, Found, Sought
from pms.tools import choosing
from pms.tools.context import Answer, Context, Request

OFFER_FOR = timedelta(minutes=15)
# What a caller should hear instead of "nothing is open" when looking further would not help.
_NEVER = {
    Reason.HORIZON: errors.TooFar.default_spoken,
    Reason.NO_MAPPING: errors.OnRequestOnly.default_spoken,
    Reason.NO_HOURS: "I can't see the practice's hours for that day, so I have no times to offer. "
    "I can take a message for the team at the practice.",
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for: a day, and perhaps a time, a half of the day and a clinician."""

    day: date
    today: date
    time: time | None
    half: Preference | None
    who: Clinician | None


def check_availability(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Offer the open times of the wished day, or of the next day that has any."""
    request = context.request
    where, now = request.account.zone, request.clock.now()
    today = local_date_of(now, where)
    kind = choosing.appointment_type(request.account, arguments.get("appointmentType"))
    day = spoken.read_date(arguments["date"], today=today, where=where) if arguments.get("date") else today
    clock = _time(arguments.get("time"), day, request)
    half = Preference(arguments["timeOfDay"]) if arguments.get("timeOfDay") else None
    with gateway.reading(**context.access, action="checkAvailability", phi=True) as access:
        who = choosing.clinician(directory.clinicians(access), arguments.get("providerId"), kind)
        sought = Sought(appointment_type=kind, clinician_id=who.id if who else "", call=request.call)
        if request.from_model:
            found = availability.first_with_slots(access, sought, day)
        else:
            found = Found(availability.day_view(access, sought, day), day)
        view = found.view
        access.summary["slots"] = len(view.result.slots)
    if request.from_model:
        _refuse_never(view)
    wish = _Wish(day, today, clock, half, who)
    chosen = _chosen(view, wish, where)
    codes = offer(call=request.call, kind=kind, slots=chosen, now=now) if request.call else [""] * len(chosen)
    return Answer(say=_say(found, wish, chosen, codes), data=_data(view, kind))


def offer(*, call: Call, kind: AppointmentType, slots: Sequence[Slot], now: datetime) -> list[str]:
    """Keep times under codes (A1, A2, …) that mean nothing in any other call; offering holds nothing."""
    with transaction.atomic():
        # Locked, so that two offers at once in one call never share a code.
        Call.objects.select_for_update().get(pk=call.pk)
        first = SlotOffer.objects.filter(call=call).count() + 1
        offers = [_offer(call, kind, slot, first + n, now) for n, slot in enumerate(slots)]
        SlotOffer.objects.bulk_create(offers)
    return [offer.code for offer in offers]


def say_slots(view: DayView, slots: Sequence[Slot], codes: Sequence[str]) -> str:
    """Return the times as a person would say them, each with its code, and with whom."""
    names = [speech.say_name(view.clinicians[availability.trio_of(slot)[0]].name) for slot in slots]
    times = [speech.say_time(slot.local.time()) for slot in slots]
    if len(slots) > 1 and len(set(names)) == 1:
        together = "both" if len(slots) == 2 else "all"
        said = speech.say_list([speech.mark(at, code) for at, code in zip(times, codes, strict=True)], last="or")
        return f"{said}, {together} with {names[0]}"
    said_each = [speech.mark(f"{at} with {name}", code) for at, name, code in zip(times, names, codes, strict=True)]
    return speech.say_list(said_each, last="or")


def _offer(call: Call, kind: AppointmentType, slot: Slot, number: int, now: datetime) -> SlotOffer:
    clinician_id, operatory_id, _ = availability.trio_of(slot)
    return SlotOffer(
        call=call,
        code=f"A{number}",
        appointment_type=kind,
        starts_at=slot.start,
        duration_minutes=kind.duration_minutes,
        clinician_id=clinician_id,
        operatory_id=operatory_id,
        expires_at=now + OFFER_FOR,
    )


def _time(said: str | None, day: date, request: Request) -> time | None:
    """Return the wished time of day; one that is past, missing or doubled on ``day`` is asked about."""
    if not said:
        return None
    return choosing.wall_clock(request, {"date": day.isoformat(), "time": said}).local.time()


def _refuse_never(view: DayView) -> None:
    """Raise what a caller should hear when looking further would not help."""
    reason = view.result.reason
    if reason in _NEVER:
        raise type(error_for(reason))(spoken=_NEVER[reason])


def _chosen(view: DayView, wish: _Wish, where: ZoneInfo) -> Sequence[Slot]:
    """Return the times to say: around the wished time, in the wished half if that has any."""
    near = next(iter(wall_to_utc(view.day, wish.time, where).utc), None) if wish.time else None
    slots = view.result.slots
    return pick(slots, preference=wish.half, near=near) or pick(slots, near=near)


def _half(slot: Slot) -> Preference:
    return Preference.MORNING if slot.local.hour < NOON else Preference.AFTERNOON


def _say(found: Found, wish: _Wish, chosen: Sequence[Slot], codes: Sequence[str]) -> str:
    view = found.view
    asked, day = (speech.say_date(one, wish.today) for one in (wish.day, view.day))
    name = f" with {speech.say_name(wish.who.name)}" if wish.who else ""
    if not chosen:
        until = speech.say_date(found.until, wish.today)
        return f"I can't find any open times{name} from {asked} through {until}."
    times = say_slots(view, chosen, codes)
    if view.day != wish.day:
        return f"There is nothing open{name} on {asked}. The next opening is on {day}: I can offer {times}."
    if wish.half and wish.half is not _half(chosen[0]):
        return f"There is nothing open{name} in the {wish.half} on {day}, but I can offer {times}."
    return f"On {day} I can offer {times}."


def _data(view: DayView, kind: AppointmentType) -> dict[str, Any]:
    return {
        "date": view.day.isoformat(),
        "appointmentType": kind.name,
        "slots": [_slot(view, slot) for slot in view.result.slots],
    }


def _slot(view: DayView, slot: Slot) -> dict[str, Any]:
    clinician_id = availability.trio_of(slot)[0]
    return {
        "startTime": slot.start,
        "endTime": slot.end,
        "providerId": clinician_id,
        "providerName": view.clinicians[clinician_id].name,
        "available": True,
    }


def slot_of(call: Call, code: str, now: datetime) -> SlotOffer:
    """Return the offer under a code of this call; raise ``SlotExpired`` if there is none, or none any more."""
    plain = "".join(character for character in code.upper().removeprefix("CODE") if character.isalnum())
    found = SlotOffer.objects.select_related("appointment_type").filter(call=call, code=plain).first()
    if found is None or found.expires_at <= now:
        raise errors.SlotExpired
    return found
