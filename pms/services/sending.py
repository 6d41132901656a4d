"""Sending one change once, and following it for as long as a caller can wait."""

from __future__ import annotations

import itertools

import structlog
from django.db import Error

from pms.domain import errors
from pms.domain.records import (
    Change,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    PatientUpdate,
    StatusChange,
)
from pms.models import Operation, WriteBack, WriteBackState
from pms.providers.base import Done, Pending, PmsService
from pms.services import health, integrations, write_backs
from pms.services.audit import Asker
from pms.services.gateway import Access

log = structlog.get_logger(__name__)

WAIT_FOR_WRITE_SECONDS = 4.0
# What must be left of the budget: to send a write and hear of it, and after waiting, to write the outcome and answer.
LEAST_TO_SEND_SECONDS = 1.5
_RESERVE_SECONDS = 0.5
_POLL_SECONDS = (0.4, 0.6, 1.0)


def carry_out(access: Access, write_back: WriteBack, change: Change, asker: Asker) -> None:
    """Send ``change`` and settle its write-back; what the caller may hear is in the write-back's state afterwards.

    Raises what the PMS said if the change was certainly not made (a task tells staff, but for ``SlotTaken``), and
    ``OutcomeUnknown`` if it may have been.
    """
    try:
        _send(access, write_back, change)
        _wait(access, write_back, asker)
    except errors.ParlaeError:
        raise
    except Exception as error:  # by now the PMS may have it, so nothing else would be true
        log.error("change broke after it was sent", write_id=str(write_back.pk), exc_info=error)
        if write_back.state == WriteBackState.SENDING:
            write_backs.lose_reference(write_back)
        write_backs.tell_staff(write_back, errors.OutcomeUnknown.code)
        raise errors.OutcomeUnknown from error
    finally:
        if write_back.state == WriteBackState.FAILED and write_back.after_id is None:
            write_backs.finish(write_back)  # whoever waits hears of it


def is_requested_instead(write_back: WriteBack, error: errors.PmsError) -> bool:
    """Return whether a caller's booking becomes a request because the office's computer is offline."""
    is_callers = write_back.booking is not None and write_back.booking.call_id is not None
    return isinstance(error, errors.OfficeOffline) and is_callers and write_back.operation == Operation.BOOK


def require_time(access: Access) -> None:
    """Raise ``NoTimeToSend`` if too little is left to send a change and hear of it."""
    if access.budget.left() < LEAST_TO_SEND_SECONDS:
        raise errors.NoTimeToSend


def _send(access: Access, write_back: WriteBack, change: Change) -> None:
    try:
        with write_backs.certainly_not_made(write_back):
            outcome = _perform(access.pms, change)
    except errors.SlotTaken:
        raise
    except errors.PmsError as error:
        if isinstance(error, errors.OfficeOffline):
            health.note_offline(access.integration, access.clock.now())
        if write_back.state != WriteBackState.WAITING and not is_requested_instead(write_back, error):
            write_backs.tell_staff(write_back, error.code)
        raise
    write_backs.settle(write_back=write_back, outcome=outcome, now=access.clock.now())
    _note_reached(access)


def _note_reached(access: Access) -> None:
    """Remember that the office's computer is there; what was sent was sent, whether that can be kept or not."""
    try:
        health.note_reached(access.integration, access.clock.now())
    except (errors.Internal, Error) as error:
        log.error("office not noted", exception=type(error).__name__, integration_id=str(access.integration.pk))


def _perform(pms: PmsService, change: Change) -> Done | Pending:
    match change:
        case NewAppointment():
            return pms.book_appointment(change)
        case MovedAppointment():
            return pms.move_appointment(change)
        case StatusChange():
            return pms.change_status(change)
        case NewPatient():
            return pms.create_patient(change)
        case PatientUpdate():
            return pms.update_patient(change)
        case NewNote():
            return pms.add_note(change)
        case NewInsurance():
            return pms.add_insurance(change)
        case NewPayment():
            return pms.post_payment(change)


def _wait(access: Access, write_back: WriteBack, asker: Asker) -> None:
    """Follow a pending write-back for as long as a caller can wait; what is not known by then stays pending."""
    deadline = access.clock.monotonic() + WAIT_FOR_WRITE_SECONDS
    pauses = itertools.chain(_POLL_SECONDS, itertools.repeat(_POLL_SECONDS[-1]))
    while write_backs.is_open(write_back):
        pause = next(pauses)
        left = min(deadline - access.clock.monotonic(), access.budget.left() - _RESERVE_SECONDS)
        if left < pause:
            return
        access.clock.sleep(pause)
        try:
            write_backs.follow(write_back=write_back, pms=access.pms, now=access.clock.now())
        except errors.PmsError as error:  # not known now; the follow-up job asks again
            log.info("write-back not followed", code=error.code, write_id=str(write_back.pk))
            integrations.note_failure(integration=access.integration, error=error, asker=asker)
            return
        except Exception as error:  # the state stays as it was, and so do the words
            log.error("following broke", write_id=str(write_back.pk), exc_info=error)
            return
