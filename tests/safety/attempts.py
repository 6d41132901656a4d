"""One caller with one wish: what they heard, what the practice's system has in the end, and what we keep of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from random import Random
from typing import Any

from django.conf import settings
from django.db.models import Q

from pms.models import (
    Booking,
    BookingState,
    Call,
    Operation,
    Task,
    TaskState,
    ToolCall,
    Verification,
    WriteBack,
    WriteBackState,
)
from pms.sandbox.truth import is_active
from pms.tools import runner
from tests.practice import live_call
from tests.safety.processes import Child
from tests.safety.stage import Place, Row, Stage, age, make_due
from tests.talking import ALDER, Caller, SetClock

# What says that it is done, that it may be or become so, and that nothing has come of it.
_DONE = re.compile(r"is booked for|has been moved to|(has been|is) cancelled")
_HOPE = re.compile(r"has been sent|is kept|can't say yet|asked them to check|still working")
_NOTHING = re.compile(
    r"nothing has been (scheduled|changed)|did not go through|could not|can't|taken|stays as it|still stands"
    r"|not been sent|have not changed|very slow|nothing to cancel"
)
_TOLD = re.compile(r"have asked the(m| team)|have left the team")

_OPEN_BOOKINGS = (
    BookingState.HELD,
    BookingState.PENDING,
    BookingState.UNKNOWN,
    BookingState.MISMATCH,
    BookingState.LOST,
)
_OPEN_WRITES = (
    WriteBackState.WAITING,
    WriteBackState.SENDING,
    WriteBackState.PENDING,
    WriteBackState.UNKNOWN,
)
_CLINICIAN, _ROOM, _TYPE = "HY1", "Hyg 1", "Cleaning"


class Deed(Enum):
    """What a caller wants, by the name of its tool."""

    BOOK = Operation.BOOK.value
    MOVE = Operation.MOVE.value
    CANCEL = Operation.CANCEL.value


class Meaning(Enum):
    """What a caller takes from an answer."""

    DONE = "done"
    HOPE = "sent, or to be seen"
    NOTHING = "nothing has come of it"


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer; ``was_done`` says whether the practice's system had at that moment what the caller wanted."""

    words: str
    was_done: bool

    @property
    def meaning(self) -> Meaning:
        """Words that are not known give hope: then there must be an appointment in the end, or a person who knows."""
        if _DONE.search(self.words):
            return Meaning.DONE
        return Meaning.NOTHING if _NOTHING.search(self.words) and not _HOPE.search(self.words) else Meaning.HOPE

    @property
    def asks_for_a_moment(self) -> bool:
        return "still working" in self.words

    @property
    def promises_a_person(self) -> bool:
        return bool(_TOLD.search(self.words))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a wish stands: in the practice's system (``active`` of the patient's appointments, ``is_done``) and with us.

    It ``is_open`` while it is held or followed.
    """

    active: int
    is_done: bool
    is_kept: bool
    is_open: bool
    tasks: int

    @property
    def is_ended(self) -> bool:
        """Whether nothing is followed any more, and we and the practice's system agree or a person knows."""
        return not self.is_open and (self.is_done == self.is_kept or self.tasks > 0)


@dataclass
class Attempt:
    """A caller in a call of their own, with a time of their own.

    ``visit`` is the appointment, at ``old``, that is to be moved or cancelled; who has a ``last_name`` is a newcomer.
    """

    stage: Stage
    number: int
    random: Random
    patient_id: str
    place: Place
    old: Place
    deed: Deed = Deed.BOOK
    last_name: str = ""
    visit: str = ""
    tool_call_id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex}")
    heard: list[Heard] = field(default_factory=list)
    ended_after: timedelta | None = None

    def __post_init__(self) -> None:
        self.call: Call = live_call(self.stage.account, caller="", now=self.stage.now())
        self._prove(self.patient_id)

    def has_a_visit(self) -> None:
        """Let the patient have an appointment already, which the vendor's copy shows."""
        where = {"provider_id": _CLINICIAN, "operatory": _ROOM, "date": self.old.day, "time": self.old.time}
        where |= {"office_id": ALDER, "patient_id": self.patient_id, "type": _TYPE}
        self.visit = self.stage.sim("POST", "steal", cloud=True, **where)["appointment_sr_no"]

    def lose_to_the_desk(self, *, is_shown: bool) -> None:
        """Have the desk give the time to somebody else."""
        where = {"provider_id": _CLINICIAN, "operatory": _ROOM, "date": self.place.day, "time": self.place.time}
        self.stage.sim("POST", "steal", office_id=ALDER, type=_TYPE, cloud=is_shown, **where)

    def ask(self, *, seconds: float = 0.0, is_new: bool = False) -> Heard:
        """Use the deed's tool, as the model does; with ``is_new`` as another tool call, else as the same one again."""
        if is_new:
            self.tool_call_id = f"call_{uuid.uuid4().hex}"
        heard = self.listen(seconds=seconds)
        self.heard.append(heard)
        return heard

    def listen(self, *, seconds: float = 0.0) -> Heard:
        """Use the deed's tool and return what is heard, without keeping it: for other threads and processes."""
        words = self.use(self.deed.value, self._arguments(), tool_call_id=self.tool_call_id, seconds=seconds)
        return Heard(words, self.stage.is_up and self._is_done(self._own(self.stage.appointments(self.patient_id))))

    def use(self, tool: str, arguments: dict[str, str], *, tool_call_id: str = "", seconds: float = 0.0) -> str:
        """Use any tool in the call and return its words."""
        caller = Caller(self.stage.account, call=self.call, clock=SetClock(self.stage.now()))
        request = caller.request(tool_call_id=tool_call_id, seconds=seconds or settings.TOOL_BUDGET_SECONDS)
        return runner.run(name=tool, arguments=arguments, request=request).say

    def elsewhere(self, *, until: Callable[[Child], bool]) -> Child:
        """Use the deed's tool in a process of its own, and return that as soon as ``until`` is true of it.

        Its result is what was heard. Raises ``DidNotStrike`` if ``until`` is never true.
        """
        child = Child(self.listen)
        try:
            self.stage.until(lambda: until(child))
        except BaseException:
            child.kill()
            raise
        return child

    def killed_in_the_silence(self) -> None:
        """Use the deed's tool in a process of its own, and kill that where the vendor keeps silent to it."""
        with self.elsewhere(until=lambda _child: self.stage.is_silent):
            pass

    def ask_again_later(self) -> None:
        """Ask again a moment later, when the claim of a process that died has ended; no job has looked before."""
        passed = timedelta(seconds=40)
        age(ToolCall.objects.filter(call=self.call), passed, "lease_until")
        age(self.writes, passed, "sent_at")
        age(self.bookings, passed, "hold_expires_at")
        self.ask()

    def ask_in_the_end(self) -> None:
        """Ask once more, in the same call: it may be long, but its model's patience is not what is tested."""
        self.call.started_at = self.stage.now()
        self.call.save(update_fields=["started_at"])
        self.ask()

    def due(self) -> None:
        """Let the worker look at the newest write of this call now."""
        make_due(
            WriteBack.objects.filter(pk=self.writes.order_by("-created_at").values_list("pk", flat=True)[:1]),
            self.stage.now(),
        )

    def prove_newcomer(self) -> None:
        """Be somebody who has never been here, without a record."""
        Verification.objects.filter(call=self.call).delete()
        self.patient_id = ""

    @property
    def bookings(self) -> Any:
        """Our bookings of this call."""
        return Booking.objects.filter(call=self.call)

    @property
    def writes(self) -> Any:
        """Our write-backs of this call."""
        return WriteBack.objects.filter(Q(call=self.call) | Q(booking__call=self.call))

    @property
    def tasks(self) -> Any:
        """What a person has to do because of this call."""
        about = Q(call=self.call) | Q(booking__call=self.call) | Q(write_back__call=self.call)
        return Task.objects.filter(about, state=TaskState.OPEN).distinct()

    def standing(self, rows: list[Row]) -> Standing:
        """Return how the wish stands, given the appointments in the practice's system."""
        own = self._own(rows)
        followed = WriteBack.objects.filter(pk__in=self.writes.values("pk"), next_attempt_at__isnull=False)
        is_open = followed.filter(state__in=_OPEN_WRITES).exists()
        return Standing(
            active=sum(map(is_active, own)),
            is_done=self._is_done(own),
            is_kept=self._is_kept(),
            is_open=is_open or self.bookings.filter(state=BookingState.HELD).exists(),
            tasks=self.tasks.count(),
        )

    def wrongs(self, standing: Standing) -> tuple[bool, list[str]]:
        """Return whether the wish is lost, and what was said wrongly."""
        last = self.heard[-1] if self.heard else None
        is_told = standing.tasks > 0
        untrue = [one.words for one in self.heard if one.meaning is Meaning.DONE and not one.was_done]
        if last is not None and last.meaning is Meaning.NOTHING and standing.is_done and not is_told:
            untrue.append(last.words)
        untrue += [one.words for one in self.heard if one.promises_a_person and not is_told and not standing.is_done]
        is_waited_for = last is not None and last.meaning is not Meaning.NOTHING
        is_unknown = not is_told and standing.is_done != standing.is_kept
        is_gone = self.deed is Deed.MOVE and not standing.active
        return (is_waited_for and not standing.is_done and not is_told) or is_unknown or is_gone, untrue

    def told(self) -> str:
        """Return what we keep and what was heard, for whoever looks into a try that went wrong."""
        kept = [
            *self.bookings.values_list("state", "failure"),
            *self.writes.values_list("operation", "state", "failure"),
        ]
        return f"ours {kept}, tasks {list(self.tasks.values_list('kind', flat=True))}, heard {self.heard}"

    def _arguments(self) -> dict[str, str]:
        wish = {"date": self.place.day, "time": self.place.time, "providerId": _CLINICIAN}
        if self.deed is Deed.CANCEL:
            return {"appointmentId": self.visit}
        return {"appointmentId": self.visit, **wish} if self.deed is Deed.MOVE else {"appointmentType": _TYPE, **wish}

    def _own(self, rows: list[Row]) -> list[Row]:
        people = self._newcomers() if self.last_name else {self.patient_id}
        return [row for row in rows if row["patient_id"] in people]

    def _newcomers(self) -> set[str]:
        rows = self.stage.sim("GET", "truth", office_id=ALDER)["patients"]
        return {row["patient_id"] for row in rows if row["lastname"] == self.last_name}

    def _is_done(self, own: list[Row]) -> bool:
        active = [row for row in own if is_active(row)]
        if self.deed is Deed.CANCEL:
            return not active
        return any(_place_of(row) == self.place for row in active)

    def _is_kept(self) -> bool:
        if self.deed is not Deed.CANCEL:
            return bool(self.bookings.filter(state=BookingState.CONFIRMED).exists())
        is_cancelled = self.writes.filter(operation=Operation.CANCEL, state=WriteBackState.DONE).exists()
        stands = self.bookings.filter(state__in=(BookingState.CONFIRMED, *_OPEN_BOOKINGS)).exists()
        return bool(is_cancelled or (self.bookings.exists() and not stands))

    def _prove(self, patient_id: str) -> None:
        Verification.objects.create(
            account=self.stage.account, call=self.call, succeeded=True, patient_id=patient_id, subject_digest=""
        )


def _place_of(row: Row) -> Place:
    return Place(row["date"][:10], row["time"][:5])
