"""The business associate agreement: which text is in force, and whether a practice accepted it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.db import connection

from accounts.models import Account, BaaAcceptance

CURRENT_VERSION = "2026-11"

# Plain SQL, because every use of every tool asks it, and the ORM would compile it anew each time.
_ACCEPTED = (
    f'SELECT 1 FROM "{BaaAcceptance._meta.db_table}" '  # noqa: S608  # a constant
    f"WHERE account_id = %s AND version = %s AND text_sha256 = %s LIMIT 1"
)


@cache
def current_text() -> str:
    """Return the text that is in force."""
    return (Path(__file__).parent / "agreements" / f"{CURRENT_VERSION}.txt").read_text(encoding="utf-8")


@cache
def current_sha256() -> str:
    """Return the hash of the text in force, in hex."""
    return hashlib.sha256(current_text().encode()).hexdigest()


def is_accepted(account: Account) -> bool:
    """Return whether the practice accepted the text that is in force."""
    owner = Account._meta.pk.get_db_prep_value(account.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTED, [owner, CURRENT_VERSION, current_sha256()])
        return cursor.fetchone() is not None
