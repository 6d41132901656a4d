"""A request for an appointment that several people decide about at once (scheduling cases RC-14 and RC-15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account, User
from pms.domain import errors
from pms.domain.clock import Budget
from pms.models import Booking, Resolution, Task, TaskState
from pms.services import requests
from pms.services.audit import Asker
from tests.conftest import Sim
from tests.races.racing import standing
from tests.talking import Caller, SetClock, bookings_sent, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

CROWN = {"appointmentType": "crown", "time": "09:00"}


@pytest.fixture
def asked(cora: Caller) -> Task:
    """A crown that Cora has asked for, which the practice takes as a request."""
    assert "a request for" in cora.book(**CROWN).say
    return Task.objects.get(kind=requests.KIND)


def person(name: str) -> User:
    return User.objects.create(email=f"{name.lower()}@alder.example", name=name)


def approving(task: Task, user: User) -> Callable[[], str]:
    """Return how somebody at the practice approves a request; it returns what became of it."""

    def approve() -> str:
        clock = SetClock()
        asker = Asker(actor=f"user:{user.pk}", endpoint="test", method="POST")
        mine = Task.objects.select_related("account").get(pk=task.pk)
        try:
            requests.approve(task=mine, user=user, asker=asker, clock=clock, budget=Budget(30, clock))
        except errors.AlreadyDecided as error:
            return error.message
        return "approved"

    return approve


def test_rc_14_of_two_who_approve_one_has_and_the_other_sees_who_did(asked: Task, sim: Sim) -> None:
    ana, finn = person("Ana"), person("Finn")

    told = together(approving(asked, ana), approving(asked, finn))

    asked.refresh_from_db()
    assert sorted(told) == sorted(["approved", f"{asked.resolved_by.name} was quicker: Approved."])  # type: ignore[union-attr]
    assert (asked.state, asked.resolution) == (TaskState.DONE, Resolution.APPROVED)
    assert (Booking.objects.count(), bookings_sent(sim), len(standing(sim))) == (1, 1, 1)


def test_rc_15_approved_while_the_patient_takes_it_back_it_is_one_of_both(
    practice: Account, cora: Caller, asked: Task, sim: Sim
) -> None:
    ana = person("Ana")

    def take_back() -> Any:
        return cora.cancel(asked.number).outcome

    told = together(approving(asked, ana), take_back)

    asked.refresh_from_db()
    booked = len(standing(sim))
    if asked.resolution == Resolution.WITHDRAWN:
        assert told == ["The patient was quicker: Withdrawn by the patient.", "ok"]
        assert (booked, Booking.objects.count()) == (0, 0)
    else:
        assert told == ["approved", "appointment_not_found"] or told == ["approved", "already_decided"]
        assert (asked.resolution, booked) == (Resolution.APPROVED, 1)
