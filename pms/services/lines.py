"""Voice lines: made, given their numbers and their assistant at Vapi, and taken out of use."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Clock
from pms.domain.phone import normalize
from pms.models import Credential, VoiceLine
from pms.services import audit, credentials
from pms.services.audit import Asker

_MAX_LABEL = 80
_VAPI_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TAKEN = "Another line has it already."


def create_line(*, account: Account, label: str, asker: Asker, clock: Clock) -> VoiceLine:
    """Make a line without assistant and number, and the credential that its requests are signed with.

    Raises ``Invalid`` with the fields.
    """
    label = label.strip()
    if not 0 < len(label) <= _MAX_LABEL:
        raise errors.Invalid(fields={"label": f"Give it a name of up to {_MAX_LABEL} letters."})
    line = VoiceLine(account=account, label=label)
    _record("line.created", line, asker)
    line.save(force_insert=True)
    ensure_credential(line=line, asker=asker, now=clock.now())
    return line


def ensure_credential(*, line: VoiceLine, asker: Asker, now: datetime) -> None:
    """Give a line a credential of its own, unless something opens it already, or has."""
    if not credentials.deciding_for(line):
        credentials.create_voice(account=line.account, line=line, label="Vapi", asker=asker, now=now)


def deciding_credential(*, line: VoiceLine, now: datetime) -> Credential | None:
    """Return the live credential that a line's requests are to be signed with; ``None`` if it has none."""
    return next((one for one in credentials.deciding_for(line) if credentials.is_live(one, now)), None)


def attach_number(*, line: VoiceLine, phone_number_id: str, number: str, asker: Asker) -> None:
    """Give a line its number: Vapi's id of it, and the number itself, which Vapi may not know yet (empty).

    A line of the same practice that is out of use gives its number up. Raises ``Invalid`` with the fields.
    """
    e164 = normalize(number, line.account.country) if number else None
    if number and e164 is None:
        raise errors.Invalid(fields={"number": "Not a phone number, such as +12125550100."})
    _refuse_unless_id("phone_number_id", phone_number_id)
    _release(line, vapi_phone_number_id=phone_number_id, phone_number=e164)
    _store(line, vapi_phone_number_id=phone_number_id, phone_number=e164)
    _record("line.number_attached", line, asker)


def attach_assistant(*, line: VoiceLine, assistant_id: str, asker: Asker) -> None:
    """Give a line its assistant, by Vapi's id. Raises ``Invalid`` with the fields."""
    _refuse_unless_id("assistant_id", assistant_id)
    _release(line, vapi_assistant_id=assistant_id)
    _store(line, vapi_assistant_id=assistant_id)
    _record("line.assistant_attached", line, asker)


def detach_assistant(*, line: VoiceLine, asker: Asker) -> None:
    """Take a line's assistant away, so that it gets one of its own."""
    _store(line, vapi_assistant_id=None)
    _record("line.assistant_detached", line, asker)


def deactivate(*, line: VoiceLine, asker: Asker) -> None:
    """Take a line out of use: whatever still comes over it is not known any more. A second time changes nothing."""
    if VoiceLine.objects.filter(pk=line.pk, is_active=True).update(is_active=False):
        _record("line.deactivated", line, asker)
    line.refresh_from_db()


def _refuse_unless_id(field: str, value: str) -> None:
    if not _VAPI_ID.fullmatch(value):
        raise errors.Invalid(fields={field: "Not an id of Vapi's."})


def _release(line: VoiceLine, **identifiers: str | None) -> None:
    """Take identifiers from lines of the same practice that are out of use."""
    retired = VoiceLine.objects.filter(account=line.account_id, is_active=False).exclude(pk=line.pk)
    for name, value in identifiers.items():
        if value:
            retired.filter(**{name: value}).update(**{name: None})


def _store(line: VoiceLine, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(line, name, value)
    try:
        with transaction.atomic():
            line.save(update_fields=list(changes))
    except IntegrityError:
        line.refresh_from_db()
        raise errors.Invalid(_TAKEN, fields=dict.fromkeys(changes, _TAKEN)) from None


def _record(kind: str, line: VoiceLine, asker: Asker) -> None:
    audit.record_event_by(asker, kind, account_id=line.account_id, detail={"line": str(line.pk)})
