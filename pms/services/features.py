"""What the agent may do for a practice: five switches, what the connection can do of each, and what happens instead.

What opens something is in the evidence before it is open; what closes something is closed first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from accounts.models import Account
from pms.domain import errors
from pms.models import PmsIntegration
from pms.providers.base import Capability
from pms.services import audit, feature_words, integrations
from pms.services.audit import Asker

TASK, LEDGER = PAYMENTS = ("task", "ledger")


class Ability(StrEnum):
    """How much of a feature a connection can do."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Feature:
    """One switch. ``lacks`` says in words what of it the connection cannot do, ``instead`` what happens then."""

    name: str
    label: str
    words: str
    is_on: bool
    ability: Ability
    lacks: tuple[str, ...]
    why_not: str
    instead: str


@dataclass(frozen=True, slots=True)
class Features:
    """All switches; ``version`` is what a change is compared with.

    ``voice_payments`` is "task" (a person collects a payment) or "ledger" (it is entered), which only a connection
    that ``can_use_ledger`` does.
    """

    features: tuple[Feature, ...]
    voice_payments: str
    can_use_ledger: bool
    version: str


def read(*, account: Account) -> Features:
    """Return the switches and what the connection can do. Raises ``SetupRequired`` if there never was one."""
    integration = _connection(account)
    able = integrations.capabilities(integration)
    switches = _switches(integration)
    found = [_feature(name, is_on=is_on, able=able) for name, is_on in switches.items()]
    return Features(
        features=tuple(found),
        voice_payments=_payments(integration),
        can_use_ledger=Capability.POST_PAYMENT in able,
        version=_version(integration),
    )


def change(
    *,
    account: Account,
    switches: Mapping[str, bool],
    asker: Asker,
    voice_payments: str = "",
    version: str = "",
) -> Features:
    """Switch features on or off, and choose what becomes of payments; what is left out stays. Return what is then.

    The spec's ``allowOnlineBooking`` follows ``booking``. A ``version`` must be the one that was read last. Raises
    ``Invalid`` by field, ``IdempotencyConflict`` if somebody else has changed something since, and ``SetupRequired``.
    Writes evidence, so it may not be called inside a transaction.
    """
    _check(switches, voice_payments)
    before = _connection(account)
    _require_version(before, version)
    now = _switches(before)
    wanted = {name: is_on for name, is_on in switches.items() if now[name] is not is_on}
    payments = voice_payments if voice_payments not in ("", _payments(before)) else ""
    if wanted or payments:
        closing = {name: is_on for name, is_on in wanted.items() if not is_on}
        opening = {name: is_on for name, is_on in wanted.items() if is_on}
        version = _apply(account, closing, payments if payments == TASK else "", version)
        _record(account, asker, on=opening, off=closing, payments=payments)
        _apply(account, opening, payments if payments == LEDGER else "", version)
    return read(account=account)


def _connection(account: Account) -> PmsIntegration:
    integration = integrations.current(account=account)
    if integration is None:
        raise errors.SetupRequired
    return integration


def _switches(integration: PmsIntegration) -> dict[str, bool]:
    """Return each switch as it counts: the spec's own for bookings stands above ours."""
    stored, config = integration.features or {}, integration.config or {}
    found = {name: bool(stored.get(name, False)) for name in integrations.FEATURES}
    return found | {"booking": found["booking"] and bool(config.get("allowOnlineBooking", True))}


def _payments(integration: PmsIntegration) -> str:
    return LEDGER if (integration.config or {}).get("voicePayments") == LEDGER else TASK


def _feature(name: str, *, is_on: bool, able: frozenset[str]) -> Feature:
    declared = feature_words.FEATURES[name]
    lacking = [one for one in declared.parts if one not in able]
    is_useless = len(lacking) == len(declared.parts) or not declared.needs <= able
    ability = Ability.NONE if is_useless else Ability.SOME if lacking else Ability.ALL
    return Feature(
        name=name,
        label=declared.label,
        words=declared.words,
        is_on=is_on,
        ability=ability,
        lacks=tuple(declared.parts[one] for one in lacking),
        why_not=feature_words.WHY_NOT[ability] if lacking else "",
        instead=declared.instead if is_useless else feature_words.PARTS_INSTEAD if lacking else "",
    )


def _check(switches: Mapping[str, bool], voice_payments: str) -> None:
    wrong = {f"switches.{name}": "There is no such feature." for name in switches.keys() - set(integrations.FEATURES)}
    if voice_payments not in ("", *PAYMENTS):
        wrong["voicePayments"] = f"Choose {' or '.join(PAYMENTS)}."
    if wrong:
        raise errors.Invalid(fields=wrong)


def _version(integration: PmsIntegration) -> str:
    written = json.dumps([str(integration.pk), _switches(integration), _payments(integration)])
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def _require_version(integration: PmsIntegration, version: str) -> None:
    if version and version != _version(integration):
        raise errors.IdempotencyConflict("Somebody else has changed this since you read it; look at it again.")


def _apply(account: Account, switches: Mapping[str, bool], payments: str, version: str) -> str:
    """Set switches if nobody has changed any since ``version``; return the version then."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        integration = _connection(account)
        _require_version(integration, version)
        if switches or payments:
            integration.features = {**(integration.features or {}), **switches}
            integration.config = _config(integration, switches, payments)
            integration.save(update_fields=["features", "config", "updated_at"])
    return _version(integration)


def _config(integration: PmsIntegration, switches: Mapping[str, bool], payments: str) -> dict[str, Any]:
    config = dict(integration.config or {})
    if "booking" in switches:
        config["allowOnlineBooking"] = switches["booking"]
    if payments:
        config["voicePayments"] = payments
    return config


def _record(account: Account, asker: Asker, *, on: Mapping[str, bool], off: Mapping[str, bool], payments: str) -> None:
    detail = {"on": " ".join(sorted(on)), "off": " ".join(sorted(off)), "voicePayments": payments}
    audit.record_event_by(
        asker, "features.changed", account_id=account.pk, detail={name: text for name, text in detail.items() if text}
    )
