"""The business associate agreement: accepted once by who may, kept as it was, asked for again when it changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import agreement_text, baa
from accounts.baa import Agreement
from accounts.immutable import Written
from accounts.models import Account, BaaAcceptance, Membership
from accounts.roles import Role
from pms.models import SecurityEvent
from tests.accounts.people import at_desk, browser, member, practice
from tests.accounts.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db
SIGNED = {"name": "Ana Petrov", "title": "Owner", "has_authority": "on"}


@pytest.fixture
def owner() -> Membership:
    return member(practice(), Role.OWNER, password=PASSWORD)


def _sign(own: Membership, **changes: str) -> Visitor:
    return at_desk(own.user).open("/accounts/agreement/").send(SIGNED | changes, having="has_authority")


def test_an_owner_accepts_it_and_the_record_says_all_that_matters(owner: Membership) -> None:
    assert not baa.is_accepted(owner.account)
    _sign(owner)
    assert baa.is_accepted(owner.account)

    record = BaaAcceptance.objects.get()
    page = at_desk(owner.user).open(f"/accounts/agreement/{record.pk}/").text
    for said in (
        "Alder Dental",
        "Ana Petrov, Owner",
        owner.user.email,
        "127.0.0.1",
        record.text_sha256,
        str(record.pk),
    ):
        assert said in page, said
    assert "Subcontractors" in page
    assert "Countersignature" in page


@pytest.mark.parametrize(
    "changes", [{"name": " "}, {"title": ""}, {"has_authority": ""}, {"name": "Ana\u202e"}, {"name": "x" * 121}]
)
def test_a_signature_that_lacks_something_is_none(owner: Membership, changes: dict[str, str]) -> None:
    desk = at_desk(owner.user).open("/accounts/agreement/")
    sent = SIGNED | {"sha256": baa.current().sha256} | changes
    answer = browser(owner.user).post("/accounts/agreement/", {name: value for name, value in sent.items() if value})
    assert answer.status_code == 422, desk.where
    assert not BaaAcceptance.objects.exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF, Role.AUDITOR])
def test_others_read_it_see_how_it_stands_and_whom_to_ask(owner: Membership, role: Role) -> None:
    own = member(owner.account, role)
    page = at_desk(own.user).open("/accounts/agreement/").text
    assert "Ask Ana Petrov" in page
    assert "has_authority" not in page
    sent = SIGNED | {"sha256": baa.current().sha256}
    assert browser(own.user).post("/accounts/agreement/", sent).status_code == 403
    assert not BaaAcceptance.objects.exists()

    _sign(owner)
    assert "Accepted by Ana Petrov" in at_desk(own.user).open("/accounts/agreement/").text


def test_accepting_asks_again_who_it_is_when_the_sign_in_is_some_minutes_old(owner: Membership) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        desk = at_desk(owner.user).open("/accounts/agreement/?next=/accounts/team/")
        clock.shift(301)
        late = desk.send(SIGNED, having="has_authority")
        assert late.where.startswith("/accounts/reauthenticate/")
        assert not BaaAcceptance.objects.exists()
        late.send({"password": PASSWORD}, to="/accounts/reauthenticate/")
        assert late.where == "/accounts/agreement/"
        late.send(SIGNED, having="has_authority")
    assert baa.is_accepted(owner.account)


def test_the_event_is_there_before_anything_opens(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def record(*args: object, **kwargs: object) -> BaaAcceptance:
        seen.append(SecurityEvent.objects.filter(kind="agreement.accepted").count())
        return original(*args, **kwargs)  # type: ignore[arg-type]

    original = baa.accept
    monkeypatch.setattr(baa, "accept", record)
    _sign(owner)
    assert seen == [1]
    event = SecurityEvent.objects.get(kind="agreement.accepted")
    assert event.detail == {"version": baa.current().version, "sha256": baa.current().sha256}


def test_sent_twice_it_is_accepted_once(owner: Membership) -> None:
    desk = browser(owner.user)
    for _ in range(2):
        desk.post("/accounts/agreement/", SIGNED | {"sha256": baa.current().sha256})
    assert BaaAcceptance.objects.count() == 1


def test_where_it_leads_to_is_never_another_host(owner: Membership) -> None:
    sent = SIGNED | {"sha256": baa.current().sha256}
    answer = browser(owner.user).post("/accounts/agreement/?next=//elsewhere.example/", sent)
    assert answer["Location"] == "/accounts/agreement/"


def test_a_record_is_never_changed_or_deleted(owner: Membership) -> None:
    _sign(owner)
    record = BaaAcceptance.objects.get()
    record.signer_name = "Somebody else"
    for forbidden in (
        record.save,
        record.delete,
        BaaAcceptance.objects.all().delete,
        lambda: BaaAcceptance.objects.update(signer_name="x"),
        lambda: BaaAcceptance.objects.bulk_update([record], ["signer_name"]),
        lambda: owner.account.baa_acceptances.all().delete(),
    ):
        with pytest.raises(Written):
            forbidden()
    assert BaaAcceptance.objects.get().signer_name == "Ana Petrov"
    assert issubclass(BaaAcceptance, Model)


def test_a_record_of_another_practice_is_not_there(owner: Membership) -> None:
    _sign(owner)
    foreign = member(practice("Birch Dental"), Role.OWNER)
    record = BaaAcceptance.objects.get()
    assert browser(foreign.user).get(f"/accounts/agreement/{record.pk}/").status_code == 404


class TestNewVersion:
    """A new text asks again, and leaves time for that."""

    @pytest.fixture
    def coming(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agreement:
        """A version that comes into force in ten days, and has to be accepted within thirty more."""
        old = baa.AGREEMENTS[0]
        today = timezone.now().date()
        new = Agreement("2099-01", today + timedelta(days=10), today + timedelta(days=40))
        for one in (old, new):
            (tmp_path / f"{one.version}.txt").write_text(old.text + (one.version if one is new else ""), "utf-8")
        monkeypatch.setattr(baa, "AGREEMENTS", (old, new))
        monkeypatch.setattr(baa, "_FOLDER", tmp_path)
        return new

    def _accepted_on(self, owner: Membership, days: int) -> bool:
        with time_machine.travel(timezone.now() + timedelta(days=days), tick=False):
            return baa.is_accepted(owner.account)

    def test_the_old_one_counts_until_the_time_is_over(self, owner: Membership, coming: Agreement) -> None:
        _sign(owner)
        assert [self._accepted_on(owner, days) for days in (0, 9, 10, 40, 41)] == [True, True, True, True, False]

    def test_it_is_asked_for_when_it_is_in_force(self, owner: Membership, coming: Agreement) -> None:
        _sign(owner)
        with time_machine.travel(timezone.now() + timedelta(days=11), tick=False):
            owner.created_at = timezone.now()
            owner.save()
            desk = at_desk(owner.user).open("/accounts/agreement/")
            assert "There is a new version" in desk.text
            desk.send(SIGNED, having="has_authority")
        assert self._accepted_on(owner, 41)
        assert sorted(BaaAcceptance.objects.values_list("version", flat=True)) == ["2026-11", "2099-01"]

    def test_who_never_accepted_the_old_one_has_no_time_left(self, owner: Membership, coming: Agreement) -> None:
        assert not self._accepted_on(owner, 11)

    def test_a_page_with_the_old_text_accepts_nothing_new(self, owner: Membership, coming: Agreement) -> None:
        old = baa.current().sha256
        with time_machine.travel(timezone.now() + timedelta(days=11), tick=False):
            owner.created_at = timezone.now()
            owner.save()
            answer = browser(owner.user).post("/accounts/agreement/", SIGNED | {"sha256": old})
        assert answer.status_code == 409
        assert not BaaAcceptance.objects.exists()

    def test_a_text_that_was_altered_was_not_accepted(
        self, owner: Membership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _sign(owner)
        monkeypatch.setattr(baa, "_sha256", lambda version: "0" * 64)
        assert not baa.is_accepted(owner.account)


def test_asking_whether_it_is_accepted_is_one_question(owner: Membership) -> None:
    with CaptureQueriesContext(connection) as queries:
        baa.is_accepted(owner.account)
    assert len(queries) == 1


def test_the_text_is_shown_whole_with_its_headings_and_lists() -> None:
    text = baa.current().text
    blocks = list(agreement_text.blocks(text))
    shown = " ".join(word for one in blocks for word in (one.text, *one.items))
    for word in text.split("\n\n", 1)[1].split():
        assert word in shown or word in {f"({letter})" for letter in "abcdef"}, word
    assert [one.text.split(".")[0] for one in blocks if one.kind == "heading"] == [str(n) for n in range(1, 12)]
    assert sum(one.kind == "list" for one in blocks) == 4
    assert baa.AGREEMENTS[0].in_force <= date(2026, 11, 30)
    assert Account.objects.count() == 0
