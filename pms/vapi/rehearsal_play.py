"""The worker's part of a test call: play it once, follow what it booked to its end, take up what was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from pms.domain import errors
from pms.domain.clock import Clock
from pms.domain.localtime import local_date_of
from pms.models import Call, PmsIntegration, TestCall, TestCallState
from pms.services import availability, calls, integrations, stand_in
from pms.services.calls import Progress
from pms.vapi import rehearsal_end, rehearsal_words
from pms.vapi.phone import CallFailed, LocalPhone, NoKey, key_of
from pms.vapi.rehearsal_end import Left
from pms.vapi.rehearsal_record import LEASE, OPEN, LeaseLost, Line, Mark, Record, patient_of, record_of
from pms.vapi.rehearsal_script import Plan, Script, Stage, far_day, kind_for

log = structlog.get_logger(__name__)

INTERRUPTED, LINE_CLOSED, LINE_REFUSED, BROKEN = "interrupted", "line_closed", "line_refused", "internal_error"
# What is not final is looked at again after a quarter of the time that has passed, within these.
_FIRST_LOOK, _LATEST_LOOK = timedelta(seconds=10), timedelta(minutes=3)
_STOPPED = "The worker was stopped in the middle of the call. Nothing of it is said again; what it booked is cancelled."
_PENDING = "Your system has not finished yet. What was said is not final; this page shows how it ends."
_ENDED = Progress(status="ended", ended_reason="test-call-ended")


def claim_due(*, clock: Clock, limit: int = 20) -> Iterator[TestCall]:
    """Yield the test calls that are to be played or followed, each leased to this caller."""
    for pk in list(_due(clock.now()).order_by("asked_at").values_list("pk", flat=True)[:limit]):
        now = clock.now()
        if _due(now).filter(pk=pk).update(lease_until=now + LEASE) == 1:
            yield TestCall.objects.select_related("account", "line__account", "call__account").get(pk=pk)


def carry_out(*, test_call: TestCall, clock: Clock) -> None:
    """Play a test call that is leased to this caller, or go on with one whose end is open, or that was interrupted."""
    record = record_of(test_call, clock)
    try:
        problem = _guarded(record) if test_call.state == TestCallState.QUEUED else _taken_up(record)
        _follow(record, problem)
    except LeaseLost:
        log.warning("test call taken over", account_id=str(test_call.account_id))


def _due(now: datetime) -> QuerySet[TestCall]:
    return TestCall.objects.filter(Q(lease_until=None) | Q(lease_until__lte=now), state__in=OPEN)


def _guarded(record: Record) -> str:
    """Play the script, and return the code of what was not as it should be."""
    try:
        return _play(record)
    except LeaseLost:
        raise
    except NoKey:
        return LINE_CLOSED
    except CallFailed:
        return LINE_REFUSED
    except errors.ParlaeError as error:
        return error.code
    except Exception as error:  # what it has booked is to be cancelled all the same
        log.error("test call broke", account_id=str(record.test_call.account_id), exc_info=error)
        return BROKEN


def _play(record: Record) -> str:
    row, now = record.test_call, record.clock.now()
    integration = integrations.active_for(account=row.account)
    key = key_of(row.line, now)
    phone = LocalPhone(line=row.line, secret=key.secret, scheme=key.scheme)
    call = _begun(record, phone)
    return Script(Stage(phone, call, record), _plan(integration, row, now)).play()


def _begun(record: Record, phone: LocalPhone) -> Call:
    """Note the call before its first message, as a test, and that it is played: from here on never from the start."""
    row, now = record.test_call, record.clock.now()
    with transaction.atomic():
        call = calls.record(account=row.account, line=row.line, vapi_call_id=phone.call_id, caller="", now=now)
        call.is_test = True
        call.save(update_fields=["is_test"])
        record.save(call=call, state=TestCallState.RUNNING)
    return call


def _plan(integration: PmsIntegration, row: TestCall, now: datetime) -> Plan:
    today = local_date_of(now, row.account.zone)
    settings = {**availability.DEFAULTS, **(integration.config or {})}
    return Plan(
        kind=kind_for(row.account_id),
        today=today,
        day=far_day(today, int(settings["maxAdvanceDays"])),
        patient=patient_of(row) if row.books else None,
        is_fictional=stand_in.is_sandbox(integration),
    )


def _taken_up(record: Record) -> str:
    """Return what was wrong so far with a test call that goes on; one that nobody left waiting was interrupted."""
    if record.is_waiting:
        return record.test_call.error_code
    record.note(_STOPPED, Mark.BAD)
    return INTERRUPTED


def _follow(record: Record, problem: str) -> None:
    """End a test call of which nothing is left in the practice's system; plan another look at one that is not final."""
    row, clock = record.test_call, record.clock
    call = row.call
    if call is None:
        _end(record, problem)
        return
    left = rehearsal_end.look(call)
    if left is Left.CANCEL:
        _cancel(record, call)
        left = rehearsal_end.look(call)
    code = rehearsal_end.code_of(left, call, clock.now())
    if code is None:
        record.note(_PENDING, Mark.PENDING)
        wait = min(max((clock.now() - call.started_at) / 4, _FIRST_LOOK), _LATEST_LOOK)
        record.save(error_code=problem, lease_until=clock.now() + wait)
        return
    if left is Left.NOTHING:
        rehearsal_end.tell_none_left(call, clock.now())
    elif left is not Left.REQUEST:
        rehearsal_end.tell_team(call)
    _hang_up(record, call)
    _end(record, code or problem)


def _cancel(record: Record, call: Call) -> None:
    """Cancel an appointment that stands for certain, in the same call; what comes of it is seen in our rows."""
    try:
        Stage(_phone(record, call), call, record).cancel(rehearsal_end.name_of(call))
    except CallFailed as error:
        log.warning("test call not cancelled", exception=type(error).__name__, account_id=str(call.account_id))


def _hang_up(record: Record, call: Call) -> None:
    """End the call as Vapi would, or without it where the line is closed by now."""
    try:
        _phone(record, call).hang_up()
    except CallFailed:
        calls.note(call=call, progress=_ENDED, now=record.clock.now())


def _phone(record: Record, call: Call) -> LocalPhone:
    key = key_of(record.test_call.line, record.clock.now())
    return LocalPhone(line=record.test_call.line, secret=key.secret, scheme=key.scheme, call_id=call.vapi_call_id)


def _end(record: Record, code: str) -> None:
    row = record.test_call
    passed = rehearsal_words.BOOKED if row.books else rehearsal_words.PASSED
    told = rehearsal_words.told(code) if code else passed
    record.end(
        Line(who="note", text=told.title, mark=Mark.BAD if code else Mark.GOOD),
        state=TestCallState.FAILED if code else TestCallState.PASSED,
        error_code=code,
        ended_at=record.clock.now(),
    )
