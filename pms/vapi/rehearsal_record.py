"""What a test call has come to so far: its lines, kept sealed as they are said, by the one worker that plays it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pms import vault
from pms.domain.clock import Clock
from pms.models import TestCall, TestCallState
from pms.services import call_words
from pms.services.stand_in import Person

# Longer than a step of a call: after it, the process that played it is gone.
LEASE = timedelta(seconds=90)
OPEN = (TestCallState.QUEUED, TestCallState.RUNNING)


class LeaseLost(Exception):
    """Somebody else has taken the test call over: whoever played it stops."""


class Mark(StrEnum):
    """Whether a line is as it should be."""

    GOOD = "good"
    PENDING = "pending"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. ``who`` is caller, agent or note; ``mark`` is empty for what is only said.

    ``tool``, ``asked`` (labels and values), ``milliseconds`` and ``outcome`` (a code of the runner) are the agent's.
    """

    who: str
    text: str = field(repr=False)
    tool: str = ""
    asked: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    milliseconds: int = 0
    outcome: str = ""
    mark: str = ""

    @property
    def title(self) -> str:
        """What the tool does, in words."""
        return call_words.tool(self.tool) if self.tool else ""


@dataclass(slots=True)
class Record:
    """The lines of a test call, in the hands of whoever has its lease."""

    test_call: TestCall
    clock: Clock
    lines: list[Line]

    def keep(self, line: Line) -> None:
        """Add a line, and hold the test call for another while. Raises ``LeaseLost``."""
        self.lines.append(line)
        self.save(lines=_sealed(self.test_call.pk, self.lines), lease_until=self.clock.now() + LEASE)

    def note(self, text: str, mark: Mark) -> None:
        """Add words of the narrator, unless they have just been said."""
        if not self.lines or (self.lines[-1].text, self.lines[-1].mark) != (text, mark):
            self.keep(Line(who="note", text=text, mark=mark))

    def save(self, **changes: Any) -> None:
        """Change the row, if it is still this worker's. Raises ``LeaseLost``."""
        row = self.test_call
        mine = TestCall.objects.filter(pk=row.pk, lease_until=row.lease_until, state=row.state)
        if mine.update(**changes) != 1:
            raise LeaseLost
        for name, value in changes.items():
            setattr(row, name, value)

    def end(self, line: Line, **changes: Any) -> None:
        """Add the last line, and end the test call with ``changes``. Raises ``LeaseLost``."""
        self.lines.append(line)
        self.save(lines=_sealed(self.test_call.pk, self.lines), lease_until=None, patient=None, **changes)

    @property
    def is_waiting(self) -> bool:
        """Whether all has been said, and what was booked has no end yet."""
        return bool(self.lines) and self.lines[-1].mark == Mark.PENDING


def record_of(test_call: TestCall, clock: Clock) -> Record:
    """Return the record of a test call, as far as it has come."""
    return Record(test_call, clock, lines_of(test_call))


def lines_of(test_call: TestCall) -> list[Line]:
    """Return what was said so far, nothing where that is no longer kept."""
    if test_call.lines is None:
        return []
    try:
        kept = vault.unseal(test_call.lines, _place(test_call.pk, "lines"))
    except vault.CannotOpen:  # its key was retired
        return []
    return [Line(**{**one, "asked": tuple((label, value) for label, value in one["asked"])}) for one in kept]


def sealed_patient(pk: UUID, patient: Person) -> bytes:
    """Return whom a test call is about, sealed for its row."""
    said = {**asdict(patient), "date_of_birth": patient.date_of_birth.isoformat()}
    return vault.seal(said, _place(pk, "patient"))


def patient_of(test_call: TestCall) -> Person | None:
    """Return whom a test call is about, ``None`` if it is about nobody, or over."""
    if test_call.patient is None:
        return None
    said: Mapping[str, str] = vault.unseal(test_call.patient, _place(test_call.pk, "patient"))
    return Person(said["first_name"], said["last_name"], date.fromisoformat(said["date_of_birth"]))


def _sealed(pk: UUID, lines: list[Line]) -> bytes:
    return vault.seal([asdict(line) for line in lines], _place(pk, "lines"))


def _place(pk: UUID, column: str) -> str:
    return f"test_calls:{pk}:{column}"
