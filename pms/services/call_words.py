"""What happened in a call, in the words of a practice manager: tools, what they were asked, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pms.domain import speech
from pms.services.outcomes import Outcome

# What the agent set about, by the tool's name; whether it was done, its outcome says.
TOOLS: Mapping[str, str] = {
    "checkAvailability": "Look for open times",
    "findPatient": "Check who the call is about",
    "bookAppointment": "Book an appointment",
    "getAppointments": "Look up appointments",
    "rescheduleAppointment": "Move an appointment",
    "cancelAppointment": "Cancel an appointment",
    "confirmAppointment": "Note that the patient is coming",
    "createPatient": "Make a record for a new patient",
    "getPatientInfo": "Read contact details",
    "updatePatient": "Change contact details",
    "getPatientNotes": "Read notes",
    "addPatientNote": "Add a note",
    "getInsurance": "Read the insurance on file",
    "addInsurance": "Add an insurance",
    "getBalance": "Read the balance",
    "processPayment": "Note a payment",
    "takeMessage": "Take a message",
    "transferToHuman": "Ask whether somebody can take the call",
    "searchPatients": "Search for patients",
    "getWrite": "Ask what became of a change",
}
OTHER_TOOL = "Something that the agent cannot do"

ARGUMENTS: Mapping[str, str] = {
    "address": "Address",
    "amount": "Amount",
    "appointmentId": "Appointment",
    "appointmentType": "Kind of appointment",
    "callerName": "Caller's name",
    "category": "About",
    "city": "City",
    "content": "Note",
    "date": "Day",
    "dateOfBirth": "Date of birth",
    "email": "E-mail address",
    "endDate": "Last day",
    "firstName": "First name",
    "groupNumber": "Group number",
    "isPrimary": "Pays first",
    "last4": "Last four digits of the card",
    "lastName": "Last name",
    "limit": "At most",
    "message": "Message",
    "method": "Paid by",
    "notes": "Note",
    "patientId": "Patient id",
    "phone": "Phone number",
    "phoneLast4": "Last four digits of the phone number",
    "phoneNumber": "Phone number",
    "policyNumber": "Policy number",
    "provider": "Insurance company",
    "providerId": "Clinician",
    "query": "Searched for",
    "reason": "Reason",
    "reference": "Reference",
    "relationship": "Patient is to the subscriber",
    "sendConfirmation": "Send a confirmation",
    "sendNotification": "Send a notification",
    "slotCode": "Offered time",
    "startDate": "First day",
    "startTime": "Day and time",
    "state": "State",
    "status": "Status",
    "street": "Street",
    "subscriberDob": "Subscriber's date of birth",
    "subscriberName": "Subscriber",
    "time": "Time",
    "timeOfDay": "Half of the day",
    "urgent": "Urgent",
    "writeId": "Change",
    "zip": "Postal code",
}
# What came of using a tool: "ok", or an error's code.
OUTCOMES: Mapping[str, str] = {
    "": "No answer was kept",
    "ok": "Done",
    "not_done": "Not done; it could be tried again at once",
    "account_required": "The message did not say for which practice",
    "already_booked": "The patient has such an appointment already",
    "already_decided": "Somebody had decided about it already",
    "ambiguous_patient": "Several patients fit, or the record needs the team",
    "appointment_not_found": "No such appointment",
    "arguments_unreadable": "What the agent asked could not be read",
    "baa_required": "Refused: the agreement has not been accepted",
    "call_required": "Refused: no call was going on",
    "card_number_refused": "Refused: a card number was said, and is kept nowhere",
    "credentials_rejected": "Your system refuses Parlae's access",
    "date_ambiguous": "Asked back: the date could be read in two ways",
    "date_in_past": "Asked back: the date is in the past",
    "date_invalid": "Asked back: there is no such date",
    "date_missing": "Asked back: no date was said",
    "duplicate_patient": "Such a patient exists already",
    "feature_disabled": "Refused: your practice has switched this off",
    "forbidden": "Refused: not allowed",
    "idempotency_conflict": "Refused: a repetition that asked for something else",
    "internal_error": "Something went wrong on Parlae's side",
    "location_required": "The practice's location is not chosen yet",
    "minor_needs_guardian": "Refused: a minor needs a parent in the call",
    "not_configured": "Refused: no secret is set up",
    "not_found": "Nothing found",
    "not_on_grid": "Refused: appointments do not start at that minute",
    "not_supported": "Your system does not allow this; the team was asked to do it",
    "not_verified": "Refused: nobody had proven who they are",
    "office_unproven": "Refused: the practice's mailbox has not been asked yet",
    "on_request_only": "Not booked: left to the team as a request",
    "outcome_unknown": "Sent, and your system has not said what became of it",
    "outside_hours": "Refused: outside your hours",
    "patient_not_found": "Refused: no patient matches what was said",
    "paused": "Refused: the agent is paused",
    "person_overlap": "Refused: the patient has another appointment then",
    "placeholder": "Asked back: the agent left something blank",
    "pms_unavailable": "Your system could not be reached",
    "rate_limited": "Refused: too much was asked at once",
    "setup_required": "The connection to your system is not set up",
    "signature_invalid": "Refused: the message was not signed as it should be",
    "slot_expired": "The offered time had run out",
    "slot_taken": "Somebody else had taken that time",
    "still_working": "Another request for it was still under way",
    "time_format": "Asked back: the time could not be read",
    "time_zone_mismatch": "Asked back: the time was of another time zone",
    "too_far": "Refused: further ahead than you let anybody book",
    "too_large": "Refused: too much was sent",
    "too_soon": "Refused: sooner than your minimum notice",
    "unknown_tool": "Refused: the agent asked for something that does not exist",
    "upstream_invalid": "Your system answered something that could not be used",
    "validation_failed": "Asked back: something was missing",
    "verification_locked": "Refused: too many wrong answers about who calls",
    "write_rejected": "Your system refused the change",
}
# What a call has come to.
CALLS: Mapping[str, str] = {
    "": "Going on, or not known yet",
    Outcome.BOOKED: "Booked",
    Outcome.MOVED: "Moved",
    Outcome.CANCELLED: "Cancelled",
    Outcome.REQUESTED: "Requested, not final",
    Outcome.MESSAGE: "Left something for the team",
    Outcome.TRANSFERRED: "Put through",
    Outcome.ANSWERED: "Answered",
}
_EMPTY: tuple[Any, ...] = (None, "", {}, [])
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def tool(name: str) -> str:
    """Return what the agent set about, by a tool's name."""
    return TOOLS.get(name, OTHER_TOOL)


def outcome(code: str) -> str:
    """Return what came of it, by its code; a code that is no longer made is told as it is."""
    return OUTCOMES.get(code, code.replace("_", " ").capitalize())


def arguments(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was asked for as label and words; what is empty, or not an argument of any tool, is left out."""
    return [
        (ARGUMENTS[name], _in_words(value))
        for name, value in given.items()
        if name in ARGUMENTS and value not in _EMPTY
    ]


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values() if part)
    return _day(value) if isinstance(value, str) else str(value)


def _day(text: str) -> str:
    """Return a day as it is said; other text as it is."""
    try:
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        return text
    return f"{speech.say_date(day)}, {day.year}"
