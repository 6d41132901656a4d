"""A server of a practice's own: it shows a token, and it has the envelopes that Vapi would send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from accounts.models import Account
from pms.models.credential import Scope
from tests.vapi.sending import issued

APPOINTMENTS, AVAILABILITY = "/api/pms/appointments", "/api/pms/appointments/availability"
PATIENTS, PAYMENTS = "/api/pms/patients", "/api/pms/payments"
MESSAGES, WRITES = "/api/pms/messages", "/api/pms/writes"

Json = dict[str, Any]


class Site:
    """Asks with a token that has ``scopes``, all of them unless some are named."""

    def __init__(self, client: Client, account: Account, *scopes: str) -> None:
        self.client = client
        self.token, self.pk = issued(account, *(scopes or Scope.values))

    def ask(self, method: str, address: str, body: Any = None, *, call: str = "", key: str = "", **headers: str) -> Any:
        """Send a request, with a body unless that is ``None``, and return the response."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"X-Vapi-Call-Id": call, "Idempotency-Key": key, **headers}
        sent = {"Authorization": f"Bearer {self.token}", **{name: value for name, value in named.items() if value}}
        kind = "application/json" if raw else ""
        return self.client.generic(method, address, raw, content_type=kind, headers=sent)

    def listed(self, **query: str) -> list[Json]:
        """Return the appointments that a query asks for."""
        response = self.ask("GET", f"{APPOINTMENTS}?{urlencode(query)}")
        assert response.status_code == 200, response.content
        assert set(response.json()) == {"success", "appointments"}
        found: list[Json] = response.json()["appointments"]
        return found

    def book(self, body: Mapping[str, Any], **more: str) -> Any:
        return self.ask("POST", APPOINTMENTS, body, **more)

    def move(self, appointment: str, body: Any, **more: str) -> Any:
        return self.ask("PATCH", f"{APPOINTMENTS}/{appointment}", body, **more)

    def cancel(self, appointment: str, body: Any = None, **more: str) -> Any:
        return self.ask("DELETE", f"{APPOINTMENTS}/{appointment}", body, **more)

    def create(self, body: Any, **more: str) -> Any:
        return self.ask("POST", PATIENTS, body, **more)

    def became(self, write: str, **more: str) -> Any:
        return self.ask("GET", f"{WRITES}/{write}", **more)
