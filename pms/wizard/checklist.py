"""What has to be so before real callers reach the agent: what Parlae sees by itself, and what a person confirms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.db import transaction

from accounts import baa
from accounts.models import Account, User
from pms.domain.clock import Clock
from pms.models import AppointmentType, BookingMode, ConnectionStatus, Setup
from pms.services import audit, integrations
from pms.services.audit import Asker
from pms.vapi import rehearsal

# What only a person can know, by its code: the words, and what it is about.
CONFIRMED = {
    "sikka_agreement": ("You have a business associate agreement with Sikka", "Sikka sees your patients' data too."),
    "vapi_hipaa": ("Vapi's HIPAA mode is on", "Whoever runs your Parlae switches it on, once for the organisation."),
    "own_call": ("You have called the number yourself", "From a phone outside the practice, to the end of a booking."),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing; ``code`` is set for what a person confirms, ``by`` and ``at`` once somebody has."""

    title: str
    about: str
    is_done: bool
    page: str = ""
    code: str = ""
    by: str = ""
    at: datetime | None = None


def items(*, account: Account, user: User) -> list[Item]:
    """Return the whole list, in the order in which it is best gone through."""
    connection = integrations.current(account=account)
    line = account.voice_lines.filter(is_active=True).order_by("created_at").first()
    offered = AppointmentType.objects.filter(account=account, is_active=True).exclude(mode=BookingMode.OFF)
    setup = Setup.objects.filter(account=account).first()
    return [
        Item(
            "The agreement with Parlae is accepted", "By somebody who may sign.", baa.is_accepted(account), "agreement"
        ),
        Item(
            "Your system is connected",
            "And the last check went well.",
            connection is not None and connection.status == ConnectionStatus.ACTIVE,
            "setup_test",
        ),
        Item(
            "At least one kind of appointment is on",
            "The agent gives nothing else.",
            offered.exists(),
            "setup_features",
        ),
        Item(
            "Callers can reach a person",
            "A number to put them through to.",
            bool(account.transfer_number),
            "setup_features",
        ),
        Item("The line has a number", "Callers dial it, or yours leads to it.", bool(line and line.phone_number)),
        Item("A test call went well", "Here on this page.", rehearsal.has_passed(account=account)),
        Item("Your sign-in has a second step", "You can see patient data.", bool(is_mfa_enabled(user)), "mfa_index"),
        *(_confirmed(setup, code) for code in CONFIRMED),
    ]


def confirm(*, account: Account, code: str, user: User, asker: Asker, clock: Clock) -> None:
    """Note that a person has confirmed something; what is confirmed stays with the first who has done so."""
    if code not in CONFIRMED:
        raise KeyError(code)
    audit.record_event_by(asker, "golive.confirmed", account_id=account.pk, detail={"what": code})
    with transaction.atomic():
        Setup.objects.get_or_create(account=account)
        setup = Setup.objects.select_for_update().get(account=account)
        told: dict[str, Any] = {"by": user.name or user.email, "at": clock.now().isoformat()}
        setup.confirmed = {code: told} | setup.confirmed
        setup.save(update_fields=["confirmed"])


def _confirmed(setup: Setup | None, code: str) -> Item:
    title, about = CONFIRMED[code]
    known = setup.confirmed.get(code) if setup else None
    if known is None:
        return Item(title, about, False, code=code)
    return Item(title, about, True, code=code, by=known["by"], at=datetime.fromisoformat(known["at"]))
