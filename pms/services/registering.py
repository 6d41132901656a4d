"""Creating a patient, once, after looking for a record of the same person."""

from __future__ import annotations

from dataclasses import replace

from pms.domain import errors, identity
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.domain.records import NewPatient, PatientQuery
from pms.models import AppointmentType, BookingMode, Call, Operation, PmsIntegration, WriteBack, WriteBackState
from pms.providers.base import Capability
from pms.services import calls, gateway, integrations, newcomers, patients, sending, write_backs
from pms.services.audit import Asker
from pms.services.gateway import Access
from pms.services.newcomers import Created

_LOOK_AGAIN_SECONDS = 0.2
_NOT_MADE = (
    "I'm sorry, I could not create that record in the practice's system, so there is none yet. "
    "I have left the team a note with the details."
)


class CreationUnknown(errors.OutcomeUnknown):
    """A new patient was sent, and whether the record was made is not known; its write-back follows."""

    def __init__(self, created: Created) -> None:
        super().__init__()
        self.created = created


def create(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    call: Call | None,
    new: NewPatient,
) -> Created:
    """Create ``new`` once; an empty ``clinician_id`` becomes the one that the practice files new patients under.

    In a call the record counts as proven, because the caller made it. Raises ``DuplicatePatient``,
    ``AmbiguousPatient``, ``InactivePatient``, ``MinorNeedsGuardian``, what the PMS refused, or ``CreationUnknown``.
    """
    if call is not None:
        patients.require_unlocked(call)
        patients.count_attempt(call)
        patients.refuse_guessed_at(call, new, now=clock.now())
    today = local_date_of(clock.now(), integration.account.zone)
    if identity.minor(new.date_of_birth, today) and call is not None:
        new = replace(new, guarantor_id=patients.guardian_in(call, new))
    digest = newcomers.digest_of(new.first_name, new.last_name, new.date_of_birth)
    unknown: CreationUnknown | None = None
    created = _under_way(integration, digest, clock, budget)
    if created is None:
        try:
            created = _made(integration, asker, clock, budget, call, new, digest)
        except CreationUnknown as error:
            created, unknown = error.created, error
    if call is not None:
        patients.prove_new(call=call, patient_id=created.patient_id, new=as_sent(created, new), today=today)
    if unknown is not None:
        raise unknown
    return created


def as_sent(created: Created, new: NewPatient) -> NewPatient:
    """Return the patient as the record was asked for first: whoever asks later does not say whose child it is."""
    sent = write_backs.change_if_kept(created.write_back) if created.stood_before else new
    return sent if isinstance(sent, NewPatient) else new


def sent_for(*, integration: PmsIntegration, patient_id: str) -> NewPatient | None:
    """Return what was sent for a patient whom we have created, ``None`` for any other."""
    record = WriteBack.objects.filter(
        integration=integration,
        operation=Operation.CREATE_PATIENT,
        record_id=patient_id,
        sent_at__gte=integrations.practice_since(integration),
    ).first()
    sent = write_backs.change_if_kept(record) if record is not None else None
    return sent if isinstance(sent, NewPatient) else None


def _made(
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    call: Call | None,
    new: NewPatient,
    digest: str,
) -> Created:
    with gateway.writing(
        integration=integration, asker=asker, action=Operation.CREATE_PATIENT, clock=clock, budget=budget
    ) as access:
        access.pms.require(Capability.CREATE_PATIENT)
        _refuse_known(access, call, new)
        new = replace(new, clinician_id=new.clinician_id or files_under(integration))
        sending.require_time(access)
        write_back = write_backs.start(
            integration=integration,
            operation=Operation.CREATE_PATIENT,
            change=new,
            access_id=access.id,
            now=clock.now(),
            call=call,
            subject_digest=digest,
        )
        if write_back is None:  # the same person in another request, which was quicker
            twin = _under_way(integration, digest, clock, budget)
            if twin is None:
                raise errors.StillWorking
            return twin
        try:
            sending.carry_out(access, write_back, new, asker)
        except errors.OutcomeUnknown as error:
            write_back.refresh_from_db()
            raise CreationUnknown(Created(write_back)) from error
        except errors.PmsError as error:
            error.spoken = _NOT_MADE
            raise
        access.patient_id = write_back.record_id or None
        access.summary["state"] = write_back.state
        if write_back.state == WriteBackState.FAILED:
            write_backs.tell_staff(write_back, "failed")
            raise errors.WriteRejected(spoken=_NOT_MADE)
    return Created(write_back)


def _under_way(integration: PmsIntegration, digest: str, clock: Clock, budget: Budget) -> Created | None:
    """Return the record that another request has asked for, once that one has sent it; else raise ``StillWorking``.

    If its process died while sending, nobody knows any more.
    """
    while True:
        known = newcomers.under_way(integration=integration, digest=digest)
        if known is not None:
            write_backs.give_up_sending(known.write_back, now=clock.now())
        if known is None or known.write_back.state != WriteBackState.SENDING:
            return known
        if budget.left() < sending.LEAST_TO_SEND_SECONDS:
            raise errors.StillWorking
        budget.sleep(_LOOK_AGAIN_SECONDS)


def _refuse_known(access: Access, call: Call | None, new: NewPatient) -> None:
    """Raise if the PMS has a record of this person already, with the same bounded search as for verifying."""
    caller = calls.caller_number(call) if call is not None else new.phone
    found = access.pms.search_patients(PatientQuery(new.last_name, new.date_of_birth, caller))
    outcome = identity.match(found, new.first_name, new.last_name, new.date_of_birth, None, caller or None)
    access.summary["candidates"] = len(found)
    match outcome:
        case identity.Verified():
            raise errors.DuplicatePatient
        case identity.Ambiguous():
            raise errors.AmbiguousPatient
        case identity.Inactive():
            raise patients.left_to_team(account=access.integration.account, patient=outcome.patient, call=call)


def files_under(integration: PmsIntegration) -> str:
    """Return whom a new record or note names: the practice's setting, else its first type's first mapped clinician.

    Never the first of the vendor's list: the mapping is the practice's own.
    """
    named = (integration.config or {}).get("newPatientClinicianId")
    if named:
        return str(named)
    types = AppointmentType.objects.filter(account_id=integration.account_id, is_active=True, mode=BookingMode.DIRECT)
    for kind in types.order_by("position", "name"):
        for pair in kind.resources:
            return str(pair["clinicianId"])
    raise errors.SetupRequired("The practice has not said whom new patients are filed under.")
