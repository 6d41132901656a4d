"""Practices for tests, made from the demo's description."""

from __future__ import annotations

import copy
import json
import uuid
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from auditlog.context import disable_auditlog
from django.conf import settings
from django.utils import timezone

from accounts import baa
from accounts.models import Account, User
from pms.domain.clock import Budget, SystemClock
from pms.domain.records import NewAppointment
from pms.management.commands.seeddemo import LOGIN, PRACTICE, seed
from pms.models import Booking, Call, CredentialKind, Operation, VoiceLine, WriteBack
from pms.services import calls, write_backs
from pms.services.audit import Asker
from pms.tools.context import Face, Request

CALLER = "+12125550147"


def description() -> dict[str, Any]:
    """Return the demo practice's description, to be changed at will."""
    return copy.deepcopy(json.loads(PRACTICE.read_text(encoding="utf-8")))


def seeded(**changes: Any) -> Account:
    """Create and connect the demo practice, without the history of its rows; ``changes`` replace parts of it."""
    with disable_auditlog():
        return seed(description() | changes, password=None)


def agreed(account: Account) -> Account:
    """Have a practice accept the agreement that is in force, and return it."""
    user = User.objects.create_user(f"signer-{uuid.uuid4().hex}@practice.example", name="Petra Signer")
    baa.accept(account, user, name=user.name, title="Owner")
    return account


def owner_is_now(email: str) -> None:
    """Give the demo's owner another address, so that a second practice of the kind can be made."""
    User.objects.filter(email=LOGIN).update(email=email)
    EmailAddress.objects.filter(email=LOGIN).update(email=email)


def live_call(
    account: Account,
    *,
    caller: str = CALLER,
    vapi_call_id: str = "",
    now: datetime | None = None,
    attestation: str = "A",
) -> Call:
    """Return a call in progress on the account's line, whose number the carrier vouches for unless told otherwise."""
    return calls.record(
        account=account,
        line=VoiceLine.objects.filter(account=account).first(),
        vapi_call_id=vapi_call_id or str(uuid.uuid4()),
        caller=caller,
        now=now or timezone.now(),
        attestation=attestation,
    )


def start_of(booking: Booking, new: NewAppointment) -> WriteBack | None:
    """Record that a booking is about to be sent."""
    return write_backs.start(
        integration=booking.integration,
        operation=Operation.BOOK,
        change=new,
        access_id=uuid.uuid4(),
        now=timezone.now(),
        booking=booking,
        patient_id=booking.patient_id,
    )


def voice_request(call: Call, *, tool_call_id: str = "", seconds: float | None = None) -> Request:
    """Return the request of one tool call in ``call``."""
    clock = SystemClock()
    return Request(
        account=call.account,
        kind=CredentialKind.VOICE,
        face=Face.VOICE,
        asker=Asker(actor="voice:test", endpoint="test", method="POST", vapi_call_id=call.vapi_call_id),
        clock=clock,
        budget=Budget(seconds or settings.TOOL_BUDGET_SECONDS, clock),
        call=call,
        tool_call_id=tool_call_id or f"call_{uuid.uuid4().hex}",
    )
