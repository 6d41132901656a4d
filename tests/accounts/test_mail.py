"""What is sent by e-mail: plain text, short, and nothing about a patient."""

from __future__ import annotations

from pathlib import Path

import allauth
import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

FOLDER = Path(settings.BASE_DIR) / "templates"
MESSAGES = sorted(
    str(path.relative_to(FOLDER)).removesuffix("_message.txt")
    for where in ("account/email", "mfa/email", "accounts/mail")
    for path in (FOLDER / where).glob("*_message.txt")
    if not path.name.startswith("base_")
)
CONTEXT = {
    "home": "https://parlae.example",
    "code": "ABC123",
    "practice": "Alder & Sons <Dental>",
    "role": "Staff",
    "address": "https://parlae.example/accounts/invitations/x/",
    "password_reset_url": "https://parlae.example/reset/",
    "signup_url": "https://parlae.example/accounts/signup/",
    "until": timezone.now(),
    "timestamp": timezone.now(),
    "ip": "203.0.113.9",
    "user_agent": "Mozilla/5.0",
    "patient": "Cora Whitfield",
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.whole
def test_a_mail_is_plain_says_where_it_is_from_and_holds_no_markup(name: str) -> None:
    body = render_to_string(f"{name}_message.txt", CONTEXT)
    subject = render_to_string(f"{name}_subject.txt", CONTEXT).strip()
    assert "https://parlae.example" in body
    assert "&amp;" not in body + subject
    assert "{%" not in body
    assert 5 < len(subject) < 80
    assert "\n" not in subject
    assert "CODE" not in subject
    assert "ABC123" not in subject
    assert "Cora" not in body
    assert max(len(line) for line in body.splitlines()) < 250


def test_every_mail_that_allauth_would_send_is_ours() -> None:
    theirs = Path(allauth.__file__).parent / "templates"
    names = {
        str(path.relative_to(theirs)).removesuffix("_message.txt")
        for where in ("account/email", "mfa/email")
        for path in (theirs / where).glob("*_message.txt")
        if not path.name.startswith("base_")
    }
    not_used = {"account/email/login_code", "account/email/password_reset_code"}
    assert names - not_used <= set(MESSAGES)
