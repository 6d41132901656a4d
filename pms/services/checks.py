"""System checks: what would make Parlae untrue or unsafe is found at start."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from pms.domain.localtime import zone_data_is_recent
from pms.models import Booking, triggers
from pms.models.credential import SigningScheme
from pms.services.credentials import MIN_SECRET_LENGTH


@register()
def zone_data(**_kwargs: Any) -> list[CheckMessage]:
    """The time zones in use are the pinned ones."""
    if zone_data_is_recent():
        return []
    return [
        Error("The time-zone data in use is out of date.", hint="Install the pinned tzdata package.", id="pms.E001")
    ]


@register(Tags.database)
def audit_triggers(databases: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    """The audit tables, once they exist, refuse to change."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        tables = set(connections[alias].introspection.table_names())
        if set(triggers.APPEND_ONLY_TABLES) <= tables and (missing := triggers.missing(alias)):
            hint = f"Run migrate. Missing: {', '.join(missing)}."
            found.append(Error("The audit tables are not append-only.", hint=hint, id="pms.E002"))
    return found


@register(Tags.database)
def booking_exclusions(databases: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    """The bookings, once they exist, cannot overlap on PostgreSQL."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        exists = Booking._meta.db_table in connections[alias].introspection.table_names()
        if exists and (missing := triggers.missing_exclusions(alias)):
            hint = f"Migrate a database of its own. Missing: {', '.join(missing)}."
            found.append(Error("The database would accept two bookings of one resource.", hint=hint, id="pms.E004"))
    return found


@register()
def trusted_proxies(**_kwargs: Any) -> list[CheckMessage]:
    """Every trusted proxy is an address or a network, so that a typing error shows at start."""
    unread = [proxy for proxy in settings.TRUSTED_PROXIES if not _is_network(proxy)]
    if not unread:
        return []
    return [Error(f"TRUSTED_PROXIES has {len(unread)} entries that are no addresses or networks.", id="pms.E005")]


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@register()
def webhook_schemes(**_kwargs: Any) -> list[CheckMessage]:
    """The platform's webhook schemes are known by name, so that a typing error is not a closed door."""
    known = SigningScheme.values
    unknown = [name for name in settings.VAPI_WEBHOOK_SCHEMES if name not in known]
    if not unknown:
        return []
    return [Error(f"VAPI_WEBHOOK_SCHEMES has unknown names; known are {', '.join(sorted(known))}.", id="pms.E003")]


@register(Tags.security, deploy=True)
def webhook_secrets(**_kwargs: Any) -> list[CheckMessage]:
    """The platform's secrets are long enough not to be guessed."""
    short = [secret for secret in settings.VAPI_WEBHOOK_SECRETS if len(secret) < MIN_SECRET_LENGTH]
    if not short:
        return []
    text = f"VAPI_WEBHOOK_SECRET has {len(short)} secrets of fewer than {MIN_SECRET_LENGTH} characters."
    return [Warning(text, id="pms.W001")]
