"""The net below the lock: PostgreSQL itself refuses two bookings of one clinician or one room."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from pms.models import AppointmentType, Booking, BookingState, PmsIntegration, triggers
from pms.services import checks
from tests.ground.support import connected

NINE = datetime(2026, 5, 12, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BLOCKING = [
    (BookingState.HELD, None),
    (BookingState.PENDING, None),
    (BookingState.UNKNOWN, None),
    (BookingState.CONFIRMED, None),
]
FREE = [
    (BookingState.CONFIRMED, NINE),
    *[(state, None) for state in BookingState if state not in {blocking for blocking, _ in BLOCKING}],
]


@pytest.fixture
def alder(db: None) -> PmsIntegration:
    return connected()


def booking(integration: PmsIntegration, **changes: Any) -> Booking:
    """Write one booking of an hour at nine for DR1 in Op 1, past every check of ours."""
    kind, _ = AppointmentType.objects.get_or_create(
        account=integration.account, name="Cleaning", defaults={"duration_minutes": 60}
    )
    starts_at = changes.pop("starts_at", NINE)
    values = {
        "account": integration.account,
        "integration": integration,
        "confirmation_number": f"C{Booking.objects.count()}",
        "state": BookingState.HELD,
        "patient_id": "1001",
        "appointment_type": kind,
        "clinician_id": "DR1",
        "operatory_id": "Op 1",
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "busy_from": starts_at,
        "busy_to": starts_at + HOUR,
        "hold_expires_at": NINE,
    }
    with transaction.atomic():
        return Booking.objects.create(**{**values, **changes})


def refused(constraint: str) -> AbstractContextManager[Any]:
    """What happens to an overlap; SQLite has no such constraint, its single writer looks before it holds."""
    if connection.vendor == "postgresql":
        return pytest.raises(IntegrityError, match=constraint)
    return nullcontext()


OVERLAPS = {
    "the same time": {},
    "a part of it": {"starts_at": NINE + HOUR / 2},
    "its last second": {"starts_at": NINE + HOUR - timedelta(seconds=1)},
    "around it": {"busy_from": NINE - HOUR, "busy_to": NINE + 2 * HOUR},
    "by a buffer": {"starts_at": NINE + HOUR, "busy_from": NINE + HOUR - timedelta(minutes=5)},
}
RESOURCES = {
    "clinician": ({"operatory_id": "Op 2"}, "bookings_clinician_excl"),
    "operatory": ({"clinician_id": "DR2"}, "bookings_operatory_excl"),
}


@pytest.mark.parametrize("overlap", OVERLAPS.values(), ids=OVERLAPS.keys())
@pytest.mark.parametrize(("other", "constraint"), RESOURCES.values(), ids=RESOURCES.keys())
def test_one_clinician_or_room_is_not_booked_twice(
    alder: PmsIntegration, overlap: dict[str, Any], other: dict[str, str], constraint: str
) -> None:
    booking(alder)

    with refused(constraint):
        booking(alder, patient_id="1002", **other, **overlap)

    assert Booking.objects.count() == (1 if connection.vendor == "postgresql" else 2)


@pytest.mark.parametrize(("state", "verified_at"), BLOCKING, ids=str)
def test_every_state_that_keeps_its_time_refuses(
    alder: PmsIntegration, state: BookingState, verified_at: datetime | None
) -> None:
    booking(alder, state=state, verified_at=verified_at)

    with refused("bookings_clinician_excl"):
        booking(alder, operatory_id="Op 2")


@pytest.mark.parametrize(("state", "verified_at"), FREE, ids=str)
def test_every_other_state_leaves_its_time_free(
    alder: PmsIntegration, state: BookingState, verified_at: datetime | None
) -> None:
    booking(alder, state=state, verified_at=verified_at)

    booking(alder)

    assert Booking.objects.count() == 2


@pytest.mark.parametrize("starts_at", [NINE - HOUR, NINE + HOUR], ids=["before", "after"])
def test_appointments_may_touch(alder: PmsIntegration, starts_at: datetime) -> None:
    booking(alder)

    booking(alder, starts_at=starts_at)

    assert Booking.objects.count() == 2


def test_another_clinician_in_another_room_may_work_at_the_same_time(alder: PmsIntegration) -> None:
    booking(alder)

    booking(alder, clinician_id="DR2", operatory_id="Op 2")

    assert Booking.objects.count() == 2


def test_another_practice_may_use_the_same_ids(alder: PmsIntegration) -> None:
    booking(alder)

    booking(connected("Birch Dental", "D20002"))

    assert Booking.objects.count() == 2


def test_a_booking_cannot_come_back_into_a_time_that_was_given_away(alder: PmsIntegration) -> None:
    old = booking(alder, state=BookingState.EXPIRED)
    booking(alder)

    with refused("bookings_clinician_excl"), transaction.atomic():
        Booking.objects.filter(pk=old.pk).update(state=BookingState.PENDING)


def test_the_constraints_exist_where_they_are_needed(db: None) -> None:
    assert triggers.missing_exclusions() == []
    assert checks.booking_exclusions(databases=["default"]) == []


@pytest.mark.parametrize("name", triggers.EXCLUSIONS)
def test_a_lost_constraint_is_reported(db: None, name: str) -> None:
    on_postgresql = connection.vendor == "postgresql"
    if on_postgresql:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE bookings DROP CONSTRAINT {name}")

    reported = checks.booking_exclusions(databases=["default"])

    assert [message.id for message in reported] == (["pms.E004"] if on_postgresql else [])
    assert all(name in (message.hint or "") for message in reported)


@pytest.mark.django_db(transaction=True)
def test_the_refusals_can_be_unapplied_and_applied_again() -> None:
    call_command("migrate", "pms", "0001", verbosity=0)
    without = triggers.missing_exclusions()
    call_command("migrate", "pms", verbosity=0)

    assert without == (list(triggers.EXCLUSIONS) if connection.vendor == "postgresql" else [])
    assert (triggers.missing_exclusions(), triggers.missing()) == ([], [])
