"""What was typed into the setup and is not in use yet: sealed, one draft for each provider.

Who looks at another provider and comes back finds what they had typed; a provider's keys are never sent to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from pms import vault
from pms.models import Setup

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """Credentials by the provider's names, when each was typed (ISO 8601), and the locations that a check has found."""

    values: Mapping[str, str] = field(repr=False)
    set_at: Mapping[str, str]
    location: str = ""
    locations: Mapping[str, str] = field(default_factory=dict)


def of(setup: Setup, provider: str) -> Draft | None:
    """Return what was typed for a provider, ``None`` if nothing was or its key is gone."""
    kept = _opened(setup).get(provider)
    return Draft(**kept) if kept else None


def sealed_with(setup: Setup, provider: str, draft: Draft | None) -> bytes | None:
    """Return all drafts sealed, with this one for ``provider``, or without any for it; ``None`` if none is left."""
    drafts = {name: one for name, one in _opened(setup).items() if name != provider}
    if draft is not None:
        drafts[provider] = asdict(draft)
    return vault.seal(drafts, _place(setup)) if drafts else None


def _opened(setup: Setup) -> dict[str, dict[str, Any]]:
    if setup.draft is None:
        return {}
    try:
        opened: dict[str, dict[str, Any]] = vault.unseal(setup.draft, _place(setup))
    except vault.CannotOpen:  # its key was retired: it has to be typed again
        log.error("draft cannot be opened", account_id=str(setup.pk))
        return {}
    return opened


def _place(setup: Setup) -> str:
    return f"setups:{setup.pk}:draft"
