"""What the check of a connection says, in the words of a practice: nothing raw, and always what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pms.providers.attention import Attention
from pms.providers.progress import CheckStep, StepState
from pms.services.setup_views import CheckedStep


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a check has failed: ``title``, ``what`` has happened and what ``todo``.

    ``is_credentials`` says that the way on leads over what was typed.
    """

    title: str
    what: str
    todo: str
    is_credentials: bool = False


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One step on the page. ``state`` is that of ``StepState``, ``said`` the same in words."""

    state: StepState
    title: str
    text: str
    said: str


_SUPPORT = "If it stays like this, write to our support with the time of this test."

PROBLEMS: Mapping[str, Problem] = {
    "key_refused": Problem(
        "The application ID or key was not accepted",
        "The service that leads to your system answered, but it does not know this pair of application ID and key.",
        "Copy both again from the place where you found them, whole and without a space, and test again. A key that "
        "was made new there replaces the old one.",
        is_credentials=True,
    ),
    "office_refused": Problem(
        "Your office could not be opened",
        "There is no office of this number that we are let into. Either the number is not right, or your practice has "
        "not yet allowed Parlae to connect, or the office, or the location that was named, is connected to Parlae "
        "already.",
        "Compare the office ID with the one in your account there, and check that Parlae is allowed for this office. "
        "If somebody else may have connected your practice, write to our support.",
        is_credentials=True,
    ),
    "location_required": Problem(
        "Which location is it?",
        "Your office has several locations, and each has a schedule of its own.",
        "Choose the one whose phone the agent will answer, and test again.",
        is_credentials=True,
    ),
    "office_unproven": Problem(
        "A code from your practice's mailbox is needed",
        "Your practice was not connected to this office before, and an office's number alone does not show that it is "
        "yours. So we have sent a code to the e-mail address that the service has on file for it.",
        "Ask whoever reads that mailbox for the eight digits, and type them below. The code counts for half an hour.",
    ),
    "office_without_mail": Problem(
        "There is no mailbox that we could ask",
        "Your practice was not connected to this office before, and an office's number alone does not show that it is "
        "yours. We would send a code to it, but the service has no e-mail address on file that we could use.",
        "Ask the service to put the practice's e-mail address into its record of this location, and test again. If it "
        "cannot, write to our support.",
    ),
    "office_codes_used_up": Problem(
        "No more codes can be sent for now",
        "Codes were sent to the mailbox of this practice, and so that nobody floods it, only a few are within an hour "
        "and within a day.",
        "Wait an hour and test again. If it says the same, wait until tomorrow, or write to our support.",
    ),
    "office_mail_failed": Problem(
        "The code could not be sent",
        "It has to be shown that this practice is yours, by a code to the e-mail address that the service has on file "
        "for it. Our mail could not be sent, so there is no code that counts.",
        f"Wait a few minutes and test again. {_SUPPORT}",
    ),
    "validation_failed": Problem(
        "Something is missing",
        "Not everything that is needed for the connection has been typed.",
        "Go back and fill in every field.",
        is_credentials=True,
    ),
    "pms_unavailable": Problem(
        "Nobody answered",
        "The service that leads to your system could not be reached, or said that it is out of order. What you typed "
        "is kept and has not been judged.",
        f"Wait a few minutes and test again. {_SUPPORT}",
    ),
    "too_slow": Problem(
        "It took too long",
        "The service answered so slowly that the test was ended after half a minute.",
        f"Wait a few minutes and test again. {_SUPPORT}",
    ),
    "pms_rate_limited": Problem(
        "Too many questions at once",
        "The service answers only so many questions in a minute and in a day, and for now they are used up.",
        "Wait a few minutes and test again. If it says the same for an hour, the day's share is used up; it begins "
        "anew tomorrow.",
    ),
    "office_offline": Problem(
        "The computer in your office is off",
        "The service answered, but it cannot reach the computer in your office that it works with.",
        "Check that your server is on and connected to the internet and that the service's program runs on it, then "
        "test again.",
    ),
    "upstream_invalid": Problem(
        "The answer could not be understood",
        "Something answered, but not as that service does. Nothing of it was used.",
        f"Wait a few minutes and test again. {_SUPPORT}",
    ),
    "other_practice": Problem(
        "The answer was for another practice",
        "The service answered with another practice's data. It was thrown away, and nothing was connected.",
        "Please do not try again before our support has looked at it. Write to them with the time of this test.",
    ),
    "not_supported": Problem(
        "Your plan does not include this",
        "The service answered that the plan of your practice, or the key, leaves out what a connection needs.",
        "Ask the service which plan includes access for applications, and test again when it is changed.",
    ),
    "crowded": Problem(
        "Too much at once",
        "Callers are using your connection right now, and they come first.",
        "Wait a minute and test again.",
    ),
    "still_working": Problem(
        "Something is still on its way",
        "The connection was changed while it was tested, or an appointment that the agent has made has not been seen "
        "in the system that is connected now. Your connection stays as it was.",
        "Wait until the open bookings on your home page are final, and test again.",
    ),
    "setup_required": Problem(
        "There is nothing to test yet",
        "No system is connected, and nothing was typed that could be tried.",
        "Choose your system and type what opens it.",
        is_credentials=True,
    ),
    "baa_required": Problem(
        "The agreement comes first",
        "Your practice has not accepted the business associate agreement that is in force, so nothing was tried.",
        "Have an owner of the practice accept it, then test again.",
    ),
    "rate_limited": Problem(
        "That was a lot of tests",
        "Within an hour only a few tests are possible, so that nobody can try out keys.",
        "Wait a while and test again. Until then, compare what you typed with where you found it.",
    ),
    "check_interrupted": Problem(
        "The test was interrupted",
        "Our program was stopped in the middle of the test. What you typed is kept.",
        "Test again.",
    ),
    "internal_error": Problem(
        "Something went wrong on our side",
        "It is not about what you typed, which is kept. We have noted what happened.",
        f"Test again. {_SUPPORT}",
    ),
}

ATTENTIONS: Mapping[str, str] = {
    Attention.COPY_TOO_OLD: (
        "The copy of your schedule is older than it should be. While it is, the agent books nothing itself and takes "
        "requests for your team. Check that the service's program on your server is running."
    ),
    Attention.COPY_OF_UNKNOWN_AGE: (
        "Nobody tells how old the copy of your schedule is. Until that is known, the agent books nothing itself and "
        "takes requests for your team."
    ),
    Attention.OFFICE_OFFLINE: (
        "The computer in your office cannot be reached right now. Until it can, the agent books nothing itself and "
        "takes requests for your team. Check that your server is on and connected to the internet."
    ),
    Attention.READS_MISSING: (
        "The key does not open all of schedule, appointments and patients, so the agent can hardly help callers. Ask "
        "the service to add them to the key, and test again."
    ),
    Attention.READ_ONLY: (
        "The agent can look things up, but may write nothing into your system. For whatever callers want changed, it "
        "offers to leave your team a message."
    ),
    Attention.NO_BOOKING: (
        "The agent may write some things into your system, but no new appointments. To callers who want one it offers "
        "to leave your team a message."
    ),
}

STEPS: Mapping[CheckStep, tuple[str, str]] = {
    CheckStep.REACHABLE: ("The service answers", "It can be reached over the internet."),
    CheckStep.KEY: ("The key is accepted", "Application ID and key fit together."),
    CheckStep.OFFICE: ("Your office is found", "It lets us in, and it is the one that you named."),
    CheckStep.FRESH: (
        "The schedule is up to date",
        "The copy of your schedule is fresh, and your office can be reached.",
    ),
    CheckStep.WRITING: ("Appointments can be booked", "The agent may put appointments into your schedule."),
}

_SAID: Mapping[StepState, str] = {
    StepState.WAITING: "not checked yet",
    StepState.RUNNING: "is being checked",
    StepState.PASSED: "passed",
    StepState.ATTENTION: "works, with something to know",
    StepState.FAILED: "failed",
}


def problem(code: str) -> Problem:
    """Return what to say about a check that has failed; a code that nobody knows is our own mistake."""
    return PROBLEMS.get(code, PROBLEMS["internal_error"])


def steps(found: Sequence[CheckedStep]) -> list[ToldStep]:
    """Return all steps as a page shows them."""
    return [ToldStep(one.state, STEPS[one.name][0], _text(one), _SAID[one.state]) for one in found]


def _text(step: CheckedStep) -> str:
    match step.state:
        case StepState.PASSED:
            return STEPS[step.name][1]
        case StepState.ATTENTION:
            return ATTENTIONS[step.code]
        case StepState.FAILED:
            return problem(step.code).title
    return ""
