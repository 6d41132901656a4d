"""Completing the audit log: a write whose outcome row is missing gets one, and an alert says so."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef

from pms.domain import errors
from pms.models import AuditPhase, PmsAuditLog, WriteBack, WriteBackState
from pms.services import audit
from pms.services.audit import Asker, Entry

log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=5)
_LOOK_BACK = timedelta(days=7)


def complete_outcomes(*, now: datetime) -> int:
    """Append the outcome of every write that has an intent only; return how many were appended.

    What became of the write is in its write-back, or nothing was sent if there is none. A chain that cannot be
    written does not keep the others waiting; it is tried again.
    """
    outcome = PmsAuditLog.objects.filter(access_id=OuterRef("access_id"), phase=AuditPhase.OUTCOME)
    intents = PmsAuditLog.objects.filter(
        ~Exists(outcome), phase=AuditPhase.INTENT, created_at__lt=now - GRACE, created_at__gt=now - _LOOK_BACK
    )
    completed = 0
    for intent in list(intents.select_related("pms_integration")):
        try:
            _complete(intent)
        except errors.Internal:
            log.error("audit outcome still missing", action=intent.action, audit_id=str(intent.access_id))
        else:
            completed += 1
    return completed


def _complete(intent: PmsAuditLog) -> None:
    write_back = WriteBack.objects.filter(access_id=intent.access_id).first()
    state = write_back.state if write_back else "NOT_SENT"
    asker = Asker(
        actor="job:audit",
        endpoint=intent.endpoint,
        method=intent.method,
        vapi_call_id=intent.vapi_call_id,
        request_id=intent.request_id,
    )
    audit.record_access(
        integration=intent.pms_integration,
        asker=asker,
        entry=Entry(
            access_id=intent.access_id,
            action=intent.action,
            phase=AuditPhase.OUTCOME,
            phi_accessed=intent.phi_accessed,
            patient_id=intent.patient_id,
            summary={"state": state},
            success=write_back is not None and write_back.state == WriteBackState.DONE,
            error_code="outcome_completed_later",
        ),
    )
    audit.record_event(
        kind="audit.outcome_was_missing",
        actor="job:audit",
        account_id=intent.account_id,
        detail={"access": str(intent.access_id)},
    )
