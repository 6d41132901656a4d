"""Application credentials, request keys with their 24 hours, refresh keys, and the per-minute limit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from .errors import Refusal
from .practice import APP_ID, APP_KEY, Profile

KEY_LIFE = timedelta(hours=24)
WINDOW = timedelta(seconds=60)
DEFAULT_RATE_LIMIT = 250

# What a fresh key may call: reads by their name, writes with their method in front.
FULL_SCOPE = (
    "start,end,appointments,appointments_available_slots,appointment_statuses,insurance_companies,medical_notes,"
    "note_types,operatories,patient_balance,patients,payment_types,practices,practice_schedule,practice_variables,"
    "providers,subscribers,transactions,writeback_details,writeback_status,"
    "POST appointment,PUT appointments,PATCH appointments,POST patient,PATCH patient,POST medical_notes,"
    "POST transaction"
)


@dataclass
class Key:
    """A request key of one office."""

    value: str
    office_id: str
    start: datetime
    expires: datetime
    requests: int = 0


@dataclass
class Meter:
    """Requests counted in the current minute of one key or application."""

    start: datetime
    used: int = 0


@dataclass
class KeyRing:
    """Every key ever issued here. `rotate` makes each grant a new key instead of the one still active."""

    seed: int
    profiles: Mapping[str, Profile]
    rate_limit: int = DEFAULT_RATE_LIMIT
    scope: str = FULL_SCOPE
    rotate: bool = False
    keys: dict[str, Key] = field(default_factory=dict)
    refresh_keys: dict[str, str] = field(default_factory=dict)  # refresh key -> office id
    meters: dict[str, Meter] = field(default_factory=dict)
    issued: int = 0

    def _value(self, purpose: str) -> str:
        self.issued += 1
        return hashlib.sha256(f"{self.seed}/{purpose}/{self.issued}".encode()).hexdigest()[:32]

    def check_application(self, app_id: str, app_key: str) -> None:
        """Both must be given (API1001, API1002) and right (API2003)."""
        if not app_id:
            raise Refusal("API1001")
        if not app_key:
            raise Refusal("API1002")
        if (app_id, app_key) != (APP_ID, APP_KEY):
            raise Refusal("API2003")

    def grant(self, asked: Mapping[str, str], now: datetime) -> tuple[Key, str]:
        """POST /request_key: the office's key (the active one, if any) and its refresh key, for either grant."""
        kind = asked.get("grant_type", "")
        if not kind:
            raise Refusal("API1020")
        if kind not in ("request_key", "refresh_key"):
            raise Refusal("API1026")
        self.check_application(asked.get("app_id", ""), asked.get("app_key", ""))
        office_id = self._office_by_secret(asked) if kind == "request_key" else self._office_by_refresh_key(asked)
        key = next((one for one in self.keys.values() if one.office_id == office_id and one.expires > now), None)
        if key is None or self.rotate:
            key = Key(self._value("request"), office_id, now, now + KEY_LIFE)
            self.keys[key.value] = key
        key.requests += 1
        refresh_key = next((value for value, owner in self.refresh_keys.items() if owner == office_id), None)
        if refresh_key is None:
            refresh_key = self._value("refresh")
            self.refresh_keys[refresh_key] = office_id
        return key, refresh_key

    def _office_by_secret(self, asked: Mapping[str, str]) -> str:
        office_id, secret = asked.get("office_id", ""), asked.get("secret_key", "")
        if not office_id:
            raise Refusal("API1003")
        if not secret:
            raise Refusal("API1005")
        profile = self.profiles.get(office_id)
        if profile is None:
            raise Refusal("API2007")
        if secret != profile.secret_key:
            raise Refusal("API2003")
        return office_id

    def _office_by_refresh_key(self, asked: Mapping[str, str]) -> str:
        refresh_key = asked.get("refresh_key", "")
        if not refresh_key:
            raise Refusal("API1020")
        if refresh_key not in self.refresh_keys:
            raise Refusal("API1026")
        return self.refresh_keys[refresh_key]

    def open(self, value: str, now: datetime) -> Key:
        """The key behind a Request-Key header: API1004 if missing or unknown, API1025 (a 400 as well) if expired."""
        key = self.keys.get(value)
        if key is None:
            raise Refusal("API1004")
        if key.expires <= now:
            raise Refusal("API1025")
        key.requests += 1
        return key

    def revoke(self, value: str) -> None:
        """DELETE /request_key: from now on the key is unknown."""
        del self.keys[value]

    def revoke_refresh(self, value: str) -> None:
        """DELETE /refresh_key."""
        if value not in self.refresh_keys:
            raise Refusal("API1026")
        del self.refresh_keys[value]

    def expire(self, office_id: str, now: datetime) -> int:
        """End all keys of an office; returns how many."""
        ended = [key for key in self.keys.values() if key.office_id == office_id and key.expires > now]
        for key in ended:
            key.expires = now
        return len(ended)

    def count(self, holder: str, now: datetime) -> tuple[Meter, bool]:
        """Count one request of a key or application; the second value tells whether it is within the limit."""
        meter = self.meters.get(holder)
        if meter is None or now - meter.start >= WINDOW:
            meter = self.meters[holder] = Meter(now)
        meter.used += 1
        return meter, meter.used <= self.rate_limit

    def limit_headers(self, meter: Meter, now: datetime) -> dict[str, str]:
        """X-Rate-Limit-*; Reset is seconds until the minute ends."""
        left = (meter.start + WINDOW - now).total_seconds()
        return {
            "X-Rate-Limit-Limit": str(self.rate_limit),
            "X-Rate-Limit-Remaining": str(max(self.rate_limit - meter.used, 0)),
            "X-Rate-Limit-Reset": str(max(ceil(left), 1)),
        }
