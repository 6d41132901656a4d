"""Starting, watching and stopping programs together."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pms.management.processes import Failed, Supervisor, undisturbed


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(folder=tmp_path, logs=tmp_path, environment={"PATH": os.defpath, "GREETING": "hello"}) as running:
        yield running


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_gone(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_a_program_and_its_stubborn_child_end_with_the_block(tmp_path: Path) -> None:
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN) if os.fork() == 0 else None;"
        "open(f'pid-{os.getpid()}', 'w'); time.sleep(60)"
    )
    with Supervisor(folder=tmp_path, logs=tmp_path, environment={}) as supervisor:
        supervisor.start("parent", python(code))
        supervisor.wait_until("parent", lambda: len(list(tmp_path.glob("pid-*"))) == 2, seconds=10)
        pids = [int(path.name.partition("-")[2]) for path in tmp_path.glob("pid-*")]
        assert not any(is_gone(pid) for pid in pids)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not all(is_gone(pid) for pid in pids):
        time.sleep(0.01)
    assert all(is_gone(pid) for pid in pids)


def test_the_end_of_a_program_is_noticed_and_its_last_words_told(supervisor: Supervisor) -> None:
    supervisor.start("web", python("import os, sys; sys.exit(os.environ['GREETING'])"))
    with pytest.raises(Failed, match=r"web ended with status 1\.\n  hello"):
        supervisor.wait_until("web", lambda: False, seconds=10)


def test_waiting_has_an_end(supervisor: Supervisor) -> None:
    supervisor.start("web", python("import time; time.sleep(60)"))
    with pytest.raises(Failed, match="web was not ready within 0 seconds"):
        supervisor.wait_until("web", lambda: False, seconds=0.1)


def test_a_step_that_fails_or_hangs_is_told(supervisor: Supervisor) -> None:
    supervisor.run("migrate", python("pass"), seconds=10)
    with pytest.raises(Failed, match="migrate failed"):
        supervisor.run("migrate", python("raise SystemExit(3)"), seconds=10)
    with pytest.raises(Failed, match="migrate took longer than 0 seconds"):
        supervisor.run("migrate", python("import time; time.sleep(60)"), seconds=0.1)


def test_a_finished_step_is_not_taken_for_a_dead_program(supervisor: Supervisor) -> None:
    assert supervisor.show("call", python("raise SystemExit(3)"), seconds=10) == 3
    supervisor.watch()


def test_a_signal_waits_for_the_end_of_the_step() -> None:
    done = False
    try:
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done = True
    except KeyboardInterrupt:
        assert done
    else:
        pytest.fail("the signal was lost")
