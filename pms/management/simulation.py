"""A phone call through the real webhook over HTTP, as Vapi would send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import requests

from pms.vapi import phone
from pms.vapi.webhook import ENDPOINT

_TIMEOUT_SECONDS = 20  # Vapi's own
_TUESDAY = 1


@dataclass(slots=True, kw_only=True)
class Phone(phone.Phone):
    """A call in progress, to a Parlae that listens at ``url``."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        response = self.session.post(
            f"{self.url}{ENDPOINT}", data=body, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        )
        return response.status_code, response.json() if response.status_code == 200 else {}


def wished_day(today: date) -> date:
    """Return the Tuesday of next week: a day on which most practices are open."""
    return today + timedelta(days=7 - today.weekday() + _TUESDAY)
