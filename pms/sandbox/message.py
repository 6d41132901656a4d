"""One HTTP request and one HTTP answer, without sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Refusal

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request; header names are lower case, of a repeated query parameter the first one counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is `{}`, anything else is refused with API1026."""
        if not self.content.strip():
            return {}
        try:
            value = json.loads(self.content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refusal("API1026")
        return value


@dataclass(frozen=True)
class Answer:
    """An answer; `content` is empty for 204."""

    status: int
    content: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200, content_type: str = JSON) -> Answer:
    """`value` written as JSON."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), content_type)
