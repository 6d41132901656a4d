"""What a value may look like, and what is said about one that does not: in the words of Nest's validation pipe."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Shape(Protocol):
    def faults(self, value: Any, where: str) -> Iterator[str]:
        """Yield one sentence for everything that is wrong with `value`, found at the path `where`."""


@dataclass(frozen=True)
class Free:
    """Anything: what nobody here sends is not looked into."""

    def faults(self, value: Any, where: str) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True)
class Text:
    longest: int | None = None
    shortest: int = 0
    pattern: str = ""
    choices: tuple[str, ...] = ()
    is_uuid: bool = False

    def faults(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{where} must be a string"
        elif self.is_uuid and not _UUID.fullmatch(value):
            yield f"{where} must be a UUID"
        elif self.choices and value not in self.choices:
            yield f"{where} must be one of the following values: {', '.join(self.choices)}"
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield f"{where} must match /^{self.pattern}$/ regular expression"
        elif self.longest is not None and len(value) > self.longest:
            yield f"{where} must be shorter than or equal to {self.longest} characters"
        elif len(value) < self.shortest:
            yield f"{where} must be longer than or equal to {self.shortest} characters"


@dataclass(frozen=True)
class Number:
    least: float = float("-inf")
    most: float = float("inf")

    def faults(self, value: Any, where: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{where} must be a number conforming to the specified constraints"
        elif value < self.least:
            yield f"{where} must not be less than {self.least:g}"
        elif value > self.most:
            yield f"{where} must not be greater than {self.most:g}"


@dataclass(frozen=True)
class Flag:
    def faults(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{where} must be a boolean value"


@dataclass(frozen=True)
class Items:
    """A list of values of one shape."""

    of: Shape

    def faults(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where} must be an array"
            return
        for number, item in enumerate(value):
            yield from self.of.faults(item, f"{where}.{number}")


@dataclass(frozen=True)
class Named:
    """An object whose keys anybody may choose."""

    of: Shape = Free()

    def faults(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where} must be an object"
            return
        for name, inner in value.items():
            yield from self.of.faults(inner, f"{where}.{name}")


@dataclass(frozen=True)
class Record:
    """An object with these properties and no others; `nullable` ones may be null, which means taken away."""

    fields: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()

    def faults(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where or 'body'} must be an object"
            return
        prefix = f"{where}." if where else ""
        for name in value.keys() - self.fields.keys():
            yield f"{prefix}property {name} should not exist"
        for name in self.required:
            if value.get(name) is None:
                yield f"{prefix}{name} should not be empty"
        for name, shape in self.fields.items():
            inner = value.get(name)
            if inner is None and (name not in value or name in self.nullable or name in self.required):
                continue
            yield from shape.faults(inner, f"{prefix}{name}")


@dataclass(frozen=True)
class OneOf:
    """Objects of several kinds, told apart by the property `key`."""

    key: str
    kinds: Mapping[str, Shape] = field(default_factory=dict)

    def faults(self, value: Any, where: str) -> Iterator[str]:
        prefix = f"{where}." if where else ""
        kind = value.get(self.key) if isinstance(value, dict) else None
        shape = self.kinds.get(kind) if isinstance(kind, str) else None
        if shape is None:
            yield f"{prefix}{self.key} must be one of the following values: {', '.join(self.kinds)}"
        else:
            yield from shape.faults(value, where)
