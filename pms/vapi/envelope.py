"""Reading Vapi's webhook messages and writing its answers; pure, and safe for any JSON whatever.

Vapi's own documents, SDK and recordings show seven shapes of a tool call, in four containers of one message. They all
become `ToolCall`. Only ``message.type`` is guaranteed; every other key may be missing, null or of another type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pms.domain.speech import flatten
from pms.vapi import attestation

ARGUMENTS_UNREADABLE = "arguments_unreadable"
MAX_ID_LENGTH = 200
MAX_ARGUMENT_CHARACTERS = 256_000
MAX_ARGUMENT_DEPTH = 20

_TOOL_TYPES = frozenset({"tool-calls", "function-call"})

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of one tool. ``id`` is Vapi's, byte for byte, and empty only for the legacy ``function-call``.

    ``arguments`` is empty where ``problem`` says that what the model wrote is no JSON object.
    """

    id: str
    name: str
    arguments: Json = field(repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Everything in a message that may name the voice line, the more specific place first, without repetitions."""

    assistant_ids: tuple[str, ...] = ()
    phone_number_ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def assistant_id(self) -> str:
        """The assistant that speaks now, or empty."""
        return next(iter(self.assistant_ids), "")

    @property
    def phone_number_id(self) -> str:
        """Vapi's id of the number that was called, or empty."""
        return next(iter(self.phone_number_ids), "")

    @property
    def number(self) -> str:
        """The number that was called, as Vapi wrote it, or empty."""
        return next(iter(self.numbers), "")


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook message. ``fields`` is the whole ``message`` object: it may hold secrets and is never logged.

    ``customer_number`` is unparsed, ``attestation`` the carrier's word for it. ``account_ids`` are the accounts that
    metadata names, for the platform's own credential only, and may contradict each other.
    """

    type: str
    call_id: str = ""
    chat_id: str = ""
    line: Line = Line()
    customer_number: str = field(default="", repr=False)
    attestation: str = ""
    account_ids: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    fields: Json = field(default_factory=dict, repr=False)


def is_envelope(body: object) -> bool:
    """Return whether a request body is a Vapi message rather than the arguments of a REST call."""
    return bool(_text(_object(_object(body).get("message")).get("type")))


def parse(body: object) -> Message:
    """Read a decoded request body; what is missing or of a wrong type is empty, nothing raises."""
    message = _object(_object(body).get("message"))
    call, chat = _object(message.get("call")), _object(message.get("chat"))
    kind = _text(message.get("type"))
    return Message(
        type=kind,
        call_id=_text(call.get("id")),
        chat_id=_text(chat.get("id")),
        line=_line(message, call, chat),
        customer_number=_first(_object(source.get("customer")).get("number") for source in (message, call)),
        attestation=attestation.read(message, call),
        account_ids=_account_ids(_object(body), message, call),
        calls=_calls(message) if kind in _TOOL_TYPES else (),
        fields=message,
    )


def read_arguments(value: object) -> tuple[dict[str, object], str]:
    """Return a tool's arguments and a problem code, empty if there is none.

    Text is decoded as JSON; nothing at all (``None``, blank text) means no arguments, so that validation can name what
    is missing. Anything that is not an object, or too large or deep to be honest, is `ARGUMENTS_UNREADABLE`.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}, ""
    decoded = _decoded(value) if isinstance(value, str) else value
    if isinstance(decoded, Mapping) and _is_sane(decoded):
        return dict(decoded), ""
    return {}, ARGUMENTS_UNREADABLE


def answer(results: Iterable[tuple[ToolCall, str]]) -> dict[str, object]:
    """Return the response body: one single-line text per call, in the order given.

    A call without an id is a legacy ``function-call``, which reads the top-level ``result`` instead.
    """
    said = [(call, flatten(text)) for call, text in results]
    body: dict[str, object] = {
        "results": [{"name": call.name, "toolCallId": call.id, "result": text} for call, text in said]
    }
    if len(said) == 1 and not said[0][0].id:
        body["result"] = said[0][1]
    return body


def _line(message: Json, call: Json, chat: Json) -> Line:
    assistants = (_object(source.get("assistant")).get("id") for source in (message, call))
    phones = [_object(source.get("phoneNumber")) for source in (message, call)]
    return Line(
        assistant_ids=_distinct([*assistants, call.get("assistantId"), chat.get("assistantId")]),
        phone_number_ids=_distinct([phones[0].get("id"), call.get("phoneNumberId"), phones[1].get("id")]),
        numbers=_distinct(phone.get("number") for phone in phones),
    )


def _account_ids(body: Json, message: Json, call: Json) -> tuple[str, ...]:
    holders = [body, message, call]
    holders += [_object(source.get(key)) for source in (call, message) for key in ("assistantOverrides", "assistant")]
    named = [_object(holder.get("metadata")).get("accountId") for holder in holders]
    return _distinct([body.get("accountId"), *named])


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tool call as one container shows it; ``written`` is ``None`` where it shows no arguments at all."""

    id: str
    name: str
    written: object

    @property
    def is_complete(self) -> bool:
        return bool(self.name) and self.written is not None


def _calls(message: Json) -> tuple[ToolCall, ...]:
    """Collect the calls of all containers in Vapi's order of trust; one id is one call.

    A later container may complete an entry that came without a name or arguments, and may add ids. Entries without an
    id cannot be told apart across containers, so only the first container that has any calls gives them.
    """
    found: dict[str, _Entry] = {}
    for entries in _containers(message):
        is_first = not found
        for position, entry in enumerate(entries):
            key = entry.id or (f"\0{position}" if is_first else "")
            if key and (key not in found or (entry.is_complete and not found[key].is_complete)):
                found[key] = entry
    return tuple(_tool_call(entry) for entry in found.values())


def _tool_call(entry: _Entry) -> ToolCall:
    arguments, problem = read_arguments(entry.written)
    return ToolCall(entry.id, entry.name, arguments, problem)


def _containers(message: Json) -> Iterable[list[_Entry]]:
    yield _entries((item, {}) for item in _items(message.get("toolCallList")))
    yield _entries((item, {}) for item in _items(message.get("toolCalls")))
    yield _entries((_object(item.get("toolCall")), item) for item in _items(message.get("toolWithToolCallList")))
    yield _entries([(_object(message.get("functionCall")), {})])


def _entries(pairs: Iterable[tuple[Json, Json]]) -> list[_Entry]:
    """Read (call, tool) pairs; what has neither an id nor a name is no call."""
    entries = [
        _Entry(_tool_call_id(call.get("id")), _name(call) or _name(tool), _written(call)) for call, tool in pairs
    ]
    return [entry for entry in entries if entry.id or entry.name]


def _tool_call_id(value: object) -> str:
    # Whatever it is, it is echoed byte for byte, or the model gets no result.
    return value if isinstance(value, str) else ""


def _name(item: Json) -> str:
    return _text(_object(item.get("function")).get("name")) or _text(item.get("name"))


def _written(call: Json) -> object:
    """Return what the model wrote as arguments. A tool's own ``function.parameters`` is its schema, never read here."""
    function = _object(call.get("function"))
    places = (function.get("arguments"), function.get("parameters"), call.get("arguments"), call.get("parameters"))
    return next((value for value in places if value is not None), None)


def _decoded(text: str) -> object:
    if len(text) > MAX_ARGUMENT_CHARACTERS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_sane(value: object) -> bool:
    """Return whether arguments can be stored, hashed and sent on: limited in size and depth, finite, valid Unicode."""
    size: float = 0
    layer = [value]
    for _ in range(MAX_ARGUMENT_DEPTH):
        size += sum(_weight(item) for item in layer)
        if size > MAX_ARGUMENT_CHARACTERS:
            return False
        layer = [child for item in layer for child in _children(item)]
        if not layer:
            return True
    return False


def _weight(item: object) -> float:
    """Return an item's size in characters, infinite for what no database column or JSON text can hold."""
    if isinstance(item, str):
        return len(item) + 1 if _is_storable(item) else math.inf
    if isinstance(item, float):
        return 1 if math.isfinite(item) else math.inf
    return 1


def _is_storable(text: str) -> bool:
    """Return whether a column can hold ``text``: no NUL and no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _children(item: object) -> list[object]:
    if isinstance(item, Mapping):
        return [*item.keys(), *item.values()]
    return list(item) if isinstance(item, list) else []


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_ID_LENGTH and _is_storable(value) else ""


def _first(values: Iterable[object]) -> str:
    return next(iter(_distinct(values)), "")


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    """Return the usable identifiers among ``values`` in order; a whole number counts as its digits."""
    texts = (str(v) if isinstance(v, int) and not isinstance(v, bool) else _text(v) for v in values)
    return tuple(dict.fromkeys(text for text in texts if text))
