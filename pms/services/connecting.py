"""Connecting a practice to its PMS.

New credentials are tried before they take the place of ones that have worked, with a token of their own, so that a
mistake in them costs nothing. What they replace, and what is switched on, is settled in one short transaction under the
account's lock: of two setups at once the later one holds as a whole. No transaction is open while a vendor is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import Account
from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import ConnectionReport, PmsAppointmentType
from pms.models import (
    OPEN_WRITES,
    AppointmentType,
    BookingMode,
    ConnectionStatus,
    PmsIntegration,
    WriteBack,
    WriteBackState,
)
from pms.providers.base import Capability, TokenStore
from pms.providers.progress import Progress, unheard
from pms.services import audit, gateway, health, integrations, office_proof, patients
from pms.services.audit import Asker
from pms.services.gateway import Access
from pms.services.tokens import DatabaseTokenStore, TriedTokens

TEST_BUDGET_SECONDS = 30.0
RECHECK_EVERY = timedelta(minutes=10)

_IN_USE = (ConnectionStatus.ACTIVE, ConnectionStatus.ERROR)
_DEFAULT_MINUTES = 30  # of an imported kind of appointment, until staff say how long it takes
_LONGEST_NAME = 80
_LONGEST_VALUE = 128

log = structlog.get_logger(__name__)


def connect(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    config: Mapping[str, Any],
    features: Mapping[str, bool],
    asker: Asker,
    clock: Clock,
    time_zone: str = "",
    progress: Progress = unheard,
) -> PmsIntegration:
    """Try credentials and, if they open the practice's data, switch the connection on with them.

    ``config`` and ``features`` are laid over what the practice has set already; a feature that nobody has set is on.
    ``time_zone``, an IANA name, becomes the account's. The kinds of appointment that the PMS tells are imported, hours
    are not: they are read from the PMS whenever times are looked for. ``progress`` is told each step of the test.

    Raises ``Invalid`` with the missing fields, ``StillWorking`` if they lead to another practice while something of
    ours is on its way to this one, and what the test raises. Then a connection that has worked stays as it was; without
    one, what was given is kept as SETUP_REQUIRED or ERROR with the reason.
    """
    with _locked(account):
        own = PmsIntegration.objects.filter(account=account, provider=provider).first()
        has_worked = own is not None and (_has_worked(own) or bool(own.practice_digest))
        before = integrations.current(account=account)
        merged = _merged(before, config, features)
        keep = integrations.prepared if has_worked else integrations.store
        tried = keep(account=account, provider=provider, credentials=credentials, config=merged[0], features=merged[1])
    tokens = TriedTokens()
    report, kinds = _tested(tried, asker, clock, tokens, progress)
    # What opens a door is in the evidence before it exists; what closes one is closed first.
    detail = {"settings": _differing(before, tried, account.time_zone != (time_zone or account.time_zone))}
    if not integrations.has_own_keys(integration=tried):
        detail["keys"] = "platform"  # the office's number alone has opened it
    _record("integration.changed" if has_worked else "integration.created", tried, asker, **detail)
    with _locked(account):
        # Read again: somebody else may have set something while the vendor was asked.
        tried.config, tried.features = _merged(integrations.current(account=account), config, features)
        was = PmsIntegration.objects.filter(pk=tried.pk).first()
        is_another = was is not None and _leads_elsewhere(was, report)
        if was is not None and (is_another or time_zone not in ("", account.time_zone)):
            _require_settled(was)
        replaced = list(PmsIntegration.objects.filter(account=account, status__in=_IN_USE).exclude(pk=tried.pk))
        for other in replaced:
            integrations.deactivate(integration=other)
        _note(report, tried, clock)
        if is_another:
            tried.practice_since = clock.now()
        tried.save()
        if is_another or replaced:
            patients.end_proofs(account)
        integrations.forget(tried.pk)
        _keep(tokens, tried, clock)
        _import_kinds(account, kinds)
        if time_zone and time_zone != account.time_zone:
            account.time_zone = time_zone
            account.save(update_fields=["time_zone", "updated_at"])
    for other in replaced:
        _record("integration.deactivated", other, asker)
    _note_office(tried, report, clock)
    return tried


def test(*, integration: PmsIntegration, asker: Asker, clock: Clock) -> ConnectionReport:
    """Check every step of the way to the practice's data, audited like any access."""
    with _testing(integration, asker, clock) as access:
        return access.pms.test_connection()


def retest(*, account: Account, asker: Asker, clock: Clock, progress: Progress = unheard) -> PmsIntegration:
    """Test the account's connection as it is stored, and return it; what works is switched on, if it was not.

    What it can do is noted anew, and ``progress`` told each step of the test. Raises ``SetupRequired`` if there is
    nothing to test, and what the test raises.
    """
    integration = integrations.current(account=account)
    if integration is None or integration.status == ConnectionStatus.INACTIVE:
        raise errors.SetupRequired
    if integration.status == ConnectionStatus.ACTIVE:
        with _testing(integration, asker, clock) as access:
            report = access.pms.test_connection(progress)
        if not _switch_on(integration, report, clock):
            raise errors.StillWorking("The connection was changed while it was tested; test it again.")
        return integration
    report, kinds = _tested(integration, asker, clock, progress=progress)
    is_new = integration.metadata is None
    _record("integration.created" if is_new else "integration.restored", integration, asker)
    if not _switch_on(integration, report, clock):
        raise errors.StillWorking("The connection was changed while it was tested; test it again.")
    _import_kinds(account, kinds)
    return integration


def change_zone(*, account: Account, time_zone: str, asker: Asker) -> None:
    """Have a connected practice's times read and written in another zone, an IANA name.

    Raises ``SetupRequired`` without a connection, and ``StillWorking`` while something of ours is on its way to it.
    """
    integration = integrations.current(account=account)
    if integration is None:
        raise errors.SetupRequired
    if time_zone == account.time_zone:
        return
    _record("integration.changed", integration, asker, settings="timezone")
    with _locked(account):
        _require_settled(integration)
        account.time_zone = time_zone
        account.save(update_fields=["time_zone", "updated_at"])
        integrations.forget(integration.pk)


def recheck_rejected(*, clock: Clock) -> int:
    """Test again the connections whose credentials were refused a while ago; return how many work again.

    One that never worked, or whose answers belonged to another practice, stays off until a person looks.
    """
    waiting = PmsIntegration.objects.filter(
        status=ConnectionStatus.ERROR,
        last_error=errors.CredentialsRejected.code,
        metadata__isnull=False,
        updated_at__lt=clock.now() - RECHECK_EVERY,
    )
    return sum(_works_again(integration, clock) for integration in waiting.select_related("account"))


def _works_again(integration: PmsIntegration, clock: Clock) -> bool:
    mine = PmsIntegration.objects.filter(pk=integration.pk, updated_at=integration.updated_at)
    if not mine.update(updated_at=clock.now()):
        return False  # another worker's
    asker = Asker(actor="job:connections", endpoint="job:connections", method="JOB")
    try:
        report = test(integration=integration, asker=asker, clock=clock)
    except errors.ParlaeError as error:
        log.info("connection still refused", code=error.code, integration_id=str(integration.pk))
        return False
    done = _switch_on(integration, report, clock)
    if done:
        _record("integration.restored", integration, asker)
    return done


def _switch_on(integration: PmsIntegration, report: ConnectionReport, clock: Clock) -> bool:
    """Let a connection work that was tested as it is stored; return whether it does.

    Not if it was replaced while the vendor was asked, nor beside another one.
    """
    with _locked(integration.account):
        same = PmsIntegration.objects.filter(pk=integration.pk, credentials=bytes(integration.credentials))
        others = PmsIntegration.objects.filter(account=integration.account, status=ConnectionStatus.ACTIVE)
        if not same.exists() or others.exclude(pk=integration.pk).exists():
            return False
        _note(report, integration, clock)
        integration.save(
            update_fields=[
                "status",
                "last_error",
                "metadata",
                "practice_digest",
                "last_sync_at",
                "checked_at",
                "office_offline_at",
                "updated_at",
            ]
        )
    _note_office(integration, report, clock)
    return True


@contextmanager
def _locked(account: Account) -> Iterator[None]:
    """Open a short transaction in which nobody else changes the account's connections.

    Raises ``CredentialsRejected`` if another account has connected the same practice at this moment.
    """
    try:
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).get(pk=account.pk)
            yield
    except IntegrityError:
        raise errors.CredentialsRejected from None


@contextmanager
def _testing(
    integration: PmsIntegration, asker: Asker, clock: Clock, tokens: TokenStore | None = None
) -> Iterator[Access]:
    budget = Budget(TEST_BUDGET_SECONDS, clock)
    with gateway.reading(
        integration=integration,
        asker=asker,
        action="testConnection",
        phi=False,
        clock=clock,
        budget=budget,
        tokens=tokens,
        is_test=True,
    ) as access:
        yield access


def _tested(
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    tokens: TokenStore | None = None,
    progress: Progress = unheard,
) -> tuple[ConnectionReport, Sequence[PmsAppointmentType]]:
    """Return what a test finds, and the kinds of appointment that the PMS tells; only of a practice of our own."""
    with _testing(integration, asker, clock, tokens) as access:
        report = access.pms.test_connection(progress, partial(_require_own, integration, asker))
        if Capability.READ_SCHEDULE not in report.capabilities:
            return report, ()
        try:
            return report, access.pms.list_appointment_types()
        except errors.TenantMismatch:
            raise
        except (errors.NotSupported, errors.PmsUnavailable, errors.UpstreamInvalid) as error:
            # They are a help for whoever sets up the rules; the connection works without them.
            log.info("appointment types not read", code=error.code, integration_id=str(integration.pk))
            return report, ()


def _require_own(integration: PmsIntegration, asker: Asker, practice_key: str, address: str) -> None:
    """Raise ``CredentialsRejected``, as for an unknown one, if another account is connected to the practice.

    Where the platform's keys open every office that has authorised it, an office's number alone proves nothing: raises
    ``OfficeUnproven`` until a code from the practice's mailbox, at ``address``, was typed.
    """
    digest = _practice_digest(integration, practice_key)
    others = PmsIntegration.objects.filter(practice_digest=digest, status__in=_IN_USE)
    if others.exclude(account_id=integration.account_id).exists():
        _record("integration.practice_taken", integration, asker)
        raise errors.CredentialsRejected
    office_proof.require(integration=integration, practice_digest=digest, address=address)


def _leads_elsewhere(integration: PmsIntegration, report: ConnectionReport) -> bool:
    """Return whether a test has found another practice than the one that the connection has led to last."""
    return integration.practice_digest not in ("", _practice_digest(integration, report.practice_key))


def _require_settled(integration: PmsIntegration) -> None:
    """Raise ``StillWorking`` while something of ours at the practice is not at its end, or not seen there yet.

    Its ids mean other people at another practice, and its times are others in another zone.
    """
    unseen = Q(state=WriteBackState.DONE, verified_at__isnull=True, next_attempt_at__isnull=False)
    ours = WriteBack.objects.filter(OPEN_WRITES | Q(state=WriteBackState.WAITING) | unseen, integration=integration)
    if ours.exists():
        raise errors.StillWorking(
            "Not all that was written to the practice that is connected has been seen there yet. "
            "Connect another one, or change the time zone, when it has."
        )


def _has_worked(integration: PmsIntegration) -> bool:
    was_connected = integration.metadata is not None
    return integration.status == ConnectionStatus.ACTIVE or (
        integration.status == ConnectionStatus.ERROR and was_connected
    )


def _merged(
    before: PmsIntegration | None, config: Mapping[str, Any], features: Mapping[str, bool]
) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return settings laid over those of the connection before, which may be to another provider."""
    stored = (before.config or {}, before.features or {}) if before else ({}, {})
    switches = {name: bool(features.get(name, stored[1].get(name, True))) for name in integrations.FEATURES}
    return {**stored[0], **config}, switches


def _differing(before: PmsIntegration | None, tried: PmsIntegration, zone_differs: bool) -> str:
    """Return the names of the settings that change, for the evidence; the history of the rows has their values."""
    old = {**(before.config or {}), **(before.features or {})} if before else {}
    new = {**(tried.config or {}), **(tried.features or {})}
    names = {name for name, value in new.items() if old.get(name) != value}
    return " ".join(sorted(names | ({"timezone"} if zone_differs else set())))


def _note(report: ConnectionReport, integration: PmsIntegration, clock: Clock) -> None:
    """Write a successful test's result to a connection, which is not saved here."""
    integration.status = ConnectionStatus.ACTIVE
    integration.last_error = None
    integration.metadata = _metadata(report)
    integration.last_sync_at = report.data_as_of
    integration.checked_at = clock.now()
    if not report.office_is_offline or _leads_elsewhere(integration, report):
        integration.office_offline_at = None
    integration.practice_digest = _practice_digest(integration, report.practice_key)


def _note_office(integration: PmsIntegration, report: ConnectionReport, clock: Clock) -> None:
    """Keep that the office's computer is offline, with an event if nobody knew; outside of every transaction."""
    if report.office_is_offline:
        health.note_offline(integration, clock.now())


def _practice_digest(integration: PmsIntegration, practice_key: str) -> str:
    return vault.digest(f"{integration.provider}:{practice_key}", "practice")


def _keep(tokens: TriedTokens, integration: PmsIntegration, clock: Clock) -> None:
    """Keep the token that the test had, so that the first caller need not wait for one."""
    token = tokens.get()
    if token is not None:
        DatabaseTokenStore(integration_id=integration.pk, clock=clock).save(token.values, token.expires_at, 0)


def _import_kinds(account: Account, kinds: Sequence[PmsAppointmentType]) -> None:
    """Add the PMS's kinds of appointment, switched off: nobody has said yet who gives them, where and for how long.

    They are on request, so that one that is only switched on is arranged by the team. What the practice has already,
    by the PMS's value or by name, stays as staff have made it.
    """
    known = list(AppointmentType.objects.filter(account=account))
    values, names = {kind.pms_value for kind in known}, {kind.name.casefold() for kind in known}
    position = max((kind.position for kind in known), default=-1)
    for kind in kinds:
        name = " ".join(kind.name.split())[:_LONGEST_NAME]
        if not name or len(kind.value) > _LONGEST_VALUE or kind.value in values or name.casefold() in names:
            continue
        position += 1
        AppointmentType.objects.get_or_create(
            account=account,
            name=name,
            defaults={
                "pms_value": kind.value,
                "duration_minutes": _DEFAULT_MINUTES,
                "mode": BookingMode.REQUEST,
                "is_active": False,
                "position": position,
            },
        )
        values.add(kind.value)
        names.add(name.casefold())


def _record(kind: str, integration: PmsIntegration, asker: Asker, **detail: str) -> None:
    audit.record_event_by(
        asker,
        kind,
        account_id=integration.account_id,
        detail={"provider": integration.provider, "integration": str(integration.pk), **detail},
    )


def _metadata(report: ConnectionReport) -> dict[str, Any]:
    return {
        "pmsName": report.pms_name,
        "practiceName": report.practice_name,
        "timeZone": report.time_zone,
        "locationId": report.locations[0].id if report.locations else "",
        "capabilities": sorted(report.capabilities),
    }
