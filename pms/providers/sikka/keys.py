"""The life of Sikka's request key: one office, 24 hours, shared by all processes of an integration.

The stored token's values are ``office_id``, ``request_key`` and ``refresh_key``; a token of another office counts as
none. Whoever holds the store's lease renews; the others wait a moment and read again. The vendor is called without
any lock, and two renewals at once do no harm, because the store keeps one and both keys are good.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pms.domain import errors
from pms.providers.base import Connection, StoredToken
from pms.providers.sikka.account import SikkaAccount
from pms.providers.sikka.envelope import RequestRefused, Row

RENEW_EARLY = timedelta(minutes=30)
# A key in its last minute counts as expired; so the lease of an early renewal ends before its key does.
_MARGIN = timedelta(seconds=60)
_EARLY_LEASE_SECONDS = 60.0
_LEASE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.15
_UNSTATED_LIFE = timedelta(hours=1)
_EXPIRY_TOLERANCE = timedelta(minutes=5)
_SECONDS = re.compile(r"\s*(\d{1,7})")

Post = Callable[[Mapping[str, str]], Row]
Offices = Callable[[], list[Row]]


@dataclass(frozen=True, slots=True)
class _Fresh:
    values: Mapping[str, str]
    expires_at: datetime


class KeyRing:
    """Gives out the office's request key. ``post`` asks for a key, ``offices`` lists our rows of the office."""

    def __init__(self, connection: Connection, account: SikkaAccount, *, post: Post, offices: Offices) -> None:
        self._connection = connection
        self._account = account
        self._post = post
        self._offices = offices
        self._seen: StoredToken | None = None

    def key(self) -> str:
        """Return a key that is good now; renews it if it is not, or early if nobody has to wait for that.

        Raises ``CredentialsRejected``, ``TenantMismatch`` or ``PmsUnavailable``.
        """
        stored = self._stored()
        if stored is None or self._life_left(stored) <= _MARGIN:
            # By no key's name: the vendor may give the same one again, with a new life.
            return self._renewed("")
        if self._life_left(stored) <= RENEW_EARLY and self._connection.tokens.lease(_EARLY_LEASE_SECONDS):
            return self._renewed_early(stored)
        return stored.values["request_key"]

    def replace(self, failed: str) -> str:
        """Return a key instead of ``failed``, which the vendor refused; renews only if it is still the stored one."""
        return self._renewed(failed)

    def note_expiry(self, headers: Mapping[str, str]) -> None:
        """Shorten the stored key's life if an answer's Request-Key-Expires says that it ends sooner."""
        said, stored = _http_date(headers.get("Request-Key-Expires", "")), self._seen
        # A key that has just worked cannot have ended: then a clock is wrong, and the header tells nothing.
        if said is None or stored is None or said <= self._connection.clock.now():
            return
        if stored.expires_at - said > _EXPIRY_TOLERANCE:
            self._connection.tokens.save(stored.values, said, stored.version)

    def _stored(self) -> StoredToken | None:
        token = self._connection.tokens.get()
        if token is None or not self._account.is_office(token.values.get("office_id")):
            self._seen = None
        else:
            self._seen = token if token.values.get("request_key") else None
        return self._seen

    def _life_left(self, token: StoredToken) -> timedelta:
        return token.expires_at - self._connection.clock.now()

    def _renewed(self, failed: str) -> str:
        connection = self._connection
        while True:
            stored = self._usable_other_than(failed)
            if stored is not None:
                return stored.values["request_key"]
            if connection.tokens.lease(_LEASE_SECONDS):
                return self._renew_with_lease(failed)
            if connection.budget.left() <= 0:
                raise errors.BudgetSpent
            connection.budget.sleep(_LOOK_AGAIN_SECONDS)

    def _renew_with_lease(self, failed: str) -> str:
        tokens = self._connection.tokens
        stored = self._usable_other_than(failed)
        if stored is not None:
            # Another one renewed between our look and our lease. Saving what is stored gives the lease back.
            tokens.save(stored.values, stored.expires_at, stored.version)
            return stored.values["request_key"]
        held = tokens.get()
        fresh = self._fetch()
        if not tokens.save(fresh.values, fresh.expires_at, held.version if held else 0):
            stored = self._usable_other_than(failed)
            return stored.values["request_key"] if stored else fresh.values["request_key"]
        return fresh.values["request_key"]

    def _renewed_early(self, stored: StoredToken) -> str:
        newest = self._stored()
        if newest is not None and newest.version != stored.version:
            # Another one renewed between our look and our lease. Saving what is stored gives the lease back.
            self._connection.tokens.save(newest.values, newest.expires_at, newest.version)
            return newest.values["request_key"]
        try:
            fresh = self._fetch()
        except errors.PmsUnavailable:
            # The key in hand is still good. The lease runs on, so the next attempt is a minute away.
            return stored.values["request_key"]
        if fresh.values["request_key"] != stored.values["request_key"]:
            self._connection.tokens.save(fresh.values, fresh.expires_at, stored.version)
        return fresh.values["request_key"]

    def _usable_other_than(self, failed: str) -> StoredToken | None:
        stored = self._stored()
        if stored is None or stored.values["request_key"] == failed or self._life_left(stored) <= _MARGIN:
            return None
        return stored

    def _fetch(self) -> _Fresh:
        """Ask for a key: by the refresh key if there is one and it is taken, else by the office's secret."""
        application = {"app_id": self._account.app_id, "app_key": self._account.app_key}
        return self._refreshed(application) or self._issued(application)

    def _refreshed(self, application: Mapping[str, str]) -> _Fresh | None:
        stored = self._stored()
        refresh_key = stored.values.get("refresh_key", "") if stored else ""
        if not refresh_key:
            return None
        try:
            answer = self._post({"grant_type": "refresh_key", "refresh_key": refresh_key, **application})
        except (errors.CredentialsRejected, errors.NotEntitled, RequestRefused):
            return None
        return self._accept(answer)

    def _issued(self, application: Mapping[str, str]) -> _Fresh:
        office = self._offices()[0]
        secret = {name: str(office.get(name) or "") for name in ("office_id", "secret_key")}
        try:
            answer = self._post({"grant_type": "request_key", **secret, **application})
        except RequestRefused as error:
            raise errors.UpstreamInvalid(error.message) from None
        return self._accept(answer)

    def _accept(self, answer: Row) -> _Fresh:
        if answer.get("issued_to") and not self._account.is_office(answer["issued_to"]):
            raise errors.TenantMismatch("Sikka issued a key for another office; it was discarded.")
        request_key = str(answer.get("request_key") or "")
        if not request_key:
            raise errors.UpstreamInvalid("Sikka's answer holds no request key.")
        # Never end_time: it names no zone.
        seconds = _SECONDS.match(str(answer.get("expires_in") or ""))
        life = timedelta(seconds=int(seconds.group(1))) if seconds else _UNSTATED_LIFE
        refresh_key = str(answer.get("refresh_key") or "")
        values = {"office_id": self._account.office_id, "request_key": request_key, "refresh_key": refresh_key}
        return _Fresh(values, self._connection.clock.now() + life)


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
