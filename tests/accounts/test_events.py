"""Each thing that is done to accounts is one event, and says nothing of what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts import baa
from accounts.models import Account, Invitation, Membership, User
from accounts.roles import Role
from pms.domain import errors
from pms.models import SecurityEvent
from pms.services import audit
from tests.accounts.people import PASSWORD, at_desk, browser, member, person, practice, with_app
from tests.accounts.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)  # events are durable: never inside somebody's transaction


@dataclass
class Stage:
    """A practice with an owner and somebody else."""

    account: Account
    owner: Membership
    staff: Membership

    @property
    def desk(self) -> Client:
        return browser(self.owner.user)

    @property
    def page(self) -> Visitor:
        return at_desk(self.owner.user)


@pytest.fixture
def stage() -> Stage:
    account = practice()
    return Stage(account, member(account, Role.OWNER, password=PASSWORD), member(account, Role.STAFF))


def _sign_up(stage: Stage) -> None:
    Visitor().sign_up("new@alder.example")


def _verify(stage: Stage) -> None:
    Visitor().sign_up("new@alder.example").confirm()


def _change_email(stage: Stage) -> None:
    desk = stage.page.open("/accounts/email/")
    desk.send({"email": "other@alder.example", "action_add": ""}, having="action_add")
    desk.confirm()


def _change_password(stage: Stage) -> None:
    desk = stage.page.open("/accounts/password/change/")
    new = "eleven brown kettles 9"
    desk.send({"oldpassword": PASSWORD, "password1": new, "password2": new}, having="oldpassword")


def _reset_password(stage: Stage) -> None:
    Visitor().open("/accounts/password/reset/").send({"email": stage.owner.user.email}, having="email")
    link = re.search(r"/accounts/password/reset/key/\S+", mail.outbox[-1].body)
    assert link
    new = "eleven brown kettles 9"
    Visitor().open(link[0]).send({"password1": new, "password2": new}, having="password1")


def _set_up(stage: Stage) -> None:
    stage.page.set_up_app()


def _make_codes(stage: Stage) -> None:
    with_app(stage.owner.user)
    stage.desk.post("/accounts/2fa/recovery-codes/generate/")


def _remove_app(stage: Stage) -> None:
    with_app(stage.owner.user)
    Authenticator.objects.filter(type="recovery_codes").delete()
    stage.desk.post("/accounts/2fa/totp/deactivate/")


def _wrong_code(stage: Stage) -> None:
    with_app(stage.owner.user)
    Visitor().sign_in(stage.owner.user.email).send({"code": "000000"}, having="code")


def _end_sessions(stage: Stage) -> None:
    stage.desk.post("/accounts/sessions/")


def _lock(stage: Stage) -> None:
    for _ in range(12):
        Client().post("/accounts/login/", {"login": "ana@alder.example", "password": "wrong"})


def _make_practice(stage: Stage) -> None:
    sent = {"name": "Birch Dental", "country": "US", "time_zone": "America/Denver"}
    stage.desk.post("/accounts/practices/new/", sent)


def _switch(stage: Stage) -> None:
    stage.desk.post("/accounts/practices/", {"practice": str(stage.account.pk)})


def _change_practice(stage: Stage) -> None:
    stage.page.open("/accounts/practice/").send({"idle_minutes": "7"}, having="idle_minutes")


def _invite(stage: Stage) -> None:
    stage.desk.post("/accounts/team/invitations/", {"email": "new@alder.example", "role": "STAFF"})


def _accept(stage: Stage) -> None:
    _invite(stage)
    link = re.search(r"/accounts/invitations/\S+", mail.outbox[-1].body)
    assert link
    Visitor().open(link[0]).send({"name": "Ben", "password": PASSWORD}, having="password")


def _revoke(stage: Stage) -> None:
    _invite(stage)
    stage.desk.post(f"/accounts/team/invitations/{Invitation.objects.get().pk}/", {"action": "revoke"})


def _member(action: str, **more: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        if action == "reactivate":
            Membership.objects.filter(pk=stage.staff.pk).update(is_active=False)
        stage.desk.post(f"/accounts/team/{stage.staff.pk}/", {"action": action, **more})

    return act


def _review(stage: Stage) -> None:
    stage.desk.post("/accounts/team/review/")


def _expire(stage: Stage) -> None:
    desk = stage.desk
    desk.get("/accounts/profile/")
    session = desk.session
    session["seen_at"] = 0
    session.save()
    desk.get("/accounts/profile/")


def _agree(stage: Stage) -> None:
    sent = {"name": "Ana", "title": "Owner", "has_authority": "on", "sha256": baa.current().sha256}
    stage.desk.post("/accounts/agreement/", sent)


def _denied(stage: Stage) -> None:
    browser(stage.staff.user).get("/accounts/team/")


TABLE: list[tuple[str, Callable[[Stage], None], dict[str, Any], str]] = [
    ("person.signed_up", _sign_up, {}, "new"),
    ("email.verified", _verify, {}, "new"),
    ("email.changed", _change_email, {}, "owner"),
    ("password.changed", _change_password, {}, "owner"),
    ("password.reset", _reset_password, {}, "owner"),
    ("second_factor.added", _set_up, {"type": "totp"}, "owner"),
    ("second_factor.codes_made", _make_codes, {"type": "recovery_codes"}, "owner"),
    ("second_factor.removed", _remove_app, {"type": "totp"}, "owner"),
    ("second_factor.failed", _wrong_code, {}, "owner"),
    ("session.ended", _end_sessions, {"which": "others", "by": "self"}, "owner"),
    ("session.ended", _member("end_sessions"), {"by": "manager"}, "owner"),
    ("session.expired", _expire, {"why": "idle"}, "owner"),
    ("signin.locked", _lock, {}, "anonymous"),
    ("practice.created", _make_practice, {"country": "US"}, "owner"),
    ("practice.switched", _switch, {}, "owner"),
    ("practice.changed", _change_practice, {"fields": "idle_minutes", "idle_minutes_to": 7}, "owner"),
    ("invitation.sent", _invite, {"role": "STAFF"}, "owner"),
    ("invitation.accepted", _accept, {"role": "STAFF"}, "new"),
    ("invitation.revoked", _revoke, {}, "owner"),
    ("role.changed", _member("role", role="AUDITOR"), {"old": "STAFF", "new": "AUDITOR"}, "owner"),
    ("member.deactivated", _member("deactivate"), {}, "owner"),
    ("member.reactivated", _member("reactivate"), {}, "owner"),
    ("access.reviewed", _review, {"members": 2, "without_second_factor": 2}, "owner"),
    ("agreement.accepted", _agree, {"version": "2026-11"}, "owner"),
    ("permission.denied", _denied, {"endpoint": "/accounts/team/", "permission": "manage_people"}, "staff"),
]
OF_NO_PRACTICE = ("person.", "email.", "password.", "second_factor.", "signin.")


@pytest.mark.whole
@pytest.mark.parametrize(("kind", "act", "detail", "who"), TABLE, ids=[f"{row[0]} {n}" for n, row in enumerate(TABLE)])
def test_it_is_one_event(
    stage: Stage, kind: str, act: Callable[[Stage], None], detail: dict[str, Any], who: str
) -> None:
    act(stage)

    events = list(SecurityEvent.objects.filter(kind=kind))
    assert len(events) == 1, list(SecurityEvent.objects.values_list("kind", flat=True))
    event = events[0]
    assert {name: event.detail[name] for name in detail} == detail
    emails = {"owner": stage.owner.user.email, "staff": stage.staff.user.email, "new": "new@alder.example"}
    people = {f"user:{one.pk}": one.email for one in User.objects.all()}
    if who == "anonymous":
        assert event.actor == "anonymous"
    elif who == "owner" and kind == "email.changed":
        assert event.actor == f"user:{stage.owner.user_id}"
    else:
        assert people[event.actor] == emails[who]
    if kind.startswith(OF_NO_PRACTICE) or kind in ("session.expired",) or detail.get("by") == "self":
        assert event.account_id is None
    elif kind == "practice.created":
        assert event.account_id == Account.objects.get(name="Birch Dental").pk
    else:
        assert event.account_id == stage.account.pk
    written = repr(list(SecurityEvent.objects.values()))
    for typed in ("alder.example", "Birch", "Alder", "Ana", "Ben", PASSWORD, "kettles"):
        assert typed not in written


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/accounts/practices/new/", {"name": "Birch", "country": "US", "time_zone": "America/Denver"}),
        ("/accounts/team/invitations/", {"email": "new@alder.example", "role": "STAFF"}),
        ("/accounts/agreement/", {"name": "A", "title": "B", "has_authority": "on", "sha256": baa.current().sha256}),
    ],
)
def test_what_cannot_be_recorded_is_not_done(
    stage: Stage, address: str, sent: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_asked: Any) -> None:
        raise errors.Internal

    desk = stage.desk
    desk.get("/accounts/profile/")
    desk.raise_request_exception = False
    monkeypatch.setattr(audit, "record_event", refuse)
    assert desk.post(address, sent).status_code == 500
    assert Account.objects.count() == 1
    assert not Invitation.objects.exists()
    assert not baa.is_accepted(stage.account)
    assert mail.outbox == []


def test_a_flood_of_refusals_leaves_the_first_few(stage: Stage) -> None:
    desk = browser(stage.staff.user)
    assert {desk.get("/accounts/team/").status_code for _ in range(20)} == {403}
    assert SecurityEvent.objects.filter(kind="permission.denied").count() == 6
    other = browser(person("x@alder.example"))
    cache.clear()
    Membership.objects.create(user=User.objects.get(email="x@alder.example"), account=stage.account, role=Role.STAFF)
    other.get("/accounts/team/")
    assert SecurityEvent.objects.filter(kind="permission.denied").count() == 7
