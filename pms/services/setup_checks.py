"""The check of a connection that a person has asked for, run by the worker: each step is written down when it is known.

A check is run once. One whose worker dies is not run again by itself, because whoever asked may have changed their
mind: it ends as ``check_interrupted`` and can be asked for again. No transaction is open while a vendor is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from auditlog.context import set_actor
from django.db.models import Q

from accounts import baa
from pms.domain import errors
from pms.domain.clock import Clock
from pms.models import CheckState, Setup
from pms.providers import registry
from pms.providers.progress import CheckStep, StepState
from pms.services import connecting, office_proof, setup_drafts, setup_views
from pms.services.audit import Asker

log = structlog.get_logger(__name__)

# Longer than a test may take, with what is written before and after it.
LEASE = timedelta(seconds=connecting.TEST_BUDGET_SECONDS + 60)
# The worker has few threads, and callers' bookings are followed by the same ones.
AT_ONCE = 2
_FINER: tuple[tuple[type[errors.ParlaeError], str], ...] = (
    (errors.TenantMismatch, "other_practice"),
    (errors.PmsRateLimited, "pms_rate_limited"),
    (errors.OfficeOffline, "office_offline"),
    (errors.BudgetSpent, "too_slow"),
    (errors.NotAsked, "crowded"),
    (errors.OfficeWithoutMail, "office_without_mail"),
    (errors.OfficeCodesUsedUp, "office_codes_used_up"),
    (errors.OfficeMailFailed, "office_mail_failed"),
)
_OF_THE_KEY = (None, CheckStep.REACHABLE, CheckStep.KEY)


class Recorder:
    """Writes each step to the setup's row as it comes, as long as the check is still this worker's."""

    def __init__(self, setup: Setup) -> None:
        self._rows = Setup.objects.filter(pk=setup.pk, lease_until=setup.lease_until)
        self._steps: dict[CheckStep, tuple[StepState, str]] = {}

    def __call__(self, step: CheckStep, state: StepState, code: str) -> None:
        """Take a step that the adapter tells."""
        self._steps[step] = (state, code)
        self._rows.update(steps=self.told())

    def told(self) -> list[dict[str, str]]:
        """Return the steps as they are stored."""
        return [{"name": step, "state": state, "detail": code} for step, (state, code) in self._steps.items()]

    def fail(self, error: errors.ParlaeError) -> str:
        """Note that the check has failed, at the step that was running; return why."""
        code = reason(error, self._last())
        at = CheckStep.OFFICE if code == "office_refused" else self._running()
        if at is not None:
            self._steps = {step: told for step, told in self._steps.items() if step in _before(at)}
            self._steps[at] = (StepState.FAILED, code)
        return code

    def end(self, **changes: object) -> bool:
        """Give the row back with what has come of the check; return whether it was still this worker's."""
        return self._rows.update(steps=self.told(), lease_until=None, **changes) == 1

    def _running(self) -> CheckStep | None:
        return next((step for step, (state, _) in self._steps.items() if state is StepState.RUNNING), None)

    def _last(self) -> CheckStep | None:
        return next(reversed(self._steps), None)


def reason(error: errors.ParlaeError, step: CheckStep | None) -> str:
    """Return why a check has failed at a step: the error's code, or a finer one where that means several things."""
    if isinstance(error, errors.CredentialsRejected):
        return "key_refused" if step in _OF_THE_KEY else "office_refused"
    return next((finer for kind, finer in _FINER if isinstance(error, kind)), error.code)


def claim_due(*, clock: Clock) -> Iterator[Setup]:
    """Yield the checks that wait, the oldest first, each leased to this caller; a few at once in all workers."""
    tried: list[UUID] = []
    while True:
        now = clock.now()
        waiting = Setup.objects.filter(check_state=CheckState.QUEUED).exclude(pk__in=tried).order_by("asked_at", "pk")
        pk = waiting.values_list("pk", flat=True).first()
        if pk is None or Setup.objects.filter(_running(now)).count() >= AT_ONCE:
            return
        tried.append(pk)
        mine = Setup.objects.filter(pk=pk, check_state=CheckState.QUEUED)
        if mine.update(check_state=CheckState.RUNNING, lease_until=now + LEASE, steps=[]):
            yield Setup.objects.select_related("account", "asked_by").get(pk=pk)


def overdue_since(now: datetime) -> datetime | None:
    """Return since when the oldest check has been waiting for a worker, ``None`` if none does."""
    waiting = Setup.objects.filter(check_state=CheckState.QUEUED, asked_at__lte=now)
    return waiting.order_by("asked_at").values_list("asked_at", flat=True).first()


def carry_out(*, setup: Setup, clock: Clock) -> None:
    """Run a check that was claimed, and write down what has come of it."""
    recorder = Recorder(setup)
    try:
        with set_actor(setup.asked_by):  # the history of the rows says who
            _check(setup, recorder, clock)
    except errors.ParlaeError as error:
        locations = dict(error.fields) if isinstance(error, errors.LocationRequired) else None
        _fail(setup, recorder, error, clock, locations)
        return
    # What has worked is in use now, and nowhere else.
    left = setup_drafts.sealed_with(setup, setup_views.provider_of(setup), None)
    recorder.end(check_state=CheckState.PASSED, ended_at=clock.now(), draft=left, location="", locations={})


def break_off(*, setup: Setup, clock: Clock) -> None:
    """End a check that broke in a way nobody expected."""
    steps = [dict(one) for one in Setup.objects.values_list("steps", flat=True).get(pk=setup.pk)]
    mine = Setup.objects.filter(pk=setup.pk, lease_until=setup.lease_until)
    mine.update(**_broken(steps, errors.Internal.code, clock.now()))


def end_interrupted(*, now: datetime) -> int:
    """End the checks whose worker has died; return how many."""
    dead = Setup.objects.filter(check_state=CheckState.RUNNING, lease_until__lte=now)
    ended = 0
    for pk, lease_until, steps in list(dead.values_list("pk", "lease_until", "steps")):
        same = Setup.objects.filter(pk=pk, lease_until=lease_until)
        ended += same.update(**_broken(steps, setup_views.INTERRUPTED, now))
    return ended


def _check(setup: Setup, recorder: Recorder, clock: Clock) -> None:
    """Run a check. Where a code from the practice's mailbox is needed, it is sent before the check fails with that."""
    if not baa.is_accepted(setup.account):
        raise errors.BaaRequired
    asker = Asker(
        actor=f"user:{setup.asked_by_id}", endpoint="job:checks", method="JOB", user_id=str(setup.asked_by_id)
    )
    try:
        _connect(setup, recorder, asker, clock)
    except errors.OfficeUnproven as unproven:
        office_proof.send(account=setup.account, unproven=unproven, user=setup.asked_by, asker=asker, clock=clock)
        raise


def _connect(setup: Setup, recorder: Recorder, asker: Asker, clock: Clock) -> None:
    provider = setup_views.provider_of(setup)
    draft = setup_drafts.of(setup, provider)
    if draft is None:
        connecting.retest(account=setup.account, asker=asker, clock=clock, progress=recorder)
        return
    credentials = dict(draft.values)
    if draft.location:
        credentials = registry.service_class(provider).at_location(credentials, draft.location)
    connecting.connect(
        account=setup.account,
        provider=provider,
        credentials=credentials,
        config={},
        features={},
        asker=asker,
        clock=clock,
        progress=recorder,
    )


def _fail(
    setup: Setup, recorder: Recorder, error: errors.ParlaeError, clock: Clock, locations: dict[str, str] | None
) -> None:
    code = recorder.fail(error)
    log.info("check failed", code=code, account_id=str(setup.pk))
    changes: dict[str, object] = {}
    if locations is not None:
        changes = {"locations": locations, "location": ""}
    recorder.end(check_state=CheckState.FAILED, error_code=code, ended_at=clock.now(), **changes)


def _broken(steps: list[dict[str, str]], code: str, now: datetime) -> dict[str, object]:
    """Return what a row becomes whose check has come to no end."""
    for one in steps:
        if one["state"] == StepState.RUNNING:
            one.update(state=StepState.FAILED, detail=code)
    return {
        "steps": steps,
        "check_state": CheckState.FAILED,
        "error_code": code,
        "lease_until": None,
        "ended_at": now,
    }


def _before(step: CheckStep) -> tuple[CheckStep, ...]:
    order = list(CheckStep)
    return tuple(order[: order.index(step)])


def _running(now: datetime) -> Q:
    return Q(check_state=CheckState.RUNNING, lease_until__gt=now)
