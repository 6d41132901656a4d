"""``manage.py seeddemo``: a fictional practice, connected to the Sikka that ``SIKKA_BASE_URL`` names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import baa, mailboxes
from accounts.models import Account, Membership, User
from accounts.roles import Role
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import AppointmentType, VoiceLine
from pms.services import connecting, credentials
from pms.services.audit import Asker

PRACTICE = Path(__file__).resolve().parent.parent / "practice.json"
LOGIN = "demo@parlae.example"


class Command(BaseCommand):
    help = "Create the demo practice: login, agreement, line, appointment types and a connection."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PMS_PROVIDER_DEFAULTS["SIKKA"]["baseUrl"].startswith("http://127.0.0.1:"):
            raise CommandError("The demo practice is fictional: SIKKA_BASE_URL must be a sandbox on 127.0.0.1.")
        if Account.objects.exists():
            raise CommandError("This database has practices already; the demo needs an empty one.")
        practice = json.loads(PRACTICE.read_text(encoding="utf-8"))
        try:
            seed(practice, password=os.environ.get("DEMO_PASSWORD") or None)
        except errors.ParlaeError as error:
            raise CommandError(f"The practice could not be connected: {error.message}") from None


def seed(practice: dict[str, Any], *, password: str | None) -> Account:
    """Create a practice from its description (``practice.json``) and connect it; return its account."""
    account = Account.objects.create(**practice["account"])
    user = User.objects.create_superuser(LOGIN, password, name="Demo Owner")
    mailboxes.trust(user)
    Membership.objects.create(user=user, account=account, role=Role.OWNER)
    asker = Asker(actor=f"user:{user.pk}", endpoint="command:seeddemo", method="COMMAND", user_id=str(user.pk))
    clock = SystemClock()
    baa.accept(account, user, name=user.name, title="Owner")
    line = VoiceLine.objects.create(account=account, **practice["line"])
    credentials.create_voice(account=account, line=line, label="Vapi", asker=asker, now=clock.now())
    for position, kind in enumerate(practice["appointment_types"]):
        AppointmentType.objects.create(account=account, position=position, **kind)
    connecting.connect(
        account=account,
        provider=practice["provider"],
        credentials=practice["credentials"],
        config=practice["config"],
        features=practice["features"],
        asker=asker,
        clock=clock,
    )
    return account
