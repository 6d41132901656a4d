"""The test call that a person lets run in the page: asked for here, played by the worker, read while it runs.

It is a real call of the line, signed with what opens it, through the webhook of this process (``rehearsal_play``). It
is marked as a test, counts as no call of the practice's, locks nobody out and sends nothing to any patient; its audit
rows are like any call's. What it books it cancels itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import baa
from accounts.models import Account, User
from pms.domain import errors
from pms.domain.clock import Clock
from pms.models import PmsIntegration, TestCall, TestCallState, VoiceLine
from pms.providers.base import Capability
from pms.services import audit, integrations, limits, stand_in
from pms.services.audit import Asker
from pms.services.stand_in import Person
from pms.vapi import rehearsal_words
from pms.vapi.phone import NoKey, key_of
from pms.vapi.rehearsal_record import OPEN, Line, Mark, lines_of, sealed_patient
from pms.vapi.rehearsal_words import Told

_NEEDED = (Capability.READ_PATIENTS, Capability.BOOK_APPOINTMENT, Capability.CANCEL_APPOINTMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A test call for the page. ``told`` says how it stands; ``lines`` are in order, and hold nothing of a patient's
    but what was invented. ``call_id`` is ours, for the timeline; ``asked_by`` a person's name."""

    id: UUID
    state: str
    is_over: bool
    books: bool
    told: Told
    lines: tuple[Line, ...] = field(repr=False)
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    call_id: UUID | None


def ask(
    *,
    account: Account,
    user: User,
    line: VoiceLine,
    books: bool,
    patient: Person | None,
    asker: Asker,
    clock: Clock,
) -> TestCall:
    """Have the worker play a test call; wake it with ``jobs.queue.wake("test_calls")`` once this is committed.

    ``books``, which a person must have ticked, has it book for ``patient`` and cancel at once; against the stand-in it
    always does, for somebody invented. Raises ``BaaRequired``, ``Paused``, ``SetupRequired``, ``CredentialsRejected``,
    ``RateLimited``, ``Invalid`` by field (``line``, ``books``, ``patient``), and ``StillWorking`` while one is running.
    """
    if not baa.is_accepted(account):
        raise errors.BaaRequired
    if account.is_paused or not account.is_active:
        raise errors.Paused
    integration = integrations.active_for(account=account)
    patient = _subject(integration, books, patient)
    _require_line(account, line, clock.now())
    _refuse_second(account)
    limits.check(limit="test_calls", key=str(account.pk))
    return _asked(integration, user, line, patient, asker, clock.now())


def read(*, test_call: TestCall) -> View:
    """Return how a test call stands; it may be read again and again while it runs."""
    lines = lines_of(test_call)
    return View(
        id=test_call.pk,
        state=test_call.state,
        is_over=test_call.state not in OPEN,
        books=test_call.books,
        told=_told(test_call, lines),
        lines=tuple(lines),
        asked_by=test_call.asked_by.name,
        asked_at=test_call.asked_at,
        ended_at=test_call.ended_at,
        call_id=test_call.call_id,
    )


def find(*, account: Account, pk: UUID | str) -> TestCall:
    """Return one of the account's test calls. Raises ``WriteNotFound``."""
    found = TestCall.objects.select_related("asked_by").filter(account=account, pk=_as_uuid(pk)).first()
    if found is None:
        raise errors.WriteNotFound
    return found


def latest(*, account: Account) -> TestCall | None:
    """Return the account's last test call."""
    return TestCall.objects.select_related("asked_by").filter(account=account).order_by("-asked_at").first()


def has_passed(*, account: Account) -> bool:
    """Return whether a test call of the account ever went well, for its go-live checklist."""
    return TestCall.objects.filter(account=account, state=TestCallState.PASSED).exists()


def can_book(*, integration: PmsIntegration) -> bool:
    """Return whether a test call could book through a connection and cancel that again."""
    known = (integration.metadata or {}).get("capabilities")
    return known is None or set(_NEEDED) <= set(known)


def _subject(integration: PmsIntegration, books: bool, patient: Person | None) -> Person | None:
    """Return whom to book for, ``None`` if nothing is booked. Raises ``Invalid`` for a tick without a patient."""
    if stand_in.is_sandbox(integration):
        return stand_in.fictional_patient(integration)
    if not books:
        return None
    if not can_book(integration=integration):
        raise errors.Invalid(fields={"books": "Your system does not let Parlae book and cancel."})
    if patient is None or not (patient.first_name.strip() and patient.last_name.strip()):
        raise errors.Invalid(fields={"patient": "Name the test patient: first name, last name and date of birth."})
    return patient


def _require_line(account: Account, line: VoiceLine, now: datetime) -> None:
    """Raise ``Invalid`` if a call of the line would find no door: not this account's, without ids, or without a key."""
    problem = ""
    if line.account_id != account.pk or not line.is_active:
        problem = "Choose one of your lines that is in use."
    elif not (line.vapi_assistant_id or line.vapi_phone_number_id or line.phone_number):
        problem = "This line has neither an assistant nor a number yet."
    else:
        try:
            key_of(line, now)
        except NoKey:
            problem = "This line has no credential that is live."
    if problem:
        raise errors.Invalid(fields={"line": problem})


def _refuse_second(account: Account) -> None:
    if TestCall.objects.filter(account=account, state__in=OPEN).exists():
        raise errors.StillWorking("A test call is going on already.")


def _asked(
    integration: PmsIntegration, user: User, line: VoiceLine, patient: Person | None, asker: Asker, now: datetime
) -> TestCall:
    """Leave the evidence, then the row; of two at once the second is refused."""
    account, is_sandbox = integration.account, stand_in.is_sandbox(integration)
    audit.record_event_by(
        asker,
        "testcall.asked",
        account_id=account.pk,
        detail={"line": str(line.pk), "books": patient is not None, "sandbox": is_sandbox},
    )
    row = TestCall(account=account, line=line, books=patient is not None, asked_by=user, asked_at=now)
    row.patient = sealed_patient(row.pk, patient) if patient else None
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise errors.StillWorking("A test call is going on already.") from None
    return row


def _told(test_call: TestCall, lines: list[Line]) -> Told:
    match TestCallState(test_call.state):
        case TestCallState.QUEUED:
            return rehearsal_words.WAITING
        case TestCallState.RUNNING:
            is_pending = bool(lines) and lines[-1].mark == Mark.PENDING
            return rehearsal_words.PENDING if is_pending else rehearsal_words.RUNNING
        case TestCallState.PASSED:
            return rehearsal_words.BOOKED if test_call.books else rehearsal_words.PASSED
    return rehearsal_words.told(test_call.error_code)


def _as_uuid(pk: UUID | str) -> UUID:
    try:
        return UUID(str(pk))
    except ValueError:
        raise errors.WriteNotFound from None
