"""A newcomer, from the first page to a test call that books."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import people, pictures, wizard
from tests.browser.mailbox import Mailbox
from tests.browser.people import somebody_new


def test_a_newcomer_gets_to_a_booked_test_call_by_clicking(page: Page, mailbox: Mailbox) -> None:
    person = somebody_new()
    people.sign_up(page, mailbox, person)
    people.set_up_practice(page, "Cedar Dental South")
    wizard.choose_system(page)
    people.sign_agreement(page, person)
    pictures.for_documents(page, "setup-access")
    wizard.give_access(page, "D30003")
    expect(page.get_by_role("alert")).to_contain_text("Which location is it?", timeout=wizard.WORK)
    page.get_by_role("link", name="Check what you typed").click()
    wizard.give_access(page, "D30003", location="South")
    expect(page.get_by_role("main").get_by_role("link", name="Go on")).to_be_visible(timeout=wizard.WORK)
    pictures.for_documents(page, "setup-test")
    wizard.await_test(page)
    expect(page.get_by_text("Your system keeps another time zone")).to_be_visible()
    page.get_by_label("Time zone").select_option("America/Chicago")
    pictures.for_documents(page, "setup-agent")
    wizard.choose_features(page, "Cleaning")
    wizard.await_line(page)
    wizard.play_test_call(page)
    pictures.for_documents(page, "setup-call", at="section:has(#test-call)")
    expect(page.locator("#test-call .note-good")).to_be_visible()
    page.get_by_role("link", name="Go to your home page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cedar Dental South")
