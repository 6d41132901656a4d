"""A practice's system that takes long while a time is held (scheduling case RC-17)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from pms.models import Booking, BookingState
from pms.providers.http import HttpPool
from pms.tools.context import Result
from tests.conftest import Sim
from tests.journeys.tenants import BIRCH_PRACTICE, DESMOND
from tests.practice import owner_is_now, seeded
from tests.races.conftest import Callers
from tests.races.racing import booking, standing
from tests.talking import Caller, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


class SlowOffice:
    """Keeps the first booking that is sent waiting for its answer, and remembers who asked inside a transaction."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = set[tuple[str, bool]]()
        self.has_it, self.answers = threading.Event(), threading.Event()
        self._exchange = HttpPool._exchange
        monkeypatch.setattr(HttpPool, "_exchange", lambda *args: self._answered(*args))

    def _answered(self, pool: HttpPool, call: Any, budget: Any) -> Any:
        self.asked.add((call.method, connection.in_atomic_block))
        answer = self._exchange(pool, call, budget)
        if call.method == "POST" and call.url.endswith("/appointment") and not self.has_it.is_set():
            self.has_it.set()
            assert self.answers.wait(20)
        return answer


def open_transactions() -> int:
    """Return how many other connections to the test's database have a transaction open and do nothing in it."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state LIKE 'idle in transaction%%'"
        )
        return int(cursor.fetchone()[0])


def test_rc_17_while_the_pms_takes_long_nothing_is_locked_and_others_go_on(
    practice: Account, callers: Callers, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, neighbor = callers(2)
    owner_is_now("owner@alder.example")
    desmond = Caller(seeded(**BIRCH_PRACTICE)).verified(DESMOND)
    office = SlowOffice(monkeypatch)

    def meanwhile() -> Result:
        assert office.has_it.wait(20)
        try:
            return observe()
        finally:
            office.answers.set()

    def observe() -> Result:
        seen.update(open=open_transactions(), state=Booking.objects.get().state)
        seen["of the same day"] = neighbor.book("10:00", providerId="HY1", seconds=10).outcome
        return desmond.book("09:00", seconds=10)

    seen: dict[str, Any] = {}
    mine, elsewhere = together(booking(slow, "09:00", providerId="HY1"), meanwhile)

    assert seen == {"open": 0, "state": BookingState.PENDING, "of the same day": "ok"}
    assert (mine.outcome, elsewhere.outcome) == ("ok", "ok")
    assert sorted(at for _, at in standing(sim)) == ["09:00", "10:00"]
    assert {is_inside for _, is_inside in office.asked} == {False}
