"""What people do to get in and out, by the words that they see."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browser import codes
from tests.browser.mailbox import Mailbox

_NUMBERS = itertools.count(1)


@dataclass
class Person:
    """Somebody with a sign-in.

    Attributes:
        secret: of their authenticator app, in base 32; empty without one.
    """

    name: str
    email: str
    password: str
    secret: str = ""


def somebody_new(name: str = "Nora Newcomer") -> Person:
    """Return a person whom Parlae does not know yet."""
    number = next(_NUMBERS)
    email = f"{name.split()[0].lower()}{number}@practice.example"
    return Person(name, email, f"violet-harbour-{number}-lantern")


def main_button(page: Page) -> Locator:
    """Return the button that a page is about."""
    return page.get_by_role("main").locator("button.button-primary, input.button-primary").first


def sign_up(page: Page, mailbox: Mailbox, person: Person) -> None:
    """Sign up, from the first page to the one that asks for the practice."""
    ask_to_sign_up(page, person)
    page.get_by_label("Code").fill(mailbox.code(person.email))
    main_button(page).click()
    expect(page).to_have_url(re.compile(r"/accounts/practices/new/$"))


def ask_to_sign_up(page: Page, person: Person) -> None:
    """Sign up, up to the page that asks for the code from the mail."""
    page.goto("/accounts/signup/")
    page.get_by_label("Your name").fill(person.name)
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    main_button(page).click()


def set_up_practice(page: Page, name: str) -> None:
    """Create a practice; its setup is shown then."""
    page.goto("/accounts/practices/new/")
    page.get_by_label("Practice's name").fill(name)
    page.get_by_label("Time zone").select_option("America/New_York")
    main_button(page).click()
    page.wait_for_url("**/setup/**")


def accept_agreement(page: Page, person: Person) -> None:
    """Go to the agreement and accept it."""
    page.goto("/accounts/agreement/")
    sign_agreement(page, person)
    expect(page.get_by_text(f"Accepted by {person.name}")).to_be_visible()


def sign_agreement(page: Page, person: Person) -> None:
    """Accept the agreement that is shown, for the practice."""
    page.get_by_label("Your full name").fill(person.name)
    page.get_by_label("Your title").fill("Owner")
    page.get_by_label("I have read the agreement").check()
    page.get_by_role("button", name="Accept the agreement").click()
    page.wait_for_load_state()


def set_up_app(page: Page, person: Person) -> None:
    """Set up an authenticator app; the recovery codes are shown then."""
    page.goto("/accounts/2fa/totp/activate/")
    page.get_by_text("It cannot be scanned").click()
    person.secret = page.locator("#secret").inner_text()
    page.get_by_label("Type the code that the app shows now").fill(codes.fresh(person.secret))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")


def add_passkey(page: Page, name: str) -> None:
    """Make a passkey with the device that is plugged in; the list of passkeys, or the new codes, are shown then."""
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("What you call it").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    page.wait_for_url(lambda url: "/add/" not in url)


def invite(page: Page, email: str, role: str) -> None:
    """Invite somebody to the team."""
    page.goto("/accounts/team/")
    form = page.get_by_role("region", name="Invite somebody")
    form.get_by_label("E-mail address").fill(email)
    form.get_by_label("Role").select_option(label=role)
    form.get_by_role("button").click()
    expect(page.get_by_role("status")).to_be_visible()


def join(page: Page, link: str, person: Person) -> None:
    """Accept an invitation as somebody new."""
    page.goto(link)
    page.get_by_label("Your name").fill(person.name)
    page.get_by_label("Password", exact=True).fill(person.password)
    main_button(page).click()
    page.wait_for_url(lambda url: "/invitations/" not in url)


def sign_in(page: Page, person: Person) -> None:
    """Sign in with a password, and with the app's code if there is one."""
    type_password(page, person)
    if person.secret:
        page.get_by_label("Code").fill(codes.fresh(person.secret))
        main_button(page).click()
    page.wait_for_url(lambda url: "/login/" not in url and "/2fa/" not in url)


def type_password(page: Page, person: Person) -> None:
    """Take the first step of signing in."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    main_button(page).click()


def confirm(page: Page, person: Person) -> None:
    """Type the password once more, where that is asked before something that could do harm."""
    page.get_by_label("Password", exact=True).fill(person.password)
    main_button(page).click()
    page.wait_for_url(lambda url: "/reauthenticate/" not in url)


def sign_out(page: Page) -> None:
    """Sign out with the button of the page."""
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/accounts/login/**")
