"""The one gate to a PMS: whoever wants a ``PmsService`` for an integration gets it here, and leaves evidence.

The unit is one access (a tool call, a REST request, a page, a job step), however many PMS calls it needs. ``reading``
commits its row before its caller can let data leave. ``writing`` commits an intent before anything is sent and an
outcome afterwards; if only the outcome cannot be written, the write-back's row has the truth and
``services.completing`` completes the log.

An access is refused while the PMS does not answer anyway (``services.circuit``), and where it would hold too many of
this process's threads (``services.bulkhead``). That too leaves its rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import Error
from django.db.models import Q

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.models import AuditPhase, PmsIntegration, WriteBack, WriteBackState
from pms.providers import registry
from pms.providers.base import Connection, PmsService, TokenStore
from pms.providers.http import calls_of_this_thread, pool_for
from pms.services import audit, bulkhead, integrations
from pms.services.audit import Asker, Entry
from pms.services.circuit import Change, Circuit
from pms.services.meters import CacheMeter
from pms.services.tokens import DatabaseTokenStore

log = structlog.get_logger(__name__)

# The PMS was asked and did not answer. Everything else is an answer, also one that refuses or cannot be read: the next
# question may go well, and whoever asks it hears at once what is wrong.
_SILENCE = (errors.PmsUnavailable, errors.OutcomeUnknown)
_ANSWERS = (errors.PmsRateLimited, errors.OfficeOffline, errors.Undecided, errors.NoTimeToSend)
# Whoever has had something changed since then is not told that nothing was; what is older, the desk may have undone.
RECENTLY = timedelta(days=1)


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
    is_test: bool = False,
) -> Iterator[Access]:
    """Open an access that only reads; its audit row is committed when the block ends, whichever way.

    ``tokens`` takes the place of the integration's own, for credentials that are only tried. A test of the connection
    (``is_test``) goes through an open circuit. Raises ``NotAsked`` if the PMS is left alone now.
    """
    access = _open(integration, clock, budget, patient_id, is_live, tokens)
    entry = Entry(access_id=access.id, action=action, phase=AuditPhase.READ, phi_accessed=phi)
    with _recorded(access, asker, entry), _admitted(access, asker, is_live=is_live, is_test=is_test):
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
    """Open an access that changes the PMS: an intent row is committed first, an outcome row when the block ends.

    Raises ``NotAsked`` if the PMS is left alone now; its sentence says that nothing was changed, if that is so of all
    that was asked for before.
    """
    access = _open(integration, clock, budget, patient_id, is_live)
    intent = Entry(
        access_id=access.id, action=action, phase=AuditPhase.INTENT, phi_accessed=True, patient_id=patient_id
    )
    audit.record_access(integration=integration, asker=asker, entry=intent)
    with (
        _recorded(access, asker, replace(intent, phase=AuditPhase.OUTCOME)),
        _admitted(access, asker, is_live=is_live, change=action),
    ):
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
def _admitted(
    access: Access, asker: Asker, *, is_live: bool, is_test: bool = False, change: str = ""
) -> Iterator[None]:
    """Let an access ask the PMS, or raise ``NotAsked``. One inside another of the same thread is a part of that."""
    integration_id = access.integration.pk
    if bulkhead.is_held(integration_id):
        yield
        return
    try:
        with (
            _counted(access, asker, is_test=is_test),
            # Nobody waits for a job, and a job that is postponed holds nothing up.
            bulkhead.place(integration_id=integration_id, patience=access.budget.left() if is_live else 0.0),
        ):
            yield
    except errors.NotAsked as refusal:
        if change and not _may_have_changed(access, change):
            refusal.spoken = refusal.unchanged_spoken
        raise


def _may_have_changed(access: Access, action: str) -> bool:
    """Return whether a change of ours for the same patient is on its way, unknown or recently done.

    Where no patient is known yet, it may be any change of the same kind.
    """
    is_recent = Q(completed_at__isnull=True) | Q(completed_at__gte=access.clock.now() - RECENTLY)
    whose = Q(patient_id=access.patient_id) if access.patient_id else Q(operation=action)
    ours = WriteBack.objects.filter(is_recent, whose, integration=access.integration)
    return ours.exclude(state=WriteBackState.FAILED).exists()


@contextmanager
def _counted(access: Access, asker: Asker, *, is_test: bool) -> Iterator[None]:
    """Ask the circuit first, and tell it whether the PMS has answered, if it was asked at all."""
    circuit, calls = Circuit(access.integration.pk), calls_of_this_thread()
    circuit.enter(now=access.clock.now(), is_test=is_test)
    has_answered: bool | None = None
    try:
        yield
        has_answered = True
    except Exception as error:
        has_answered = isinstance(error, _ANSWERS) or not isinstance(error, _SILENCE)
        raise
    finally:
        was_asked = calls_of_this_thread() > calls
        change = circuit.leave(now=access.clock.now(), has_answered=has_answered if was_asked else None)
        if change is not None:
            _tell_change(access.integration, asker, change)


def _tell_change(integration: PmsIntegration, asker: Asker, change: Change) -> None:
    """Leave one event for all the accesses that are refused from now on, or no longer are."""
    if change is Change.OPENED:
        log.warning("circuit opened", integration_id=str(integration.pk))
    else:
        log.info("circuit closed", integration_id=str(integration.pk))
    try:
        audit.record_event(
            kind=f"integration.circuit_{change.value}",
            actor=asker.actor,
            account_id=integration.account_id,
            detail={"provider": integration.provider, "integration": str(integration.pk)},
            request_id=asker.request_id,
        )
    except errors.Internal as error:
        log.error("circuit not told", code=error.code, integration_id=str(integration.pk))


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
    if known is not None and not isinstance(known, errors.NotAsked):
        _note_failure(access, asker, known)


def _note_failure(access: Access, asker: Asker, error: errors.ParlaeError) -> None:
    """Remember a failure; if even that fails, the first failure is still the one to be told."""
    try:
        integrations.note_failure(integration=access.integration, error=error, asker=asker)
    except (errors.Internal, Error) as second:
        log.error("failure not noted", code=error.code, exception=type(second).__name__)
