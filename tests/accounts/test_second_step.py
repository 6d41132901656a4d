"""The second step of signing in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Account, User
from accounts.roles import Role
from pms.models import SecurityEvent
from tests.accounts.people import SECRET, at_desk, browser, has_second_factor, member, person, practice, with_app
from tests.accounts.visitor import PASSWORD, Visitor, app_code

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _within_one_half_minute() -> Iterator[None]:
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def ana() -> User:
    user = member(practice(), Role.OWNER, "ana@alder.example", password=PASSWORD).user
    with_app(user)
    return user


def _code(visitor: Visitor, code: str) -> Visitor:
    return visitor.send({"code": code}, to="/accounts/2fa/authenticate/")


def _is_in(visitor: Visitor) -> bool:
    return visitor.open("/accounts/profile/").where == "/accounts/profile/"


def test_the_password_alone_opens_nothing(ana: User) -> None:
    visitor = Visitor().sign_in("ana@alder.example")
    assert visitor.where == "/accounts/2fa/authenticate/"
    assert not _is_in(visitor)

    visitor.open("/accounts/2fa/authenticate/")
    _code(visitor, app_code(SECRET))
    assert _is_in(visitor)


def test_a_code_is_taken_once(ana: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        first = _code(Visitor().sign_in("ana@alder.example"), app_code(SECRET))
        cache.clear()  # another process does not share allauth's memory
        second = _code(Visitor().sign_in("ana@alder.example"), app_code(SECRET))

    assert _is_in(first)
    assert "not right" in second.text
    assert not _is_in(second)


def test_codes_of_other_half_minutes_are_wrong(ana: User) -> None:
    for ahead in (-2, -1, 1, 2):
        assert "not right" in _code(Visitor().sign_in("ana@alder.example"), app_code(SECRET, ahead=ahead)).text


def test_after_five_wrong_codes_a_right_one_has_to_wait(ana: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            _code(Visitor().sign_in("ana@alder.example"), "000000")
        cache.clear()
        late = _code(Visitor().sign_in("ana@alder.example"), app_code(SECRET))
        assert "Too many wrong codes" in late.text
        assert not _is_in(late)
        clock.shift(301)
        assert _is_in(_code(Visitor().sign_in("ana@alder.example"), app_code(SECRET)))


def test_a_recovery_code_opens_once(ana: User) -> None:
    codes = Authenticator.objects.get(user=ana, type="recovery_codes").wrap().get_unused_codes()

    assert _is_in(_code(Visitor().sign_in("ana@alder.example"), codes[0]))
    assert not _is_in(_code(Visitor().sign_in("ana@alder.example"), codes[0]))
    assert _is_in(_code(Visitor().sign_in("ana@alder.example"), codes[1]))


def test_a_new_password_by_mail_does_not_lead_past_it(ana: User) -> None:
    visitor = Visitor().open("/accounts/password/reset/")
    visitor.send({"email": "ana@alder.example"}, to="/accounts/password/reset/")
    link = re.search(r"http://\S+/accounts/password/reset/key/\S+", mail.outbox[-1].body)
    assert link
    new = "eleven brown kettles 9"
    visitor.open("/" + link[0].split("/", 3)[3]).send({"password1": new, "password2": new}, having="password1")
    assert User.objects.get(pk=ana.pk).check_password(new)

    visitor.sign_in("ana@alder.example", password=new)
    assert visitor.where == "/accounts/2fa/authenticate/"
    assert not _is_in(visitor)
    again = Visitor().open("/" + link[0].split("/", 3)[3])
    assert "does not work any more" in again.text


def test_its_secrets_are_sealed_where_they_are_kept(ana: User) -> None:
    app = Authenticator.objects.get(user=ana, type="totp")
    codes = Authenticator.objects.get(user=ana, type="recovery_codes")
    assert SECRET not in str(app.data)
    assert len(app.data["secret"]) > 2 * len(SECRET)
    assert not re.fullmatch(r"[0-9a-f]{80}", codes.data["seed"])


@pytest.mark.django_db(transaction=True)
def test_setting_up_the_app_makes_recovery_codes_to_print_and_to_save() -> None:
    user = member(practice(), Role.OWNER).user
    desk = at_desk(user)

    desk.set_up_app()

    assert desk.where == "/accounts/2fa/recovery-codes/"
    shown = re.findall(r"<li>(\d{8})</li>", desk.text)
    assert len(shown) == 10
    saved = desk.open("/accounts/2fa/recovery-codes/download/")
    assert set(re.findall(r"^\d{8}$", saved.text, re.MULTILINE)) == set(shown)
    assert [one.subject for one in mail.outbox] == ["Authenticator app set up"]


def test_the_picture_for_the_app_names_the_person_and_no_other_host() -> None:
    desk = at_desk(member(practice(), Role.OWNER).user).open("/accounts/2fa/totp/activate/")
    assert 'src="data:image/svg+xml;base64,' in desk.text
    assert "onclick" not in desk.text
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", desk.text) == []


class TestWhoHasNone:
    """Who may see patient data has to set one up when the practice's grace is over."""

    def _joined(self, days_ago: float, *, grace: int = 7, role: Role = Role.STAFF) -> User:
        own = member(practice(second_factor_grace_days=grace), role)
        type(own).objects.filter(pk=own.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
        return own.user

    def test_may_go_on_within_it_and_is_told_how_long(self) -> None:
        desk = at_desk(self._joined(5)).open("/accounts/profile/")
        assert "within 2 days" in desk.text
        assert desk.open("/accounts/agreement/").where == "/accounts/agreement/"

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.STAFF, Role.AUDITOR])
    def test_sees_only_how_to_set_it_up_afterwards(self, role: Role) -> None:
        desk = at_desk(self._joined(8, role=role))
        for address in ("/accounts/agreement/", "/accounts/team/", "/accounts/practice/", "/accounts/practices/new/"):
            assert desk.open(address).where == "/accounts/2fa/", address
        assert "Set one of these up to go on" in desk.text
        for address in ("/accounts/2fa/totp/activate/", "/accounts/profile/", "/accounts/email/"):
            assert desk.open(address).where == address

    def test_with_no_grace_is_asked_at_once_and_let_in_when_it_is_there(self) -> None:
        user = self._joined(0, grace=0)
        desk = at_desk(user)
        assert desk.open("/accounts/agreement/").where == "/accounts/2fa/"

        desk.set_up_app()

        assert has_second_factor(user)
        assert desk.open("/accounts/agreement/").where == "/accounts/agreement/"

    def test_is_sent_there_as_a_whole_page_when_a_part_of_one_asks(self) -> None:
        answer = browser(self._joined(8)).get("/accounts/agreement/", headers={"HX-Request": "true"})
        assert (answer.status_code, answer["HX-Redirect"]) == (204, "/accounts/2fa/")

    def test_gets_nothing_over_rest_either(self) -> None:
        user = self._joined(8, role=Role.OWNER)
        answer = browser(user).get("/api/pms/status")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        with_app(user)
        assert browser(user).get("/api/pms/status").status_code == 200

    def test_is_not_asked_in_a_practice_they_do_not_belong_to_any_more(self) -> None:
        user = self._joined(8)
        user.memberships.update(is_active=False)
        assert at_desk(user).open("/accounts/profile/").text.count("second step now") == 0

    def test_is_kept_from_the_support_desk_too(self) -> None:
        support = person("support@parlae.example", is_staff=True, is_superuser=True)
        User.objects.filter(pk=support.pk).update(created_at=timezone.now() - timedelta(days=8))
        assert at_desk(support).open("/admin/").where == "/accounts/2fa/"
        with_app(support)
        assert at_desk(support).open("/admin/").where == "/admin/"


def test_the_support_desk_s_sign_in_is_the_same_one(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True, is_superuser=True)
    visitor = Visitor().open("/admin/")
    assert visitor.where.startswith("/accounts/login/?next=/admin/")
    direct = Visitor().client.post("/admin/login/", {"username": "ana@alder.example", "password": PASSWORD})
    assert direct.status_code in (302, 403)

    visitor.send({"login": "ana@alder.example", "password": PASSWORD}, to="/accounts/login/")
    assert visitor.where.startswith("/accounts/2fa/authenticate/")


def test_an_operator_can_remove_it_for_somebody_who_has_lost_everything(ana: User) -> None:
    desk = at_desk(ana)
    desk.open("/accounts/profile/")

    call_command("removesecondfactor", "ANA@alder.example")

    assert not has_second_factor(ana)
    assert not _is_in(desk)
    event = SecurityEvent.objects.get(kind="second_factor.removed")
    assert (event.actor, event.detail["person"]) == ("operator", str(ana.pk))
    with pytest.raises(CommandError):
        call_command("removesecondfactor", "ana@alder.example")


def test_changing_it_asks_again_who_it_is_when_the_sign_in_is_some_minutes_old(ana: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk = at_desk(ana).open("/accounts/2fa/totp/deactivate/")
        assert desk.where == "/accounts/2fa/totp/deactivate/"
        clock.shift(301)
        desk.open("/accounts/2fa/totp/deactivate/")
        assert desk.where.startswith("/accounts/reauthenticate/")
        desk.send({"password": PASSWORD}, to="/accounts/reauthenticate/")
        assert desk.where == "/accounts/2fa/totp/deactivate/"


def test_practices_are_not_told_apart_by_one_another_s_grace() -> None:
    strict, mild = practice(second_factor_grace_days=0), practice("Birch Dental")
    user = member(mild, Role.STAFF).user
    user.memberships.create(account=strict, role=Role.STAFF)
    assert Account.objects.count() == 2
    assert at_desk(user).open("/accounts/agreement/").where == "/accounts/2fa/"
