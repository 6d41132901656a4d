"""The product as an installation runs it: sandbox, web server and worker as processes that can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from accounts.models import Account
from pms.management.simulation import Phone
from pms.models import VoiceLine
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.services import credentials
from tests.practice import CALLER
from tests.support.server import free_port

SANDBOX, WEB, WORKER = "sandbox", "web", "worker"

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.005
_SHOWN_LINES = 20


def wait_until(ready: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return once ``ready()`` is true; fail if that takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "That took too long."
        time.sleep(_LOOK_EVERY_SECONDS)


class House:
    """Programs by name, each in a session of its own, on one database; whatever still runs at the end is killed.

    The sandbox keeps its state in a file, carries out writes after 0.2 s and refreshes its copy when told.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        sandbox_port, web_port = free_port(), free_port()
        self.sandbox_url, self.url = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{web_port}"
        bind, state = f"--bind=127.0.0.1:{web_port}", f"--state={folder / 'sandbox.json'}"
        pace = ["--writeback-delay=0.2", "--refresh-lag=100000"]
        self._programs = {
            SANDBOX: ["-m", "pms.sandbox", f"--port={sandbox_port}", state, *pace],
            WEB: ["-m", "gunicorn", "parlae.wsgi", bind, "--workers=1", "--threads=8", "--no-control-socket"],
            WORKER: ["manage.py", "worker"],
        }
        self._probes = {SANDBOX: f"{self.sandbox_url}/_sim/credentials", WEB: f"{self.url}/healthz"}
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "parlae.settings",
            "DEBUG": "0",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PUBLIC_URL": self.url,
            "DATABASE_URL": database_url,
            "CACHE_URL": "",
            "JOBS_URL": f"sqlite:///{folder / 'jobs.sqlite3'}",
            "SIKKA_BASE_URL": f"{self.sandbox_url}/v4",
            "SIKKA_APP_ID": APP_ID,
            "SIKKA_APP_KEY": APP_KEY,
        }

    def __enter__(self) -> House:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            self.kill(name)

    def start(self, name: str) -> None:
        """Start a program that does not run; ``ready`` waits until it answers."""
        if name in self._running:
            return
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *self._programs[name]],
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ready(self, *names: str) -> None:
        """Wait until programs answer; one that does not run is started."""
        for name in names:
            self.start(name)
        for name in names:
            wait_until(lambda name=name: self._answers(name), seconds=_START_SECONDS)  # type: ignore[misc]

    def kill(self, name: str) -> None:
        """End a program and its children with SIGKILL, wherever they are."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """Ask a program to end, and return its status."""
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(_STOP_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def runs(self, name: str) -> bool:
        """Return whether a program was started and not killed or stopped since."""
        return name in self._running

    def sim(self, method: str, path: str, /, **asked: Any) -> Any:
        """Use the sandbox's control plane."""
        with _session() as session:
            sent = {"params": asked} if method == "GET" else {"json": asked}
            answer = session.request(method, f"{self.sandbox_url}/_sim/{path}", timeout=5, **sent)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.json()

    def phone(self, account: Account) -> Phone:
        """Return a phone call on the account's line."""
        line = VoiceLine.objects.get(account=account)
        [secret] = credentials.reveal(credentials.deciding_for(line)[0])
        return Phone(url=self.url, line=line, secret=secret, caller=CALLER)

    def _answers(self, name: str) -> bool:
        status = self._running[name].poll()
        assert status is None, f"{name} ended with status {status}.\n{self._last_words(name)}"
        with contextlib.suppress(requests.RequestException), _session() as session:
            return session.get(self._probes[name], timeout=2).status_code == 200
        return False

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _last_words(self, name: str) -> str:
        return "\n".join(self._log(name).read_text(errors="replace").splitlines()[-_SHOWN_LINES:])


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
