"""A hold that ends while somebody else wants its time (scheduling cases RC-07 to RC-09 and RC-18)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.domain import errors
from pms.domain.records import NewAppointment
from pms.models import Booking, BookingState, WriteBack
from pms.services import bookings, calls, placing
from pms.tools.context import Result
from tests.conftest import Sim
from tests.practice import start_of
from tests.races.conftest import Callers
from tests.races.racing import PATIENCE, active, booking, standing
from tests.services.conftest import Hold, nine, wish
from tests.talking import JOSE, Caller, SetClock, bookings_sent, codes, outcomes, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def holding(caller: Caller, **changes: Any) -> Booking:
    """Have a call hold nine o'clock with HY1 and get no further, as one does whose process dies there."""
    account = caller.call.account
    return bookings.hold(
        integration=account.integrations.get(),
        wish=wish(account, **changes),
        call=caller.call,
        key="",
        now=caller.clock.now() - bookings.ABANDONED_AFTER,
    )


def hang_up(caller: Caller) -> None:
    calls.note(call=caller.call, progress=calls.Progress(status="ended"), now=caller.clock.now())


def test_rc_07_the_time_of_who_hangs_up_is_free_at_once(practice: Account, callers: Callers, sim: Sim) -> None:
    left = Caller(practice)
    held = holding(left)
    [other] = callers(1)

    _, at_once = together(lambda: hang_up(left), booking(other, providerId="HY1"))
    then = at_once if at_once.outcome == "ok" else other.book(providerId="HY1")

    held.refresh_from_db()
    assert at_once.outcome in ("ok", "slot_taken")
    assert then.outcome == "ok"
    assert held.state == BookingState.EXPIRED
    assert (active(), bookings_sent(sim), len(standing(sim))) == (1, 1, 1)


def test_rc_07_the_time_of_who_stays_silent_is_free_after_five_minutes(
    practice: Account, callers: Callers, sim: Sim
) -> None:
    held = holding(Caller(practice))
    first, second = callers(2)

    early = together(booking(first, providerId="HY1"), booking(second, providerId="HY1"))
    first.clock = second.clock = SetClock.later(seconds=301)
    late = together(booking(first, providerId="HY1"), booking(second, providerId="HY1"))

    held.refresh_from_db()
    assert outcomes(early) == ["slot_taken", "slot_taken"]
    assert outcomes(late) == ["ok", "slot_taken"]
    assert held.state == BookingState.EXPIRED
    assert (active(), bookings_sent(sim), len(standing(sim))) == (1, 1, 1)


def test_rc_07_who_hangs_up_while_booking_has_it_or_has_not(cora: Caller, sim: Sim) -> None:
    cora.open_times()

    result, _ = together(booking(cora, providerId="HY1"), lambda: hang_up(cora))  # type: ignore[arg-type]

    is_booked = isinstance(result, Result) and "is booked for" in result.say
    assert isinstance(result, Result)
    assert result.outcome in ("ok", "slot_expired", "call_required")
    assert (active(), bookings_sent(sim), len(standing(sim))) == (is_booked,) * 3


def test_rc_08_what_one_call_holds_is_offered_to_no_other(practice: Account, callers: Callers) -> None:
    cora = Caller(practice).verified()
    [other] = callers(1)
    holding(cora)
    asked = {"time": "09:00", "providerId": "HY1"}

    to_her, to_other = together(lambda: cora.open_times(**asked), lambda: other.open_times(**asked))

    assert "9 AM" not in to_other
    assert codes(to_other)
    assert "9 AM" in to_her


def test_rc_09_who_comes_back_after_the_hold_ran_out_has_it_or_hears_of_other_times(
    callers: Callers, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, other = callers(2)
    recheck, is_over = placing.recheck, threading.Barrier(2)
    waited = set[int]()

    def after_the_hold(*args: Any) -> None:
        if threading.get_ident() not in waited and args[1].call_id == late.call.pk:
            waited.add(threading.get_ident())
            Booking.objects.filter(pk=args[1].pk).update(hold_expires_at=timezone.now() - timedelta(seconds=1))
            is_over.wait(20)
        recheck(*args)

    def after_it() -> Result:
        is_over.wait(20)
        return other.book(providerId="HY1", seconds=PATIENCE)

    monkeypatch.setattr(placing, "recheck", after_the_hold)

    results = together(booking(late, providerId="HY1"), after_it)

    [refused] = [one for one in results if one.outcome != "ok"]
    assert refused.outcome in ("slot_taken", "slot_expired")
    assert codes(refused.say)
    assert (active(), bookings_sent(sim), len(standing(sim))) == (1, 1, 1)


def test_rc_09_a_hold_that_ran_out_is_either_sent_or_somebody_elses(hold: Hold) -> None:
    late = hold(now=timezone.now() - timedelta(seconds=301))
    mine = Booking.objects.get(pk=late.pk)

    def send() -> bool:
        return start_of(mine, NewAppointment("1001", "HY1", "Hyg 1", nine(), 60)) is not None

    is_sent, is_taken = together(send, lambda: takes(hold))

    late.refresh_from_db()
    assert is_sent is not is_taken
    assert late.state == (BookingState.PENDING if is_sent else BookingState.EXPIRED)
    assert WriteBack.objects.count() == int(is_sent)
    assert active() == 1


def test_rc_18_a_time_that_is_cancelled_while_somebody_wants_it_has_one_owner(
    practice: Account, cora: Caller, sim: Sim
) -> None:
    jose = Caller(practice, number="").verified(JOSE)
    assert cora.book(providerId="HY1").outcome == "ok"

    cancelled, at_once = together(lambda: cora.cancel(seconds=PATIENCE), booking(jose, providerId="HY1"))
    then = at_once if at_once.outcome == "ok" else jose.book(providerId="HY1")

    assert "has been cancelled" in cancelled.say
    assert at_once.outcome in ("ok", "slot_taken")
    assert then.outcome == "ok"
    assert sorted(Booking.objects.values_list("state", flat=True)) == ["CANCELLED", "CONFIRMED"]
    assert standing(sim) == [("1010", "09:00")]


def test_rc_18_rows_that_keep_nothing_are_in_nobodys_way(hold: Hold) -> None:
    given_up = hold()
    Booking.objects.update(state=BookingState.PENDING)

    def give_up() -> bool:
        return Booking.objects.filter(pk=given_up.pk).update(state=BookingState.CANCELLED) == 1

    _, at_once = together(give_up, lambda: takes(hold))

    assert at_once or takes(hold)
    assert active() == 1


def takes(hold: Hold) -> bool:
    """Return whether somebody else gets nine o'clock."""
    try:
        return bool(hold(patient_id="1010"))
    except errors.SlotTaken:
        return False
