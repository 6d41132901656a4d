"""The setup's five steps, by the words that people see."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

# Until the worker has asked every part of a system, made an assistant, or played a whole call.
WORK = 60_000  # milliseconds


def choose_system(page: Page) -> None:
    """Step 1: take Sikka."""
    page.goto("/setup/system/")
    page.get_by_role("radio", name="Sikka ONE").check()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/setup/credentials/")


def give_access(page: Page, office: str, location: str = "") -> None:
    """Step 2: type the office's number, and choose a location where it has several; the test starts by itself."""
    page.get_by_label("Office ID").fill(office)
    if location:
        page.get_by_role("radio", name=location).check()
    page.get_by_role("button", name="Save and test the connection").click()
    page.wait_for_url("**/setup/test/")


def await_test(page: Page) -> None:
    """Step 3: wait for the checks to end well, and go on."""
    onwards = page.get_by_role("main").get_by_role("link", name="Go on")
    expect(onwards).to_be_visible(timeout=WORK)
    onwards.click()
    page.wait_for_url("**/setup/features/")


def give_code(page: Page, code: str) -> None:
    """Step 3: type the code from the practice's mailbox, once it is asked for."""
    field = page.get_by_label("Code from the mail")
    expect(field).to_be_visible(timeout=WORK)
    field.fill(code)
    page.get_by_role("button", name="Confirm").click()


def choose_features(page: Page, kind: str) -> None:
    """Step 4: let the agent book one kind of appointment, and put callers through."""
    page.get_by_role("checkbox", name="Booking").or_(page.locator("[name=booking]")).first.check()
    switch_on(kind_of(page, kind))
    page.get_by_label("Number of a person").fill("(212) 555-0199")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/setup/done/")


def kind_of(page: Page, name: str) -> Locator:
    """Return the part of step 4 about a kind of appointment."""
    return page.locator("details.kind").filter(has=page.locator("summary", has_text=name)).first


def switch_on(kind: Locator) -> None:
    """Let the agent book a kind of appointment by itself; who gives it is what the page proposes."""
    if kind.get_attribute("open") is None:
        kind.locator("summary").click()
    kind.get_by_label("The agent may give it").check()
    kind.get_by_label("How").select_option(label="The agent books it")


def await_line(page: Page) -> None:
    """Step 5: wait for the line's assistant."""
    expect(page.get_by_text("The assistant is set up")).to_be_visible(timeout=WORK)
    page.reload()


def play_test_call(page: Page) -> None:
    """Step 5: let a test call run, and wait for its end."""
    page.get_by_role("button", name="Start the test call").click()
    expect(page.get_by_role("button", name="Call again")).to_be_visible(timeout=WORK)
