"""The demo's launcher, as far as it goes without starting anything."""

from __future__ import annotations

import stat
from email.message import EmailMessage
from pathlib import Path

from pms.management import demo
from tests.tooling.test_docs import documented


def test_nothing_in_the_demo_comes_from_a_dot_env() -> None:
    names = demo.settings("http://127.0.0.1:1", "http://127.0.0.1:2", dict.fromkeys(demo.GENERATED, "x")).keys()
    for name in documented():
        assert name in names
        assert f"{name}_FILE" in names


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


def test_links_are_found_in_encoded_mail() -> None:
    link = "http://127.0.0.1:8000/accounts/invitations/" + "0123456789" * 9 + "/?next=/&x=1"
    content = b""
    for text in (f"Grüße! Follow {link} now.\n", "No link.\n", "Or <http://127.0.0.1:8000/second>.\n"):
        message = EmailMessage()
        message["Subject"] = "Hello"
        message.set_content(text, cte="quoted-printable")
        content += message.as_bytes() + b"\n" + b"-" * 79 + b"\n"
    assert demo.links(content) == [link, "http://127.0.0.1:8000/second"]
