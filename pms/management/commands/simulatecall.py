"""``manage.py simulatecall SCRIPT --url URL``: one scripted phone call against a running Parlae."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from pms.domain import speech
from pms.domain.localtime import local_date_of
from pms.management import simulation
from pms.management.simulation import CallFailed, Phone, Said
from pms.models import Booking, VoiceLine
from pms.services import credentials

_WIDTH = 100


class Command(BaseCommand):
    help = "Play a scripted phone call through the signed webhook and print its transcript."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("script", help="A script's name, or a file.")
        parser.add_argument("--url", required=True, help="Where Parlae listens.")
        parser.add_argument("--sandbox", help="The sandbox's address, for reading the booking back from its PMS.")
        parser.add_argument("--line", help="The line's number; needed if there are several lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._play(simulation.load(options["script"]), _line(options["line"]), options["url"], options["sandbox"])
        except CallFailed as error:
            raise CommandError(str(error)) from None
        except requests.RequestException as error:
            raise CommandError(f"Nothing answered: {type(error).__name__}.") from None

    def _play(self, script: dict[str, Any], line: VoiceLine, url: str, sandbox: str | None) -> None:
        phone = Phone(url=url.rstrip("/"), line=line, secret=_secret(line), caller=script["caller"])
        wanted = script.get("read_back") if sandbox else None
        before = _truth(sandbox, wanted) if sandbox and wanted else []
        self.stdout.write(f"\n{script['title']} ({line.account.name}, {line.phone_number})\n\n")
        for said in simulation.play(phone, script, today=local_date_of(timezone.now(), line.account.zone)):
            self._say(said)
        if sandbox and wanted:
            new = [one for one in _truth(sandbox, wanted) if one not in before]
            self._read_back(phone, wanted["new_appointments"], new)

    def _say(self, said: Said) -> None:
        who = f"{said.who}:"
        lines = textwrap.wrap(said.text, _WIDTH, initial_indent=f"  {who:<8}", subsequent_indent=" " * 10)
        if said.tool:
            self.stdout.write(self.style.HTTP_INFO(f"          [{said.tool}, {said.milliseconds} ms]"))
        self.stdout.write("\n".join(lines))

    def _read_back(self, phone: Phone, wanted: int, new: list[str]) -> None:
        """Compare what the caller heard with what the PMS has."""
        if len(new) != wanted:
            raise CallFailed(f"The PMS has {len(new)} new appointments; {wanted} should be there.")
        known = Booking.objects.filter(call__vapi_call_id=phone.call_id, pms_appointment_id__in=new)
        if known.count() != wanted:
            raise CallFailed("The PMS has an appointment that Parlae does not know.")
        told = [f"Read back from the PMS: {self._told(one, phone)}" for one in known.order_by("starts_at")]
        lines = told or ["Read back from the PMS: nothing new, as the caller heard."]
        self.stdout.write(self.style.SUCCESS("\n" + "\n".join(lines)))

    def _told(self, booking: Booking, phone: Phone) -> str:
        when = speech.say_when(booking.starts_at.astimezone(phone.line.account.zone))
        where = f"{booking.clinician_name}, {booking.operatory_id}"
        return f"appointment {booking.pms_appointment_id}, {when}, {where}. Exactly one, as the caller heard."


def _line(number: str | None) -> VoiceLine:
    lines = VoiceLine.objects.filter(is_active=True).select_related("account")
    lines = lines.filter(phone_number=number) if number else lines
    if len(lines) != 1:
        raise CommandError(f"There are {len(lines)} such lines; name one with --line.")
    return lines[0]


def _secret(line: VoiceLine) -> str:
    deciding = credentials.deciding_for(line)
    live = next((one for one in deciding if credentials.is_live(one, timezone.now())), None)
    secrets = settings.VAPI_WEBHOOK_SECRETS if not deciding else credentials.reveal(live) if live else []
    if not secrets:
        raise CommandError("This line has no credential, and VAPI_WEBHOOK_SECRET is not set.")
    return secrets[0]


def _truth(sandbox: str, wanted: dict[str, Any]) -> list[str]:
    """Return the ids of the patient's appointments in the sandbox's PMS."""
    with requests.Session() as session:
        session.trust_env = False
        query = {"office_id": wanted["office_id"], "patient_id": wanted["patient_id"]}
        answer = session.get(f"{sandbox.rstrip('/')}/_sim/truth", params=query, timeout=5)
        answer.raise_for_status()
        return [row["appointment_sr_no"] for row in answer.json()["appointments"]]
