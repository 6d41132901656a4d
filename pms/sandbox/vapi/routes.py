"""The management API over HTTP: who may ask, what is taken, and what is answered.

Where the documentation is silent, the stand-in has decided: lists come newest first; an id that is no UUID is 400; a
secret is never answered again; ids that are named (of tools, credentials, assistants) must be those of objects.
"""

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import Refusal as Unreadable
from ..faults import Fault
from ..message import Answer, Request, as_json
from . import schemas
from .org import API_KEY, AREA_WITHOUT_NUMBERS, KINDS, Json, Org
from .shapes import OneOf, Shape

PREFIX = "/vapi"
_NEW: Mapping[str, Shape] = {
    "tool": schemas.TOOL,
    "assistant": schemas.ASSISTANT,
    "phone-number": schemas.NEW_NUMBER,
    "credential": schemas.NEW_CREDENTIAL,
}
_CHANGED: Mapping[str, Shape] = {
    **_NEW,
    "phone-number": schemas.CHANGED_NUMBER,
    "credential": schemas.CHANGED_CREDENTIAL,
}
_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
_BOUNDS = {f"{name}{how}": (name, how) for name in ("createdAt", "updatedAt") for how in ("Gt", "Lt", "Ge", "Le")}
_SECRETS = frozenset({"secretKey", "token", "clientSecret"})
_LIST_LIMIT, _LIST_MOST = 100, 1000
_INVALID_KEY = "Invalid Key. Hot tip, you may be using the private key instead of the public key, or vice versa."


class Refusal(Exception):
    """The request is answered with a status and a message, one text or a list of them."""

    def __init__(self, status: int, message: str | list[str], error: str = "") -> None:
        super().__init__(status)
        self.status, self.message, self.error = status, message, error or _REASONS.get(status, "Error")

    def answer(self) -> Answer:
        return as_json({"message": self.message, "error": self.error, "statusCode": self.status}, self.status)


def dispatch(org: Org, request: Request, now: datetime) -> Answer:
    """Answer a request below /vapi."""
    try:
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            raise Refusal(401, _INVALID_KEY)
        kind, object_id = _target(org, request)
        status, value = _carried_out(org, request, kind, object_id, now)
    except Refusal as refusal:
        return refusal.answer()
    return as_json(_told(value), status)


def broken(fault: Fault) -> Answer:
    """The answer to a request that shall fail, in Vapi's shape."""
    if fault.kind != "status":
        return fault.answer()
    answer = Refusal(fault.status, "Rate limit exceeded." if fault.status == 429 else "Something went wrong.").answer()
    headers = {"Retry-After": f"{fault.retry_after}"} if fault.retry_after else {}
    return Answer(answer.status, answer.content, answer.content_type, headers)


def _target(org: Org, request: Request) -> tuple[str, str]:
    """The kind of object and, if one is named, its id."""
    kind, _, object_id = request.path.removeprefix(f"{PREFIX}/").partition("/")
    if kind not in KINDS or (kind == "credential" and not org.credentials):
        raise Refusal(404, f"Cannot {request.method} {request.path.removeprefix(PREFIX)}")
    if object_id:
        _require(schemas.ID, object_id, "id")
        if not org.has(kind, object_id):
            raise Refusal(404, f"Couldn't find {kind} for ID: {object_id}")
    return kind, object_id


def _carried_out(org: Org, request: Request, kind: str, object_id: str, now: datetime) -> tuple[int, Any]:
    match (request.method, bool(object_id)):
        case ("GET", False):
            return 200, _listed(org, kind, request.query)
        case ("GET", True):
            return 200, org.objects[kind][object_id]
        case ("POST", False):
            return 201, _created(org, kind, _body(request), now)
        case ("PATCH", True):
            return 200, _changed(org, kind, object_id, _body(request), now)
        case ("DELETE", True):
            return 200, _deleted(org, kind, object_id)
    raise Refusal(404, f"Cannot {request.method} {request.path.removeprefix(PREFIX)}")


def _listed(org: Org, kind: str, query: Mapping[str, str]) -> list[Json]:
    if unknown := sorted(query.keys() - _BOUNDS.keys() - {"limit"}):
        raise Refusal(400, [f"property {name} should not exist" for name in unknown])
    limit = query.get("limit", str(_LIST_LIMIT))
    if not limit.isdigit() or int(limit) > _LIST_MOST:
        raise Refusal(400, [f"limit must not be greater than {_LIST_MOST}"])
    found = [one for one in reversed(org.objects[kind].values()) if all(_within(one, query))]
    return found[: int(limit)]


def _within(one: Json, query: Mapping[str, str]) -> Iterator[bool]:
    for bound, (name, how) in _BOUNDS.items():
        if bound not in query:
            continue
        try:
            asked = datetime.fromisoformat(query[bound])
        except ValueError:
            raise Refusal(400, [f"{bound} must be a valid ISO 8601 date string"]) from None
        asked, own = asked if asked.tzinfo else asked.replace(tzinfo=UTC), datetime.fromisoformat(one[name])
        yield {"Gt": own > asked, "Lt": own < asked, "Ge": own >= asked, "Le": own <= asked}[how]


def _created(org: Org, kind: str, body: Json, now: datetime) -> Json:
    _require(_NEW[kind], body, "")
    _require_existing(org, body)
    if kind == "phone-number" and body["provider"] == "vapi" and "sipUri" not in body:
        area = body.pop("numberDesiredAreaCode", "212")
        if area == AREA_WITHOUT_NUMBERS:
            raise Refusal(400, f"This area code is currently not available: {area}.")
        body |= {"number": org.sell_number(area), "status": "active"}
    return org.add(kind, {name: value for name, value in body.items() if value is not None}, now)


def _changed(org: Org, kind: str, object_id: str, body: Json, now: datetime) -> Json:
    held = org.objects[kind][object_id]
    shape = _CHANGED[kind]
    if isinstance(shape, OneOf) and body.get(shape.key) != held.get(shape.key):
        # The discriminator is required, and nothing becomes something else.
        raise Refusal(400, [f"{shape.key} must be one of the following values: {held.get(shape.key)}"])
    _require(shape, body, "")
    _require_existing(org, body)
    return org.change(kind, object_id, body, now)


def _deleted(org: Org, kind: str, object_id: str) -> Json:
    if kind == "tool" and org.pins(object_id):
        raise Refusal(409, "This tool is pinned by an assistant.", "tool_pinned")
    return org.objects[kind].pop(object_id)


def _require(shape: Shape, value: Any, where: str) -> None:
    if faults := list(shape.faults(value, where)):
        raise Refusal(400, faults)


def _require_existing(org: Org, body: Json) -> None:
    """Refuse ids of objects that this organization does not have."""
    faults = []
    for name, value in _named(body):
        kind = {"toolIds": "tool", "toolId": "tool", "credentialId": "credential", "assistantId": "assistant"}.get(name)
        if kind and not org.has(kind, value):
            faults.append(f"Couldn't find {kind} for ID: {value}")
    if faults:
        raise Refusal(400, faults)


def _named(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a body, with the property that it stands in."""
    match value:
        case dict():
            for inner_name, inner in value.items():
                yield from _named(inner, inner_name)
        case list():
            for inner in value:
                yield from _named(inner, name)
        case str():
            yield name, value


def _body(request: Request) -> Json:
    try:
        return request.json_object()
    except Unreadable:
        raise Refusal(400, "Unexpected token in JSON.") from None


def _told(value: Any) -> Any:
    """What an answer shows: no secret, and what Vapi adds that it does not take back."""
    if isinstance(value, list):
        return [_told(one) for one in value]
    shown = _without_secrets(copy.deepcopy(value))
    return shown | {"isServerUrlSecretSet": False} if "authenticationPlan" not in shown else shown


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name not in _SECRETS}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value
