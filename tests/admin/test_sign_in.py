"""What support sees of how people sign in: addresses and kinds, no secret and no session."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.accounts.people import SECRET, person, with_app
from tests.admin.pages import detail, listing

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    user = person("ana@alder.example")
    with_app(user)
    return user


def test_a_second_factor_is_shown_by_its_kind_and_its_secret_is_not_even_fetched(desk: Client, ana: User) -> None:
    app = Authenticator.objects.get(user=ana, type="totp")
    with CaptureQueriesContext(connection) as queries:
        html = "".join(desk.get(address).content.decode() for address in (listing(Authenticator), detail(app)))
    assert "ana@alder.example" in html
    assert SECRET not in html
    assert app.data["secret"] not in html
    assert not any('"mfa_authenticator"."data"' in query["sql"] for query in queries)


def test_an_address_is_shown_with_whether_it_is_known_to_be_theirs(desk: Client, ana: User) -> None:
    address = EmailAddress.objects.get(user=ana)
    assert "ana@alder.example" in desk.get(detail(address)).content.decode()
    assert (
        desk.post(listing(EmailAddress), {"action": "make_verified", "_selected_action": address.pk}).status_code == 405
    )


def test_sessions_have_no_page() -> None:
    assert not admin.site.is_registered(UserSession)
