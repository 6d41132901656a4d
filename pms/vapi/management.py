"""Vapi's management API: tools, assistants, phone numbers and credentials. Sources: Vapi's OpenAPI, SDK and "gitops".

Calls are spaced, because the limits are unpublished; 429 is repeated for every method, 5xx and silence only where a
repetition changes nothing: what became of a POST is found out by the next run, which looks before it creates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from django.conf import settings

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.providers.http import HttpAnswer, pool_for

Kind = Literal["tool", "assistant", "phone-number", "credential"]
Json = dict[str, Any]

# Vapi's own command line tool leaves as much between two calls.
SPACING_SECONDS = 0.7
PAGE = 250

_TRIES = 5
_FIRST_PAUSE = 2.0
_MAX_PAGES = 200
_MAX_MESSAGES = 10
_MASK = "••••"
_SECRET_NAMES = frozenset({"secretKey", "token"})


class VapiError(Exception):
    """A call that did not succeed. ``code`` is public; ``messages`` are Vapi's own words, without any secret."""

    code: ClassVar[str] = "vapi_error"

    def __init__(self, *messages: str, retry_after_seconds: int | None = None) -> None:
        self.messages = messages
        self.retry_after_seconds = retry_after_seconds
        super().__init__("; ".join(messages) or self.code)


class NotConfigured(VapiError):
    """There is no ``VAPI_API_KEY``, or ``VAPI_BASE_URL`` is not to be trusted with it."""

    code = "vapi_not_configured"


class Unauthorized(VapiError):
    """The key is not known at Vapi, or is the public one."""

    code = "vapi_unauthorized"


class NotOffered(VapiError):
    """This key, or this organization, may not do that (403, 405)."""

    code = "vapi_forbidden"


class NotFound(VapiError):
    code = "vapi_not_found"


class Refused(VapiError):
    """Vapi does not take what was sent (other 4xx)."""

    code = "vapi_refused"


class Pinned(Refused):
    """A tool that some assistant has pinned to a version cannot be deleted."""

    code = "vapi_tool_pinned"


class RateLimited(VapiError):
    code = "vapi_rate_limited"


class Unavailable(VapiError):
    """No answer, or none that can be used; of a POST it is not known whether it was carried out."""

    code = "vapi_unavailable"


class Client:
    """One run against Vapi: all its calls share ``budget`` and keep their distance."""

    def __init__(self, *, clock: Clock, budget: Budget, base_url: str = "", key: str = "") -> None:
        self._base = (base_url or settings.VAPI_BASE_URL).rstrip("/")
        self._key = key or settings.VAPI_API_KEY
        self._clock, self._budget = clock, budget
        self._next_at = 0.0
        if not self._key:
            raise NotConfigured("VAPI_API_KEY is not set.")

    def all(self, kind: Kind, *, since: datetime | None = None) -> list[Json]:
        """Return all objects of a kind, those made since then if that is given, the newest first."""
        found: dict[str, Json] = {}
        bounds = {"createdAtGe": since.astimezone(UTC).isoformat().replace("+00:00", "Z")} if since else {}
        for _ in range(_MAX_PAGES):
            page = self._page(kind, bounds)
            new = {one["id"]: one for one in page if one["id"] not in found}
            found |= new
            if len(page) < PAGE or not new:
                return list(found.values())
            # Backwards, with the last moment once more: two objects may share it.
            bounds["createdAtLe"] = str(page[-1].get("createdAt", ""))
        raise Unavailable("There are more objects than anybody can read.")

    def get(self, kind: Kind, object_id: str) -> Json:
        """Return one object. Raises ``NotFound``."""
        return _object(self._call("GET", _path(kind, object_id)))

    def find(self, kind: Kind, object_id: str) -> Json | None:
        """Return one object, ``None`` if there is no id or no such object."""
        try:
            return self.get(kind, object_id) if object_id else None
        except NotFound:
            return None

    def create(self, kind: Kind, body: Mapping[str, Any]) -> Json:
        """Make an object and return it as Vapi keeps it."""
        return _object(self._call("POST", f"/{kind}", body=body))

    def patch(self, kind: Kind, object_id: str, body: Mapping[str, Any]) -> Json:
        """Change an object: each key of ``body`` replaces what was there, nested objects and lists as a whole."""
        return _object(self._call("PATCH", _path(kind, object_id), body=body))

    def delete(self, kind: Kind, object_id: str) -> None:
        """Delete an object; one that is gone already is no error."""
        try:
            self._call("DELETE", _path(kind, object_id))
        except NotFound:
            return

    def _page(self, kind: Kind, bounds: Mapping[str, str]) -> list[Json]:
        page = self._call("GET", f"/{kind}", params={"limit": str(PAGE), **bounds})
        if not isinstance(page, list):
            raise Unavailable("The answer is no list.")
        return [_object(one) for one in page]

    def _call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None
    ) -> Any:
        answer = self._once(method, path, body, params)
        for attempt in range(_TRIES - 1):
            pause = _pause(method, answer, attempt)
            if pause is None or pause >= self._budget.left():
                break
            self._budget.sleep(pause)
            answer = self._once(method, path, body, params)
        return self._read(answer, body or {})

    def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, str] | None
    ) -> HttpAnswer | None:
        """Send a request exactly once; ``None`` is no answer."""
        self._budget.sleep(max(0.0, self._next_at - self._clock.monotonic()))
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            return pool_for("vapi").write(
                method, f"{self._base}{path}", budget=self._budget, headers=headers, body=body, params=params
            )
        except errors.Internal:
            problem: VapiError = NotConfigured("VAPI_BASE_URL must be https.")
        except errors.CredentialsRejected:
            problem = Unauthorized("VAPI_API_KEY holds characters that no key has.")
        except errors.PmsError:
            return None
        finally:
            self._next_at = self._clock.monotonic() + SPACING_SECONDS
        raise problem

    def _read(self, answer: HttpAnswer | None, body: Mapping[str, Any]) -> Any:
        """Return the decoded answer, or raise what it stands for."""
        if answer is None:
            raise Unavailable("Vapi did not answer.")
        decoded = _decoded(answer.body)
        if answer.status in (200, 201):
            if decoded is None:
                raise Unavailable("The answer cannot be read.")
            return decoded
        raise _error(answer, decoded, _messages(decoded, {self._key, *_secrets(body)}))


def _error(answer: HttpAnswer, decoded: Any, messages: list[str]) -> VapiError:
    status = answer.status
    if status == 429:
        return RateLimited(*messages, retry_after_seconds=answer.wait_hint())
    if status == 409 and isinstance(decoded, dict) and decoded.get("error") == Pinned.code.removeprefix("vapi_"):
        return Pinned(*messages)
    known: dict[int, type[VapiError]] = {401: Unauthorized, 403: NotOffered, 404: NotFound, 405: NotOffered}
    return known.get(status, Refused if 400 <= status < 500 else Unavailable)(*messages)


def _pause(method: str, answer: HttpAnswer | None, attempt: int) -> float | None:
    """Return the seconds to wait before the same request may be sent again, ``None`` if it may not."""
    is_limited = answer is not None and answer.status == 429
    is_down = answer is None or answer.status >= 500
    if not is_limited and (not is_down or method == "POST"):
        return None
    hint = answer.wait_hint() if answer is not None else None
    return max(_FIRST_PAUSE * (1 << attempt), float(hint or 0))


def _path(kind: Kind, object_id: str) -> str:
    return f"/{kind}/{quote(object_id, safe='')}"


def _object(value: Any) -> Json:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not value["id"]:
        raise Unavailable("The answer is no object with an id.")
    return value


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _messages(decoded: Any, secrets: set[str]) -> list[str]:
    """Return what Vapi says, without ``secrets``: its ``message`` is a text or a list of them."""
    said = decoded.get("message") if isinstance(decoded, dict) else None
    texts = said if isinstance(said, list) else [said]
    return [_cleaned(text, secrets)[:200] for text in texts if isinstance(text, str)][:_MAX_MESSAGES]


def _cleaned(text: str, secrets: set[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return text


def _secrets(value: Any) -> Iterator[str]:
    """Yield every secret in a body that was sent."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _SECRET_NAMES and isinstance(inner, str) and inner:
                yield inner
            else:
                yield from _secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner)
