"""Writing evidence: rows of PMS accesses and security events, each appended to its hash chain.

A chain is gap-free: the head's row is locked, the next number taken, and the row's HMAC made over its own columns and
its predecessor's HMAC. The key (``AUDIT_KEY``) lives outside the database, so whoever can change rows cannot make the
chain fit again. Summaries are codes and counts; names, phones, dates of birth and search words never get here.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from pms.domain import errors
from pms.models import AuditPhase, ChainHead, PmsAuditLog, PmsIntegration, SecurityEvent
from pms.services import plain

log = structlog.get_logger(__name__)

# Taking the next number locks the head until the row hangs on it. Plain SQL, because others wait for that lock.
_TAKE = f"UPDATE {plain.table(ChainHead)} SET seq = seq + 1 WHERE key = %s RETURNING seq, hash"  # noqa: S608
_HANG_ON = f"UPDATE {plain.table(ChainHead)} SET hash = %s WHERE key = %s"  # noqa: S608

Row = TypeVar("Row", PmsAuditLog, SecurityEvent)
Summary = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and through which door. ``actor`` is kind and id: ``voice:…``, ``system:…``, ``user:…``, ``job:…``.

    ``endpoint`` is a route pattern or ``tool:name``, never a path with ids in it.
    """

    actor: str
    endpoint: str
    method: str
    user_id: str | None = None
    vapi_call_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one audit row says, besides who asked."""

    access_id: uuid.UUID
    action: str
    phase: AuditPhase
    phi_accessed: bool
    patient_id: str | None = None
    summary: Summary | None = None
    success: bool = True
    error_code: str | None = None
    response_status: int | None = None
    response_ms: int | None = None


def record_access(*, integration: PmsIntegration, asker: Asker, entry: Entry) -> PmsAuditLog:
    """Append one row to the account's chain, durably, or raise ``Internal``: then no data may leave."""
    row = PmsAuditLog(
        pms_integration=integration,
        account_id=integration.account_id,
        action=entry.action,
        endpoint=asker.endpoint,
        method=asker.method,
        actor=asker.actor,
        user_id=asker.user_id,
        vapi_call_id=asker.vapi_call_id,
        ip_address=asker.ip_address,
        user_agent=(asker.user_agent or "")[:200] or None,
        request_id=asker.request_id,
        access_id=entry.access_id,
        phase=entry.phase,
        phi_accessed=entry.phi_accessed,
        patient_id=entry.patient_id,
        request_summary=json.dumps(dict(entry.summary), sort_keys=True) if entry.summary else None,
        success=entry.success,
        error_message=entry.error_code,
        response_status=entry.response_status,
        response_time=entry.response_ms,
        created_at=timezone.now(),
    )
    return _append(row, key=f"{PmsAuditLog._meta.db_table}:{integration.account_id}")


def record_event(
    *,
    kind: str,
    actor: str,
    account_id: uuid.UUID | None = None,
    detail: Summary | None = None,
    ip_address: str = "",
    user_agent: str = "",
    request_id: str = "",
) -> SecurityEvent:
    """Append one security event to the account's chain, or the platform's if ``account_id`` is ``None``."""
    key = f"{SecurityEvent._meta.db_table}:{account_id or 'platform'}"
    event = SecurityEvent(
        chain=key,
        account_id=account_id,
        kind=kind,
        actor=actor,
        detail=dict(detail or {}),
        ip_address=ip_address[:45],
        user_agent=user_agent[:200],
        request_id=request_id,
        created_at=timezone.now(),
    )
    return _append(event, key=key)


def record_event_by(
    asker: Asker, kind: str, *, account_id: uuid.UUID | None, detail: Summary | None = None
) -> SecurityEvent:
    """Append one security event about what somebody does."""
    return record_event(
        kind=kind,
        actor=asker.actor,
        account_id=account_id,
        detail=detail,
        ip_address=asker.ip_address or "",
        user_agent=asker.user_agent or "",
        request_id=asker.request_id,
    )


def row_hash(row: PmsAuditLog | SecurityEvent) -> str:
    """Return the HMAC of a row's columns (``prev_hash`` among them) as they are stored.

    Null columns are left out, so that a nullable column which is added later leaves older rows' hashes as they are.
    """
    columns = {
        f.attname: _plain(f.to_python(value))
        for f in row._meta.concrete_fields
        if f.attname != "hash" and (value := getattr(row, f.attname)) is not None
    }
    canonical = json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(settings.AUDIT_KEY.encode(), canonical.encode(), hashlib.sha256).hexdigest()


def _append(row: Row, *, key: str) -> Row:
    try:
        # Durable: evidence inside a caller's transaction could be rolled back with it.
        with transaction.atomic(durable=True):
            row.seq, row.prev_hash = _next_number(key)
            row.hash = row_hash(row)
            plain.insert(row)
            with connection.cursor() as cursor:
                cursor.execute(_HANG_ON, [row.hash, key])
    except Error as error:
        log.error("audit row not written", exception=type(error).__name__)
        raise errors.Internal("The audit log cannot be written, so nothing was disclosed.") from None
    return row


def _next_number(key: str) -> tuple[int, str]:
    """Lock a chain, begun if need be, and return the number of its next row and the hash of its last."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [key])
        taken = cursor.fetchone()
        if taken is None:
            ChainHead.objects.bulk_create([ChainHead(key=key)], ignore_conflicts=True)
            cursor.execute(_TAKE, [key])
            taken = cursor.fetchone()
    return int(taken[0]), str(taken[1])


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, uuid.UUID) else value
