"""Sikka ONE API v4 on the wire: headers, key replay, pages and the check that an answer is ours.

Everything but the application's own endpoints is asked with the office's ``Request-Key`` header, never with
``?request_key=``, which the documentation allows and which ends up in logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pms.domain import errors
from pms.providers.base import Connection
from pms.providers.http import HttpAnswer
from pms.providers.sikka.account import SikkaAccount, read_account
from pms.providers.sikka.envelope import DailyLimitReached, KeyRefused, Page, RequestRefused, Row, body_of, page_of
from pms.providers.sikka.keys import KeyRing
from pms.providers.sikka.limits import RateGuard

PAGE_LIMIT = 500
MAX_PAGES = 40

_BEING_REPLACED = "in progress"

_T = TypeVar("_T")


class SikkaClient:
    """One office of one application, for the length of one access.

    ``saw_partial_copy``: an answer of this access said that the vendor's copy is being replaced, so it may lack rows;
    ``None`` while no answer has said how the copy stands, because not every list does.
    """

    def __init__(self, connection: Connection) -> None:
        self.account: SikkaAccount = read_account(connection.credentials, connection.config)
        self.saw_partial_copy: bool | None = None
        self._connection = connection
        self._keys = KeyRing(connection, self.account, post=self._ask_for_key, offices=self.offices)
        self._limits = RateGuard(connection, self.account.office_id)
        self._application = {"App-Id": self.account.app_id, "App-Key": self.account.app_key}

    def rows(
        self, path: str, params: Mapping[str, str], *, limit: int = PAGE_LIMIT, pages: int = MAX_PAGES
    ) -> list[Row]:
        """Return all rows of a keyed list, on every page.

        Raises ``UpstreamInvalid`` rather than cutting off a list of more than ``pages`` pages, and
        ``TenantMismatch`` if ``params`` name a ``practice_id`` and a row names another one.
        """
        rows = _all_pages(lambda page: self._keyed_page(path, {**params, **page}), limit, pages)
        return _own_rows(rows, params)

    def first_rows(self, path: str, params: Mapping[str, str], *, limit: int) -> list[Row]:
        """Return at most ``limit`` rows of a keyed list, asked once: a bounded question. Raises as `rows`."""
        page = self._keyed_page(path, {**params, "limit": str(limit), "offset": "0"})
        return _own_rows(list(page.items), params)

    def one(self, path: str) -> Row:
        """Return a keyed answer that is one flat object."""
        return self._keyed(lambda key: self._get(path, {}, key), body_of)

    def app_rows(self, path: str, params: Mapping[str, str], *, limit: int = PAGE_LIMIT) -> list[Row]:
        """Return all rows of a list that belongs to the application and may hold other offices' rows."""
        return _all_pages(lambda page: page_of(self._read(path, {**params, **page}, self._application)), limit)

    def offices(self) -> list[Row]:
        """Return the authorised rows of exactly our office, at least one, never another's.

        Raises ``CredentialsRejected`` if our application is not authorised for the office.
        """
        return self.ours(self.authorised())

    def authorised(self) -> list[Row]:
        """Return the rows of every office that has let our application in, for finding our own among them.

        ``show=all``, because by default only practice 1 of each office is listed.
        """
        return self.app_rows("/authorized_practices", {"show": "all"})

    def ours(self, rows: Sequence[Row]) -> list[Row]:
        """Return those of ``rows`` that are of exactly our office. Raises as ``offices``."""
        ours = [row for row in rows if self.account.is_office(row.get("office_id"))]
        if not ours:
            raise errors.CredentialsRejected("The application is not authorised for this office.")
        return ours

    def check_key(self) -> None:
        """Make sure that there is a key of our office. Raises as `KeyRing.key`."""
        self._keys.key()

    def write(self, method: str, path: str, body: Mapping[str, str]) -> Row:
        """Send one write. A refused key is renewed and the write sent once more, because it was not executed.

        Raises ``RequestRefused`` or ``OfficeOffline`` if it was not accepted, ``PmsUnavailable`` if it was not sent,
        and ``OutcomeUnknown`` if it may have been.
        """
        return self._keyed(lambda key: self._send(method, path, {"Request-Key": key}, body), _accepted)

    def app_delete(self, path: str, params: Mapping[str, str]) -> Row:
        """Delete something that belongs to the application, whichever office it is for. Raises as `write`."""
        return _accepted(self._send("DELETE", path, self._application, params=params))

    def _keyed(self, ask: Callable[[str], HttpAnswer], meaning: Callable[[HttpAnswer], _T]) -> _T:
        """Ask with the key; if it is refused, renew it once and ask once more."""
        self._limits.keep_reserve()
        key = self._keys.key()
        try:
            return self._heard(ask(key), meaning)
        except KeyRefused:
            key = self._keys.replace(key)
        try:
            return self._heard(ask(key), meaning)
        except KeyRefused:
            # Whether a new key voids the others is not documented: another process may just have renewed it.
            raise errors.PmsUnavailable("Sikka refuses the request key that it has just given.") from None

    def _heard(self, answer: HttpAnswer, meaning: Callable[[HttpAnswer], _T]) -> _T:
        self._limits.note(answer.headers)
        try:
            return meaning(answer)
        except DailyLimitReached as reached:
            raise DailyLimitReached(reached.message, retry_after_seconds=self._limits.close_day()) from None

    def _keyed_page(self, path: str, params: Mapping[str, str]) -> Page:
        return self._keyed(lambda key: self._get(path, params, key), page_of)

    def _get(self, path: str, params: Mapping[str, str], key: str) -> HttpAnswer:
        answer = self._read(path, params, {"Request-Key": key})
        self._keys.note_expiry(answer.headers)
        stands = answer.headers.get("Data-Insert", "").strip().lower()
        if stands:
            self.saw_partial_copy = bool(self.saw_partial_copy) or stands == _BEING_REPLACED
        return answer

    def _read(self, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> HttpAnswer:
        url = self.account.base_url + path
        return self._connection.http.read(url, budget=self._connection.budget, headers=headers, params=params)

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        url, budget = self.account.base_url + path, self._connection.budget
        return self._connection.http.write(method, url, budget=budget, headers=headers, body=body, params=params)

    def _ask_for_key(self, grant: Mapping[str, str]) -> Row:
        try:
            return body_of(self._send("POST", "/request_key", {}, grant))
        except errors.OutcomeUnknown:
            # A key that may have been issued is no change in the practice: it can be asked for again.
            lost = errors.PmsUnavailable() if self._connection.budget.left() > 0 else errors.BudgetSpent()
            raise lost from None


def _accepted(answer: HttpAnswer) -> Row:
    """Return the answer to a write, or raise what is certain about it."""
    try:
        return body_of(answer)
    except (
        errors.CredentialsRejected,
        errors.NotEntitled,
        errors.OfficeOffline,
        errors.PmsRateLimited,
        RequestRefused,
    ):
        raise
    except errors.PmsError:
        # A server error, or an answer that cannot be read: neither tells how far the request came.
        raise errors.OutcomeUnknown from None


def _all_pages(ask: Callable[[Mapping[str, str]], Page], limit: int, pages: int = MAX_PAGES) -> list[Row]:
    """Return the rows of every page. ``offset`` is a page number, not a row number."""
    rows: list[Row] = []
    for offset in range(pages):
        page = ask({"limit": str(limit), "offset": str(offset)})
        rows.extend(page.items)
        # A short page ends the list only where no total is told: the vendor may give fewer rows than were asked for.
        is_last = len(page.items) < limit if page.total is None else len(rows) >= page.total
        if is_last or not page.items:
            return rows
    raise errors.UpstreamInvalid("The list has more pages than can be read; nothing of it was used.")


def _own_rows(rows: list[Row], params: Mapping[str, str]) -> list[Row]:
    """Return ``rows`` unless one names another practice than was asked for; then all are discarded."""
    location = params.get("practice_id")
    if location and any(row.get("practice_id") and str(row["practice_id"]) != location for row in rows):
        raise errors.TenantMismatch
    return rows
