"""What reaches the log: lines of JSON that say what broke and never whom it was about."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from pms.domain import redaction
from tests.ground import speaking
from tests.ground.conftest import Lines

ROOT = Path(__file__).resolve().parents[2]
CANARIES = ("cora", "whitfield", "5550147", "555-0147", "1987-04", "fox")
AGENT = "Fox/1.0 (Cora Whitfield; +12125550147)"


def told(text: str) -> list[str]:
    """Return the canaries in ``text``."""
    return [canary for canary in CANARIES if canary in text.lower()]


@pytest.fixture(scope="module")
def spoken() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.ground.speaking"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_nothing_is_written_past_the_handler(spoken: subprocess.CompletedProcess[str]) -> None:
    assert spoken.stderr == ""


@pytest.mark.parametrize("case", speaking.CASES)
def test_a_line_is_json_and_tells_nothing(spoken: subprocess.CompletedProcess[str], case: str) -> None:
    written = json.loads(spoken.stdout)[case]

    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) == (4 if case == "gunicorn" else 1)
    assert told(written) == []
    for line in lines:
        assert set(line) <= redaction.ALLOWED_KEYS
        assert {"event", "level"} <= set(line)
        assert {"logger", "timestamp"} <= set(line) or case == "library: no text at all"


@pytest.mark.parametrize("case", [name for name in speaking.CASES if name.endswith("exception")])
def test_an_exception_is_told_by_its_class_and_its_frames(spoken: subprocess.CompletedProcess[str], case: str) -> None:
    line = json.loads(json.loads(spoken.stdout)[case])

    assert line["exception"] == "_Patient"
    assert re.fullmatch(r"tests/ground/speaking\.py:\d+:_raised", line["stack"][0])
    assert "caused by builtins.KeyError" in line["stack"]


def test_a_line_that_cannot_be_written_is_told_without_its_content() -> None:
    script = (
        "import logging, structlog; from parlae.logging import configure; configure(debug=False)\n"
        "def broken(*_): raise ValueError('Cora Whitfield')\n"
        "logging.getLogger().handlers[0].formatter.processors = [broken]\n"
        "structlog.get_logger('pms').info('Cora', name='Cora Whitfield')\n"
        "logging.getLogger('x').error('%s', 'Cora Whitfield')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["log line lost"] * 2
    assert told(done.stderr) == []


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a module's ``log`` in the product, with its place."""
    for folder in ("accounts", "parlae", "pms"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in ("log", "logger")
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_event_of_ours_is_a_fixed_sentence_and_every_key_is_named() -> None:
    calls = list(_log_calls())

    wrong = [
        place
        for place, call in calls
        if not (
            len(call.args) == 1
            and isinstance(call.args[0], ast.Constant)
            and isinstance(call.args[0].value, str)
            and redaction.allowed({"event": call.args[0].value})["event"] == call.args[0].value
            and all(word.arg in redaction.ALLOWED_KEYS | {"exc_info"} for word in call.keywords)
        )
    ]
    assert len(calls) > 10
    assert wrong == []


# Requests


@pytest.fixture
def browser(settings: Settings) -> Client:
    """Sends what should be kept out of the log: in the path, the query and the header."""
    settings.ROOT_URLCONF = "tests.ground.broken_urls"
    settings.DEBUG = False
    return Client(raise_request_exception=False, headers={"User-Agent": AGENT, "Referer": f"https://x.example/{AGENT}"})


STATUSES = {"crash": 500, "sql": 500, "suspicious": 400, "forbidden": 403, "missing": 404, "nowhere": 404, "fine": 200}


@pytest.mark.parametrize(("view", "status"), STATUSES.items())
@pytest.mark.django_db
def test_a_request_shows_nothing_of_a_patient_whatever_breaks(
    browser: Client, lines: Lines, view: str, status: int
) -> None:
    answer = browser.get(f"/{view}/{quote(speaking.NAME)}?phone={quote(speaking.PHONE)}&born={speaking.BORN}")

    written = lines()
    requests = [line for line in written if line["event"] == "request"]
    assert answer.status_code == status
    assert told(answer.content.decode()) == []
    assert told(repr(answer.headers)) == []
    assert told(json.dumps(written)) == []
    assert [(line["status"], line["method"]) for line in requests] == [(status, "GET")]
    assert requests[0]["route"] == ("" if view == "nowhere" else f"{view}/<str:name>")
    assert requests[0]["duration_ms"] >= 0
    assert [line for line in written if line["logger"] == "django.request"] == [
        line for line in written if "exception" in line and status == 500
    ]


@pytest.mark.parametrize(("view", "exception"), [("crash", "RuntimeError"), ("sql", "Error")])
@pytest.mark.django_db
def test_a_crash_is_told_by_its_class_and_its_frames(browser: Client, lines: Lines, view: str, exception: str) -> None:
    answer = browser.get(f"/{view}/someone")

    crashes = [line for line in lines() if "exception" in line]
    assert b"Traceback" not in answer.content
    assert b"RuntimeError" not in answer.content
    assert b"SELECT" not in answer.content
    assert len(crashes) == 1
    assert crashes[0]["exception"].endswith(exception)
    assert crashes[0]["logger"] == "django.request"
    assert any(re.fullmatch(rf"tests/ground/broken_urls\.py:\d+:{view}", frame) for frame in crashes[0]["stack"])
    assert crashes[0]["request_id"] == answer["X-Request-Id"]


@pytest.mark.django_db
def test_a_wrong_host_is_refused_without_repeating_it(browser: Client, lines: Lines) -> None:
    answer = browser.get("/fine/someone", headers={"Host": "cora-whitfield.example"})

    assert answer.status_code == 400
    assert told(json.dumps(lines())) == []
    assert told(answer.content.decode()) == []
