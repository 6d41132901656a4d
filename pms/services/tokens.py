"""The token store of one integration: sealed in the database, renewed by compare-and-set.

Every step is one conditional UPDATE, so no lock and no transaction is held while the vendor is asked for a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q

from pms import vault
from pms.domain.clock import Clock
from pms.models import PmsToken
from pms.providers.base import StoredToken
from pms.services import plain


class DatabaseTokenStore:
    """A ``TokenStore`` shared by every thread and process."""

    def __init__(self, *, integration_id: UUID, clock: Clock) -> None:
        self._integration_id = integration_id
        self._clock = clock

    def get(self) -> StoredToken | None:
        row = plain.first(PmsToken, integration_id=self._integration_id)
        if row is None or row.sealed is None or row.expires_at is None:
            return None
        try:
            values = vault.unseal(row.sealed, self._place)
        except vault.CannotOpen:  # its key was retired: as good as none
            PmsToken.objects.filter(pk=self._integration_id, version=row.version).update(sealed=None)
            return None
        return StoredToken(values=values, expires_at=row.expires_at, version=row.version)

    def lease(self, ttl_seconds: float) -> bool:
        now = self._clock.now()
        PmsToken.objects.get_or_create(integration_id=self._integration_id)
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        until = now + timedelta(seconds=ttl_seconds)
        return PmsToken.objects.filter(free, pk=self._integration_id).update(lease_until=until) == 1

    def save(self, values: Mapping[str, str], expires_at: datetime, version: int) -> bool:
        PmsToken.objects.get_or_create(integration_id=self._integration_id)
        # A dropped token leaves its version behind, so that no later one can be taken for it.
        expected = Q(version=version) if version else Q(sealed__isnull=True)
        changed = PmsToken.objects.filter(expected, pk=self._integration_id).update(
            sealed=vault.seal(dict(values), self._place),
            expires_at=expires_at,
            version=F("version") + 1,
            lease_until=None,
        )
        return changed == 1

    @property
    def _place(self) -> str:
        return f"pms_tokens:{self._integration_id}:sealed"


class TriedTokens:
    """A ``TokenStore`` of one access alone, for credentials that are tried before they take another's place."""

    def __init__(self) -> None:
        self._token: StoredToken | None = None

    def get(self) -> StoredToken | None:
        return self._token

    def lease(self, ttl_seconds: float) -> bool:
        return True

    def save(self, values: Mapping[str, str], expires_at: datetime, version: int) -> bool:
        if version != (self._token.version if self._token else 0):
            return False
        self._token = StoredToken(values=dict(values), expires_at=expires_at, version=version + 1)
        return True
