"""The one gate to a PMS: whoever wants a ``PmsService`` for an integration gets it here, and leaves evidence.

The unit is one access (a tool call, a REST request, a page, a job step), however many PMS calls it needs. ``reading``
commits its row before its caller can let data leave. ``writing`` commits an intent before anything is sent and an
outcome afterwards; if only the outcome cannot be written, the write-back's row has the truth and
``services.completing`` completes the log.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import structlog
from django.conf import settings
from django.db import Error

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import AuditPhase, PmsIntegration
from pms.providers import registry
from pms.providers.base import Connection, PmsService, TokenStore
from pms.providers.http import pool_for
from pms.services import audit, integrations
from pms.services.audit import Asker, Entry
from pms.services.meters import CacheMeter
from pms.services.tokens import DatabaseTokenStore

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Access:
    """One audited access. ``patient_id`` and ``summary`` may be filled in on the way; ``pms`` is the adapter."""

    id: uuid.UUID
    integration: PmsIntegration
    pms: PmsService
    clock: Clock
    budget: Budget
    patient_id: str | None = None
    summary: dict[str, str | int | bool] = field(default_factory=dict)


@contextmanager
def reading(
    *,
    integration: PmsIntegration,
    asker: Asker,
    action: str,
    phi: bool,
    clock: Clock,
    budget: Budget,
    patient_id: str | None = None,
    is_live: bool = True,
    tokens: TokenStore | None = None,
) -> Iterator[Access]:
    """Open an access that only reads; its audit row is committed when the block ends, whichever way.

    ``tokens`` takes the place of the integration's own, for credentials that are only tried.
    """
    access = _open(integration, clock, budget, patient_id, is_live, tokens)
    with _recorded(access, asker, Entry(access_id=access.id, action=action, phase=AuditPhase.READ, phi_accessed=phi)):
        yield access


@contextmanager
def writing(
    *,
    integration: PmsIntegration,
    asker: Asker,
    action: str,
    clock: Clock,
    budget: Budget,
    patient_id: str | None = None,
    is_live: bool = True,
) -> Iterator[Access]:
    """Open an access that changes the PMS: an intent row is committed first, an outcome row when the block ends."""
    access = _open(integration, clock, budget, patient_id, is_live)
    intent = Entry(
        access_id=access.id, action=action, phase=AuditPhase.INTENT, phi_accessed=True, patient_id=patient_id
    )
    audit.record_access(integration=integration, asker=asker, entry=intent)
    with _recorded(access, asker, replace(intent, phase=AuditPhase.OUTCOME)):
        yield access


def service_for(
    *,
    integration: PmsIntegration,
    clock: Clock,
    budget: Budget,
    is_live: bool = True,
    tokens: TokenStore | None = None,
) -> PmsService:
    """Return the adapter of an integration. Only for asking what it can do; data goes through an access.

    A job is not ``is_live``: it leaves the reserve of the vendor's rate limit to those whom somebody waits for.
    """
    defaults = settings.PMS_PROVIDER_DEFAULTS.get(integration.provider, {})
    credentials = {**defaults, **integrations.reveal(integration=integration)}
    return registry.service_class(integration.provider)(
        Connection(
            credentials=credentials,
            config={**defaults, **(integration.config or {}), **(integration.metadata or {})},
            time_zone=integration.account.zone,
            http=pool_for(integration.provider),
            tokens=tokens or DatabaseTokenStore(integration_id=integration.pk, clock=clock),
            meter=CacheMeter(provider=integration.provider, clock=clock),
            clock=clock,
            budget=budget,
            is_live=is_live,
        )
    )


def _open(
    integration: PmsIntegration,
    clock: Clock,
    budget: Budget,
    patient_id: str | None,
    is_live: bool,
    tokens: TokenStore | None = None,
) -> Access:
    pms = service_for(integration=integration, clock=clock, budget=budget, is_live=is_live, tokens=tokens)
    return Access(id=uuid.uuid4(), integration=integration, pms=pms, clock=clock, budget=budget, patient_id=patient_id)


@contextmanager
def _recorded(access: Access, asker: Asker, entry: Entry) -> Iterator[None]:
    started = access.clock.monotonic()
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:  # recorded, then raised again
        failure = error
        raise
    finally:
        _record(access, asker, entry, failure, round((access.clock.monotonic() - started) * 1000))


def _record(access: Access, asker: Asker, entry: Entry, failure: BaseException | None, elapsed_ms: int) -> None:
    known = failure if isinstance(failure, errors.ParlaeError) else errors.Internal() if failure else None
    filled = replace(
        entry,
        patient_id=access.patient_id,
        summary=access.summary or None,
        success=known is None,
        error_code=known.code if known else None,
        response_status=known.status if known else 200,
        response_ms=elapsed_ms,
    )
    try:
        audit.record_access(integration=access.integration, asker=asker, entry=filled)
    except Exception as error:
        if entry.phase is not AuditPhase.OUTCOME:
            raise
        # What was sent was sent, and whoever waits hears what became of it.
        log.error("audit outcome missing", action=entry.action, audit_id=str(access.id), exception=type(error).__name__)
    if known is not None:
        _note_failure(access, asker, known)


def _note_failure(access: Access, asker: Asker, error: errors.ParlaeError) -> None:
    """Remember a failure; if even that fails, the first failure is still the one to be told."""
    try:
        integrations.note_failure(integration=access.integration, error=error, asker=asker)
    except (errors.Internal, Error) as second:
        log.error("failure not noted", code=error.code, exception=type(second).__name__)
