"""checkAvailability: at most three times, each under a code that is valid in this call only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from pms.domain import errors, speech, spoken
from pms.domain.localtime import local_date_of, to_local
from pms.models import AppointmentType, Call, SlotOffer
from pms.scheduling.choice import Preference, pick
from pms.scheduling.slots import Slot
from pms.services import availability, directory, gateway
from pms.services.availability import DayView
from pms.tools import choosing
from pms.tools.context import Answer, Context

OFFER_FOR = timedelta(minutes=15)


def check_availability(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Offer the open times of the wished day, or of the next day that has any."""
    request = context.request
    where, now = request.account.zone, request.clock.now()
    today = local_date_of(now, where)
    kind = choosing.appointment_type(request.account, arguments.get("appointmentType"))
    day = spoken.read_date(arguments["date"], today=today, where=where) if arguments.get("date") else today
    near = _near(arguments.get("time"), day, now, context)
    with gateway.reading(**context.access, action="checkAvailability", phi=False) as access:
        who = choosing.clinician_id(directory.clinicians(access), arguments.get("providerId"))
        if request.from_model:
            view = availability.first_with_slots(access, appointment_type=kind, day=day, clinician_id=who)
        else:
            view = availability.day_view(access, appointment_type=kind, day=day, clinician_id=who)
        access.summary["slots"] = len(view.result.slots)
    half = Preference(arguments["timeOfDay"]) if arguments.get("timeOfDay") else None
    chosen = pick(view.result.slots, preference=half, near=near) or pick(view.result.slots, near=near)
    codes = offer(call=request.call, kind=kind, slots=chosen, now=now) if request.call else [""] * len(chosen)
    return Answer(say=_say(view, day, today, chosen, codes), data=_data(view, kind))


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
    """Return the times as a person would say them, each with its clinician and code."""
    return speech.say_list([_say_slot(view, slot, code) for slot, code in zip(slots, codes, strict=True)])


def _offer(call: Call, kind: AppointmentType, slot: Slot, number: int, now: datetime) -> SlotOffer:
    clinician_id, operatory_id = availability.pair_of(slot)
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


def _near(said: str | None, day: date, now: datetime, context: Context) -> datetime | None:
    if not said:
        return None
    written = {"date": day.isoformat(), "time": said}
    return spoken.read_wall_clock(written, now=now, where=context.request.account.zone).utc


def _say(view: DayView, asked: date, today: date, chosen: Sequence[Slot], codes: Sequence[str]) -> str:
    if not chosen:
        until = speech.say_date(asked + timedelta(days=availability.LOOK_AHEAD_DAYS - 1), today)
        return f"There are no open times from {speech.say_date(asked, today)} through {until}."
    day = speech.say_date(view.day, today)
    times = say_slots(view, chosen, codes)
    if view.day == asked:
        return f"On {day} there is {times}."
    return f"Nothing is open on {speech.say_date(asked, today)}. The next open day is {day}: {times}."


def _say_slot(view: DayView, slot: Slot, code: str) -> str:
    who = view.clinicians[availability.pair_of(slot)[0]]
    with_code = f" (code {code})" if code else ""
    return f"{speech.say_time(slot.local.time())} with {speech.say_name(who.name)}{with_code}"


def _data(view: DayView, kind: AppointmentType) -> dict[str, Any]:
    return {
        "date": view.day.isoformat(),
        "appointmentType": kind.name,
        "slots": [_slot(view, slot) for slot in view.result.slots],
    }


def _slot(view: DayView, slot: Slot) -> dict[str, Any]:
    clinician_id = availability.pair_of(slot)[0]
    return {
        "startTime": slot.start,
        "endTime": slot.end,
        "providerId": clinician_id,
        "providerName": view.clinicians[clinician_id].name,
        "available": True,
    }


def slot_of(call: Call, code: str, now: datetime) -> SlotOffer:
    """Return the offer under a code of this call; raise ``SlotExpired`` if there is none, or none any more."""
    found = SlotOffer.objects.select_related("appointment_type").filter(call=call, code=code.strip().upper()).first()
    if found is None or found.expires_at <= now:
        raise errors.SlotExpired
    return found


def local_start(context: Context, starts_at: datetime) -> datetime:
    """Return an instant in the practice's zone."""
    return to_local(starts_at, context.request.account.zone)
