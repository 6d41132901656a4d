"""Who asks, read from a person's request."""

from __future__ import annotations

from django.test import RequestFactory
from django.urls import ResolverMatch
from pytest_django import Settings

from accounts.models import User
from pms.services import askers


def test_a_person_is_told_with_route_address_and_browser(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    user = User(email="mona@practice.example")
    request = RequestFactory().post(
        "/calls/17/", headers={"User-Agent": "Browser", "X-Forwarded-For": "203.0.113.9"}, REMOTE_ADDR="127.0.0.1"
    )
    request.resolver_match = ResolverMatch(lambda _request: None, (), {}, route="calls/<id>/")
    request.request_id = "request-0001"  # type: ignore[attr-defined]

    asker = askers.of_person(request, user)

    assert (asker.actor, asker.user_id) == (f"user:{user.pk}", str(user.pk))
    assert (asker.endpoint, asker.method) == ("/calls/<id>/", "POST")
    assert (asker.ip_address, asker.user_agent, asker.request_id) == ("203.0.113.9", "Browser", "request-0001")


def test_what_a_request_lacks_is_left_out() -> None:
    asker = askers.of_person(RequestFactory().get("/", REMOTE_ADDR=""), User())

    assert (asker.endpoint, asker.ip_address, asker.user_agent, asker.request_id) == ("", None, None, "")
