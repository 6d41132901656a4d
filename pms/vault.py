"""Sealing and opening what must not be readable in the database.

AES-256 with HMAC-SHA256 on django-cryptography's engine (its ``encrypt()`` field pickles, cannot rotate and does not
bind a value to its row, so only the engine is used). A sealed value is ``version . key id . token``; encryption and
authentication keys are derived from one master key, the latter also from the value's *place* ("integration:<id>:
credentials"), so a ciphertext copied to another row or column does not open. ``digest`` makes the values that sealed
columns are found by.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.signing import BadSignature
from django_cryptography.core.signing import FernetSigner
from django_cryptography.utils.crypto import FernetBytes, InvalidToken

_VERSION = b"1"


class CannotOpen(Exception):
    """The value is not what was sealed in this place, or its key is gone. Carries nothing of the value."""


def seal(value: Any, place: str) -> bytes:
    """Return ``value`` (anything JSON) sealed for ``place`` with the first key."""
    key_id = next(iter(settings.ENCRYPTION_KEYS))
    # ASCII, because JSON may hold what UTF-8 cannot: half of a surrogate pair.
    token = _engine(key_id, place).encrypt(json.dumps(value, separators=(",", ":"), ensure_ascii=True))
    return b".".join((_VERSION, key_id.encode(), token))


def unseal(sealed: bytes | memoryview, place: str) -> Any:
    """Return what was sealed for ``place``. Raises ``CannotOpen``."""
    name = key_id_of(sealed)
    if name not in settings.ENCRYPTION_KEYS:
        raise CannotOpen
    token = bytes(sealed).split(b".", 2)[-1]
    try:
        return json.loads(_engine(name, place).decrypt(token))
    except (BadSignature, InvalidToken, ValueError):
        raise CannotOpen from None


def key_id_of(sealed: bytes | memoryview) -> str:
    """Return the id of the key that sealed a value, for re-sealing after a rotation. Raises ``CannotOpen``."""
    version, _, rest = bytes(sealed).partition(b".")
    if version != _VERSION:
        raise CannotOpen
    return rest.partition(b".")[0].decode("ascii", errors="replace")


def digest(value: str, purpose: str) -> str:
    """Return a keyed digest in hex: equal values of one purpose are found by it, and nothing is read from it.

    Its key comes from ``AUDIT_KEY``, which outlives rotations: digests must not change with them.
    """
    key = _derived(settings.AUDIT_KEY.encode(), f"digest:{purpose}")
    return hmac.new(key, value.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _engine(key_id: str, place: str) -> FernetBytes:
    master = settings.ENCRYPTION_KEYS[key_id]
    return FernetBytes(_derived(master, "encrypt"), FernetSigner(_derived(master, f"authenticate:{place}")))


@lru_cache(maxsize=256)
def _derived(master: bytes, info: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"parlae:{info}".encode()).derive(master)
