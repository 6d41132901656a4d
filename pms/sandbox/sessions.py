"""The APIs of the key life cycle: request_key, request_key_info, refresh_key."""

from . import errors
from .auth import Key
from .message import Answer, Request, as_json
from .world import World


def _info(world: World, key: Key) -> dict[str, str]:
    left = int((key.expires - world.clock.now()).total_seconds())
    return {
        "href": f"{world.api_url}/request_key_info?request_key={key.value}",
        "request_key": key.value,
        # No zone, as at Sikka: only expires_in and the Request-Key-Expires header can be trusted.
        "start_time": f"{key.start:%Y-%m-%dT%H:%M:%S}",
        "end_time": f"{key.expires:%Y-%m-%dT%H:%M:%S}",
        "expires_in": f"{left} second(s)",
        "issued_to": key.office_id,
        "status": "active",
        "request_count": str(key.requests),
        "scope": world.keys.scope,
        "domain": "Dental",
    }


def request_key(world: World, request: Request) -> Answer:
    """POST /request_key, both grants. A flat object, no envelope."""
    asked = {name: str(value) for name, value in request.json_object().items()}
    key, refresh_key = world.keys.grant(asked, world.clock.now())
    return as_json({**_info(world, key), "refresh_key": refresh_key})


def request_key_info(world: World, key: Key) -> Answer:
    """GET /request_key_info."""
    return as_json(_info(world, key))


def end_request_key(world: World, key: Key) -> Answer:
    """DELETE /request_key."""
    world.keys.revoke(key.value)
    return as_json(errors.body("API0002"))


def end_refresh_key(world: World, request: Request) -> Answer:
    """DELETE /refresh_key: the key stands in the Refresh-Key header."""
    world.keys.revoke_refresh(request.headers.get("refresh-key", ""))
    return as_json(errors.body("API0002"))
