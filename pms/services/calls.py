"""Phone calls as Parlae knows them: who calls, how a call went and ended, and what is kept of it.

Vapi's messages about a call come in any order, twice, late or not at all; what they say is merged, never backwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction

from accounts import baa
from accounts.models import Account
from pms import vault
from pms.domain import cards, errors
from pms.domain.phone import normalize
from pms.models import Booking, BookingState, Call, VoiceLine
from pms.services import outcomes, plain

# Vapi ends a call after at most twelve hours; nobody talks to a dentist for two.
LIVE_FOR = timedelta(hours=2)
# STIR/SHAKEN: the carrier knows whose number it is (A), or at least its customer (B); C is from anywhere.
_VOUCHED_FOR = frozenset("AB")
_DOUBTED = "C"
# Messages follow each other by the second; who looks at calls wants to know the minute.
_SEEN_EVERY = timedelta(minutes=1)
_IN_PROGRESS, _FORWARDING = "in-progress", "forwarding"
# Vapi's words for how far a call is, in their order; no other word is kept.
_NOT_BEGUN = ("scheduled", "queued", "ringing")
_OVER = ("ended", "not-found", "deletion-failed")
_STEPS = {word: step for step, word in enumerate(("", *_NOT_BEGUN, _IN_PROGRESS, _FORWARDING))}
_ORDER = _STEPS | dict.fromkeys(_OVER, len(_STEPS))
_LONGEST_REASON = 200
_MERGED = ("status", "started_at", "ended_at", "ended_reason", "cost", "report", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one message says of a call; what it does not say is empty.

    ``status`` and ``ended_reason`` are Vapi's own words, ``cost`` is in US dollars, ``recording`` a link.
    """

    status: str = ""
    ended_reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost: Decimal | None = None
    transcript: str = field(default="", repr=False)
    summary: str = field(default="", repr=False)
    recording: str = field(default="", repr=False)


def record(
    *,
    account: Account,
    line: VoiceLine | None,
    vapi_call_id: str,
    caller: str,
    now: datetime,
    attestation: str = "",
) -> Call:
    """Return the account's call, created at its first message.

    The caller's number and the carrier's word for it come from the envelope only. The first word counts, and a doubt
    takes it back for good.
    """
    call = _seen(account, vapi_call_id, now) or _created(account, line, vapi_call_id, caller, now, attestation)
    if call.caller_number is None and _set_caller(call, caller, account.country):
        call.save(update_fields=["caller_number", "caller_digest"])
    if attestation and attestation != call.attestation:
        _attest(call, attestation)
    call.account = account
    return call


def note(*, call: Call, progress: Progress, now: datetime) -> bool:
    """Merge what a message says into the account's call; return whether the call has just begun.

    A call that has ended stays so: its holds end with it, and what comes later only completes it. What may be kept of
    what was said is the account's to decide; what was kept before stays.
    """
    with transaction.atomic():
        # Without the key: tool calls go on being claimed meanwhile.
        known = Call.objects.select_for_update(no_key=True).get(pk=call.pk, account_id=call.account_id)
        has_begun = progress.status == _IN_PROGRESS and _ORDER[known.status] < _ORDER[_IN_PROGRESS]
        if has_begun and known.status:  # a call may wait for long before anybody talks
            known.started_at = now
        if progress.status in _OVER:
            known.ended_reason = known.ended_reason or progress.ended_reason[:_LONGEST_REASON]
        known.cost = known.cost if progress.cost is None else progress.cost
        is_forwarding = _FORWARDING in (known.status, progress.status)
        known.status = max(known.status, progress.status, key=lambda word: _ORDER.get(word, -1))
        if known.status in _OVER:
            _end(known, progress, now)
            was_transferred = outcomes.was_transferred(known, is_forwarding=is_forwarding)
            known.outcome = outcomes.of(known, was_transferred=was_transferred)
        _keep(known, call.account, progress)
        known.save(update_fields=_MERGED)
    return has_begun


def live(*, account: Account, vapi_call_id: str, now: datetime) -> Call:
    """Return a call that the webhook has seen and that is still going on, or raise ``CallRequired``."""
    call = Call.objects.filter(account=account, vapi_call_id=vapi_call_id).first()
    if call is None or not is_live(call, now):
        raise errors.CallRequired
    call.account = account
    return call


def is_live(call: Call, now: datetime) -> bool:
    """Return whether patient data may still be asked for in this call."""
    return call.ended_at is None and now - call.started_at <= LIVE_FOR


def report(call: Call) -> dict[str, str]:
    """Return what was kept of a call (``transcript``, ``summary``, ``recording``), for the people at the practice."""
    opened: dict[str, str] = vault.unseal(call.report, _place(call, "report")) if call.report else {}
    return opened


def caller_number(call: Call) -> str:
    """Return the caller's number in E.164, or empty if it was withheld; for comparing it with numbers on file."""
    return str(vault.unseal(call.caller_number, _place(call, "caller_number"))) if call.caller_number else ""


def proven_number(call: Call) -> str:
    """Return the caller's number if it counts as proof of who calls, else empty.

    A number can be forged: it counts if the carrier vouches for it or, where none does, if the practice says so.
    """
    is_vouched_for = call.attestation in _VOUCHED_FOR
    is_trusted = not call.attestation and call.account.trusts_caller_number
    return caller_number(call) if is_vouched_for or is_trusted else ""


def _seen(account: Account, vapi_call_id: str, now: datetime) -> Call | None:
    """Return a call that is known already, and note now and then that it goes on."""
    call = plain.first(Call, account_id=account.pk, vapi_call_id=vapi_call_id)
    if call is not None and now - call.last_seen_at > _SEEN_EVERY:
        call.last_seen_at = now
        call.save(update_fields=["last_seen_at"])
    return call


def _created(
    account: Account, line: VoiceLine | None, vapi_call_id: str, caller: str, now: datetime, attestation: str
) -> Call:
    call = Call(account=account, line=line, vapi_call_id=vapi_call_id, started_at=now, last_seen_at=now)
    call.attestation = attestation
    _set_caller(call, caller, account.country)
    try:
        with transaction.atomic():
            call.save(force_insert=True)
    except IntegrityError:  # another message of the same call was first
        return Call.objects.get(account=account, vapi_call_id=vapi_call_id)
    return call


def _attest(call: Call, attestation: str) -> None:
    """Note the carrier's word if it is the first one or a doubt, whatever another message brings at this moment."""
    mine = Call.objects.filter(pk=call.pk)
    (mine if attestation == _DOUBTED else mine.filter(attestation="")).update(attestation=attestation)
    call.refresh_from_db(fields=["attestation"])


def _end(call: Call, progress: Progress, now: datetime) -> None:
    """Set when the call was; the times of a report are exact, those of messages are when they came."""
    call.started_at = progress.started_at or call.started_at
    call.ended_at = progress.ended_at or call.ended_at or now
    call.started_at = min(call.started_at, call.ended_at)
    Booking.objects.filter(call=call, state=BookingState.HELD).update(state=BookingState.EXPIRED)


def _keep(call: Call, account: Account, progress: Progress) -> None:
    """Seal what the account lets us keep beside what was kept before; a card number that was said is not kept.

    Nothing is kept for a practice that has not accepted the agreement.
    """
    if not baa.is_accepted(account):
        return
    told: dict[str, str] = {}
    if account.keeps_transcripts:
        told["transcript"] = cards.without_card_numbers(progress.transcript)
        told["summary"] = cards.without_card_numbers(progress.summary)
    if account.keeps_recordings:
        told["recording"] = progress.recording
    new = {name: text for name, text in told.items() if text}
    if not new:
        return
    try:
        kept = report(call)
    except vault.CannotOpen:  # its key was retired
        kept = {}
    call.report = vault.seal({**kept, **new}, _place(call, "report"))


def _set_caller(call: Call, caller: str, country: str) -> bool:
    """Seal the number the call came from; return whether there is one. Not every message of a call names it."""
    number = normalize(caller, country)
    if number:
        call.caller_number = vault.seal(number, _place(call, "caller_number"))
        call.caller_digest = vault.digest(number, "caller")
    return bool(number)


def _place(call: Call, column: str) -> str:
    return f"calls:{call.pk}:{column}"
