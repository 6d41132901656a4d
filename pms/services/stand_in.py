"""The stand-in for a practice's system (``pms.sandbox``): whether a connection leads to it, and whom it knows.

Its people are invented, so that a test call may book for them without anybody's leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from django.conf import settings

from pms.models import PmsIntegration

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a test call is about, as they would say it themselves."""

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)


_FICTIONAL = Person("Cora", "Whitfield", date(1987, 4, 12))
# The stand-in's office with two locations has other people, by the location's id.
_ELSEWHERE: Mapping[str, Person] = {
    "1-1": Person("Waldo", "Ekdahl", date(1971, 5, 5)),
    "1-2": Person("Signe", "Ekdahl", date(1973, 10, 31)),
}


def is_sandbox(integration: PmsIntegration | None) -> bool:
    """Return whether a connection leads to the stand-in: over plain http, which only this machine is asked with."""
    if integration is None:
        return False
    at = urlsplit(settings.PMS_PROVIDER_DEFAULTS.get(integration.provider, {}).get("baseUrl", ""))
    return at.scheme == "http" and at.hostname in _LOOPBACK


def fictional_patient(integration: PmsIntegration) -> Person:
    """Return somebody who is a patient of the stand-in's office that a connection leads to."""
    location = str((integration.metadata or {}).get("locationId", ""))
    return _ELSEWHERE.get(location, _FICTIONAL)
