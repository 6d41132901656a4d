"""What the documents and tool files say is what the code does, and nothing private is in the tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from pms.management import booking_safety
from tests.safety.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]

_READ = re.compile(r'\b(?:env(?:\.\w+)?|secret|required_secret|encryption_keys)\(\s*"([A-Z][A-Z0-9_]*)"')
_READ_SECRET = re.compile(r'\b(?:secret|required_secret|encryption_keys)\(\s*"([A-Z][A-Z0-9_]*)"')
_DOCUMENTED = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$")

_NOT_SOURCE = {"__pycache__", "secrets", "staticfiles", "var"}
_PRIVATE = {
    "path of somebody's machine": re.compile(r"(?<![\w.)\]}:-])/(?:root|work|home|Users)/[\w.]"),
    "package index": re.compile(
        r"pypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|npmjs[.]org|--(?:extra-)?index-url \S"
    ),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE[ ]KEY"),
    "vendor's key": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|[sr]k_live_\w{16}|xox[abp]-\w{10}|gh[pousr]_\w{30})"),
}


def documented() -> dict[str, tuple[str, str]]:
    """Return what ``.env.example`` names: name -> (value, the comment above it)."""
    found: dict[str, tuple[str, str]] = {}
    comment: list[str] = []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if match := _DOCUMENTED.match(line):
            found[match[1]] = (match[2], " ".join(comment))
        elif line.startswith("#"):
            comment.append(line)
        else:
            comment = []
    return found


def read_by_settings(pattern: re.Pattern[str]) -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "parlae").glob("*.py"))
    return set(pattern.findall(text))


def sources() -> Iterator[Path]:
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name == ".ci" or not (name.startswith(".") or name in _NOT_SOURCE)]
        yield from (Path(folder) / name for name in files if name != ".env")


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    assert set(documented()) == read_by_settings(_READ)


def test_every_variable_has_a_comment() -> None:
    assert [name for name, (_, comment) in documented().items() if len(comment) < 20] == []


def test_every_secret_is_marked() -> None:
    marked = {name for name, (_, comment) in documented().items() if "[secret]" in comment}
    assert read_by_settings(_READ_SECRET) <= marked


def test_the_example_holds_no_secret() -> None:
    values = {name: value for name, (value, comment) in documented().items() if "[secret]" in comment and value}
    assert set(values) <= {"DATABASE_URL", "EMAIL_URL"}
    assert not any("@" in value for value in values.values())


def test_every_secret_can_come_from_a_file(tmp_path: Path) -> None:
    key = "k1:" + "QUJD" * 10 + "QUI="  # 32 bytes
    contents = {
        name: f"{name.lower()}-from-a-file-that-is-mounted"
        for name, (_, comment) in documented().items()
        if "[secret]" in comment
    } | {
        "ENCRYPTION_KEYS": key,
        "DATABASE_URL": "postgres://user:password@db.example:5432/from_a_file",
        "CACHE_URL": "redis://cache.example:6379/0",
        "JOBS_URL": "redis://jobs.example:6379/0",
        "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    }
    environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in contents}
    for name, content in contents.items():
        path = tmp_path / name
        path.write_text(f"{content}\n", encoding="utf-8")
        environment[f"{name}_FILE"] = str(path)
    show = (
        "import json, sys; from parlae import settings as s; db = s.DATABASES['default']; json.dump({"
        "'DATABASE_URL': db['NAME'], 'CACHE_URL': s.CACHES['default'].get('LOCATION'), 'JOBS_URL': s.JOBS_URL,"
        "'EMAIL_URL': s.EMAIL_HOST, 'SECRET_KEY': s.SECRET_KEY, 'AUDIT_KEY': s.AUDIT_KEY, 'METRICS_TOKEN':"
        "s.METRICS_TOKEN, 'VAPI_WEBHOOK_SECRET': s.VAPI_WEBHOOK_SECRETS[0], 'VAPI_API_KEY': s.VAPI_API_KEY,"
        "'ENCRYPTION_KEYS': list(s.ENCRYPTION_KEYS)[0], 'SIKKA_APP_ID': s.PMS_PROVIDER_DEFAULTS['SIKKA']"
        "['applicationId'], 'SIKKA_APP_KEY': s.PMS_PROVIDER_DEFAULTS['SIKKA']['secretKey']}, sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert loaded == contents | {
        "ENCRYPTION_KEYS": "k1",
        "DATABASE_URL": "from_a_file",
        "EMAIL_URL": "mail.example",
    }


def test_the_readme_names_the_two_first_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_what_was_measured_stays_when_the_page_about_safety_is_made_anew(tmp_path: Path, settings: Settings) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    before = booking_safety.page()
    measured = before.replace("Not measured yet.", "| a fault | 25 |").replace("## How a booking goes", "## Stale")
    (tmp_path / "docs" / booking_safety.NAME).write_text(measured, encoding="utf-8")

    assert booking_safety.page() == before.replace("Not measured yet.", "| a fault | 25 |")


def test_the_table_of_faults_is_that_of_the_campaign_and_nothing_was_lost_doubled_or_said_wrongly() -> None:
    text = (Path(django_settings.BASE_DIR) / "docs" / booking_safety.NAME).read_text(encoding="utf-8")
    measured = text.split(booking_safety.MEASURED_BEGIN)[1].split(booking_safety.MEASURED_END)[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in measured.splitlines() if "|" in line]

    assert rows[0][:5] == ["fault", "times tried", "lost", "doubled", "said wrongly"]
    assert [row[0] for row in rows[2:]] == [fault.name for fault in FAULTS]
    assert all(int(row[1]) > 0 for row in rows[2:])
    assert {tuple(row[2:5]) for row in rows[2:]} == {("0", "0", "0")}


@pytest.mark.parametrize(
    ("direct", "lock"), [("requirements.txt", "requirements.lock"), ("requirements-dev.txt", "requirements-dev.lock")]
)
def test_the_lock_has_every_direct_requirement_with_hashes(direct: str, lock: str) -> None:
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", (ROOT / direct).read_text(), flags=re.MULTILINE)
    text = (ROOT / lock).read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))
    assert pins
    assert {name.lower(): version for name, version in pins}.items() <= locked.items()
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z])", text))


def test_both_locks_agree() -> None:
    pattern = re.compile(r"^([\w.-]+)==([\w.]+)", flags=re.MULTILINE)
    runtime = dict(pattern.findall((ROOT / "requirements.lock").read_text()))
    development = dict(pattern.findall((ROOT / "requirements-dev.lock").read_text()))
    assert {name: runtime[name] for name in runtime.keys() & development.keys()}.items() <= development.items()


def test_nothing_private_is_in_the_tree() -> None:
    found = []
    for path in sources():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
        for what, pattern in _PRIVATE.items():
            found += [f"{path.relative_to(ROOT)}: {what}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []
