"""The check of a connection against the sandbox: each step as it is known, each kind of failure, dying workers."""

from __future__ import annotations

import ast
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from accounts import baa
from accounts.models import Account
from pms.domain import errors
from pms.jobs import sweeps
from pms.models import CheckState, ConnectionStatus, PmsAuditLog, PmsIntegration, SecurityEvent, Setup
from pms.providers import registry
from pms.providers.attention import Attention
from pms.providers.base import PmsService
from pms.providers.http import HttpPool
from pms.providers.progress import CheckStep, StepState
from pms.sandbox import Sandbox
from pms.services import (
    audit,
    bulkhead,
    circuit,
    connecting,
    gateway,
    integrations,
    office_proof,
    setup_checks,
    setup_words,
    setups,
)
from pms.services.limits import LIMITS
from tests.conftest import Sim, use_sandbox
from tests.practice import agreed
from tests.services.setting_up import MINE, Manager, row, told
from tests.support.server import free_port
from tests.talking import SetClock, asked_of_the_pms, together

REACHABLE, KEY, OFFICE, FRESH, WRITING = CheckStep
WAITING, RUNNING, PASSED, ATTENTION, FAILED = StepState
ALL_PASSED = dict.fromkeys(CheckStep, (PASSED, ""))
READS = ["practices", "providers", "operatories", "appointments", "patients"]


@pytest.fixture
def account(db: None, sandbox: Sandbox, settings: Settings) -> Account:
    """A practice that has agreed and is not connected yet."""
    use_sandbox(settings, sandbox)
    return agreed(Account.objects.create(name="Alder Dental", time_zone="America/New_York"))


@pytest.fixture
def mona(account: Account) -> Manager:
    return Manager(account)


def until(step: CheckStep, code: str) -> dict[CheckStep, tuple[StepState, str]]:
    """Return how the steps stand when one has failed and all before it have passed."""
    order = list(CheckStep)
    before, after = order[: order.index(step)], order[order.index(step) + 1 :]
    return {
        **dict.fromkeys(before, (PASSED, "")),
        step: (FAILED, code),
        **dict.fromkeys(after, (WAITING, "")),
    }


# A check that passes


def test_what_was_typed_is_in_use_when_all_has_passed_and_nowhere_else(mona: Manager) -> None:
    seen = mona.connect(MINE)

    connected = integrations.active_for(account=mona.account)
    assert (seen.check_state, told(seen), seen.error_code) == (CheckState.PASSED, ALL_PASSED, "")
    assert integrations.reveal(integration=connected) == MINE
    assert (row(mona.account).draft, seen.is_draft, seen.ended_at is None) == (None, False, False)


def test_it_is_the_person_who_has_connected_the_practice(mona: Manager) -> None:
    mona.connect(MINE)

    [access] = PmsAuditLog.objects.all()
    event = SecurityEvent.objects.get(kind="integration.created")
    assert (access.action, access.user_id, access.endpoint) == ("testConnection", str(mona.user.pk), "job:checks")
    assert event.actor == f"user:{mona.user.pk}"


def test_a_connection_is_checked_again_when_nothing_was_typed(mona: Manager, sim: Sim) -> None:
    mona.connect(MINE)
    sim("POST", "config", scope=READS)
    sim("POST", "expire_key", office_id="D10001")

    seen = mona.check()

    assert told(seen)[WRITING] == (ATTENTION, "read_only")
    assert seen.furthest == 4


def test_the_steps_are_seen_one_by_one_while_the_worker_is_at_them(
    mona: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks, or loads the page again, at any moment finds what is known then."""
    mona.choose()
    mona.type()
    mona.ask()
    pictures: list[list[StepState]] = []
    original = HttpPool._exchange

    def exchange(pool: HttpPool, *args: Any) -> Any:
        seen = setups.read(account=mona.account, clock=mona.clock)
        assert seen.check_state == CheckState.RUNNING
        states = [state for state, _ in told(seen).values()]
        if states not in pictures:
            pictures.append(states)
        return original(pool, *args)

    monkeypatch.setattr(HttpPool, "_exchange", exchange)
    sweeps.check_connections(mona.clock)

    assert pictures == [
        [RUNNING, WAITING, WAITING, WAITING, WAITING],
        [PASSED, PASSED, RUNNING, WAITING, WAITING],
        [PASSED, PASSED, PASSED, RUNNING, WAITING],
        [PASSED, PASSED, PASSED, PASSED, RUNNING],
        [PASSED, PASSED, PASSED, PASSED, PASSED],  # the kinds of appointment are read last
    ]


def test_no_transaction_is_open_while_the_vendor_is_asked(
    transactional_db: None, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(settings, sandbox)
    mona = Manager(agreed(Account.objects.create(name="Alder Dental", time_zone="America/New_York")))
    mona.choose()
    mona.type()
    mona.ask()
    inside: list[bool] = []
    original = HttpPool._exchange

    def exchange(pool: HttpPool, *args: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return original(pool, *args)

    monkeypatch.setattr(HttpPool, "_exchange", exchange)
    sweeps.check_connections(mona.clock)

    assert inside
    assert not any(inside)


# What there is to know of one that works


def offline(sim: Sim, mona: Manager) -> None:
    sim("POST", "office", office_id="D10001", online=False)


def stale(sim: Sim, mona: Manager) -> None:
    sim("POST", "office", office_id="D10001", copying=False)
    sim("POST", "clock", advance_seconds=27 * 3600)
    mona.clock = SetClock.later(hours=27)


def only_reads(sim: Sim, mona: Manager) -> None:
    sim("POST", "config", scope=READS)


def hardly_reads(sim: Sim, mona: Manager) -> None:
    sim("POST", "config", scope=["practices", "patients"])


def no_booking(sim: Sim, mona: Manager) -> None:
    sim("POST", "config", scope=[*READS, "writeback_status", "POST patient"])


KNOWN: list[tuple[Callable[[Sim, Manager], None], CheckStep, str]] = [
    (offline, FRESH, "office_offline"),
    (stale, FRESH, "copy_too_old"),
    (only_reads, WRITING, "read_only"),
    (hardly_reads, WRITING, "reads_missing"),
    (no_booking, WRITING, "no_booking"),
]


@pytest.mark.parametrize(("so", "step", "code"), KNOWN, ids=[one[2] for one in KNOWN])
def test_what_could_be_better_is_told_and_the_connection_works(
    mona: Manager, sim: Sim, so: Callable[[Sim, Manager], None], step: CheckStep, code: str
) -> None:
    so(sim, mona)

    seen = mona.connect(MINE)

    assert (seen.check_state, seen.furthest) == (CheckState.PASSED, 4)
    assert told(seen) == {**ALL_PASSED, step: (ATTENTION, code)}
    assert integrations.active_for(account=mona.account).office_is_offline is (code == "office_offline")
    words = setup_words.steps(seen.steps)
    assert words[list(CheckStep).index(step)].text == setup_words.ATTENTIONS[code]


def test_the_practices_own_limit_counts_for_the_age_of_its_copy(mona: Manager, sim: Sim) -> None:
    mona.connect(MINE)
    PmsIntegration.objects.update(config={"maxDataAgeMinutes": 60})
    sim("POST", "office", office_id="D10001", copying=False)
    sim("POST", "clock", advance_seconds=2 * 3600)
    mona.clock = SetClock.later(hours=2)

    assert told(mona.check())[FRESH] == (ATTENTION, "copy_too_old")


# Every kind of failure


def a_wrong_key(sim: Sim, settings: Settings) -> dict[str, str]:
    return {"secretKey": "an-invented-key"}


def an_unknown_office(sim: Sim, settings: Settings) -> dict[str, str]:
    return {"practiceId": "D99999"}


def an_office_that_let_nobody_in(sim: Sim, settings: Settings) -> dict[str, str]:
    return {"practiceId": "D40004"}


def an_unknown_location(sim: Sim, settings: Settings) -> dict[str, str]:
    return {"practiceId": "D30003:9"}


def several_locations(sim: Sim, settings: Settings) -> dict[str, str]:
    return {"practiceId": "D30003"}


def nobody_there(sim: Sim, settings: Settings) -> dict[str, str]:
    base = f"http://127.0.0.1:{free_port()}/v4"
    settings.PMS_PROVIDER_DEFAULTS = {"SIKKA": {**settings.PMS_PROVIDER_DEFAULTS["SIKKA"], "baseUrl": base}}
    return {}


def out_of_order(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/practices", status=500, times=9)
    return {}


def too_many(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/authorized_practices", status=429, times=9)
    return {}


def too_many_today(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/request_key_info", status=429, error_code="API2012", times=9)
    return {}


def nonsense(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/authorized_practices", kind="html", status=200, times=9)
    return {}


def nonsense_at_the_end(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/supported_pmses", kind="html", status=200, times=9)
    return {}


def a_plan_without_it(sim: Sim, settings: Settings) -> dict[str, str]:
    sim("POST", "fail", path="/v4/practices", status=401, error_code="API2004", times=9)
    return {}


Failure = Callable[[Sim, Settings], dict[str, str]]
FAILURES: list[tuple[Failure, CheckStep, str]] = [
    (nobody_there, REACHABLE, "pms_unavailable"),
    (nonsense, REACHABLE, "upstream_invalid"),
    (too_many, REACHABLE, "pms_rate_limited"),
    (a_wrong_key, KEY, "key_refused"),
    (an_unknown_office, OFFICE, "office_refused"),
    (an_office_that_let_nobody_in, OFFICE, "office_refused"),
    (an_unknown_location, OFFICE, "office_refused"),
    (several_locations, OFFICE, "location_required"),
    (out_of_order, OFFICE, "pms_unavailable"),
    (too_many_today, OFFICE, "pms_rate_limited"),
    (a_plan_without_it, OFFICE, "not_supported"),
    (nonsense_at_the_end, WRITING, "upstream_invalid"),
]


@pytest.mark.whole
@pytest.mark.parametrize(("so", "step", "code"), FAILURES, ids=[one[0].__name__ for one in FAILURES])
def test_a_failure_is_told_at_its_step_with_what_to_do_and_keeps_what_was_typed(
    mona: Manager, sim: Sim, settings: Settings, so: Failure, step: CheckStep, code: str
) -> None:
    seen = mona.connect({**MINE, **so(sim, settings)})

    problem = setup_words.problem(seen.error_code)
    assert (seen.check_state, seen.error_code, told(seen)) == (CheckState.FAILED, code, until(step, code))
    assert (seen.is_connected, seen.furthest, seen.is_draft, seen.kept) == (False, 3, True, frozenset(MINE))
    assert problem == setup_words.PROBLEMS[code]
    assert [one.text for one in setup_words.steps(seen.steps) if one.state is FAILED] == [problem.title]


def test_an_office_that_answers_for_another_one_is_thrown_away(
    mona: Manager, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.world.keys, "_office_by_secret", lambda _asked: "D20002")

    seen = mona.connect(MINE)

    assert told(seen) == until(OFFICE, "other_practice")
    assert not seen.is_connected


def test_a_failed_check_leaves_a_connection_in_use_as_it_is(mona: Manager) -> None:
    mona.connect(MINE)
    mona.type(secretKey="an-invented-key")

    seen = mona.check()

    assert (seen.error_code, seen.is_connected, seen.is_draft) == ("key_refused", True, True)
    assert integrations.reveal(integration=integrations.active_for(account=mona.account)) == MINE


def test_what_was_put_right_passes_without_typing_the_rest_again(mona: Manager) -> None:
    mona.connect({**MINE, "secretKey": "an-invented-key"})

    mona.type(secretKey=MINE["secretKey"])

    assert told(mona.check()) == ALL_PASSED


# Several locations


def test_a_location_is_chosen_from_those_that_were_found(mona: Manager) -> None:
    found = mona.connect({**MINE, "practiceId": "D30003"}).locations

    chosen = mona.type(location="1-2", practiceId="D30003", secretKey="")
    seen = mona.check()

    assert found == {"1-1": "Cedar Dental North", "1-2": "Cedar Dental South"}
    assert (chosen.location, chosen.check_state) == ("1-2", CheckState.NONE)
    assert (seen.check_state, seen.practice_name) == (CheckState.PASSED, "Cedar Dental South")
    assert (seen.location, seen.locations) == ("", {})


def test_a_location_that_was_not_found_cannot_be_chosen(mona: Manager) -> None:
    mona.connect({**MINE, "practiceId": "D30003"})

    with pytest.raises(errors.Invalid) as caught:
        mona.type(location="1-9", practiceId="D30003")

    assert set(caught.value.fields) == {"location"}


def test_another_office_has_other_locations(mona: Manager) -> None:
    mona.connect({**MINE, "practiceId": "D30003"})

    seen = mona.type(MINE, location="1-2")

    assert (seen.location, seen.locations) == ("", {})
    assert mona.check().practice_name == "Alder Dental"


# Somebody else's office


def test_an_office_of_another_practice_is_refused_as_one_that_nobody_knows(mona: Manager, sim: Sim) -> None:
    mona.connect(MINE)
    stranger = Manager(agreed(Account.objects.create(name="Somebody", time_zone="America/New_York")), "Sven Stranger")
    sim("DELETE", "requests")

    taken = stranger.connect(practiceId="D10001")
    asked = asked_of_the_pms(sim)
    unknown = stranger.connect(practiceId="D99999")

    assert told(taken) == told(unknown) == until(OFFICE, "office_refused")
    assert (taken.error_code, taken.practice_name) == (unknown.error_code, unknown.practice_name)
    # Nothing of the practice was asked for after it was known to be another's.
    assert asked[-1] == ("GET", "/practices")
    assert SecurityEvent.objects.filter(kind="integration.practice_taken", account_id=stranger.account.pk).exists()
    assert not PmsIntegration.objects.filter(account=stranger.account, status=ConnectionStatus.ACTIVE).exists()
    assert integrations.active_for(account=mona.account).status == ConnectionStatus.ACTIVE


def test_what_a_stranger_sees_of_their_connection_tells_them_nothing_either(mona: Manager) -> None:
    mona.connect(MINE)
    stranger = Manager(agreed(Account.objects.create(name="Somebody", time_zone="America/New_York")), "Sven Stranger")

    stood = []
    for office in ("D10001", "D99999"):
        stranger.connect(practiceId=office)
        stood.append(stranger.account.integrations.values("status", "last_error", "metadata", "practice_digest").get())

    assert stood[0] == stood[1]


@pytest.mark.django_db(transaction=True)
def test_of_two_practices_that_connect_the_same_office_at_once_one_is_refused(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(settings, sandbox)
    people = [
        Manager(agreed(Account.objects.create(name=name, time_zone="America/New_York")), f"{name} Owner")
        for name in ("Alder", "Elsewhere")
    ]
    for person in people:
        person.choose()
        person.type(practiceId="D10001")
        person.ask()
    original, gate = connecting._tested, threading.Barrier(2)

    def tested(*args: Any, **named: Any) -> Any:
        found = original(*args, **named)
        gate.wait(20)
        return found

    monkeypatch.setattr(connecting, "_tested", tested)
    claimed = list(setup_checks.claim_due(clock=people[0].clock))
    together(*(partial(setup_checks.carry_out, setup=one, clock=SetClock()) for one in claimed))

    seen = {person.read().check_state: person.seen for person in people}
    assert set(seen) == {CheckState.PASSED, CheckState.FAILED}
    assert told(seen[CheckState.FAILED]) == until(OFFICE, "office_refused")


# Once, and once only


def test_a_check_that_waits_is_not_asked_for_twice(mona: Manager) -> None:
    mona.choose()
    mona.type()
    otto = Manager(mona.account, "Otto Other")

    first, second = mona.ask(), otto.ask()

    assert (first.asked_at, first.check_state) == (second.asked_at, CheckState.QUEUED)
    assert SecurityEvent.objects.filter(kind="setup.check_asked").count() == 1
    assert (sweeps.check_connections(), sweeps.check_connections()) == (1, 0)


def test_a_check_that_runs_is_not_asked_for_again_and_nothing_is_changed_under_it(
    mona: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona.choose()
    mona.type()
    mona.ask()
    otto, refused = Manager(mona.account, "Otto Other"), []

    def meanwhile(**_connect: Any) -> None:
        assert otto.ask().check_state == CheckState.RUNNING
        with pytest.raises(errors.StillWorking) as caught:
            otto.type(practiceId="D20002")
        refused.append(caught.value.code)
        connect(**_connect)

    connect = connecting.connect
    monkeypatch.setattr(connecting, "connect", meanwhile)

    assert sweeps.check_connections(mona.clock) == 1
    assert refused == ["still_working"]
    assert mona.read().practice_name == "Alder Dental"


def test_a_change_calls_off_a_check_that_still_waits(mona: Manager, sim: Sim) -> None:
    mona.choose()
    mona.type()
    mona.ask()

    seen = mona.type(practiceId="D20002")

    assert seen.check_state == CheckState.NONE
    assert sweeps.check_connections(mona.clock) == 0
    assert asked_of_the_pms(sim) == []


def test_there_is_nothing_to_check_before_anything_was_typed(mona: Manager) -> None:
    mona.choose()

    with pytest.raises(errors.SetupRequired):
        mona.ask()


def test_a_practice_tries_only_so_often_in_an_hour(mona: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "connection", "1/h")
    mona.connect({**MINE, "secretKey": "an-invented-key"})

    with pytest.raises(errors.RateLimited):
        mona.ask()

    assert mona.read().check_state == CheckState.FAILED


def test_only_a_few_checks_hold_the_worker_at_once(account: Account) -> None:
    people = [
        Manager(agreed(Account.objects.create(name=name, time_zone="America/New_York")), f"{name} Owner")
        for name in ("One", "Two", "Three")
    ]
    for person in people:
        person.choose()
        person.type()
        person.ask()

    claimed = list(setup_checks.claim_due(clock=people[0].clock))

    assert len(claimed) == setup_checks.AT_ONCE == 2
    assert people[2].read().check_state == CheckState.QUEUED


# Workers that die


@pytest.fixture
def dead(mona: Manager, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """Somebody whose check was under way when the worker died, in the middle of a question."""
    mona.choose()
    mona.type()
    mona.ask()
    with monkeypatch.context() as patched:
        patched.setattr(HttpPool, "_exchange", _killed)
        with pytest.raises(KeyboardInterrupt):
            sweeps.check_connections(mona.clock)
    return mona


def _killed(*_args: Any) -> None:
    raise KeyboardInterrupt


def test_a_check_whose_worker_has_died_runs_until_its_lease_ends(dead: Manager) -> None:
    seen = dead.read()

    assert (seen.check_state, told(seen)[REACHABLE]) == (CheckState.RUNNING, (RUNNING, ""))
    assert sweeps.check_connections(dead.clock) == 0
    assert dead.read().check_state == CheckState.RUNNING


@pytest.mark.parametrize("is_swept", [True, False])
def test_then_it_is_interrupted_whether_a_worker_is_there_to_tell_or_not(dead: Manager, is_swept: bool) -> None:
    dead.clock = SetClock.later(seconds=setup_checks.LEASE.total_seconds() + 1)
    if is_swept:
        assert sweeps.check_connections(dead.clock) == 0

    seen = dead.read()

    assert (seen.check_state, seen.error_code) == (CheckState.FAILED, "check_interrupted")
    assert told(seen) == until(REACHABLE, "check_interrupted")
    assert row(dead.account).check_state == (CheckState.FAILED if is_swept else CheckState.RUNNING)


@pytest.mark.parametrize("is_swept", [True, False])
def test_and_it_can_be_asked_for_again(dead: Manager, is_swept: bool) -> None:
    dead.clock = SetClock.later(seconds=setup_checks.LEASE.total_seconds() + 1)
    if is_swept:
        sweeps.check_connections(dead.clock)

    assert told(dead.check()) == ALL_PASSED


def test_a_worker_that_comes_back_too_late_overwrites_nothing(mona: Manager) -> None:
    mona.choose()
    mona.type()
    mona.ask()
    [late] = setup_checks.claim_due(clock=mona.clock)
    mona.clock = SetClock.later(seconds=setup_checks.LEASE.total_seconds() + 1)
    mona.type(practiceId="D20002")

    setup_checks.carry_out(setup=late, clock=mona.clock)

    seen = mona.read()
    assert (seen.check_state, seen.is_draft, seen.shown["practiceId"]) == (CheckState.NONE, True, "D20002")


def test_a_check_that_breaks_is_our_own_mistake_and_stops_no_other(
    mona: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona.choose()
    mona.type()
    mona.ask()
    birch = Manager(agreed(Account.objects.create(name="Birch Dental", time_zone="America/New_York")), "Bea Birch")
    birch.choose()
    birch.type({**MINE, "practiceId": "D20002"})
    birch.ask()
    original = connecting.connect

    def connect(**given: Any) -> PmsIntegration:
        if given["account"].pk == mona.account.pk:
            given["progress"](REACHABLE, RUNNING, "")
            raise TypeError("a defect")
        return original(**given)

    monkeypatch.setattr(connecting, "connect", connect)

    assert sweeps.check_connections(mona.clock) == 2

    assert (mona.read().error_code, told(mona.seen)) == ("internal_error", until(REACHABLE, "internal_error"))
    assert birch.read().check_state == CheckState.PASSED


def test_a_check_without_evidence_connects_nothing(mona: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    mona.choose()
    mona.type()
    mona.ask()

    def unwritten(**_event: Any) -> None:
        raise errors.Internal

    monkeypatch.setattr(audit, "record_access", unwritten)
    sweeps.check_connections(mona.clock)

    assert mona.read().error_code == "internal_error"
    assert not mona.seen.is_connected


def test_a_check_that_was_asked_for_before_a_new_agreement_is_not_run(
    mona: Manager, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona.choose()
    mona.type()
    mona.ask()
    monkeypatch.setattr(baa, "counting", lambda: (_newer(), _newer()))

    sweeps.check_connections(mona.clock)

    assert mona.read().error_code == "baa_required"
    assert asked_of_the_pms(sim) == []


class _Newer:
    version = "2099-01"
    sha256 = "0" * 64


def _newer() -> Any:
    return _Newer()


def test_how_long_the_oldest_check_has_waited_is_known(mona: Manager) -> None:
    mona.choose()
    mona.type()
    before = setup_checks.overdue_since(mona.clock.now())
    mona.ask()

    since = setup_checks.overdue_since(mona.clock.now() + timedelta(minutes=1))

    assert (before, since) == (None, mona.seen.asked_at)


# Words


def _raised_in(module: ModuleType) -> Iterator[type[errors.ParlaeError]]:
    """Yield our errors that a module raises by name."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            for one in ast.walk(node.exc):
                if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "errors":
                    yield getattr(errors, one.attr)


def _promised() -> Iterator[type[errors.ParlaeError]]:
    """Yield our errors that the contract of a test names."""
    for name in re.findall(r"``([A-Z]\w+)``", inspect.getdoc(PmsService.test_connection) or ""):
        yield getattr(errors, name)


def _kinds_of(root: type[errors.ParlaeError]) -> Iterator[type[errors.ParlaeError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds_of(kind)


def _possible() -> set[type[errors.ParlaeError]]:
    """Return what a check can end with: whatever a PMS can do to a read, and what is raised on the way to it."""
    for provider in registry.available_providers():
        registry.service_class(provider)  # its own errors are known from then on
    of_writes = (errors.WriteRejected, errors.OutcomeUnknown)
    on_the_way = (connecting, gateway, integrations, office_proof, audit, bulkhead, circuit, setup_checks, setups)
    named = {kind for module in on_the_way for kind in _raised_in(module)} | set(_promised())
    found = {kind for kind in _kinds_of(errors.PmsError) if not issubclass(kind, of_writes)} | named
    return found - {errors.PmsError, errors.ParlaeError}


def test_every_way_in_which_a_check_can_end_has_words_of_its_own() -> None:
    possible = _possible()
    codes = {setup_checks.reason(kind.__new__(kind), step) for kind in possible for step in (None, *CheckStep)}

    assert {errors.LocationRequired, errors.StillWorking, errors.CredentialsRejected} <= possible
    assert codes - setup_words.PROBLEMS.keys() == set()
    assert setup_words.PROBLEMS.keys() - codes == {"check_interrupted", "rate_limited"}


def test_words_name_nothing_that_a_practice_does_not_know() -> None:
    texts = [
        *(text for one in setup_words.PROBLEMS.values() for text in (one.title, one.what, one.todo)),
        *setup_words.ATTENTIONS.values(),
        *(text for pair in setup_words.STEPS.values() for text in pair),
    ]

    assert all(text and text == text.strip() for text in texts)
    assert not [text for text in texts for word in ("HTTP", "API", "PMS", "token", "502", "null") if word in text]


def test_every_step_and_every_thing_to_know_has_words() -> None:
    assert set(setup_words.STEPS) == set(CheckStep)
    assert set(setup_words.ATTENTIONS) == set(Attention)
    assert setup_words.problem("a code of tomorrow") == setup_words.PROBLEMS["internal_error"]


def test_a_practice_has_one_setup(account: Account) -> None:
    Manager(account).choose()
    Manager(account, "Otto Other").choose()

    assert Setup.objects.count() == 1
