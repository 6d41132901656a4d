"""Offices whose people are real as far as anybody knows, so that a code from their mailbox is needed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.core.mail import EmailMessage

from pms.services import office_proof, stand_in
from tests.accounts.visitor import code_in
from tests.services.setting_up import Manager

BIRCH, BIRCHS = "D20002", "frontdesk@birch.example"
WRONG = "00000000x"

Outbox = Sequence[EmailMessage]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox be taken for a vendor with real practices behind it."""
    monkeypatch.setattr(stand_in, "is_sandbox", lambda _integration: False)


def last_code(outbox: Outbox) -> str:
    """Return the code of the last mail."""
    return code_in(str(outbox[-1].body))


def prove(manager: Manager, code: str) -> None:
    """Have somebody type a code."""
    office_proof.prove(code=code, **manager.by)
