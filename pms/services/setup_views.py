"""What of a setup may be seen: how far it is, what is stored, what the check has found. Of a secret only that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from accounts.models import Account, User
from pms import vault
from pms.domain import errors
from pms.models import CheckState, ConnectionStatus, PmsIntegration, SecurityEvent, Setup
from pms.providers import registry
from pms.providers.base import CredentialField
from pms.providers.progress import CheckStep, StepState
from pms.services import integrations, setup_drafts
from pms.services.setup_drafts import Draft

log = structlog.get_logger(__name__)

# The steps of the setup.
SYSTEM, CREDENTIALS, TEST, FEATURES, DONE = range(1, 6)
INTERRUPTED = "check_interrupted"
_PUT_TO_USE = ("integration.created", "integration.changed")


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """One step of a check; ``code`` says what is to be known about it, or why it failed."""

    name: CheckStep
    state: StepState
    code: str = ""


@dataclass(frozen=True, slots=True)
class SetupView:
    """How far a setup is. ``furthest`` is the step, 1 to 5, that can be opened at most.

    ``fields`` are the credentials that the practice has to give, without those that the platform has. ``kept`` are the
    names of those that are stored, ``set_on`` since when, ``shown`` the values of those that are no secret.
    ``locations`` has the ids and names to choose from where the office has several. ``practice_name``, ``pms_name`` and
    ``time_zone`` are what the connection has found.
    """

    provider: str
    fields: tuple[CredentialField, ...]
    kept: frozenset[str]
    shown: Mapping[str, str]
    set_on: Mapping[str, datetime]
    location: str
    locations: Mapping[str, str]
    check_state: CheckState
    steps: tuple[CheckedStep, ...]
    error_code: str
    asked_at: datetime | None
    ended_at: datetime | None
    version: int
    changed_by: str
    changed_at: datetime | None
    furthest: int
    is_connected: bool
    is_draft: bool
    practice_name: str
    pms_name: str
    time_zone: str
    features_at: datetime | None


def view(setup: Setup, now: datetime) -> SetupView:
    """Return what may be seen of a setup; a check whose worker has died is told as such at once."""
    provider = provider_of(setup)
    kept = stored(setup, provider)
    connection = integrations.current(account=setup.account)
    is_dead = setup.check_state == CheckState.RUNNING and not is_running(setup, now)
    found = (connection.metadata or {}) if connection else {}
    fields = _asked(provider)
    return SetupView(
        provider=provider,
        fields=fields,
        kept=frozenset(kept.values if kept else ()),
        shown=_shown(fields, kept),
        set_on={name: datetime.fromisoformat(at) for name, at in (kept.set_at if kept else {}).items()},
        location=setup.location,
        locations=dict(setup.locations),
        check_state=CheckState.FAILED if is_dead else CheckState(setup.check_state),
        steps=steps_of(setup.steps, INTERRUPTED if is_dead else ""),
        error_code=INTERRUPTED if is_dead else setup.error_code,
        asked_at=setup.asked_at,
        ended_at=setup.ended_at,
        version=setup.version,
        changed_by=name_of(setup.changed_by),
        changed_at=setup.changed_at,
        furthest=_furthest(setup, provider, kept, connection),
        is_connected=_is_connected(connection),
        is_draft=setup_drafts.of(setup, provider) is not None,
        practice_name=str(found.get("practiceName") or ""),
        pms_name=str(found.get("pmsName") or ""),
        time_zone=str(found.get("timeZone") or ""),
        features_at=setup.features_at,
    )


def provider_of(setup: Setup) -> str:
    """Return the system that was chosen or, if none was, that of the connection; empty if there is neither."""
    if setup.provider:
        return setup.provider
    connection = integrations.current(account=setup.account)
    return connection.provider if connection else ""


def stored(setup: Setup, provider: str) -> Draft | None:
    """Return what was typed last for a provider, else what its connection has, ``None`` if there is nothing."""
    draft = setup_drafts.of(setup, provider)
    if draft is not None:
        return draft
    connection = PmsIntegration.objects.filter(account_id=setup.account_id, provider=provider).first()
    if connection is None or connection.status == ConnectionStatus.INACTIVE:
        return None
    try:
        values = integrations.reveal(integration=connection)
    except vault.CannotOpen:  # its key was retired: it has to be typed again
        log.error("credentials cannot be opened", integration_id=str(connection.pk))
        return None
    return Draft(values, dict.fromkeys(values, _since(setup.account, connection).isoformat()))


def is_running(setup: Setup, now: datetime) -> bool:
    """Return whether a worker is at a check; one whose lease has ended is dead."""
    return setup.check_state == CheckState.RUNNING and setup.lease_until is not None and setup.lease_until > now


def name_of(user: Any) -> str:
    """Return what a person is called, empty for nobody."""
    return (user.name or user.email) if isinstance(user, User) else ""


def steps_of(told: list[dict[str, str]], broken: str = "") -> tuple[CheckedStep, ...]:
    """Return all five steps; those that were not come to wait, and one that runs has failed if the check is broken."""
    known = {one["name"]: one for one in told}
    found = []
    for step in CheckStep:
        one = known.get(step)
        state, code = (StepState(one["state"]), one["detail"]) if one else (StepState.WAITING, "")
        is_broken = bool(broken) and state is StepState.RUNNING
        found.append(CheckedStep(step, StepState.FAILED, broken) if is_broken else CheckedStep(step, state, code))
    return tuple(found)


def _asked(provider: str) -> tuple[CredentialField, ...]:
    """Return the fields that the practice has to fill in; none for a provider that cannot be connected."""
    try:
        fields = registry.service_class(provider).credential_fields
    except errors.NotSupported:
        return ()
    platforms = integrations.platform_values(provider)
    return tuple(field for field in fields if not platforms.get(field.name))


def _shown(fields: tuple[CredentialField, ...], kept: Draft | None) -> dict[str, str]:
    values = kept.values if kept else {}
    return {field.name: values[field.name] for field in fields if not field.secret and field.name in values}


def _since(account: Account, connection: PmsIntegration) -> datetime:
    """Return when a connection's credentials were put to use: the evidence has it."""
    events = SecurityEvent.objects.filter(account_id=account.pk, kind__in=_PUT_TO_USE)
    latest = events.filter(detail__integration=str(connection.pk)).order_by("-created_at").first()
    return latest.created_at if latest else connection.created_at


def _is_connected(connection: PmsIntegration | None) -> bool:
    in_use = (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)
    return connection is not None and connection.metadata is not None and connection.status in in_use


def _furthest(setup: Setup, provider: str, kept: Draft | None, connection: PmsIntegration | None) -> int:
    if _is_connected(connection):
        return DONE if setup.features_at else FEATURES
    if kept is not None:
        return TEST
    return CREDENTIALS if provider else SYSTEM
