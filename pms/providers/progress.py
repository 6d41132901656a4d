"""How a test of a connection is followed while it runs: five steps, told one by one as soon as each is known.

An adapter says ``RUNNING`` when it begins a step, and ``PASSED`` or ``ATTENTION`` when it knows. A step that fails is
not told by it: the error that ends the test belongs to the step that was running.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CheckStep(StrEnum):
    """The steps, in the order in which they are taken."""

    REACHABLE = "reachable"
    KEY = "key_accepted"
    OFFICE = "office_found"
    FRESH = "data_fresh"
    WRITING = "writing_allowed"


class StepState(StrEnum):
    """How a step stands. With ``ATTENTION`` the connection works, but not as well as it could."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    ATTENTION = "attention"
    FAILED = "failed"


# Step, state and code: with ATTENTION one of ``attention.Attention``, with FAILED why it failed, else empty.
Progress = Callable[[CheckStep, StepState, str], None]
# The vendor's name for the practice, and the e-mail address that the vendor has on file for it (empty if none), as soon
# as they are known and before anything else of it is asked. What it raises ends the test.
Admit = Callable[[str, str], None]


def unheard(_step: CheckStep, _state: StepState, _code: str) -> None:
    """Tell nobody."""


def anyone(_practice_key: str, _email: str) -> None:
    """Refuse no practice."""


def begin(progress: Progress, step: CheckStep) -> None:
    """Tell that a step has begun."""
    progress(step, StepState.RUNNING, "")


def end(progress: Progress, step: CheckStep, attention: str = "") -> None:
    """Tell that a step has gone well, or what there is to know about it."""
    progress(step, StepState.ATTENTION if attention else StepState.PASSED, attention)
