"""Changes on their way into a PMS: recorded before the wire, followed to their end, settled once.

``settle`` is the only place where what a vendor said becomes the state of a write-back and of the booking it belongs
to; the request that made the change and the job that follows it both come through here, and whoever is second changes
nothing. What a kind of change brings along with its end is in ``services.consequences``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction

from pms import vault
from pms.domain import errors
from pms.domain.records import Change, MovedAppointment, NewAppointment, NewPatient, StatusChange
from pms.models import Booking, BookingState, Call, Operation, PmsIntegration, WriteBack, WriteBackState
from pms.providers.base import Done, Failed, Pending, PmsService, WriteOutcome
from pms.providers.read_back import Shown, compare, find_record
from pms.services import bookings, consequences, payloads, tasks, wanted

log = structlog.get_logger(__name__)

# While a request may still be at work on a write-back, no job touches it.
REQUEST_GRACE = timedelta(seconds=60)
FOLLOW_FOR = timedelta(hours=24)
# A vendor's copy that has not shown a change within a day is still compared with it once a day, for a month.
_LATE_INTERVAL, _COMPARE_FOR = timedelta(days=1), timedelta(days=30)
# How long staff are not told of a write that has no end, unless the appointment is nearer.
_PATIENCE = timedelta(hours=2)
# Why a write-back failed that somebody has taken back.
WITHDRAWN = "withdrawn"
_FIRST_INTERVAL = timedelta(seconds=15)
_LONGEST_INTERVAL = timedelta(minutes=15)
_LONGEST_REFUSAL = 500
_OPEN = (WriteBackState.SENDING, WriteBackState.PENDING, WriteBackState.UNKNOWN)
_NOUNS = {
    Operation.BOOK: "booking",
    Operation.MOVE: "move",
    Operation.CANCEL: "cancellation",
    Operation.CONFIRM: "confirmation",
    Operation.CREATE_PATIENT: "new_patient",
    Operation.UPDATE_PATIENT: "patient_update",
    Operation.ADD_NOTE: "note",
    Operation.ADD_INSURANCE: "insurance",
    Operation.POST_PAYMENT: "payment",
}
_OF_APPOINTMENTS = (NewAppointment, MovedAppointment, StatusChange)
# What adds to a patient's record is done when the vendor says so: nobody needs an id of it to go on.
_NEEDS_NO_ID = frozenset(
    {Operation.UPDATE_PATIENT, Operation.ADD_NOTE, Operation.ADD_INSURANCE, Operation.POST_PAYMENT}
)


def start(
    *,
    integration: PmsIntegration,
    operation: Operation,
    change: Change,
    access_id: uuid.UUID,
    now: datetime,
    booking: Booking | None = None,
    call: Call | None = None,
    patient_id: str = "",
    appointment_id: str = "",
    subject_digest: str = "",
    request_key: str = "",
    after: WriteBack | None = None,
    notifies: bool = False,
) -> WriteBack | None:
    """Record that a change is about to be sent, or with ``after`` that it waits for a patient.

    ``notifies`` says that the patient is to be told by e-mail once it is done (``services.notices``).
    Returns ``None`` if the booking's hold was lost meanwhile, if another change of the same appointment, or of the
    same new patient, is under way, if ``request_key`` was used before, or if the appointment was cancelled, or moved in
    the same way, while this change was prepared.
    """
    pk = uuid.uuid4()
    try:
        with transaction.atomic():
            if booking is not None and not bookings.transition(booking, BookingState.PENDING):
                return None
            write_back = WriteBack.objects.create(
                id=pk,
                account_id=integration.account_id,
                integration=integration,
                booking=booking,
                call=call,
                after=after,
                operation=operation,
                state=WriteBackState.WAITING if after else WriteBackState.SENDING,
                patient_id=patient_id,
                appointment_id=appointment_id,
                subject_digest=subject_digest,
                request_key=request_key,
                notifies=notifies,
                payload=vault.seal(payloads.dumped(change), _place(pk)),
                access_id=access_id,
                sent_at=now,
                next_attempt_at=now + (_FIRST_INTERVAL if after else REQUEST_GRACE),
            )
            if not _is_overtaken(write_back, change):
                return write_back
            transaction.set_rollback(True)
    except IntegrityError:
        pass
    if booking is not None:
        booking.refresh_from_db()
    return None


def resume(*, write_back: WriteBack, change: Change, access_id: uuid.UUID, now: datetime) -> bool:
    """Record that a change that has waited is about to be sent; return whether this caller may send it."""
    waiting = WriteBack.objects.filter(pk=write_back.pk, state=WriteBackState.WAITING)
    sealed = vault.seal(payloads.dumped(change), _place(write_back.pk))
    is_mine = (
        waiting.update(state=WriteBackState.SENDING, payload=sealed, access_id=access_id, sent_at=now, attempts=0) == 1
    )
    write_back.refresh_from_db()
    return is_mine


@contextmanager
def certainly_not_made(write_back: WriteBack) -> Iterator[None]:
    """Settle the write-back as failed when an error says that nothing was changed, as unknown when it may have been.

    An error that nobody expected says nothing about the wire, so it becomes ``OutcomeUnknown``.
    """
    try:
        yield
    except errors.OutcomeUnknown:
        lose_reference(write_back)
        raise
    except errors.PmsRateLimited as error:
        if write_back.after_id is None:
            fail(write_back, error.code)
        else:  # nobody waits for it, so it can go on waiting
            _update_open(write_back, state=WriteBackState.WAITING)
        raise
    except errors.ParlaeError as error:
        fail(write_back, error.code)
        raise
    except Exception as error:
        log.error("write broke", write_id=str(write_back.pk), exc_info=error)
        lose_reference(write_back)
        raise errors.OutcomeUnknown from error


def settle(*, write_back: WriteBack, outcome: WriteOutcome, now: datetime) -> WriteBack:
    """Bring the write-back and its booking to what the vendor said; never backwards."""
    if isinstance(outcome, Pending):
        _update_open(write_back, state=WriteBackState.PENDING, reference=outcome.reference)
    elif isinstance(outcome, Failed):
        fail(write_back, errors.SlotTaken.code if outcome.conflict else outcome.reason, said=outcome.said)
    elif outcome.record_id or write_back.operation in _NEEDS_NO_ID:
        _complete(write_back, outcome.record_id, now)
    # Otherwise done without an id: the vendor has made it but not told which; the follow-up finds it by reading back.
    return write_back


def follow(*, write_back: WriteBack, pms: PmsService, now: datetime) -> WriteBack:
    """Ask once how the write-back stands, and settle it. Raises what the PMS raises: then nothing is known."""
    if _is_withdrawn(write_back, pms):
        withdraw(write_back)
        return write_back
    outcome = _asked(write_back, pms)
    if isinstance(outcome, Done) and _names_somebody_else(write_back, outcome.record_id):
        outcome = Done()
    if outcome == Done() and write_back.operation not in _NEEDS_NO_ID:
        record_id = write_back.appointment_id or find_record(pms, change_of(write_back), others_of(write_back))
        outcome = Done(record_id) if record_id else None
    elif isinstance(outcome, Done) and write_back.appointment_id not in ("", outcome.record_id):
        # Said of another record than the one to be changed: only what the PMS shows of ours counts.
        outcome = _shown_without_trace(write_back, change_of(write_back), pms)
    return write_back if outcome is None else settle(write_back=write_back, outcome=outcome, now=now)


def _names_somebody_else(write_back: WriteBack, record_id: str) -> bool:
    """Return whether the id of a new patient is their guarantor's, which rows of the vendor name as well."""
    if write_back.operation != Operation.CREATE_PATIENT or not record_id:
        return False
    change = change_of(write_back)
    return isinstance(change, NewPatient) and record_id == change.guarantor_id


def lose_reference(write_back: WriteBack) -> None:
    """Mark a write-back of which it is not known whether it arrived."""
    with transaction.atomic():
        if _update_open(write_back, state=WriteBackState.UNKNOWN):
            consequences.unknown(write_back)


def give_up_sending(write_back: WriteBack, *, now: datetime) -> None:
    """Call a write unknown whose process died while sending it: "sent" would be more than we know."""
    if write_back.state == WriteBackState.SENDING and now - write_back.sent_at >= bookings.ABANDONED_AFTER:
        lose_reference(write_back)
        tell_staff(write_back, errors.OutcomeUnknown.code)


def fail(write_back: WriteBack, reason: str, *, said: str = "") -> None:
    """Settle a write-back of which certainly nothing is in the PMS; what the vendor ``said`` is kept for the team.

    It stays due until ``finish``, so that a job tells staff if this process dies before anybody has been told.
    """
    with transaction.atomic():
        done = _update(
            write_back,
            (*_OPEN, WriteBackState.WAITING),
            state=WriteBackState.FAILED,
            failure=reason,
            refusal=vault.seal(said[:_LONGEST_REFUSAL], _place(write_back.pk, "refusal")) if said else None,
        )
        if done:
            consequences.failed(write_back)


def withdraw(write_back: WriteBack) -> None:
    """Settle a write-back that the vendor will certainly never carry out, because it was taken back.

    One that waits is taken back only if nobody has begun to send it meanwhile.
    """
    is_waiting = write_back.state == WriteBackState.WAITING
    with transaction.atomic():
        done = _update(
            write_back,
            (WriteBackState.WAITING,) if is_waiting else _OPEN,
            state=WriteBackState.FAILED,
            failure=WITHDRAWN,
            next_attempt_at=None,
            lease_until=None,
        )
        if done:
            consequences.withdrawn(write_back)


def ask_to_withdraw(write_back: WriteBack, *, now: datetime) -> None:
    """Record that the vendor is about to be asked to drop a write, so that a job asks again if this process dies."""
    _update_open(write_back, withdrawn_at=now)


def verify(write_back: WriteBack, *, now: datetime) -> None:
    """Remember that the PMS's own reads show the change; nothing is left to follow."""
    with transaction.atomic():
        _update(write_back, (WriteBackState.DONE,), verified_at=now, next_attempt_at=None, lease_until=None)
        consequences.verified(write_back, now)


def name_record(write_back: WriteBack, record_id: str) -> None:
    """Remember the id of what was made, when the vendor has not told it and reads show it."""
    _update(write_back, (WriteBackState.DONE,), record_id=record_id)


def park(write_back: WriteBack) -> None:
    """Leave a write-back to a person that the PMS's own reads contradict; nothing is left to follow."""
    _update(write_back, (WriteBackState.DONE,), state=WriteBackState.PARKED, next_attempt_at=None, lease_until=None)


def finish(write_back: WriteBack) -> None:
    """Stop following a write-back."""
    _update(write_back, tuple(WriteBackState), next_attempt_at=None, lease_until=None)


def reschedule(*, write_back: WriteBack, now: datetime) -> None:
    """Plan the next look, with growing intervals; after a day a person has to look.

    What is done is compared until the copy shows it or anything else, for as long as it is laid over the PMS's rows.
    """
    followed_for = now - (write_back.completed_at or write_back.sent_at)
    if followed_for >= FOLLOW_FOR:
        if write_back.state == WriteBackState.WAITING:
            fail(write_back, "patient_not_created")
        _update_open(write_back, state=WriteBackState.PARKED)
        tell_staff(write_back, "unresolved")
        if write_back.state != WriteBackState.DONE:
            finish(write_back)
        elif followed_for < _COMPARE_FOR:
            _update(write_back, (WriteBackState.DONE,), next_attempt_at=now + _LATE_INTERVAL, lease_until=None)
        else:
            park(write_back)
        return
    has_no_end = is_open(write_back) or write_back.state == WriteBackState.WAITING
    if has_no_end and now - write_back.sent_at >= _patience(write_back):
        tell_staff(write_back, "unresolved")
    interval = min(_FIRST_INTERVAL * 2 ** min(write_back.attempts, 10), _LONGEST_INTERVAL)
    _update(write_back, tuple(WriteBackState), next_attempt_at=now + interval, lease_until=None)


def is_open(write_back: WriteBack) -> bool:
    """Return whether the vendor may still change its mind."""
    return write_back.state in _OPEN


def change_of(write_back: WriteBack) -> Change:
    """Return what was sent, or waits to be."""
    return payloads.loaded(vault.unseal(write_back.payload, _place(write_back.pk)))


def change_if_kept(write_back: WriteBack) -> Change | None:
    """Return what was sent, ``None`` where that is no longer kept (``services.retention``)."""
    return change_of(write_back) if write_back.payload else None


def tell_staff(write_back: WriteBack, what: str) -> None:
    """Open a task about a write-back: its kind says what of what, such as ``booking_failed``."""
    booking = write_back.booking
    if any(
        twin.call_id and twin.call_id == write_back.call_id and twin.tasks.exists()
        for twin in _failed_twins(write_back)
    ):
        return  # the same wish of the same caller, which failed before
    tasks.open_task(
        account=write_back.account,
        kind=f"{_NOUNS[Operation(write_back.operation)]}_{what}",
        detail=_detail(write_back),
        call=booking.call if booking else write_back.call,
        booking=booking,
        write_back=None if booking else write_back,
    )


def _detail(write_back: WriteBack) -> dict[str, str]:
    """Return what a person needs to do by hand what was to be written."""
    try:
        change = change_of(write_back)
    except vault.CannotOpen:  # its key was retired: the task is told all the same
        change = None
    booking = write_back.booking
    return {
        "patientId": write_back.patient_id,
        "appointmentId": write_back.appointment_id,
        **(wanted.in_words(change) if change else {}),
        "confirmationNumber": booking.confirmation_number if booking else "",
        "refusedWith": _refusal(write_back),
    }


def _refusal(write_back: WriteBack) -> str:
    """Return what the vendor said when it refused, empty if that was nothing."""
    if not write_back.refusal:
        return ""
    try:
        return str(vault.unseal(write_back.refusal, _place(write_back.pk, "refusal")))
    except vault.CannotOpen:
        return ""


def _patience(write_back: WriteBack) -> timedelta:
    """Return how long staff need not know: at most half of the time that was left before the appointment."""
    starts_at = write_back.booking.starts_at if write_back.booking else _appointment_time(write_back)
    return min(_PATIENCE, (starts_at - write_back.sent_at) / 2) if starts_at else _PATIENCE


def _appointment_time(write_back: WriteBack) -> datetime | None:
    try:
        change = change_of(write_back)
    except vault.CannotOpen:
        return None
    return change.starts_at if isinstance(change, _OF_APPOINTMENTS) else None


def _is_overtaken(write_back: WriteBack, change: Change) -> bool:
    """Return whether the appointment is cancelled by now, or moved to the very time that it is to be moved to.

    Asked once nobody else can begin to change it.
    """
    if not write_back.appointment_id:
        return False
    done = WriteBack.objects.filter(
        integration_id=write_back.integration_id,
        appointment_id=write_back.appointment_id,
        state=WriteBackState.DONE,
        verified_at__isnull=True,
    )
    if done.filter(operation=Operation.CANCEL).exists():
        return True
    if write_back.operation != Operation.MOVE:
        return False
    last = done.filter(operation=Operation.MOVE).order_by("-completed_at").first()
    return last is not None and change_of(last) == change


def _is_withdrawn(write_back: WriteBack, pms: PmsService) -> bool:
    """Return whether a write-back that was to be taken back will certainly never be made."""
    if write_back.withdrawn_at is None or not write_back.reference:
        return False
    try:
        return pms.withdraw_write(write_back.reference, sent_at=write_back.sent_at)
    except errors.NotSupported:  # then it will be made, and whoever follows it tells a person
        return False


def _asked(write_back: WriteBack, pms: PmsService) -> WriteOutcome | None:
    """Return what the vendor tells about the write-back, ``None`` where that is nothing."""
    if write_back.reference:
        with suppress(errors.NotEntitled):  # we may not ask; what the PMS shows by itself is an answer too
            return pms.follow_write(write_back.reference)
    change, others = change_of(write_back), others_of(write_back)
    if write_back.reference:
        record_id = find_record(pms, change, others)
        return Done(record_id) if record_id else None
    found = pms.find_write(change, sent_at=write_back.sent_at, others=others)
    return found or _shown_without_trace(write_back, change, pms) or Failed("never_arrived")


def _shown_without_trace(write_back: WriteBack, change: Change, pms: PmsService) -> Done | None:
    """Return a change that the PMS shows although the vendor has no trace of it, such as a row that is gone."""
    record_id = write_back.appointment_id
    if record_id and compare(pms, change, record_id=record_id, done_at=write_back.sent_at) is Shown.EQUAL:
        return Done(record_id)
    return None


def others_of(write_back: WriteBack) -> frozenset[str]:
    """Return the references and record ids of our other writes: what is theirs is not this one's, however alike.

    An appointment that is changed is the same record for all its changes, so only their references count.
    """
    alike = WriteBack.objects.filter(integration_id=write_back.integration_id, operation=write_back.operation).exclude(
        pk=write_back.pk
    )
    booking = write_back.booking
    if write_back.appointment_id:
        alike = alike.filter(appointment_id=write_back.appointment_id)
        return frozenset(alike.values_list("reference", flat=True)) - {""}
    if booking is not None:
        alike = alike.filter(booking__patient_id=booking.patient_id, booking__starts_at=booking.starts_at)
    else:
        alike = alike.filter(subject_digest=write_back.subject_digest, patient_id=write_back.patient_id)
    known = [identifier for pair in alike.values_list("reference", "record_id") for identifier in pair]
    return frozenset(known) - {""}


def _complete(write_back: WriteBack, record_id: str, now: datetime) -> None:
    with transaction.atomic():
        done = _update_open(
            write_back,
            state=WriteBackState.DONE,
            record_id=record_id,
            completed_at=now,
            attempts=0,
            next_attempt_at=now + _FIRST_INTERVAL,  # the read-back
            lease_until=None,
        )
        if done:
            consequences.done(write_back, now)
            for twin in _failed_twins(write_back):
                tasks.tell_meanwhile(write_back=twin, what="It was asked for again, and is made.", of_failures=True)


def _failed_twins(write_back: WriteBack) -> list[WriteBack]:
    """Return the writes of the last day that failed and wanted the same for a patient's chart."""
    if write_back.operation not in _NEEDS_NO_ID:
        return []
    failed = WriteBack.objects.filter(
        integration_id=write_back.integration_id,
        operation=write_back.operation,
        patient_id=write_back.patient_id,
        state=WriteBackState.FAILED,
        sent_at__gte=write_back.sent_at - FOLLOW_FOR,
    ).exclude(pk=write_back.pk)
    wanted_here = payloads.asked(change_of(write_back))
    return [one for one in failed if payloads.asked(change_of(one)) == wanted_here]


def _update_open(write_back: WriteBack, **changes: object) -> bool:
    """Change a write-back that has no end yet; return whether this caller did it."""
    return _update(write_back, _OPEN, **changes)


def _update(write_back: WriteBack, states: tuple[WriteBackState, ...], **changes: object) -> bool:
    done = WriteBack.objects.filter(pk=write_back.pk, state__in=states).update(**changes) == 1
    write_back.refresh_from_db()
    return done


def _place(pk: uuid.UUID, column: str = "payload") -> str:
    return f"write_backs:{pk}:{column}"
