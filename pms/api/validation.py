"""What a serializer complains about, as this API tells it: by the dotted name of the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rest_framework import serializers

from pms.domain import errors
from pms.services.rule_checks import LONGEST_ID


def validated(serializer: serializers.Serializer[Any]) -> Mapping[str, Any]:
    """Return what a serializer has read, or raise ``Invalid``."""
    if not serializer.is_valid():
        raise errors.Invalid(fields=dict(_flat(serializer.errors)))
    found: Mapping[str, Any] = serializer.validated_data
    return found


def _flat(found: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield a serializer's complaints by the dotted name of their field, the first one of each."""
    if isinstance(found, Mapping):
        for name, what in found.items():
            yield from _flat(what, place if _is_unfit(str(name)) else f"{place}.{name}".lstrip("."))
    elif _is_of_many(found):
        for number, what in enumerate(found):
            yield from _flat(what, f"{place}.{number}")
    else:
        yield place, str(found[0])


def _is_unfit(name: str) -> bool:
    """Return whether a complaint cannot be told under this name: what somebody has made a key of may be anything."""
    return name == "non_field_errors" or not name.isprintable() or len(name) > LONGEST_ID


def _is_of_many(found: Sequence[Any]) -> bool:
    """Return whether these are the complaints about the items of a list: an empty one where an item has none."""
    return any(isinstance(one, Mapping) for one in found)
