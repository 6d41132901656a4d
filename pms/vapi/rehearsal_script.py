"""The script of a test call: what a caller would say, which tools a model would use, and what should come of it.

It goes through the real door, and asks for what everybody may ask for: open times, and a record that is refused. Only
with a test patient it also books, as far ahead as the last offered time of some weeks' afternoon is, and takes that
back at once.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pms.domain import speech
from pms.models import AppointmentType, Booking, BookingMode, Call, ForPatients, SlotOffer, ToolCall
from pms.services import call_words
from pms.services.stand_in import Person
from pms.vapi import rehearsal_end
from pms.vapi.phone import Phone, new_tool_call_id
from pms.vapi.rehearsal_record import Line, Mark, Record

NO_TYPE, NO_TIMES, REFUSAL_MISSING = "no_type", "no_times", "refusal_missing"
NOT_FOUND, NOTHING_BOOKED, ONLY_REQUESTED = "test_patient_not_found", "nothing_booked", "only_requested"
_OK, _NOT_KEPT = "ok", "not_done"
_UNKNOWN_PATIENT, _NOT_VERIFIED, _REQUESTED = "patient_not_found", "not_verified", "on_request_only"
# Nobody alive is so old, and the door still takes it for a date of birth.
_YEARS_AGO = 125
_CODE = re.compile(r"\(code (A\d+)\)")
_LETTERS = "bcdfghjkmnpqrstvwxz"
_THEIR_NAME = "your test patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a test call is about. ``patient`` is somebody to book for on ``day``; ``is_fictional``: whom we invented."""

    kind: AppointmentType | None
    today: date
    day: date
    patient: Person | None = None
    is_fictional: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model heard, and the code of what came of it."""

    say: str
    outcome: str


def kind_for(account_id: Any) -> AppointmentType | None:
    """Return the first kind of appointment that the agent books itself, one for patients of the practice first."""
    found = AppointmentType.objects.filter(account_id=account_id, is_active=True, mode=BookingMode.DIRECT)
    kinds = list(found.order_by("position", "name"))
    return next((one for one in kinds if one.for_patients != ForPatients.NEW), next(iter(kinds), None))


@dataclass(slots=True)
class Stage:
    """A call in progress: what a caller says, and what the model uses; every line is kept at once."""

    phone: Phone
    call: Call
    record: Record

    def say(self, text: str) -> None:
        """Have the caller say something."""
        self.record.keep(Line(who="caller", text=text))

    def use(self, tool: str, arguments: Mapping[str, str], expected: str, *, is_private: bool = False) -> Heard:
        """Use a tool and keep what came of it; of what ``is_private`` neither arguments nor answer are kept."""
        tool_call_id, started = new_tool_call_id(), time.monotonic()
        say = self.phone.use(tool, arguments, tool_call_id=tool_call_id)
        elapsed = round((time.monotonic() - started) * 1000)
        claimed = ToolCall.objects.filter(call=self.call, tool_call_id=tool_call_id).first()
        outcome = claimed.outcome if claimed else _NOT_KEPT
        is_good = outcome == expected
        hides = is_private and outcome == _OK
        self.record.keep(
            Line(
                who="agent",
                text="Thank you, I found that record." if hides else speech.unmarked(say),
                tool=tool,
                asked=(("Patient", _THEIR_NAME),) if is_private else tuple(call_words.arguments(arguments)),
                milliseconds=elapsed,
                outcome=outcome,
                mark=Mark.GOOD if is_good else Mark.BAD,
            )
        )
        return Heard(say, outcome)

    def cancel(self, name: str) -> None:
        """Cancel what was booked or requested; ``name`` is its id or number."""
        self.use("cancelAppointment", {"appointmentId": name}, _OK)


@dataclass(slots=True)
class Script:
    """One test call as it is played."""

    stage: Stage
    plan: Plan

    def play(self) -> str:
        """Say everything, and return the code of what was not as it should be, empty if all was."""
        if self.plan.kind is None:
            return NO_TYPE
        problem = self._times(self.plan.kind) or self._refusal()
        if problem or self.plan.patient is None:
            return problem
        return self._verification(self.plan.patient) or self._booking(self.plan.kind)

    def _times(self, kind: AppointmentType) -> str:
        self.stage.say(f"Hello! When do you have time for this: {kind.name}?")
        heard = self.stage.use("checkAvailability", {"appointmentType": kind.name}, _OK)
        if heard.outcome != _OK:
            return heard.outcome
        return "" if _CODE.search(heard.say) else NO_TIMES

    def _refusal(self) -> str:
        """Have somebody who cannot exist ask for a record and a booking: both have to be refused."""
        nobody = _nobody(self.plan.today)
        name, year = f"{nobody['firstName']} {nobody['lastName']}", nobody["dateOfBirth"][:4]
        self.stage.say(
            f"I have been with you before: I am {name}, born on January 1st, {year}. When is my next appointment?"
        )
        heard = self.stage.use("findPatient", nobody, _UNKNOWN_PATIENT)
        if heard.outcome != _UNKNOWN_PATIENT:
            return REFUSAL_MISSING if heard.outcome == _OK else heard.outcome
        self.stage.say("Then just book me the first of those times, without all that.")
        first = SlotOffer.objects.filter(call=self.stage.call).order_by("pk").first()
        heard = self.stage.use("bookAppointment", {"slotCode": first.code if first else ""}, _NOT_VERIFIED)
        if heard.outcome != _NOT_VERIFIED:
            return REFUSAL_MISSING if Booking.objects.filter(call=self.stage.call).exists() else heard.outcome
        self.stage.record.note(
            "As it should be: who cannot say who they are gets at no record, and books nothing.", Mark.GOOD
        )
        return ""

    def _verification(self, patient: Person) -> str:
        born = f"{speech.say_date(patient.date_of_birth).partition(', ')[2]}, {patient.date_of_birth.year}"
        name = f"{patient.first_name} {patient.last_name}, born {born}" if self.plan.is_fictional else _THEIR_NAME
        self.stage.say(f"Now for an appointment. I am {name}.")
        said = {
            "firstName": patient.first_name,
            "lastName": patient.last_name,
            "dateOfBirth": patient.date_of_birth.isoformat(),
        }
        heard = self.stage.use("findPatient", said, _OK, is_private=not self.plan.is_fictional)
        if heard.outcome == _UNKNOWN_PATIENT:
            return NOT_FOUND
        return "" if heard.outcome == _OK else heard.outcome

    def _booking(self, kind: AppointmentType) -> str:
        """Book the last offered time, and cancel it at once, whether or not it is final."""
        self.stage.say(f"What do you have late on {speech.say_date(self.plan.day, self.plan.today)}?")
        day = {"date": self.plan.day.isoformat(), "timeOfDay": "afternoon"}
        heard = self.stage.use("checkAvailability", {"appointmentType": kind.name, **day}, _OK)
        offers = SlotOffer.objects.filter(call=self.stage.call, code__in=_CODE.findall(heard.say))
        last = offers.order_by("-starts_at").first()
        if last is None:
            return NO_TIMES if heard.outcome == _OK else heard.outcome
        self.stage.say("The last one of these, please.")
        heard = self.stage.use("bookAppointment", {"slotCode": last.code}, _OK)
        name = rehearsal_end.name_of(self.stage.call)
        if not name:
            return NOTHING_BOOKED if heard.outcome == _OK else heard.outcome
        self.stage.say("Thank you. I have thought again: please cancel it.")
        self.stage.cancel(name)
        return ONLY_REQUESTED if heard.outcome == _REQUESTED else ""


def far_day(today: date, horizon_days: int) -> date:
    """Return a day some weeks ahead, or as far as the practice lets anybody book."""
    return today + timedelta(days=max(1, min(21, horizon_days - 7)))


def _nobody(today: date) -> dict[str, str]:
    """Return somebody who cannot exist, another one each time: so no failure ever counts about the same person."""
    last = "Q" + "".join(secrets.choice(_LETTERS) for _ in range(9))
    return {"firstName": "Nobody", "lastName": last, "dateOfBirth": date(today.year - _YEARS_AGO, 1, 1).isoformat()}
