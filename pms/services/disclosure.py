"""The evidence that somebody at a practice has opened what we keep of a patient, committed before it is shown."""

from __future__ import annotations

import uuid

from accounts.models import Account
from pms.models import AuditPhase
from pms.services import audit, integrations
from pms.services.audit import Asker, Entry, Summary


def record(*, account: Account, asker: Asker, action: str, summary: Summary, patient_id: str = "") -> None:
    """Leave one row, or raise ``Internal``: then nothing may be shown.

    It stands in the log of accesses to the practice's system. A practice that never had one has no such log; then it is
    an event.
    """
    integration = integrations.current(account=account)
    if integration is None:
        audit.record_event_by(asker, f"viewed.{action}", account_id=account.pk, detail=summary)
        return
    entry = Entry(
        access_id=uuid.uuid4(),
        action=action,
        phase=AuditPhase.READ,
        phi_accessed=True,
        patient_id=patient_id or None,
        summary=summary,
        response_status=200,
    )
    audit.record_access(integration=integration, asker=asker, entry=entry)
