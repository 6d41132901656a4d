"""What a killed sandbox still knows when it is started again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from pms.sandbox import Sandbox
from pms.sandbox.state import Unusable

from .conftest import START, Desk

PATIENT = {"firstname": "Zephyrine", "lastname": "Ottershaw", "provider_id": "DR1", "practice_id": "1"}
LATER = f"{datetime.now(UTC).date() + timedelta(days=60)}"


@contextmanager
def process(state: Path, *options: str) -> Iterator[str]:
    """A sandbox process on this state; gives its URL, and kills it in the end."""
    command = [sys.executable, "-m", "pms.sandbox", "--state", str(state), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONTZPATH": ""}
    ) as started:
        try:
            assert started.stdout is not None
            yield started.stdout.readline().strip()
        finally:
            started.send_signal(signal.SIGKILL)
        assert started.wait() == -signal.SIGKILL


def kept(state: Path) -> dict[str, Any]:
    """What is in the file, but for its clock, which runs."""
    found: dict[str, Any] = json.loads(state.read_text())
    del found["ahead_seconds"]
    return found


def new_patient(desk: Desk) -> str:
    answer = desk.call("POST", "patient", json=PATIENT)
    assert answer.status_code == 201
    return str(answer.json()["long_message"]).removeprefix("Id:")


def test_a_killed_sandbox_goes_on_where_it_was(tmp_path: Path, session: requests.Session) -> None:
    state = tmp_path / "state"

    with process(state, "--writeback-delay", "600") as url:
        before = Desk(url, session)
        done = before.book(date=LATER)
        before.later(85_000)
        waiting = new_patient(before)
        created = before.status(done)["created_id"]
        practice = before.sim("GET", "truth", office_id="D10001")
    with process(state, "--writeback-delay", "1") as other:
        after = Desk(other, session)
        same = after.sim("GET", "truth", office_id="D10001")
        left = int(after.get("request_key_info").json()["expires_in"].split()[0])
        early = after.status(waiting)
        after.later(600)
        late = after.status(waiting)
        shown = after.items("appointments", appointment_sr_no=created)

    assert url != other
    assert same == json.loads(json.dumps(practice).replace(url, other))
    assert after.headers == before.headers
    assert 0 < left <= 1_400
    assert (early["is_completed"], late["status"], late["created_id"]) == ("False", "Success", "5001")
    assert [row["href"] for row in shown] == [f"{other}/v4/practices/1/appointments/{created}"]


def test_time_goes_on_while_nobody_runs(tmp_path: Path, session: requests.Session) -> None:
    with Sandbox(state=tmp_path / "state", writeback_delay=0.3) as first:
        number = Desk(first.url, session).book(date=LATER)
    time.sleep(0.3)

    with Sandbox(state=tmp_path / "state") as second:
        assert Desk(second.url, session).status(number)["is_completed"] == "True"


def test_nothing_of_it_is_lost(tmp_path: Path, session: requests.Session) -> None:
    state = tmp_path / "state"
    settings = {"refresh_lag": 50, "latency_path": "/v4/none", "latency": 1, "rate_limit": 77, "rotate_keys": True}
    settings |= {"scope": ["patients", "POST patient", "POST appointment", "writeback_status"], "data_insert": "x"}

    with Sandbox(state=state, start=START, writeback_delay=10) as first:
        desk, birch = Desk(first.url, session), Desk(first.url, session, "D20002")
        failing = new_patient(desk)
        desk.sim("POST", "fail_write", result="The chart is locked", times=2)
        desk.later(10)
        desk.sim("POST", "refresh", office_id="D10001")
        desk.book()
        desk.sim("POST", "config", tell_created_id=False, writeback_delays={"POST patient": 90}, **settings)
        desk.sim("POST", "fail", path="/v4/patients", kind="html", status=502, times=3, skip=1)
        desk.sim("POST", "lose_answer", path="/v4/patient", hold_seconds=0.1)
        desk.sim("POST", "office", office_id="D20002", online=False, copying=False)
        taken = {"provider_id": "DR1", "operatory": "Op 1", "date": "2026-03-08", "time": "20:00"}
        desk.sim("POST", "steal", office_id="D20002", **taken)
        body = {"office_id": "D30003", "practice_id": "1-2", "access": "OFF"}
        desk.call("POST", "practice_location", headers=desk.app, json=body)
        desk.sim("POST", "expire_key", office_id="D20002")
        asked = desk.sim("POST", "config")
        before = kept(state)
    with Sandbox(state=state) as second:
        untouched = kept(state)
        again = Desk(second.url, session)
        same = again.sim("POST", "config")
        answers = [again.get("patients").status_code for _ in range(5)]
        with pytest.raises(requests.ConnectionError):
            again.call("POST", "patient", json=PATIENT)
        told = again.status(failing)
        stale = again.call("GET", "practices", headers=birch.headers).json()["error_code"]

    assert untouched == before
    assert same == asked
    assert answers == [200, 502, 502, 502, 200]
    assert (told["status"], told["result"]) == ("Failed", "The chart is locked")
    assert stale == "API1025"


def test_notes_and_payments_outlive_the_process(tmp_path: Path, session: requests.Session) -> None:
    state = tmp_path / "state"

    def seen(desk: Desk) -> list[object]:
        reads = [desk.items(name, patient_id="1001") for name in ("medical_notes", "transactions", "patient_balance")]
        return [json.loads(json.dumps([*reads, desk.truth()]).replace(desk.url, ""))]

    with Sandbox(state=state, start=START, writeback_delay=10) as first:
        desk = Desk(first.url, session)
        desk.written("medical_notes", desk.note())
        desk.written("transaction", desk.payment())
        desk.later(10)
        desk.sim("POST", "refresh")
        desk.written("medical_notes", desk.note(text="Not in the cloud yet"))
        desk.sim("POST", "config", extra_fields={"ssn": "900-55-0147"})
        desk.later(10)
        waiting = desk.written("transaction", desk.payment(amount="-1"))
        before = seen(desk)
    with Sandbox(state=state) as second:
        again = Desk(second.url, session)
        after = seen(again)
        again.later(10)
        done = again.status(waiting)
        again.written("medical_notes", again.note())
        again.later(10)
        numbers = [row["note_id"] for row in again.truth()["notes"]]

    assert after == before
    assert "900-55-0147" in json.dumps(after)
    assert (done["status"], done["created_id"]) == ("Success", "60002")
    assert numbers[2:] == ["25001", "25002", "25003"]


def test_a_request_that_hung_when_the_process_died_was_either_done_or_not(
    tmp_path: Path, session: requests.Session
) -> None:
    def send(desk: Desk, at: str) -> None:
        with requests.Session() as own:
            own.trust_env = False
            with pytest.raises(requests.ConnectionError):
                own.post(f"{desk.url}/v4/appointment", json=desk.booking(time=at), headers=desk.headers, timeout=9)

    with process(tmp_path / "state") as url:
        desk = Desk(url, session)
        desk.sim("POST", "fail", path="/v4/appointment", kind="timeout", hold_seconds=9)
        desk.sim("POST", "lose_answer", hold_seconds=9)
        threads = [Thread(target=send, args=(desk, at)) for at in ("20:00", "21:00")]
        for hanging, thread in enumerate(threads, start=1):
            thread.start()
            while len([row for row in desk.sim("GET", "requests")["requests"] if row["method"] == "POST"]) <= hanging:
                time.sleep(0.01)
    for thread in threads:
        thread.join()
    with process(tmp_path / "state") as url:
        after = Desk(url, session)
        asked = [json.loads(row["payload_body"])["time"] for row in after.sim("GET", "writebacks")["writebacks"]]
        third = after.call("POST", "appointment", json=after.booking(time="22:00"))

    assert asked == ["21:00"]
    assert third.status_code == 201


def test_what_was_accepted_is_there_whenever_the_process_dies(tmp_path: Path) -> None:
    state, told = tmp_path / "state", list[str]()

    def insist(url: str) -> None:
        with requests.Session() as own:
            own.trust_env = False
            with suppress(requests.RequestException):
                desk = Desk(url, own)
                while True:
                    told.append(new_patient(desk))

    for turn in (1, 2, 3):
        with process(state) as url:
            threads = [Thread(target=insist, args=(url,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            while len(told) < 5 * turn:
                time.sleep(random.random() / 50)
        for thread in threads:
            thread.join()

    known = [job["id"] for job in kept(state)["jobs"]]
    assert len(told) == len(set(told))
    assert set(told) <= set(known)
    assert len(known) - len(told) <= 9
    assert len(known) == len(set(known))


def test_a_reset_forgets_what_was_kept(tmp_path: Path, session: requests.Session) -> None:
    state = tmp_path / "state"
    with Sandbox(state=state, start=START, writeback_delay=5) as first:
        Desk(first.url, session).book()

    with Sandbox(state=state, start=START, writeback_delay=7) as second:
        desk = Desk(second.url, session)
        kept_delay = desk.sim("POST", "config")["writeback_delay"]
        desk.sim("POST", "reset")

    assert kept_delay == 5
    assert (kept(state)["settings"]["writeback_delay"], kept(state)["jobs"], kept(state)["keys"]["keys"]) == (7, [], [])


@pytest.mark.parametrize("changes", [{"format": 0}, {"fingerprints": {}}, {"settings": {"speed": 1}}, {"jobs": None}])
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path, changes: dict[str, Any]) -> None:
    state = tmp_path / "state"
    with Sandbox(state=state):
        pass
    state.write_text(json.dumps(json.loads(state.read_text()) | changes))
    before = state.read_text()

    with pytest.raises(Unusable, match=str(state)):
        Sandbox(state=state)

    assert state.read_text() == before


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", ""])
def test_the_command_line_says_what_is_wrong_with_the_file(tmp_path: Path, content: str) -> None:
    state = tmp_path / "state"
    state.write_text(content)

    ended = subprocess.run(
        [sys.executable, "-m", "pms.sandbox", "--state", str(state)],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONTZPATH": ""},
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{state} is not a state of the sandbox: ")
    assert ended.stderr.count("\n") == 1
    assert state.read_text() == content


def test_without_a_state_nothing_is_written(
    tmp_path: Path, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with Sandbox() as sandbox:
        Desk(sandbox.url, session).book(date=LATER)

    assert list(tmp_path.iterdir()) == []
