"""Pictures, where ``PARLAE_SCREENSHOTS`` asks for them: of every page, and those that the documents show."""

from __future__ import annotations

import os

from playwright.sync_api import Page

from tests.browser.axe import Scheme
from tests.browser.site import ROOT

ARE_TAKEN = os.environ.get("PARLAE_SCREENSHOTS") == "1"
_ALL = ROOT / "var" / "screenshots"
_IN_DOCUMENTS = ROOT / "docs" / "pictures"
_SIZE = (1200, 800)


def of_page(page: Page, name: str, width: int, scheme: Scheme) -> None:
    """Keep the whole page as it is drawn now."""
    if ARE_TAKEN:
        page.screenshot(path=_ALL / f"{name}-{width}-{scheme}.png", full_page=True)


def for_documents(page: Page, name: str, *, at: str = "") -> None:
    """Keep what a person sees of the page, from what ``at`` selects on."""
    if not ARE_TAKEN:
        return
    before, (width, height) = page.viewport_size, _SIZE
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate("document.activeElement.blur()")
    if at:
        page.locator(at).evaluate("(one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 24)")
    else:
        page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=_IN_DOCUMENTS / f"{name}.png")
    if before:
        page.set_viewport_size(before)
