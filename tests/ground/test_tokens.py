"""The token of one integration, shared by everybody: renewed once, kept sealed, never another one's."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from pms import vault
from pms.domain.clock import Budget, SystemClock
from pms.models import PmsIntegration, PmsToken
from pms.sandbox import Sandbox
from pms.services import gateway, integrations
from pms.services.tokens import DatabaseTokenStore
from tests.conftest import Sim
from tests.ground import readers
from tests.ground.support import ASKER, connected, in_threads
from tests.providers.fakes import FakeClock
from tests.talking import SetClock

DAY = timedelta(days=1)
VALUES = {"office_id": "D10001", "request_key": "the-request-key", "refresh_key": "the-refresh-key"}
Asked = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def _many_threads(settings: Settings) -> None:
    """Let eight threads ask one practice's system at once, however long they wait: what is tested is who renews."""
    settings.WEB_THREADS = readers.WEB_THREADS


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(db: None, clock: FakeClock) -> DatabaseTokenStore:
    return DatabaseTokenStore(integration_id=connected().pk, clock=clock)


def another(store: DatabaseTokenStore, clock: FakeClock) -> DatabaseTokenStore:
    """The same store as another process would open it."""
    return DatabaseTokenStore(integration_id=store._integration_id, clock=clock)


def test_an_empty_store_has_no_token(store: DatabaseTokenStore) -> None:
    assert store.get() is None


@pytest.mark.parametrize("leased", [True, False])
def test_a_saved_token_is_everybodys(store: DatabaseTokenStore, clock: FakeClock, leased: bool) -> None:
    if leased:
        assert store.lease(5)

    assert store.save(VALUES, clock.now() + DAY, 0)

    token = another(store, clock).get()
    assert token is not None
    assert (token.values, token.expires_at, token.version) == (VALUES, clock.now() + DAY, 1)


def test_a_token_is_sealed_at_rest_for_its_own_row(store: DatabaseTokenStore, clock: FakeClock) -> None:
    store.save(VALUES, clock.now() + DAY, 0)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM pms_tokens")
        raw = repr([bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()])
    other = DatabaseTokenStore(integration_id=connected("Birch Dental", "D20002").pk, clock=clock)
    assert other.lease(5)
    PmsToken.objects.filter(pk=other._integration_id).update(
        sealed=PmsToken.objects.get(pk=store._integration_id).sealed, expires_at=clock.now() + DAY
    )

    assert "the-request-key" not in raw
    assert "D10001" not in raw
    assert other.get() is None


def test_who_saves_on_an_old_version_loses_and_changes_nothing(store: DatabaseTokenStore, clock: FakeClock) -> None:
    store.save(VALUES, clock.now() + DAY, 0)
    newer = {**VALUES, "request_key": "newer"}

    results = [store.save({**VALUES, "request_key": "late"}, clock.now(), 0), store.save(newer, clock.now() + DAY, 1)]
    results.append(store.save({**VALUES, "request_key": "later"}, clock.now(), 1))

    token = store.get()
    assert results == [False, True, False]
    assert token is not None
    assert (token.values["request_key"], token.version) == ("newer", 2)


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_save_at_once_one_wins() -> None:
    clock = SystemClock()
    pk = connected().pk

    def work(number: int) -> bool:
        mine = {**VALUES, "request_key": f"key-{number}"}
        return DatabaseTokenStore(integration_id=pk, clock=clock).save(mine, clock.now() + DAY, 0)

    won = in_threads(work)

    token = DatabaseTokenStore(integration_id=pk, clock=clock).get()
    assert won.count(True) == 1
    assert token is not None
    assert token.values["request_key"] == f"key-{won.index(True)}"


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_want_the_lease_one_gets_it() -> None:
    clock = SystemClock()
    pk = connected().pk

    got = in_threads(lambda _: DatabaseTokenStore(integration_id=pk, clock=clock).lease(60))

    assert got.count(True) == 1


def test_a_lease_ends_by_itself(store: DatabaseTokenStore, clock: FakeClock) -> None:
    first = store.lease(5)
    clock.advance(timedelta(seconds=4))
    during = another(store, clock).lease(5)
    clock.advance(timedelta(seconds=1))
    after = another(store, clock).lease(5)

    assert (first, during, after) == (True, False, True)


def test_saving_ends_the_lease_and_losing_does_not(store: DatabaseTokenStore, clock: FakeClock) -> None:
    assert store.lease(5)
    store.save(VALUES, clock.now() + DAY, 7)
    after_losing = another(store, clock).lease(5)
    store.save(VALUES, clock.now() + DAY, 0)

    assert not after_losing
    assert another(store, clock).lease(5)


def test_a_token_whose_key_was_retired_counts_as_none_and_is_replaced(
    store: DatabaseTokenStore, clock: FakeClock, settings: Settings
) -> None:
    store.save(VALUES, clock.now() + DAY, 0)
    settings.ENCRYPTION_KEYS = {"k2": secrets.token_bytes(32)}

    before = store.get()
    saved = store.save({**VALUES, "request_key": "new"}, clock.now() + DAY, 0)

    token = store.get()
    assert (before, saved) == (None, True)
    assert token is not None
    assert token.values["request_key"] == "new"


def test_a_token_outlives_a_rotation_of_keys(store: DatabaseTokenStore, clock: FakeClock, settings: Settings) -> None:
    store.save(VALUES, clock.now() + DAY, 0)
    settings.ENCRYPTION_KEYS = {"k2": secrets.token_bytes(32), **settings.ENCRYPTION_KEYS}

    token = store.get()

    assert token is not None
    assert token.values == VALUES


def _renew_credentials(store: DatabaseTokenStore) -> None:
    integration = PmsIntegration.objects.get(pk=store._integration_id)
    integrations.store(
        account=integration.account,
        provider=integration.provider,
        credentials=integrations.reveal(integration=integration),
        config={},
        features={},
    )


def test_new_credentials_drop_the_token_and_the_next_one_is_kept(store: DatabaseTokenStore, clock: FakeClock) -> None:
    store.save(VALUES, clock.now() + DAY, 0)

    _renew_credentials(store)
    dropped = store.get()
    saved = store.save({**VALUES, "request_key": "new"}, clock.now() + DAY, 0)

    token = store.get()
    assert (dropped, saved) == (None, True)
    assert token is not None
    assert token.values["request_key"] == "new"


def test_a_renewal_that_began_with_the_old_credentials_loses(store: DatabaseTokenStore, clock: FakeClock) -> None:
    store.save(VALUES, clock.now() + DAY, 0)
    held = store.get()
    assert held is not None

    _renew_credentials(store)
    late = store.save({**VALUES, "request_key": "of the old office"}, clock.now() + DAY, held.version)
    store.save({**VALUES, "request_key": "new"}, clock.now() + DAY, 0)
    later = store.save({**VALUES, "request_key": "of the old office"}, clock.now() + DAY, held.version)

    token = store.get()
    assert (late, later) == (False, False)
    assert token is not None
    assert token.values["request_key"] == "new"


@pytest.mark.parametrize("state", ["none", "refused", "ended"])
@pytest.mark.django_db(transaction=True)
def test_eight_threads_with_the_real_adapter_renew_once(
    alder: PmsIntegration, sim: Sim, asked: Asked, state: str
) -> None:
    if state == "none":
        PmsToken.objects.all().delete()
    if state in ("refused", "ended"):
        sim("POST", "expire_key", office_id="D10001")
    if state == "ended":
        PmsToken.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    sim("POST", "config", latency=0.1, latency_path="/v4/request_key")
    sim("DELETE", "requests")

    def work(_number: int) -> set[str]:
        clock = SystemClock()
        access: dict[str, Any] = {"integration": alder, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}
        with gateway.reading(**access, action="listClinicians", phi=False) as open_access:
            return {one.id for one in open_access.pms.list_clinicians() if one.is_active}

    found = in_threads(work)

    row = PmsToken.objects.get()
    assert found == [{"DR1", "DR2", "HY1", "HY2"}] * 8
    assert asked("POST") == ["/v4/request_key"]
    assert row.lease_until is None
    assert vault.unseal(row.sealed or b"", f"pms_tokens:{alder.pk}:sealed")["office_id"] == "D10001"


EVERYBODY = [["DR1", "DR2", "HY1", "HY2"]] * 8


@pytest.mark.django_db(transaction=True)
class TestTwoProcesses:
    """Eight threads here and eight in another process, each with the real adapter."""

    def test_sixteen_who_need_a_key_renew_it_once(
        self, alder: PmsIntegration, sandbox: Sandbox, sim: Sim, tmp_path: Path
    ) -> None:
        """There is none, it has ended, it is refused."""
        sim("POST", "config", latency=0.1, latency_path="/v4/request_key")

        with readers.another_process(alder.pk, sandbox, tmp_path) as others:
            for state in ("none", "ended", "refused"):
                sim("POST", "expire_key", office_id="D10001")
                if state == "none":
                    PmsToken.objects.all().delete()
                if state == "ended":
                    PmsToken.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
                sim("DELETE", "requests")

                others.begin()
                ours, theirs = readers.read(alder.pk, 1, SystemClock()), others.found()

                assert (ours, theirs) == (EVERYBODY, EVERYBODY), state
                assert renewals(sim) == [200], state
                assert refusals(sim) <= (16 if state == "refused" else 0), state
                assert_works(sim, alder)

    def test_a_key_that_expires_midway_is_renewed_once(
        self, alder: PmsIntegration, sandbox: Sandbox, sim: Sim, tmp_path: Path
    ) -> None:
        sim("POST", "config", latency=0.02, latency_path="/v4/providers")

        def expire() -> None:
            wait_until(lambda: len(asked_for(sim, "GET", "/v4/providers")) > 16)
            sim("POST", "expire_key", office_id="D10001")

        with readers.another_process(alder.pk, sandbox, tmp_path) as others:
            sim("DELETE", "requests")
            meanwhile = threading.Thread(target=expire)
            meanwhile.start()
            others.begin(rounds=8)
            ours, theirs = readers.read(alder.pk, 8, SystemClock()), others.found()
            meanwhile.join()

        assert (ours, theirs) == (EVERYBODY, EVERYBODY)
        assert renewals(sim) == [200]
        assert 1 <= refusals(sim) <= 16
        assert_works(sim, alder)

    def test_a_renewal_whose_process_was_killed_is_made_good_when_its_lease_ends(
        self, alder: PmsIntegration, sandbox: Sandbox, sim: Sim, tmp_path: Path
    ) -> None:
        ahead = timedelta(seconds=3.5)  # of the lease's five, so that the test need not wait for all of them
        sim("POST", "expire_key", office_id="D10001")
        sim("POST", "fail", path="/v4/request_key", kind="timeout", hold_seconds=30)
        sim("DELETE", "requests")

        with readers.another_process(alder.pk, sandbox, tmp_path) as others:
            others.begin()
            wait_until(lambda: renewals(sim) == [0])
            lease_until = PmsToken.objects.get().lease_until
            others.kill()
        found = readers.read(alder.pk, 1, SetClock(datetime.now(UTC) + ahead))

        lost, made_good = asked_for(sim, "POST", "/v4/request_key")
        assert found == EVERYBODY
        assert (lost["status"], made_good["status"]) == (0, 200)
        assert lease_until is not None
        assert datetime.fromisoformat(made_good["time"]) + ahead >= lease_until
        assert_works(sim, alder)


def asked_for(sim: Sim, method: str, path: str) -> list[dict[str, Any]]:
    rows = sim("GET", "requests")["requests"]
    return [row for row in rows if (row["method"], row["path"]) == (method, path)]


def renewals(sim: Sim) -> list[int]:
    """How each request for a key was answered; 0 is not at all."""
    return [row["status"] for row in asked_for(sim, "POST", "/v4/request_key")]


def refusals(sim: Sim) -> int:
    """How often a key was refused."""
    return [row["status"] for row in asked_for(sim, "GET", "/v4/providers")].count(400)


def assert_works(sim: Sim, integration: PmsIntegration) -> None:
    """Nobody holds the lease, and the stored key opens the office at once."""
    assert PmsToken.objects.get().lease_until is None
    sim("DELETE", "requests")
    clock = SystemClock()
    access: dict[str, Any] = {"integration": integration, "asker": ASKER, "clock": clock, "budget": Budget(8, clock)}
    with gateway.reading(**access, action="listClinicians", phi=False) as open_access:
        open_access.pms.list_clinicians()
    assert [row["status"] for row in asked_for(sim, "GET", "/v4/providers")] == [200]
    assert renewals(sim) == []


def wait_until(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)
