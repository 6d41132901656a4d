"""What people want to have set up at Vapi for a line. It is only queued here: ``provisioning_work`` does it.

Whoever calls these wakes the worker afterwards (``pms.jobs.queue.wake("provision")``).
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.phone import normalize
from pms.models import Provisioning, ProvisioningState, VoiceLine
from pms.services import credentials, lines
from pms.services.audit import Asker
from pms.vapi.provisioning_wanted import SigningSecret

_AREA = re.compile(r"[2-9]\d{2}")
_VAPI_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def is_configured() -> bool:
    """Return whether there is a key for Vapi at all; without one, ``provisioning_manual`` says what to click."""
    return bool(settings.VAPI_API_KEY)


def want(*, line: VoiceLine, now: datetime) -> Provisioning:
    """Have a line set up, or brought up to date, as soon as a worker can; a line out of use is taken down."""
    row, _ = Provisioning.objects.get_or_create(line=line)
    _queue(Provisioning.objects.filter(pk=row.pk), now)
    row.refresh_from_db()
    return row


def want_all(*, account: Account, now: datetime) -> list[Provisioning]:
    """Do so for every line of a practice in use."""
    return [want(line=line, now=now) for line in account.voice_lines.filter(is_active=True).order_by("created_at")]


def want_again(*, account_id: uuid.UUID, now: datetime) -> int:
    """Do so for the lines of a practice that were set up before; return how many there are."""
    return _queue(Provisioning.objects.filter(line__account=account_id, line__is_active=True), now)


def want_new_number(*, line: VoiceLine, area_code: str, now: datetime) -> Provisioning:
    """Have a number bought for a line. Raises ``Invalid`` with the fields."""
    if not _AREA.fullmatch(area_code.strip()):
        raise errors.Invalid(fields={"areaCode": "Three digits, such as 212."})
    return _wish(line, {"areaCode": area_code.strip()}, now)


def want_existing_number(*, line: VoiceLine, number: str, now: datetime, takes_over: bool = False) -> Provisioning:
    """Have a number that is at Vapi given to a line: by its id there, or the number itself.

    ``takes_over`` says that a person has confirmed it, where the number leads to something else. Raises ``Invalid``.
    """
    written = number.strip()
    known = normalize(written, line.account.country) or (written if _VAPI_ID.fullmatch(written) else "")
    if not known:
        raise errors.Invalid(fields={"number": "Not a phone number, such as +12125550100, and not an id of Vapi's."})
    taken = VoiceLine.objects.filter(Q(vapi_phone_number_id=known) | Q(phone_number=known)).exclude(pk=line.pk)
    if taken.exclude(account=line.account_id, is_active=False).exists():
        raise errors.Invalid(fields={"number": "Another line has this number."})
    return _wish(line, {"number": known, "takesOver": takes_over}, now)


def give_credential_id(*, line: VoiceLine, credential_id: str, now: datetime) -> Provisioning:
    """Take the id of a credential that a person has made at Vapi with the line's secret in it. Raises ``Invalid``."""
    credential_id = credential_id.strip()
    if not _VAPI_ID.fullmatch(credential_id):
        raise errors.Invalid(fields={"credential_id": "Not an id of Vapi's."})
    Provisioning.objects.get_or_create(line=line)
    Provisioning.objects.filter(line=line).update(
        vapi_credential_id=credential_id,
        credential_digest=signing_secret(line, now).digest,
        needs_credential_id=False,
    )
    return want(line=line, now=now)


def end_rotation(*, line: VoiceLine, asker: Asker, now: datetime) -> None:
    """Drop the older secret of a line's credential, once Vapi signs with the newer one. Raises ``Invalid``."""
    row = Provisioning.objects.filter(line=line).first()
    if row is not None and row.vapi_credential_id and row.credential_digest != signing_secret(line, now).digest:
        raise errors.Invalid("Vapi does not sign with the newer secret yet; let the line be set up first.")
    credential = lines.deciding_credential(line=line, now=now)
    if credential is not None:
        credentials.end_rotation(credential=credential, asker=asker)


def signing_secret(line: VoiceLine, now: datetime) -> SigningSecret:
    """Return the secret that Vapi is to sign a line's messages with: the newest. Raises ``Invalid`` without any."""
    credential = lines.deciding_credential(line=line, now=now)
    known = credentials.reveal(credential) if credential is not None else []
    if credential is None or not known:
        raise errors.Invalid("The line has no live credential.")
    scheme = credential.schemes[0]
    return SigningSecret(scheme, known[0], vault.digest(f"{scheme}:{known[0]}", "vapi-credential"))


def _queue(rows: QuerySet[Provisioning], now: datetime) -> int:
    """Have rows done now. A worker that is at one of them sees at its end that more is wanted since."""
    return rows.update(state=ProvisioningState.QUEUED, error_code="", wanted_at=now, next_attempt_at=now, attempts=0)


def _wish(line: VoiceLine, wish: dict[str, Any], now: datetime) -> Provisioning:
    if line.vapi_phone_number_id:
        raise errors.Invalid("The line has a number already.")
    Provisioning.objects.get_or_create(line=line)
    Provisioning.objects.filter(line=line).update(number_wish=wish)
    return want(line=line, now=now)
