"""Bookings of Alder Dental, with and without the PMS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import AppointmentType, Booking
from pms.services import bookings
from pms.services.bookings import Wish
from tests.talking import NEW_YORK, quiet_day
from tests.tools.conftest import cora, quick_office, slow

__all__ = ["cora", "quick_office", "slow"]

Hold = Callable[..., Booking]


def nine() -> datetime:
    """Return nine o'clock of the quiet day at the practice."""
    return datetime.combine(quiet_day(), time(9), tzinfo=NEW_YORK)


def wish(practice: Account, minutes: float = 0, **changes: Any) -> Wish:
    """Return the wish for a cleaning, some minutes after nine."""
    kind = changes.pop("kind", None) or AppointmentType.objects.get(account=practice, name="Cleaning")
    values: dict[str, Any] = {
        "patient_id": "1001",
        "clinician_id": "HY1",
        "operatory_id": "Hyg 1",
        "clinician_name": "Perpetua Lindqvist",
    }
    return Wish(appointment_type=kind, starts_at=nine() + timedelta(minutes=minutes), **{**values, **changes})


@pytest.fixture
def hold(practice: Account) -> Hold:
    """Hold a time: ``hold(minutes, now=..., key=..., patient_id=...)``."""

    def make(minutes: float = 0, *, now: datetime | None = None, key: str = "", **changes: Any) -> Booking:
        return bookings.hold(
            integration=practice.integrations.get(),
            wish=wish(practice, minutes, **changes),
            call=None,
            key=key,
            now=now or timezone.now(),
        )

    return make
