"""The proof that whoever connects an office reaches the practice: a code, sent to its own mailbox.

Where the platform's keys open every office that has authorised it, an office's number alone would open it for whoever
types it first. The address is the one that the vendor has on file. A code counts for one account and one practice, half
an hour, five tries; only its keyed digest is kept. The mail leaves outside of every transaction, in the worker.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils.crypto import constant_time_compare

from accounts.models import Account, User
from pms import vault
from pms.domain import errors
from pms.domain.clock import Clock
from pms.models import OfficeProof, PmsIntegration
from pms.services import audit, integrations, limits, notices, stand_in
from pms.services.audit import Asker

log = structlog.get_logger(__name__)

VALID_FOR = timedelta(minutes=30)
TRIES = 5
_DIGITS = 8
# What people call themselves may hold words and addresses of pages; the practice is shown plain addresses only.
_PLAIN = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}")

SUBJECT = "Your code for connecting to Parlae"
# Who asks, the code, minutes.
_BODY = """{who} wants to connect this practice to Parlae, a phone agent for dental practices.

If you know of it, give them this code:

    {code}

It works for {minutes} minutes. With it, they get at this practice's schedule and patients through Parlae.

If you do not know of it, give the code to nobody. You need to do nothing else.
"""
_ANOTHER = "Test the connection again, and another one is sent."
_NONE = f"There is no code that counts. {_ANOTHER}"
_USED_UP = f"There are no tries left for this code. {_ANOTHER}"


def require(*, integration: PmsIntegration, practice_digest: str, address: str) -> None:
    """Raise ``OfficeUnproven``, with ``address`` from the vendor's file, unless the account may open the practice.

    It may with keys of its own, at the stand-in, where nobody's data is, and where it was connected before or has
    proven that it reaches the practice.
    """
    account_id = integration.account_id
    if stand_in.is_sandbox(integration) or integrations.has_own_keys(integration=integration):
        return
    if PmsIntegration.objects.filter(account_id=account_id, practice_digest=practice_digest).exists():
        return
    if not is_proven(account_id=account_id, practice_digest=practice_digest):
        raise errors.OfficeUnproven(address=address, practice_digest=practice_digest)


def is_proven(*, account_id: UUID, practice_digest: str) -> bool:
    """Return whether somebody of the account has typed a code from the practice's mailbox."""
    proofs = OfficeProof.objects.filter(account_id=account_id, practice_digest=practice_digest)
    return proofs.filter(proven_at__isnull=False).exists()


def send(*, account: Account, unproven: errors.OfficeUnproven, user: User | None, asker: Asker, clock: Clock) -> None:
    """Send a code to the practice's mailbox, unless the one that was sent there still counts.

    Raises ``OfficeWithoutMail``, ``OfficeCodesUsedUp``, and ``OfficeMailFailed`` if it did not leave. To be called
    outside of every transaction.
    """
    address, now = notices.usable(unproven.address), clock.now()
    if not address:
        raise errors.OfficeWithoutMail
    proof, _ = OfficeProof.objects.get_or_create(account=account, practice_digest=unproven.practice_digest)
    mine = OfficeProof.objects.filter(pk=proof.pk)
    mine.update(asked_at=now)
    if not _over(proof, now) and proof.sent_to == masked(address):
        return
    _require_few(proof)
    _record("office.code_sent", proof, asker)
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
    digest = _digest(proof, code)
    # By what was read: of two workers one sends.
    if mine.filter(code_digest=proof.code_digest, sent_at=proof.sent_at).update(
        code_digest=digest, sent_to=masked(address), sent_at=now, attempts=0
    ):
        try:
            _mail(address, code, user)
        except errors.OfficeMailFailed:
            mine.filter(code_digest=digest).update(code_digest="")
            raise


def prove(*, account: Account, code: str, user: User, asker: Asker, clock: Clock) -> None:
    """Take a code that a person has typed; the account may connect the practice that it was sent to.

    Raises ``Invalid``, in the person's words, for a wrong code and where none counts any more. A try is counted before
    it is compared, so that many at once are not more than five.
    """
    now = clock.now()
    proof = OfficeProof.objects.filter(account=account, asked_at__isnull=False).order_by("-asked_at").first()
    if proof is None or (over := _over(proof, now)):
        raise errors.Invalid(over if proof else f"No code was sent yet. {_ANOTHER}")
    same = OfficeProof.objects.filter(pk=proof.pk, code_digest=proof.code_digest)
    if not same.filter(attempts__lt=TRIES).update(attempts=F("attempts") + 1):
        raise errors.Invalid(_USED_UP)
    if not constant_time_compare(proof.code_digest, _digest(proof, "".join(code.split()))):
        raise _wrong(proof, asker)
    _record("office.proven", proof, asker)
    if not same.update(code_digest="", proven_at=now, proven_by=user):
        raise errors.Invalid(_NONE)


def sent_to(*, account: Account) -> str:
    """Return the masked address that the account's last code was sent to, empty if there is none."""
    asked = OfficeProof.objects.filter(account=account, asked_at__isnull=False).order_by("-asked_at")
    return asked.values_list("sent_to", flat=True).first() or ""


def masked(address: str) -> str:
    """Return an address as people who know it recognise it: ``f•••@birch.example``."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def _over(proof: OfficeProof, now: datetime) -> str:
    """Return why the last code does not count any more, empty if it does."""
    if proof.attempts >= TRIES:
        return _USED_UP
    if not proof.code_digest or proof.sent_at is None:
        return _NONE
    if now - proof.sent_at >= VALID_FOR:
        return f"The code has expired. {_ANOTHER}"
    return ""


def _wrong(proof: OfficeProof, asker: Asker) -> errors.Invalid:
    proof.refresh_from_db(fields=["attempts"])
    _record("office.code_wrong", proof, asker, attempts=proof.attempts)
    left = TRIES - proof.attempts
    if left <= 0:
        return errors.Invalid(f"That is not the code from the mail. {_USED_UP}")
    return errors.Invalid(f"That is not the code from the mail. {left} {'try is' if left == 1 else 'tries are'} left.")


def _require_few(proof: OfficeProof) -> None:
    try:
        limits.check(limit="office_codes", key=str(proof.account_id))
        limits.check(limit="office_mailbox", key=proof.practice_digest)
    except errors.RateLimited:
        raise errors.OfficeCodesUsedUp from None


def _mail(address: str, code: str, user: User | None) -> None:
    body = _BODY.format(who=_who(user), code=code, minutes=int(VALID_FOR.total_seconds() // 60))
    message = EmailMessage(SUBJECT, body, to=[address], headers={"Auto-Submitted": "auto-generated"})
    try:
        done = notices.has_channel() and message.send() == 1
    except Exception as error:  # a mail server's refusal repeats the address; the log has its class and frames only
        log.error("office code not sent", code="mail_failed", exc_info=error)
        done = False
    if not done:
        raise errors.OfficeMailFailed


def _who(user: User | None) -> str:
    if user is None or not _PLAIN.fullmatch(user.email):
        return "Somebody who signs in to Parlae"
    return f"Somebody who signs in to Parlae as {user.email}"


def _digest(proof: OfficeProof, code: str) -> str:
    return vault.digest(f"{proof.account_id}:{proof.practice_digest}:{code}", "office_code")


def _record(kind: str, proof: OfficeProof, asker: Asker, **detail: int) -> None:
    audit.record_event_by(asker, kind, account_id=proof.account_id, detail={"proof": str(proof.pk), **detail})
