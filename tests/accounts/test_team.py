"""A practice's people: roles, and ending access."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from django.utils.html import escape

from accounts.models import Account, Invitation, Membership, User
from accounts.roles import MATRIX, Permission, Role
from pms.models import SecurityEvent
from tests.accounts.people import PASSWORD, at_desk, browser, member, practice, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def alder() -> Account:
    return practice()


@pytest.fixture
def owner(alder: Account) -> Membership:
    return member(alder, Role.OWNER)


def _act(by: Membership, target: Membership, action: str, **more: str) -> str:
    """What the page says after somebody pressed a button about somebody."""
    answer = browser(by.user).post(f"/accounts/team/{target.pk}/", {"action": action, **more}, follow=True)
    return str(answer.content.decode())


def _role(target: Membership) -> str:
    return Membership.objects.get(pk=target.pk).role


def test_the_list_says_who_in_which_role_since_when_and_how_they_sign_in(alder: Account, owner: Membership) -> None:
    staff = member(alder, Role.STAFF, name="Ben Okafor")
    with_app(staff.user)
    User.objects.filter(pk=staff.user_id).update(last_login="2026-03-04T15:30:00Z")
    text = at_desk(owner.user).open("/accounts/team/").text
    assert "Ben Okafor" in text
    assert "Mar 4, 2026, 9:30 AM" in text
    assert text.count("Yes") == 1
    for permission in Permission:
        assert escape(permission.label) in text


@pytest.mark.parametrize(
    ("by", "whom", "to", "is_done"),
    [
        (Role.OWNER, Role.STAFF, Role.ADMIN, True),
        (Role.OWNER, Role.STAFF, Role.OWNER, True),
        (Role.OWNER, Role.OWNER, Role.STAFF, True),
        (Role.OWNER, Role.AUDITOR, Role.STAFF, True),
        (Role.ADMIN, Role.STAFF, Role.ADMIN, True),
        (Role.ADMIN, Role.ADMIN, Role.STAFF, True),
        (Role.ADMIN, Role.STAFF, Role.OWNER, False),
        (Role.ADMIN, Role.OWNER, Role.STAFF, False),
        (Role.STAFF, Role.AUDITOR, Role.ADMIN, False),
        (Role.AUDITOR, Role.STAFF, Role.ADMIN, False),
        (Role.OWNER, Role.STAFF, "KING", False),
    ],
)
def test_who_may_give_whom_which_role(
    alder: Account, owner: Membership, by: Role, whom: Role, to: str, is_done: bool
) -> None:
    actor = member(alder, by, "actor@alder.example")
    target = member(alder, whom, "target@alder.example")
    _act(actor, target, "role", role=to)
    assert _role(target) == (to if is_done else whom)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF, Role.AUDITOR])
def test_nobody_gives_themselves_more_than_they_have(alder: Account, owner: Membership, role: Role) -> None:
    own = member(alder, role, "actor@alder.example")
    for wanted in Role:
        _act(own, own, "role", role=wanted)
        assert MATRIX[Role(_role(own))] <= MATRIX[role]
        Membership.objects.filter(pk=own.pk).update(role=role)


def test_the_last_owner_stays_one(alder: Account, owner: Membership) -> None:
    assert "needs an owner" in _act(owner, owner, "role", role=Role.ADMIN)
    assert "needs an owner" in _act(owner, owner, "deactivate")
    assert Membership.objects.get(pk=owner.pk).is_active
    second = member(alder, Role.OWNER, "second@alder.example")
    User.objects.filter(pk=second.user_id).update(is_active=False)
    assert "needs an owner" in _act(owner, owner, "role", role=Role.ADMIN)
    User.objects.filter(pk=second.user_id).update(is_active=True)
    _act(owner, owner, "role", role=Role.ADMIN)
    assert _role(owner) == Role.ADMIN


def test_whose_access_has_ended_is_out_at_once_and_is_not_deleted(alder: Account, owner: Membership) -> None:
    staff = member(alder, Role.ADMIN)
    desk = browser(staff.user)
    assert desk.get("/accounts/team/").status_code == 200
    desk.post("/accounts/team/invitations/", {"email": "new@alder.example", "role": "STAFF"})

    _act(owner, staff, "deactivate")

    assert desk.get("/accounts/team/").status_code == 302
    assert desk.get("/accounts/profile/")["Location"].startswith("/accounts/login/")
    assert desk.get("/api/pms/status").status_code == 401
    assert not Membership.objects.get(pk=staff.pk).is_active
    assert User.objects.filter(pk=staff.user_id, is_active=True).exists()
    assert Invitation.objects.get().revoked_at is not None

    _act(owner, staff, "reactivate")
    assert browser(staff.user).get("/accounts/team/").status_code == 200


def test_who_works_for_another_practice_too_stays_signed_in_there(alder: Account, owner: Membership) -> None:
    staff = member(alder, Role.STAFF)
    Membership.objects.create(user=staff.user, account=practice("Birch Dental"), role=Role.OWNER)
    desk = browser(staff.user)
    _act(owner, staff, "deactivate")
    answer = desk.get("/accounts/team/")
    assert answer.status_code == 200
    assert b"Birch Dental" in answer.content
    assert b"Alder Dental" not in answer.content


def test_an_admin_cannot_end_an_owner_s_access_or_sessions(alder: Account, owner: Membership) -> None:
    admin, desk = member(alder, Role.ADMIN), browser(owner.user)
    desk.get("/accounts/profile/")
    second = member(alder, Role.OWNER, "second@alder.example")
    for action in ("deactivate", "end_sessions"):
        assert "Only an owner" in _act(admin, owner, action)
        assert "Only an owner" in _act(admin, second, action)
    assert desk.get("/accounts/profile/").status_code == 200


def test_somebody_s_sessions_can_be_ended_for_them(alder: Account, owner: Membership) -> None:
    staff = member(alder, Role.STAFF)
    desk = browser(staff.user)
    desk.get("/accounts/profile/")
    _act(owner, staff, "end_sessions")
    assert desk.get("/accounts/profile/").status_code == 302


def test_people_of_another_practice_are_not_there(alder: Account, owner: Membership) -> None:
    foreign = member(practice("Birch Dental"), Role.STAFF)
    desk = browser(owner.user)
    assert desk.get(f"/accounts/team/{foreign.pk}/").status_code == 404
    for action in ("role", "deactivate", "reactivate", "end_sessions"):
        answer = desk.post(f"/accounts/team/{foreign.pk}/", {"action": action, "role": "STAFF"})
        assert answer.status_code == 404
    assert desk.post(f"/accounts/team/{owner.pk}/", {"action": "delete"}).status_code == 404


def test_changing_people_asks_again_who_it_is_when_the_sign_in_is_some_minutes_old(
    alder: Account, owner: Membership
) -> None:
    staff = member(alder, Role.STAFF)
    owner.user.set_password(PASSWORD)
    owner.user.save()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk = browser(owner.user)
        desk.get("/accounts/team/")
        clock.shift(301)
        answer = desk.post(f"/accounts/team/{staff.pk}/", {"action": "role", "role": "ADMIN"})
    assert answer["Location"] == f"/accounts/reauthenticate/?next=/accounts/team/{staff.pk}/"
    assert _role(staff) == Role.STAFF


def test_looking_through_who_has_access_is_noted_and_shown(alder: Account, owner: Membership) -> None:
    desk = at_desk(owner.user).open("/accounts/team/")
    assert "Not done yet" in desk.text
    desk.send({}, to="/accounts/team/review/")
    assert "by Ana Petrov" in desk.text
    event = SecurityEvent.objects.get(kind="access.reviewed")
    assert (event.account_id, event.detail) == (alder.pk, {"members": 1, "without_second_factor": 1})
    other = at_desk(member(practice("Birch Dental"), Role.OWNER).user)
    assert "Not done yet" in other.open("/accounts/team/").text


def test_two_owners_who_demote_each_other_leave_one(alder: Account, owner: Membership) -> None:
    second = member(alder, Role.OWNER, "second@alder.example")
    _act(owner, second, "role", role=Role.STAFF)
    _act(second, owner, "role", role=Role.STAFF)
    assert Membership.objects.filter(role=Role.OWNER, is_active=True).count() == 1


def test_names_are_shown_as_they_are_typed_and_never_run(alder: Account) -> None:
    hostile = "<script>alert(1)</script>"
    Account.objects.update(name=hostile)
    own = member(alder, Role.OWNER, "own@alder.example", name=hostile)
    Invitation.objects.create(
        account=alder,
        email="x@alder.example",
        role=Role.STAFF,
        token_digest="d",
        invited_by=own.user,
        expires_at=timezone.now() + timedelta(days=1),
    )
    desk = at_desk(own.user)
    named = ("team/", f"team/{own.pk}/", "practice/", "profile/", "practices/", "practices/new/")
    addresses = (*named, "agreement/", "2fa/", "sessions/")
    for address in addresses:
        text = desk.open(f"/accounts/{address}").text
        assert hostile not in text, address
        assert desk.where == f"/accounts/{address}"
    assert "&lt;script&gt;" in desk.open("/accounts/team/").text
