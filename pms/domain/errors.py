"""Every expected failure of Parlae, in one tree.

Each class carries the public ``code``, the HTTP ``status`` of the REST face, whether a repetition may help
(``retryable``) and ``spoken``: the sentence the voice agent may say. None carries an upstream body, because those
hold patient data::

    ParlaeError
    ├── Refused            who is asking, or what the practice allows
    ├── Invalid            what was asked
    ├── NotFound
    ├── Conflict
    └── PmsError           what the practice's system, or the way to it, did
        ├── NotSupported ── NotEntitled
        ├── CredentialsRejected
        ├── UpstreamInvalid
        ├── PmsUnavailable ── PmsRateLimited, OfficeOffline, Undecided
        │   ├── BudgetSpent ── NoTimeToSend
        │   └── NotAsked ── CircuitOpen, Crowded
        ├── WriteRejected
        └── OutcomeUnknown
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

_ASK_TEAM = "I can take a message for the team at the practice."
_OUT_OF_REACH = "I'm sorry, I can't reach the practice's system right now"
_SLOW = "I'm sorry, the practice's system is very slow right now"
_UNCHANGED = "so nothing has been scheduled or changed"


class ParlaeError(Exception):
    """The root. ``message`` is for developers and staff, ``spoken`` for the caller; neither may hold patient data."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = "Something went wrong on our side."
    default_spoken: ClassVar[str] = f"I'm sorry, something went wrong on our side and I could not do that. {_ASK_TEAM}"

    def __init__(
        self,
        message: str = "",
        *,
        spoken: str = "",
        fields: Mapping[str, str] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.spoken = spoken or self.default_spoken
        self.fields = dict(fields or {})
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.message)


class Internal(ParlaeError):
    """A defect, reported without its details."""


class Refused(ParlaeError):
    """The asker may not, or the practice does not allow it."""

    status = 403


class SignatureInvalid(Refused):
    code = "signature_invalid"
    status = 401
    default_message = "The request is not signed, or not with a secret that opens this line."


class NotConfigured(Refused):
    code = "not_configured"
    status = 503
    default_message = "No webhook secret is configured, so nothing can be accepted."


class Forbidden(Refused):
    code = "forbidden"
    default_message = "This credential or role may not do that."


class CallRequired(Refused):
    code = "call_required"
    default_message = "A voice credential reads patient data only within a known live call."
    default_spoken = f"I'm sorry, I can only do that during a phone call. {_ASK_TEAM}"


class NotVerified(Refused):
    code = "not_verified"
    default_message = "The caller has not been verified for this patient in this call."
    default_spoken = (
        "Before I can do that I need to confirm who this is for: the patient's full name and date of birth, please."
    )


class VerificationLocked(Refused):
    code = "verification_locked"
    default_message = "Too many failed verifications in this call."
    default_spoken = (
        f"I'm sorry, I could not confirm those details, so I can't open any records in this call. {_ASK_TEAM}"
    )


class BaaRequired(Refused):
    code = "baa_required"
    default_message = "The practice has not accepted the business associate agreement."
    default_spoken = "I'm sorry, this service is not switched on yet. The team at the practice will have to help."


class FeatureDisabled(Refused):
    code = "feature_disabled"
    default_message = "The practice has switched this feature off."
    default_spoken = f"I'm sorry, the practice does not offer that by phone agent. {_ASK_TEAM}"


class Paused(Refused):
    code = "paused"
    default_message = "The practice has paused the voice agent."
    default_spoken = f"I'm sorry, the scheduling system is paused right now. {_ASK_TEAM}"


class CardNumberRefused(Refused):
    code = "card_number_refused"
    default_message = "What was sent holds what looks like a full card number; nothing of it was kept."
    default_spoken = (
        "For your safety I can't take card numbers, and I have not kept that one. "
        "The team can take the payment with you."
    )


class AccountRequired(ParlaeError):
    code = "account_required"
    status = 400
    default_message = "The request names no practice: neither its credential, its line nor an accountId."
    default_spoken = (
        "I'm sorry, this phone line is not connected to a practice yet, so I can't look anything up or book anything."
    )


class ArgumentsUnreadable(ParlaeError):
    code = "arguments_unreadable"
    status = 400
    default_message = "The arguments are not a JSON object."
    default_spoken = "I did not get that down correctly. Could you tell me again?"


class TooLarge(ParlaeError):
    code = "too_large"
    status = 413
    default_message = "The request body is larger than this endpoint accepts."


class RateLimited(ParlaeError):
    code = "rate_limited"
    status = 429
    retryable = True
    default_message = "Too many requests for this practice."
    default_spoken = "I'm sorry, the system is very busy right now. Please give me a minute and ask me again."


class NotFound(ParlaeError):
    status = 404


class UnknownTool(NotFound):
    code = "unknown_tool"
    default_message = "There is no tool of that name."
    default_spoken = f"I'm sorry, that is something I can't do. {_ASK_TEAM}"


class PatientNotFound(NotFound):
    code = "patient_not_found"
    default_message = "No such patient."
    default_spoken = (
        "I could not find a record with that name and date of birth. "
        "Could you say both again, with the month as a word?"
    )


class AppointmentNotFound(NotFound):
    code = "appointment_not_found"
    default_message = "No such appointment."
    default_spoken = "I could not find that appointment."


class WriteNotFound(NotFound):
    code = "not_found"
    default_message = "There is no such write."


class Conflict(ParlaeError):
    status = 409


class LocationRequired(Conflict):
    code = "location_required"
    default_message = "The office has several locations; name one of them."


class OfficeUnproven(Conflict):
    """Nothing shows yet that whoever connects a practice reaches it: a code in its own mailbox would.

    ``address`` is the e-mail address that the vendor has on file, empty if there is none; ``practice_digest`` is the
    practice's. Both are for sending the code, and in no message.
    """

    code = "office_unproven"
    default_message = "A code from the practice's own mailbox is needed first; connect it in the browser, at /setup/."

    def __init__(self, *, address: str = "", practice_digest: str = "") -> None:
        super().__init__()
        self.address, self.practice_digest = address, practice_digest


class OfficeWithoutMail(OfficeUnproven):
    """The vendor has no address on file that a code could be sent to."""


class OfficeCodesUsedUp(OfficeUnproven):
    """So many codes were sent that another one has to wait."""


class OfficeMailFailed(OfficeUnproven):
    """The code could not be handed to a mail server; it does not count."""


class SlotTaken(Conflict):
    code = "slot_taken"
    default_message = "The time is no longer free."
    default_spoken = "I'm sorry, that time has just been taken."


class SlotExpired(Conflict):
    code = "slot_expired"
    default_message = "The slot code is unknown in this call, or has expired."
    default_spoken = "That offer has expired. Let me look up the open times again."


class AlreadyBooked(Conflict):
    code = "already_booked"
    default_message = "This patient already has this appointment."
    default_spoken = "That appointment is already there."


class AlreadyDecided(Conflict):
    code = "already_decided"
    default_message = "Somebody has decided about this request already."
    default_spoken = "That request has been dealt with already, so I have not changed anything."


class PersonOverlap(Conflict):
    code = "person_overlap"
    default_message = "This patient already has an appointment at that time."
    default_spoken = (
        "There is already an appointment for this patient at that time, so I can't book another one over it."
    )


class DuplicatePatient(Conflict):
    code = "duplicate_patient"
    default_message = "A patient with these details exists."
    default_spoken = "There is a record with that name and date of birth already, so I have not made another one."


class AmbiguousPatient(Conflict):
    code = "ambiguous_patient"
    default_message = "Several patients match; one more detail is needed."
    default_spoken = (
        "I need one more detail to be sure I have the right record: "
        "the last four digits of the phone number the practice has on file, please."
    )


class InactivePatient(Conflict):
    code = "ambiguous_patient"
    default_message = "The matching record is inactive; staff decide about it."
    default_spoken = "I need the team's help with that record, so I have left them a note. They can book it with you."


class IdempotencyConflict(Conflict):
    code = "idempotency_conflict"
    default_message = "This id was used before with other arguments."
    default_spoken = "Something got mixed up on my side, and I have not changed anything. Please ask me again."


class StillWorking(Conflict):
    code = "still_working"
    retryable = True
    default_message = "The same request is still being worked on."
    default_spoken = "I'm still working on that. One moment, please."


class SetupRequired(Conflict):
    code = "setup_required"
    default_message = "The practice's system is not connected yet."
    default_spoken = f"I'm sorry, the practice's system is not connected yet. {_ASK_TEAM}"


class Invalid(ParlaeError):
    """Something about the arguments is wrong; it is asked about and never repaired."""

    code = "validation_failed"
    status = 422
    default_message = "Some arguments are missing or not valid."
    default_spoken = "I did not get that down correctly. Could you tell me again?"


class DateInPast(Invalid):
    code = "date_in_past"
    default_message = "The date or time is in the past."
    default_spoken = "That date has already passed. Which day did you mean?"


class DateInvalid(Invalid):
    code = "date_invalid"
    default_message = "There is no such date or time."
    default_spoken = "That date does not exist in the calendar. Which day did you mean?"


class DateMissing(Invalid):
    code = "date_missing"
    default_message = "A date is needed."
    default_spoken = "Which day would you like?"


class DateAmbiguous(Invalid):
    code = "date_ambiguous"
    default_message = "The date can be read in two ways; use YYYY-MM-DD."
    default_spoken = "I want to be sure of the date. Could you say it with the month as a word?"


class TimeFormat(Invalid):
    code = "time_format"
    default_message = "The time is not understood; use 24-hour HH:MM."
    default_spoken = "I did not catch the time. What time would you like?"


class TimeZoneMismatch(Invalid):
    code = "time_zone_mismatch"
    default_message = "The time carries another zone's offset; use the practice's local time."
    default_spoken = "I want to be sure of the time. What time would you like, in the practice's local time?"


class Placeholder(Invalid):
    code = "placeholder"
    default_message = "An argument is an unfilled template placeholder."
    default_spoken = "I did not get that down correctly. Could you tell me again?"


class OutsideHours(Invalid):
    code = "outside_hours"
    default_message = "The practice is closed at that time."
    default_spoken = "The practice is closed at that time."


class NotOnGrid(Invalid):
    code = "not_on_grid"
    default_message = "Appointments do not start at that minute."
    default_spoken = "Appointments don't start at exactly that time."


class TooSoon(Invalid):
    code = "too_soon"
    default_message = "The time is inside the practice's minimum notice."
    default_spoken = "That is too short notice to book."


class TooFar(Invalid):
    code = "too_far"
    default_message = "The time is beyond the practice's booking horizon."
    default_spoken = "That is further ahead than I can book."


class OnRequestOnly(Invalid):
    code = "on_request_only"
    default_message = "This kind of appointment is arranged by the team."
    default_spoken = f"That kind of appointment is arranged by the team. {_ASK_TEAM}"


class MinorNeedsGuardian(Invalid):
    code = "minor_needs_guardian"
    default_message = "The patient is a minor and no verified adult of the family is on the call."
    default_spoken = (
        "For a patient under eighteen I need to speak with a parent or guardian who is a patient here too. " + _ASK_TEAM
    )


class PmsError(ParlaeError):
    """The practice's system, or the way to it, failed or refused."""

    status = 502


class NotSupported(PmsError):
    code = "not_supported"
    status = 501
    default_message = "This practice's system cannot do that through its interface."
    default_spoken = f"I'm sorry, I can't do that in this practice's system. {_ASK_TEAM}"


class NotEntitled(NotSupported):
    """The vendor's plan or the key's scope leaves this out; the rest of the connection works."""

    default_message = "The vendor's plan for this practice does not include that."


class CredentialsRejected(PmsError):
    code = "credentials_rejected"
    default_message = "The practice's system does not accept the stored credentials."
    default_spoken = f"{_OUT_OF_REACH}. {_ASK_TEAM}"


class UpstreamInvalid(PmsError):
    code = "upstream_invalid"
    default_message = "The practice's system gave an answer that could not be understood."
    default_spoken = f"I'm sorry, I can't read the practice's system right now. {_ASK_TEAM}"


class TenantMismatch(UpstreamInvalid):
    """The answer belongs to another practice: it is discarded, and a security matter."""

    default_message = "The practice's system answered for another practice; the answer was discarded."


class PmsUnavailable(PmsError):
    code = "pms_unavailable"
    status = 503
    retryable = True
    default_message = "The practice's system could not be reached."
    default_spoken = f"{_OUT_OF_REACH}. {_ASK_TEAM}"


class PmsRateLimited(PmsUnavailable):
    default_message = "The practice's system is limiting requests."


class OfficeOffline(PmsUnavailable):
    default_message = "The office's computer is offline, so nothing can be written."


class BudgetSpent(PmsUnavailable):
    default_message = "The practice's system did not answer within the time a caller can wait."
    default_spoken = f"{_SLOW}. {_ASK_TEAM}"


class NoTimeToSend(BudgetSpent):
    """Our own budget is too short to begin a change; the practice's system has answered whatever it was asked."""


class Undecided(PmsUnavailable):
    """The practice's system has answered, and what it shows does not tell yet what was asked."""

    default_message = "The practice's system cannot tell that yet."


class NotAsked(PmsUnavailable):
    """The access was refused before the practice's system was asked, so it says nothing new about that system."""

    unchanged_spoken: ClassVar[str] = f"{_OUT_OF_REACH}, {_UNCHANGED}. {_ASK_TEAM}"


class CircuitOpen(NotAsked):
    default_message = "The practice's system has failed several times in a row and is left alone for a moment."


class Crowded(NotAsked):
    default_message = "Too many requests are waiting for the practice's system already."
    default_spoken = f"{_SLOW}. {_ASK_TEAM}"
    unchanged_spoken = f"{_SLOW}, {_UNCHANGED}. {_ASK_TEAM}"


class WriteRejected(PmsError):
    """The PMS refused a write before or after queuing it; nothing was changed there."""

    code = "write_rejected"
    default_message = "The practice's system refused the change."
    default_spoken = f"I'm sorry, the practice's system did not accept that, so nothing has been changed. {_ASK_TEAM}"


class OutcomeUnknown(PmsError):
    code = "outcome_unknown"
    status = 504
    default_message = "The change was sent, but whether it was made is not known."
    default_spoken = (
        "I sent that to the practice's system but did not hear back, so I can't say yet whether it went through. "
        "I have asked the team to check."
    )
