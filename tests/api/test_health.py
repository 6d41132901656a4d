"""Whether the process lives, and whether it can work."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import CheckState, Duty, DutyKind, PmsIntegration, Setup, WriteBack


def due(account: Account, at: datetime | None) -> None:
    integration = PmsIntegration.objects.filter(account=account).first() or PmsIntegration.objects.create(
        account=account, provider="SIKKA", credentials=b"sealed"
    )
    WriteBack.objects.create(
        account=account,
        integration=integration,
        operation="bookAppointment",
        payload=b"sealed",
        access_id=uuid.uuid4(),
        sent_at=timezone.now(),
        next_attempt_at=at,
    )


def waiting(account: Account, *, seconds: float) -> PmsIntegration:
    """Return a connection in use, one of whose duties should have been done so long ago."""
    since = timezone.now() - timedelta(seconds=seconds)
    integration = PmsIntegration.objects.create(account=account, provider="SIKKA", status="ACTIVE")
    PmsIntegration.objects.update(updated_at=since)
    Duty.objects.create(integration=integration, kind=DutyKind.HEALTH, next_attempt_at=since)
    Duty.objects.create(
        integration=integration, kind=DutyKind.SYNC, next_attempt_at=timezone.now() + timedelta(hours=1)
    )
    return integration


@pytest.fixture
def account(db: None) -> Account:
    return Account.objects.create(name="Alder Dental", time_zone="America/New_York")


def test_the_process_is_alive_without_a_database(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_only_reading_is_allowed(client: Client, db: None, address: str) -> None:
    assert client.post(address).status_code == 405
    assert client.head(address).status_code == 200


def test_with_database_and_cache_it_is_ready(client: Client, db: None) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "database": True, "cache": True, "workerLagSeconds": 0}


def test_without_the_database_it_is_not_ready(client: Client, db: None) -> None:
    def down(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(down):
        response = client.get("/readyz")

    assert response.status_code == 503
    # Limits are counted in the database where there is no Redis.
    assert response.json() == {"status": "not ready", "database": False, "cache": False, "workerLagSeconds": None}


def test_without_the_cache_it_is_not_ready(client: Client, db: None, settings: Settings) -> None:
    nobody_listens = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "limits": nobody_listens}

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "database": True, "cache": False, "workerLagSeconds": 0}


def test_a_late_worker_is_told_in_the_body_and_not_in_the_status(client: Client, account: Account) -> None:
    due(account, timezone.now() - timedelta(seconds=90))
    due(account, timezone.now() - timedelta(seconds=30))
    due(account, timezone.now() + timedelta(seconds=30))
    due(account, None)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert 90 <= response.json()["workerLagSeconds"] <= 100


def test_a_duty_of_a_connection_in_use_that_waits_counts_too(client: Client, account: Account) -> None:
    waiting(account, seconds=120)

    assert 120 <= client.get("/readyz").json()["workerLagSeconds"] <= 130


@pytest.mark.parametrize("changes", [{"status": "ERROR"}, {"updated_at": None}])
def test_a_duty_waits_only_while_its_connection_is_in_use(
    client: Client, account: Account, changes: dict[str, Any]
) -> None:
    """Switched off, it rests; switched on again, it waits from then on."""
    integration = waiting(account, seconds=9000)
    PmsIntegration.objects.filter(pk=integration.pk).update(
        **{name: value or timezone.now() for name, value in changes.items()}
    )

    assert client.get("/readyz").json()["workerLagSeconds"] <= 10


def test_a_check_that_waits_for_the_worker_counts_too(client: Client, account: Account) -> None:
    Setup.objects.create(
        account=account, check_state=CheckState.QUEUED, asked_at=timezone.now() - timedelta(seconds=60)
    )

    assert 60 <= client.get("/readyz").json()["workerLagSeconds"] <= 70
