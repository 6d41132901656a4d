"""The runners of throw-away servers pass on the command's end, and always clean up."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import Unavailable
from tests.support.server import running

ROOT = Path(__file__).resolve().parents[2]
_RUNNER = """
import contextlib, sys
from tests.support.command import Unavailable, main

@contextlib.contextmanager
def server():
    if {missing}:
        raise Unavailable("install it")
    try:
        yield "some://url"
    finally:
        print("cleaned up", flush=True)

sys.exit(main("SOME_URL", server))
"""


def runner(*argv: str, missing: bool = False) -> list[str]:
    return [sys.executable, "-c", _RUNNER.format(missing=missing), *argv]


def test_the_command_gets_the_url_and_its_status_is_passed_on() -> None:
    code = "import os, sys; print(os.environ['SOME_URL'], flush=True); sys.exit(7)"
    done = subprocess.run(
        runner("--", sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, "some://url\ncleaned up\n")


def test_what_is_missing_is_one_line_and_a_failure() -> None:
    done = subprocess.run(runner("--", "true", missing=True), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "install it\n")


def test_a_command_is_required() -> None:
    done = subprocess.run(runner("true"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2


def test_sigterm_ends_the_command_and_cleans_up() -> None:
    code = "import time; print('running', flush=True); time.sleep(60)"
    with subprocess.Popen(
        runner("--", sys.executable, "-c", code), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no room')"]
    with (
        pytest.raises(Unavailable, match="did not start: no room"),
        running(argv, folder=tmp_path, ready=lambda: False),
    ):
        pytest.fail("the block must not be entered")


def test_a_server_ends_with_its_block(tmp_path: Path) -> None:
    code = "import time; open('started', 'w').close(); time.sleep(60)"
    started = time.monotonic()
    with running([sys.executable, "-c", code], folder=tmp_path, ready=(tmp_path / "started").exists):
        pass
    assert time.monotonic() - started < 10
