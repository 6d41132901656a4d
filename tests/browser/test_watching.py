"""The watch itself: what it must notice, it notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from pms.management.processes import Supervisor
from tests.browser.axe import SCHEMES, Scheme, violations
from tests.browser.site import Site
from tests.browser.watching import Watch

_STRICT = {"Content-Security-Policy": "default-src 'self'", "Content-Type": "text/html"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """No site: what it would answer is made up here."""
    programs = Supervisor(folder=tmp_path, logs=tmp_path, environment={})
    return Site("http://localhost:9", "", tmp_path, "", programs)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script src=/bad.js></script>", "uncaught in /bad/: no such luck"),
        ("<script src=/warn.js></script>", "console warning in /bad/: careful"),
        ("<p style='color:red'>red</p>", "Content Security Policy"),
        ("<script>1</script>", "Content Security Policy"),
        ("<a href=x><img src=http://other.example/x.png></a>", "asks another host: http://other.example/x.png"),
        ("<img src=/broken>", "500: GET"),
        ("<script src=/missing.js></script>", "status of 404"),
    ],
)
def test_whatever_must_not_happen_is_noticed(page: Page, watch: Watch, body: str, words: str) -> None:
    _serve(page.context, body)
    page.goto("/bad/", wait_until="load")
    for _attempt in range(50):
        if any(words in line for line in watch.complaints):
            break
        page.wait_for_timeout(100)
    assert any(words in line for line in watch.complaints), watch.complaints
    watch.complaints.clear()


def test_an_expected_refusal_is_no_complaint(page: Page, watch: Watch) -> None:
    _serve(page.context, "<img src=/missing.png>")
    watch.expected.add(404)
    page.goto("/bad/", wait_until="load")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_sees_what_is_hard_to_read_in_that_scheme_only(page: Page, scheme: Scheme) -> None:
    faint = f"@media (prefers-color-scheme: {scheme}) {{ p {{ color: #777; background: #888 }} }}"
    page.set_content(f"<html lang=en><title>x</title><style>{faint}</style><main><h1>x</h1><p>faint</p></main>")
    other: Scheme = "light" if scheme == "dark" else "dark"
    assert violations(page, other) == []
    assert [line for line in violations(page, scheme) if "color-contrast" in line]


def _serve(context: BrowserContext, body: str) -> None:
    """Answer for our own host with pages that are bad on purpose."""

    def answer(route: Route) -> None:
        path = route.request.url.partition("//")[2].partition("/")[2]
        kinds = {
            "bad/": (200, _STRICT, f"<!doctype html><html lang=en><title>bad</title>{body}"),
            "bad.js": (200, {"Content-Type": "text/javascript"}, "throw new Error('no such luck')"),
            "warn.js": (200, {"Content-Type": "text/javascript"}, "console.warn('careful')"),
            "broken": (500, {}, ""),
        }
        status, headers, text = kinds.get(path, (404, {}, ""))
        route.fulfill(status=status, headers=headers, body=text)

    context.route("**/*", answer)
