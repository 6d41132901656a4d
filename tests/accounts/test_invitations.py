"""Inviting people: a link for one address, once, for a week."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts import invitations
from accounts.models import Account, Invitation, Membership, User
from accounts.roles import Role
from tests.accounts.people import at_desk, browser, member, person, practice
from tests.accounts.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Membership:
    return member(practice(), Role.OWNER)


def _invite(by: Membership, email: str = "ben@alder.example", role: str = "STAFF") -> str:
    """Invite somebody and return the address in the mail."""
    desk = at_desk(by.user).open("/accounts/team/")
    desk.send({"email": email, "role": role}, to="/accounts/team/invitations/")
    found = re.search(r"/accounts/invitations/\S+/", mail.outbox[-1].body)
    assert found
    return found[0]


def _join(address: str, **changes: str) -> Visitor:
    return Visitor().open(address).send({"name": "Ben Okafor", "password": PASSWORD} | changes, having="password")


def test_somebody_new_joins_and_the_link_has_shown_that_the_address_is_theirs(owner: Membership) -> None:
    visitor = _join(_invite(owner, "Ben@Alder.example"))

    own = Membership.objects.get(user__email="ben@alder.example")
    assert (own.account_id, own.role, own.user.name) == (owner.account_id, Role.STAFF, "Ben Okafor")
    assert EmailAddress.objects.get(user=own.user).verified
    assert visitor.open("/accounts/profile/").where == "/accounts/profile/"
    assert "Alder Dental" in visitor.text


def test_only_a_digest_of_the_link_is_kept(owner: Membership) -> None:
    token = _invite(owner).split("/")[-2]
    stored = Invitation.objects.get()
    assert len(token) >= 40
    assert token not in repr(Invitation.objects.values().get())
    assert stored.token_digest == invitations.digest(token)


def test_it_works_once(owner: Membership) -> None:
    address = _invite(owner)
    _join(address)
    again = Visitor().open(address)
    assert again.page.status_code == 404
    assert "does not work any more" in again.text


def test_it_works_for_a_week(owner: Membership) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        address = _invite(owner)
        clock.shift(timedelta(days=7) - timedelta(seconds=1))
        assert Visitor().open(address).page.status_code == 200
        clock.shift(2)
        assert Visitor().open(address).page.status_code == 404


def test_one_that_was_taken_back_sent_again_or_whose_sender_has_left_does_not_work(owner: Membership) -> None:
    first = _invite(owner)
    desk = at_desk(owner.user).open("/accounts/team/")
    one = f"/accounts/team/invitations/{Invitation.objects.get().pk}/"
    desk.send({"action": "resend"}, to=one)
    second = re.search(r"/accounts/invitations/\S+/", mail.outbox[-1].body)
    assert second
    assert second[0] != first
    assert [Visitor().open(a).page.status_code for a in (first, second[0])] == [404, 200]

    left = Invitation.objects.get(revoked_at=None)
    desk.send({"action": "revoke"}, to=f"/accounts/team/invitations/{left.pk}/")
    assert Visitor().open(second[0]).page.status_code == 404


def test_somebody_who_has_a_sign_in_joins_with_it(owner: Membership) -> None:
    ben = person("ben@alder.example", password=PASSWORD)
    address = _invite(owner)
    visitor = Visitor().open(address)
    assert "Sign in to join" in visitor.text
    assert 'name="password"' not in visitor.text

    visitor.open(f"/accounts/login/?next={address}")
    visitor.send({"login": ben.email, "password": PASSWORD}, to="/accounts/login/")
    assert visitor.where == address
    visitor.send({})
    assert Membership.objects.get(user=ben).role == Role.STAFF


def test_nobody_joins_in_another_s_place(owner: Membership) -> None:
    address = _invite(owner)
    stranger = at_desk(person("stranger@alder.example"))
    assert "another e-mail address" in stranger.open(address).text
    assert "ben@alder.example" not in stranger.text
    answer = browser(User.objects.get(email="stranger@alder.example")).post(address)
    assert answer.status_code == 403
    assert Membership.objects.count() == 1
    unproven = User.objects.create_user("ben@alder.example", name="Not proven")
    assert browser(unproven).post(address).status_code == 403


def test_nobody_takes_over_a_sign_in_with_the_link(owner: Membership) -> None:
    ben = person("ben@alder.example", password=PASSWORD)
    visitor = Visitor().open(_invite(owner))
    token = visitor.client.cookies.get("csrftoken")
    sent = {"name": "Evil", "password": "another good pass 1", "csrfmiddlewaretoken": token.value if token else ""}
    visitor.client.post(visitor.where, sent)
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)
    assert not Membership.objects.filter(user=ben).exists()


def test_a_password_made_of_the_practice_s_name_is_refused(owner: Membership) -> None:
    visitor = _join(_invite(owner), password="AlderDental2026")
    assert "easy to guess" in visitor.text
    assert User.objects.count() == 1


def test_who_has_left_comes_back_in_the_new_role_and_who_is_there_keeps_theirs(owner: Membership) -> None:
    ben = member(owner.account, Role.ADMIN, "ben@alder.example")
    Membership.objects.filter(pk=ben.pk).update(is_active=False)
    browser(ben.user).post(_invite(owner))
    ben.refresh_from_db()
    assert (ben.role, ben.is_active) == (Role.STAFF, True)

    answer = browser(owner.user).post("/accounts/team/invitations/", {"email": ben.user.email, "role": "ADMIN"})
    assert b"in the team already" in answer.content


def test_an_admin_invites_no_owners(owner: Membership) -> None:
    admin = member(owner.account, Role.ADMIN)
    answer = browser(admin.user).post("/accounts/team/invitations/", {"email": "x@alder.example", "role": "OWNER"})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_invitations_of_another_practice_are_not_there(owner: Membership) -> None:
    _invite(owner)
    foreign = member(practice("Birch Dental"), Role.OWNER)
    one = Invitation.objects.get()
    assert browser(foreign.user).post(f"/accounts/team/invitations/{one.pk}/", {"action": "revoke"}).status_code == 404
    one.refresh_from_db()
    assert one.revoked_at is None


def test_a_practice_that_is_closed_takes_nobody_in(owner: Membership) -> None:
    address = _invite(owner)
    Account.objects.update(is_active=False)
    assert Visitor().open(address).page.status_code == 404


def test_a_practice_sends_so_many_a_day(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    desk = browser(owner.user)
    answers = [
        desk.post("/accounts/team/invitations/", {"email": f"n{n}@alder.example", "role": "STAFF"}).status_code
        for n in range(3)
    ]
    assert answers == [302, 302, 422]


def test_mail_that_cannot_be_sent_is_told_and_can_be_tried_again(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", refuse)
        desk = at_desk(owner.user).open("/accounts/team/")
        desk.send({"email": "ben@alder.example", "role": "STAFF"}, to="/accounts/team/invitations/")
    assert "could not be sent" in desk.text
    desk.send({"action": "resend"}, to=f"/accounts/team/invitations/{Invitation.objects.get().pk}/")
    assert len(mail.outbox) == 1
