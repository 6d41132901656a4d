"""A change as it is kept sealed in its write-back's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pms.domain.records import Change
from pms.services import jsonable

_DAYS = frozenset({"written_on", "paid_on"})
_KINDS: dict[str, type[Change]] = {kind.__name__: kind for kind in get_args(Change)}


def dumped(change: Change) -> dict[str, object]:
    """Return a change as JSON can hold it."""
    return {"kind": type(change).__name__, **jsonable.dumped(change)}


def loaded(values: Mapping[str, Any]) -> Change:
    """Return the change that ``dumped`` wrote."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return jsonable.loaded(fields, _KINDS[values["kind"]])


def asked(change: Change) -> list[tuple[str, object]]:
    """Return what was asked for, without the day on which it was: a repetition may come after midnight."""
    return sorted((name, value) for name, value in dumped(change).items() if name not in _DAYS)
