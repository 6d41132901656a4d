"""Making a practice, choosing one of several, and its settings."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts import zones
from accounts.models import Account, Membership
from accounts.roles import Role
from pms.sandbox import Sandbox
from tests.accounts.people import at_desk, browser, member, person, practice
from tests.accounts.visitor import Visitor
from tests.conftest import use_sandbox
from tests.practice import seeded

pytestmark = pytest.mark.django_db


def test_nobody_gets_a_practice_by_signing_in() -> None:
    desk = at_desk(person("ana@alder.example"))
    assert desk.open("/accounts/agreement/").where == "/accounts/practices/new/"
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("name", "country", "zone", "wrong"),
    [
        ("", "US", "America/Chicago", "name"),
        ("Alder\u202eDental", "US", "America/Chicago", "name"),
        ("Alder", "US", "Mars/Olympus", "time_zone"),
        ("Alder", "US", "", "time_zone"),
        ("Alder", "CA", "America/Chicago", "time_zone"),
        ("Alder", "DE", "Europe/Berlin", "country"),
    ],
)
def test_a_practice_that_cannot_be_is_refused_field_by_field(name: str, country: str, zone: str, wrong: str) -> None:
    desk = browser(person("ana@alder.example"))
    answer = desk.post("/accounts/practices/new/", {"name": name, "country": country, "time_zone": zone})
    assert answer.status_code == 422
    assert wrong in answer.context["form"].errors
    assert not Account.objects.exists()


@pytest.mark.parametrize("country", ["US", "CA"])
def test_every_zone_of_a_country_can_be_chosen_and_every_choice_is_one(country: str) -> None:
    offered = [zone for _, group in zones.choices() for zone, _ in group]
    assert len(offered) == len(set(offered))
    assert {zones.country_of(zone) for zone in offered} == {"US", "CA"}
    for zone in [one for one in offered if zones.country_of(one) == country][:5]:
        Account(name="Alder", time_zone=zone, country=country).full_clean()


def test_somebody_with_several_chooses_and_none_is_taken_by_itself() -> None:
    alder, birch = practice(), practice("Birch Dental")
    user = member(alder, Role.OWNER).user
    Membership.objects.create(user=user, account=birch, role=Role.STAFF)
    desk = at_desk(user)
    assert desk.open("/accounts/agreement/").where == "/accounts/practices/"

    desk.client.post("/accounts/practices/", _sent(desk, practice=str(birch.pk)))
    assert "Birch Dental" in desk.open("/accounts/agreement/").text
    desk.open("/accounts/practices/")
    desk.client.post("/accounts/practices/", _sent(desk, practice=str(alder.pk)))
    assert "Alder Dental" in desk.open("/accounts/agreement/").text


def test_another_s_practice_cannot_be_chosen() -> None:
    foreign, user = practice("Birch Dental"), member(practice(), Role.OWNER).user
    desk = browser(user)
    for odd in (str(foreign.pk), "", "x", "00000000-0000-0000-0000-000000000000"):
        answer = desk.post("/accounts/practices/", {"practice": odd})
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/practices/")
    assert b"Birch" not in desk.get("/accounts/agreement/").content


def test_where_one_goes_after_choosing_is_never_another_host() -> None:
    account = practice()
    desk = browser(member(account, Role.OWNER).user)
    for odd in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"):
        answer = desk.post("/accounts/practices/", {"practice": str(account.pk), "next": odd})
        assert answer["Location"] == "/"
    assert (
        desk.post("/accounts/practices/", {"practice": str(account.pk), "next": "/accounts/team/"})["Location"]
        == "/accounts/team/"
    )


def test_a_page_made_for_one_practice_does_not_act_for_another() -> None:
    alder, birch = practice(), practice("Birch Dental")
    user = member(alder, Role.OWNER).user
    Membership.objects.create(user=user, account=birch, role=Role.OWNER)
    desk = browser(user)
    desk.post("/accounts/practices/", {"practice": str(birch.pk)})
    answer = desk.post("/accounts/practice/", {"account": str(alder.pk), "name": "Taken over"})
    assert answer.status_code == 409
    assert not Account.objects.filter(name="Taken over").exists()


class TestSettings:
    """A practice's own settings."""

    def _desk(self, role: Role = Role.OWNER) -> tuple[Account, Visitor]:
        account = practice()
        return account, at_desk(member(account, role).user)

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
    def test_are_changed_by_owners_and_admins(self, role: Role) -> None:
        account, desk = self._desk(role)
        changes = {"name": "Cedar", "time_zone": "America/Denver", "idle_minutes": "5"}
        desk.open("/accounts/practice/").send(changes, having="idle_minutes")
        account.refresh_from_db()
        assert (account.name, account.time_zone, account.idle_minutes) == ("Cedar", "America/Denver", 5)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("idle_minutes", "4"), ("idle_minutes", "31"), ("second_factor_grace_days", "8")],
    )
    def test_that_are_out_of_bounds_are_refused(self, field: str, value: str) -> None:
        account, desk = self._desk()
        desk.open("/accounts/practice/").send({field: value}, having="idle_minutes")
        assert desk.page.status_code == 422
        before = getattr(account, field)
        account.refresh_from_db()
        assert getattr(account, field) == before

    def test_of_somebody_who_was_slower_are_not_written_over_the_other_s(self) -> None:
        account, slow = self._desk()
        quick = at_desk(member(account, Role.ADMIN).user)
        slow.open("/accounts/practice/")
        quick.open("/accounts/practice/").send({"name": "Quick Dental"}, having="idle_minutes")
        slow.send({"name": "Slow Dental"}, having="idle_minutes")
        assert "Somebody else has changed" in slow.text
        account.refresh_from_db()
        assert account.name == "Quick Dental"


def test_the_clock_of_a_connected_practice_is_shown_and_changed_in_the_setup_only(
    sandbox: Sandbox, settings: Settings
) -> None:
    use_sandbox(settings, sandbox)
    connected = seeded()
    user = connected.memberships.get().user
    desk = at_desk(user).open("/accounts/practice/")
    assert 'name="time_zone"' not in desk.text
    assert "change it in the setup" in desk.text
    zone = connected.time_zone
    desk.send({"name": "Cedar Dental"}, having="idle_minutes")
    connected.refresh_from_db()
    assert (connected.name, connected.time_zone) == ("Cedar Dental", zone)


def _sent(desk: Visitor, **fields: str) -> dict[str, str]:
    return fields | {"csrfmiddlewaretoken": desk.client.cookies["csrftoken"].value}
