"""Setting a line up at Vapi, in the background: one worker does what is queued, and looks after it.

A line that is done is looked at again once a day: what somebody has deleted or changed at Vapi is put right. What
fails for a while is tried again, less and less often; what a person must do waits until somebody wants it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Q, QuerySet

from accounts import baa
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.phone import normalize
from pms.models import Provisioning, ProvisioningState, VoiceLine
from pms.services import audit, lines
from pms.services.audit import Asker
from pms.vapi import management
from pms.vapi import provisioning_steps as steps
from pms.vapi import provisioning_wanted as wanted
from pms.vapi.provisioning import signing_secret
from pms.vapi.provisioning_desk import Desk, Known, Trouble
from pms.vapi.provisioning_diff import Change

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 120.0
LEASE = timedelta(minutes=5)
LOOK_AGAIN = timedelta(days=1)
# A new number is not known at once.
LOOK_FOR_NUMBER = timedelta(minutes=1)

_FIRST_INTERVAL = timedelta(seconds=30)
_LONGEST_INTERVAL = timedelta(minutes=30)
_BROKEN = errors.Internal.code
_PASSING = (management.RateLimited.code, management.Unavailable.code, _BROKEN)
# What a person puts right somewhere else.
_LATER = {
    management.Unauthorized.code: timedelta(hours=1),
    management.NotConfigured.code: timedelta(hours=1),
    errors.BaaRequired.code: LOOK_AGAIN,
}
_ASKER = Asker(actor="job:provisioning", endpoint="job:provisioning", method="JOB")


class LeaseLost(Exception):
    """Another worker has taken the line over, because this one took too long."""


def claim_due(*, clock: Clock, limit: int = 20) -> Iterator[Provisioning]:
    """Yield lines that are due, each leased to this caller and to nobody else."""
    tried: list[Any] = []
    for _ in range(limit):
        now = clock.now()
        pk = _due(now).exclude(pk__in=tried).order_by("next_attempt_at").values_list("pk", flat=True).first()
        if pk is None:
            return
        tried.append(pk)
        if claimed := claim(pk, now=now):
            yield claimed


def claim(line_id: Any, *, now: datetime) -> Provisioning | None:
    """Lease a due line to this caller; ``None`` if it is not due, or another worker's."""
    mine = {"lease_until": now + LEASE, "state": ProvisioningState.RUNNING}
    if not _due(now).filter(pk=line_id).update(**mine):
        return None
    return Provisioning.objects.select_related("line__account").get(pk=line_id)


def carry_out(*, provisioning: Provisioning, clock: Clock) -> bool:
    """Bring Vapi to what a claimed line needs, and plan the next time; return whether all is as it should be."""
    line, before = provisioning.line, provisioning.error_code
    desk: Desk | None = None
    try:
        client = management.Client(clock=clock, budget=Budget(BUDGET_SECONDS, clock))
        desk = Desk(client, known_of(provisioning), lambda known: _keep(provisioning, known), line.created_at)
        _bring_about(desk, line, clock.now())
    except LeaseLost:
        log.info("line taken over", line_id=str(line.pk))
        return False
    except Exception as error:
        code = _code_of(error)
        log.warning("line not set up", line_id=str(line.pk), code=code, exc_info=None if code != _BROKEN else error)
        _fail(provisioning, code, error, before, clock.now())
        return False
    _succeed(provisioning, desk, clock.now())
    return True


def preview(*, line: VoiceLine, clock: Clock) -> list[Change]:
    """Return what would be written at Vapi; nothing is. Raises ``VapiError``, ``Trouble`` or ``ParlaeError``."""
    row = Provisioning.objects.filter(line=line).first() or Provisioning(line=line)
    client = management.Client(clock=clock, budget=Budget(BUDGET_SECONDS, clock))
    desk = Desk(client, known_of(row), lambda _: None, line.created_at, writes=False)
    _bring_about(desk, line, clock.now())
    return desk.changes


def known_of(row: Provisioning) -> Known:
    """Return what we remember of a line's objects at Vapi."""
    line = row.line
    return Known(
        tool_ids=dict(row.tool_ids),
        credential_id=row.vapi_credential_id,
        credential_digest=row.credential_digest,
        assistant_id=line.vapi_assistant_id or "",
        phone_number_id=line.vapi_phone_number_id or "",
        number=line.phone_number or "",
        wish=dict(row.number_wish),
    )


def _due(now: datetime) -> QuerySet[Provisioning]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return Provisioning.objects.filter(free, next_attempt_at__lte=now)


def _bring_about(desk: Desk, line: VoiceLine, now: datetime) -> None:
    facts = wanted.facts_of(line)
    if not line.is_active or not line.account.is_active:
        steps.take_down(desk, facts)
        return
    if not baa.is_accepted(line.account):
        raise errors.BaaRequired
    steps.set_up(desk, facts, signing_secret(line, now))


def _keep(provisioning: Provisioning, known: Known) -> None:
    """Note what has been done so far. Raises ``LeaseLost``, or ``Trouble`` if another line has the number."""
    mine = Provisioning.objects.filter(pk=provisioning.pk, lease_until=provisioning.lease_until)
    kept = mine.update(
        tool_ids=known.tool_ids,
        vapi_credential_id=known.credential_id,
        credential_digest=known.credential_digest,
        needs_credential_id=False,
    )
    if not kept:
        raise LeaseLost
    _keep_assistant(provisioning.line, known.assistant_id)
    _keep_number(provisioning.line, known)
    if not known.wish:
        # Not one that somebody has made meanwhile.
        mine.filter(number_wish=provisioning.number_wish).update(number_wish={})


def _keep_assistant(line: VoiceLine, assistant_id: str) -> None:
    if assistant_id == (line.vapi_assistant_id or ""):
        return
    if assistant_id:
        lines.attach_assistant(line=line, assistant_id=assistant_id, asker=_ASKER)
    else:
        lines.detach_assistant(line=line, asker=_ASKER)


def _keep_number(line: VoiceLine, known: Known) -> None:
    number = normalize(known.number, line.account.country) or ""
    is_known = known.phone_number_id == (line.vapi_phone_number_id or "") and number in ("", line.phone_number)
    if is_known:
        return
    try:
        lines.attach_number(line=line, phone_number_id=known.phone_number_id, number=number, asker=_ASKER)
    except errors.Invalid:
        raise Trouble("number_taken") from None


def _succeed(provisioning: Provisioning, desk: Desk, now: datetime) -> None:
    if desk.changes:
        _record("vapi.provisioned", provisioning, **_counted(desk.changes))
    is_numbered = bool(desk.known.number) or not desk.known.phone_number_id
    is_in_use = provisioning.line.is_active
    again = (now + (LOOK_AGAIN if is_numbered else LOOK_FOR_NUMBER)) if is_in_use else None
    _end(provisioning, state=ProvisioningState.DONE, error_code="", attempts=0, done_at=now, next_attempt_at=again)


def _fail(provisioning: Provisioning, code: str, error: Exception, before: str, now: datetime) -> None:
    # Once per change: it may be tried many times.
    if code != before:
        _record("vapi.provisioning_failed", provisioning, code=code)
    _end(
        provisioning,
        state=ProvisioningState.FAILED,
        error_code=code,
        needs_credential_id=code == "needs_credential_id",
        attempts=provisioning.attempts + 1,
        next_attempt_at=_next_try(provisioning.attempts, code, error, now),
    )


def _next_try(attempts: int, code: str, error: Exception, now: datetime) -> datetime | None:
    """Return when it may go better by itself; never, where a person must do something first."""
    if code in _LATER:
        return now + _LATER[code]
    if code not in _PASSING:
        return None
    interval = min(_FIRST_INTERVAL * (1 << min(attempts, 10)), _LONGEST_INTERVAL)
    asked = error.retry_after_seconds if isinstance(error, management.VapiError) else None
    return now + max(interval, timedelta(seconds=asked or 0))


def _code_of(error: Exception) -> str:
    known = (management.VapiError, Trouble, errors.ParlaeError)
    return error.code if isinstance(error, known) else _BROKEN


def _end(provisioning: Provisioning, **changes: Any) -> None:
    """Give the line back; what was wanted again meanwhile stays wanted."""
    mine = Provisioning.objects.filter(pk=provisioning.pk, lease_until=provisioning.lease_until)
    if not mine.filter(wanted_at=provisioning.wanted_at).update(lease_until=None, **changes):
        mine.update(lease_until=None)
    provisioning.refresh_from_db()


def _counted(changes: list[Change]) -> dict[str, int]:
    return {verb: sum(1 for one in changes if one.verb == verb) for verb in ("create", "change", "delete")}


def _record(kind: str, provisioning: Provisioning, **detail: str | int) -> None:
    line = provisioning.line
    summary = {"line": str(line.pk), **detail}
    audit.record_event(kind=kind, actor=_ASKER.actor, account_id=line.account_id, detail=summary)
