"""What is no race, but must hold while there is one: run once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Account
from pms.domain.records import ResourceKind
from pms.models import AppointmentType, PmsCachedData, WriteBack
from pms.scheduling.rules import Team, resource
from pms.scheduling.slots import Slot
from pms.tools import offering
from pms.tools.context import Result
from tests.conftest import Sim
from tests.practice import live_call
from tests.races.conftest import Callers
from tests.races.racing import booking, standing
from tests.races.test_slow_office import SlowOffice
from tests.services.conftest import nine
from tests.talking import Caller, outcomes, together

pytestmark = pytest.mark.django_db(transaction=True)


def test_callers_for_different_times_do_not_get_in_each_others_way(callers: Callers, sim: Sim) -> None:
    times = ["08:00", "09:00", "10:00", "11:00", "13:00", "14:00"]

    results = together(*(booking(one, at, providerId="HY1") for one, at in zip(callers(6), times, strict=True)))

    assert outcomes(results) == ["ok"] * 6
    assert sorted(at for _, at in standing(sim)) == times
    assert WriteBack.objects.count() == 6


def test_offers_at_the_same_moment_in_one_call_never_share_a_code(practice: Account) -> None:
    call = live_call(practice)
    kind = AppointmentType.objects.get(account=practice, name="Cleaning")
    pair = {resource(ResourceKind.CLINICIAN, "HY1"), resource(ResourceKind.OPERATORY, "Hyg 1")}
    team = Team(frozenset(pair), names=("HY1", "Hyg 1", ""))
    slots = [Slot(nine(), nine() + timedelta(hours=1), nine(), team)] * 3

    codes = together(*[lambda: offering.offer(call=call, kind=kind, slots=slots, now=timezone.now())] * 8)

    assert sorted(code for some in codes for code in some) == sorted(f"A{n}" for n in range(1, 25))


def test_no_request_to_the_vendor_is_made_inside_a_transaction(cora: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    PmsCachedData.objects.all().delete()
    office = SlowOffice(monkeypatch)
    office.answers.set()
    uses: list[Callable[[], Result]] = [cora.book, cora.move, cora.cancel]

    cora.open_times()
    outcomes = [use().outcome for use in uses]

    assert outcomes == ["ok"] * 3
    assert office.asked == {(method, False) for method in ("GET", "POST", "PUT", "PATCH")}
    assert all(not one.in_atomic_block for one in connections.all())
