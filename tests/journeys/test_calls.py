"""Whole calls, over HTTP, through the real signature check, against the sandbox, with a worker beside them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from pms.domain import speech
from pms.domain.localtime import local_date_of
from pms.jobs import sweeps
from pms.management import scenes
from pms.management.witness import Witness
from pms.models import Booking, BookingState, Call, Credential, Task, VoiceLine
from pms.sandbox import Sandbox
from pms.vapi.phone import CallFailed
from tests.conftest import Sim, use_sandbox
from tests.practice import seeded
from tests.talking import ALDER, NEW_YORK, SetClock, cancel_at_the_desk, move_at_the_desk

pytestmark = pytest.mark.django_db(transaction=True)

Play = Callable[..., str]
Written = Callable[..., str]

S = BookingState


@dataclass(frozen=True)
class Left:
    """What one play of a script leaves: bookings by state, tasks by kind, new appointments in the PMS that stand.

    ``printed`` is part of the transcript, ``plays`` how often it is played in a row.
    """

    printed: str
    bookings: dict[str, int]
    tasks: dict[str, int]
    standing: int
    plays: int = 2


LEFT = {
    "booking": Left("true in the PMS] Agent: The appointment is booked for", {S.CONFIRMED: 1}, {}, 1),
    "changes": Left("PMS: Cancelled: appointment 9", {S.RESCHEDULED: 1, S.CANCELLED: 1}, {}, 0),
    "chart": Left(
        'PMS: New: a note, "Mornings',
        {},
        {"please_collect_payment": 1, "please_update_patient": 1, "wants_a_person": 1},
        0,
    ),
    "family": Left("PMS: New: patient 5", {S.CONFIRMED: 3}, {}, 3),
    "lost": Left("how it ended: confirmed. Meanwhile: The ph", {S.CONFIRMED: 1}, {"booking_outcome_unknown": 1}, 1),
    # A second time the office is known to be offline, and the booking is not even tried.
    "outage": Left("PMS: Nothing is new", {S.FAILED: 1}, {"booking_requested": 1, "message": 1}, 0, plays=1),
    "refusal": Left("Team: New task: verification locked. PMS: Nothing is new", {}, {"verification_locked": 1}, 0),
    # Nothing in it could go differently a second time than in "lost".
    "slow": Left("it is not final yet.", {S.CONFIRMED: 1}, {}, 1, plays=1),
}
WORKER_STEP_SECONDS = 20


@pytest.fixture
def alder(sandbox: Sandbox, settings: Settings) -> Account:
    use_sandbox(settings, sandbox)
    return seeded()


@pytest.fixture
def play(live_server: LiveServer, sandbox: Sandbox, alder: Account) -> Play:
    """Play a script with ``simulatecall`` and return what it printed."""

    def run(script: str, **options: Any) -> str:
        printed = StringIO()
        asked = {"url": live_server.url, "sandbox": sandbox.url, "stdout": printed, **options}
        call_command("simulatecall", script, no_color=True, **asked)
        return printed.getvalue()

    return run


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a script with some steps and return its file."""

    def write(*steps: dict[str, Any], **more: Any) -> str:
        path = tmp_path / "script.json"
        script = {"title": "A call", "office_id": ALDER, "caller": "", "steps": steps, **more}
        path.write_text(json.dumps(script), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def worker(alder: Account, sim: Sim) -> Iterator[None]:
    """Look after write-backs between the calls; each look is 20 seconds after the one before, in the office too.

    Not during a call: its clock is ahead, so that it would take what a request is at work on for abandoned.
    """
    stop = threading.Event()
    broken: list[Exception] = []

    def work() -> None:
        passed = 0
        try:
            while not stop.wait(0.1):
                if Call.objects.exists() and not Call.objects.filter(ended_at=None).exists():
                    passed += WORKER_STEP_SECONDS
                    sim("POST", "clock", advance_seconds=WORKER_STEP_SECONDS)
                    sweeps.follow_write_backs(SetClock.later(seconds=passed))
        except Exception as error:  # noqa: BLE001  # raised again below
            broken.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert broken == []


def asks(expect: str = "code A1", **capture: str) -> dict[str, Any]:
    arguments = {"date": "{day}", "appointmentType": "cleaning"}
    return {"tool": "checkAvailability", "arguments": arguments, "expect": expect, "capture": capture}


def books() -> list[dict[str, Any]]:
    who = {"firstName": "Cora", "lastName": "Whitfield", "dateOfBirth": "1987-04-12"}
    return [
        asks(code=r"\(code (A1)\)"),
        {"tool": "findPatient", "arguments": who, "expect": "found the record"},
        {"tool": "bookAppointment", "arguments": {"slotCode": "{code}"}, "expect": "is booked for {code_said}"},
    ]


def steered(command: str, **asked: Any) -> dict[str, Any]:
    return {"sim": f"POST {command}", "with": asked}


def times(left: dict[str, int], plays: int) -> dict[str, int]:
    return {what: number * plays for what, number in left.items()}


def new_in_the_pms(sim: Sim) -> list[dict[str, str]]:
    """Return the appointments that were made since the sandbox's start and that stand."""
    rows = sim("GET", "truth", office_id=ALDER)["appointments"]
    return [row for row in rows if row["appointment_sr_no"] >= "90001" and row["status"] != "Cancelled"]


SAMPLE = ("booking", "chart", "lost", "refusal")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in SAMPLE else pytest.mark.exhaustive) for name in scenes.names()],
)
def test_every_script_can_be_played_and_played_again(play: Play, tmp_path: Path, sim: Sim, name: str) -> None:
    # The slow system's script with a fifth of its slowness, which the demo shows in full.
    quicker = (scenes.SCRIPTS / f"{name}.json").read_text(encoding="utf-8").replace('"latency": 1,', '"latency": 0.2,')
    path = tmp_path / "script.json"
    path.write_text(quicker, encoding="utf-8")
    left = LEFT[name]

    transcripts = [play(str(path)) for _ in range(left.plays)]

    assert Counter(Booking.objects.values_list("state", flat=True)) == times(left.bookings, left.plays)
    assert Counter(Task.objects.values_list("kind", flat=True)) == times(left.tasks, left.plays)
    assert len(new_in_the_pms(sim)) == left.standing * left.plays
    assert set(Call.objects.values_list("ended_reason", flat=True)) == {"customer-ended-call"}
    for transcript in transcripts:
        assert left.printed in " ".join(transcript.split())
        assert transcript.endswith(" is new, as the caller heard.\n")
        assert all(len(line) <= 80 for line in transcript.splitlines())


@pytest.mark.usefixtures("worker")
def test_the_transcript_shows_who_said_what_and_what_nobody_on_the_phone_knows(play: Play) -> None:
    lines = play("lost").splitlines()

    number = Booking.objects.get().confirmation_number
    unknown, known = [line.strip() for line in lines if "[bookAppointment, " in line]
    assert lines[:2] == ["", "The answer to a booking is lost (Alder Dental, +12125550100)"]
    assert unknown.endswith(" ms]")
    assert known.endswith(" ms, true in the PMS]")
    for shown in (
        "  Caller:    Bob Lee-O'Brien, born August 21st 1969. ",
        "  Agent:     I sent that to the practice's system but did not hear back",
        "  Meanwhile: The request will arrive, and the connection breaks before the",
        "  Team:      New task: booking outcome unknown. Patient id: 1020; starts at:",
        "  PMS:       New: appointment 90001 of patient 1020, ",
    ):
        assert any(line.startswith(shown) for line in lines)
    assert f"confirmation number: {number}. " in " ".join(" ".join(lines).split())


def test_an_answer_that_does_not_fit_fails_and_nothing_stays_as_the_script_left_it(
    play: Play, written: Written, sim: Sim
) -> None:
    settings, office = sim("POST", "config"), sim("POST", "office", office_id=ALDER)
    faults = [
        steered("config", writeback_delay=77, latency=0.01),
        steered("office", online=False),
        steered("lose_answer", path="/v4/*", method="POST"),
        steered("fail", path="/v4/*", kind="drop", times=9),
    ]

    with pytest.raises(CommandError, match="should have answered something like: the moon is full"):
        play(written(*faults, asks("the moon is full")))

    assert Call.objects.get().ended_at
    assert sim("POST", "config") == settings
    assert sim("POST", "office", office_id=ALDER) == office
    assert "Nothing else is new" in play("booking")
    assert CommandError("").returncode == 1


def test_a_script_that_is_stopped_leaves_nothing_behind(play: Play, written: Written, sim: Sim) -> None:
    def stop() -> None:
        while sim("POST", "config")["writeback_delay"] != 77:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    handler, delay = signal.getsignal(signal.SIGTERM), sim("POST", "config")["writeback_delay"]
    stopper = threading.Thread(target=stop)
    stopper.start()

    with pytest.raises(CommandError, match=r"Stopped\."):
        play(written(*books(), steered("config", writeback_delay=77), {"wait": "FAILED", "seconds": 30}))

    stopper.join()
    assert sim("POST", "config")["writeback_delay"] == delay
    assert signal.getsignal(signal.SIGTERM) is handler
    assert Call.objects.get().ended_at


def test_an_appointment_that_should_be_there_and_is_not_fails(play: Play, written: Written) -> None:
    with pytest.raises(CommandError, match=r"The PMS has 0 new appointments; 1 should be there."):
        play(written(asks(), read_back={"booked": 1}))


def test_an_appointment_that_should_not_be_there_fails(play: Play, written: Written) -> None:
    at_the_desk = {"provider_id": "HY1", "operatory": "Hyg 1", "date": "2099-01-01", "time": "09:00"}

    with pytest.raises(CommandError, match=r"The PMS has 1 new appointments; 0 should be there."):
        play(written(steered("steal", **at_the_desk), read_back={}))
    with pytest.raises(CommandError, match=r"The PMS has an appointment 90002 that Parlae does not know."):
        play(written(steered("steal", **at_the_desk), read_back={"booked": 1}))


def test_a_booking_that_does_not_come_to_its_end_fails(play: Play, written: Written) -> None:
    with pytest.raises(CommandError, match=r"After 0.3 seconds the booking is CONFIRMED, not FAILED\."):
        play(written(*books(), {"wait": "FAILED", "seconds": 0.3}))
    with pytest.raises(CommandError, match="Nothing was booked"):
        play(written({"wait": "CONFIRMED", "seconds": 9}))


def test_a_team_with_other_tasks_than_it_should_have_fails(play: Play, written: Written) -> None:
    says = {"message": "Please call back."}

    with pytest.raises(CommandError, match=r"The team has message to do; it should be nothing\."):
        play(written({"tool": "takeMessage", "arguments": says, "expect": "I have left that message"}, {"team": []}))
    with pytest.raises(CommandError, match=r"The team has nothing to do; it should be message\."):
        play(written({"team": ["message"]}))


def test_a_word_that_a_caller_heard_is_held_against_the_pms(play: Play, alder: Account, sandbox: Sandbox) -> None:
    play("booking")
    booking, today = Booking.objects.get(), local_date_of(timezone.now(), NEW_YORK)
    witness = Witness(url=sandbox.url, office_id=ALDER, patients=["1001"], account=alder, today=today)
    when, number = speech.say_when(booking.starts_at.astimezone(NEW_YORK)), speech.spell(booking.confirmation_number)
    heard = f"The appointment is booked for {when} with {booking.clinician_name}. The confirmation number is {number}."

    assert witness.confirms(heard)
    for lie in (heard.replace(when, "Tuesday, December 1st at 7:30 PM"), heard.replace(number, "A C E F H J")):
        with pytest.raises(CallFailed, match="heard what the PMS does not have"):
            witness.confirms(lie)
    move_at_the_desk(sandbox, booking.pms_appointment_id, time="19:00", provider_id=booking.clinician_id)
    with pytest.raises(CallFailed):
        witness.confirms(heard)
    cancel_at_the_desk(sandbox, booking.pms_appointment_id)
    with pytest.raises(CallFailed):
        witness.confirms(heard.replace("is booked for", "has been moved to"))


def test_a_script_without_the_sandbox_plays_as_far_as_it_goes(play: Play, written: Written) -> None:
    assert "PMS" not in play(written(asks(), read_back={"booked": 1}), sandbox=None)
    with pytest.raises(CommandError, match=r"This script needs the sandbox; name it with --sandbox\."):
        play("outage", sandbox=None)


def test_a_script_that_does_not_exist_is_said_with_those_that_do(play: Play) -> None:
    with pytest.raises(CommandError, match=r"There is no script nothing, .* known are booking, changes, .*slow\."):
        play("nothing")


def test_a_server_that_does_not_answer_fails(play: Play) -> None:
    with pytest.raises(CommandError, match="Nothing answered: ConnectionError"):
        play("booking", url="http://127.0.0.1:9")


def test_a_line_must_be_named_where_there_are_several(play: Play, alder: Account, written: Written) -> None:
    VoiceLine.objects.create(account=alder, label="Second", phone_number="+12125550101")

    with pytest.raises(CommandError, match="There are 2 such lines"):
        play("booking")
    assert "Alder Dental, +12125550100" in play(written(asks()), line="+12125550100")


def test_a_line_without_a_secret_cannot_be_called(play: Play, alder: Account, settings: Settings) -> None:
    Credential.objects.all().delete()
    settings.VAPI_WEBHOOK_SECRETS = []

    with pytest.raises(CommandError, match="has no credential"):
        play("booking")
