"""A practice's way through the setup: which system, what opens it, and how far the setup is.

Whatever a person changes is compared with what they have read (``version``), so that two people do not overwrite each
other. Nothing that opens a practice's data is taken or tried before the practice has accepted the agreement. The check
itself is in ``services.setup_checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from accounts import baa
from accounts.models import Account, User
from pms.domain import errors
from pms.domain.clock import Clock, SystemClock
from pms.models import CheckState, Setup
from pms.providers import registry
from pms.services import audit, integrations, limits, setup_drafts, setup_views
from pms.services.audit import Asker
from pms.services.setup_drafts import Draft
from pms.services.setup_views import SetupView

__all__ = [
    "ChangedMeanwhile",
    "SetupView",
    "ask_check",
    "choose_provider",
    "keep_credentials",
    "mark_features_done",
    "read",
]


class ChangedMeanwhile(errors.IdempotencyConflict):
    """Somebody has changed the setup since it was read: ``who`` (a name) and ``when``, as far as it is known."""

    default_message = "Somebody else has changed this since you read it; look at it again."

    def __init__(self, who: str, when: datetime | None) -> None:
        super().__init__()
        self.who, self.when = who, when


def read(*, account: Account, clock: Clock | None = None) -> SetupView:
    """Return how far the setup is and what it holds, never the value of a secret."""
    setup = Setup.objects.select_related("changed_by").filter(account=account).first()
    return setup_views.view(setup or Setup(account=account), (clock or SystemClock()).now())


def choose_provider(
    *, account: Account, provider: str, version: int, user: User, asker: Asker, clock: Clock
) -> SetupView:
    """Choose the practice's system; what was typed for another one is kept for it.

    Raises ``NotSupported`` for one that cannot be connected, ``ChangedMeanwhile``, and ``StillWorking`` while a check
    runs.
    """
    registry.service_class(provider)
    setup = _read_at(account, version, clock)
    was = setup_views.provider_of(setup)
    if provider != was:
        draft = setup_drafts.of(setup, provider)
        _record("setup.provider_chosen", account, asker, provider=provider)
        _change(
            setup,
            user,
            clock,
            provider=provider,
            location=draft.location if draft else "",
            locations=draft.locations if draft else {},
        )
    elif setup.provider != provider:
        Setup.objects.filter(pk=setup.pk).update(provider=provider)
    return read(account=account, clock=clock)


def keep_credentials(
    *,
    account: Account,
    values: Mapping[str, object],
    location: str,
    version: int,
    user: User,
    asker: Asker,
    clock: Clock,
) -> SetupView:
    """Keep what was typed, sealed, until a check has tried it. What is left empty keeps what was typed before.

    ``location`` is one of those that a check has found for the office that is named, or empty. Other credentials ask
    for it anew. Raises ``BaaRequired``, ``Invalid`` by field, ``ChangedMeanwhile``, ``StillWorking`` while a check
    runs, and ``SetupRequired`` if no system was chosen.
    """
    _require_agreement(account)
    setup = _read_at(account, version, clock)
    provider = setup_views.provider_of(setup)
    if not provider:
        raise errors.SetupRequired("Choose the practice's system first.")
    now = clock.now()
    draft = _merged(setup, provider, values, location, now)
    if draft is not None:
        changed = sorted(name for name, at in draft.set_at.items() if at == now.isoformat())
        _record("setup.credentials_kept", account, asker, provider=provider, fields=" ".join(changed))
        _change(
            setup,
            user,
            clock,
            provider=provider,
            draft=setup_drafts.sealed_with(setup, provider, draft),
            location=draft.location,
            locations=draft.locations,
        )
    return read(account=account, clock=clock)


def ask_check(*, account: Account, user: User, asker: Asker, clock: Clock) -> SetupView:
    """Have the worker check what was typed or, if nothing was, the connection as it is; wake ``checks`` afterwards.

    One that is waiting or running is not asked for twice. Raises ``BaaRequired``, ``SetupRequired`` if there is nothing
    to check, and ``RateLimited``.
    """
    _require_agreement(account)
    setup, _ = Setup.objects.get_or_create(account=account)
    if setup_views.stored(setup, setup_views.provider_of(setup)) is None:
        raise errors.SetupRequired
    now = clock.now()
    if not _is_under_check(setup, now):
        limits.check(limit="connection", key=str(account.pk))
        _record("setup.check_asked", account, asker, provider=setup_views.provider_of(setup))
        Setup.objects.filter(pk=setup.pk).exclude(_under_check(now)).update(
            check_state=CheckState.QUEUED,
            steps=[],
            error_code="",
            asked_by=user,
            asked_at=now,
            lease_until=None,
            ended_at=None,
        )
    return read(account=account, clock=clock)


def mark_features_done(*, account: Account, user: User, clock: Clock) -> SetupView:
    """Note that a person has gone through what the agent does. Raises ``SetupRequired`` without a connection."""
    if read(account=account).furthest < setup_views.FEATURES:
        raise errors.SetupRequired
    setup, _ = Setup.objects.get_or_create(account=account)
    now = clock.now()
    Setup.objects.filter(pk=setup.pk, features_at__isnull=True).update(
        features_at=now, changed_by=user, changed_at=now, version=F("version") + 1
    )
    return read(account=account, clock=clock)


def _require_agreement(account: Account) -> None:
    if not baa.is_accepted(account):
        raise errors.BaaRequired


def _read_at(account: Account, version: int, clock: Clock) -> Setup:
    """Return the setup if it is as it was read. Raises ``ChangedMeanwhile`` and, while a check runs, ``StillWorking``.

    A check that still waits for the worker is no hindrance: it is called off by the change.
    """
    setup = Setup.objects.select_related("changed_by").get_or_create(account=account)[0]
    if setup.version != version:
        raise _changed(setup)
    if setup_views.is_running(setup, clock.now()):
        raise errors.StillWorking("The connection is being checked; wait for its end.")
    return setup


def _change(setup: Setup, user: User, clock: Clock, **changes: Any) -> None:
    """Make a change if nobody else has made one; what a check has found says nothing about it any more."""
    now = clock.now()
    same = Setup.objects.filter(pk=setup.pk, version=setup.version).exclude(_running(now))
    done = same.update(
        **changes,
        check_state=CheckState.NONE,
        steps=[],
        error_code="",
        lease_until=None,
        version=F("version") + 1,
        changed_by=user,
        changed_at=now,
    )
    if not done:
        raise _changed(Setup.objects.select_related("changed_by").get(pk=setup.pk))


def _changed(setup: Setup) -> ChangedMeanwhile:
    return ChangedMeanwhile(setup_views.name_of(setup.changed_by) or "Somebody", setup.changed_at)


def _merged(setup: Setup, provider: str, values: Mapping[str, object], location: str, now: datetime) -> Draft | None:
    """Return what was typed laid over what was stored, ``None`` if that changes nothing."""
    before = setup_views.stored(setup, provider)
    known = before.values if before else {}
    typed = {name: text for name, text in integrations.typed(provider=provider, given=values).items() if text}
    merged = {**known, **typed}
    lacking = integrations.missing(provider=provider, values=merged)
    if lacking:
        raise errors.Invalid(fields=lacking)
    differing = {name for name, text in merged.items() if known.get(name) != text}
    set_at = {**(before.set_at if before else {}), **dict.fromkeys(differing, now.isoformat())}
    if differing:
        return Draft(merged, set_at)
    if location and location not in setup.locations:
        raise errors.Invalid(fields={"location": "Choose one of the office's locations."})
    return None if location == setup.location else Draft(merged, set_at, location, setup.locations)


def _is_under_check(setup: Setup, now: datetime) -> bool:
    return setup.check_state == CheckState.QUEUED or setup_views.is_running(setup, now)


def _running(now: datetime) -> Q:
    return Q(check_state=CheckState.RUNNING, lease_until__gt=now)


def _under_check(now: datetime) -> Q:
    return Q(check_state=CheckState.QUEUED) | _running(now)


def _record(kind: str, account: Account, asker: Asker, **detail: str) -> None:
    audit.record_event_by(asker, kind, account_id=account.pk, detail=detail)
