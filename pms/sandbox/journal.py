"""The log of requests, for tests and for people on a trial. It holds header names, never header values."""

import json
from collections import deque
from datetime import datetime
from typing import Any

from .message import Request

KEPT = 5000
_SECRET = frozenset({"app_id", "app_key", "secret_key", "request_key", "refresh_key", "secretkey"})
MASK = "********"


def _masked(value: Any) -> Any:
    """A JSON value with its secrets masked, however deep."""
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, dict):
        return {name: MASK if name.lower() in _SECRET else _masked(inner) for name, inner in value.items()}
    return value


def _body(content: bytes) -> object:
    """The body as JSON with its secrets masked; of a body that is not a JSON object only the size is told."""
    if not content:
        return None
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    return _masked(value) if isinstance(value, dict) else f"{len(content)} bytes"


class Journal:
    """The newest requests to the vendors, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, object]] = deque(maxlen=KEPT)

    def note(self, instant: datetime, request: Request, status: int) -> None:
        """Add one request; `status` 0 means that no answer was sent."""
        self._entries.append(
            {
                "time": instant.isoformat(),
                "method": request.method,
                "path": request.path,
                "query": _masked(dict(request.query)),
                "headers": sorted(request.headers),
                "body": _body(request.content),
                "status": status,
            }
        )

    def entries(self) -> list[dict[str, object]]:
        """A copy of the log."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
