"""The demo's launcher, as far as it goes without starting anything."""

from __future__ import annotations

import stat
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings

from pms.management import demo, scenes
from pms.management.processes import Failed, Supervisor
from tests.tooling.test_docs import documented


def test_nothing_in_the_demo_comes_from_a_dot_env() -> None:
    names = demo.settings("http://127.0.0.1:1", "http://127.0.0.1:2", dict.fromkeys(demo.GENERATED, "x")).keys()
    for name in documented():
        assert name in names
        assert f"{name}_FILE" in names


def test_its_jobs_are_in_a_file_of_their_own() -> None:
    assert (
        demo.settings("http://127.0.0.1:1", "http://127.0.0.1:2", {})["JOBS_URL"] == "sqlite:///var/demo-jobs.sqlite3"
    )


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    first = demo.generated_secrets(path)
    assert first == demo.generated_secrets(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.keys() == demo.GENERATED.keys()
    assert len(set(first.values())) == len(first)
    assert first != demo.generated_secrets(tmp_path / "another.env")


def test_a_missing_secret_is_added_to_the_others(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    path.write_text("AUDIT_KEY=kept==\n")
    values = demo.generated_secrets(path)
    assert values["AUDIT_KEY"] == "kept=="
    assert values["SECRET_KEY"] in path.read_text()


def test_links_and_codes_are_found_in_encoded_mail() -> None:
    link = "http://127.0.0.1:8000/accounts/invitations/" + "0123456789" * 9 + "/?next=/&x=1"
    content = b""
    for text in (
        f"Grüße! Follow {link} now.\n",
        "No link.\n",
        "Or <http://127.0.0.1:8000/second>.\n",
        "Your code is\n\n    MTGW-VWPC\n",
    ):
        message = EmailMessage()
        message["Subject"] = "Hello"
        message.set_content(text, cte="quoted-printable")
        content += message.as_bytes() + b"\n" + b"-" * 79 + b"\n"
    assert demo.told(content) == [link, "http://127.0.0.1:8000/second", "MTGW-VWPC"]


def test_what_a_running_demo_has_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    values = {**demo.generated_secrets(path), "DEMO_URL": "http://127.0.0.1:8000", "AUDIT_KEY": "a=b=="}

    demo.write_variables(path, values)

    assert demo.variables(path) == values
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "DEMO_URL" not in demo.generated_secrets(path)
    assert "DEMO_URL" not in demo.variables(path)


def test_every_script_can_be_named() -> None:
    assert demo.scripts() == scenes.names()


def test_a_script_that_does_not_exist_is_refused_before_anything_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pms.management.demo", "--script", "nothing"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert (
        "choose from 'booking', 'changes', 'chart', 'family', 'lost', 'outage', 'refusal', 'slow', 'all'" in done.stderr
    )
    assert done.stdout == ""


@pytest.mark.parametrize("written", ["", "SECRET_KEY=old\n", "DEMO_URL=http://127.0.0.1:9\nDEMO_SANDBOX_URL=\n"])
def test_a_call_needs_a_demo_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    path = tmp_path / "demo.env"
    path.write_text(written)
    monkeypatch.setattr(demo, "_ENVIRONMENT", path)

    with pytest.raises(Failed, match=r"No demo runs in this folder\. Start it with make demo\."):
        demo._call_again(["booking"])


def test_every_call_is_played_also_after_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    play = "import sys; print(sys.argv[1:4], flush=True); sys.exit(sys.argv[2] == 'lost')"
    monkeypatch.setattr(demo, "_manage", lambda *arguments: [sys.executable, "-c", play, *arguments])

    with Supervisor(folder=tmp_path, logs=tmp_path, environment={}) as supervisor:
        ends = [demo._play(supervisor, wanted, "u", "s") for wanted in (["lost", "slow"], ["slow"])]

    assert ends == [False, True]
    assert capfd.readouterr().out.splitlines() == [
        "['simulatecall', 'lost', '--url']",
        "['simulatecall', 'slow', '--url']",
        "",
        "Did not go as scripted: lost; see var/log.",
        "['simulatecall', 'slow', '--url']",
        "",
    ]
