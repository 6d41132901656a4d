"""A practice's line, and the stand-in of Vapi that it is set up at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from pms.models import PmsIntegration, Provisioning, SecurityEvent, VoiceLine
from pms.sandbox import Sandbox
from pms.sandbox.vapi import API_KEY
from pms.services import lines
from pms.services.audit import Asker
from pms.vapi import provisioning, provisioning_work
from tests.conftest import Sim

ASKER = Asker(actor="user:test", endpoint="test", method="POST")
PUBLIC = "https://parlae.example"

Json = dict[str, Any]


class HastyClock:
    """The machine's clock, on which waiting takes no time and passes all the same."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self._ahead = ahead.total_seconds()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
        self._ahead += seconds


class Office:
    """One line of a connected practice, and what is at Vapi meanwhile."""

    def __init__(self, practice: Account, sandbox: Sandbox, sim: Sim, settings: Settings) -> None:
        settings.VAPI_BASE_URL, settings.VAPI_API_KEY = sandbox.vapi_url, API_KEY
        settings.PUBLIC_URL = PUBLIC
        self.account, self.sim, self.settings = practice, sim, settings
        self.line = lines.create_line(account=practice, label="Front desk", asker=ASKER, clock=HastyClock())

    # What people and workers do

    def want(self) -> Provisioning:
        self.line.refresh_from_db()
        return provisioning.want(line=self.line, now=timezone.now())

    def work(self, ahead: timedelta = timedelta(), clock: HastyClock | None = None) -> Provisioning:
        """Have a worker do what is due by then."""
        clock = clock or HastyClock(ahead)
        for claimed in provisioning_work.claim_due(clock=clock):
            provisioning_work.carry_out(provisioning=claimed, clock=clock)
        self.line.refresh_from_db()
        return self.row()

    def set_up(self) -> Provisioning:
        """Have the line set up now."""
        self.want()
        return self.work()

    def switch(self, **features: bool) -> None:
        integration = PmsIntegration.objects.get(account=self.account)
        integration.features = {**(integration.features or {}), **features}
        integration.save()

    def change(self, **values: Any) -> None:
        """Change the practice's own row."""
        Account.objects.filter(pk=self.account.pk).update(**values)

    # What there is

    def row(self) -> Provisioning:
        return Provisioning.objects.select_related("line__account").get(line=self.line)

    def at_vapi(self, kind: str) -> list[Json]:
        """Return all objects of a kind, the oldest first, as the dashboard has them: secrets included."""
        return list(self.sim("GET", "vapi")["objects"][kind].values())

    def tools(self) -> dict[str, Json]:
        """Return the line's tools by their names; none may be there twice."""
        found = [one for one in self.at_vapi("tool") if one["parameters"][0]["value"] == str(self.line.pk)]
        named = {one["function"]["name"]: one for one in found}
        assert len(named) == len(found)
        return named

    def assistant(self) -> Json:
        [found] = [one for one in self.at_vapi("assistant") if one["id"] == self.line.vapi_assistant_id]
        return found

    def number(self) -> Json:
        [found] = [one for one in self.at_vapi("phone-number") if one["id"] == self.line.vapi_phone_number_id]
        return found

    def credential(self) -> Json:
        [found] = [one for one in self.at_vapi("credential") if one["id"] == self.row().vapi_credential_id]
        return found

    def sent(self, *methods: str) -> list[tuple[str, str]]:
        """Return the requests that Vapi got, those of some methods."""
        asked = [(one["method"], one["path"]) for one in self.sim("GET", "requests")["requests"]]
        return [one for one in asked if one[1].startswith("/vapi/") and (not methods or one[0] in methods)]

    def written(self) -> list[tuple[str, str]]:
        return self.sent("POST", "PATCH", "DELETE")

    def forget_requests(self) -> None:
        self.sim("DELETE", "requests")

    def events(self) -> list[tuple[str, Json]]:
        """Return what is in the evidence about setting up, without the line."""
        found = SecurityEvent.objects.filter(kind__startswith="vapi.").order_by("seq")
        return [(one.kind, {k: v for k, v in one.detail.items() if k != "line"}) for one in found]

    def edit(self, kind: str, object_id: str, body: Json | None) -> None:
        """Change an object in Vapi's dashboard, or with ``None`` delete it."""
        self.sim("POST", "vapi/change", kind=kind, id=object_id, body=body)


def named(tools: Sequence[Any]) -> list[str]:
    return [tool.name for tool in tools]


def another_line(account: Account, label: str = "Second line") -> VoiceLine:
    return lines.create_line(account=account, label=label, asker=ASKER, clock=HastyClock())
