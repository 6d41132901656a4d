"""``python -m pms.management.demo``: the whole product on this machine, with a fictional practice and one phone call.

Not a Django command, because the settings do not load before their secrets exist. It makes the secrets, then starts
the sandbox, the web server and the worker as any installation would run them, has ``simulatecall`` play a call through
the signed webhook, and stays until Ctrl-C. ``--call`` plays a call in a demo that runs already.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import email
import email.policy
import fcntl
import http
import http.client
import os
import re
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from pms.management.processes import ENDING_SIGNALS, Failed, Supervisor
from pms.sandbox.practice import APP_ID, APP_KEY
from pms.sandbox.vapi import API_KEY, PREFIX

LOGIN = "demo@parlae.example"
_ROOT = Path(__file__).resolve().parents[2]
_VAR = _ROOT / "var"
_DATABASE = _VAR / "demo.sqlite3"
_JOBS = _VAR / "demo-jobs.sqlite3"
_MAIL = _VAR / "mail"
_LOGS = _VAR / "log"
_ENVIRONMENT = _VAR / "demo.env"
_PORT_FILE = _VAR / "demo-sandbox.port"
_SCRIPTS = Path(__file__).resolve().parent / "scripts"

# A real write-back takes minutes; here it takes longer than nothing, so that "pending" is seen, and less than a call.
_WRITEBACK_DELAY = "--writeback-delay=1.5"  # seconds
_WEB_THREADS = 16
_WEB_OPTIONS = ("--workers=2", f"--threads={_WEB_THREADS}", "--reuse-port", "--no-control-socket")
_START_SECONDS = 60.0
_STEP_SECONDS = 120.0
_CALL_SECONDS = 300.0  # the worker looks after a minute for the first time
_PREFERRED_PORT = 8000
_FIRST_SCRIPT = "booking"
_OFFICE = "D20002"  # the sandbox's second office, which nobody has connected yet
_ALL = "all"
_CODE = r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$"
# Where a running demo listens, kept beside its secrets.
_URL, _SANDBOX_URL = "DEMO_URL", "DEMO_SANDBOX_URL"

GENERATED: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "ENCRYPTION_KEYS": lambda: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    "AUDIT_KEY": lambda: secrets.token_urlsafe(48),
    "METRICS_TOKEN": lambda: secrets.token_urlsafe(32),
    "VAPI_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(32),
    "DEMO_PASSWORD": lambda: secrets.token_urlsafe(12),
}


def main() -> int:
    """Run the demo, or a call in the one that runs, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end after the call, with status 0 if it went well, else 1")
    parser.add_argument("--script", choices=[*scripts(), _ALL], default=_FIRST_SCRIPT, help="what is played")
    parser.add_argument("--call", action="store_true", help="play it in the demo that runs already")
    arguments = parser.parse_args()
    wanted = scripts() if arguments.script == _ALL else [arguments.script]
    for number in ENDING_SIGNALS:
        # Set even for Ctrl-C: a shell starts background jobs with it ignored.
        signal.signal(number, signal.default_int_handler)
    try:
        return _call_again(wanted) if arguments.call else _Demo().run(wanted, leave_after_call=arguments.exit)
    except Failed as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        _say("\nStopped.")
        return 128 + signal.SIGINT


class _Demo:
    """One run: where its programs listen, and the mail already shown."""

    def __init__(self) -> None:
        self._web = f"127.0.0.1:{_free_port(_PREFERRED_PORT)}"
        self._url = f"http://{self._web}"
        self._sandbox_port = _free_port()
        self._sandbox = f"http://127.0.0.1:{self._sandbox_port}"
        self._seen: set[str] = set()

    def run(self, wanted: Sequence[str], *, leave_after_call: bool) -> int:
        with _only_one():
            _clear()
            generated = generated_secrets(_ENVIRONMENT)
            environment = _inherited() | settings(self._url, self._sandbox, generated)
            with Supervisor(folder=_ROOT, logs=_LOGS, environment=environment) as supervisor:
                _say("Parlae demo")
                self._start(supervisor)
                write_variables(_ENVIRONMENT, generated | {_URL: self._url, _SANDBOX_URL: self._sandbox})
                went_well = _play(supervisor, wanted, self._url, self._sandbox)
                self._tell_mail()
                if leave_after_call:
                    return 0 if went_well else 1
                self._tell_where(generated["DEMO_PASSWORD"], wanted)
                self._stay(supervisor)
                return 0

    def _start(self, supervisor: Supervisor) -> None:
        supervisor.start(
            "sandbox",
            _python("pms.sandbox", f"--port={self._sandbox_port}", f"--port-file={_PORT_FILE}", _WRITEBACK_DELAY),
        )
        supervisor.wait_until("sandbox", _PORT_FILE.exists, seconds=_START_SECONDS)
        _step("sandbox", f"{self._sandbox} stands in for the practice's system")

        supervisor.run("migrate", _manage("migrate", "--noinput", "--verbosity=0"), seconds=_STEP_SECONDS)
        supervisor.run("static", _manage("collectstatic", "--noinput", "--verbosity=0"), seconds=_STEP_SECONDS)
        _step("database", str(_DATABASE.relative_to(_ROOT)))
        supervisor.run("seed", _manage("seeddemo"), seconds=_STEP_SECONDS)
        _step("practice", "connected to the sandbox")

        supervisor.start(
            "web",
            _python("gunicorn", "parlae.wsgi", f"--bind={self._web}", *_WEB_OPTIONS),
        )
        supervisor.start("worker", _manage("worker"))
        supervisor.wait_until("web", lambda: _is_alive(self._web), seconds=_START_SECONDS)
        _step("web", self._url)
        _step("worker", "running")

    def _tell_where(self, password: str, played: Sequence[str]) -> None:
        _say("Parlae is running. Ctrl-C stops everything.")
        people = self._url.replace("127.0.0.1", "localhost")  # browsers allow passkeys there
        _step("URL", f"{people}/")
        _step("login", f"{LOGIN}, password {password}")
        _step("newcomer", f"{people}/accounts/signup/; office ID {_OFFICE}")
        _step("support", f"{people}/admin/")
        _step("API", f"{self._url}/api/schema/")
        _step("mail", f"{_MAIL.relative_to(_ROOT)}; links and codes in new mail appear below")
        _step("logs", str(_LOGS.relative_to(_ROOT)))
        others = [name for name in scripts() if name not in played] or scripts()
        _step("calls", f"in another terminal: make call SCRIPT={others[0]}")
        _step("scripts", ", ".join([*scripts(), _ALL]))

    def _stay(self, supervisor: Supervisor) -> None:
        try:
            while True:
                supervisor.watch()
                self._tell_mail()
                time.sleep(0.5)
        except KeyboardInterrupt:
            _say("\nStopping.")

    def _tell_mail(self) -> None:
        for path in sorted(_MAIL.glob("*.log")):
            for one in told(path.read_bytes()):
                if one not in self._seen:
                    self._seen.add(one)
                    _step("mail", one if "/" in one else f"code {one}")


def settings(url: str, sandbox: str, generated: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every variable that the settings read, so that nothing comes in from a ``.env``."""
    environment = {
        **generated,
        "DEBUG": "0",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": url,
        "DATABASE_URL": f"sqlite:///{quote(str(_DATABASE))}",
        "CACHE_URL": "",
        "JOBS_URL": f"sqlite:///{_JOBS.relative_to(_ROOT)}",
        "EMAIL_URL": f"filemail:///{quote(str(_MAIL))}",
        "DEFAULT_FROM_EMAIL": "Parlae demo <no-reply@parlae.example>",
        "TRUSTED_PROXIES": "",
        "VAPI_WEBHOOK_SCHEMES": "timestamp_body",
        "VAPI_REQUIRE_TIMESTAMP": "1",
        "VAPI_SECRET_IS_SYSTEM": "0",
        "VAPI_API_KEY": API_KEY,
        "VAPI_BASE_URL": f"{sandbox}{PREFIX}",
        "SIKKA_BASE_URL": f"{sandbox}/v4",
        "SIKKA_APP_ID": APP_ID,
        "SIKKA_APP_KEY": APP_KEY,
        "TOOL_BUDGET_SECONDS": "8",
        "WEB_THREADS": str(_WEB_THREADS),
    }
    return environment | {f"{name}_FILE": "" for name in environment}


def scripts() -> list[str]:
    """Return the names of the calls that can be played."""
    return sorted(path.stem for path in _SCRIPTS.glob("*.json"))


def generated_secrets(path: Path) -> dict[str, str]:
    """Return the demo's own secrets: those in ``path``, the missing ones made and written there (mode 600)."""
    known = variables(path)
    values = {name: known.get(name) or make() for name, make in GENERATED.items()}
    write_variables(path, values)
    return values


def variables(path: Path) -> dict[str, str]:
    """Return what ``write_variables`` has written, nothing if there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write_variables(path: Path, values: Mapping[str, str]) -> None:
    """Write ``NAME=value`` lines that only this user may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


def told(content: bytes) -> list[str]:
    """Return what mail is opened for, in its order: web links, and codes that stand in a line of their own.

    ``content`` is a file of Django's file mail backend.
    """
    found: list[str] = []
    for raw in re.split(rb"^-{79}\r?$", content, flags=re.MULTILINE):
        message = email.message_from_bytes(raw.strip(), policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        if body is not None:
            text = body.get_content()
            found += re.findall(r"https?://[^\s<>\"']+", text) + re.findall(_CODE, text, flags=re.MULTILINE)
    return found


def _call_again(wanted: Sequence[str]) -> int:
    """Play calls in the demo that runs in this folder; return 0 if they went well, else 1."""
    known = variables(_ENVIRONMENT)
    url, sandbox = known.get(_URL, ""), known.get(_SANDBOX_URL, "")
    if not url or not _is_alive(url.removeprefix("http://")):
        raise Failed("No demo runs in this folder. Start it with make demo.")
    environment = _inherited() | settings(url, sandbox, {name: known[name] for name in GENERATED})
    with Supervisor(folder=_ROOT, logs=_LOGS, environment=environment) as supervisor:
        return 0 if _play(supervisor, wanted, url, sandbox) else 1


def _play(supervisor: Supervisor, wanted: Sequence[str], url: str, sandbox: str) -> bool:
    """Play calls one after the other; return whether all of them went as scripted."""
    failed = []
    for script in wanted:
        call = _manage("simulatecall", script, "--url", url, "--sandbox", sandbox)
        if supervisor.show("call", call, seconds=_CALL_SECONDS) != 0:
            failed.append(script)
        supervisor.watch()
    _say("")
    if failed:
        _say(f"Did not go as scripted: {', '.join(failed)}; see {_LOGS.relative_to(_ROOT)}.")
    return not failed


def _inherited() -> dict[str, str]:
    return os.environ | {"DJANGO_SETTINGS_MODULE": "parlae.settings", "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Hold this folder's demo; a second one would remove the first one's database."""
    _VAR.mkdir(exist_ok=True)
    with (_VAR / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed("Another demo runs in this folder; stop it first.") from None
        yield


def _clear() -> None:
    """Remove what an earlier run left, all but its secrets."""
    for folder in (_MAIL, _LOGS):
        folder.mkdir(exist_ok=True)
    databases = [path for database in (_DATABASE, _JOBS) for path in _VAR.glob(f"{database.name}*")]
    for path in [*databases, *_MAIL.glob("*.log"), *_LOGS.glob("*.log"), _PORT_FILE]:
        path.unlink(missing_ok=True)


def _free_port(preferred: int = 0) -> int:
    """Return ``preferred`` if nothing listens there, else any free port."""
    for candidate in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # The last run's closed connections do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            port: int = probe.getsockname()[1]
            return port
    raise Failed("No free port on 127.0.0.1.")


def _is_alive(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _step(name: str, text: str) -> None:
    _say(f"  {name:<10}{text}")


if __name__ == "__main__":
    sys.exit(main())
