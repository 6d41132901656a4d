"""An environment in which the settings load without a ``.env``: for tests, type checks and system checks.

``python -m tests.support.environment -- COMMAND`` runs COMMAND in it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import sys
from collections.abc import Iterator

from tests.support.command import main

_SECRETS = ("SECRET_KEY", "AUDIT_KEY", "VAPI_WEBHOOK_SECRET", "METRICS_TOKEN")
# Empty, so that no key from a shell or a .env lets a test reach a real vendor.
_PLATFORM_KEYS = ("VAPI_API_KEY", "SIKKA_APP_ID", "SIKKA_APP_KEY", "KOLLA_API_KEY", "OPEN_DENTAL_DEVELOPER_KEY")


def apply() -> None:
    """Complete ``os.environ``: fresh secrets where none is set, so that child processes share them."""
    for name in (*_SECRETS, *_PLATFORM_KEYS, "ENCRYPTION_KEYS"):
        os.environ[f"{name}_FILE"] = ""
    for name in _PLATFORM_KEYS:
        os.environ[name] = ""
    for name in _SECRETS:
        os.environ.setdefault(name, secrets.token_urlsafe(48))
    os.environ.setdefault("ENCRYPTION_KEYS", f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    os.environ.setdefault("DATABASE_URL", "sqlite:///var/test.sqlite3")


@contextlib.contextmanager
def _applied() -> Iterator[str]:
    apply()
    yield "parlae.settings"


if __name__ == "__main__":
    sys.exit(main("DJANGO_SETTINGS_MODULE", _applied))
