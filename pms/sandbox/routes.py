"""The route table: which names and methods exist, what they need, who answers. All else is 404 or 405, as at Sikka."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Literal

from . import operations, paperwork, sessions, support, tracking
from .auth import Key
from .errors import Refusal
from .faults import Loss
from .message import Answer, Request, as_json
from .reads import LISTINGS
from .truth import Office
from .world import World
from .writebacks import Operation, admit, payload_of, receipt

PREFIX = "/v4"
# The APIs whose answers tell whether the cloud copy is complete.
_COPIES = frozenset({"appointments", "patients", "transactions"})


@dataclass(frozen=True)
class Call:
    """A request that was let in. `office` and `key` are there on keyed routes; `target` is the id in the path."""

    world: World
    request: Request
    target: str = ""
    office: Office | None = None
    key: Key | None = None

    @property
    def own_office(self) -> Office:
        """The office of the key."""
        if self.office is None:
            raise Refusal("API1004")
        return self.office

    @property
    def own_key(self) -> Key:
        """The key itself."""
        if self.key is None:
            raise Refusal("API1004")
        return self.key


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """`auth`: key = Request-Key, app = App-Id and App-Key, either = one of the two. `scope`: the right a key needs.

    `writes`: it makes a write-back, or withdraws one.
    """

    method: str
    path: str
    auth: Literal["key", "app", "either", "none"]
    handler: Handler
    scope: str = ""
    writes: bool = False


def _read(name: str) -> Route:
    def handler(call: Call) -> Answer:
        world = call.world
        answer = LISTINGS[name].answer(call.own_office, call.request, world.url, world.settings.extra_fields)
        if name not in _COPIES:
            return answer
        return replace(answer, headers={**answer.headers, "Data-Insert": world.settings.data_insert})

    return Route("GET", f"/{name}", "key", handler, name)


def _write(operation: Operation, path: str, scope: str) -> Route:
    def handler(call: Call) -> Answer:
        office, world = call.own_office, call.world
        payload = payload_of(call.request.json_object())
        admit(office, operation, payload, world.clock.now())
        job = world.accept(office, operation, call.target, payload, call.request.content.decode(errors="replace"))
        return receipt(job, world.api_url)

    return Route(operation.method, path, "key", handler, scope, writes=True)


ROUTES: tuple[Route, ...] = (
    *(_read(name) for name in LISTINGS),
    # These PMSs publish no slots: the API exists and has nothing to say.
    Route("GET", "/appointments_available_slots", "key", lambda _call: Answer(204), "appointments_available_slots"),
    _write(operations.BOOK, "/appointment", "POST appointment"),
    _write(operations.CHANGE, "/appointments/{id}", "PUT appointments"),
    _write(operations.SET_STATUS, "/appointments/{id}", "PATCH appointments"),
    _write(operations.NEW_PATIENT, "/patient", "POST patient"),
    _write(paperwork.CHANGE_PATIENT, "/patient/{id}", "PATCH patient"),
    _write(paperwork.ADD_NOTE, "/medical_notes", "POST medical_notes"),
    _write(paperwork.POST_TRANSACTION, "/transaction", "POST transaction"),
    Route(
        "GET",
        "/writeback_status",
        "key",
        lambda call: tracking.status(call.world, call.own_office, call.request),
        "writeback_status",
    ),
    Route("GET", "/writebacks", "app", lambda call: tracking.made(call.world, call.request)),
    Route("DELETE", "/writebacks", "app", lambda call: tracking.withdraw(call.world, call.request), writes=True),
    Route("POST", "/request_key", "none", lambda call: sessions.request_key(call.world, call.request)),
    Route("DELETE", "/request_key", "key", lambda call: sessions.end_request_key(call.world, call.own_key)),
    Route("GET", "/request_key_info", "key", lambda call: sessions.request_key_info(call.world, call.own_key)),
    Route("DELETE", "/refresh_key", "app", lambda call: sessions.end_refresh_key(call.world, call.request)),
    Route(
        "GET",
        "/authorized_practices",
        "either",
        lambda call: support.authorized_practices(call.world, call.request, call.key.office_id if call.key else ""),
    ),
    Route(
        "GET",
        "/authorized_practices/{id}",
        "app",
        lambda call: support.authorized_practices(call.world, call.request, call.target),
    ),
    Route("GET", "/supported_pmses", "app", lambda call: support.supported_pmses(call.world, call.request)),
    Route("GET", "/data_sync_status", "app", lambda call: support.data_sync_status(call.world, call.request)),
    Route("GET", "/health_check", "app", lambda call: support.health_check(call.world, call.request)),
    Route("GET", "/practice_location", "app", lambda call: support.practice_location(call.world, call.request)),
    Route("POST", "/practice_location", "app", lambda call: support.set_practice_location(call.world, call.request)),
)


def _found(request: Request) -> tuple[Route, str]:
    """The route and the id in its path; API2009 for an unknown name, API2014 for a method it does not have."""
    parts = request.path.removeprefix(PREFIX).split("/")[1:]
    target = parts[1] if len(parts) == 2 else ""
    shape = f"/{parts[0]}/{{id}}" if target else "/" + "/".join(parts)
    named = [route for route in ROUTES if route.path == shape]
    if not request.path.startswith(f"{PREFIX}/") or not named:
        raise Refusal("API2009")
    route = next((route for route in named if route.method == request.method), None)
    if route is None:
        raise Refusal("API2014")
    return route, target


def _admitted(world: World, request: Request, route: Route, target: str, headers: dict[str, str]) -> Call:
    """Check the credentials, count the request, check the scope; `headers` collects what every answer then carries."""
    call, now, holder = Call(world, request, target), world.clock.now(), ""
    by_key = route.auth == "key" or (route.auth == "either" and "app-id" not in request.headers)
    if by_key:
        # The documentation also allows ?request_key=; a header wins.
        key = world.keys.open(request.headers.get("request-key") or request.query.get("request_key", ""), now)
        call, holder = replace(call, key=key, office=world.offices[key.office_id]), key.value
        headers["Request-Key-Expires"] = format_datetime(key.expires, usegmt=True)
    elif route.auth != "none":
        holder = request.headers.get("app-id", "")
        world.keys.check_application(holder, request.headers.get("app-key", ""))
    if holder:
        meter, within = world.keys.count(holder, now)
        headers.update(world.keys.limit_headers(meter, now))
        if not within:
            raise Refusal("")
    if route.scope and route.scope not in [name.strip() for name in world.keys.scope.split(",")]:
        raise Refusal("API2004")
    return call


def dispatch(world: World, request: Request) -> tuple[Answer, Loss | None]:
    """Answer a request below /v4; the second value says how that answer gets lost, if it shall."""
    headers: dict[str, str] = {}
    try:
        route, target = _found(request)
        answer = route.handler(_admitted(world, request, route, target, headers))
        loss = world.faults.take_loss(request, writes=route.writes)
    except Refusal as refusal:
        answer, loss = as_json(refusal.body, refusal.status), None
    return replace(answer, headers={**answer.headers, **headers}), loss
