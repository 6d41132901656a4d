"""cancelAppointment and confirmAppointment: what became of it, in the words of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pms.domain import errors
from pms.models import Operation, Task, WriteBackState
from pms.services import changes, requests
from pms.services.changes import Changed, ChangeUnknown
from pms.tools import subject, telling, timing, which, wording
from pms.tools.context import Answer, Context


def cancel_appointment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Cancel an appointment of a patient verified in this call, or the one a system credential names.

    What is only requested is taken back.
    """
    said, patient_id = arguments.get("appointmentId"), _patient(context, arguments)
    task = which.requested(context, said, patient_id) if said else None
    if task is None:
        try:
            identifier = which.appointment(context, said, patient_id)
        except errors.AppointmentNotFound:
            task = which.requested(context, None, patient_id)
            if task is None:
                raise
    if task is not None:
        return _withdrawn(context, task)
    return _changed(context, arguments, Operation.CANCEL, patient_id, identifier)


def confirm_appointment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Note in the PMS that the patient is coming."""
    patient_id = _patient(context, arguments)
    identifier = which.appointment(context, arguments.get("appointmentId"), patient_id)
    return _changed(context, arguments, Operation.CONFIRM, patient_id, identifier)


def _patient(context: Context, arguments: Mapping[str, Any]) -> str:
    return subject.patient_of(context, arguments.get("patientId"), required=False)


def _withdrawn(context: Context, task: Task) -> Answer:
    requests.withdraw(task=task, clock=context.request.clock)
    when = which.say_requested(context, task)
    return Answer(
        say=f"The request for {when} has been taken back.", data={"status": "withdrawn", "taskId": str(task.pk)}
    )


def _changed(
    context: Context, arguments: Mapping[str, Any], operation: Operation, patient_id: str, identifier: str
) -> Answer:
    try:
        changed = changes.change_status(
            **context.access,
            operation=operation,
            identifier=identifier,
            patient_id=patient_id,
            call=context.request.call,
            reason=arguments.get("reason") or "",
            notifies=telling.is_wished(context, arguments),
        )
    except ChangeUnknown as unknown:
        changed = unknown.changed
    return _answer(context, arguments, changed, operation)


def _answer(context: Context, arguments: Mapping[str, Any], changed: Changed, operation: Operation) -> Answer:
    state = _state(changed, operation)
    when = timing.say_when(context, changed.entry.starts_at)
    data: dict[str, Any] = {
        "status": wording.PUBLIC_WRITE_STATES[state],
        "appointmentId": changed.entry.id or None,
        "writeId": str(changed.write_back.pk) if changed.write_back else None,
        **telling.answered(
            arguments, changed.write_back or changes.made(context.integration, operation, changed.entry)
        ),
    }
    return Answer(
        say=wording.change_sentence(operation, state, when, stood_before=changed.stood_before),
        data=data,
        status=200 if state is WriteBackState.DONE else 202,
        outcome=errors.OutcomeUnknown.code if state is WriteBackState.UNKNOWN else "ok",
    )


def _state(changed: Changed, operation: Operation) -> WriteBackState:
    """Return how the change stands; an appointment that has its wished status needs none."""
    if changed.entry.status is changes.STATUSES[operation] or changed.write_back is None:
        return WriteBackState.DONE
    return WriteBackState(changed.write_back.state)
