"""Callers of Alder Dental, its own voice line, and what is written to the log while a test runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from pms.models import VoiceLine
from tests.api.site import Json
from tests.tools.conftest import cora, number
from tests.vapi.conftest import logs
from tests.vapi.sending import secret_of, signed

__all__ = ["cora", "logs", "number"]


@pytest.fixture
def voice(client: Client, practice: Account) -> Callable[..., Any]:
    """Send as Vapi would over REST, in a live call: ``voice(method, address, body, call_id)``."""
    line = VoiceLine.objects.get(account=practice)

    def send(method: str, address: str, body: Json | None = None, call: str = "") -> Any:
        raw = json.dumps(body or {}).encode() if method != "GET" else b""
        named = {"X-Vapi-Assistant-Id": line.vapi_assistant_id or "", "X-Vapi-Call-Id": call}
        headers = {**signed(raw, secret_of(line)), **{name: value for name, value in named.items() if value}}
        return client.generic(method, address, raw, content_type="application/json", headers=headers)

    return send
