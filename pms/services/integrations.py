"""A practice's connection to its PMS: its sealed credentials and what becomes of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import F

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.models import ConnectionStatus, PmsCachedData, PmsIntegration, PmsToken
from pms.providers import registry
from pms.providers.base import Capability
from pms.services import audit, plain
from pms.services.audit import Asker

MAX_CREDENTIAL = 500  # characters
FEATURES = ("booking", "newPatients", "notes", "insurance", "payments")
# The spec's features: the practice's switch that each needs, and what the connection must be able to do.
PUBLIC_FEATURES: dict[str, tuple[str, frozenset[Capability]]] = {
    "appointments": (
        "booking",
        frozenset({Capability.READ_SCHEDULE, Capability.READ_APPOINTMENTS, Capability.BOOK_APPOINTMENT}),
    ),
    "patients": ("newPatients", frozenset({Capability.READ_PATIENTS, Capability.CREATE_PATIENT})),
    "insurance": ("insurance", frozenset({Capability.READ_INSURANCE})),
    "payments": ("payments", frozenset({Capability.POST_PAYMENT})),
}
# Which of a practice's connections speaks for it, the first that there is.
_STANDING = (
    ConnectionStatus.ACTIVE,
    ConnectionStatus.ERROR,
    ConnectionStatus.SETUP_REQUIRED,
    ConnectionStatus.INACTIVE,
)


def active_for(*, account: Account) -> PmsIntegration:
    """Return the account's active integration.

    Raises ``SetupRequired`` if there is none, and ``CredentialsRejected`` if there is one that no longer lets us in.
    """
    found = {one.status: one for one in plain.find(PmsIntegration, account_id=account.pk)}
    integration = found.get(ConnectionStatus.ACTIVE)
    if integration is None:
        raise errors.CredentialsRejected if ConnectionStatus.ERROR in found else errors.SetupRequired
    integration.account = account
    return integration


def current(*, account: Account) -> PmsIntegration | None:
    """Return the connection that speaks for an account, whatever its status; ``None`` if there never was one."""
    found = list(PmsIntegration.objects.filter(account=account).order_by("-updated_at"))
    found.sort(key=lambda one: _STANDING.index(ConnectionStatus(one.status)))  # stable: the latest of the same status
    integration = next(iter(found), None)
    if integration is not None:
        integration.account = account
    return integration


def public_features(*, integration: PmsIntegration | None) -> dict[str, bool]:
    """Return the spec's four features: switched on, and within what the connection can do; none while it is down."""
    if integration is None or integration.status != ConnectionStatus.ACTIVE:
        return dict.fromkeys(PUBLIC_FEATURES, False)
    able = capabilities(integration)
    switches = dict(integration.features or {})
    # The spec's own switch for bookings stands above ours.
    switches["booking"] = switches.get("booking", False) and (integration.config or {}).get("allowOnlineBooking", True)
    return {name: bool(switches.get(switch)) and needed <= able for name, (switch, needed) in PUBLIC_FEATURES.items()}


def capabilities(integration: PmsIntegration) -> frozenset[str]:
    """Return what a connection can do: what it was found to, or before that what its provider can at best."""
    best = registry.service_class(integration.provider).possible_capabilities()
    found = (integration.metadata or {}).get("capabilities")
    return frozenset(best) if found is None else frozenset(best) & frozenset(found)


def practice_since(integration: PmsIntegration) -> datetime:
    """Return since when the connection leads to the practice that it leads to now: older ids are other people's."""
    return integration.practice_since or datetime.min.replace(tzinfo=UTC)


def reveal(*, integration: PmsIntegration) -> dict[str, str]:
    """Return the opened credentials, for talking to the vendor and for nothing else."""
    opened: dict[str, str] = vault.unseal(integration.credentials, _place(integration.pk))
    return opened


def has_own_keys(*, integration: PmsIntegration) -> bool:
    """Return whether the practice has typed every secret itself, so that the platform's keys open nothing for it."""
    known = reveal(integration=integration)
    fields = registry.service_class(integration.provider).credential_fields
    return all(field.name in known for field in fields if field.secret)


def note_failure(*, integration: PmsIntegration, error: errors.ParlaeError, asker: Asker) -> None:
    """Remember why an access failed; refused credentials and another practice's answer switch the connection off."""
    if not isinstance(error, errors.PmsError):
        return
    # By its credentials: how old ones failed says nothing about those that have replaced them meanwhile.
    used = PmsIntegration.objects.filter(pk=integration.pk, credentials=bytes(integration.credentials))
    used.update(last_error=error.code)
    if isinstance(error, errors.CredentialsRejected | errors.TenantMismatch):
        used.exclude(status=ConnectionStatus.INACTIVE).update(status=ConnectionStatus.ERROR)
        audit.record_event(
            kind="integration.tenant_mismatch" if isinstance(error, errors.TenantMismatch) else "integration.rejected",
            actor=asker.actor,
            account_id=integration.account_id,
            detail={"provider": integration.provider, "integration": str(integration.pk)},
            request_id=asker.request_id,
        )


def typed(*, provider: str, given: Mapping[str, object]) -> dict[str, str]:
    """Return what was typed into the provider's own fields, without blanks at its ends; what else was sent is dropped.

    A value is never repeated in an error. Raises ``Invalid`` by field for what no header could hold, and
    ``NotSupported`` for a provider without an adapter.
    """
    names = [field.name for field in registry.service_class(provider).credential_fields]
    sent = {name: given[name] for name in names if given.get(name) is not None}
    bad = [name for name, value in sent.items() if not _is_usable(value)]
    if bad:
        text = f"Use letters, digits and signs of a keyboard, up to {MAX_CREDENTIAL} characters."
        raise errors.Invalid(fields=dict.fromkeys(bad, text))
    return {name: str(value).strip() for name, value in sent.items()}


def missing(*, provider: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return what to say about the fields that are needed and neither given nor the platform's."""
    given = {**platform_values(provider), **{name: value for name, value in values.items() if value}}
    fields = registry.service_class(provider).credential_fields
    return {f.name: "This field is needed." for f in fields if f.required and not given.get(f.name)}


def platform_values(provider: str) -> dict[str, str]:
    """Return what the platform itself brings along for a provider: the address, and keys that practices share."""
    return dict(settings.PMS_PROVIDER_DEFAULTS.get(provider, {}))


def store(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    features: Mapping[str, bool],
) -> PmsIntegration:
    """Seal and keep credentials as SETUP_REQUIRED; raise ``Invalid`` with the missing fields."""
    integration = prepared(
        account=account, provider=provider, credentials=credentials, config=config, features=features
    )
    integration.save()
    forget(integration.pk)
    return integration


def prepared(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    features: Mapping[str, bool],
) -> PmsIntegration:
    """Return the account's connection to a provider with other credentials, for trying them; nothing is saved.

    Raises ``Invalid`` with the missing fields, and ``NotSupported`` for a provider without an adapter.
    """
    fields = registry.service_class(provider).credential_fields
    given = {f.name: str(credentials.get(f.name) or "").strip() for f in fields}
    kept = {name: value for name, value in given.items() if value}
    lacking = missing(provider=provider, values=kept)
    if lacking:
        raise errors.Invalid("Some credentials are missing.", fields=lacking)
    integration = PmsIntegration.objects.filter(account=account, provider=provider).first() or PmsIntegration(
        id=uuid.uuid4(), provider=provider
    )
    integration.account = account
    integration.status = ConnectionStatus.SETUP_REQUIRED
    integration.credentials = vault.seal(kept, _place(integration.pk))
    integration.config = dict(config)
    integration.features = {name: bool(features.get(name, False)) for name in FEATURES}
    integration.metadata = None
    integration.last_error = None
    return integration


def deactivate(*, integration: PmsIntegration) -> None:
    """Switch a connection off and destroy its credentials; its row and its evidence stay."""
    integration.status = ConnectionStatus.INACTIVE
    integration.credentials = vault.seal({}, _place(integration.pk))
    integration.save(update_fields=["status", "credentials", "updated_at"])
    forget(integration.pk)


def forget(pk: uuid.UUID) -> None:
    """Drop the token and the copies that were had with other credentials; a renewal under way loses by its version."""
    PmsToken.objects.filter(pk=pk).update(sealed=None, expires_at=None, lease_until=None, version=F("version") + 1)
    PmsCachedData.objects.filter(pms_integration_id=pk).delete()


def _is_usable(value: object) -> bool:
    if not isinstance(value, str) or len(value) > MAX_CREDENTIAL:
        return False
    return value.isascii() and value.strip().isprintable()


def _place(pk: uuid.UUID) -> str:
    return f"pms_integrations:{pk}:credentials"
