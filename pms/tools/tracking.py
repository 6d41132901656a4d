"""What became of a write that was still under way when it was answered: for the practice's own server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pms.domain import errors
from pms.models import Booking, CredentialKind, Operation, PmsIntegration, Scope, WriteBack, WriteBackState
from pms.services import gateway, newcomers
from pms.tools import booking as booking_tool
from pms.tools import subject, wording
from pms.tools.context import Answer, Context

_OF_APPOINTMENTS = frozenset({Scope.APPOINTMENTS_READ, Scope.APPOINTMENTS_WRITE})
_OF_PATIENTS = frozenset({Scope.PATIENTS_READ, Scope.PATIENTS_WRITE})
_SCOPES: Mapping[Operation, frozenset[Scope]] = {
    Operation.CREATE_PATIENT: _OF_PATIENTS,
    Operation.UPDATE_PATIENT: _OF_PATIENTS,
    Operation.ADD_NOTE: frozenset({Scope.NOTES_READ, Scope.NOTES_WRITE}),
    Operation.ADD_INSURANCE: frozenset({Scope.INSURANCE_READ, Scope.INSURANCE_WRITE}),
    Operation.POST_PAYMENT: frozenset({Scope.PAYMENTS_WRITE}),
}


def get_write(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Return the state of a booking by its id, or of another write by its own."""
    with gateway.reading(**context.access, action="getWrite", phi=True) as access:
        found = _found(context.integration, arguments["writeId"])
        access.patient_id = _patient_id(found)
        access.summary["write"] = str(found.pk)
        _require_scope(context, found)
        if not subject.is_trusted(context):
            subject.patient_of(context, access.patient_id)
    if isinstance(found, Booking):
        data = {
            "status": booking_tool.public_status(found),
            "operation": Operation.MOVE.value if found.moved_appointment_id else Operation.BOOK.value,
            "appointment": booking_tool.public_booking(found),
        }
    else:
        data = {"status": wording.PUBLIC_WRITE_STATES[WriteBackState(found.state)], "operation": found.operation}
        data |= _record(found)
    return Answer(say="", data=data)


def _require_scope(context: Context, found: Booking | WriteBack) -> None:
    """Raise ``Forbidden`` unless a system credential may ask for such a change, or see what it makes."""
    operation = Operation.BOOK if isinstance(found, Booking) else Operation(found.operation)
    is_system = context.request.kind == CredentialKind.SYSTEM
    if is_system and context.request.scopes.isdisjoint(_SCOPES.get(operation, _OF_APPOINTMENTS)):
        raise errors.Forbidden


def _record(found: WriteBack) -> dict[str, Any]:
    """Return the id of what a write makes or changes, under the name of its kind; null while nobody has told it."""
    match Operation(found.operation):
        case Operation.CREATE_PATIENT:
            return {"patient": {"id": found.record_id or None}}
        case Operation.UPDATE_PATIENT:
            return {"patient": {"id": found.patient_id}}
        case Operation.ADD_NOTE:
            return {"note": {"id": found.record_id or None}}
        case Operation.ADD_INSURANCE:
            return {"insurance": {"id": found.record_id or None}}
        case Operation.POST_PAYMENT:
            return {"payment": {"id": found.record_id or None}}
    return {"appointment": {"id": found.appointment_id}}


def _patient_id(found: Booking | WriteBack) -> str:
    """Return whom a write is about; somebody new goes by a handle until there is an id."""
    if isinstance(found, WriteBack) and found.operation == Operation.CREATE_PATIENT:
        return found.record_id or newcomers.handle_of(found)
    return found.patient_id


def _found(integration: PmsIntegration, write_id: str) -> Booking | WriteBack:
    try:
        pk = UUID(write_id)
    except ValueError:
        raise errors.WriteNotFound from None
    booking = Booking.objects.filter(pk=pk, integration=integration).first()
    write_back = WriteBack.objects.filter(pk=pk, integration=integration).first()
    found = booking or (write_back.booking if write_back is not None and write_back.booking else write_back)
    if found is None:
        raise errors.WriteNotFound
    return found
