"""A change as it is kept sealed in its write-back's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from pms.domain.records import AppointmentStatus, Change, MovedAppointment, NewAppointment, NewPatient, StatusChange

_KINDS: dict[str, type[Change]] = {
    kind.__name__: kind for kind in (NewAppointment, MovedAppointment, StatusChange, NewPatient)
}
_READ: dict[str, Any] = {
    "starts_at": datetime.fromisoformat,
    "date_of_birth": date.fromisoformat,
    "status": AppointmentStatus,
}


def dumped(change: Change) -> dict[str, object]:
    """Return a change as JSON can hold it."""
    fields = {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(change).items()}
    return {"kind": type(change).__name__, **fields}


def loaded(values: Mapping[str, Any]) -> Change:
    """Return the change that ``dumped`` wrote."""
    fields = {name: _READ[name](value) if name in _READ else value for name, value in values.items() if name != "kind"}
    return _KINDS[values["kind"]](**fields)
