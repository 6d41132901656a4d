"""What axe finds wrong in a page."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
_OPTIONS = {"runOnly": _RULES, "resultTypes": ["violations"]}


def violations(page: Page, scheme: Scheme) -> list[str]:
    """Return what is wrong in ``page`` as it is now, drawn in a scheme: WCAG 2.2 A and AA, and best practice."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("(options) => axe.run(options).then((found) => found.violations)", _OPTIONS)
    return [f"{one['id']} ({one['help']}): {_where(node)}" for one in found for node in one["nodes"]]


def _where(node: dict[str, Any]) -> str:
    return f"{' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"


def assert_accessible(page: Page) -> None:
    """Fail if axe finds anything in the page in either scheme."""
    wrong = [f"{scheme}: {line}" for scheme in SCHEMES for line in violations(page, scheme)]
    assert not wrong, "\n".join([page.url, *wrong])
