"""Callers at the same moment: threads with connections of their own, against the sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.records import NewAppointment, ResourceKind
from pms.models import AppointmentType, Booking, BookingState, PmsCachedData, Verification, WriteBack
from pms.providers.http import HttpPool
from pms.scheduling.rules import Team, resource
from pms.scheduling.slots import Slot
from pms.tools import offering
from pms.tools.context import Result
from tests.conftest import Sim
from tests.practice import live_call, start_of
from tests.services.conftest import Hold, nine
from tests.talking import ALDER, Caller, bookings_sent, codes, in_the_pms, outcomes, together

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30.0  # seconds for one tool: what is tested is who wins, not how fast this machine is
Booker = Callable[[], Result]


@pytest.fixture
def callers(practice: Account, sim: Sim) -> Callable[[int], list[Caller]]:
    """Make callers in calls of their own, each verified as somebody else."""
    sim("POST", "config", writeback_delay=0.1)
    patients = [
        row["patient_id"] for row in sim("GET", "truth", office_id=ALDER)["patients"] if row["status"] == "Active"
    ]
    Caller(practice, number="").open_times()  # the office's key and lists are known then

    def make(count: int) -> list[Caller]:
        made = [Caller(practice, number="") for _ in range(count)]
        for caller, patient_id in zip(made, reversed(patients), strict=False):
            Verification.objects.create(
                account=practice, call=caller.call, succeeded=True, patient_id=patient_id, subject_digest=""
            )
        return made

    return make


def booking(caller: Caller, at: str = "09:00", **arguments: Any) -> Booker:
    return lambda: caller.book(at, seconds=PATIENCE, **arguments)


def active() -> int:
    return Booking.objects.filter(state__in=["HELD", "PENDING", "UNKNOWN", "CONFIRMED"]).count()


def test_rc_01_of_many_callers_for_one_time_one_has_it(callers: Callable[[int], list[Caller]], sim: Sim) -> None:
    results = together(*(booking(caller, providerId="HY1") for caller in callers(16)))

    refused = [one for one in results if one.outcome != "ok"]
    assert Counter(outcomes(results)) == {"ok": 1, "slot_taken": 15}
    assert all(1 <= len(codes(one.say)) <= 3 for one in refused)
    assert all("taken" in one.say for one in refused)
    assert (active(), bookings_sent(sim), len(in_the_pms(sim))) == (1, 1, 1)


def test_rc_02_of_two_overlapping_times_one_is_booked(callers: Callable[[int], list[Caller]], sim: Sim) -> None:
    first, second = callers(2)

    results = together(booking(first, "09:00", providerId="HY1"), booking(second, "09:30", providerId="HY1"))

    assert outcomes(results) == ["ok", "slot_taken"]
    assert (active(), len(in_the_pms(sim))) == (1, 1)


def test_rc_03_two_rooms_with_two_clinicians_are_two_bookings(callers: Callable[[int], list[Caller]], sim: Sim) -> None:
    results = together(*(booking(caller) for caller in callers(6)))

    pairs = Counter((row["provider_id"], row["operatory"]) for row in in_the_pms(sim))
    assert Counter(outcomes(results)) == {"ok": 2, "slot_taken": 4}
    assert pairs == {("HY1", "Hyg 1"): 1, ("HY2", "Hyg 2"): 1}
    assert bookings_sent(sim) == 2


def test_rc_04_one_clinician_is_not_in_two_rooms(callers: Callable[[int], list[Caller]], sim: Sim) -> None:
    wish = {"appointmentType": "Emergency", "providerId": "DR1"}

    results = together(*(booking(caller, **wish) for caller in callers(4)))

    assert Counter(outcomes(results)) == {"ok": 1, "slot_taken": 3}
    assert len(in_the_pms(sim)) == 1


@pytest.mark.parametrize("_again", range(4))
def test_rc_09_a_hold_that_ran_out_is_either_sent_or_somebody_elses(hold: Hold, _again: int) -> None:
    late = hold(now=timezone.now() - timedelta(seconds=301))
    mine = Booking.objects.get(pk=late.pk)

    def send() -> bool:
        new = NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)
        return start_of(mine, new) is not None

    def take() -> bool:
        try:
            return bool(hold(patient_id="1010"))
        except errors.SlotTaken:
            return False

    is_sent, is_taken = together(send, take)

    late.refresh_from_db()
    assert is_sent is not is_taken
    assert late.state == (BookingState.PENDING if is_sent else BookingState.EXPIRED)
    assert WriteBack.objects.count() == int(is_sent)
    assert active() == 1


def test_rc_17_nothing_is_locked_while_the_vendor_is_asked(
    callers: Callable[[int], list[Caller]], monkeypatch: pytest.MonkeyPatch
) -> None:
    [caller] = callers(1)
    PmsCachedData.objects.all().delete()
    exchange, inside = HttpPool._exchange, []

    def watched(*args: Any) -> Any:
        inside.append((args[1].method, connection.in_atomic_block))
        return exchange(*args)

    monkeypatch.setattr(HttpPool, "_exchange", watched)

    caller.open_times()
    caller.book()

    assert {is_inside for _, is_inside in inside} == {False}
    assert {method for method, _ in inside} == {"GET", "POST"}
    assert all(not one.in_atomic_block for one in connections.all())


def test_rc_18_a_time_that_is_given_up_while_somebody_wants_it_has_one_owner(hold: Hold) -> None:
    given_up = hold()
    Booking.objects.update(state=BookingState.PENDING)

    def give_up() -> bool:
        return Booking.objects.filter(pk=given_up.pk).update(state=BookingState.CANCELLED) == 1

    def take() -> bool:
        try:
            return bool(hold(patient_id="1010"))
        except errors.SlotTaken:
            return False

    _, at_once = together(give_up, take)

    assert at_once or take()
    assert active() == 1


def test_callers_for_different_times_do_not_get_in_each_others_way(
    callers: Callable[[int], list[Caller]], sim: Sim
) -> None:
    times = ["08:00", "09:00", "10:00", "11:00", "13:00", "14:00"]

    results = together(*(booking(one, at, providerId="HY1") for one, at in zip(callers(6), times, strict=True)))

    assert outcomes(results) == ["ok"] * 6
    assert sorted(row["time"] for row in in_the_pms(sim)) == times


def test_offers_at_the_same_moment_in_one_call_never_share_a_code(practice: Account) -> None:
    call = live_call(practice)
    kind = AppointmentType.objects.get(account=practice, name="Cleaning")
    pair = {resource(ResourceKind.CLINICIAN, "HY1"), resource(ResourceKind.OPERATORY, "Hyg 1")}
    slots = [Slot(nine(), nine() + timedelta(hours=1), nine(), Team(frozenset(pair)))] * 3

    codes = together(*[lambda: offering.offer(call=call, kind=kind, slots=slots, now=timezone.now())] * 8)

    assert sorted(code for some in codes for code in some) == sorted(f"A{n}" for n in range(1, 25))
