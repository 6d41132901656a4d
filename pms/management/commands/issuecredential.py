"""``manage.py issuecredential ACCOUNT --label NAME --scope SCOPE``: a token for a server of a practice's own."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models.credential import Scope
from pms.services import credentials
from pms.services.audit import Asker

_ASKER = Asker(actor="command:issuecredential", endpoint="command:issuecredential", method="COMMAND")
_MAX_DAYS = credentials.MAX_LIFETIME.days


class Command(BaseCommand):
    help = "Issue a system credential and print its token, which cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", help="The practice's id or name.")
        parser.add_argument("--label", required=True, help="What the token is for, as people will see it.")
        parser.add_argument(
            "--scope", action="append", required=True, help=f"May be repeated: {', '.join(Scope.values)}."
        )
        parser.add_argument("--days", type=int, default=90, help=f"How long it is good for, 1 to {_MAX_DAYS}.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = _account(options["account"])
        if not 1 <= options["days"] <= _MAX_DAYS:
            raise CommandError(f"Choose 1 to {_MAX_DAYS} days.")
        now = SystemClock().now()
        try:
            credential, token = credentials.issue_system(
                account=account,
                label=options["label"],
                scopes=options["scope"],
                expires_at=now + timedelta(days=options["days"]),
                asker=_ASKER,
                now=now,
            )
        except errors.Invalid as error:
            raise CommandError(" ".join(f"{name}: {text}" for name, text in error.fields.items())) from None
        self.stdout.write(f"Credential {credential.pk} of {account.name}, good until {credential.expires_at:%Y-%m-%d}.")
        self.stdout.write("Its token is shown only now:")
        self.stdout.write(token)


def _account(named: str) -> Account:
    try:
        found = Account.objects.filter(pk=uuid.UUID(named))
    except ValueError:
        found = Account.objects.filter(name=named)
    if len(found) != 1:
        raise CommandError(f"There are {len(found)} such practices; name one by its id.")
    return found[0]
