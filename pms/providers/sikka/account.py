"""Who we are to Sikka, read from one connection's credentials and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pms.domain import errors

DEFAULT_BASE_URL = "https://api.sikkasoft.com/v4"


@dataclass(frozen=True, slots=True)
class SikkaAccount:
    """Our application's keys and one office. ``location_id`` is empty while the office's location is not named."""

    base_url: str
    office_id: str
    location_id: str
    app_id: str = field(repr=False)
    app_key: str = field(repr=False)

    def is_office(self, value: object) -> bool:
        """Whether ``value`` names this very office; ids are unique, practice ids are not."""
        return str(value or "").strip().casefold() == self.office_id.casefold()


def named_office(credentials: Mapping[str, str], location: str) -> str:
    """Return the ``practiceId`` that names one location of the office in ``credentials``."""
    office, _, _ = credentials.get("practiceId", "").partition(":")
    return f"{office.strip()}:{location}"


def read_account(credentials: Mapping[str, str], config: Mapping[str, Any]) -> SikkaAccount:
    """Return the account; the platform's ``applicationId`` and ``secretKey`` may stand in either mapping.

    ``practiceId`` is the office, such as ``D12345``, with the location after a colon where it is known
    (``D12345:1-2``); else ``config["locationId"]`` names it. Raises ``CredentialsRejected`` if something is missing.
    """

    def value(name: str) -> str:
        return str(credentials.get(name) or config.get(name) or "").strip()

    office, _, location = value("practiceId").partition(":")
    account = SikkaAccount(
        base_url=(value("baseUrl") or DEFAULT_BASE_URL).rstrip("/"),
        office_id=office.strip(),
        location_id=location.strip() or str(config.get("locationId") or "").strip(),
        app_id=value("applicationId"),
        app_key=value("secretKey"),
    )
    if not (account.office_id and account.app_id and account.app_key):
        raise errors.CredentialsRejected("Application id, secret key and practice id are all needed.")
    return account
