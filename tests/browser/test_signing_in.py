"""Getting in, getting out, and who is kept out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import authenticator, codes, people
from tests.browser.mailbox import Mailbox
from tests.browser.people import Person, somebody_new

Somebody = Callable[..., BrowserContext]


@pytest.fixture
def owner(page: Page, mailbox: Mailbox) -> Person:
    """Somebody who has just made a practice and is signed in in ``page``."""
    person = somebody_new("Olga Owner")
    people.sign_up(page, mailbox, person)
    people.set_up_practice(page, "Olga's Dental")
    return person


def test_an_app_is_set_up_and_asked_for_at_the_next_sign_in(page: Page, owner: Person) -> None:
    people.set_up_app(page, owner)
    people.sign_out(page)
    people.type_password(page, owner)
    expect(page).to_have_url(re.compile("/accounts/2fa/authenticate/"))
    page.goto("/accounts/profile/")
    expect(page.get_by_text(owner.email)).to_have_count(0)

    expect(page).to_have_url(re.compile("/accounts/2fa/authenticate/"))
    page.get_by_label("Code").fill(codes.last(owner.secret))
    people.main_button(page).click()
    expect(page.locator(".errorlist")).to_be_visible()
    page.get_by_label("Code").fill(codes.fresh(owner.secret))
    people.main_button(page).click()
    expect(page.get_by_role("button", name="Sign out").first).to_be_attached()


def test_a_passkey_is_made_and_signs_in_alone(page: Page, owner: Person) -> None:
    authenticator.plug_in(page)
    people.add_passkey(page, "Front desk")
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("main")).to_contain_text("Front desk")
    people.sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).not_to_have_url(re.compile("/accounts/login/"))
    page.goto("/accounts/profile/")
    expect(page.get_by_role("main")).to_contain_text(owner.email)


def test_where_there_is_no_passkey_it_is_said_in_words(page: Page) -> None:
    page.goto("/accounts/login/")
    authenticator.plug_in(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("That did not work")


def test_a_forgotten_password_is_set_anew_and_the_app_is_still_asked_for(
    page: Page, owner: Person, mailbox: Mailbox
) -> None:
    people.set_up_app(page, owner)
    people.sign_out(page)
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill(owner.email)
    people.main_button(page).click()
    page.goto(mailbox.link(owner.email))
    page.get_by_label("New password", exact=True).fill("a much better one 77")
    page.get_by_label("New password again").fill("a much better one 77")
    people.main_button(page).click()
    page.wait_for_url("**/key/done/")
    owner.password = "a much better one 77"
    people.sign_in(page, owner)
    page.goto("/accounts/profile/")
    expect(page.get_by_role("main")).to_contain_text(owner.email)


def test_an_invitation_is_accepted_in_another_browser(
    page: Page, owner: Person, somebody: Somebody, mailbox: Mailbox
) -> None:
    colleague = somebody_new("Carl Colleague")
    people.invite(page, colleague.email, "Staff")
    theirs = somebody().new_page()
    people.join(theirs, mailbox.link(colleague.email), colleague)
    expect(theirs.get_by_text("Olga's Dental").first).to_be_attached()
    expect(theirs.get_by_role("link", name="Team")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("region", name="Members")).to_contain_text(colleague.name)


def test_ended_access_ends_at_once(page: Page, owner: Person, somebody: Somebody, mailbox: Mailbox) -> None:
    colleague = somebody_new("Lee Leaver")
    people.invite(page, colleague.email, "Staff")
    theirs = somebody().new_page()
    people.join(theirs, mailbox.link(colleague.email), colleague)
    page.reload()
    page.get_by_role("link", name=f"Change {colleague.name}").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End the access").click()
    page.wait_for_load_state()
    theirs.goto("/calls/")
    expect(theirs).to_have_url(re.compile("/accounts/login/"))
    expect(theirs.get_by_text("Olga's Dental")).to_have_count(0)


def test_back_after_signing_out_shows_nothing(page: Page, owner: Person) -> None:
    page.goto("/accounts/team/")
    people.sign_out(page)
    page.go_back()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    expect(page.get_by_text(owner.email)).to_have_count(0)


def test_whoever_is_away_is_warned_and_can_stay(page: Page, owner: Person) -> None:
    _shorten(page)
    page.clock.install()
    page.goto("/accounts/team/")
    page.clock.run_for("04:30")
    dialog = page.get_by_role("dialog", name="Are you still there?")
    expect(dialog).to_contain_text(re.compile(r"in [1-9]\d? seconds"))
    dialog.get_by_role("button", name="I am here").click()
    expect(dialog).to_be_hidden()
    page.clock.run_for("04:00")
    expect(page.get_by_role("heading", level=1)).to_have_text("Team")


def test_whoever_stays_away_sees_an_empty_page_and_then_the_sign_in(page: Page, owner: Person) -> None:
    _shorten(page)
    page.clock.install()
    page.goto("/accounts/team/")
    page.context.clear_cookies()  # as if the server had ended the session in those minutes
    page.clock.run_for("05:02")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next=%2Faccounts%2Fteam%2F"))
    expect(page.get_by_text(owner.email)).to_have_count(0)


def _shorten(page: Page) -> None:
    """Have people signed out after five minutes."""
    page.goto("/accounts/practice/")
    page.get_by_label("Sign people out after").fill("5")
    people.main_button(page).click()
    page.wait_for_load_state()
