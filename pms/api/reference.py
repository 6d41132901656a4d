"""The description of the API as a page: made on the server, so that it needs no script and nothing from elsewhere.

The ready-made viewers (Swagger UI, Redoc) show nothing without JavaScript, set styles that a strict policy refuses, and
fail the accessibility checks that our pages pass; what they add, trying requests out, would have people type patients'
data and secrets into a public page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import simplejson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator

from accounts.openness import asks_nobody
from pms.vapi.refusal import MethodNotAllowed, refusal

_METHODS = ("get", "post", "put", "patch", "delete")
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DEEPEST = 6  # of an answer's fields within fields; none of ours has as many

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter, or one field of a body by its dotted name."""

    name: str
    kind: str
    is_required: bool
    text: SafeString


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, or what one status answers."""

    status: str
    text: SafeString
    fields: list[Field]
    examples: list[Example]

    @property
    def is_done(self) -> bool:
        """Whether this is the answer of a request that was carried out."""
        return self.status.startswith("2")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    name: str
    method: str
    path: str
    text: SafeString
    ways: list[str]
    parameters: list[Field]
    request: Body | None
    answers: list[Body]


@csrf_exempt
@asks_nobody
def reference(request: HttpRequest) -> HttpResponse:
    """Show every operation of the API with its parameters, shapes, examples and errors."""
    if request.method not in ("GET", "HEAD"):
        return refusal(MethodNotAllowed(), request)
    response = render(request, "api/reference.html", _contents())
    response["Content-Security-Policy"] = _POLICY
    return response


@cache
def _contents() -> dict[str, Any]:
    """Return what the page shows; it changes only with the code."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    groups: dict[str, list[Operation]] = {}
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                groups.setdefault(item[method]["tags"][0], []).append(_operation(schema, path, method, item[method]))
    ways = schema["components"]["securitySchemes"].items()
    return {
        "info": schema["info"],
        "groups": sorted(groups.items()),
        "ways": [(name, way.get("name", "Authorization"), _words(way.get("description", ""))) for name, way in ways],
    }


def _operation(schema: Node, path: str, method: str, described: Node) -> Operation:
    parameters = [
        Field(
            name=one["name"],
            kind=f"{_kind(one['schema'])}, in the {one['in']}",
            is_required=one.get("required", False),
            text=_words(one.get("description", "")),
        )
        for one in described.get("parameters", ())
    ]
    request = described.get("requestBody")
    return Operation(
        name=described["operationId"],
        method=method.upper(),
        path=path,
        text=_words(described.get("description", "")),
        ways=[name for way in described.get("security", ()) for name in way],
        parameters=parameters,
        request=_body(schema, request, "") if request else None,
        answers=[_body(schema, answer, status) for status, answer in sorted(described["responses"].items())],
    )


def _body(schema: Node, described: Node, status: str) -> Body:
    content = described.get("content", {}).get("application/json", {})
    return Body(
        fields=list(_fields(schema, content.get("schema", {}))),
        examples=[
            Example(name, simplejson.dumps(one["value"], indent=2, use_decimal=True, ensure_ascii=False, default=str))
            for name, one in content.get("examples", {}).items()
        ],
        status=status,
        text=_words(described.get("description", "")),
    )


def _fields(schema: Node, node: Node, prefix: str = "", depth: int = 0) -> Iterator[Field]:
    """Return the fields of an object, and under their dotted names those of the objects within it."""
    node = _resolved(schema, node)
    needed: Sequence[str] = node.get("required", ())
    for name, one in node.get("properties", {}).items():
        inner = _resolved(schema, one)
        many = inner.get("type") == "array"
        item = _resolved(schema, inner["items"]) if many else inner
        full = f"{prefix}{name}{'[]' if many else ''}"
        yield Field(full, _kind(item), name in needed, _words(one.get("description") or inner.get("description", "")))
        if depth < _DEEPEST:
            yield from _fields(schema, item, f"{full}.", depth + 1)


def _resolved(schema: Node, node: Node) -> Node:
    """Return a node itself instead of the reference to it."""
    parts = node.get("allOf") or node.get("oneOf")
    if parts:
        # The generator wraps a reference so, to say more about it.
        return {**_resolved(schema, parts[0]), **{name: value for name, value in node.items() if name != "allOf"}}
    if "$ref" not in node:
        return node
    found: Node = schema["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return found


def _kind(node: Node) -> str:
    """Return in words what a value is."""
    if "enum" in node:
        kind = f"one of {', '.join(str(value) for value in node['enum'] if value is not None)}"
    else:
        form = node.get("format")
        kind = f"{node.get('type', 'any')}{f' ({form})' if form else ''}"
    if "minimum" in node and "maximum" in node:
        kind += f", {node['minimum']} to {node['maximum']}"
    return f"{kind}, or null" if node.get("nullable") else kind


def _words(text: str) -> SafeString:
    """Return a description as HTML: what stands between backquotes is code, everything is escaped."""
    parts = enumerate(" ".join(text.split()).split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if place % 2 else part,) for place, part in parts)
    )
