"""What a connection test finds out about a Sikka office: who it is, and what can be done there.

Capabilities are what the key's scope names AND the vendor's list of systems grants AND our write can satisfy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pms.domain.records import Location
from pms.providers.base import Capability
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import flag, system_name, text

_READS = {
    Capability.READ_SCHEDULE: ("practices", "providers", "operatories"),
    Capability.READ_APPOINTMENTS: ("appointments",),
    Capability.READ_PATIENTS: ("patients",),
    Capability.READ_NOTES: ("medical_notes",),
    # Only the companies' own list has their names; what `subscribers` adds may be missing.
    Capability.READ_INSURANCE: ("patients", "insurance_companies"),
    # A balance is told together with the last payment, and for a patient who is there.
    Capability.READ_BALANCE: ("patients", "patient_balance", "transactions"),
}
_METHODS = ("post", "put", "patch", "delete")
# Words of ``data_sync_status``, and whether they mean that nothing was heard of the office.
_SYNCS = {"refresh": False, "not_refresh": True}


@dataclass(frozen=True, slots=True)
class _Write:
    """What one kind of write-back needs. ``scope``: names in the key's scope, besides asking for its status.

    ``flag`` is its column in ``supported_pmses``. ``not_in`` are the systems whose page asks for fields that we do not
    have.
    """

    scope: tuple[str, ...]
    flag: str
    not_in: tuple[str, ...] = ()


# The sources are the write-back pages. A change of time has no flag of its own: it is answered as a change of status
# ("Appointment status logged"), so that flag counts for it.
_WRITES = {
    # POST /appointment: user and status, user, staff, guarantor, production type.
    Capability.BOOK_APPOINTMENT: _Write(
        ("post appointment",),
        "new_appointment_writeback",
        ("cleardent", "dolphin", "orthotrac", "cornerstone", "planetdds"),
    ),
    # PUT /appointments: no system asks for more than we send.
    Capability.MOVE_APPOINTMENT: _Write(("put appointment",), "appointment_status_writeback"),
    # PATCH /appointments: OrthoTrac needs staff; Planet DDS a code for the reason, on a condition that is not told.
    Capability.CANCEL_APPOINTMENT: _Write(
        ("patch appointment", "practice_variables"), "appointment_status_writeback", ("orthotrac", "planetdds")
    ),
    Capability.CONFIRM_APPOINTMENT: _Write(
        ("patch appointment", "practice_variables"), "appointment_status_writeback", ("orthotrac",)
    ),
    # POST /patient: user; gender, staff, status, type and relationship.
    Capability.CREATE_PATIENT: _Write(("post patient",), "new_patient_writeback", ("dolphin", "orthotrac")),
    # POST /medical_notes: user; a description of its own. Read back from its list, whose age the patients' tells.
    Capability.ADD_NOTE: _Write(
        ("post medical_note", "note_types", "medical_notes", "patients"), "note_writeback", ("dolphin", "intravet")
    ),
    # POST /transaction: the transaction paid for and a bank; the whole card, for some kinds of payment.
    Capability.POST_PAYMENT: _Write(
        ("post transaction", "payment_types", "patients", "transactions"), "payment_writeback", ("tracker", "planetdds")
    ),
}


def capabilities(scope: str, systems: Iterable[Row], pms: str, version: str) -> frozenset[Capability]:
    """Return what a connection can do.

    ``scope`` is the key's comma-separated list of API names, ``systems`` the rows of ``supported_pmses``, ``pms`` and
    ``version`` the office's own, in whatever spelling.
    """
    granted = {_scope_name(name) for name in scope.split(",")}
    rows = _rows_of(systems, pms, version)
    reads = {one for one, names in _READS.items() if granted.issuperset(names)}
    writes = {
        one
        for one, write in _WRITES.items()
        if granted.issuperset((*write.scope, "writeback_status")) and _takes(rows, pms, write)
    }
    return frozenset(reads | writes)


def _takes(rows: list[Row], pms: str, write: _Write) -> bool:
    """Return whether a system takes a kind of write, and with the fields that we have."""
    fits = not system_name(pms).startswith(write.not_in)
    return fits and bool(rows) and all(text(row.get(write.flag)).lower() == "available" for row in rows)


def _rows_of(systems: Iterable[Row], pms: str, version: str) -> list[Row]:
    """Return the rows that speak for a system: its version's, or every version's if that one is not listed.

    Names differ in case and spaces between the vendor's lists. An unlisted version can do only what all of them can.
    """
    name = system_name(pms)
    rows = [row for row in systems if name and system_name(row.get("practice_management_system")) == name]
    exact = [row for row in rows if system_name(row.get("practice_management_system_version")) == system_name(version)]
    return exact or rows


def _scope_name(name: str) -> str:
    """Return a name of the scope in one spelling: "POST /Appointments" and "post appointment" are the same write.

    The documentation shows only "POST practice_query"; whether others say one or many is not told.
    """
    words = name.lower().replace("/", " ").split()
    if len(words) == 2 and words[0] in _METHODS:
        words[1] = words[1].removesuffix("s")
    return " ".join(words)


def chosen_location(locations: list[Location], named: str) -> Location | None:
    """Return the location that is ``named``, or the only one; ``None`` if it has to be asked."""
    if named:
        return next((one for one in locations if one.id == named), None)
    return locations[0] if len(locations) == 1 else None


def is_offline(syncs: Iterable[Row], computers: Iterable[Row]) -> bool | None:
    """Return whether an office's computer is out of reach, ``None`` if nothing tells.

    ``syncs`` are rows of ``data_sync_status``, which notices after a day; ``computers`` are rows of ``health_check``.
    """
    told = [_SYNCS[word] for row in syncs if (word := text(row.get("status")).lower()) in _SYNCS]
    for row in computers:
        told += [flag(row[name]) for name in ("spc_error_flag", "is_inactive") if text(row.get(name))]
    return any(told) if told else None
