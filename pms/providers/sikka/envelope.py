"""Sikka's answers: what they hold, and which of our errors they mean. Pure functions.

Every list comes in one envelope of strings, sometimes wrapped in an array of one; every error and every accepted
write is one flat object. The HTTP status alone says too little: an expired key is a 400, and a 200 can be a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pms.domain import errors
from pms.providers.http import HttpAnswer

Row = Mapping[str, Any]

# "Requestkey is missing/invalid" and "Request key expired": both refused before anything was executed.
_KEY_CODES = frozenset({"API1004", "API1025"})
# Listed in the vendor's error table with HTTP 200, and failures all the same.
_FAILED_200 = frozenset({"API0005", "API0008", "API4002", "API4003", "API4004", "API4005"})
# Wrong application, or an office that has not let it in: nothing will work until a person changes that.
_REJECTED_CODES = frozenset({"API2003", "API2007"})
# Per practice and day; the limit per minute is a 429 without a code.
_DAILY_CODES = frozenset({"API2011", "API2012"})
_NO_CONTENT_CODE = "API2005"
_REASONS = {
    "API2003": "Sikka does not accept the application id or key.",
    "API2004": "Sikka's plan or the key's scope does not include this.",
    "API2007": "Sikka has no access to this practice; its location access may be off.",
    "API2010": "Sikka has no data of this office yet; the first upload takes hours.",
    "API2011": "Sikka's daily data limit is reached.",
    "API2012": "Sikka's daily request limit is reached.",
}
_CODE = re.compile(r"API\d{4}")


class KeyRefused(errors.CredentialsRejected):
    """The request key is expired or unknown, and the request was not executed."""


class DailyLimitReached(errors.PmsRateLimited):
    """The practice has used up what the plan gives it for a day."""


class RequestRefused(errors.UpstreamInvalid):
    """The vendor did not execute the request. ``is_conflict``: because the time is taken."""

    def __init__(self, message: str, *, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.is_conflict = is_conflict


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. ``limit`` and ``total`` are the vendor's own numbers, ``None`` where it gives none."""

    items: tuple[Row, ...]
    limit: int | None = None
    total: int | None = None


def body_of(answer: HttpAnswer) -> Row:
    """Return the object that ``answer`` holds, unwrapped; empty if there is none.

    The Content-Type is not looked at, because accepted writes come as text/html. Raises what the answer means:
    ``KeyRefused``, ``CredentialsRejected``, ``OfficeOffline``, ``DailyLimitReached``, ``PmsRateLimited``,
    ``PmsUnavailable``, ``RequestRefused`` or ``UpstreamInvalid``.
    """
    body = _parse(answer.body)
    said = _number(body.get("http_code")) if body else None
    status = max(answer.status, said or 0)
    found = _CODE.fullmatch(str(body.get("error_code") or "")) if body else None
    code = found.group() if found else ""
    if status >= 300 or code in _FAILED_200:
        raise _error(status, code, body or {}, answer.wait_hint())
    if code == _NO_CONTENT_CODE:
        return {}
    if body is None:
        raise errors.UpstreamInvalid("Sikka's answer is not a JSON object.")
    return body


def page_of(answer: HttpAnswer) -> Page:
    """Return the rows of a list; no content is no rows. Raises as `body_of`."""
    body = body_of(answer)
    if not body:
        return Page(())
    items = body.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise errors.UpstreamInvalid("Sikka's list holds no items.")
    return Page(tuple(items), _number(body.get("limit")), _number(body.get("total_count")))


def conflicts(text: str) -> bool:
    """Whether the vendor's text says that the time is taken (wording seen in public client code)."""
    return "already scheduled" in text.lower()


def _parse(content: bytes) -> dict[str, Any] | None:
    """Return the object in ``content``, ``{}`` if it is empty, ``None`` if it holds something else."""
    if not content.strip():
        return {}
    try:
        value = json.loads(content)
    except ValueError:
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value == []:
        return {}
    return value if isinstance(value, dict) else None


def _number(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _error(status: int, code: str, body: Row, wait: int | None) -> errors.PmsError:
    message = _REASONS.get(code, f"Sikka answered with HTTP {status}{' ' + code if code else ''}.")
    if status == 400 and code in _KEY_CODES:
        return KeyRefused(message)
    if code == "API2004":
        return errors.NotEntitled(message)  # a part of the API is missing, not the connection
    if code in _REJECTED_CODES:
        return errors.CredentialsRejected(message)
    if status in (401, 403):
        return errors.PmsUnavailable(message)  # a firewall's word, perhaps; it must not switch a practice off
    if status == 412:
        return errors.OfficeOffline()
    if status == 429 and code in _DAILY_CODES:
        return DailyLimitReached(message)
    if status == 429:
        return errors.PmsRateLimited(message, retry_after_seconds=wait)
    if status >= 500 or status in (408, 425):
        return errors.PmsUnavailable(message)
    if 300 <= status < 400:
        return errors.UpstreamInvalid("Sikka answered with a redirect, which is never followed.")
    # The documentation's example of a refused write spells this key log_message.
    text = " ".join(str(body.get(key) or "") for key in ("short_message", "long_message", "log_message"))
    return RequestRefused(message, is_conflict=conflicts(text))
