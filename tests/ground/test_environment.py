"""Settings that are missing or wrong stop the start, and say which without saying what."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from parlae import environment

ROOT = Path(__file__).resolve().parents[2]
KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
LONG = "a-secret-of-more-than-thirty-two-characters"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROBE", "PROBE_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_keys_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE", f" k2:{OTHER} , k1:{KEY},")

    keys = environment.encryption_keys("PROBE")

    assert list(keys.items()) == [("k2", b"o" * 32), ("k1", b"k" * 32)]


@pytest.mark.parametrize(
    "value",
    [
        "",
        " , ",
        KEY,
        f":{KEY}",
        "k1:",
        "k1:not base64!",
        "k1:ключ",
        f"k1:{KEY[:-4]}",
        f"k1:{base64.b64encode(b'k' * 16).decode()}",
        f"k1:{base64.b64encode(b'k' * 33).decode()}",
        f"k1:{KEY},k1:{OTHER}",
        f"k.1:{KEY}",
        f"é1:{KEY}",
        f"{'k' * 17}:{KEY}",
        f"k1:{KEY},k2",
    ],
)
def test_unusable_keys_are_refused_without_repeating_them(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBE", value)

    with pytest.raises(ImproperlyConfigured, match="PROBE") as caught:
        environment.encryption_keys("PROBE")

    assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", ["", "short", "x" * 31])
def test_a_short_secret_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBE", value)

    with pytest.raises(ImproperlyConfigured, match=r"PROBE.*32") as caught:
        environment.required_secret("PROBE")

    assert not value or value not in str(caught.value)


def test_a_secret_that_nobody_set_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="PROBE"):
        environment.required_secret("PROBE")


def test_thirty_two_characters_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE", "x" * 32)

    assert environment.required_secret("PROBE") == "x" * 32


def test_a_file_wins_over_the_variable_and_loses_its_last_line_break(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "probe").write_text(f"{LONG}\n")
    monkeypatch.setenv("PROBE", "another-secret-of-more-than-thirty-two-characters")
    monkeypatch.setenv("PROBE_FILE", str(tmp_path / "probe"))

    assert environment.required_secret("PROBE") == LONG


@pytest.mark.parametrize("kind", ["absent", "folder", "binary"])
def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "probe"
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"\xff\xfe\x00secret")
    monkeypatch.setenv("PROBE", LONG)
    monkeypatch.setenv("PROBE_FILE", str(path))

    with pytest.raises(ImproperlyConfigured, match="PROBE_FILE") as caught:
        environment.secret("PROBE")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["$PATH-and-more-than-thirty-two-characters", "$$$", "a$b", "\\$x", "#x", "'x'"])
def test_a_secret_is_taken_literally(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PROBE", value)

    assert environment.secret("PROBE", "default") == value


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("PROBE", value)

    assert environment.secret("PROBE", "default") == "default"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENCRYPTION_KEYS", ""),
        ("ENCRYPTION_KEYS", "k1:dG9vLXNob3J0LWEta2V5"),
        ("SECRET_KEY", "too-short-a-secret"),
        ("AUDIT_KEY", "too-short-a-secret"),
        ("AUDIT_KEY_FILE", "absent-file"),
    ],
)
def test_the_settings_do_not_load(name: str, value: str) -> None:
    done = _load({name: value})

    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert name in last
    assert not value or value not in done.stderr


def test_the_settings_load_with_what_they_need() -> None:
    done = _load({"VAPI_WEBHOOK_SECRET": " one , two ,"})

    assert (done.returncode, done.stdout.strip()) == (0, "['one', 'two']")


def test_a_fresh_clone_makes_the_folders_that_it_needs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "parlae", tmp_path / "parlae")
    script = "from parlae import settings as s; print(s.STATIC_ROOT.is_dir(), s.STATIC_ROOT.parents[1] == s.BASE_DIR)"

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.split() == ["True", "True"]
    assert (tmp_path / "var" / "static").is_dir()


def _load(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, in the tests' environment changed by ``variables``."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "from parlae import settings; print(settings.VAPI_WEBHOOK_SECRETS)"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
