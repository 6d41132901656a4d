"""E-mail to patients about their appointments, with nothing of the patient in it.

A message has the practice's name as the account has it, a sentence and our confirmation number; not who, with whom,
what for or when. It goes to the address that the practice's system has on file, never to one that came with a request,
and only about a change that the vendor has called done.

At most once: whoever sends says so in the write-back's row before, by compare-and-set, and nobody tries again what
could not be sent. A mail server that did not answer may have taken it, and two messages would look like two changes.
The row is the state of it: ``notifies`` alone says that a message is to be sent, ``notified_at`` alone that sending has
begun (and has not ended well), both that it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email

from accounts.models import Account
from pms.domain import errors, speech
from pms.models import Booking, BookingState, Call, Operation, WriteBack, WriteBackState
from pms.services import sending
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

# Later it would be taken for news that it is not.
FRESH_FOR = timedelta(hours=24)
_SAID = {Operation.BOOK: "booked", Operation.MOVE: "moved", Operation.CANCEL: "cancelled"}
# They send nothing to anybody; one of them prints the address where logs are collected.
_NO_CHANNEL = frozenset(f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy"))
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about one write-back, ready to be sent."""

    write_id: UUID
    address: str = field(repr=False)
    subject: str
    body: str


def is_wished(*, account: Account, asked: bool | None, call: Call | None) -> bool:
    """Return whether a patient is to be told of a change: if the practice allows it, and somebody asks for it.

    ``asked`` is ``None`` where nobody could say, and in a call that means yes: the caller may not be the patient. Of a
    test call nobody is told.
    """
    if call is not None and call.is_test:
        return False
    return account.sends_confirmations and (call is not None if asked is None else asked)


def at_once(access: Access, write_back: WriteBack, call: Call | None) -> Notice | None:
    """Return the notice to be sent while somebody waits; otherwise the job that follows the write-back sends it.

    In a call it always does: nobody on the phone waits for a mail server. Never raises.
    """
    if call is not None or access.budget.left() < sending.LEAST_TO_SEND_SECONDS + settings.EMAIL_TIMEOUT:
        return None
    return addressed(access, write_back)


def addressed(access: Access, write_back: WriteBack) -> Notice | None:
    """Return the notice that a write-back is due, with the address that is on file; ``None`` if there is none now.

    Whose file has no address that can be used is told nothing. Never raises: what was done is done, and the job looks
    again.
    """
    if not _is_due(access, write_back):
        return None
    try:
        address = usable(access.pms.get_patient(write_back.patient_id).email)
        access.summary["notice"] = "addressed" if address else "no_address"
        if address:
            return _composed(write_back, access.integration.account, address)
        WriteBack.objects.filter(pk=write_back.pk, notified_at__isnull=True).update(notifies=False)
    except errors.ParlaeError as error:
        log.info("notice not addressed", code=error.code, write_id=str(write_back.pk))
    except Exception as error:
        log.error("notice not addressed", write_id=str(write_back.pk), exc_info=error)
    return None


def send(notice: Notice | None, *, now: datetime) -> None:
    """Send a notice, if there is one and nobody else has begun to. Outside of any access and transaction.

    Never raises: the change is done, whatever becomes of the message about it.
    """
    if notice is None:
        return
    message = EmailMessage(
        notice.subject, notice.body, to=[notice.address], headers={"Auto-Submitted": "auto-generated"}
    )
    row = WriteBack.objects.filter(pk=notice.write_id)
    try:
        mine = row.filter(state=WriteBackState.DONE, notifies=True, notified_at__isnull=True)
        if mine.update(notifies=False, notified_at=now) == 1 and message.send() == 1:
            row.update(notifies=True)
    except Exception as error:  # a mail server's refusal repeats the address; the log has its class and frames only
        log.error("notice not sent", code="mail_failed", write_id=str(notice.write_id), exc_info=error)


def was_sent(write_back: WriteBack | None) -> bool:
    """Return whether the notice of a write-back has been taken by the mail server, as its row says now."""
    if write_back is None:
        return False
    write_back.refresh_from_db(fields=["notifies", "notified_at"])
    return write_back.notifies and write_back.notified_at is not None


def has_channel() -> bool:
    """Return whether what is sent by mail goes to anybody at all."""
    return settings.EMAIL_BACKEND not in _NO_CHANNEL


def usable(on_file: str) -> str:
    """Return the one plain e-mail address that a PMS has on file, empty if it has something else there."""
    address = on_file.strip()
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return "" if '"' in address or len(address) > _LONGEST_ADDRESS else address


def _is_due(access: Access, write_back: WriteBack) -> bool:
    """Return whether a notice is to be sent that nobody has begun to send: of what is done, wanted still, and new."""
    is_wanted = write_back.notifies and write_back.notified_at is None and write_back.withdrawn_at is None
    return (
        is_wanted
        and write_back.state == WriteBackState.DONE
        and write_back.completed_at is not None
        and access.clock.now() - write_back.completed_at < FRESH_FOR
        and write_back.operation in _SAID
        and access.integration.account.sends_confirmations
        and has_channel()
    )


def _composed(write_back: WriteBack, account: Account, address: str) -> Notice:
    practice = speech.flatten(account.name)  # on one line: it stands in a header
    booking = _booking_of(write_back)
    number = f"Confirmation number: {booking.confirmation_number}\n" if booking is not None else ""
    return Notice(
        write_id=write_back.pk,
        address=address,
        subject=f"Your appointment at {practice}",
        body=(
            f"{practice}\n\n"
            f"An appointment of yours has been {_SAID[Operation(write_back.operation)]}.\n{number}\n"
            "If you did not ask for this, please call the practice.\n"
        ),
    )


def _booking_of(write_back: WriteBack) -> Booking | None:
    """Return our booking of the appointment, ``None`` for one that was made at the desk."""
    if write_back.booking is not None:
        return write_back.booking
    of_it = Booking.objects.filter(
        integration_id=write_back.integration_id, pms_appointment_id=write_back.appointment_id
    )
    return of_it.exclude(state=BookingState.RESCHEDULED).order_by("-created_at").first()
