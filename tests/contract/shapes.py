"""Shapes of answers, checked against the bytes that were sent: every key is named, and nothing beside them passes.

A shape is a dictionary of shapes by key ("key?" may be missing), a list with the shape of its items (at least one), or
one of the kinds below. Numbers are read as they are written, so that an amount without its two decimals is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Shape = Any


@dataclass(frozen=True)
class Kind:
    """One kind of value."""

    name: str
    fits: Callable[[Any], bool]


def _like(name: str, pattern: str) -> Kind:
    return Kind(name, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


TEXT = Kind("text", lambda value: isinstance(value, str) and value != "")
TEXT_OR_EMPTY = Kind("text, perhaps empty", lambda value: isinstance(value, str))
ID = _like("an id as text", r"[A-Za-z0-9_.:-]+")
UUID = _like("a UUID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = _like("an ISO 8601 instant in UTC", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
DAY = _like("an ISO 8601 day", r"\d{4}-\d\d-\d\d")
PHONE = _like("a phone number in E.164", r"\+[1-9]\d{6,14}")
MONEY = Kind(
    "an amount with two decimals", lambda value: isinstance(value, Decimal) and value.as_tuple().exponent == -2
)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TRUE = Kind("true", lambda value: value is True)
NULL = Kind("null", lambda value: value is None)
EMPTY = Kind("empty text", lambda value: value == "")


def maybe(kind: Kind) -> Kind:
    return Kind(f"{kind.name} or null", lambda value: value is None or kind.fits(value))


def exactly(wanted: str | bool | None) -> Kind:
    return Kind(repr(wanted), lambda value: value is wanted or (isinstance(value, str) and value == wanted))


def read(raw: bytes) -> Any:
    """Return JSON with its numbers as they are written."""
    return json.loads(raw, parse_float=Decimal)


def differences(shape: Shape, value: Any, where: str = "") -> list[str]:
    """Return in which places a value has another shape."""
    if isinstance(shape, Kind):
        return [] if shape.fits(value) else [f"{where or 'the answer'} is no {shape.name}"]
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return [f"{where} is no list with something in it"]
        return [found for n, item in enumerate(value) for found in differences(shape[0], item, f"{where}[{n}]")]
    if not isinstance(value, Mapping):
        return [f"{where or 'the answer'} is no object"]
    named = {key.removesuffix("?"): inner for key, inner in shape.items()}
    needed = {key for key in shape if not key.endswith("?")}
    found = [f"{where}.{key} is one too many" for key in value.keys() - named.keys()]
    found += [f"{where}.{key} is missing" for key in needed - value.keys()]
    for key in named.keys() & value.keys():
        found += differences(named[key], value[key], f"{where}.{key}")
    return found
