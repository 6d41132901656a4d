"""The page about what "booked" means and what breaks: made from the states and their words, and partly measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from pms.domain import speech
from pms.management import markdown
from pms.models import BLOCKING, Booking, BookingState, Operation, WriteBackState
from pms.services import bookings, write_backs
from pms.tools import wording

NAME = "booking-safety.md"
# What holds the part of the page that is measured.
MEASURED_BEGIN, MEASURED_END = "<!-- measured: begin -->", "<!-- measured: end -->"
_BOOKING_MEANS: Mapping[BookingState, str] = {
    BookingState.HELD: "The time is kept for a caller who is being served. Nothing has been sent.",
    BookingState.EXPIRED: f"It was held for {bookings.HOLD_FOR.total_seconds():.0f} seconds and not sent.",
    BookingState.PENDING: "It is on its way, and the practice's system has not said yet what became of it.",
    BookingState.UNKNOWN: "It was sent, and no answer came. It may or may not be there; the team has a task.",
    BookingState.CONFIRMED: "The practice's system says that it has made it, and has told under which number.",
    BookingState.FAILED: "Certainly nothing of it is in the practice's system.",
    BookingState.MISMATCH: "The practice's system shows it differently from what was written. The team has a task.",
    BookingState.LOST: "It was confirmed, and the practice's system does not show it. The team has a task.",
    BookingState.CANCELLED: "It was taken back or cancelled.",
    BookingState.RESCHEDULED: "It was moved; a booking of the new time has taken its place.",
}
_WRITE_MEANS: Mapping[WriteBackState, str] = {
    WriteBackState.WAITING: "Not sent yet: the patient's own record is still on its way.",
    WriteBackState.SENDING: "Written down just before it is sent, so that a process that dies leaves a trace.",
    WriteBackState.PENDING: "The vendor has taken it in; the office has not carried it out yet.",
    WriteBackState.UNKNOWN: "It was sent, and no answer came. It is looked for until there is certainty.",
    WriteBackState.DONE: "The vendor says that the office has carried it out.",
    WriteBackState.FAILED: "Certainly nothing of it was made.",
    WriteBackState.PARKED: "Left to a person: no end within "
    f"{write_backs.FOLLOW_FOR.total_seconds() / 3600:.0f} hours, or the practice's system shows something else.",
}
# Which state of a write may follow which; the campaign of faults finds out whether that is so.
WRITE_STEPS: Mapping[WriteBackState, frozenset[WriteBackState]] = {
    WriteBackState.WAITING: frozenset({WriteBackState.SENDING, WriteBackState.FAILED}),
    WriteBackState.SENDING: frozenset(WriteBackState) - {WriteBackState.SENDING, WriteBackState.PARKED},
    WriteBackState.PENDING: frozenset({WriteBackState.DONE, WriteBackState.FAILED, WriteBackState.PARKED}),
    WriteBackState.UNKNOWN: frozenset(
        {WriteBackState.PENDING, WriteBackState.DONE, WriteBackState.FAILED, WriteBackState.PARKED}
    ),
    WriteBackState.DONE: frozenset({WriteBackState.PARKED}),
}
_EXAMPLE = datetime(2026, 3, 3, 9, 0)  # noqa: DTZ001  # on the practice's wall clock
_PLAIN_WORDS = """\
**For whoever runs a practice.** When the agent says that an appointment is *booked*, your practice's system has
answered that it made it, and under which number. Nothing else is ever called booked. Until that answer comes, the
caller hears that the request was sent and is not final; if it does not go through, your team is told. When no answer
comes at all, the caller hears that it cannot be said yet, and your team gets a task to look.

Something always breaks: the internet, the vendor, the computer in your office, our own servers. The rule stays the
same. A booking is sent once and never again on suspicion, so that nobody is booked twice. Its time is kept until it is
known what became of it, so that nobody else gets it. It is followed for a day, and looked for where no answer came.
Where the end is not what the caller was told, a person at your practice has a task that says so. A move never gives up
the old time before the new one stands."""
_BOOKINGS_GO = """\
The states of a booking, and which may follow which. Every step is a compare-and-set in the database: whoever is second
changes nothing, and no state goes backwards."""
_WRITES_GO = """\
Every change is a write-back with a row of its own: a booking, a move, a cancellation, a new record. The row is
committed before anything is sent. What the vendor says of it decides how the booking stands."""
_SAID = """\
The words are made from the state and from nothing else (`pms/tools/wording.py`). A booking *keeps its time* as long as
nobody else can get it; *until reads show it* means that from then on the practice's system keeps it."""
_CAMPAIGN = """\
`make safety` breaks one thing at a time while a caller books, moves or cancels, lets the world recover and the worker
do its work, and then compares what the caller heard, what we keep, and what is in the practice's system. It uses
PostgreSQL, the sandbox as a process of its own, the tools that a call uses and the sweeps that the worker runs, and
kills real processes. Every try has a caller and a time of its own. The table is kept by `make safety WRITE=1`; `make
check` strikes every fault once. The faults are in `tests/safety/faults.py`.

- **lost**: the caller did not hear that nothing came of it, and in the end it is not done and nobody has a task; or we
  and the practice's system disagree and nobody has a task; or a move left the patient without any time.
- **doubled**: more than one appointment for one wish, or for one time of one clinician.
- **said wrongly**: the caller heard that it was done when it was not; or that nothing came of it, and it is done and
  nobody has a task; or that the team was asked, and there is no task.
- **done**: how many wishes the practice's system had fulfilled in the end. The others came to nothing: the caller was
  told, or a person has a task.
- **tasks**: what a person at the practice has to do in the end. One that all went well for may have a task too,
  because nobody could know it when it was opened; then it says how it ended.
- **median time to the true end**: until we and the practice's system agree and nothing is followed any more, or a
  person has taken over. Hours are made to pass by setting the clocks, here and at the office, forward."""


def page() -> str:
    """Return the page about what "booked" means and what breaks; the measured part of it is left as it is."""
    sources = "`pms/services/bookings.py`, `pms/models/write_back.py` and `pms/tools/wording.py`"
    lines = ["# Booking safety", "", f"{markdown.note(sources)} `make safety WRITE=1` measures the last table."]
    lines += ["", _PLAIN_WORDS, "", "## How a booking goes", "", _BOOKINGS_GO, ""]
    lines += [*_diagram(bookings.TRANSITIONS, BookingState.HELD), "", *_steps(bookings.TRANSITIONS, _BOOKING_MEANS)]
    lines += ["", "## How a write into the practice's system goes", "", _WRITES_GO, ""]
    lines += [*_diagram(WRITE_STEPS, WriteBackState.SENDING, WriteBackState.WAITING), ""]
    lines += _steps(WRITE_STEPS, _WRITE_MEANS)
    lines += ["", "## What each state may say", "", _SAID, "", *_booking_words(), "", *_write_words()]
    lines += ["", "## What was broken on purpose", "", _CAMPAIGN]
    lines += ["", MEASURED_BEGIN, "", _measured(), "", MEASURED_END]
    return markdown.page(lines)


def _measured() -> str:
    """Return what the page that is there says was measured: that does not come from code."""
    kept = settings.BASE_DIR / "docs" / NAME
    text = kept.read_text(encoding="utf-8") if kept.exists() else ""
    found = text.partition(MEASURED_BEGIN)[2].partition(MEASURED_END)[0].strip()
    return found or "Not measured yet."


def _diagram(steps: Mapping[Any, frozenset[Any]], *first: str) -> list[str]:
    """Return a state diagram; states from which nothing leads on are ends."""
    arrows = [f"    [*] --> {state}" for state in first]
    arrows += [f"    {start} --> {end}" for start, ends in steps.items() for end in _in_order(ends)]
    ends = _in_order(frozenset().union(*steps.values()) - steps.keys())
    return ["```mermaid", "stateDiagram-v2", *arrows, *(f"    {end} --> [*]" for end in ends), "```"]


def _steps(steps: Mapping[Any, frozenset[Any]], means: Mapping[Any, str]) -> list[str]:
    """Return the diagram as a table, with what every state means."""
    rows = [
        (f"`{state}`", meaning, ", ".join(f"`{end}`" for end in _in_order(steps.get(state, frozenset()))) or "the end")
        for state, meaning in means.items()
    ]
    return markdown.table(("state", "meaning", "may become"), rows)


def _in_order(states: Iterable[Any]) -> list[str]:
    """Return states in the order in which they are declared, not that of a set."""
    declared = [*BookingState.values, *WriteBackState.values]
    return sorted({str(state) for state in states}, key=declared.index)


def _booking_words() -> list[str]:
    rows = [
        (f"`{state}`", _keeps_time(state), _booking_sentence(state), _booking_sentence(state, moves="90001"))
        for state in BookingState
    ]
    return markdown.table(("booking", "keeps its time", "said of a new appointment", "said of a move"), rows)


def _booking_sentence(state: BookingState, moves: str = "") -> str:
    booking = Booking(state=state, confirmation_number="K7P3XM", patient_id="1001", moved_appointment_id=moves)
    return wording.booking_sentence(booking, speech.say_when(_EXAMPLE), speech.say_name("Perpetua Lindqvist"))


def _keeps_time(state: BookingState) -> str:
    """Return whether nobody else can have the time of a booking in this state, by the condition that says so."""
    for part in BLOCKING.children:
        conditions: dict[str, Any] = dict(getattr(part, "children", [part]))
        if state in conditions.get("state__in", [conditions.get("state")]):
            return "until reads show it" if "verified_at__isnull" in conditions else "yes"
    return "no"


def _write_words() -> list[str]:
    when = speech.say_when(_EXAMPLE)
    rows = [
        (
            f"`{state}`",
            wording.change_sentence(Operation.CANCEL, state, when),
            wording.change_sentence(Operation.CONFIRM, state, when),
            wording.new_patient_sentence(state, "Cora Whitfield", "1001"),
        )
        for state in WriteBackState
    ]
    return markdown.table(("write", "said of a cancellation", 'said of "I am coming"', "said of a new record"), rows)
