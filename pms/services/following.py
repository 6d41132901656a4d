"""The job's part of a write-back: claim what is due, follow it to its end, read the result back, tell a person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import F, Q, QuerySet

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import OPEN_WRITES, Booking, BookingState, Operation, WriteBack, WriteBackState
from pms.providers.read_back import Shown, compare, find_record
from pms.services import appointments, bookings, consequences, gateway, leases, newcomers, notices, write_backs
from pms.services.audit import Asker
from pms.services.gateway import Access
from pms.services.notices import Notice

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 30.0
LEASE = timedelta(seconds=90)
# Nobody makes it any more.
_ENDED = (WriteBackState.FAILED, WriteBackState.PARKED)
_OF_APPOINTMENTS = (Operation.BOOK, Operation.MOVE, Operation.CANCEL, Operation.CONFIRM)
_ASKER = Asker(actor="job:write-backs", endpoint="job:write-backs", method="JOB")


def claim_due(*, clock: Clock, limit: int = 50, silent: Collection[UUID] = frozenset()) -> Iterator[WriteBack]:
    """Yield due write-backs, each leased to this caller, so that no two workers share one or its connection.

    ``silent`` may grow meanwhile: the rows of the connections in it are left for another sweep.
    """
    attempts = F("attempts") + 1
    for pk in leases.taken(_due, clock=clock, limit=limit, lease=LEASE, silent=silent, attempts=attempts):
        yield WriteBack.objects.select_related(
            "account", "after", "booking__account", "booking__appointment_type", "integration__account"
        ).get(pk=pk)


def _due(now: datetime) -> QuerySet[WriteBack]:
    return leases.free(WriteBack.objects.filter(next_attempt_at__lte=now), now)


def follow(*, write_back: WriteBack, clock: Clock) -> bool:
    """Take one write-back one step further and plan the next look; return whether its PMS may be asked on."""
    was, notice, answers = write_back.state, None, True
    try:
        if was == WriteBackState.SENDING:  # its process died while sending, so nobody told the caller
            write_backs.give_up_sending(write_back, now=clock.now())
        if was == WriteBackState.WAITING:
            _send_waiting(write_back, clock)
        elif was != WriteBackState.FAILED:
            with _reading(write_back, clock) as access:
                notice = _step(access, write_back)
    except errors.PmsError as error:
        answers = not leases.is_silence(error)
        log.info("write-back not followed", code=error.code, write_id=str(write_back.pk), attempts=write_back.attempts)
    write_back.refresh_from_db()
    if write_back.state == WriteBackState.FAILED:  # perhaps by a process that died before it told anybody
        _tell_of_failure(write_back)
        write_backs.finish(write_back)
    elif write_back.next_attempt_at is not None:
        write_backs.reschedule(write_back=write_back, now=clock.now())
    notices.send(notice, now=clock.now())  # last: a slow mail server keeps nothing else waiting
    return answers


def postpone(*, write_back: WriteBack, clock: Clock) -> None:
    """Plan the next look at a row that broke its job; it too is parked for a person in the end."""
    write_backs.reschedule(write_back=write_back, now=clock.now())


def release_expired_holds(*, now: datetime) -> int:
    """Free the times that were held too long; return how many."""
    held = Booking.objects.filter(state=BookingState.HELD, hold_expires_at__lte=now)
    return held.update(state=BookingState.EXPIRED)


def _reading(write_back: WriteBack, clock: Clock) -> AbstractContextManager[Access]:
    return gateway.reading(
        integration=write_back.integration,
        asker=_ASKER,
        action="followWriteBack",
        phi=True,
        clock=clock,
        budget=Budget(BUDGET_SECONDS, clock),
        patient_id=write_back.patient_id or None,
        is_live=False,
    )


def _send_waiting(write_back: WriteBack, clock: Clock) -> None:
    """Send a booking whose patient has a record by now; end it if there will be none."""
    after, booking = write_back.after, write_back.booking
    has_record = after is not None and bool(after.record_id)
    if after is None or booking is None or (after.state in _ENDED and not has_record):
        write_backs.fail(write_back, "patient_not_created")
        return
    if not has_record:
        return
    if newcomers.is_handle(booking.patient_id):  # it was held while the record was being made
        consequences.name_patient(after, clock.now())
        booking.refresh_from_db()
        write_back.refresh_from_db()
    with gateway.writing(
        integration=write_back.integration,
        asker=_ASKER,
        action=write_back.operation,
        clock=clock,
        budget=Budget(BUDGET_SECONDS, clock),
        patient_id=booking.patient_id,
        is_live=False,
    ) as access:
        access.summary["booking"] = str(booking.pk)
        appointments.send_waiting(access, write_back, booking, _ASKER)
        access.summary["state"] = write_back.state


def _step(access: Access, write_back: WriteBack) -> Notice | None:
    """Look once; return the notice that the patient is due, unless a later change has made it old news."""
    if write_backs.is_open(write_back):
        write_backs.follow(write_back=write_back, pms=access.pms, now=access.clock.now())
        access.summary["state"] = write_back.state
        _tell_if_made_after_all(write_back)
    elif write_back.state == WriteBackState.DONE and write_back.verified_at is None:
        _tell_if_made_after_all(write_back)  # whoever saw it done may have died before telling
        later = _later_changes(write_back)
        if later.filter(state=WriteBackState.DONE).exists():
            write_backs.finish(write_back)
            return None
        if later.filter(OPEN_WRITES).exists():  # it may be made already
            return None
        _read_back(access, write_back)
    return notices.addressed(access, write_back)


def _tell_if_made_after_all(write_back: WriteBack) -> None:
    """Tell a person of a booking that was to be taken back, was made all the same, and is not being cancelled."""
    if write_back.state != WriteBackState.DONE or write_back.withdrawn_at is None:
        return
    cancelled = WriteBack.objects.filter(
        integration=write_back.integration, operation=Operation.CANCEL, appointment_id=write_back.record_id
    )
    if not cancelled.exists():
        write_backs.tell_staff(write_back, "not_withdrawn")


def _later_changes(write_back: WriteBack) -> QuerySet[WriteBack]:
    """Return the later changes of ours of the same record: what they change need not show this one any more."""
    changes = WriteBack.objects.filter(
        Q(completed_at__isnull=True) | Q(completed_at__gt=write_back.completed_at),
        integration=write_back.integration,
        appointment_id=write_back.record_id,
    )
    if write_back.operation in (Operation.BOOK, Operation.MOVE):  # time and place are shown through a confirmation
        changes = changes.exclude(operation=Operation.CONFIRM)
    return changes if write_back.operation in _OF_APPOINTMENTS else changes.none()


def _read_back(access: Access, write_back: WriteBack) -> None:
    """Compare what the PMS shows with what was written; a copy that lags shows nothing yet, which proves nothing."""
    now = access.clock.now()
    shown = _shown(access, write_back, now)
    access.summary["readback"] = shown.name.lower()
    match shown:
        case Shown.EQUAL:
            write_backs.verify(write_back, now=now)
        case Shown.DIFFERENT | Shown.ABSENT:
            is_absent = shown is Shown.ABSENT
            booking = write_back.booking
            if booking is not None and booking.state == BookingState.CONFIRMED:
                bookings.transition(booking, BookingState.LOST if is_absent else BookingState.MISMATCH)
            write_backs.tell_staff(write_back, "lost" if is_absent else "mismatch")
            write_backs.park(write_back)


def _shown(access: Access, write_back: WriteBack, now: datetime) -> Shown:
    """Return what the PMS shows of a write; one whose id the vendor has not told is looked for by what it says."""
    change, done_at = write_backs.change_of(write_back), write_back.completed_at or now
    others = write_backs.others_of(write_back)
    if not write_back.record_id:
        record_id = find_record(access.pms, change, others)
        if record_id is None:
            return Shown.ABSENT if access.pms.shows(done_at) else Shown.NOT_YET
        write_backs.name_record(write_back, record_id)
    return compare(access.pms, change, record_id=write_back.record_id, done_at=done_at, others=others)


def _tell_of_failure(write_back: WriteBack) -> None:
    """Tell a person that something ended differently from what the caller heard; who took it back knows."""
    if write_back.failure == write_backs.WITHDRAWN:
        return
    write_backs.tell_staff(write_back, "failed")
