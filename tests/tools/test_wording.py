"""The words for every state and every error: one line, and nothing called booked that is not."""

from __future__ import annotations

import re

import pytest

from pms.domain import errors
from pms.models import Booking, BookingState
from pms.services import appointments, availability, placing
from pms.tools import wording
from pms.tools.registry import TOOLS

CLAIMS = re.compile(r"\bbooked\b|\bconfirmed\b|\ball set\b", re.IGNORECASE)
WHEN, WHO = "Tuesday, December 1st at 9:30 AM", "Casimir Bellweather"
NOTHING = f"The request for {WHEN} did not go through, so nothing has been scheduled."


def sentence(state: BookingState) -> str:
    return wording.booking_sentence(Booking(state=state, confirmation_number="K7M3XR"), WHEN, WHO)


def subclasses(of: type[errors.ParlaeError]) -> list[type[errors.ParlaeError]]:
    return [of, *(below for one in of.__subclasses__() for below in subclasses(one))]


ERRORS = sorted({*subclasses(errors.ParlaeError)} - {placing.TimeNotFree}, key=lambda one: one.__name__)


@pytest.mark.parametrize("state", list(BookingState))
def test_only_a_confirmed_booking_is_called_booked(state: BookingState) -> None:
    booking = Booking(state=state, confirmation_number="K7M3XR")
    said = wording.before(booking) + sentence(state)

    assert bool(CLAIMS.search(said)) is (state == BookingState.CONFIRMED)
    assert "\n" not in said
    assert said.endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_no_error_sounds_like_a_booking(error: type[errors.ParlaeError]) -> None:
    assert not CLAIMS.search(error("").spoken)
    assert "\n" not in error("").spoken
    assert error("").spoken[-1] in ".?"
    assert not CLAIMS.search(error.default_message) or error is errors.AlreadyBooked


@pytest.mark.parametrize("said", [appointments._NOT_MADE, placing.NOT_HELD, *availability._WORDS.values()])
def test_no_sentence_of_a_failed_booking_sounds_like_one(said: str) -> None:
    assert not CLAIMS.search(said)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_no_filler_promises_what_is_not_done_yet(tool: object) -> None:
    filler: str = tool.filler  # type: ignore[attr-defined]

    assert not CLAIMS.search(filler)


def test_the_words_are_these() -> None:
    assert {state: sentence(state) for state in BookingState} == {
        "HELD": "The request for Tuesday, December 1st at 9:30 AM with Casimir Bellweather has not been sent yet, so "
        "nothing has been scheduled.",
        "EXPIRED": NOTHING,
        "PENDING": "The request for Tuesday, December 1st at 9:30 AM with Casimir Bellweather has been sent to the "
        "practice's system, but it is not final yet. If it does not go through, the team will be told. The reference "
        "number is K 7 M 3 X R.",
        "UNKNOWN": "I sent that to the practice's system but did not hear back, so I can't say yet whether it went "
        "through. I have asked the team to check.",
        "CONFIRMED": "The appointment is booked for Tuesday, December 1st at 9:30 AM with Casimir Bellweather. The "
        "confirmation number is K 7 M 3 X R.",
        "FAILED": NOTHING,
        "MISMATCH": "That needs the team's attention, and I have asked them to check.",
        "LOST": "That needs the team's attention, and I have asked them to check.",
        "CANCELLED": "That appointment has been cancelled.",
        "RESCHEDULED": "That appointment has been moved to another time.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (BookingState.CONFIRMED, "You already have that one. "),
        (BookingState.PENDING, "I have asked for that one already. "),
        (BookingState.UNKNOWN, ""),
    ],
)
def test_a_repeated_wish_is_answered_by_its_state(state: BookingState, said: str) -> None:
    assert wording.before(Booking(state=state)) == said
