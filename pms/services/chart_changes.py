"""Changing one patient's chart, once: contact details, notes, insurance, payments.

What the practice's system cannot take is left to the team as a task with everything that was wanted, so that nothing
is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from pms import vault
from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import Change, NewInsurance, NewNote, NewPatient, NewPayment, Note, PatientUpdate
from pms.models import OPEN_WRITES, Call, Operation, PmsIntegration, Task, WriteBack, WriteBackState
from pms.providers.base import Capability, PmsService
from pms.services import (
    cache,
    gateway,
    integrations,
    newcomers,
    payloads,
    registering,
    sending,
    tasks,
    wanted,
    write_backs,
)
from pms.services.audit import Asker
from pms.services.gateway import Access

ChartChange = PatientUpdate | NewNote | NewInsurance | NewPayment

# Of the notes left through Parlae, how many of the latest are looked at.
_OWN_NOTES = 50
_HAS_TASK = " What was wanted is a task for the team."
_OPERATIONS: dict[type[ChartChange], tuple[Operation, Capability]] = {
    PatientUpdate: (Operation.UPDATE_PATIENT, Capability.UPDATE_PATIENT),
    NewNote: (Operation.ADD_NOTE, Capability.ADD_NOTE),
    NewInsurance: (Operation.ADD_INSURANCE, Capability.ADD_INSURANCE),
    NewPayment: (Operation.POST_PAYMENT, Capability.POST_PAYMENT),
}
_WHAT = {
    Operation.UPDATE_PATIENT: "update_patient",
    Operation.ADD_NOTE: "add_note",
    Operation.ADD_INSURANCE: "add_insurance",
    Operation.POST_PAYMENT: "collect_payment",
}
_BY_THE_TEAM = {
    Operation.UPDATE_PATIENT: (
        "I can't change that in the practice's system myself, so I have left the team a note with the new details. "
        "Until they have entered them, the record stays as it is."
    ),
    Operation.ADD_NOTE: "I can't add that to the record myself, so I have left it for the team as a message.",
    Operation.ADD_INSURANCE: (
        "I can't add insurance to the record myself, so I have left the team a note with the details."
    ),
    Operation.POST_PAYMENT: (
        "I can't take that payment myself, so nothing has been charged. I have left the team a note about it."
    ),
}
_NOT_MADE = {
    Operation.UPDATE_PATIENT: "the record stays as it was",
    Operation.ADD_NOTE: "nothing has been added",
    Operation.ADD_INSURANCE: "nothing has been added",
    Operation.POST_PAYMENT: "nothing has been recorded",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A change of a chart; ``stood_before`` says that another request had asked for the same one already."""

    write_back: WriteBack
    stood_before: bool = False

    @property
    def state(self) -> WriteBackState:
        return WriteBackState(self.write_back.state)


class ChartChangeUnknown(errors.OutcomeUnknown):
    """A change was sent, and whether it was made is not known; its write-back follows."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


def write(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    change: ChartChange,
    call: Call | None,
    key: str,
) -> Written:
    """Write ``change`` once; the same ``key`` with the same change is the same write, an empty one is always new.

    Raises ``NotSupported`` after leaving it to the team, ``IdempotencyConflict``, ``PatientNotFound``, what the PMS
    refused, or ``ChartChangeUnknown``.
    """
    operation, capability = _OPERATIONS[type(change)]
    _require_record(integration, change, call, key)
    try:
        with gateway.writing(
            integration=integration,
            asker=asker,
            action=operation,
            clock=clock,
            budget=budget,
            patient_id=change.patient_id,
        ) as access:
            known = _asked_before(integration, key, change, call, clock.now())
            if known is not None:
                access.summary["repetition"] = True
                return known
            try:
                access.pms.require(capability)
            except errors.NotSupported as error:
                leave_to_team(integration=integration, change=change, call=call, key=key)
                raise errors.NotSupported(f"{error.message}{_HAS_TASK}", spoken=_BY_THE_TEAM[operation]) from None
            if call is None:  # whoever is proven in a call is there
                _require_patient(access, change.patient_id)
            sending.require_time(access)
            write_back = write_backs.start(
                integration=integration,
                operation=operation,
                change=change,
                access_id=access.id,
                now=clock.now(),
                call=call,
                patient_id=change.patient_id,
                request_key=key,
            )
            if write_back is None:  # the same request in another process, which was quicker
                known = _known(integration, key, change)
                if known is None:
                    raise errors.StillWorking
                return known
            cache.forget_patient(integration_id=integration.pk, patient_id=change.patient_id)
            return _carried_out(access, write_back, change, asker)
    except errors.NotAsked:
        known = _asked_before(integration, key, change, call, clock.now())
        if known is None:
            raise
        return known


def leave_to_team(*, integration: PmsIntegration, change: ChartChange, call: Call | None, key: str = "") -> Task:
    """Keep as a task what somebody wanted done with a patient's chart: once for each request of a server's.

    Who has no record yet is named as they were when it was asked for. Raises ``IdempotencyConflict`` if the request
    has left something else.
    """
    operation, _ = _OPERATIONS[type(change)]
    made = newcomers.write_back_of(account_id=integration.account_id, patient_id=change.patient_id)
    new = write_backs.change_if_kept(made) if made else None
    whose = {"patientName": f"{new.first_name} {new.last_name}"} if isinstance(new, NewPatient) else {}
    detail = {"patientId": change.patient_id, **whose, **wanted.in_words(change)}
    task = tasks.open_task(
        account=integration.account,
        kind=f"please_{_WHAT[operation]}",
        detail=detail,
        call=call,
        unless_said=True,
        request_key=key if call is None else "",
    )
    if call is None and key and _without_day(tasks.detail_of(task)) != _without_day(detail):
        raise errors.IdempotencyConflict
    return task


def _without_day(detail: Mapping[str, str]) -> dict[str, str]:
    """Return what a task says but for the day: a repetition may come after midnight."""
    return {name: text for name, text in detail.items() if text and name != "paidOn"}


def said_by_team(change: ChartChange) -> str:
    """Return what a caller hears when a change is left to the team."""
    return _BY_THE_TEAM[_OPERATIONS[type(change)][0]]


def payments_not_shown(*, integration: PmsIntegration, patient_id: str) -> list[Decimal]:
    """Return the amounts of our payments for a patient that the PMS may have and does not show yet."""
    ours = _not_shown(integration, Operation.POST_PAYMENT, patient_id).exclude(state=WriteBackState.FAILED)
    changes = map(write_backs.change_of, ours)
    return [change.amount for change in changes if isinstance(change, NewPayment)]


def notes_not_shown(*, integration: PmsIntegration, patient_id: str, pms: PmsService) -> list[Note]:
    """Return the notes of ours that the PMS has and does not show yet, newest first."""
    ours = _not_shown(integration, Operation.ADD_NOTE, patient_id).filter(state=WriteBackState.DONE)
    found = ((one, write_backs.change_of(one)) for one in ours.order_by("-sent_at")[:_OWN_NOTES])
    return [
        Note(one.record_id or str(one.pk), pms.note_as_written(note.text), written_at=one.completed_at)
        for one, note in found
        if isinstance(note, NewNote)
    ]


def notes_left(*, integration: PmsIntegration, patient_id: str, pms: PmsService) -> frozenset[str]:
    """Return what notes that callers have left through Parlae say in the PMS: their own words, nobody else's."""
    ours = WriteBack.objects.filter(
        integration=integration,
        operation=Operation.ADD_NOTE,
        patient_id=patient_id,
        state=WriteBackState.DONE,
        call__isnull=False,
        sent_at__gte=integrations.practice_since(integration),
    )
    changes = map(write_backs.change_if_kept, ours.order_by("-sent_at")[:_OWN_NOTES])
    return frozenset(pms.note_as_written(change.text) for change in changes if isinstance(change, NewNote))


def _not_shown(integration: PmsIntegration, operation: Operation, patient_id: str) -> QuerySet[WriteBack]:
    """Return our writes to a patient's chart at the practice that is connected now which its reads have not shown."""
    return WriteBack.objects.filter(
        integration=integration,
        operation=operation,
        patient_id=patient_id,
        verified_at__isnull=True,
        sent_at__gte=integrations.practice_since(integration),
    )


def key_in_call(call: Call, change: ChartChange) -> str:
    """Return what makes the same change in the same call the same request, however often a model asks for it."""
    return f"{call.pk}:{vault.digest(repr(payloads.asked(change)), 'chart change')}"


def _require_record(integration: PmsIntegration, change: ChartChange, call: Call | None, key: str) -> None:
    """Leave it to the team, and say so, if the patient's record is itself still on its way."""
    try:
        _, on_its_way = newcomers.resolve(integration=integration, patient_id=change.patient_id)
    except errors.PatientNotFound:  # it could not be made: the team has to, and then to do this as well
        leave_to_team(integration=integration, change=change, call=call, key=key)
        raise
    if on_its_way is not None:
        leave_to_team(integration=integration, change=change, call=call, key=key)
        raise errors.StillWorking(
            "The patient's record is not made yet.",
            spoken="The new record is not in the practice's system yet, so I have left that for the team as a note.",
        )


def _require_patient(access: Access, patient_id: str) -> None:
    """Raise ``PatientNotFound`` unless the PMS has the patient, or has made them since its copy was taken."""
    try:
        access.pms.get_patient(patient_id)
    except errors.PatientNotFound:
        if registering.sent_for(integration=access.integration, patient_id=patient_id) is None:
            raise


def _asked_before(
    integration: PmsIntegration, key: str, change: ChartChange, call: Call | None, now: datetime
) -> Written | None:
    """Return the write that this request, or one of another call for the same, has made already."""
    known = _known(integration, key, change) or _under_way(integration, change, call)
    if known is not None:
        write_backs.give_up_sending(known.write_back, now=now)
    return known


def _known(integration: PmsIntegration, key: str, change: Change) -> Written | None:
    """Return the write that the same request has made already. Raises ``IdempotencyConflict`` for another change.

    One that certainly came to nothing may be asked for again, but for what the practice's system cannot take.
    """
    if not key:
        return None
    write_back = WriteBack.objects.filter(account_id=integration.account_id, request_key=key).first()
    if write_back is None:
        return None
    sent = write_backs.change_if_kept(write_back)
    if sent is None or payloads.asked(sent) != payloads.asked(change):
        raise errors.IdempotencyConflict
    if write_back.state != WriteBackState.FAILED:
        return Written(write_back, stood_before=True)
    if write_back.failure == errors.NotSupported.code:
        raise errors.NotSupported(f"{errors.NotSupported.default_message}{_HAS_TASK}")
    WriteBack.objects.filter(pk=write_back.pk, state=WriteBackState.FAILED).update(request_key="")
    return None


def _under_way(integration: PmsIntegration, change: ChartChange, call: Call | None) -> Written | None:
    """Return the same change of the same patient that another call has asked for and that has no end yet.

    Who calls again to be sure does not want it twice; the practice's own server says so by its key.
    """
    if call is None:
        return None
    ours = WriteBack.objects.filter(OPEN_WRITES, integration=integration, patient_id=change.patient_id)
    same = (one for one in ours if payloads.asked(write_backs.change_of(one)) == payloads.asked(change))
    found = next(same, None)
    return None if found is None else Written(found, stood_before=True)


def _carried_out(access: Access, write_back: WriteBack, change: ChartChange, asker: Asker) -> Written:
    operation = Operation(write_back.operation)
    not_made = (
        f"I'm sorry, the practice's system did not take that, so {_NOT_MADE[operation]}. "
        "I have left the team a note with the details."
    )
    try:
        sending.carry_out(access, write_back, change, asker)
    except errors.OutcomeUnknown as error:
        write_back.refresh_from_db()
        raise ChartChangeUnknown(Written(write_back)) from error
    except errors.NotSupported as error:  # it has no kind for it
        raise errors.NotSupported(f"{error.message}{_HAS_TASK}", spoken=_BY_THE_TEAM[operation]) from None
    except errors.PmsError as error:
        error.spoken = not_made
        raise
    access.summary["state"] = write_back.state
    if write_back.state == WriteBackState.FAILED:
        write_backs.tell_staff(write_back, "failed")
        raise errors.WriteRejected(spoken=not_made)
    return Written(write_back)
