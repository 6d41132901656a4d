"""One organization at Vapi: its objects, and what the dashboard of it would show."""

import copy
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

API_KEY = "sandbox-vapi-private-key"
PUBLIC_KEY = "sandbox-vapi-public-key"
KINDS = ("tool", "assistant", "phone-number", "credential")
ORG_ID = "5d0f5f0e-1f5c-4a80-9a3b-b0f7c0a1d2e3"

# The demo practice's number, as somebody bought it in the dashboard; it leads nowhere yet.
FIRST_NUMBER_ID = "8a2e4c66-1b9d-4f3a-8e57-2c6d9f0a1b34"
FIRST_NUMBER = "+12125550100"
AREA_WITHOUT_NUMBERS = "999"

Json = dict[str, Any]


@dataclass
class Org:
    """All objects by kind and id, oldest first. `credentials` false: they cannot be made by API, as documented."""

    objects: dict[str, dict[str, Json]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    credentials: bool = True
    last_moment: str = ""
    numbers_sold: int = 0

    @classmethod
    def found(cls, now: datetime) -> "Org":
        """An organization that has nothing but a number."""
        org = cls()
        number = {"provider": "vapi", "number": FIRST_NUMBER, "name": "Main number", "status": "active"}
        org.add("phone-number", number, now, object_id=FIRST_NUMBER_ID)
        return org

    def add(self, kind: str, body: Json, now: datetime, *, object_id: str = "") -> Json:
        """Keep a new object, with what Vapi adds to it; returns it."""
        moment = self._moment(now)
        made = {**body, "id": object_id or str(uuid.uuid4()), "orgId": ORG_ID, "createdAt": moment, "updatedAt": moment}
        self.objects[kind][made["id"]] = made
        return made

    def change(self, kind: str, object_id: str, body: Json, now: datetime) -> Json:
        """Replace the properties in `body`, nested ones as a whole; null takes one away."""
        held = self.objects[kind][object_id]
        held.update(copy.deepcopy(body))
        for name in [name for name, value in body.items() if value is None]:
            del held[name]
        held["updatedAt"] = self._moment(now)
        return held

    def sell_number(self, area: str) -> str:
        """A number with this area code that nobody has; of the invented ones, 555-01xx, the patients have the first."""
        number = f"+1{area}55501{80 + self.numbers_sold % 20:02}"
        self.numbers_sold += 1
        return number

    def has(self, kind: str, object_id: str) -> bool:
        return object_id in self.objects[kind]

    def pins(self, tool_id: str) -> bool:
        """Whether an assistant has pinned this tool to a version."""
        models = (one.get("model") or {} for one in self.objects["assistant"].values())
        return any(ref["toolId"] == tool_id for model in models for ref in model.get("toolRefs") or ())

    def _moment(self, now: datetime) -> str:
        """The time in milliseconds, later than any before: objects are paged by it."""
        moment = _stamp(now)
        if moment <= self.last_moment:
            moment = _stamp(datetime.fromisoformat(self.last_moment) + timedelta(milliseconds=1))
        self.last_moment = moment
        return moment


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
