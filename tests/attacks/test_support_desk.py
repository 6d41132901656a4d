"""The support desk, attacked by its own people: it lets nobody in, and changes no password, but as the pages do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from tests.accounts.people import browser, person, with_app
from tests.accounts.visitor import PASSWORD

pytestmark = pytest.mark.django_db


def _support(email: str, *, days: int = 0) -> User:
    """Return somebody of the support desk, who has been one for so many days."""
    user = person(email, password=PASSWORD, is_staff=True, is_superuser=True)
    User.objects.filter(pk=user.pk).update(created_at=timezone.now() - timedelta(days=days))
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize(
    "page", ["/admin/", "/admin/accounts/user/", "/admin/account/emailaddress/", "/admin/mfa/authenticator/"]
)
def test_no_page_opens_without_a_second_step(page: str) -> None:
    answer = browser(_support("sue@parlae.example", days=8)).get(page)

    assert (answer.status_code, answer.get("Location")) == (302, "/accounts/2fa/")


def test_its_own_form_signs_nobody_in_as_somebody_else() -> None:
    sue, tom = _support("sue@parlae.example"), _support("tom@parlae.example")
    with_app(tom)
    desk = browser(sue)

    desk.post("/admin/login/", {"username": tom.email, "password": PASSWORD})

    assert desk.session["_auth_user_id"] == str(sue.pk)


def test_a_password_is_changed_on_the_page_that_counts_and_tells_it() -> None:
    answer = browser(_support("sue@parlae.example")).get("/admin/password_change/")

    assert (answer.status_code, answer.get("Location")) == (302, "/accounts/password/change/")
