"""Where a request came from: a forwarded address is worth what its forwarder is."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.addresses import client_address, is_trusted_proxy


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "address"),
    [
        ([], "198.51.100.7", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.7", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "", "10.0.0.1", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.7", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.1"], "198.51.100.7", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "198.51.100.7, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.7, 10.0.0.2", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "10.9.9.9, 198.51.100.7, 10.0.0.2", "10.0.0.1", "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3"),
        (["10.0.0.0/8"], "unknown", "10.0.0.1", ""),
        (["10.0.0.0/8"], "unknown, 10.0.0.2", "10.0.0.1", ""),
        (["10.0.0.0/8"], "198.51.100.7<script>", "10.0.0.1", ""),
        (["10.0.0.0/8"], ",,", "10.0.0.1", "10.0.0.1"),
        (["2001:db8::/32"], "2001:db9::7", "2001:db8::1", "2001:db9::7"),
        (["2001:db8::/32"], "198.51.100.7", "10.0.0.1", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.7", "", ""),
    ],
)
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(
    settings: Settings, proxies: list[str], forwarded: str, peer: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})

    assert client_address(request) == address


def test_an_ipv4_proxy_is_known_on_a_socket_for_both_kinds_of_address(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    request = RequestFactory().get(
        "/", REMOTE_ADDR="::ffff:10.0.0.1", headers={"X-Forwarded-For": "::ffff:198.51.100.7"}
    )

    assert is_trusted_proxy("::ffff:10.0.0.1")
    assert client_address(request) == "198.51.100.7"


def test_the_zone_of_an_address_is_left_out_because_anything_may_stand_in_it(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = []
    request = RequestFactory().get("/", REMOTE_ADDR="fe80::1%<script>" + "x" * 60)

    assert client_address(request) == "fe80::1"
