"""What keeps a practice's line from working, in words: what callers notice of it, what to do, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Light(StrEnum):
    """How it stands, the worst first."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


class Place(StrEnum):
    """Where something can be done about it; the page makes addresses of these."""

    AGREEMENT = "agreement"
    SETUP = "setup"
    CONNECTION = "connection"
    FEATURES = "features"
    RULES = "rules"
    LINE = "line"
    PAUSE = "pause"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it is not green: what callers notice of it, and what to do."""

    code: str
    light: Light
    title: str
    advice: str
    place: Place


HEADLINES = {
    Light.GREEN: "Everything is working.",
    Light.AMBER: "It is working, with something to look at.",
    Light.RED: "It is not working.",
}
PAUSED = "The agent is paused."
_R, _A = Light.RED, Light.AMBER
REASONS = {
    one.code: one
    for one in (
        Reason(
            "agreement_missing",
            _R,
            "The agreement has not been accepted.",
            "Until an owner accepts it, no call touches patient data.",
            Place.AGREEMENT,
        ),
        Reason(
            "not_connected",
            _R,
            "Your practice's system is not connected.",
            "Finish the setup. Until then callers can only leave messages.",
            Place.SETUP,
        ),
        Reason(
            "credentials_rejected",
            _R,
            "Your system refuses Parlae's access.",
            "Enter the credentials again. Parlae tries the old ones every ten minutes; callers can leave messages.",
            Place.CONNECTION,
        ),
        Reason(
            "another_practice",
            _R,
            "Your system answered for another practice.",
            "The connection was switched off to be safe. Check the office's number, and write to support.",
            Place.CONNECTION,
        ),
        Reason(
            "circuit_open",
            _R,
            "Your system does not answer.",
            "Parlae tries again by itself every few minutes. Callers hear so, and can leave messages.",
            Place.CONNECTION,
        ),
        Reason(
            "office_offline",
            _A,
            "Your office's computer cannot be reached.",
            "Check that it is on and online. What callers want is kept as requests for the team meanwhile.",
            Place.CONNECTION,
        ),
        Reason(
            "copy_too_old",
            _A,
            "What Parlae sees of your schedule is too old to book from.",
            "It is usually back within the hour. What callers want is kept as requests meanwhile.",
            Place.CONNECTION,
        ),
        Reason(
            "copy_of_unknown_age",
            _A,
            "Nobody has told yet how old what Parlae sees of your schedule is.",
            "It is told within a few minutes. What callers want is kept as requests meanwhile.",
            Place.CONNECTION,
        ),
        Reason(
            "worker_silent",
            _R,
            "Parlae's background work stands still.",
            "Bookings are not followed to their end. Write to support, or start the worker.",
            Place.SUPPORT,
        ),
        Reason(
            "no_line",
            _R,
            "No telephone line is set up.",
            "Add a line, so that calls reach the agent.",
            Place.LINE,
        ),
        Reason(
            "line_off",
            _R,
            "All your lines are switched off.",
            "Switch a line on, so that calls reach the agent.",
            Place.LINE,
        ),
        Reason(
            "line_unattached",
            _R,
            "A line has neither an assistant nor a number.",
            "Finish setting it up, so that calls reach the agent.",
            Place.LINE,
        ),
        Reason(
            "line_closed",
            _R,
            "A line's credential has ended.",
            "Every call over it is refused. Give it a new one.",
            Place.LINE,
        ),
        Reason(
            "provisioning_failed",
            _A,
            "A line could not be set up at Vapi as you want it.",
            "It works as it did before. See the line's page for why.",
            Place.LINE,
        ),
        Reason(
            "provisioning_waits",
            _A,
            "A line waits for its credential's id from Vapi.",
            "Copy it from Vapi's page into the line's page.",
            Place.LINE,
        ),
        Reason(
            "provisioning_runs",
            _A,
            "A line is being set up at Vapi.",
            "It takes a minute.",
            Place.LINE,
        ),
        Reason(
            "paused",
            _A,
            "The agent is paused.",
            "Callers can only leave messages. Take the pause off when you want.",
            Place.PAUSE,
        ),
        Reason(
            "booking_off",
            _A,
            "Booking is switched off.",
            "Callers can leave messages. Switch it on to have appointments booked.",
            Place.FEATURES,
        ),
        Reason(
            "nothing_to_book",
            _A,
            "No kind of appointment is booked by the agent.",
            "Switch one on in the rules, with who gives it and where.",
            Place.RULES,
        ),
    )
}
