"""Where a request came from; a forwarded address counts only behind ``TRUSTED_PROXIES``."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address a request came from, empty if it cannot be read.

    ``X-Forwarded-For`` is read from its right end, where each trusted proxy has added the peer that it saw; what stands
    left of the first untrusted one was written by whoever sent the request.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    address = str(request.META.get("REMOTE_ADDR", ""))
    while hops and is_trusted_proxy(address):
        address = hops.pop()
    read = _read(address)
    return str(read) if read else ""


def is_trusted_proxy(address: str) -> bool:
    """Return whether an address is one of ``TRUSTED_PROXIES``."""
    read = _read(address)
    return read is not None and any(read in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its zone, and an IPv4 one as such where a socket for both shows it as IPv6."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
