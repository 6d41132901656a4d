"""How a test call ended, for the page: what it means, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pms.services import call_words


@dataclass(frozen=True, slots=True)
class Told:
    """A title and what to do. ``is_urgent``: somebody has to look into the practice's system now."""

    title: str
    advice: str
    is_urgent: bool = False


PASSED = Told("The test call went well.", "Your line answers, and it keeps what has to be kept.")
BOOKED = Told(
    "The test call went well: booked, and cancelled again.",
    "Your line answers, keeps what has to be kept, and the appointment has gone all the way into your system and out.",
)
WAITING = Told("Waiting for the worker.", "It begins in a moment. You can leave this page.")
RUNNING = Told("The test call is going on.", "You can leave this page and come back.")
PENDING = Told(
    "Said and done; your system has not finished yet.",
    "What was booked, or its cancellation, is on its way. This page shows how it ends; you can leave it.",
)
_AGAIN = "Wait a moment and try again. If it stays so, write to support."
_LOOK = "Look into your system for the appointment of the test patient and cancel it there. The team has a task for it."

ENDS: Mapping[str, Told] = {
    "interrupted": Told(
        "The test call was interrupted.",
        "The worker was stopped in the middle, for example by an upgrade. Nothing is left of it; you can try again.",
    ),
    "line_closed": Told(
        "The line could not be opened.",
        "Its credential has ended, or cannot be read. Open the line's settings and give it a new one.",
    ),
    "line_refused": Told(
        "The line refused the call.",
        "A real call would have been refused too. Check the line's credential and ids in its settings.",
    ),
    "no_type": Told(
        "There is nothing that the agent may book.",
        "Switch on at least one kind of appointment as booked directly in the rules, and try again.",
    ),
    "no_times": Told(
        "The line works, but it has no time to offer.",
        "See the schedule preview for why: hours, who gives this kind of appointment, or everything is taken.",
    ),
    "refusal_missing": Told(
        "Somebody who cannot exist was not refused.",
        "Pause the agent and write to support at once. This must never happen.",
        is_urgent=True,
    ),
    "test_patient_not_found": Told(
        "The test patient was not found.",
        "Name and date of birth have to be as they stand in your system, and the patient has to be active.",
    ),
    "nothing_booked": Told("Nothing was booked.", "Read above what the agent said. Nothing is left in your system."),
    "only_requested": Told(
        "Nothing could be booked directly, so it was left as a request, and taken back.",
        "Your office's computer is offline, or what Parlae sees of your schedule is too old. See the connection.",
    ),
    "on_request_only": Told(
        "The agent takes this kind of appointment only as a request for now.",
        "Either the rules name nobody who gives it, or what Parlae sees of your schedule is too old, or your office's "
        "computer is offline. The schedule preview says which.",
    ),
    "request_left": Told(
        "A request of the test call is still open.", "Find it among the tasks and decline it.", is_urgent=True
    ),
    "not_cancelled": Told("The test appointment could not be cancelled.", _LOOK, is_urgent=True),
    "left_open": Told(
        "Nobody knows yet what became of the test appointment.",
        f"Your system has not said so for half an hour. {_LOOK}",
        is_urgent=True,
    ),
    "internal_error": Told("Something went wrong on Parlae's side.", _AGAIN),
    "pms_unavailable": Told(
        "Your system could not be reached.", "The page of the connection says more. Try again when it is well."
    ),
    "credentials_rejected": Told("Your system refuses Parlae's access.", "Enter the credentials again."),
    "setup_required": Told("Your system is not connected.", "Finish the connection first."),
    "baa_required": Told("The agreement has not been accepted.", "An owner has to accept it first."),
    "paused": Told("The agent is paused.", "Take the pause off and try again."),
    "feature_disabled": Told("Booking is switched off.", "Switch booking on to test it."),
    "rate_limited": Told("The line is very busy.", "Wait a minute and try again."),
}


def told(code: str) -> Told:
    """Return what is said of an end; of another tool's outcome, what came of it."""
    return ENDS.get(code) or Told(f"It did not go as it should: {call_words.outcome(code)}.", _AGAIN)
