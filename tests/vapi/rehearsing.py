"""A person who asks for test calls, and a worker that plays them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import Account, User
from pms.domain.clock import Clock, SystemClock
from pms.jobs import sweeps
from pms.models import TestCall, VoiceLine
from pms.services import stand_in
from pms.services.audit import Asker
from pms.services.stand_in import Person
from pms.vapi import rehearsal
from pms.vapi.rehearsal import View

Ask = Callable[..., TestCall]


@pytest.fixture
def ask(practice: Account) -> Ask:
    """Ask for a test call: ``ask()``, or ``ask(books=True, patient=...)``."""

    def ask(*, books: bool = False, patient: Person | None = None, clock: Clock | None = None) -> TestCall:
        user = User.objects.get()
        return rehearsal.ask(
            account=practice,
            user=user,
            line=VoiceLine.objects.get(),
            books=books,
            patient=patient,
            asker=Asker(actor=f"user:{user.pk}", endpoint="/setup/", method="POST", user_id=str(user.pk)),
            clock=clock or SystemClock(),
        )

    return ask


@pytest.fixture
def as_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stand-in pass for a practice's own system."""
    monkeypatch.setattr(stand_in, "is_sandbox", lambda _integration: False)


def played(test_call: TestCall, clock: Clock | None = None) -> View:
    """Have the worker look once, and return how the test call stands then."""
    sweeps.play_test_calls(clock)
    return view_of(test_call)


def view_of(test_call: TestCall) -> View:
    return rehearsal.read(test_call=TestCall.objects.select_related("asked_by").get(pk=test_call.pk))
