"""What a person at the practice must do."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.models import Task
from pms.services import tasks
from tests.practice import live_call
from tests.services.conftest import Hold
from tests.talking import together


def test_what_a_task_says_is_sealed(practice: Account) -> None:
    task = tasks.open_task(account=practice, kind="message", detail={"patientId": "1001"})

    assert b"1001" not in bytes(task.detail)
    assert tasks.detail(Task.objects.get()) == {"patientId": "1001"}


def test_a_booking_has_one_task_of_a_kind(practice: Account, hold: Hold) -> None:
    booking = hold()

    kinds = ("booking_failed", "booking_failed", "booking_mismatch")
    opened = [tasks.open_task(account=practice, kind=kind, detail={}, booking=booking).pk for kind in kinds]

    assert opened[0] == opened[1] != opened[2]
    assert Task.objects.count() == 2


def test_a_call_can_have_many_tasks(practice: Account) -> None:
    call = live_call(practice)

    for name in ("1001", "1010"):
        tasks.open_task(account=practice, kind="returning_inactive_patient", detail={"patientId": name}, call=call)

    assert Task.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_call_has_one_task_where_one_is_enough(practice: Account) -> None:
    call = live_call(practice)

    def opened() -> object:
        return tasks.open_task(account=practice, kind="verification_locked", detail={}, call=call, once=True).pk

    assert len(set(together(*[opened] * 4))) == 1
    assert tasks.open_task(account=practice, kind="verification_locked", detail={}, call=live_call(practice), once=True)
    assert Task.objects.count() == 2
