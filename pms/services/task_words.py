"""What the team has to do, in words: what each kind of task is about, what to do, and what its details are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pms.domain import speech
from pms.services import call_words


@dataclass(frozen=True, slots=True)
class Told:
    """A title, and what to do."""

    title: str
    advice: str


_TELL = "The caller asked for it and could not be told by phone. Call them back if you want to tell them."
_BY_HAND = "Do it in your system, then mark this as done."
KINDS: Mapping[str, Told] = {
    "message": Told("A message from a caller", "Read it, and call back if it asks for that."),
    "wants_a_person": Told("A caller wants to speak to somebody", "Call them back."),
    "booking_requested": Told(
        "A request for an appointment", "Approve it, which books it, or decline it and call the patient."
    ),
    "booking_note": Told(
        "A note that did not fit into your system", "The appointment is booked. Add the note to it by hand."
    ),
    "another_adult": Told(
        "One caller asked for several adults' records",
        "A call opens one adult's records. If it was a couple, call them back.",
    ),
    "minor_without_guardian": Told(
        "A call about a minor, without a parent", "Call back the parent or guardian if you know them."
    ),
    "returning_inactive_patient": Told(
        "An inactive patient wants to come back", "Make the record active in your system if they may, and call them."
    ),
    "verification_locked": Told(
        "A caller could not say who they are",
        "Three wrong answers ended it. Nothing was opened. Look at the call if you want to know more.",
    ),
    "verification_suspended": Told(
        "Somebody is being guessed at",
        "Ten wrong answers within a day were about this person, whose record is closed to the phone for a day. "
        "Call the patient, and tell them.",
    ),
    "test_call_not_cancelled": Told(
        "A test appointment is still in your system", "It was booked by a test call. Cancel it in your system."
    ),
    "please_cancel": Told("Please cancel an appointment", f"The caller was told that it stands until then. {_BY_HAND}"),
    "please_confirm": Told("Please note that a patient is coming", _BY_HAND),
    "please_move": Told(
        "Please move an appointment", "The caller was told that the old time stands. Move it, and call them."
    ),
    "please_update_patient": Told("Please change a patient's contact details", _BY_HAND),
    "please_add_note": Told("Please add a note to a patient's record", _BY_HAND),
    "please_add_insurance": Told("Please add an insurance to a patient's record", _BY_HAND),
    "please_collect_payment": Told(
        "A patient wants to pay", "Nothing has been charged. Call them, and take the payment as you always do."
    ),
    "please_tell_patient_info": Told("A caller asked what is on file about them", _TELL),
    "please_tell_notes": Told("A caller asked for their notes", _TELL),
    "please_tell_insurance": Told("A caller asked for their insurance", _TELL),
    "please_tell_balance": Told("A caller asked what they owe", _TELL),
}
# What a write was about, and what became of it: together they are a kind, such as "booking_failed".
NOUNS: Mapping[str, str] = {
    "booking": "A booking",
    "move": "A move",
    "cancellation": "A cancellation",
    "confirmation": "A confirmation",
    "new_patient": "A new patient's record",
    "patient_update": "A change of contact details",
    "note": "A note",
    "insurance": "An insurance",
    "payment": "A payment",
}
_NOT_DONE = "It is not in your system. Do it by hand if it is still wanted, and call the patient."
_LOOK = "Look into your system whether it is there. If it is not, do it by hand."
ENDS: Mapping[str, Told] = {
    "failed": Told("{} was refused by your system", _NOT_DONE),
    "outcome_unknown": Told("{} may or may not be in your system", _LOOK),
    "unresolved": Told("{} has been open for a long time", _LOOK),
    "mismatch": Told(
        "{} looks different in your system than it was sent", "Compare the two. What is right is what you say."
    ),
    "lost": Told(
        "{} is no longer in your system", "It was there, or said to be. If nobody took it out, do it again by hand."
    ),
    "not_withdrawn": Told("{} was made although it was taken back", "Take it out of your system if nobody wants it."),
    "pms_unavailable": Told("{} could not be sent: your system did not answer", _NOT_DONE),
    "write_rejected": Told("{} was refused by your system", _NOT_DONE),
    "credentials_rejected": Told(
        "{} could not be sent: your system refuses Parlae's access", f"{_NOT_DONE} Then look at the connection."
    ),
    "not_supported": Told("{} is something that your system does not allow", _NOT_DONE),
    "upstream_invalid": Told("{} was answered in a way that nobody understands", _LOOK),
}
_OTHER = Told("Something for the team", "Look at the details.")

# What a detail is called; "" is for the machine and not shown.
DETAILS: Mapping[str, str] = {
    **{name: call_words.ARGUMENTS[name] for name in ("patientId", "appointmentId", "appointmentType", "callerName")},
    **{name: call_words.ARGUMENTS[name] for name in ("phoneNumber", "urgent", "reason", "message", "notes", "content")},
    **{name: call_words.ARGUMENTS[name] for name in ("firstName", "lastName", "dateOfBirth", "phone", "email")},
    **{name: call_words.ARGUMENTS[name] for name in ("address", "category", "provider", "policyNumber", "groupNumber")},
    **{name: call_words.ARGUMENTS[name] for name in ("isPrimary", "subscriberName", "subscriberDob", "relationship")},
    **{name: call_words.ARGUMENTS[name] for name in ("amount", "method", "last4", "reference")},
    "appointmentTypeId": "",
    "clinicianId": "Clinician's id",
    "confirmationNumber": "Confirmation number",
    "guarantorId": "Guarantor's patient id",
    "meanwhile": "Since then",
    "newStartsAt": "New time",
    "note": "Note",
    "paidOn": "Day",
    "patientName": "Patient",
    "refusedWith": "What your system said",
    "startsAt": "Time",
    "why": "Why it was not booked",
}
WHY: Mapping[str, str] = {
    "stale": "What was seen of your schedule was too old.",
    "office_offline": "Your office's computer was offline.",
    "on_request": "This kind of appointment is on request.",
}


def told(kind: str) -> Told:
    """Return what a kind of task is about, and what to do."""
    if kind in KINDS:
        return KINDS[kind]
    for noun, name in NOUNS.items():
        end = ENDS.get(kind.removeprefix(f"{noun}_"))
        if kind.startswith(f"{noun}_") and end is not None:
            return Told(end.title.format(name), end.advice)
    return _OTHER


def details(said: Mapping[str, str], zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return what a task says as labels and words, in the practice's time; what is for the machine is left out."""
    return [(label, _value(name, text, zone)) for name, text in said.items() if (label := DETAILS.get(name, name))]


def _value(name: str, text: str, zone: ZoneInfo) -> str:
    if name == "why":
        return WHY.get(text, text)
    try:
        instant = datetime.fromisoformat(text) if name.lower().endswith("startsat") else None
        day = date.fromisoformat(text) if name in ("dateOfBirth", "subscriberDob", "paidOn") else None
    except ValueError:
        return text
    if instant is not None:
        return speech.say_when(instant.astimezone(zone))
    return f"{speech.say_date(day)}, {day.year}" if day else text
