"""Where a run writes at Vapi, or only notes what it would write, and what it remembers of the line's objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pms.vapi.management import Client, Kind
from pms.vapi.provisioning_diff import Change, own

Json = dict[str, Any]

_MADE_THEN = "(made then)"
_LOOK_BACK = timedelta(days=1)


class Trouble(Exception):
    """What a person must decide or do. ``code`` is public."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True, kw_only=True)
class Known:
    """What we remember of the line's objects at Vapi. ``number`` is the phone number that Vapi has told."""

    tool_ids: dict[str, str] = field(default_factory=dict)
    credential_id: str = ""
    credential_digest: str = ""
    assistant_id: str = ""
    phone_number_id: str = ""
    number: str = ""
    wish: Json = field(default_factory=dict)


@dataclass(slots=True)
class Desk:
    """Writes at Vapi, or with ``writes`` off only notes what it would write; ``keep`` is told after every step."""

    client: Client
    known: Known
    keep: Callable[[Known], None]
    made_after: datetime
    writes: bool = True
    changes: list[Change] = field(default_factory=list)

    def since(self) -> datetime:
        """Return the moment before which no object of the line can have been made, clocks being as they are."""
        return self.made_after - _LOOK_BACK

    def create(self, kind: Kind, name: str, body: Json) -> Json:
        made = self.client.create(kind, body) if self.writes else {**body, "id": _MADE_THEN}
        self.changes.append(Change("create", kind, name, after=body))
        return made

    def change(self, kind: Kind, name: str, held: Json, body: Json, key: str = "") -> None:
        """Send what differs, if anything does; ``key`` is the property that Vapi always wants to see."""
        if not body:
            return
        if self.writes:
            self.client.patch(kind, held["id"], {**({key: held[key]} if key in held else {}), **body})
        before = {name: held[name] for name in body if name in held}
        self.changes.append(Change("change", kind, name, before=before, after=body))

    def delete(self, kind: Kind, name: str, held: Json) -> None:
        if self.writes:
            self.client.delete(kind, held["id"])
        self.changes.append(Change("delete", kind, name, before=own(held)))
