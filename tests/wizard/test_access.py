"""Steps 1 to 3, in a browser without JavaScript."""

from __future__ import annotations

import pytest

from accounts.models import Account, BaaAcceptance, User
from accounts.roles import Role
from pms.models import PmsIntegration, Setup
from tests.accounts.visitor import Visitor
from tests.conftest import Sim
from tests.services.people import member
from tests.wizard.conftest import browser, connected, worker


def test_a_practice_is_connected_in_three_steps(dana: Visitor, birch: Account) -> None:
    dana.open("/setup/")
    assert dana.where == "/setup/system/"
    assert "Not available yet" in dana.text

    dana.send({"provider": "SIKKA"}, having="provider")
    assert dana.where == "/setup/credentials/"

    dana.send({"practiceId": "D20002"}, having="practiceId")
    assert dana.where == "/setup/test/"
    assert "http-equiv" in dana.page.content.decode()  # it looks again by itself, also without a script

    worker()
    dana.open("/setup/test/")
    assert "Appointments can be booked" in dana.text
    assert PmsIntegration.objects.get(account=birch).status == "ACTIVE"
    assert dana.open("/setup/").where == "/setup/features/"


def test_nothing_is_typed_before_the_agreement_is_accepted(db: None, sim: Sim) -> None:
    account = Account.objects.create(name="Cedar Dental", time_zone="America/New_York")
    visitor = browser(member(account, "Dana Kim", Role.OWNER))

    visitor.open("/setup/").send({"provider": "SIKKA"}, having="provider")

    assert visitor.where == "/accounts/agreement/?next=/setup/credentials/"
    assert visitor.open("/setup/credentials/").where.startswith("/accounts/agreement/")
    assert not BaaAcceptance.objects.filter(account=account).exists()


def test_a_step_that_is_ahead_leads_to_where_the_setup_is(dana: Visitor) -> None:
    assert dana.open("/setup/done/").where == "/setup/system/"
    assert dana.open("/setup/features/").where == "/setup/system/"


@pytest.mark.parametrize(
    ("office", "said"),
    [("D99999", "Your office could not be opened"), ("D40004", "Your office could not be opened")],
)
def test_a_wrong_office_is_said_in_words_with_the_way_back(dana: Visitor, office: str, said: str) -> None:
    connected(dana, office)

    assert said in dana.text
    assert "What to do:" in dana.text
    assert 'href="/setup/credentials/"' in dana.page.content.decode()


def test_several_locations_are_asked_about(dana: Visitor, birch: Account) -> None:
    connected(dana, "D30003")
    assert "Which location is it?" in dana.text

    dana.open("/setup/credentials/")
    assert "Cedar Dental North" in dana.text
    dana.send({"location": "1-2"}, having="location")
    worker()

    found = PmsIntegration.objects.get(account=birch)
    assert (found.metadata or {})["locationId"] == "1-2"


def test_another_person_goes_on_where_the_first_one_stopped(dana: Visitor, birch: Account) -> None:
    dana.open("/setup/").send({"provider": "SIKKA"}, having="provider")
    dana.send({"practiceId": "D20002"}, having="practiceId")
    worker()

    colleague = browser(member(birch, "Ben Admin", Role.ADMIN))

    assert colleague.open("/setup/").where == "/setup/features/"


def test_two_people_do_not_overwrite_each_other_silently(dana: Visitor, birch: Account) -> None:
    dana.open("/setup/").send({"provider": "SIKKA"}, having="provider")
    ben = browser(member(birch, "Ben Admin", Role.ADMIN)).open("/setup/credentials/")
    dana.send({"practiceId": "D20002"}, having="practiceId")

    ben.send({"practiceId": "D10001"}, having="practiceId")

    assert ben.page.status_code == 409
    assert "Dana Kim changed this" in ben.text
    assert 'value="D10001"' in ben.page.content.decode()  # what he typed is still there
    worker()
    assert Setup.objects.get(account=birch).check_state == "PASSED"


def test_a_page_of_another_practice_changes_nothing(dana: Visitor, owner: User) -> None:
    other = Account.objects.create(name="Elm Dental", time_zone="America/New_York")
    member(other, "Dana Kim", Role.OWNER)
    dana.open("/setup/")
    dana.send({"provider": "SIKKA", "account": str(other.pk)}, having="provider")

    assert dana.page.status_code == 409
    assert not Setup.objects.filter(provider="SIKKA").exists()


def test_staff_may_not_set_up(birch: Account) -> None:
    visitor = browser(member(birch, "Ada Desk", Role.STAFF))

    assert visitor.open("/setup/system/").page.status_code == 403


def test_a_practice_whose_name_is_html_shows_as_text(dana: Visitor, birch: Account) -> None:
    birch.name = "<script>alert(1)</script>"
    birch.save()

    assert "<script>alert(1)</script>" not in dana.open("/setup/system/").page.content.decode()
