"""The business associate agreement: which text is in force, and whether a practice accepted it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from accounts.models import Account

CURRENT_VERSION = "2026-11"


@cache
def current_text() -> str:
    """Return the text that is in force."""
    return (Path(__file__).parent / "agreements" / f"{CURRENT_VERSION}.txt").read_text(encoding="utf-8")


def current_sha256() -> str:
    """Return the hash of the text in force, in hex."""
    return hashlib.sha256(current_text().encode()).hexdigest()


def is_accepted(account: Account) -> bool:
    """Return whether the practice accepted the text that is in force."""
    return account.baa_acceptances.filter(version=CURRENT_VERSION, text_sha256=current_sha256()).exists()
