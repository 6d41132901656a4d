"""``manage.py simulatecall SCRIPT --url URL``: a scripted phone call against a running Parlae."""

from __future__ import annotations

import contextlib
import signal
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from pms.domain.localtime import local_date_of
from pms.management import scenes
from pms.management.scenes import Said, Scene
from pms.management.witness import Witness
from pms.models import VoiceLine
from pms.vapi.phone import CallFailed, key_of

_WIDTH = 80
_INDENT = 13


class Command(BaseCommand):
    help = "Play a scripted phone call through the signed webhook and print its transcript."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("script", help=f"A script's name ({', '.join(scenes.names())}), or a file.")
        parser.add_argument("--url", required=True, help="Where Parlae listens.")
        parser.add_argument(
            "--sandbox", help="The sandbox's address: for its faults, and to compare what was heard with its PMS."
        )
        parser.add_argument("--line", help="The line's number; needed if there are several lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._play(scenes.load(options["script"]), _line(options["line"]), options["url"], options["sandbox"])
        except CallFailed as error:
            raise CommandError(str(error)) from None
        except requests.RequestException as error:
            raise CommandError(f"Nothing answered: {type(error).__name__}.") from None
        except KeyboardInterrupt:
            # A query that was cut short leaves its connection in the middle of it, of no use to whoever comes next.
            connection.close()
            raise CommandError("Stopped.") from None

    def _play(self, script: dict[str, Any], line: VoiceLine, url: str, sandbox: str | None) -> None:
        today = local_date_of(timezone.now(), line.account.zone)
        scene = Scene(
            script=script,
            url=url.rstrip("/"),
            line=line,
            key=key_of(line, timezone.now()),
            today=today,
            witness=_witness(script, line, sandbox, today),
        )
        title = f"{script['title']} ({line.account.name}, {line.phone_number})"
        self.stdout.write(f"\n{textwrap.fill(title, _WIDTH)}\n\n")
        with _stoppable(), contextlib.closing(scene.play()) as transcript:
            for said in transcript:
                self._say(said)

    def _say(self, said: Said) -> None:
        if said.tool:
            remark = ", true in the PMS" if said.is_true else ""
            self.stdout.write(self.style.HTTP_INFO(f"{' ' * _INDENT}[{said.tool}, {said.milliseconds:,} ms{remark}]"))
        label = f"  {said.who}:".ljust(_INDENT)
        lines = textwrap.wrap(said.text, _WIDTH, initial_indent=label, subsequent_indent=" " * _INDENT)
        style = self.style.SUCCESS if said.who == "PMS" else self.style.WARNING if said.who == "Team" else str
        self.stdout.write(style("\n".join(lines)))


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM end a script as Ctrl-C does, with what it has done to the sandbox put back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _line(number: str | None) -> VoiceLine:
    lines = VoiceLine.objects.filter(is_active=True).select_related("account")
    lines = lines.filter(phone_number=number) if number else lines
    if len(lines) != 1:
        raise CommandError(f"There are {len(lines)} such lines; name one with --line.")
    return lines[0]


def _witness(script: dict[str, Any], line: VoiceLine, sandbox: str | None, today: date) -> Witness | None:
    """Return whoever sees the PMS, if there is a sandbox and the script says which of its offices it is about."""
    if not sandbox or "office_id" not in script:
        return None
    patients = script.get("patients", ())
    return Witness(url=sandbox, office_id=script["office_id"], patients=patients, account=line.account, today=today)
