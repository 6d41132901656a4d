"""A practice's system that does not answer: it is left alone for a while, and callers hear the truth at once."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import Booking, BookingState, ConnectionStatus, PmsIntegration, SecurityEvent, Task, WriteBack
from pms.sandbox import Sandbox
from pms.services import circuit, connecting
from pms.services.circuit import FAILURES, Circuit
from tests import child
from tests.conftest import Sim
from tests.ground.support import ASKER
from tests.talking import (
    CORA,
    Caller,
    SetClock,
    Slow,
    asked_of_the_pms,
    bookings_sent,
    in_the_pms,
    look,
    made_at_the_desk,
    outcomes,
    quiet_day,
    together,
)

pytestmark = pytest.mark.django_db(transaction=True)

AWAY = "I'm sorry, I can't reach the practice's system right now. I can take a message for the team at the practice."
UNCHANGED = "so nothing has been scheduled or changed"
AT_ONCE = 0.5  # seconds


@pytest.fixture
def away(cora: Caller, sim: Sim) -> Caller:
    """A verified caller whose practice's system has failed five times, and would answer again."""
    fail(cora, sim, FAILURES)
    sim("DELETE", "requests")
    return cora


def fail(caller: Caller, sim: Sim, times: int) -> None:
    """Have the vendor fail at whatever the next accesses ask. A 500 is no reason to ask twice."""
    sim("POST", "fail", status=500, times=times)
    for _ in range(times):
        assert caller.use("getAppointments").outcome == "pms_unavailable"


def later(caller: Caller, **passed: float) -> Caller:
    """Return the same call, some time later."""
    return Caller(caller.call.account, call=caller.call, clock=SetClock.later(**passed))


def test_h19_one_failure_switches_nothing_off_and_opens_no_circuit(cora: Caller, sim: Sim) -> None:
    fail(cora, sim, 1)

    integration = PmsIntegration.objects.get()
    assert integration.status == ConnectionStatus.ACTIVE
    assert not circuit.is_open(integration.pk)
    assert cora.use("getAppointments").outcome == "ok"


def test_after_five_failures_the_vendor_is_asked_nothing_and_callers_hear_so_at_once(away: Caller, sim: Sim) -> None:
    began = time.monotonic()
    heard = [
        away.use("getAppointments"),
        away.use("findPatient", **CORA),
        away.use("checkAvailability", appointmentType="cleaning", date=quiet_day().isoformat()),
    ]

    assert [one.say for one in heard] == [AWAY] * 3
    assert {one.outcome for one in heard} == {"pms_unavailable"}
    assert time.monotonic() - began < 3 * AT_ONCE
    assert asked_of_the_pms(sim) == []
    assert PmsIntegration.objects.get().status == ConnectionStatus.ACTIVE


def test_a_message_is_taken_all_the_while(away: Caller, sim: Sim) -> None:
    result = away.use("takeMessage", message="Please call me back.")

    assert (result.outcome, result.say) == ("ok", "I have left that message for the team at the practice.")
    assert Task.objects.get().kind == "message"
    assert asked_of_the_pms(sim) == []


def test_who_wants_to_book_hears_that_nothing_is_scheduled_and_nothing_is_left_half_made(
    away: Caller, sim: Sim
) -> None:
    result = away.book()

    assert result.outcome == "pms_unavailable"
    assert "I can't reach the practice's system right now, so nothing has been scheduled or changed" in result.say
    assert not Booking.objects.exists()
    assert not WriteBack.objects.exists()
    assert not Task.objects.exists()
    assert asked_of_the_pms(sim) == []


def test_who_asks_again_for_what_was_asked_for_hears_how_it_stands(
    cora: Caller, sandbox: Sandbox, sim: Sim, slow: Slow
) -> None:
    first, second = made_at_the_desk(sandbox), made_at_the_desk(sandbox, "11:00")
    assert "has been cancelled" in cora.cancel(first).say
    slow()
    note = {"content": "I am afraid of needles"}
    asked = [cora.cancel(second), cora.use("addPatientNote", **note)]
    fail(cora, sim, FAILURES)
    sim("DELETE", "requests")

    done, pending, noted = cora.cancel(first), cora.cancel(second), cora.use("addPatientNote", **note)
    other, new = cora.confirm(second), cora.use("addPatientNote", content="Please call me")

    assert asked_of_the_pms(sim) == []
    assert "is cancelled" in done.say
    assert pending.say == asked[0].say
    assert asked[1].say in noted.say
    assert [one.outcome for one in (done, pending, noted)] == ["ok"] * 3
    assert [other.say, new.say] == [AWAY] * 2  # that nothing was changed would be too much
    assert WriteBack.objects.count() == 3


def test_what_was_changed_long_ago_or_for_others_is_not_meant(cora: Caller, sandbox: Sandbox, sim: Sim) -> None:
    assert "has been cancelled" in cora.cancel(made_at_the_desk(sandbox)).say
    WriteBack.objects.update(completed_at=timezone.now() - timedelta(days=2))
    other = made_at_the_desk(sandbox, "11:00")
    fail(cora, sim, FAILURES)

    mine = cora.cancel(other)
    WriteBack.objects.update(completed_at=timezone.now())
    after = cora.cancel(other)
    WriteBack.objects.update(patient_id="1002")
    others = cora.cancel(other)

    assert UNCHANGED in mine.say
    assert after.say == AWAY
    assert UNCHANGED in others.say


def test_after_the_pause_one_access_finds_out_that_everything_works_again(away: Caller, sim: Sim) -> None:
    sooner = later(away, seconds=25).use("getAppointments")
    then = later(away, seconds=31)
    result = then.use("getAppointments")
    booked = then.book()

    assert (sooner.say, result.outcome, booked.outcome) == (AWAY, "ok", "ok")
    assert Booking.objects.get().state in (BookingState.PENDING, BookingState.CONFIRMED)
    assert (bookings_sent(sim), len(in_the_pms(sim, "1001"))) == (1, 1)
    kinds = SecurityEvent.objects.filter(kind__contains="circuit").order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["integration.circuit_opened", "integration.circuit_closed"]


def test_a_probe_that_fails_is_asked_once_and_leaves_the_vendor_alone_for_longer(away: Caller, sim: Sim) -> None:
    sim("POST", "fail", status=500)

    failed = later(away, seconds=31).use("getAppointments")
    refused = [later(away, seconds=31 + passed).use("getAppointments") for passed in (1, 55)]

    assert [failed.say, *(one.say for one in refused)] == [AWAY] * 3
    assert len(asked_of_the_pms(sim)) == 1
    assert later(away, seconds=31 + 62).use("getAppointments").outcome == "ok"


def test_of_eight_callers_after_the_pause_one_probes_and_the_others_do_not_wait_for_it(away: Caller, sim: Sim) -> None:
    callers = [later(away, seconds=31) for _ in range(8)]
    sim("POST", "config", latency=1.5)

    results = together(*(partial(caller.use, "getAppointments") for caller in callers))

    assert outcomes(results) == ["ok"] + ["pms_unavailable"] * 7
    assert {one.say for one in results if one.outcome != "ok"} == {AWAY}
    assert len(asked_of_the_pms(sim)) == 1


def test_a_vendor_that_is_too_slow_for_any_caller_is_left_alone_too(cora: Caller, sim: Sim) -> None:
    sim("POST", "config", latency=2)
    slow = [cora.use("getAppointments", seconds=0.3) for _ in range(FAILURES)]
    sim("DELETE", "requests")

    refused = cora.use("getAppointments")

    assert {one.say for one in slow} == {errors.BudgetSpent().spoken}
    assert refused.say == AWAY
    assert asked_of_the_pms(sim) == []


def test_a_person_may_always_test_the_connection_and_a_test_that_goes_well_ends_the_pause(
    away: Caller, sim: Sim
) -> None:
    integration = PmsIntegration.objects.select_related("account").get()

    connecting.test(integration=integration, asker=ASKER, clock=SystemClock())

    assert away.use("getAppointments").outcome == "ok"
    assert not circuit.is_open(integration.pk)


def test_what_is_under_way_waits_and_is_followed_to_its_end_afterwards(cora: Caller, sim: Sim, slow: Slow) -> None:
    slow()
    cora.book()
    pending = WriteBack.objects.get()
    integration_id, now = PmsIntegration.objects.get().pk, SetClock.later(minutes=2).now()
    for _ in range(FAILURES):
        mine = Circuit(integration_id)
        mine.enter(now=now)
        mine.leave(now=now, has_answered=False)
    sim("DELETE", "requests")

    looked = look(minutes=2)

    write_back = WriteBack.objects.get()
    assert (looked, asked_of_the_pms(sim)) == (1, [])
    assert (write_back.state, Booking.objects.get().state) == (pending.state, BookingState.PENDING)
    assert write_back.next_attempt_at is not None
    assert write_back.next_attempt_at > now
    sim("POST", "clock", advance_seconds=601)
    look(hours=1)
    assert Booking.objects.get().state == BookingState.CONFIRMED


def test_failures_in_two_processes_are_one_row_and_what_one_opens_the_other_keeps_to(
    cora: Caller, sim: Sim, sandbox: Sandbox
) -> None:
    fail(cora, sim, FAILURES - 1)
    sim("POST", "fail", status=500)
    with child.using(cora.call.vapi_call_id, "getAppointments", sandbox) as process:
        printed, complaint = process.communicate(timeout=60)
    sim("DELETE", "requests")

    here = cora.use("getAppointments")
    with child.using(cora.call.vapi_call_id, "getAppointments", sandbox) as process:
        there, _ = process.communicate(timeout=60)

    assert json.loads(printed)["outcome"] == "pms_unavailable", complaint
    assert [here.say, json.loads(there)["say"]] == [AWAY, AWAY]
    assert asked_of_the_pms(sim) == []
