"""What differs between an object as it is wanted and as Vapi has it, for sending and for reading."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pms.vapi.management import Kind

Json = dict[str, Any]

MASK = "••••"
# What Vapi adds and does not take back.
_ADDED = frozenset({"id", "orgId", "createdAt", "updatedAt", "latestVersion", "isServerUrlSecretSet"})
_SECRETS = frozenset({"secretKey", "token"})
# Objects whose keys are ours alone: one too many is a difference. Elsewhere Vapi may add its defaults.
_CLOSED = frozenset({"properties"})
_NOTHING: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True, slots=True)
class Change:
    """One write at Vapi: ``verb`` is create, change or delete. ``before`` and ``after`` hold only what differs."""

    verb: str
    kind: Kind
    name: str
    before: Json = field(default_factory=dict, repr=False)
    after: Json = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.name}"

    def unified(self) -> str:
        """Return the change as a unified diff, secrets masked."""
        lines = difflib.unified_diff(_written(self.before), _written(self.after), lineterm="", n=2)
        return "\n".join([str(self), *list(lines)[2:]])


def own(held: Mapping[str, Any]) -> Json:
    """Return an object of Vapi's without what Vapi has added to it."""
    return {name: value for name, value in held.items() if name not in _ADDED}


def differing(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> Json:
    """Return the wanted properties that an object does not have so, each as a whole; nothing, null, empty are one."""
    return {name: value for name, value in wanted.items() if not _is_same(value, held.get(name))}


def _is_same(wanted: Any, held: Any, name: str = "") -> bool:
    if any(wanted == nothing for nothing in _NOTHING):
        return any(held == nothing for nothing in _NOTHING)
    if isinstance(wanted, Mapping) and isinstance(held, Mapping):
        if name in _CLOSED and wanted.keys() != held.keys():
            return False
        return all(_is_same(value, held.get(key), key) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(held, list):
        return len(wanted) == len(held) and all(map(_is_same, wanted, held))
    return bool(wanted == held)


def _written(side: Json) -> list[str]:
    """Return an object as lines, a long text by its own lines."""
    lines = json.dumps(masked(side), indent=2, ensure_ascii=False, sort_keys=True).splitlines() if side else []
    return [part for line in lines for part in line.split("\\n")]


def masked(value: Any) -> Any:
    """Return a JSON value without the secrets in it."""
    if isinstance(value, Mapping):
        return {name: MASK if name in _SECRETS else masked(inner) for name, inner in value.items()}
    return [masked(inner) for inner in value] if isinstance(value, list) else value
