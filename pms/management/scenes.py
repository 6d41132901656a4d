"""Scripts: scenes of one or more phone calls, played line by line and checked against the PMS.

A script is data: what the caller says, which tools the model uses with which arguments, and a pattern that each answer
must fit; what happens to the practice's system meanwhile, what the worker and the team are left with, and what is new
in the PMS in the end. Every step has one of the keys in ``STEPS``.

``{day}`` is a day on which nobody of the script has an appointment yet, ``{next_day}`` one after it; ``{newcomer}`` and
``{newcomer_born}`` are somebody whom nobody has created yet. So a script can be played again and again. ``capture``
takes words from an answer; the code of an offered time also gives ``{NAME_date}`` and ``{NAME_time}``. What ends in
``_said`` is the same as people say it: ``{day_said}``, ``{newcomer_born_said}``, ``{NAME_said}``.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from django.utils import timezone

from pms.domain import speech
from pms.domain.localtime import local_date_of
from pms.management.simulation import Phone, wished_day
from pms.management.witness import Visit, Witness
from pms.models import Booking, Operation, SlotOffer, Task, VoiceLine, WriteBack
from pms.services import bookings, tasks
from pms.vapi.phone import CallFailed, Key

SCRIPTS = Path(__file__).resolve().parent / "scripts"
# caller: words; tool: with arguments, expect and capture; sim: a command to the sandbox's control plane, with `with`;
# wait: the state that the last booking must reach within `seconds`; team: the kinds of the tasks that the calls have
# left; call: false hangs up, true calls again; note: words of the narrator, also beside sim, wait and call.
STEPS = ("caller", "tool", "sim", "wait", "team", "call", "note")
PUT_BACK = "put back"  # as a command: the faults end here, and not only with the script

_LOOK_EVERY_SECONDS = 0.2
_LATEST_WEEKDAY = 3  # Thursday: Friday is half a day
_NEWCOMERS = ("Ada", "Bruno", "Clio", "Dario", "Elsa", "Felix", "Greta", "Hugo")
_FIRST_BORN = date(2019, 1, 1)
_WORD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the transcript.

    ``tool`` and ``milliseconds`` only for the agent's answers from a tool; ``is_true`` says that the PMS was asked and
    has what the answer says is done.
    """

    who: str
    text: str
    tool: str = ""
    milliseconds: int = 0
    is_true: bool = False


@dataclass(slots=True)
class Scene:
    """A script on one line. ``witness`` is the sandbox's PMS; a script that steers or asks it needs it."""

    script: Mapping[str, Any]
    url: str
    line: VoiceLine
    key: Key
    today: date
    witness: Witness | None = None
    calls: list[Phone] = field(default_factory=list, init=False)
    words: dict[str, str] = field(default_factory=dict, init=False)
    _is_on_the_phone: bool = field(default=False, init=False)

    def play(self) -> Generator[Said, None, None]:
        """Play the script step by step, hang up, and compare the PMS with it; however it ends, no fault is left.

        Raises ``CallFailed`` where something does not fit.
        """
        self.words = self._first_words()
        self._call()
        try:
            for step in self.script["steps"]:
                yield from self._played(step)
            self._hang_up()
        finally:
            with contextlib.suppress(CallFailed, requests.RequestException):
                self._hang_up()
            if self.witness is not None:
                self.witness.put_back()
        if self.witness is not None and "read_back" in self.script:
            yield from self._read_back(self.witness, self.script["read_back"])

    def _played(self, step: Mapping[str, Any]) -> Iterator[Said]:
        if "caller" in step:
            yield Said("Caller", self._filled(step["caller"]))
        elif "tool" in step:
            yield self._use(step)
        elif "team" in step:
            yield from self._team(step["team"])
        else:
            if "note" in step:
                yield Said("Meanwhile", self._filled(step["note"]))
            if "sim" in step:
                self._steer(step["sim"], step.get("with", {}))
            elif "call" in step:
                self._hang_up()
                if step["call"]:
                    self._call()
            elif "wait" in step:
                yield self._wait(step["wait"], step["seconds"])

    def _use(self, step: Mapping[str, Any]) -> Said:
        phone, tool = self.calls[-1], step["tool"]
        arguments = {name: self._filled(value) for name, value in step["arguments"].items()}
        started = time.monotonic()
        heard = phone.use(tool, arguments)
        elapsed = round((time.monotonic() - started) * 1000)
        expected = _filled(step["expect"], {name: re.escape(word) for name, word in self.words.items()})
        if not re.search(expected, heard):
            raise CallFailed(f"{tool} answered: {heard} It should have answered something like: {expected}")
        for name, pattern in step.get("capture", {}).items():
            if match := re.search(pattern, heard):
                self.words |= {name: match[1], **self._words_of_code(name, match[1])}
        is_true = self.witness is not None and self.witness.confirms(heard)
        return Said("Agent", heard, tool, elapsed, is_true)

    def _steer(self, command: str, asked: Mapping[str, Any]) -> None:
        if self.witness is None:
            raise CallFailed("This script needs the sandbox; name it with --sandbox.")
        if command == PUT_BACK:
            self.witness.put_back()
        else:
            self.witness.steer(command, asked)

    def _wait(self, state: str, seconds: float) -> Said:
        """Wait until the last booking of these calls has a state."""
        started = time.monotonic()
        booking = Booking.objects.filter(call__vapi_call_id__in=self._call_ids()).order_by("created_at").last()
        if booking is None:
            raise CallFailed("Nothing was booked that could be waited for.")
        while booking.state != state:
            if time.monotonic() - started > seconds:
                raise CallFailed(f"After {seconds} seconds the booking is {booking.state}, not {state}.")
            time.sleep(_LOOK_EVERY_SECONDS)
            booking.refresh_from_db()
        passed = round(time.monotonic() - started)
        return Said("Meanwhile", f"After {passed} s the worker knows how it ended: {state.lower()}.")

    def _team(self, kinds: list[str]) -> Iterator[Said]:
        """Compare the tasks that the calls have left with the kinds that they should have."""
        found = list(Task.objects.filter(call__vapi_call_id__in=self._call_ids()).order_by("created_at"))
        if [task.kind for task in found] != kinds:
            left = ", ".join(task.kind for task in found) or "nothing"
            raise CallFailed(f"The team has {left} to do; it should be {', '.join(kinds) or 'nothing'}.")
        for task in found:
            yield Said("Team", f"New task: {self._in_words(task)}")
        if not found:
            yield Said("Team", "Nothing to do.")

    def _read_back(self, witness: Witness, wanted: Mapping[str, int]) -> Iterator[Said]:
        """Compare what is new in the PMS with what should be, and every new appointment with our own booking."""
        changes = witness.changes()
        for found, name, what in (
            (changes.booked, "booked", "new appointments"),
            (changes.cancelled, "cancelled", "new appointments that are cancelled"),
            (changes.patients, "patients", "new patients"),
            (changes.others, "others", "earlier appointments that were changed"),
            (changes.notes, "notes", "new notes"),
        ):
            if len(found) != wanted.get(name, 0):
                raise CallFailed(f"The PMS has {len(found)} {what}; {wanted.get(name, 0)} should be there.")
        for number, name in changes.patients.items():
            yield Said("PMS", f"New: patient {number}, {name}.")
        for word, visits in (("New", changes.booked), ("Cancelled", changes.cancelled)):
            for visit in sorted(visits, key=lambda one: one.starts_at):
                yield Said("PMS", f"{word}: {self._visit_in_words(visit)}.")
        for text in changes.notes:
            yield Said("PMS", f'New: a note, "{text}"')
        is_any = bool(changes.booked or changes.cancelled or changes.patients or changes.notes)
        yield Said("PMS", f"{'Nothing else' if is_any else 'Nothing'} is new, as the caller heard.")

    def _visit_in_words(self, visit: Visit) -> str:
        booking = Booking.objects.filter(
            call__vapi_call_id__in=self._call_ids(), pms_appointment_id=visit.id, patient_id=visit.patient_id
        ).last()
        if booking is None:
            raise CallFailed(f"The PMS has an appointment {visit.id} that Parlae does not know.")
        when = speech.say_when(visit.starts_at, self.today)
        return f"appointment {visit.id} of patient {visit.patient_id}, {when}, {booking.clinician_name}"

    def _in_words(self, task: Task) -> str:
        """Return what a task says: "booking failed. Patient id: 1001; ..."."""
        detail = [f"{_spaced(name)}: {self._local(value).rstrip('.')}" for name, value in tasks.detail(task).items()]
        text = "; ".join(detail)
        return f"{task.kind.replace('_', ' ')}. {text[:1].upper()}{text[1:]}.".removesuffix(" .")

    def _local(self, value: str) -> str:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return value
        return speech.say_when(instant.astimezone(self.line.account.zone), self.today) if instant.tzinfo else value

    def _call(self) -> None:
        secret, scheme, caller = self.key.secret, self.key.scheme, self.script["caller"]
        self.calls.append(Phone(url=self.url, line=self.line, secret=secret, scheme=scheme, caller=caller))
        self._is_on_the_phone = True

    def _hang_up(self) -> None:
        if self._is_on_the_phone:
            self._is_on_the_phone = False
            self.calls[-1].hang_up()

    def _call_ids(self) -> list[str]:
        return [phone.call_id for phone in self.calls]

    def _filled(self, value: Any) -> Any:
        return _filled(value, self.words) if isinstance(value, str) else value

    def _first_words(self) -> dict[str, str]:
        day = self._free_day()
        made = WriteBack.objects.filter(account=self.line.account, operation=Operation.CREATE_PATIENT).count()
        born = _FIRST_BORN + timedelta(days=made)
        return {
            "day": day.isoformat(),
            "day_said": speech.say_date(day, self.today),
            "next_day": _workday(day + timedelta(days=1)).isoformat(),
            "newcomer": _NEWCOMERS[made % len(_NEWCOMERS)],
            "newcomer_born": born.isoformat(),
            "newcomer_born_said": f"{speech.say_date(born).partition(', ')[2]}, {born.year}",
        }

    def _free_day(self) -> date:
        """Return a day, Monday to Thursday, after all that those whom the script is about have booked through us."""
        standing = Booking.objects.filter(
            account=self.line.account,
            patient_id__in=self.script.get("patients", ()),
            state__in=bookings.STANDING,
            starts_at__gt=timezone.now(),
        )
        latest = standing.order_by("starts_at").last()
        day = wished_day(self.today + timedelta(weeks=self.script.get("weeks_ahead", 0)))
        if latest is not None:
            day = max(day, local_date_of(latest.starts_at, self.line.account.zone) + timedelta(days=1))
        return _workday(day)

    def _words_of_code(self, name: str, code: str) -> dict[str, str]:
        offer = SlotOffer.objects.filter(call__vapi_call_id=self.calls[-1].call_id, code=code).first()
        if offer is None:
            return {}
        local = offer.starts_at.astimezone(self.line.account.zone)
        return {
            f"{name}_date": local.date().isoformat(),
            f"{name}_time": f"{local:%H:%M}",
            f"{name}_said": speech.say_when(local, self.today),
        }


def names() -> list[str]:
    """Return the names of the scripts that there are."""
    return sorted(path.stem for path in SCRIPTS.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """Return a script by name, or from a file. Raises ``CallFailed`` for what is no script."""
    path = SCRIPTS / f"{name}.json"
    try:
        script: dict[str, Any] = json.loads((path if path.exists() else Path(name)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CallFailed(f"There is no script {name}, and no such file; known are {', '.join(names())}.") from None
    for step in script["steps"]:
        kinds = [kind for kind in STEPS if kind in step and (kind != "note" or len(step) == 1)]
        if len(kinds) != 1:
            raise CallFailed(f"A step must be one of {', '.join(STEPS)}; this one is not: {json.dumps(step)}")
    return script


def _workday(day: date) -> date:
    """Return ``day`` or the next one on which most practices are open until the evening."""
    while day.weekday() > _LATEST_WEEKDAY:
        day += timedelta(days=1)
    return day


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Return ``text`` with the words that are known in place of their names."""
    return _WORD.sub(lambda match: words.get(match[1], match[0]), text)


def _spaced(name: str) -> str:
    """Return "patient id" for ``patientId``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
