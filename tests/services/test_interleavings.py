"""Bookings, moves and cancellations in any order, whatever the office does (spec/scheduling, 3.9, property 6).

Hypothesis makes up the story, the sandbox is the practice's system, and our rows are in the database.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from django.db import transaction
from django.db.models import QuerySet
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account
from pms.models import BLOCKING, Booking, BookingState, WriteBack, WriteBackState
from pms.sandbox import Sandbox
from pms.tools.context import Result
from tests.conftest import Sim
from tests.regressions.kinds import Hasty
from tests.talking import ALDER, CORA, JOSE, Caller, in_the_pms, look

# Half an hour apart for what takes an hour, so that times overlap.
TIMES = ("08:00", "08:30", "09:00", "09:30", "10:00")
PEOPLE = {"1001": CORA, "1010": JOSE}
NEVER_AGAIN = {BookingState.EXPIRED, BookingState.FAILED, BookingState.CANCELLED, BookingState.RESCHEDULED}

people, times = st.sampled_from(sorted(PEOPLE)), st.sampled_from(TIMES)
clinicians = st.sampled_from(["HY1", "HY2"])


class Story(RuleBasedStateMachine):
    """Two callers, two hygienists with a room each, one morning."""

    practice: Account
    sim: Sim

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()  # each story leaves the database as it was
        self.atomic._from_testcase = True  # type: ignore[attr-defined]  # what must be durable may be inside
        self.atomic.__enter__()
        self.sim("POST", "reset")
        self.sim("POST", "config", writeback_delay=0)
        self.seconds = 0
        self.over = set[Any]()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize()
    def call(self) -> None:
        self.callers = {
            patient: Caller(self.practice, number="", clock=Hasty()).verified(person)
            for patient, person in PEOPLE.items()
        }

    @rule(who=people, at=times, with_whom=clinicians)
    def book(self, who: str, at: str, with_whom: str) -> None:
        self.heard(self.callers[who].book(at, providerId=with_whom))

    @precondition(lambda self: self.mine().exists())
    @rule(data=st.data(), at=times)
    def move(self, data: st.DataObject, at: str) -> None:
        booking = data.draw(st.sampled_from(list(self.mine())))
        self.heard(self.callers[booking.patient_id].move(at, appointmentId=str(booking.pk)))

    @precondition(lambda self: self.mine().exists())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        booking = data.draw(st.sampled_from(list(self.mine())))
        self.heard(self.callers[booking.patient_id].cancel(str(booking.pk)))

    @rule(event=st.sampled_from(["at once", "late", "refuses", "answer lost"]))
    def office(self, event: str) -> None:
        """Have the office carry out at once or late, or refuse the next write; or lose the next answer on its way."""
        match event:
            case "at once" | "late":
                self.sim("POST", "config", writeback_delay=600 if event == "late" else 0)
            case "refuses":
                self.sim("POST", "fail_write", result="Operatory is required")
            case _:
                self.sim("POST", "lose_answer")

    @rule()
    def time_passes(self) -> None:
        """Ten minutes: the office carries out what it has, the copy is made anew, and the worker looks."""
        self.seconds += 700
        self.sim("POST", "clock", advance_seconds=700)
        self.sim("POST", "refresh", office_id=ALDER)
        look(seconds=self.seconds)

    @invariant()
    def one_booking_per_resource_and_instant(self) -> None:
        for one, other in combinations(Booking.objects.filter(BLOCKING), 2):
            shares = one.clinician_id == other.clinician_id or one.operatory_id == other.operatory_id
            overlap = one.busy_from < other.busy_to and other.busy_from < one.busy_to
            assert not (shares and overlap and one.visit_id != other.visit_id), (one, other)

    @invariant()
    def one_appointment_per_resource_and_instant(self) -> None:
        standing = self.standing()
        for one, other in combinations(standing, 2):
            shares = any(one[what] == other[what] for what in ("provider_id", "operatory", "patient_id"))
            minutes = abs(_minutes(one) - _minutes(other))
            assert not (shares and minutes < 60), (one, other)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        states = dict(Booking.objects.values_list("pk", "state"))
        assert all(states[pk] == state for pk, state in self.over)
        self.over = {(pk, state) for pk, state in states.items() if state in NEVER_AGAIN}

    @invariant()
    def what_is_confirmed_is_there(self) -> None:
        standing = {row["appointment_sr_no"] for row in self.standing()}
        going = WriteBack.objects.exclude(state__in=[WriteBackState.DONE, WriteBackState.FAILED])
        confirmed = Booking.objects.filter(state=BookingState.CONFIRMED)
        ids = set(
            confirmed.exclude(pms_appointment_id__in=going.values("appointment_id")).values_list(
                "pms_appointment_id", flat=True
            )
        )
        assert ids <= standing

    def standing(self) -> list[dict[str, str]]:
        """Return the callers' appointments that take place, in the practice's own system; nobody else has any."""
        rows = [row for who in PEOPLE for row in in_the_pms(self.sim, who)]
        return [row for row in rows if row["status"] != "Cancelled"]

    def mine(self) -> QuerySet[Booking]:
        """Return what the callers believe to have, in a fixed order."""
        standing = (BookingState.PENDING, BookingState.UNKNOWN, BookingState.CONFIRMED)
        return Booking.objects.filter(state__in=standing).order_by("created_at")

    def heard(self, result: Result) -> None:
        assert result.outcome != "internal_error", result.say


def _minutes(row: dict[str, str]) -> int:
    hours, minutes = row["time"].split(":")
    return int(hours) * 60 + int(minutes)


@pytest.mark.django_db
def test_no_story_has_two_bookings_of_one_clinician_or_room_at_once(
    practice: Account, sandbox: Sandbox, sim: Sim
) -> None:
    class Here(Story):
        pass

    Here.practice, Here.sim = practice, staticmethod(sim)  # type: ignore[assignment]
    few = settings(
        max_examples=12,
        stateful_step_count=20,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a story that fails is not made shorter: every step is real work
    )

    run_state_machine_as_test(Here, settings=few)  # type: ignore[no-untyped-call]
