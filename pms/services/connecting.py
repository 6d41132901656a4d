"""Connecting a practice to its PMS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import ConnectionReport
from pms.models import ConnectionStatus, PmsIntegration
from pms.services import audit, gateway, integrations
from pms.services.audit import Asker

TEST_BUDGET_SECONDS = 30.0
RECHECK_EVERY = timedelta(minutes=10)

log = structlog.get_logger(__name__)


def connect(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    features: Mapping[str, bool],
    asker: Asker,
    clock: Clock,
) -> PmsIntegration:
    """Store credentials, test the connection with them and activate it.

    Raises what the test raises; the integration is then kept as SETUP_REQUIRED or ERROR with the reason.
    """
    integration = integrations.store(
        account=account, provider=provider, credentials=credentials, config=config, features=features
    )
    report = test(integration=integration, asker=asker, clock=clock)
    with transaction.atomic():
        replaced = PmsIntegration.objects.filter(
            account=account, status__in=[ConnectionStatus.ACTIVE, ConnectionStatus.ERROR]
        )
        for other in replaced.exclude(pk=integration.pk):
            integrations.deactivate(integration=other)
        integration.status = ConnectionStatus.ACTIVE
        integration.last_error = None
        integration.metadata = _metadata(report)
        integration.last_sync_at = report.data_as_of
        integration.save()
    return integration


def test(*, integration: PmsIntegration, asker: Asker, clock: Clock) -> ConnectionReport:
    """Check every step of the way to the practice's data, audited like any access."""
    budget = Budget(TEST_BUDGET_SECONDS, clock)
    with gateway.reading(
        integration=integration, asker=asker, action="testConnection", phi=False, clock=clock, budget=budget
    ) as access:
        return access.pms.test_connection()


def recheck_rejected(*, clock: Clock) -> int:
    """Test again the connections whose credentials were refused a while ago; return how many work again.

    One whose answers belonged to another practice stays off until a person looks.
    """
    waiting = PmsIntegration.objects.filter(
        status=ConnectionStatus.ERROR,
        last_error=errors.CredentialsRejected.code,
        updated_at__lt=clock.now() - RECHECK_EVERY,
    )
    return sum(_works_again(integration, clock) for integration in waiting.select_related("account"))


def _works_again(integration: PmsIntegration, clock: Clock) -> bool:
    mine = PmsIntegration.objects.filter(pk=integration.pk, updated_at=integration.updated_at)
    if not mine.update(updated_at=clock.now()):
        return False  # another worker's
    asker = Asker(actor="job:connections", endpoint="job:connections", method="JOB")
    try:
        test(integration=integration, asker=asker, clock=clock)
    except errors.ParlaeError as error:
        log.info("connection still refused", code=error.code, integration_id=str(integration.pk))
        return False
    broken = PmsIntegration.objects.filter(pk=integration.pk, status=ConnectionStatus.ERROR)
    done = broken.update(status=ConnectionStatus.ACTIVE, last_error=None) == 1
    if done:
        detail = {"provider": integration.provider, "integration": str(integration.pk)}
        audit.record_event(
            kind="integration.restored", actor=asker.actor, account_id=integration.account_id, detail=detail
        )
    return done


def _metadata(report: ConnectionReport) -> dict[str, Any]:
    return {
        "pmsName": report.pms_name,
        "practiceName": report.practice_name,
        "timeZone": report.time_zone,
        "locationId": report.locations[0].id if report.locations else "",
        "capabilities": sorted(report.capabilities),
    }
