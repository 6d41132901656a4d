"""A practice's connection to its PMS: its sealed credentials and what becomes of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import F

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.models import ConnectionStatus, PmsCachedData, PmsIntegration, PmsToken
from pms.providers import registry
from pms.services import audit, plain
from pms.services.audit import Asker

FEATURES = ("booking", "newPatients", "notes", "insurance", "payments")


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


def reveal(*, integration: PmsIntegration) -> dict[str, str]:
    """Return the opened credentials, for talking to the vendor and for nothing else."""
    opened: dict[str, str] = vault.unseal(integration.credentials, _place(integration.pk))
    return opened


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


def store(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    features: Mapping[str, bool],
) -> PmsIntegration:
    """Seal and keep credentials as SETUP_REQUIRED; raise ``Invalid`` with the missing fields."""
    fields = registry.service_class(provider).credential_fields
    defaults = settings.PMS_PROVIDER_DEFAULTS.get(provider, {})
    typed = {f.name: str(credentials.get(f.name) or "").strip() for f in fields}
    kept = {name: value for name, value in typed.items() if value}
    given = {**defaults, **kept}
    missing = {f.name: "This field is needed." for f in fields if f.required and not given.get(f.name)}
    if missing:
        raise errors.Invalid("Some credentials are missing.", fields=missing)
    integration = PmsIntegration.objects.filter(account=account, provider=provider).first() or PmsIntegration(
        id=uuid.uuid4(), account=account, provider=provider
    )
    integration.status = ConnectionStatus.SETUP_REQUIRED
    integration.credentials = vault.seal(kept, _place(integration.pk))
    integration.config = dict(config)
    integration.features = {name: bool(features.get(name, False)) for name in FEATURES}
    integration.metadata = None
    integration.save()
    _forget(integration.pk)
    return integration


def deactivate(*, integration: PmsIntegration) -> None:
    """Switch a connection off and destroy its credentials; its row and its evidence stay."""
    integration.status = ConnectionStatus.INACTIVE
    integration.credentials = vault.seal({}, _place(integration.pk))
    integration.save(update_fields=["status", "credentials", "updated_at"])
    _forget(integration.pk)


def _forget(pk: uuid.UUID) -> None:
    """Drop the token and the copies that were had with other credentials; a renewal under way loses by its version."""
    PmsToken.objects.filter(pk=pk).update(sealed=None, expires_at=None, lease_until=None, version=F("version") + 1)
    PmsCachedData.objects.filter(pms_integration_id=pk).delete()


def _place(pk: uuid.UUID) -> str:
    return f"pms_integrations:{pk}:credentials"
