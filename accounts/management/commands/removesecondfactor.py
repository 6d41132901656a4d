"""``manage.py removesecondfactor EMAIL``: for somebody whose phone and recovery codes are gone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from accounts import evidence, sessions
from accounts.models import User


class Command(BaseCommand):
    help = "Remove a person's second factor and end their sessions. Make sure first that it is them who asks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Leave the event, then remove everything: authenticator app, passkeys and recovery codes."""
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        found = Authenticator.objects.filter(user=user)
        if user is None or not found.exists():
            raise CommandError("Nobody with that address has a second factor.")
        evidence.tell("second_factor.removed", request=None, actor="operator", person=str(user.pk), type="all")
        found.delete()
        ended = sessions.end(user)
        self.stdout.write(f"Removed; {ended} sessions ended. A new one has to be set up before patient data is seen.")
