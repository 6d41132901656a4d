"""What the ground-floor tests share: practices without a network, threads with their own connections, a broken log."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, connections

from accounts.models import Account
from pms.models import AuditPhase, ConnectionStatus, PmsAuditLog, PmsIntegration
from pms.services import integrations
from pms.services.audit import Asker, Entry, record_access

T = TypeVar("T")

APP = {"applicationId": "invented-application", "secretKey": "invented-application-key"}
ASKER = Asker(actor="user:test", endpoint="test", method="TEST", request_id="request-0001")
THREADS = 8


def connected(name: str = "Alder Dental", office: str = "D10001", zone: str = "America/New_York") -> PmsIntegration:
    """Return an active integration that nobody has tested."""
    account = Account.objects.create(name=name, time_zone=zone)
    integration = integrations.store(
        account=account,
        provider="SIKKA",
        credentials={**APP, "practiceId": office},
        config={},
        features={"booking": True},
    )
    PmsIntegration.objects.filter(pk=integration.pk).update(status=ConnectionStatus.ACTIVE)
    integration.refresh_from_db()
    return integration


def an_access(integration: PmsIntegration, **changes: object) -> PmsAuditLog:
    """Append one audit row."""
    values = {"access_id": uuid.uuid4(), "action": "getPatient", "phase": AuditPhase.READ, "phi_accessed": True}
    return record_access(integration=integration, asker=ASKER, entry=Entry(**{**values, **changes}))  # type: ignore[arg-type]


def in_threads(work: Callable[[int], T], count: int = THREADS) -> list[T]:
    """Run ``work(0)`` … ``work(count - 1)`` at once, each on database connections of its own."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        try:
            start.wait(10)
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@contextmanager
def without_table(table: str) -> Iterator[None]:
    """Take a table away, so that whatever needs it fails, and bring it back."""
    with _renamed(table, f"{table}_away"):
        yield


@contextmanager
def _renamed(table: str, away: str) -> Iterator[None]:
    _rename(table, away)
    try:
        yield
    finally:
        _rename(away, table)


def _rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")
