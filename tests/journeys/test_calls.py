"""Whole calls, over HTTP, through the real signature check, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from pms.models import Booking, BookingState, Call, Credential, SecurityEvent, Task, VoiceLine
from pms.sandbox import Sandbox
from tests.conftest import use_sandbox
from tests.practice import seeded

pytestmark = pytest.mark.django_db(transaction=True)

Play = Callable[..., str]


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
def written(tmp_path: Path) -> Callable[..., str]:
    """Write a script with some steps and return its file."""

    def write(*steps: dict[str, Any], **more: Any) -> str:
        path = tmp_path / "script.json"
        path.write_text(json.dumps({"title": "A call", "caller": "", "steps": steps, **more}), encoding="utf-8")
        return str(path)

    return write


def asks(expect: str) -> dict[str, Any]:
    return {
        "tool": "checkAvailability",
        "arguments": {"date": "{day}", "appointmentType": "cleaning"},
        "expect": expect,
    }


def test_the_demo_call_books_exactly_one_appointment(play: Play) -> None:
    printed = play("booking")

    booking = Booking.objects.get()
    assert booking.state == BookingState.CONFIRMED
    assert f"Read back from the PMS: appointment {booking.pms_appointment_id}, Tuesday, " in printed
    assert "Exactly one, as the caller heard." in printed
    assert Call.objects.get().ended_reason == "customer-ended-call"


def test_the_transcript_shows_who_said_what_and_how_long_each_tool_took(play: Play) -> None:
    lines = play("booking").splitlines()

    assert any(line.startswith("  Caller: Hi, this is Cora Whitfield.") for line in lines)
    assert any(line.startswith("  Agent:  On Tuesday, ") for line in lines)
    assert sum(line.strip().startswith("[bookAppointment, ") and line.endswith(" ms]") for line in lines) == 2
    assert all(len(line) <= 100 for line in lines[3:-2])


def test_the_caller_who_guesses_is_locked_out_and_nothing_is_booked(play: Play) -> None:
    printed = play("refusal")

    assert "nothing new, as the caller heard." in printed
    assert not Booking.objects.exists()
    assert Task.objects.get().kind == "verification_locked"
    assert SecurityEvent.objects.filter(kind="verification.failed").count() == 3


def test_an_answer_that_does_not_fit_fails_and_the_call_is_ended(play: Play, written: Callable[..., str]) -> None:
    script = written(asks("the moon is full"))

    with pytest.raises(CommandError, match="should have answered something like: the moon is full"):
        play(script)

    assert Call.objects.get().ended_at
    assert CommandError("").returncode == 1


def test_an_appointment_that_should_be_there_and_is_not_fails(play: Play, written: Callable[..., str]) -> None:
    wanted = {"office_id": "D10001", "patient_id": "1012", "new_appointments": 1}
    script = written(asks("code A1"), read_back=wanted)

    with pytest.raises(CommandError, match=r"The PMS has 0 new appointments; 1 should be there."):
        play(script)


def test_a_script_without_read_back_needs_no_sandbox(play: Play, written: Callable[..., str]) -> None:
    assert "Read back" not in play(written(asks("code A1")), sandbox=None)


def test_a_script_that_does_not_exist_is_said_with_those_that_do(play: Play) -> None:
    with pytest.raises(CommandError, match=r"There is no script nothing, .* known are booking, refusal."):
        play("nothing")


def test_a_server_that_does_not_answer_fails(play: Play) -> None:
    with pytest.raises(CommandError, match="Nothing answered: ConnectionError"):
        play("booking", url="http://127.0.0.1:9")


def test_a_line_must_be_named_where_there_are_several(play: Play, alder: Account) -> None:
    VoiceLine.objects.create(account=alder, label="Second", phone_number="+12125550101")

    with pytest.raises(CommandError, match="There are 2 such lines"):
        play("booking")
    assert "Exactly one" in play("booking", line="+12125550100")


def test_a_wrong_secret_is_refused(play: Play, alder: Account, settings: Settings) -> None:
    Credential.objects.all().delete()
    settings.VAPI_WEBHOOK_SECRETS = []

    with pytest.raises(CommandError, match="has no credential"):
        play("booking")
