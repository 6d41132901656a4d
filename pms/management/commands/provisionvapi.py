"""``manage.py provisionvapi [ACCOUNT] --dry-run``: set a practice's lines up at Vapi, or show what would be written."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from pms.domain import errors
from pms.domain.clock import SystemClock
from pms.models import ProvisioningState, VoiceLine
from pms.vapi import management, provisioning, provisioning_work
from pms.vapi.provisioning_desk import Trouble
from pms.vapi.provisioning_manual import manual_configuration


class Command(BaseCommand):
    help = "Create or update tools, credential, assistant and number of lines at Vapi."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", nargs="?", help="The practice's id or name; without one, all practices.")
        parser.add_argument("--dry-run", action="store_true", help="Write nothing; show the difference.")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = _lines(options["account"])
        if not provisioning.is_configured():
            self._tell_by_hand(lines)
            return
        act = self._show if options["dry_run"] else self._set_up
        failed = [line for line in lines if not act(line)]
        if failed:
            raise CommandError(f"{len(failed)} of {len(lines)} lines are not as they should be.")

    def _show(self, line: VoiceLine) -> bool:
        """Print what would be written for a line."""
        try:
            changes = provisioning_work.preview(line=line, clock=SystemClock())
        except (management.VapiError, Trouble, errors.ParlaeError) as error:
            self._say(line, f"cannot be compared: {error.code}. {error}")
            return False
        self._say(line, f"{len(changes)} changes" if changes else "nothing to change")
        for change in changes:
            self.stdout.write(f"\n{change.unified()}")
        return True

    def _set_up(self, line: VoiceLine) -> bool:
        """Set a line up now, unless a worker is at it."""
        clock = SystemClock()
        provisioning.want(line=line, now=clock.now())
        claimed = provisioning_work.claim(line.pk, now=clock.now())
        if claimed is None:
            self._say(line, "a worker is at it")
            return True
        provisioning_work.carry_out(provisioning=claimed, clock=clock)
        is_done = claimed.state == ProvisioningState.DONE
        self._say(line, "set up" if is_done else f"not set up: {claimed.error_code}")
        return is_done

    def _tell_by_hand(self, lines: list[VoiceLine]) -> None:
        """Print the JSON to copy, without any secret."""
        self.stderr.write("VAPI_API_KEY is not set, so nothing can be written at Vapi. By hand:")
        for line in lines:
            manual = manual_configuration(line=line, now=SystemClock().now())
            self._say(line, "to copy")
            for number, step in enumerate(manual.steps, 1):
                self.stdout.write(f"\n{number}. {step.title}. {step.text}")
                for name, text in step.copies:
                    self.stdout.write(f"\n{name}: {text}")

    def _say(self, line: VoiceLine, text: str) -> None:
        self.stdout.write(f"{line.account.name}, {line.label}: {text}")


def _lines(named: str | None) -> list[VoiceLine]:
    """Return the lines in use, of one practice or of all."""
    lines = VoiceLine.objects.filter(is_active=True).select_related("account").order_by("created_at")
    if named is None:
        return list(lines)
    try:
        accounts = Account.objects.filter(pk=uuid.UUID(named))
    except ValueError:
        accounts = Account.objects.filter(name=named)
    if len(accounts) != 1:
        raise CommandError(f"There are {len(accounts)} such practices; name one by its id.")
    return list(lines.filter(account=accounts[0]))
