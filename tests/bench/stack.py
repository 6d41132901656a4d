"""Everything that a benchmark runs on: PostgreSQL, Redis, the sandbox, practices, and the web server of the image."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import requests

from pms.management import demo
from pms.management.processes import Failed, Supervisor
from tests.bench import machine
from tests.support import bootstrap, postgres, redis
from tests.support.server import free_port

ROOT = Path(__file__).resolve().parents[2]
# Part of each program's command line.
WEB, DATABASE, CACHE = "gunicorn", "postgres", "redis-server"
PARTS = {"web": WEB, "database": DATABASE, "cache": CACHE}

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_UNLIMITED = 10**9
_PROGRAM = ("accounts", "parlae", "pms")
_STEP_SECONDS = 120.0
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the web server listens, and what callers need: the practices' lines, and the platform's secret.

    ``slow_lines`` are of practices whose system is a sandbox of their own: ``slow_sandbox``.
    """

    port: int
    lines: list[dict[str, Any]]
    slow_lines: list[dict[str, Any]]
    secret: str
    database_version: str
    sandbox: str
    slow_sandbox: str


@contextlib.contextmanager
def database_and_cache() -> Iterator[dict[str, str]]:
    """Yield the variables that name a PostgreSQL and a Redis of their own.

    Unlike in tests, a commit reaches the disk: evidence that could be lost would be cheaper to write.
    """
    with mock.patch.dict(postgres._SETTINGS, _DURABLE), postgres.cluster() as database, redis.server() as cache:
        yield {"DATABASE_URL": database, "CACHE_URL": cache}


@contextlib.contextmanager
def running(services: Mapping[str, str], *, practices: int, python: str, slow_practices: int = 0) -> Iterator[Stack]:
    """Yield a stack with its web server, on ``python``, answering; everything ends with the block."""
    port, secrets = free_port(), {name: make() for name, make in demo.GENERATED.items()}
    sandbox, slow_sandbox = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    environment = _environment(port, sandbox, secrets, services) | {"DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
    with (
        tempfile.TemporaryDirectory(prefix="parlae-bench-") as name,
        Supervisor(folder=ROOT, logs=Path(name), environment=environment) as supervisor,
    ):
        for number, url in enumerate([sandbox, slow_sandbox] if slow_practices else [sandbox]):
            _start_sandbox(supervisor, url, Path(name, f"sandbox{number}.port"))
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity=0", "--run-syncdb"]
        supervisor.run("migrate", migrate, seconds=_STEP_SECONDS)
        path, sandboxes = Path(name, "lines.json"), [sandbox] * practices + [slow_sandbox] * slow_practices
        supervisor.run("seed", _python("tests.bench.practices", str(path), *sandboxes), seconds=_STEP_SECONDS)
        _start_web(supervisor, python, "tests.bench.wsgi", port)
        lines = json.loads(path.read_text(encoding="utf-8"))
        yield Stack(
            port=port,
            lines=lines[:practices],
            slow_lines=lines[practices:],
            secret=secrets["VAPI_WEBHOOK_SECRET"],
            database_version=_version(services["DATABASE_URL"]),
            sandbox=sandbox,
            slow_sandbox=slow_sandbox,
        )


def sim(sandbox: str, method: str, command: str, **asked: Any) -> Any:
    """Send one command to the control plane of a sandbox and return its answer."""
    url, is_read = f"{sandbox}/_sim/{command}", method == "GET"
    with _session() as session:
        answer = session.request(
            method, url, params=asked if is_read else None, json=None if is_read else asked, timeout=_START_SECONDS
        )
    answer.raise_for_status()
    return answer.json()


@contextlib.contextmanager
def packages() -> Iterator[str]:
    """Yield a Python that has the image's packages and no others, compiled as they are there."""
    with tempfile.TemporaryDirectory(prefix="parlae-packages-") as folder:
        uv, python = bootstrap.uv(), str(Path(folder, "bin", "python"))
        for command in (
            [uv, "venv", "--quiet", "--python", sys.executable, folder],
            [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python, "requirements.lock"],
            [python, "-m", "compileall", "-q", *_PROGRAM],
        ):
            subprocess.run(command, cwd=ROOT, check=True)
        yield python


def cold_start(services: Mapping[str, str], python: str) -> float:
    """Start the product's own web server, and return the seconds until its first answer."""
    port = free_port()
    environment = _environment(port, "http://127.0.0.1:1", {n: make() for n, make in demo.GENERATED.items()}, services)
    environment |= {"DJANGO_SETTINGS_MODULE": "parlae.settings"}
    with (
        tempfile.TemporaryDirectory(prefix="parlae-bench-") as name,
        Supervisor(folder=ROOT, logs=Path(name), environment=environment) as supervisor,
    ):
        started = time.monotonic()
        _start_web(supervisor, python, "parlae.wsgi", port)
        return time.monotonic() - started


def web_workers() -> list[machine.Process]:
    """Return the web server's workers: its processes that another of them started."""
    web = [process for process in machine.descendants() if WEB in process.command]
    return [process for process in web if process.parent in {one.pid for one in web}]


def command(python: str, application: str, port: int) -> list[str]:
    """Return the image's command for the web server, with another application and address."""
    program, _, *options = json.loads(_of_the_image("CMD")[-1])
    kept = [option for option in options if not option.startswith("--bind")]
    return [python, "-m", program, application, f"--bind=127.0.0.1:{port}", *kept]


def variables() -> dict[str, str]:
    """Return what the image sets in the environment."""
    pairs = [word for line in _of_the_image("ENV") for word in shlex.split(line)]
    return dict(pair.split("=", 1) for pair in pairs)


def _of_the_image(instruction: str) -> list[str]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line.removeprefix(instruction).strip() for line in lines if line.startswith(f"{instruction} ")]


def _environment(port: int, sandbox: str, secrets: Mapping[str, str], services: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **demo.settings(f"http://127.0.0.1:{port}", sandbox, secrets), **services}


def _start_sandbox(supervisor: Supervisor, url: str, ready: Path) -> None:
    port = url.rpartition(":")[2]
    supervisor.start(ready.stem, _python("pms.sandbox", f"--port={port}", f"--port-file={ready}"))
    supervisor.wait_until(ready.stem, ready.exists, seconds=_START_SECONDS)
    sim(url, "POST", "config", rate_limit=_UNLIMITED)


def _start_web(supervisor: Supervisor, python: str, application: str, port: int) -> None:
    supervisor.environment |= variables()
    supervisor.start("web", command(python, application, port))
    deadline = time.monotonic() + _START_SECONDS
    while not _is_alive(port):
        supervisor.watch()
        if time.monotonic() > deadline:
            raise Failed(f"The web server did not answer within {_START_SECONDS:.0f} seconds.")
        time.sleep(0.01)


def _is_alive(port: int) -> bool:
    try:
        return _session().get(f"http://127.0.0.1:{port}/healthz", timeout=_START_SECONDS).ok
    except requests.ConnectionError:
        return False


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy between us and ourselves
    return session


def _version(database: str) -> str:
    with psycopg.connect(database) as connection:
        return f"PostgreSQL {connection.info.server_version // 10000}"


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
