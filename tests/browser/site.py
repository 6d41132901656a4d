"""Parlae as its users have it: sandbox, web server, worker, a database and a mail folder of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests

from pms.management import demo
from pms.management.processes import Supervisor
from tests.support.server import free_port

ROOT = Path(__file__).resolve().parents[2]
_MANY = 40  # more than anybody tries again
_START_SECONDS = 60.0
_STEP_SECONDS = 120.0
_WEB_OPTIONS = ("--workers=2", "--threads=16", "--no-control-socket")


@dataclass(frozen=True)
class Site:
    """A running Parlae.

    Attributes:
        url: where it listens, on ``localhost``: browsers allow passkeys there without TLS.
        sandbox: the address of the practice's system.
        mail: the folder that its mail goes to.
        password: the demo owner's.
    """

    url: str
    sandbox: str
    mail: Path
    password: str
    programs: Supervisor

    def manage(self, *arguments: str) -> None:
        """Run a ``manage.py`` command beside the site; raises ``Failed`` with its last lines if it fails."""
        self.programs.run(arguments[0], _manage(*arguments), seconds=_STEP_SECONDS)

    @contextlib.contextmanager
    def failing(self, fault: Mapping[str, object]) -> Iterator[None]:
        """Have everything that is asked of the practice's system fail in the block; nothing, if ``fault`` is empty.

        What is asked last counts: a failure that nobody has met yet is met here, so that none is left for others.
        """
        if fault:
            self._simulate("fail", {**fault, "times": _MANY})
        yield
        if fault:
            for _ in range(_MANY):
                requests.get(f"{self.sandbox}/v4/", timeout=10)

    def _simulate(self, what: str, asked: Mapping[str, object]) -> None:
        requests.post(f"{self.sandbox}/_sim/{what}", json=asked, timeout=10).raise_for_status()


@contextlib.contextmanager
def running(folder: Path, database_url: str) -> Iterator[Site]:
    """Run a whole Parlae with the demo's practice in ``folder`` until the block ends.

    Args:
        folder: an empty one for all that it writes.
        database_url: the tests' own. Of a PostgreSQL the server is used, with a database of our own on it.
    """
    for name in ("log", "mail", "static"):
        (folder / name).mkdir()
    port, sandbox_port = free_port(), free_port()
    url, sandbox = f"http://localhost:{port}", f"http://127.0.0.1:{sandbox_port}"
    generated = {name: make() for name, make in demo.GENERATED.items()}
    with _database(folder, database_url) as own_database:
        environment = os.environ | demo.settings(url, sandbox, generated) | _own(folder, own_database)
        with Supervisor(folder=ROOT, logs=folder / "log", environment=environment) as programs:
            site = Site(url, sandbox, folder / "mail", generated["DEMO_PASSWORD"], programs)
            _start(site, folder, port, sandbox_port)
            yield site


def _own(folder: Path, database_url: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "PYTHONUNBUFFERED": "1",
        "BROWSER_STATIC_ROOT": str(folder / "static"),
        "DATABASE_URL": database_url,
        "JOBS_URL": f"sqlite:///{folder / 'jobs.sqlite3'}",
        "EMAIL_URL": f"filemail:///{folder / 'mail'}",
    }


def _start(site: Site, folder: Path, port: int, sandbox_port: int) -> None:
    programs, port_file = site.programs, folder / "sandbox.port"
    programs.start(
        "sandbox",
        _python("pms.sandbox", f"--port={sandbox_port}", f"--port-file={port_file}", "--writeback-delay=0.5"),
    )
    site.manage("migrate", "--noinput", "--verbosity=0")
    site.manage("collectstatic", "--noinput", "--verbosity=0")
    programs.wait_until("sandbox", port_file.exists, seconds=_START_SECONDS)
    site.manage("seeddemo")
    programs.start("web", _python("gunicorn", "parlae.wsgi", f"--bind=127.0.0.1:{port}", *_WEB_OPTIONS))
    programs.start("worker", _manage("worker"))
    programs.wait_until("web", functools.partial(_is_alive, port), seconds=_START_SECONDS)


@contextlib.contextmanager
def _database(folder: Path, url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        yield f"sqlite:///{folder / 'site.sqlite3'}"
        return
    name = f"browser_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield parts._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _is_alive(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]
