"""Which calls may leave at all."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from pms.domain import errors


def require_safe(url: str, headers: Mapping[str, str]) -> None:
    """Refuse plain HTTP to anything but this machine, and credentials that cannot be a header.

    Raises ``Internal`` for the address, which settings name, and ``CredentialsRejected`` for the headers, which people
    paste. Neither repeats what it refuses.
    """
    target = urlsplit(url)
    local = target.scheme == "http" and _is_loopback(target.hostname or "")
    if target.username is not None or not (target.scheme == "https" or local):
        raise errors.Internal("A vendor's address must be https and hold no credentials; http is for loopback only.")
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise errors.CredentialsRejected("The credentials hold characters that no key has.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
