"""A running Parlae for all tests of this folder, and a watched browser context for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import site as sites
from tests.browser.cast import HABITS, PATIENCE, Cast
from tests.browser.mailbox import Mailbox
from tests.browser.site import Site
from tests.browser.watching import Watch
from tests.support import chromium


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all that needs a browser in one process."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("browser"))


_FAILED = pytest.StashKey[bool]()
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


# Of the package, not of the session: the browser's event loop in this thread would have Django refuse its database to
# the tests of other folders.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        path = chromium.executable(playwright)
        running = playwright.chromium.launch(executable_path=path, args=list(chromium.QUIET))
        yield running
        running.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Parlae, with the demo's practice."""
    with sites.running(tmp_path_factory.mktemp("site"), os.environ["DATABASE_URL"]) as running:
        yield running


@pytest.fixture(scope="package")
def mailbox(site: Site) -> Mailbox:
    """The mail it has sent."""
    return Mailbox(site.mail)


@pytest.fixture(scope="package")
def cast(browser: Browser, site: Site, mailbox: Mailbox) -> Cast:
    """The people whose pages are walked through."""
    return Cast(browser, site, mailbox)


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """What goes wrong in any page of the test; it fails the test at its end."""
    watching = Watch(site.url)
    yield watching
    assert not watching.complaints, "\n".join(watching.complaints)


@pytest.fixture
def somebody(
    browser: Browser, site: Site, watch: Watch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., BrowserContext]]:
    """Make another person's browser: ``somebody(java_script_enabled=False)``."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"base_url": site.url, "viewport": DESKTOP, **HABITS, **options})
        context.set_default_timeout(PATIENCE)
        watch.over(context)
        opened.append(context)
        return context

    yield open_one
    if request.node.stash.get(_FAILED, False):
        _picture(request.node.name, [page for context in opened for page in context.pages])
    for context in opened:
        context.close()


@pytest.fixture
def page(somebody: Callable[..., BrowserContext]) -> Page:
    """A page of a browser that nobody is signed in with."""
    return somebody().new_page()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test has failed, for ``somebody``."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


def _picture(name: str, pages: list[Page]) -> None:
    """Keep what the pages of a failed test looked like in ``var/failed``."""
    folder = sites.ROOT / "var" / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages, start=1):
        page.screenshot(path=folder / f"{name.replace('/', '-')}-{number}.png", full_page=True)
