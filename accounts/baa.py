"""The business associate agreement: which texts there are, which is in force, and whether a practice accepted it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts.models import Account, BaaAcceptance, User

_FOLDER = Path(__file__).parent / "agreements"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version. From ``in_force`` on it is asked for; until ``accept_by`` its predecessor still counts."""

    version: str
    in_force: date
    accept_by: date

    @property
    def text(self) -> str:
        """The text, as it is accepted."""
        return _text(self.version)

    @property
    def sha256(self) -> str:
        """The text's hash, in hex."""
        return _sha256(self.version)


# The newest last. A text that was offered is never changed: a change is a new version.
AGREEMENTS: tuple[Agreement, ...] = (Agreement("2026-11", in_force=date(2026, 11, 1), accept_by=date(2026, 11, 1)),)

# Plain SQL, because every use of every tool asks it, and the ORM would compile it anew each time.
_ACCEPTED = (
    f'SELECT 1 FROM "{BaaAcceptance._meta.db_table}" '  # noqa: S608  # a constant
    f"WHERE account_id = %s AND (version = %s AND text_sha256 = %s OR version = %s AND text_sha256 = %s) LIMIT 1"
)


def current() -> Agreement:
    """Return the version that is in force."""
    return _in_force()[-1]


def counting() -> tuple[Agreement, Agreement]:
    """Return the two versions that count now: the one in force, and its predecessor while it still does."""
    known = _in_force()
    newest = known[-1]
    has_grace = len(known) > 1 and timezone.now().date() <= newest.accept_by
    return newest, known[-2] if has_grace else newest


def is_accepted(account: Account) -> bool:
    """Return whether the practice has accepted a text that counts now."""
    owner = Account._meta.pk.get_db_prep_value(account.pk, connection)
    newest, other = counting()
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTED, [owner, newest.version, newest.sha256, other.version, other.sha256])
        return cursor.fetchone() is not None


def acceptance(account: Account) -> BaaAcceptance | None:
    """Return the practice's acceptance of the text in force, the first if there are several."""
    newest = current()
    found = BaaAcceptance.objects.filter(account=account, version=newest.version, text_sha256=newest.sha256)
    return found.order_by("accepted_at").first()


def named(version: str) -> Agreement | None:
    """Return a version by its name."""
    return next((one for one in AGREEMENTS if one.version == version), None)


def accept(
    account: Account, user: User, *, name: str, title: str, ip_address: str = "", user_agent: str = ""
) -> BaaAcceptance:
    """Record that a person accepted the text in force for a practice."""
    newest = current()
    return BaaAcceptance.objects.create(
        account=account,
        version=newest.version,
        text_sha256=newest.sha256,
        user=user,
        signer_name=name,
        signer_title=title,
        has_authority=True,
        ip_address=ip_address or None,
        user_agent=user_agent[:400],
    )


def _in_force() -> tuple[Agreement, ...]:
    """Return the versions that have come into force, the newest last; the first is in force from the beginning."""
    today = timezone.now().date()
    later = [one for one in AGREEMENTS if one.in_force <= today and one != AGREEMENTS[0]]
    return (AGREEMENTS[0], *later)


@cache
def _text(version: str) -> str:
    return (_FOLDER / f"{version}.txt").read_text(encoding="utf-8")


@cache
def _sha256(version: str) -> str:
    return hashlib.sha256(_text(version).encode()).hexdigest()
