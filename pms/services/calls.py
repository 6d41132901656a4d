"""Phone calls as Parlae knows them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.phone import normalize
from pms.models import Booking, BookingState, Call, VoiceLine
from pms.services import plain

# Vapi ends a call after at most twelve hours; nobody talks to a dentist for two.
LIVE_FOR = timedelta(hours=2)
# Messages follow each other by the second; who looks at calls wants to know the minute.
_SEEN_EVERY = timedelta(minutes=1)


def record(*, account: Account, line: VoiceLine | None, vapi_call_id: str, caller: str, now: datetime) -> Call:
    """Return the account's call, created at its first message; the caller's number comes from the envelope only."""
    call = _seen(account, vapi_call_id, now) or _created(account, line, vapi_call_id, caller, now)
    if call.caller_number is None and _set_caller(call, caller, account.country):
        call.save(update_fields=["caller_number", "caller_digest"])
    call.account = account
    return call


def live(*, account: Account, vapi_call_id: str, now: datetime) -> Call:
    """Return a call that the webhook has seen and that is still going on, or raise ``CallRequired``."""
    call = Call.objects.filter(account=account, vapi_call_id=vapi_call_id).first()
    if call is None or not is_live(call, now):
        raise errors.CallRequired
    call.account = account
    return call


def end(*, account: Account, vapi_call_id: str, reason: str, now: datetime) -> None:
    """Remember that a call is over; its holds, offers and proofs end with it."""
    ended = Call.objects.filter(account=account, vapi_call_id=vapi_call_id, ended_at__isnull=True)
    ended.update(ended_at=now, ended_reason=reason[:200])
    held = Booking.objects.filter(account=account, call__vapi_call_id=vapi_call_id, state=BookingState.HELD)
    held.update(state=BookingState.EXPIRED)


def is_live(call: Call, now: datetime) -> bool:
    """Return whether patient data may still be asked for in this call."""
    return call.ended_at is None and now - call.started_at <= LIVE_FOR


def caller_number(call: Call) -> str:
    """Return the caller's number in E.164, or empty if it was withheld; for comparing it with numbers on file."""
    return str(vault.unseal(call.caller_number, _place(call))) if call.caller_number else ""


def _seen(account: Account, vapi_call_id: str, now: datetime) -> Call | None:
    """Return a call that is known already, and note now and then that it goes on."""
    call = plain.first(Call, account_id=account.pk, vapi_call_id=vapi_call_id)
    if call is not None and now - call.last_seen_at > _SEEN_EVERY:
        call.last_seen_at = now
        call.save(update_fields=["last_seen_at"])
    return call


def _created(account: Account, line: VoiceLine | None, vapi_call_id: str, caller: str, now: datetime) -> Call:
    call = Call(account=account, line=line, vapi_call_id=vapi_call_id, started_at=now, last_seen_at=now)
    _set_caller(call, caller, account.country)
    try:
        with transaction.atomic():
            call.save(force_insert=True)
    except IntegrityError:  # another message of the same call was first
        return Call.objects.get(account=account, vapi_call_id=vapi_call_id)
    return call


def _set_caller(call: Call, caller: str, country: str) -> bool:
    """Seal the number the call came from; return whether there is one. Not every message of a call names it."""
    number = normalize(caller, country)
    if number:
        call.caller_number = vault.seal(number, _place(call))
        call.caller_digest = vault.digest(number, "caller")
    return bool(number)


def _place(call: Call) -> str:
    return f"calls:{call.pk}:caller_number"
