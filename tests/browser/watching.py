"""What must never happen in a page, noted while a test uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError

_INLINE = ("data", "blob", "about")


@dataclass
class Watch:
    """Notes console errors and warnings, uncaught errors, refused content, other hosts and failures of the server.

    Attributes:
        url: our own address; everything else is another host.
        complaints: what was noted, in words.
        expected: statuses from 400 to 499 that the test provokes. The console tells of them too.
    """

    url: str
    complaints: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of a context."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or self._is_expected(message.text):
            return
        self.complaints.append(f"console {message.type} in {_page(message.page)}: {message.text}")

    def _is_expected(self, text: str) -> bool:
        return any(f"responded with a status of {status} " in text for status in self.expected)

    def _error(self, error: WebError) -> None:
        self.complaints.append(f"uncaught in {_page(error.page)}: {error.error}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in _INLINE and not request.url.startswith(f"{self.url}/"):
            self.complaints.append(f"asks another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left drops what it still waits for.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")


def _page(page: Page | None) -> str:
    return urlsplit(page.url).path if page else "a closed page"
