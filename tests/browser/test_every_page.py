"""What is true of every page: it can be read by everybody, fits every screen and needs no script."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import get_args
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import people, pictures
from tests.browser.axe import Scheme, violations
from tests.browser.cast import Cast
from tests.browser.pages import NO_PAGES, PAGES, Shown, Who
from tests.browser.watching import Watch

_NARROWEST = 320  # at which WCAG 2.2 wants no scrolling in two directions (1.4.10)
_WIDTHS = (_NARROWEST, 390, 1440)
_LOOKS: tuple[tuple[int, Scheme], ...] = (
    ((390, "light"), (390, "dark"), (1440, "light"), (1440, "dark"))
    if pictures.ARE_TAKEN
    else ((390, "light"), (1440, "dark"))  # every width and every scheme, in half the time
)
_IN_DOCUMENTS = ("home", "call")
Somebody = Callable[..., BrowserContext]


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
def test_it_is_drawn_well(shown: Shown, cast: Cast, somebody: Somebody, watch: Watch) -> None:
    page = somebody(storage_state=cast.state(shown.who)).new_page()
    _open(shown, page, cast, watch)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    wrong: dict[str, list[str]] = {}
    for width, scheme in _LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        for line in violations(page, scheme):
            wrong.setdefault(line, []).append(f"{width} {scheme}")
        pictures.of_page(page, shown.name, width, scheme)
    if shown.name in _IN_DOCUMENTS:
        pictures.for_documents(page, shown.name)
    for width in _WIDTHS:
        if sticking_out := _too_wide(page, width):
            wrong.setdefault(sticking_out, []).append(str(width))
    assert not wrong, "\n".join(f"{line} ({', '.join(where)})" for line, where in wrong.items())


@pytest.mark.whole
@pytest.mark.parametrize("who", get_args(Who))
def test_pages_need_no_script(who: Who, cast: Cast, somebody: Somebody, watch: Watch) -> None:
    page = somebody(storage_state=cast.state(who), java_script_enabled=False).new_page()
    for shown in PAGES:
        if shown.who == who:
            _open(shown, page, cast, watch)
            expect(page.get_by_role("heading", level=1), shown.name).to_be_visible()
            expect(page.get_by_role("main"), shown.name).not_to_be_empty()


def test_no_page_is_forgotten() -> None:
    known = {shown.route for shown in PAGES if shown.route} | NO_PAGES.keys()
    assert sorted(_routes() - known) == [], "in pages.py they are missing"
    assert sorted(known - _routes()) == [], "pages.py knows more than there is"


def _open(shown: Shown, page: Page, cast: Cast, watch: Watch) -> None:
    """Open a page as its person does, and make sure that it is the one."""
    if shown.status != HTTPStatus.OK:
        watch.expected.add(shown.status)
    answer = page.goto(cast.address(shown))
    assert answer is not None
    assert answer.status == shown.status
    if "/reauthenticate/" in page.url and "reauthenticate" not in shown.route:
        people.confirm(page, cast.person(shown.who))
    shown.then(page)
    if shown.route:
        assert resolve(urlsplit(page.url).path).url_name == shown.route


def _too_wide(page: Page, width: int) -> str:
    """Return what sticks out of the screen, if anything does."""
    page.set_viewport_size({"width": width, "height": 900})
    by = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if by <= 0:
        return ""
    what = page.evaluate(
        """[...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 3).map((one) => one.outerHTML.split('>')[0]).join(' ')"""
    )
    return f"wider than the screen by {by} px: {what}"


def _routes() -> set[str]:
    """Return the names of all addresses but those of the API and of the support desk."""

    def walk(resolver: URLResolver) -> list[str]:
        found: list[str] = []
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                found += [] if str(one.pattern) in ("admin/", "api/pms/") else walk(one)
            elif isinstance(one, URLPattern):
                found.append(one.name or str(one.pattern))
        return found

    return set(walk(get_resolver()))
