"""What happens at the door for people is written down, without what was typed."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import mailboxes
from accounts.models import User
from pms.models import SecurityEvent
from tests.ground.support import without_table

EMAIL = "owner@parlae.example"
PASSWORD = "a password that is long enough"
AGENT = "Browser/1.0"


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False, headers={"User-Agent": AGENT})


def sign_in(browser: Client, password: str = PASSWORD) -> int:
    User.objects.get_or_create(email=EMAIL, defaults={"is_staff": True, "is_superuser": True})
    user = User.objects.get(email=EMAIL)
    user.set_password(PASSWORD)
    user.save()
    mailboxes.trust(user)
    return browser.post("/accounts/login/", {"login": EMAIL, "password": password}).status_code


def signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


@pytest.mark.django_db
def test_signing_in_and_out_are_events_of_the_person(browser: Client) -> None:
    assert sign_in(browser) == 302
    browser.post("/admin/logout/")

    events = SecurityEvent.objects.order_by("seq")
    actor = f"user:{User.objects.get().pk}"
    assert [(event.kind, event.actor) for event in events] == [("signin.succeeded", actor), ("signin.ended", actor)]
    assert {(event.chain, event.ip_address, event.user_agent) for event in events} == {
        ("security_events:platform", "127.0.0.1", AGENT)
    }


@pytest.mark.django_db
def test_a_refused_sign_in_tells_nothing_of_what_was_typed(browser: Client) -> None:
    assert sign_in(browser, "the password of something else") == 200

    event = SecurityEvent.objects.get()
    assert (event.kind, event.actor, event.detail) == ("signin.failed", "anonymous", {})
    assert "owner" not in repr(SecurityEvent.objects.values())
    assert "password" not in repr(SecurityEvent.objects.values())
    assert not signed_in(browser)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "address"),
    [(["127.0.0.1"], "203.0.113.9"), ([], "127.0.0.1"), (["10.0.0.0/8"], "127.0.0.1")],
    ids=["behind our proxy", "without one", "behind another's"],
)
def test_the_address_of_a_person_is_not_their_proxy_s_and_not_what_they_say_it_is(
    browser: Client, settings: Settings, proxies: list[str], address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    browser.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.7, 203.0.113.9"

    sign_in(browser, "the password of something else")
    sign_in(browser)
    browser.post("/admin/logout/")

    events = SecurityEvent.objects.order_by("seq")
    assert [(event.kind, event.ip_address) for event in events] == [
        ("signin.failed", address),
        ("signin.succeeded", address),
        ("signin.ended", address),
    ]


@pytest.mark.django_db(transaction=True)
def test_nobody_signs_in_unrecorded(browser: Client) -> None:
    with without_table("audit_chain_heads"):
        status = sign_in(browser)

    assert status == 500
    assert not signed_in(browser)
    assert not SecurityEvent.objects.exists()
