"""Secrets never travel in clear, and only a proxy of ours is believed about https."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from pms.services import checks

AVAILABILITY = "/api/pms/appointments/availability"
FORWARDED = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def https(settings: Settings) -> Settings:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.ALLOWED_HOSTS = ["testserver"]
    return settings


def test_plain_http_is_refused_under_api_and_redirected_elsewhere(client: Client, https: Settings) -> None:
    api, page = client.get(AVAILABILITY), client.get("/admin/")

    assert (api.status_code, api.json()["error"]["code"]) == (403, "forbidden")
    assert (page.status_code, page["Location"]) == (301, "https://testserver/admin/")


@pytest.mark.django_db
def test_https_is_let_through(client: Client, https: Settings) -> None:
    assert client.get(AVAILABILITY, secure=True).json()["error"]["code"] in ("signature_invalid", "not_configured")


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "status"), [("10.1.2.3", {401, 503}), ("203.0.113.9", {403}), ("", {403})])
def test_only_a_trusted_proxy_is_believed_about_https(
    client: Client, https: Settings, peer: str, status: set[int]
) -> None:
    response = client.get(AVAILABILITY, headers=FORWARDED, REMOTE_ADDR=peer)

    assert response.status_code in status


def test_a_proxy_that_is_no_address_is_found_at_start(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "my-proxy"]

    assert [found.id for found in checks.trusted_proxies()] == ["pms.E005"]
