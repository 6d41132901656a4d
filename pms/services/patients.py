"""Who the call is about: proof by full name and date of birth, kept on the server and bound to one call."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from accounts.models import Account
from pms import vault
from pms.domain import errors, identity
from pms.domain.clock import Budget, Clock
from pms.domain.localtime import local_date_of
from pms.domain.records import NewPatient, Patient, PatientQuery
from pms.models import Call, PmsIntegration, Verification
from pms.providers.base import Capability
from pms.services import audit, calls, gateway, limits, newcomers, tasks, write_backs
from pms.services.audit import Asker

MAX_FAILURES = 3
# What practice systems write for somebody who pays for themselves: it makes nobody a family.
_NO_GUARANTOR = frozenset({"", "0"})


def verify(
    *,
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    call: Call,
    first_name: str,
    last_name: str,
    date_of_birth: date,
    phone_last4: str = "",
) -> Patient:
    """Return the one active patient that the caller named, and remember the proof for this call.

    Raises ``PatientNotFound`` with the same words whether nobody or somebody else was found, ``AmbiguousPatient``,
    ``InactivePatient`` and, at the third failure, ``VerificationLocked``.
    """
    count_attempt(call)
    attempt = _attempt(call, last_name, date_of_birth)
    try:
        outcome = _search(integration, asker, clock, budget, call, first_name, last_name, date_of_birth, phone_last4)
    except errors.ParlaeError:
        _update(attempt, counts=False)  # the PMS failed, not the caller
        raise
    if isinstance(outcome, identity.Verified):
        _prove(attempt, outcome.patient, local_date_of(clock.now(), call.account.zone))
        return outcome.patient
    if isinstance(outcome, identity.NoMatch) or (isinstance(outcome, identity.Ambiguous) and phone_last4):
        _refuse(call, asker)  # a wrong extra factor counts as well, or it could be guessed
    _update(attempt, counts=False)
    if isinstance(outcome, identity.Inactive):
        raise left_to_team(account=call.account, patient=outcome.patient, call=call)
    raise errors.AmbiguousPatient


def left_to_team(*, account: Account, patient: Patient, call: Call | None) -> errors.InactivePatient:
    """Leave it to the team what becomes of an inactive patient who comes back, and return the error that says so."""
    tasks.open_task(
        account=account, kind="returning_inactive_patient", detail={"patientId": patient.id}, call=call, once=True
    )
    return errors.InactivePatient()


def count_attempt(call: Call) -> None:
    """Count that whoever calls names somebody, over all their calls to the practice; raise ``RateLimited`` if often."""
    limits.check(limit="verification", key=f"{call.account_id}:{call.caller_digest or call.pk}")


def verified_in(call: Call) -> list[Verification]:
    """Return the proofs of this call, oldest first."""
    return list(Verification.objects.filter(call=call, succeeded=True).order_by("created_at"))


def require_verified(*, call: Call, patient_id: str, asker: Asker) -> str:
    """Return the id of the patient that may be acted for: the one named if proven in this call, or the only one proven.

    Raises ``NotVerified``, ``AmbiguousPatient`` or ``MinorNeedsGuardian``; a name that was not proven is an event. A
    call that is locked opens nobody's record any more: ``VerificationLocked``.
    """
    require_unlocked(call)
    # Who was created in the call may be named as they were called before the PMS had an id for them.
    patient_id = newcomers.current_id(account_id=call.account_id, patient_id=patient_id)
    proofs = {
        newcomers.current_id(account_id=call.account_id, patient_id=proof.patient_id): proof
        for proof in verified_in(call)
    }
    if patient_id and patient_id not in proofs:
        audit.record_event(
            kind="verification.scope",
            actor=asker.actor,
            account_id=call.account_id,
            detail={"call": str(call.pk)},
            request_id=asker.request_id,
        )
        raise errors.NotVerified
    if not proofs:
        raise errors.NotVerified
    if not patient_id and len(proofs) > 1:
        raise errors.AmbiguousPatient(spoken="Which of the patients we spoke about is this for?")
    chosen = patient_id or next(iter(proofs))
    if proofs[chosen].is_minor and not any(_is_guardian(other, proofs[chosen]) for other in proofs.values()):
        raise errors.MinorNeedsGuardian
    return chosen


def require_unlocked(call: Call) -> None:
    """Raise ``VerificationLocked`` after too many failures in the call."""
    if _is_locked(call):
        raise errors.VerificationLocked


def guardian_in(call: Call) -> str:
    """Return the id of the adult of this call whom a new record of a minor belongs to; raise ``MinorNeedsGuardian``.

    A record that is itself still on its way has no id that another could name.
    """
    for proof in verified_in(call):
        if not proof.is_minor and not newcomers.is_handle(proof.patient_id):
            return proof.patient_id
    raise errors.MinorNeedsGuardian


def prove_new(*, call: Call, patient_id: str, new: NewPatient, today: date) -> None:
    """Remember that a record was made in this call: who made it may go on with it."""
    Verification.objects.create(
        account_id=call.account_id,
        call=call,
        succeeded=True,
        patient_id=patient_id,
        guarantor_id=new.guarantor_id,
        is_minor=identity.minor(new.date_of_birth, today),
        subject_digest=_subject(new.last_name, new.date_of_birth),
    )


def read(
    *, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, patient_id: str, action: str
) -> Patient:
    """Return one patient's record, audited; for a credential that may read patients."""
    with gateway.reading(
        integration=integration,
        asker=asker,
        action=action,
        phi=True,
        clock=clock,
        budget=budget,
        patient_id=patient_id,
    ) as access:
        return access.pms.get_patient(patient_id)


def _is_guardian(other: Verification, minor: Verification) -> bool:
    shared = {other.guarantor_id, other.patient_id} & {minor.guarantor_id}
    return not other.is_minor and bool(shared - _NO_GUARANTOR)


def _attempt(call: Call, last_name: str, date_of_birth: date) -> Verification:
    """Record the attempt before anything is looked up, so that parallel guesses count each other."""
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=call.pk)
        if _is_locked(call):
            raise errors.VerificationLocked
        return Verification.objects.create(
            account_id=call.account_id,
            call=call,
            succeeded=False,
            subject_digest=_subject(last_name, date_of_birth),
        )


def _subject(last_name: str, date_of_birth: date) -> str:
    """Return what shows that one person is asked about, without naming them."""
    return vault.digest(f"{identity.letters(last_name)}:{date_of_birth.isoformat()}", "subject")


def _search(
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    call: Call,
    first_name: str,
    last_name: str,
    date_of_birth: date,
    phone_last4: str,
) -> identity.Outcome:
    caller = calls.caller_number(call)
    with gateway.reading(
        integration=integration, asker=asker, action="findPatient", phi=True, clock=clock, budget=budget
    ) as access:
        access.pms.require(Capability.READ_PATIENTS)
        found = access.pms.search_patients(PatientQuery(last_name, date_of_birth, caller))
        outcome = identity.match(found, first_name, last_name, date_of_birth, phone_last4 or None, caller or None)
        if isinstance(outcome, identity.NoMatch):
            outcome = _on_its_way(integration, first_name, last_name, date_of_birth) or outcome
        if isinstance(outcome, identity.Verified | identity.Inactive):
            access.patient_id = outcome.patient.id
        access.summary["candidates"] = len(found)
        access.summary["outcome"] = type(outcome).__name__
    return outcome


def _on_its_way(
    integration: PmsIntegration, first_name: str, last_name: str, date_of_birth: date
) -> identity.Outcome | None:
    """Return somebody whose record was asked for and is not shown by the PMS yet, or it would be made twice."""
    digest = newcomers.digest_of(first_name, last_name, date_of_birth)
    made = newcomers.under_way(integration=integration, digest=digest)
    if made is None:
        return None
    sent = write_backs.change_of(made.write_back)
    guarantor_id = sent.guarantor_id if isinstance(sent, NewPatient) else ""
    person = Patient(made.patient_id, first_name, last_name, date_of_birth=date_of_birth, guarantor_id=guarantor_id)
    return identity.Verified(person, phone_matched=False)


def _prove(attempt: Verification, patient: Patient, today: date) -> None:
    _update(
        attempt,
        succeeded=True,
        patient_id=patient.id,
        guarantor_id=patient.guarantor_id,
        is_minor=patient.date_of_birth is not None and identity.minor(patient.date_of_birth, today),
    )


def _refuse(call: Call, asker: Asker) -> None:
    failures = _failures(call)
    audit.record_event(
        kind="verification.failed",
        actor=asker.actor,
        account_id=call.account_id,
        detail={"call": str(call.pk), "failures": failures},
        request_id=asker.request_id,
    )
    if failures >= MAX_FAILURES:
        tasks.open_task(account=call.account, kind="verification_locked", detail={}, call=call, once=True)
        raise errors.VerificationLocked
    raise errors.PatientNotFound


def _is_locked(call: Call) -> bool:
    return _failures(call) >= MAX_FAILURES


def _failures(call: Call) -> int:
    return Verification.objects.filter(call=call, succeeded=False, counts=True).count()


def _update(attempt: Verification, **changes: object) -> None:
    Verification.objects.filter(pk=attempt.pk).update(**changes)
