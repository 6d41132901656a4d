"""Is it working? One light for a practice, with every reason that it is not green, what to do, and where.

It reads our own tables and cache; nobody's system is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from accounts import baa
from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import Clock
from pms.models import (
    AppointmentType,
    Booking,
    BookingMode,
    BookingState,
    Call,
    ConnectionStatus,
    PmsIntegration,
    Provisioning,
    ProvisioningState,
    Task,
    TaskState,
    VoiceLine,
)
from pms.services import circuit, credentials, explaining, health, integrations, stand_in, worker
from pms.services.overview_words import HEADLINES, PAUSED, REASONS, Light, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a practice stands; times are the practice's, ``data_age`` is rounded as a person would."""

    light: Light
    headline: str
    reasons: tuple[Reason, ...]
    system: str
    is_sandbox: bool
    data_as_of: datetime | None
    data_age: str
    last_call_at: datetime | None
    last_booking_at: datetime | None
    open_tasks: int
    lines: tuple[tuple[str, str], ...]
    is_paused: bool


_WORST_FIRST = list(Light)
_NOTHING_MADE = (BookingState.HELD, BookingState.EXPIRED, BookingState.FAILED)
_BEING_SET_UP = (ProvisioningState.QUEUED, ProvisioningState.RUNNING)


def standing(*, account: Account, clock: Clock) -> Standing:
    """Return how a practice stands now."""
    now = clock.now()
    integration = integrations.current(account=account)
    lines = list(VoiceLine.objects.filter(account=account).select_related("provisioning").order_by("created_at"))
    codes = [
        *_of_practice(account, now),
        *_of_connection(integration, now),
        *_of_lines(lines, now),
        *_of_bookings(account, integration),
    ]
    found = [reason for code, reason in REASONS.items() if code in codes]
    reasons = tuple(sorted(found, key=lambda one: _WORST_FIRST.index(one.light)))
    light = reasons[0].light if reasons else Light.GREEN
    age = health.age(integration, now) if integration else None
    return Standing(
        light=light,
        headline=PAUSED if account.is_paused and light is not Light.RED else HEADLINES[light],
        reasons=reasons,
        system=_system(integration),
        is_sandbox=stand_in.is_sandbox(integration),
        data_as_of=_local(integration.last_sync_at if integration else None, account),
        data_age=explaining.say_age(age) if age is not None else "",
        last_call_at=_local(_last_call(account), account),
        last_booking_at=_local(_last_booking(account), account),
        open_tasks=Task.objects.filter(account=account, state=TaskState.OPEN).count(),
        lines=tuple((line.label, line.phone_number or "") for line in lines if line.is_active),
        is_paused=account.is_paused,
    )


def _of_practice(account: Account, now: datetime) -> Iterator[str]:
    if not baa.is_accepted(account):
        yield "agreement_missing"
    if account.is_paused:
        yield "paused"
    if worker.is_silent(now=now):
        yield "worker_silent"


def _of_connection(integration: PmsIntegration | None, now: datetime) -> Iterator[str]:
    if integration is None or integration.status in (ConnectionStatus.SETUP_REQUIRED, ConnectionStatus.INACTIVE):
        yield "not_connected"
        return
    if integration.status == ConnectionStatus.ERROR:
        is_refused = integration.last_error == errors.CredentialsRejected.code
        yield "credentials_rejected" if is_refused else "another_practice"
        return
    if circuit.is_open(integration.pk):
        yield "circuit_open"
    if integration.office_is_offline:
        yield "office_offline"
    if health.is_stale(integration, now):
        yield "copy_of_unknown_age" if health.age(integration, now) is None else "copy_too_old"


def _of_lines(lines: list[VoiceLine], now: datetime) -> Iterator[str]:
    active = [line for line in lines if line.is_active]
    if not active:
        yield "line_off" if lines else "no_line"
    for line in active:
        if not (line.vapi_assistant_id or line.vapi_phone_number_id or line.phone_number):
            yield "line_unattached"
        deciding = credentials.deciding_for(line)
        if deciding and not any(credentials.is_live(one, now) for one in deciding):
            yield "line_closed"
        yield from _of_provisioning(getattr(line, "provisioning", None))


def _of_provisioning(provisioning: Provisioning | None) -> Iterator[str]:
    if provisioning is None:
        return
    if provisioning.needs_credential_id and not provisioning.vapi_credential_id:
        yield "provisioning_waits"
    if provisioning.state == ProvisioningState.FAILED:
        yield "provisioning_failed"
    if provisioning.state in _BEING_SET_UP:
        yield "provisioning_runs"


def _of_bookings(account: Account, integration: PmsIntegration | None) -> Iterator[str]:
    if integration is None or integration.status != ConnectionStatus.ACTIVE:
        return
    is_on = (integration.features or {}).get("booking", False)
    if not (is_on and (integration.config or {}).get("allowOnlineBooking", True)):
        yield "booking_off"
        return
    given = AppointmentType.objects.filter(account=account, is_active=True).exclude(mode=BookingMode.OFF)
    if not any(kind.resources or kind.mode == BookingMode.REQUEST for kind in given):
        yield "nothing_to_book"


def _system(integration: PmsIntegration | None) -> str:
    """Return what the practice's system is called: its own name, else its vendor's."""
    if integration is None:
        return ""
    return str((integration.metadata or {}).get("pmsName") or integration.get_provider_display())


def _last_call(account: Account) -> datetime | None:
    calls = Call.objects.filter(account=account, is_test=False).order_by("-started_at")
    return calls.values_list("started_at", flat=True).first()


def _last_booking(account: Account) -> datetime | None:
    made = Booking.objects.filter(account=account).exclude(state__in=_NOTHING_MADE).exclude(call__is_test=True)
    return made.order_by("-created_at").values_list("created_at", flat=True).first()


def _local(when: datetime | None, account: Account) -> datetime | None:
    return when.astimezone(account.zone) if when else None
