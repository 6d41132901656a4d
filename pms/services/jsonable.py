"""Domain records as JSON can hold them, and back: for what is kept sealed in caches and write-backs."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any, TypeVar

from cattrs.preconf.json import make_converter

T = TypeVar("T")

_CONVERTER = make_converter()
_CONVERTER.register_unstructure_hook(Decimal, str)
_CONVERTER.register_structure_hook(Decimal, lambda value, _: Decimal(value))
_CONVERTER.register_unstructure_hook(time, time.isoformat)
_CONVERTER.register_structure_hook(time, lambda value, _: time.fromisoformat(value))


def dumped(record: object, kind: Any = None) -> Any:
    """Return a record, or a collection of type ``kind``, as JSON can hold it: dates in ISO 8601, amounts as text."""
    return _CONVERTER.unstructure(record, unstructure_as=kind)


def loaded(values: Any, kind: type[T]) -> T:
    """Return the record, or collection, of type ``kind`` that ``dumped`` wrote."""
    return _CONVERTER.structure(values, kind)
