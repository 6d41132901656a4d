"""Which adapter serves which provider.

The names are the spec's ``PmsProvider``. Adapters are named by dotted path and imported on first use, so that nobody
depends on a vendor's module.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from pms.domain import errors
from pms.providers.base import PmsService

PROVIDERS = ("SIKKA", "KOLLA", "DENTRIX", "EAGLESOFT", "OPEN_DENTAL", "CUSTOM")

_SERVICES = {"SIKKA": "pms.providers.sikka.service.SikkaService"}


def available_providers() -> tuple[str, ...]:
    """Return the providers that can be connected, in the order of the enum."""
    return tuple(name for name in PROVIDERS if name in _SERVICES)


@cache
def service_class(provider: str) -> type[PmsService]:
    """Return the adapter of ``provider``. Raises ``NotSupported`` for a provider without one."""
    path = _SERVICES.get(provider)
    if path is None:
        raise errors.NotSupported("There is no adapter for this provider yet.")
    module, _, name = path.rpartition(".")
    return cast("type[PmsService]", getattr(import_module(module), name))
