"""What goes wrong in the setup, and what is not lost by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import people, wizard
from tests.browser.axe import assert_accessible
from tests.browser.live import REAL
from tests.browser.mailbox import Mailbox
from tests.browser.people import Person, somebody_new
from tests.browser.site import Site
from tests.browser.watching import Watch

Somebody = Callable[..., BrowserContext]


@pytest.fixture
def manager(page: Page, mailbox: Mailbox) -> Person:
    """Somebody at step 2 of the setup, in ``page``."""
    person = somebody_new("Mary Manager")
    people.sign_up(page, mailbox, person)
    people.set_up_practice(page, "Cedar Dental North")
    people.accept_agreement(page, person)
    wizard.choose_system(page)
    return person


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize(
    ("office", "fault", "title"),
    [
        ("D40004", {}, "Your office could not be opened"),
        ("D30003", {}, "Which location is it?"),
        ("D10001", {}, "Your office could not be opened"),
        ("D30003:1-1", {"status": 503}, "Nobody answered"),
        ("D30003:1-1", {"status": 429}, "Too many questions at once"),
        ("D30003:1-1", {"kind": "html", "status": 200}, "The answer could not be understood"),
    ],
    ids=["not-let-in", "several-locations", "taken", "unreachable", "too-many-questions", "nonsense"],
)
@pytest.mark.whole
def test_each_failure_says_what_to_do(page: Page, site: Site, office: str, fault: dict[str, Any], title: str) -> None:
    with site.failing(fault):
        wizard.give_access(page, office)
        said = page.get_by_role("alert")
        expect(said).to_contain_text(title, timeout=wizard.WORK)
    expect(said).to_contain_text("What to do:")
    expect(page.get_by_role("main").get_by_role("link", name="Go on")).to_have_count(0)
    assert_accessible(page)


@pytest.mark.usefixtures("manager")
def test_nothing_is_lost_on_reload_back_and_another_computer(page: Page, somebody: Somebody, manager: Person) -> None:
    wizard.give_access(page, "D40004")
    expect(page.get_by_role("alert")).to_be_visible(timeout=wizard.WORK)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Your office could not be opened")
    page.go_back()
    page.goto("/setup/credentials/")
    expect(page.get_by_label("Office ID")).to_have_value("D40004")
    elsewhere = somebody().new_page()
    people.sign_in(elsewhere, manager)
    elsewhere.goto("/setup/")
    expect(elsewhere.get_by_role("alert")).to_contain_text("Your office could not be opened")


@pytest.mark.usefixtures("manager")
def test_a_second_tab_does_not_overwrite_the_first_silently(page: Page, watch: Watch) -> None:
    second = page.context.new_page()
    second.goto("/setup/credentials/")
    wizard.give_access(page, "D40004")
    watch.expected.add(409)
    second.get_by_label("Office ID").fill("D77777")
    second.get_by_role("button", name="Save and test the connection").click()
    expect(second.get_by_role("alert")).to_contain_text("changed this")
    expect(second.get_by_label("Office ID")).to_have_value("D77777")
    page.goto("/setup/credentials/")
    expect(page.get_by_label("Office ID")).to_have_value("D40004")


def test_the_browser_proposes_a_time_zone_only_if_there_is_such_a_choice(somebody: Somebody, mailbox: Mailbox) -> None:
    for zone, proposed in (("America/Denver", "America/Denver"), ("Europe/Berlin", "")):
        page = somebody(timezone_id=zone).new_page()
        people.sign_up(page, mailbox, somebody_new("Zoe Zone"))
        expect(page.get_by_label("Time zone")).to_have_value(proposed)
        assert page.get_by_label("Time zone").evaluate("(one) => one.selectedIndex") >= 0, "nothing is shown as chosen"


def test_without_script_a_real_practice_proves_itself_and_gets_to_the_end(somebody: Somebody, mailbox: Mailbox) -> None:
    page = somebody(java_script_enabled=False).new_page()
    person = somebody_new("Ned Noscript")
    people.sign_up(page, mailbox, person)
    people.set_up_practice(page, f"{REAL} Dental North")
    people.accept_agreement(page, person)
    wizard.choose_system(page)
    wizard.give_access(page, "D30003:1-1")
    wizard.give_code(page, "1234567x")
    expect(page.get_by_text("That is not the code from the mail.")).to_be_visible()
    wizard.give_code(page, mailbox.code("north@cedar.example"))
    wizard.await_test(page)
    wizard.choose_features(page, "Cleaning")
    wizard.await_line(page)
    expect(page.get_by_text("Nothing is written to your system.")).to_be_visible()
    page.get_by_role("link", name="Go to your home page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{REAL} Dental North")
