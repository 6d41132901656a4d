"""The one way out to a vendor over HTTP: a connection pool per vendor and process, and nothing that can leak.

A call's time is the access's `Budget`, and it is a true deadline: every wait on the socket gets what is left, so a
server that drips bytes cannot stretch it. (Only the system's name resolution is outside our reach.) Reads may be
repeated inside the budget, writes are sent exactly once. Errors are ours alone: they carry neither URL, query,
header nor body, and no library exception as cause or context, because those hold patient data and keys.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from pms.domain import errors
from pms.domain.clock import Budget
from pms.providers._guard import require_safe
from pms.providers._wire import DeadlineAdapter, wire

CONNECT_SECONDS = 2.0
MAX_BYTES = 8 * 2**20
MAX_CONNECTIONS = 16

_CHUNK = 64 * 1024
_REPETITIONS = 2
_REPEATABLE = frozenset({429, 502, 503, 504})
_FIRST_PAUSE = 0.2
# Sikka names the seconds until its window ends in X-Rate-Limit-Reset and sends no Retry-After.
_WAIT_HEADERS = ("Retry-After", "X-Rate-Limit-Reset")
_LONGEST_HINT = 24 * 3600


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One whole answer. ``headers`` ignore case; ``body`` is decoded from its transfer and content encoding."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def wait_hint(self) -> int | None:
        """Return the seconds the server asks to wait, or ``None`` if it does not say so in seconds."""
        for name in _WAIT_HEADERS:
            text = self.headers.get(name, "").strip()
            if text.isascii() and text.isdigit() and int(text) <= _LONGEST_HINT:
                return int(text)
        return None


class _Trouble(Enum):
    """Why there is no answer."""

    NOT_SENT = auto()  # not a byte of the request can have left
    LOST = auto()
    LATE = auto()
    TOO_LARGE = auto()


@dataclass(frozen=True, slots=True)
class _Call:
    """A request with its secrets; only ever a local value."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str] | None = None
    json: Mapping[str, Any] | None = None


class _Process:
    """What must not be shared across a fork: the session, and the places in it."""

    def __init__(self, connections: int) -> None:
        self.pid = os.getpid()
        # The pool's own wait for a place has no time-out, so places are handed out here, within the budget.
        self.places = threading.BoundedSemaphore(connections)
        self.session = requests.Session()
        # Off: otherwise proxy variables, ~/.netrc and REQUESTS_CA_BUNDLE would apply, the last even over `verify`.
        self.session.trust_env = False
        self.session.verify = True
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.headers.update({"Accept": "application/json", "User-Agent": "Parlae"})
        adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=connections, pool_block=True)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)


class HttpPool:
    """Connections to one vendor, safe for threads and forks. Credentials are given per call and never kept."""

    def __init__(self, provider: str, *, connections: int = MAX_CONNECTIONS, max_bytes: int = MAX_BYTES) -> None:
        self.provider = provider
        self._connections = connections
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._state: _Process | None = None

    def read(
        self, url: str, *, budget: Budget, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """GET ``url``; repeated at most twice, with jitter, on a lost connection or a 429, 502, 503 or 504.

        A wait that the server asks for is honoured if it fits into the budget; a 429 is repeated once.
        Raises ``BudgetSpent``, ``PmsUnavailable`` or ``UpstreamInvalid`` (too large).
        """
        call = _Call("GET", url, headers, params=params)
        result = self._exchange(call, budget)
        for repetition in range(_REPETITIONS):
            pause = _pause_before(repetition, result)
            if pause is None or pause >= budget.left():
                break
            budget.sleep(pause)
            result = self._exchange(call, budget)
        if isinstance(result, HttpAnswer):
            return result
        raise _READ_ERRORS[result]()

    def write(
        self,
        method: str,
        url: str,
        *,
        budget: Budget,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send ``body`` as JSON, or nothing but ``params``, exactly once.

        Raises ``PmsUnavailable`` or ``BudgetSpent`` if it certainly was not sent, else ``OutcomeUnknown``.
        """
        result = self._exchange(_Call(method, url, headers, params=params, json=body), budget)
        if isinstance(result, HttpAnswer):
            return result
        if result is _Trouble.NOT_SENT:
            raise errors.PmsUnavailable
        raise errors.OutcomeUnknown

    def _exchange(self, call: _Call, budget: Budget) -> HttpAnswer | _Trouble:
        require_safe(call.url, call.headers)
        process = self._process()
        left = budget.left()
        if left <= 0 or not process.places.acquire(timeout=left):
            raise errors.BudgetSpent
        try:
            return self._transfer(process.session, call, budget)
        finally:
            process.places.release()

    def _transfer(self, session: requests.Session, call: _Call, budget: Budget) -> HttpAnswer | _Trouble:
        # The trouble is returned, not raised: an error raised in an except block would keep the library's exception,
        # with URL and all, as its context.
        left = budget.left()
        wire.begin(left)
        try:
            with session.request(
                call.method,
                call.url,
                params=call.params,
                json=call.json,
                headers=call.headers,
                timeout=(min(CONNECT_SECONDS, left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._body(response, budget)
                if isinstance(body, _Trouble):
                    return body
                return HttpAnswer(response.status_code, CaseInsensitiveDict(response.headers), body)
        except (requests.RequestException, HTTPError, OSError) as error:
            if _certainly_not_sent(error):
                return _Trouble.NOT_SENT
        return _Trouble.LOST if budget.left() > 0 and not wire.is_late() else _Trouble.LATE

    def _body(self, response: requests.Response, budget: Budget) -> bytes | _Trouble:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._max_bytes:
                return _Trouble.TOO_LARGE
            if budget.left() <= 0:
                return _Trouble.LATE
        return bytes(body)

    def _process(self) -> _Process:
        state = self._state
        if state is None or state.pid != os.getpid():
            with self._lock:
                state = self._state
                if state is None or state.pid != os.getpid():
                    state = self._state = _Process(self._connections)
        return state


_READ_ERRORS: Mapping[_Trouble, type[errors.PmsError]] = {
    _Trouble.NOT_SENT: errors.PmsUnavailable,
    _Trouble.LOST: errors.PmsUnavailable,
    _Trouble.LATE: errors.BudgetSpent,
    _Trouble.TOO_LARGE: errors.UpstreamInvalid,
}

_pools: dict[str, HttpPool] = {}
_pools_lock = threading.Lock()


def pool_for(provider: str) -> HttpPool:
    """Return this process's pool of the vendor ``provider`` (its slug, any case)."""
    slug = provider.upper()
    with _pools_lock:
        return _pools.setdefault(slug, HttpPool(slug))


def calls_of_this_thread() -> int:
    """Return how often this thread has gone out to a vendor: what it has done since used the wire if it is more now."""
    return wire.calls


def _pause_before(repetition: int, result: HttpAnswer | _Trouble) -> float | None:
    """Return the seconds to wait before asking again, or ``None`` if asking again is no use."""
    jittered = _FIRST_PAUSE * (1 << repetition) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
    if not isinstance(result, HttpAnswer):
        return jittered if result in (_Trouble.NOT_SENT, _Trouble.LOST) else None
    if result.status not in _REPEATABLE or (result.status == 429 and repetition):
        return None
    hint = result.wait_hint()
    return jittered if hint is None else hint + jittered


def _certainly_not_sent(error: Exception) -> bool:
    """Whether ``error`` rules out that a byte of the request left; in doubt it may have."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or wire.is_connecting()
