"""The people whose pages are walked through, each signed in once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, StorageState, expect

from pms.management import demo
from tests.browser import authenticator, people, wizard
from tests.browser.live import REAL
from tests.browser.mailbox import Mailbox
from tests.browser.pages import Shown, Who
from tests.browser.people import Person, somebody_new
from tests.browser.site import Site
from tests.browser.watching import Watch

# What takes longer than this is broken, also on a busy machine.
PATIENCE = 10_000  # milliseconds
# What a browser tells of the person before it. Nothing moves: pictures and contrasts are of what is there in the end.
HABITS: Any = {"locale": "en-US", "timezone_id": "America/New_York", "reduced_motion": "reduce"}
_LINE = "+12125550100"  # the demo practice's own; others may have lines too
_CALLS = ("outage", "booking")


@dataclass
class Cast:
    """Signs people in as they are needed, in a browser of their own, and keeps their cookies."""

    browser: Browser
    site: Site
    mailbox: Mailbox
    _people: dict[Who, Person] = field(default_factory=dict)
    _states: dict[Who, StorageState] = field(default_factory=dict)
    _failed: set[Who] = field(default_factory=set)
    _links: dict[str, str] = field(default_factory=dict)

    def person(self, who: Who) -> Person:
        """Return somebody's name, address and password."""
        if who == "owner":
            return Person("Demo Owner", demo.LOGIN, self.site.password)
        return self._people.setdefault(who, somebody_new(f"{'Stan' if who == 'staff' else who.title()} Example"))

    def state(self, who: Who) -> StorageState:
        """Return the cookies of somebody who is where they are to be; none for nobody."""
        assert who not in self._failed, f"{who} could not get in; see the first test that asked for them"
        if who not in self._states:
            self._failed.add(who)
            enter: dict[Who, Callable[[Page], object]] = {
                "nobody": lambda page: None,
                "unconfirmed": lambda page: people.ask_to_sign_up(page, self.person(who)),
                "newcomer": lambda page: people.sign_up(page, self.mailbox, self.person(who)),
                "founder": self._found,
                "refused": self._refuse,
                "asked": self._ask,
                "wired": self._wire,
                "guarded": self._guard,
                "halfway": self._half,
                "staff": self._join,
                "owner": self._own,
            }
            self._states[who] = self._after(enter[who])
            self._failed.remove(who)
        return self._states[who]

    def address(self, shown: Shown) -> str:
        """Return the address of a page, with the link from a mail that it stands for."""
        if "{" not in shown.address:
            return shown.address
        if shown.address not in self._links:
            find = {"{invitation}": self._invited, "{reset}": self._reset}
            self._after(find[shown.address])
        return self._links[shown.address]

    def _after(self, enter: Callable[[Page], object]) -> StorageState:
        """Return the cookies that somebody has after what they do; nothing may go wrong in it."""
        watch = Watch(self.site.url)
        context = self.browser.new_context(base_url=self.site.url, **HABITS)
        context.set_default_timeout(PATIENCE)
        watch.over(context)
        try:
            enter(context.new_page())
            state = context.storage_state()
        finally:
            context.close()
        assert not watch.complaints, "\n".join(watch.complaints)
        return state

    def _found(self, page: Page) -> None:
        people.sign_up(page, self.mailbox, self.person("founder"))
        people.set_up_practice(page, "Founders Dental")

    def _refuse(self, page: Page) -> None:
        self._sign("refused", page, "Delta Dental Arts")
        wizard.choose_system(page)
        wizard.give_access(page, "D40004")
        expect(page.get_by_role("alert")).to_be_visible(timeout=wizard.WORK)

    def _ask(self, page: Page) -> None:
        self._sign("asked", page, f"{REAL} Teeth")
        wizard.choose_system(page)
        wizard.give_access(page, "D30003:1-1")
        expect(page.get_by_label("Code from the mail")).to_be_visible(timeout=wizard.WORK)

    def _wire(self, page: Page) -> None:
        self._sign("wired", page, "Birch Dental")
        wizard.choose_system(page)
        wizard.give_access(page, "D20002")
        wizard.await_test(page)
        wizard.choose_features(page, "Cleaning")
        wizard.await_line(page)

    def _sign(self, who: Who, page: Page, practice: str) -> None:
        people.sign_up(page, self.mailbox, self.person(who))
        people.set_up_practice(page, practice)
        people.accept_agreement(page, self.person(who))

    def _guard(self, page: Page) -> None:
        self._sign("guarded", page, "Guarded Smiles of Springfield")
        people.set_up_app(page, self.person("guarded"))
        authenticator.plug_in(page)
        people.add_passkey(page, "Front desk")
        people.invite(page, self.person("staff").email, "Staff")
        self._links["{staff}"] = self.mailbox.link(self.person("staff").email)
        self.state("staff")
        people.invite(page, "late@practice.example", "Auditor")
        self._links["{invitation}"] = self.mailbox.link("late@practice.example")

    def _join(self, page: Page) -> None:
        if "{staff}" not in self._links:
            self.state("guarded")
        people.join(page, self._links["{staff}"], self.person("staff"))

    def _half(self, page: Page) -> None:
        self.state("guarded")
        people.type_password(page, self.person("guarded"))
        assert urlsplit(page.url).path == "/accounts/2fa/authenticate/"

    def _own(self, page: Page) -> None:
        for script in _CALLS:
            own = ("--url", self.site.url, "--sandbox", self.site.sandbox, "--line", _LINE)
            self.site.manage("simulatecall", script, *own)
        people.sign_in(page, self.person("owner"))

    def _invited(self, _page: Page) -> None:
        self.state("guarded")

    def _reset(self, page: Page) -> None:
        self.state("founder")
        email = self.person("founder").email
        page.goto("/accounts/password/reset/")
        page.get_by_label("E-mail address").fill(email)
        people.main_button(page).click()
        self._links["{reset}"] = self.mailbox.link(email)
