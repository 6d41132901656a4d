"""How long a session lives, who can end it, and that nothing of it stays in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone

from accounts.models import User
from accounts.pages import PracticeView
from accounts.roles import Permission, Role
from parlae import urls
from tests.accounts.people import browser, member, person, practice
from tests.accounts.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db
PAGE = "/accounts/team/"


class _PolledView(PracticeView):
    """A part of a page that is fetched again and again."""

    permission = Permission.READ_STATUS
    polled = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("here")


urlpatterns = [path("polled/", _PolledView.as_view()), path("", include(urls.urlpatterns))]
with_polled_view = override_settings(ROOT_URLCONF=__name__)


@pytest.fixture
def ana() -> User:
    return member(practice(), Role.OWNER, "ana@alder.example", password=PASSWORD).user


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(timezone.now(), tick=False) as frozen:
        yield frozen


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_somebody_who_is_away_is_signed_out_by_the_server(ana: User, clock: Any, minutes: int) -> None:
    ana.memberships.get().account.__class__.objects.update(idle_minutes=minutes)
    desk = browser(ana)
    assert desk.get(PAGE).status_code == 200
    key = desk.session.session_key
    clock.shift(_minutes(minutes))
    assert desk.get(PAGE).status_code == 200

    clock.shift(_minutes(minutes) + timedelta(seconds=1))
    answer = desk.get(PAGE)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert b"Alder" not in answer.content
    assert not Session.objects.filter(session_key=key).exists()


def test_the_strictest_of_several_practices_counts(ana: User, clock: Any) -> None:
    ana.memberships.create(account=practice("Birch Dental", idle_minutes=5), role=Role.STAFF)
    desk = browser(ana)
    desk.get("/accounts/profile/")
    clock.shift(_minutes(5.1))
    assert desk.get("/accounts/profile/").status_code == 302


def test_it_ends_after_twelve_hours_whatever_is_done(ana: User, clock: Any) -> None:
    desk = browser(ana)
    for _ in range(12 * 6):
        assert desk.get(PAGE).status_code in (200, 302)
        clock.shift(_minutes(10))
    assert "_auth_user_id" in desk.session
    clock.shift(1)
    answer = desk.get("/accounts/profile/", follow=True)
    assert "12 hours" in answer.content.decode()
    assert "_auth_user_id" not in desk.session


@with_polled_view
def test_what_a_page_fetches_by_itself_does_not_count_as_being_there(ana: User, clock: Any) -> None:
    desk = browser(ana)
    desk.get(PAGE)
    for _ in range(14):
        clock.shift(_minutes(1))
        assert desk.get("/polled/").status_code == 200
    clock.shift(_minutes(1.1))
    answer = desk.get("/polled/", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith("/accounts/login/")
    assert answer.content == b""


@with_polled_view
def test_nor_does_it_make_a_session_look_used(ana: User, clock: Any) -> None:
    desk = browser(ana)
    desk.get(PAGE)
    before = UserSession.objects.get().last_seen_at
    clock.shift(_minutes(2))
    desk.get("/polled/")
    assert UserSession.objects.get().last_seen_at == before
    desk.get(PAGE)
    assert UserSession.objects.get().last_seen_at == before + _minutes(2)


def test_saying_that_one_is_there_counts(ana: User, clock: Any) -> None:
    desk = browser(ana)
    desk.get(PAGE)
    clock.shift(_minutes(14))
    assert desk.post("/accounts/alive/").status_code == 204
    clock.shift(_minutes(14))
    assert desk.get(PAGE).status_code == 200
    assert Client().post("/accounts/alive/").status_code == 302


def test_the_rest_face_ends_with_it(ana: User, clock: Any) -> None:
    desk = browser(ana)
    assert desk.get("/api/pms/status").status_code == 200
    clock.shift(_minutes(16))
    assert desk.get("/api/pms/status").status_code == 401


def test_no_page_of_somebody_signed_in_stays_in_a_browser(ana: User) -> None:
    desk = browser(ana)
    for address in (PAGE, "/accounts/profile/", "/accounts/2fa/", "/accounts/agreement/"):
        assert desk.get(address)["Cache-Control"] == "no-store", address


def test_signing_in_gives_a_session_a_new_id(ana: User) -> None:
    visitor = Visitor().open("/accounts/login/")
    visitor.client.session["planted"] = 1
    visitor.client.session.save()
    before = visitor.client.cookies.get("sessionid")
    visitor.send({"login": "ana@alder.example", "password": PASSWORD}, to="/accounts/login/")
    after = visitor.client.cookies["sessionid"]
    assert before is None or before.value != after.value
    assert after["httponly"]
    assert after["samesite"] == "Lax"
    assert not after["max-age"]


def test_whoever_is_deactivated_is_out_at_once(ana: User) -> None:
    desk = browser(ana)
    assert desk.get(PAGE).status_code == 200
    User.objects.update(is_active=False)
    assert desk.get(PAGE).status_code == 302


def test_a_new_password_ends_all_other_sessions(ana: User) -> None:
    here, there = Visitor().sign_in("ana@alder.example"), browser(ana)
    assert there.get(PAGE).status_code == 200
    new = "eleven brown kettles 9"
    here.open("/accounts/password/change/")
    here.send({"oldpassword": PASSWORD, "password1": new, "password2": new}, having="oldpassword")
    assert there.get(PAGE).status_code == 302
    assert here.open(PAGE).where == PAGE


class TestOwnSessions:
    """A person's list of where they are signed in."""

    def test_are_listed_and_each_can_be_ended(self, ana: User) -> None:
        here = Visitor(headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/130"}).sign_in("ana@alder.example")
        phone = Visitor(headers={"User-Agent": "Mozilla/5.0 (iPhone) Safari/605"}).sign_in("ana@alder.example")
        third = Visitor().sign_in("ana@alder.example")
        page = here.open("/accounts/sessions/")
        assert "Chrome on Windows" in page.text
        assert "Safari on an iPhone" in page.text
        assert "session_key" not in page.text
        assert not any(one.session_key in page.text for one in UserSession.objects.all())

        only = UserSession.objects.get(user_agent__contains="iPhone")
        here.client.post("/accounts/sessions/", {"session": only.pk, "csrfmiddlewaretoken": _token(here)})

        assert phone.open(PAGE).where.startswith("/accounts/login/")
        assert third.open(PAGE).where == PAGE

    def test_of_others_cannot_be_ended(self, ana: User) -> None:
        ben = browser(person("ben@alder.example"))
        ben.get("/accounts/profile/")
        foreign = UserSession.objects.get()
        browser(ana).post("/accounts/sessions/", {"session": foreign.pk})
        assert ben.get("/accounts/profile/").status_code == 200

    def test_all_others_can_be_ended_at_once(self, ana: User) -> None:
        here, others = browser(ana), [browser(ana) for _ in range(2)]
        for one in (here, *others):
            one.get(PAGE)
        here.post("/accounts/sessions/")
        assert [one.get(PAGE).status_code for one in (here, *others)] == [200, 302, 302]

    @pytest.mark.parametrize("odd", ["x", "-1", "9" * 40, "1 or 1=1", "١"])
    def test_what_is_no_session_ends_none(self, ana: User, odd: str) -> None:
        here, there = browser(ana), browser(ana)
        there.get(PAGE)
        assert here.post("/accounts/sessions/", {"session": odd}).status_code == 302
        assert there.get(PAGE).status_code == 200


def _token(visitor: Visitor) -> str:
    return str(visitor.client.cookies["csrftoken"].value)
