"""What a connection test finds out about a Sikka office: who it is, and what can be done there.

Capabilities are what the key's scope names AND the vendor's list of systems grants AND our write can satisfy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pms.domain.records import Location
from pms.providers.base import Capability
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import text

_SCOPES = {
    Capability.READ_SCHEDULE: ("practices", "providers", "operatories"),
    Capability.READ_APPOINTMENTS: ("appointments",),
    Capability.READ_PATIENTS: ("patients",),
    Capability.BOOK_APPOINTMENT: ("post appointment", "writeback_status"),
}
# Their required fields are others than the ones we send (page of POST /appointment): staff, user, status, guarantor or
# production type.
_OTHER_FIELDS = ("cleardent", "dolphin", "orthotrac", "cornerstone", "planetdds")
_BOOKING_FLAG = "new_appointment_writeback"


def capabilities(scope: str, systems: Iterable[Row], pms: str, version: str) -> frozenset[Capability]:
    """Return what a connection can do.

    ``scope`` is the key's comma-separated list of API names, ``systems`` the rows of ``supported_pmses``, ``pms`` and
    ``version`` the office's own, in whatever spelling.
    """
    granted = {" ".join(name.lower().split()) for name in scope.split(",")}
    found = {capability for capability, names in _SCOPES.items() if granted.issuperset(names)}
    return frozenset(found if can_book(systems, pms, version) else found - {Capability.BOOK_APPOINTMENT})


def can_book(systems: Iterable[Row], pms: str, version: str) -> bool:
    """Return whether a new appointment can be written into this system, and with the fields that we have.

    Names differ in case and spaces between the vendor's lists. A version that is not listed counts only if every
    listed one can do it.
    """
    name = _plain(pms)
    if not name or name.startswith(_OTHER_FIELDS):
        return False
    rows = [row for row in systems if _plain(row.get("practice_management_system")) == name]
    exact = [row for row in rows if _plain(row.get("practice_management_system_version")) == _plain(version)]
    chosen = exact or rows
    return bool(chosen) and all(text(row.get(_BOOKING_FLAG)).lower() == "available" for row in chosen)


def chosen_location(locations: list[Location], named: str) -> Location | None:
    """Return the location that is ``named``, or the only one; ``None`` if it has to be asked."""
    if named:
        return next((one for one in locations if one.id == named), None)
    return locations[0] if len(locations) == 1 else None


def _plain(value: object) -> str:
    return re.sub(r"[^a-z0-9]", "", text(value).lower())
