"""Settings from the environment, with ``NAME_FILE`` for mounted secrets; mistakes show at start, not at call time."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

_MINIMUM_SECRET_LENGTH = 32


def secret(name: str, default: str = "") -> str:
    """Return the variable ``name``, or the content of the file that ``NAME_FILE`` names; empty means ``default``.

    Not by way of ``env``, which takes a value that begins with a dollar sign for another variable's name.
    """
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name) or default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name}_FILE names a file that is not text.") from None


def required_secret(name: str) -> str:
    """Return a secret of at least 32 characters, or refuse to start."""
    value = secret(name)
    if len(value) < _MINIMUM_SECRET_LENGTH:
        raise ImproperlyConfigured(
            f"Set {name} (or {name}_FILE) to a random value of at least {_MINIMUM_SECRET_LENGTH} characters; "
            "'make demo' makes its own."
        )
    return value


def encryption_keys(name: str) -> dict[str, bytes]:
    """Return ``id:base64key`` pairs as a mapping in their order; the first one writes. Keys have 32 bytes."""
    pairs = [pair.strip() for pair in secret(name).split(",") if pair.strip()]
    if not pairs:
        raise ImproperlyConfigured(f"Set {name} to id:base64key pairs; without a key nothing can be sealed.")
    keys: dict[str, bytes] = {}
    for pair in pairs:
        key_id, _, encoded = pair.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        is_id = key_id.isascii() and key_id.isalnum() and len(key_id) <= 16
        if not is_id or len(key) != 32 or key_id in keys:
            raise ImproperlyConfigured(f"{name}: every pair is a short id, a colon and 32 bytes in base64, ids unique.")
        keys[key_id] = key
    return keys
