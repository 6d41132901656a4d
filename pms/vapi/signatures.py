"""Who signed a request: the schemes that Vapi's credentials can be set to, verified on the raw bytes.

Which schemes count comes from the stored credential (or the platform's setting), never from what a request offers.
An empty header is no header, an empty secret no secret, and nothing configured accepts nothing. Sources: Vapi's
OpenAPI (HMACAuthenticationPlan) and "Server authentication" pages; the unit of the timestamp is documented nowhere, so
seconds and milliseconds are both read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pms.domain import errors
from pms.models.credential import SigningScheme

WINDOW = timedelta(seconds=300)

_SIGNATURE_HEADERS = ("x-signature", "x-vapi-signature")
_TIMESTAMP_HEADERS = ("x-timestamp", "x-vapi-timestamp")
_SECRET_HEADER = "x-vapi-secret"  # noqa: S105  # a header's name
_HEX = re.compile(r"(?:sha256=)?([0-9a-f]{64})")
_MILLISECONDS_FROM = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to prove knowledge of a secret. ``parts`` are what an HMAC signs, joined by dots; none means the secret
    itself is sent."""

    name: str
    parts: tuple[str, ...] = ()

    @property
    def signs_time(self) -> bool:
        return "timestamp" in self.parts

    @property
    def signs_url(self) -> bool:
        return "url" in self.parts

    def covers(self, signed: SignedRequest) -> bool:
        """Whether the proof says anything of this request besides its time: if not, it fits every other as well."""
        return not self.parts or self.signs_url or bool(signed.body)


_PARTS = {
    SigningScheme.TIMESTAMP_BODY: ("timestamp", "body"),
    SigningScheme.TIMESTAMP_METHOD_URL_BODY: ("timestamp", "method", "url", "body"),
    SigningScheme.BODY: ("body",),
}
SCHEMES = {name.value: Scheme(name.value, _PARTS.get(name, ())) for name in SigningScheme}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is checked against. ``url`` is built from the configured public address, not the Host header."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def verify(
    signed: SignedRequest, *, schemes: Sequence[str], secrets: Sequence[str], now: datetime, timestamp_required: bool
) -> Scheme:
    """Return the scheme that one of ``secrets`` fits, or raise ``SignatureInvalid``.

    With ``timestamp_required`` an HMAC that signs no timestamp counts for nothing.
    """
    for name in schemes:
        scheme = SCHEMES.get(name)
        if scheme is None or (timestamp_required and scheme.parts and not scheme.signs_time):
            continue
        # Every secret is tried, so that the time taken does not tell which one fits.
        fits = [_fits(scheme, signed, secret, now) for secret in secrets if secret]
        if any(fits):
            return scheme
    raise errors.SignatureInvalid


def sign(scheme: Scheme, *, secret: str, signed: SignedRequest, timestamp: str) -> str:
    """Return the signature in hex, as Vapi makes it."""
    values = {
        "timestamp": timestamp.encode(),
        "method": signed.method.upper().encode(),
        "url": signed.url.encode(),
        "body": signed.body,
    }
    return hmac.new(secret.encode(), b".".join(values[part] for part in scheme.parts), hashlib.sha256).hexdigest()


def bearer_token(signed: SignedRequest) -> str:
    """Return the bearer token of a request, or empty."""
    kind, _, token = _header(signed, "authorization").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _fits(scheme: Scheme, signed: SignedRequest, secret: str, now: datetime) -> bool:
    if scheme.name == SigningScheme.SECRET:
        return _same(_header(signed, _SECRET_HEADER), secret)
    if scheme.name == SigningScheme.BEARER:
        return _same(bearer_token(signed), secret)
    match = _HEX.fullmatch(next((h for h in (_header(signed, n) for n in _SIGNATURE_HEADERS) if h), "").lower())
    timestamp = next((h for h in (_header(signed, n) for n in _TIMESTAMP_HEADERS) if h), "")
    if match is None or (scheme.signs_time and not _is_recent(timestamp, now)):
        return False
    return _same(match[1], sign(scheme, secret=secret, signed=signed, timestamp=timestamp))


def _header(signed: SignedRequest, name: str) -> str:
    return signed.headers.get(name, "").strip()


def _same(given: str, expected: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())


def _is_recent(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        return False
    seconds = int(timestamp) / (1000 if int(timestamp) >= _MILLISECONDS_FROM else 1)
    return abs(now.timestamp() - seconds) <= WINDOW.total_seconds()
