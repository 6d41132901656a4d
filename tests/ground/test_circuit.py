"""The circuit breaker: opened by failures in a row, shared by all processes, and tried by one access at a time."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from pytest_django import Settings

from pms.domain import errors
from pms.models import PmsAuditLog, PmsIntegration, RateCounter, SecurityEvent
from pms.services import bulkhead, circuit, gateway
from pms.services.circuit import FAILURES, PROBE_SECONDS, WITHIN_SECONDS, Change, Circuit
from tests.ground.conftest import Lines
from tests.ground.support import THREADS, in_threads, without_table
from tests.providers.fakes import FakeClock
from tests.services.test_limits import REDIS, backend, redis_url  # noqa: F401  # fixtures
from tests.support.server import free_port

NOW = datetime(2026, 5, 12, 14, 0, tzinfo=UTC)
AFTER_PAUSE = NOW + timedelta(seconds=31)


@pytest.fixture
def one() -> UUID:
    """An integration that nobody has asked yet."""
    return uuid.uuid4()


def entered(one: UUID, now: datetime = NOW, *, is_test: bool = False) -> Circuit:
    """Return the circuit as an access that was let in has it."""
    mine = Circuit(one)
    mine.enter(now=now, is_test=is_test)
    return mine


def is_refused(one: UUID, now: datetime = NOW) -> bool:
    """Return whether an access is refused; one that is not ends without having asked anything."""
    try:
        entered(one, now).leave(now=now, has_answered=None)
    except errors.CircuitOpen:
        return True
    return False


def fail(one: UUID, times: int = 1, now: datetime = NOW) -> list[Change | None]:
    return [entered(one, now).leave(now=now, has_answered=False) for _ in range(times)]


def answer(one: UUID, now: datetime = NOW, *, is_test: bool = False) -> Change | None:
    return entered(one, now, is_test=is_test).leave(now=now, has_answered=True)


@pytest.mark.django_db
@pytest.mark.usefixtures("backend")
class TestEitherBackend:
    def test_five_failures_in_a_row_open_it_for_half_a_minute(self, one: UUID) -> None:
        before = [circuit.is_open(one), is_refused(one)]

        changes = fail(one, FAILURES)

        assert before == [False, False]
        assert changes == [None] * 4 + [Change.OPENED]
        assert (circuit.is_open(one), circuit.open_until(one)) == (True, NOW + timedelta(seconds=30))
        assert [is_refused(one, NOW + timedelta(seconds=passed)) for passed in (0, 29.9, 30)] == [True, True, False]

    def test_who_is_refused_learns_how_long_it_will_be_so(self, one: UUID) -> None:
        fail(one, FAILURES)

        with pytest.raises(errors.CircuitOpen) as caught:
            entered(one, NOW + timedelta(seconds=10))

        assert caught.value.retry_after_seconds == 20

    def test_an_answer_ends_the_row(self, one: UUID) -> None:
        fail(one, FAILURES - 1)
        answered = answer(one)

        again = fail(one, FAILURES - 1)

        assert [answered, *again] == [None] * FAILURES
        assert not is_refused(one)

    def test_an_access_that_asked_nothing_neither_ends_the_row_nor_belongs_to_it(self, one: UUID) -> None:
        for _ in range(FAILURES):
            entered(one).leave(now=NOW, has_answered=None)
        first = fail(one, FAILURES - 1)
        entered(one).leave(now=NOW, has_answered=None)

        assert [*first, *fail(one)] == [None] * 4 + [Change.OPENED]

    def test_one_practices_failures_are_not_anothers(self, one: UUID) -> None:
        fail(one, FAILURES)

        assert not is_refused(uuid.uuid4())

    def test_after_the_pause_one_is_let_through_and_closes_it(self, one: UUID) -> None:
        fail(one, FAILURES)

        probe = entered(one, AFTER_PAUSE)
        others = [is_refused(one, AFTER_PAUSE) for _ in range(3)]
        closed = probe.leave(now=AFTER_PAUSE, has_answered=True)

        assert others == [True] * 3
        assert closed is Change.CLOSED
        assert (is_refused(one, AFTER_PAUSE), circuit.is_open(one)) == (False, False)
        assert fail(one, FAILURES - 1, AFTER_PAUSE) == [None] * 4  # the old row is forgotten

    def test_each_probe_that_fails_opens_it_for_longer_and_up_to_five_minutes(self, one: UUID) -> None:
        fail(one, FAILURES)
        now, pauses, changes = AFTER_PAUSE, [], []

        for _ in range(12):
            changes += fail(one, now=now)
            until = circuit.open_until(one)
            assert until is not None
            pauses.append((until - now).total_seconds())
            now = until

        assert pauses == [60, 120, 240, *[300] * 9]
        assert changes == [None] * 12  # it was open all the time
        assert answer(one, now) is Change.CLOSED
        assert fail(one, FAILURES, now)[-1] is Change.OPENED
        assert circuit.open_until(one) == now + timedelta(seconds=30)

    def test_a_probe_that_asked_nothing_leaves_its_turn_to_the_next(self, one: UUID) -> None:
        fail(one, FAILURES)

        entered(one, AFTER_PAUSE).leave(now=AFTER_PAUSE, has_answered=None)

        assert answer(one, AFTER_PAUSE) is Change.CLOSED

    def test_a_persons_test_is_let_through_and_closes_it(self, one: UUID) -> None:
        fail(one, FAILURES)

        assert answer(one, is_test=True) is Change.CLOSED
        assert not is_refused(one)

    def test_a_persons_test_that_fails_changes_nothing(self, one: UUID) -> None:
        fail(one, FAILURES)

        changed = entered(one, is_test=True).leave(now=NOW, has_answered=False)

        assert changed is None
        assert circuit.open_until(one) == NOW + timedelta(seconds=30)
        assert not is_refused(one, AFTER_PAUSE)

    def test_a_probe_does_not_open_again_what_a_persons_test_has_closed(self, one: UUID) -> None:
        fail(one, FAILURES)
        probe = entered(one, AFTER_PAUSE)
        answer(one, AFTER_PAUSE, is_test=True)

        changed = probe.leave(now=AFTER_PAUSE, has_answered=False)

        assert changed is None
        assert not is_refused(one, AFTER_PAUSE)

    def test_failures_that_come_late_open_nothing_twice(self, one: UUID) -> None:
        under_way = [entered(one) for _ in range(FAILURES + 3)]

        changes = [mine.leave(now=NOW, has_answered=False) for mine in under_way]

        assert changes.count(Change.OPENED) == 1
        assert circuit.open_until(one) == NOW + timedelta(seconds=30)

    def test_an_answer_that_comes_late_closes_nothing(self, one: UUID) -> None:
        early = entered(one)
        fail(one, FAILURES)

        assert early.leave(now=NOW, has_answered=True) is None
        assert is_refused(one)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("backend")
class TestEightThreads:
    def test_who_fail_at_once_open_it_once(self, one: UUID) -> None:
        under_way = [entered(one) for _ in range(THREADS)]

        changes = in_threads(lambda number: under_way[number].leave(now=NOW, has_answered=False))

        assert changes.count(Change.OPENED) == 1
        assert is_refused(one)

    def test_of_those_who_come_after_the_pause_one_probes(self, one: UUID) -> None:
        fail(one, FAILURES)

        def work(_: int) -> Circuit | None:
            try:
                return entered(one, AFTER_PAUSE)
            except errors.CircuitOpen:
                return None

        assert in_threads(work).count(None) == THREADS - 1

    @pytest.mark.parametrize("_again", range(5))
    def test_a_probe_that_fails_at_once_is_the_only_one_all_the_same(self, one: UUID, _again: int) -> None:
        fail(one, FAILURES)

        def work(_: int) -> bool:
            try:
                fail(one, now=AFTER_PAUSE)
            except errors.CircuitOpen:
                return False
            return True

        assert in_threads(work).count(True) == 1
        assert circuit.open_until(one) == AFTER_PAUSE + timedelta(seconds=60)


# Time, where the database counts and a test can move it


@pytest.mark.parametrize(("passed", "opens"), [(WITHIN_SECONDS - 1, True), (WITHIN_SECONDS, False)])
@pytest.mark.django_db
def test_failures_that_are_more_than_a_minute_apart_are_no_row(one: UUID, passed: int, opens: bool) -> None:
    with time_machine.travel(NOW, tick=False) as machine:
        fail(one, FAILURES - 1)
        machine.shift(passed)

        changes = fail(one)

        assert changes == [Change.OPENED if opens else None]


@pytest.mark.django_db
def test_a_probe_whose_process_died_is_replaced_once_no_budget_can_last_so_long(one: UUID) -> None:
    with time_machine.travel(NOW, tick=False) as machine:
        fail(one, FAILURES)
        entered(one, AFTER_PAUSE)
        machine.shift(PROBE_SECONDS - 1)
        before = is_refused(one, AFTER_PAUSE)
        machine.shift(1)

        assert before
        assert not is_refused(one, AFTER_PAUSE)


# What it costs, and what it does without its cache


@pytest.mark.django_db
def test_usual_traffic_writes_nothing_and_reads_once(one: UUID, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        answer(one)

    assert not RateCounter.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_broken_table_opens_nothing_and_stops_nobody(one: UUID, lines: Lines) -> None:
    fail(one, FAILURES)

    with without_table("rate_counters"):
        changes = [*fail(one), answer(one)]
        is_open = circuit.is_open(one)

    assert (changes, is_open) == ([None, None], False)
    assert [line["event"] for line in lines()] == [
        "circuit not read",
        "circuit not kept",
        "circuit not read",
        "circuit not read",
    ]
    assert is_refused(one)


def test_a_redis_that_is_away_opens_nothing_and_stops_nobody(one: UUID, settings: Settings) -> None:
    away = {"BACKEND": REDIS, "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {**settings.CACHES, "limits": away}

    assert fail(one, FAILURES + 1) == [None] * (FAILURES + 1)
    assert not is_refused(one)


# What the gate tells it

SILENCE = (errors.PmsUnavailable, errors.BudgetSpent, errors.OutcomeUnknown)
ANSWERS = (
    errors.PmsRateLimited,
    errors.OfficeOffline,
    errors.NoTimeToSend,
    errors.NotSupported,
    errors.CredentialsRejected,
    errors.WriteRejected,
    errors.UpstreamInvalid,
    errors.SlotTaken,
    errors.PatientNotFound,
    errors.Internal,
)


def asked_in_vain(access: dict[str, Any], kind: type[Exception] = errors.PmsUnavailable) -> None:
    """Ask the PMS, and have the access end with an error."""

    def ask() -> None:
        with gateway.reading(**access, action="getPatient", phi=True) as opened:
            opened.pms.list_clinicians()
            raise kind

    with pytest.raises(kind):
        ask()


def rows() -> list[tuple[str, str, bool, str | None]]:
    """Return what the evidence says of the latest accesses, without connecting's."""
    found = PmsAuditLog.objects.exclude(action="testConnection").order_by("seq")
    return [(row.action, row.phase, row.success, row.error_message) for row in found]


def told() -> list[str]:
    """Return the events about circuits, in their order."""
    found = SecurityEvent.objects.filter(kind__startswith="integration.circuit_").order_by("seq")
    return [event.kind for event in found]


@pytest.mark.parametrize("kind", SILENCE)
@pytest.mark.django_db
def test_a_pms_that_does_not_answer_is_left_alone_in_the_end(
    access: dict[str, Any], kind: type[errors.ParlaeError]
) -> None:
    for _ in range(FAILURES):
        asked_in_vain(access, kind)

    assert circuit.is_open(access["integration"].pk)


@pytest.mark.parametrize("kind", [*ANSWERS, ValueError])
@pytest.mark.django_db
def test_whatever_else_goes_wrong_the_pms_has_answered(access: dict[str, Any], kind: type[Exception]) -> None:
    for _ in range(FAILURES - 1):
        asked_in_vain(access)
    asked_in_vain(access, kind)

    asked_in_vain(access)

    assert not circuit.is_open(access["integration"].pk)


@pytest.mark.parametrize("kind", [errors.PmsUnavailable, errors.NotFound])
@pytest.mark.django_db
def test_what_ends_without_asking_the_pms_says_nothing_of_it(
    access: dict[str, Any], kind: type[errors.ParlaeError]
) -> None:
    def stopped() -> None:
        with pytest.raises(kind), gateway.reading(**access, action="getPatient", phi=True):
            raise kind

    for _ in range(FAILURES):
        stopped()
    before = circuit.is_open(access["integration"].pk)
    for _ in range(FAILURES - 1):
        asked_in_vain(access)
    stopped()
    asked_in_vain(access)

    assert (before, circuit.is_open(access["integration"].pk)) == (False, True)


@pytest.mark.django_db
def test_an_access_inside_another_counts_with_it_and_once(access: dict[str, Any]) -> None:
    def nested() -> None:
        with gateway.writing(**access, action="bookAppointment"):
            asked_in_vain(access)
            raise errors.PmsUnavailable

    for number in range(FAILURES):
        assert circuit.is_open(access["integration"].pk) is False, number
        with pytest.raises(errors.PmsUnavailable):
            nested()

    assert circuit.is_open(access["integration"].pk)


@pytest.mark.django_db
def test_an_access_inside_the_probe_is_a_part_of_it(access: dict[str, Any]) -> None:
    clock = FakeClock(datetime.now(UTC))
    fail(access["integration"].pk, FAILURES, clock.now() - timedelta(minutes=1))
    now = {**access, "clock": clock}

    with gateway.writing(**now, action="bookAppointment"), gateway.reading(**now, action="check", phi=True) as inner:
        inner.pms.list_clinicians()

    assert [success for _, _, success, _ in rows()] == [True, True, True]
    assert not circuit.is_open(access["integration"].pk)


@pytest.mark.django_db
def test_one_event_and_one_line_say_that_it_opened_and_that_it_closed(access: dict[str, Any], lines: Lines) -> None:
    def refused() -> None:
        with pytest.raises(errors.CircuitOpen), gateway.reading(**access, action="getPatient", phi=True):
            pytest.fail("It was let in.")

    for _ in range(FAILURES):
        asked_in_vain(access)
    for _ in range(3):
        refused()
    opened = told()
    with gateway.reading(**access, action="testConnection", phi=False, is_test=True) as test:
        test.pms.list_clinicians()

    event = SecurityEvent.objects.get(kind="integration.circuit_opened")
    account_id, integration_id = access["integration"].account_id, str(access["integration"].pk)
    assert (opened, told()) == (
        ["integration.circuit_opened"],
        ["integration.circuit_opened", "integration.circuit_closed"],
    )
    assert (event.account_id, event.actor, event.request_id) == (account_id, "user:test", "request-0001")
    assert event.detail == {"provider": "SIKKA", "integration": integration_id}
    written = [line for line in lines() if line["event"].startswith("circuit")]
    assert [line["event"] for line in written] == ["circuit opened", "circuit closed"]
    assert {line["integration_id"] for line in written} == {integration_id}


@pytest.mark.django_db
def test_a_refused_access_leaves_its_rows_and_the_reason_that_opened_the_circuit(access: dict[str, Any]) -> None:
    for _ in range(FAILURES):
        asked_in_vain(access, errors.OutcomeUnknown)
    before = rows()

    with pytest.raises(errors.CircuitOpen) as read, gateway.reading(**access, action="getPatient", phi=True):
        pytest.fail("It was let in.")
    with pytest.raises(errors.CircuitOpen) as written, gateway.writing(**access, action="bookAppointment"):
        pytest.fail("It was let in.")

    assert rows()[len(before) :] == [
        ("getPatient", "READ", False, "pms_unavailable"),
        ("bookAppointment", "INTENT", True, None),
        ("bookAppointment", "OUTCOME", False, "pms_unavailable"),
    ]
    assert PmsIntegration.objects.get().last_error == "outcome_unknown"
    assert read.value.spoken == errors.PmsUnavailable().spoken
    assert "nothing has been scheduled or changed" in written.value.spoken


@pytest.mark.django_db(transaction=True)
def test_an_event_that_cannot_be_written_does_not_hide_the_failure_itself(access: dict[str, Any], lines: Lines) -> None:
    for _ in range(FAILURES - 1):
        asked_in_vain(access)

    def write() -> None:
        with ExitStack() as stack, gateway.writing(**access, action="bookAppointment") as opened:
            opened.pms.list_clinicians()
            stack.enter_context(without_table("audit_chain_heads"))
            raise errors.PmsUnavailable

    with pytest.raises(errors.PmsUnavailable):
        write()

    assert circuit.is_open(access["integration"].pk)
    assert "circuit not told" in [line["event"] for line in lines()]


@pytest.mark.django_db(transaction=True)
def test_who_finds_no_place_leaves_rows_and_nothing_else(access: dict[str, Any], settings: Settings) -> None:
    settings.WEB_THREADS = 1
    integration_id = access["integration"].pk
    fail(integration_id, FAILURES, access["clock"].now() - timedelta(minutes=1))

    def elsewhere(_: int) -> str:
        with pytest.raises(errors.Crowded) as caught, gateway.writing(**access, action="bookAppointment"):
            pytest.fail("It was let in.")
        return caught.value.spoken

    with bulkhead.place(integration_id=integration_id, patience=0.0):
        [spoken] = in_threads(elsewhere, 1)

    assert "very slow right now, so nothing has been scheduled or changed" in spoken
    assert rows() == [
        ("bookAppointment", "INTENT", True, None),
        ("bookAppointment", "OUTCOME", False, "pms_unavailable"),
    ]
    assert PmsIntegration.objects.get().last_error is None
    assert answer(integration_id, access["clock"].now()) is Change.CLOSED  # it has left the probe's turn
