"""Who the call is about: proof by full name and date of birth, kept on the server and bound to one call.

Level 1 is that proof, and opens appointments. Level 2 (``is_strong``) is that proof from a number on the patient's file
for which the carrier vouches, and opens the rest. A call opens one adult's records, and those of children. Details that
have been guessed at too often open nobody's record for a day, from whichever number they are said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NoReturn
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

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
# Failures about one person, over all calls to the practice.
MAX_GUESSES = 10
SUSPENDED_FOR = timedelta(hours=24)
# What practice systems write for somebody who pays for themselves: it makes nobody a family.
_NO_GUARANTOR = frozenset({"", "0"})
_NOT_STRONG = (
    "I can only share that when you call from the phone number the practice has on file. "
    "I can take a message for the team."
)
_NO_GUARDIAN = (
    "For a patient under eighteen I need to speak with a parent or guardian who is a patient here too. "
    "I have left the team a note that you asked."
)


class AnotherAdult(errors.NotVerified):
    """Another adult's records have been opened in the call; to be told the same way whoever is asked for."""

    default_message = "Another adult's records have been opened in this call."
    default_spoken = (
        "I'm sorry, I can open only one adult's records in a call. I have left the team a note that you asked."
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What a caller said about a patient."""

    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)
    phone_last4: str = field(default="", repr=False)

    @property
    def words(self) -> dict[str, str]:
        """What the team is told of it."""
        born = self.date_of_birth.isoformat()
        return {"firstName": self.first_name, "lastName": self.last_name, "dateOfBirth": born}


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
    ``InactivePatient``, ``AnotherAdult`` and, at the third failure or about somebody who was guessed at too often,
    ``VerificationLocked``.
    """
    count_attempt(call)
    said = _Said(first_name, last_name, date_of_birth, phone_last4)
    attempt = _attempt(call, said, local_date_of(clock.now(), call.account.zone))
    try:
        _require_known_adult(attempt)
        outcome = _search(integration, asker, clock, budget, attempt, said)
        return _concluded(attempt, said, outcome, asker, clock.now())
    except AnotherAdult:
        _update(attempt, counts=False)
        tasks.open_task(account=call.account, kind="another_adult", detail=said.words, call=call, once=True)
        raise


def left_to_team(*, account: Account, patient: Patient, call: Call | None) -> errors.InactivePatient:
    """Leave it to the team what becomes of an inactive patient who comes back, and return the error that says so."""
    tasks.open_task(
        account=account, kind="returning_inactive_patient", detail={"patientId": patient.id}, call=call, once=True
    )
    return errors.InactivePatient()


def count_attempt(call: Call) -> None:
    """Count that whoever calls names somebody, over all their calls to the practice; raise ``RateLimited`` if often."""
    limits.check(limit="verification", key=f"{call.account_id}:{call.caller_digest or call.pk}")


def refuse_guessed_at(call: Call, new: NewPatient, *, now: datetime) -> None:
    """Raise ``VerificationLocked`` if somebody of that name, or last name and birth date, was guessed at too often.

    Else who must not be asked about any more could be asked about by making a record.
    """
    names, subjects = [_name(new.first_name, new.last_name)], [_subject(new.last_name, new.date_of_birth)]
    if _failures_about(call.account_id, names, subjects, now - SUSPENDED_FOR).count() >= MAX_GUESSES:
        raise errors.VerificationLocked


def end_proofs(account: Account) -> None:
    """Forget who was proven in calls that go on: the practice is connected to other data, where ids are others'."""
    Verification.objects.filter(account=account, succeeded=True).update(succeeded=False, counts=False)


def require_verified(*, call: Call, patient_id: str, asker: Asker, strong: bool = False) -> str:
    """Return the id of the patient that may be acted for: the one named if proven in this call, or the only one proven.

    ``strong`` asks for level 2, of the patient or of a minor's guardian. Raises ``NotVerified``, ``AmbiguousPatient``
    or ``MinorNeedsGuardian``; a name that was not proven is an event. A call that is locked opens nobody's record any
    more: ``VerificationLocked``.
    """
    attempts = _attempts(call)
    _refuse_locked(attempts)
    # Who was created in the call may be named as they were called before the PMS had an id for them.
    patient_id = newcomers.current_id(account_id=call.account_id, patient_id=patient_id)
    proofs = [one for one in attempts if one.succeeded]
    proven = {_current_id(proof) for proof in proofs}
    if patient_id and patient_id not in proven:
        audit.record_event(
            kind="verification.scope",
            actor=asker.actor,
            account_id=call.account_id,
            detail={"call": str(call.pk)},
            request_id=asker.request_id,
        )
        raise errors.NotVerified
    if not proven:
        raise errors.NotVerified
    if not patient_id and len(proven) > 1:
        raise errors.AmbiguousPatient(spoken="Which of the patients we spoke about is this for?")
    chosen = patient_id or next(iter(proven))
    vouching = [proof for proof in proofs if _current_id(proof) == chosen]
    if any(proof.is_minor for proof in vouching):
        guardians = [proof for proof in proofs if any(_is_guardian(proof, minor) for minor in vouching)]
        if not guardians:
            raise _left_to_guardian(call, {"patientId": chosen})
        vouching += guardians
    # Whether the carrier vouches for the number may be doubted later than it was said.
    if strong and not (calls.proven_number(call) and any(proof.is_strong for proof in vouching)):
        raise errors.NotVerified(spoken=_NOT_STRONG)
    return chosen


def require_unlocked(call: Call) -> None:
    """Raise ``VerificationLocked`` after too many failures in the call."""
    _refuse_locked(_attempts(call))


def guardian_in(call: Call, new: NewPatient) -> str:
    """Return the id of the adult of this call whom a new record of a minor belongs to; raise ``MinorNeedsGuardian``.

    A record that is itself still on its way has no id that another could name.
    """
    for proof in _attempts(call):
        if proof.succeeded and not proof.is_minor and not newcomers.is_handle(proof.patient_id):
            return proof.patient_id
    said = _Said(new.first_name, new.last_name, new.date_of_birth)
    raise _left_to_guardian(call, said.words)


def prove_new(*, call: Call, patient_id: str, new: NewPatient, today: date) -> None:
    """Remember that a record was made in this call: who made it may go on with it, at level 1.

    Nobody was looked up, so there is no name that was said to be somebody's (``name_digest``).
    """
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


def _left_to_guardian(call: Call, detail: dict[str, str]) -> errors.MinorNeedsGuardian:
    """Leave to the team what was asked for a minor, and return the error that says so."""
    tasks.open_task(account=call.account, kind="minor_without_guardian", detail=detail, call=call, once=True)
    return errors.MinorNeedsGuardian(spoken=_NO_GUARDIAN)


def _is_guardian(other: Verification, minor: Verification) -> bool:
    shared = {other.guarantor_id, other.patient_id} & {minor.guarantor_id}
    return not other.is_minor and bool(shared - _NO_GUARANTOR)


def _attempts(call: Call) -> list[Verification]:
    """Return every attempt of the call, oldest first."""
    return list(Verification.objects.filter(call=call).order_by("created_at"))


def _current_id(proof: Verification) -> str:
    return newcomers.current_id(account_id=proof.account_id, patient_id=proof.patient_id)


def _attempt(call: Call, said: _Said, today: date) -> Verification:
    """Record the attempt before anything is looked up, so that parallel guesses count each other."""
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=call.pk)
        _refuse_locked(_attempts(call))
        return Verification.objects.create(
            account_id=call.account_id,
            call=call,
            succeeded=False,
            is_minor=identity.minor(said.date_of_birth, today),
            subject_digest=_subject(said.last_name, said.date_of_birth),
            name_digest=_name(said.first_name, said.last_name),
        )


def _subject(last_name: str, date_of_birth: date) -> str:
    """Return what shows that one person is asked about, without naming them."""
    return vault.digest(f"{identity.letters(last_name)}:{date_of_birth.isoformat()}", "subject")


def _name(first_name: str, last_name: str) -> str:
    """Return what shows that one name is said, with whichever date, and however it is written."""
    return vault.digest(identity.letters(f"{first_name} {last_name}"), "name")


def _require_known_adult(attempt: Verification) -> None:
    """Raise ``AnotherAdult`` if the call has opened the records of somebody of another last name or date of birth."""
    adults = _adults(_attempts(attempt.call))
    is_known = attempt.subject_digest in {one.subject_digest for one in adults}
    if not attempt.is_minor and _looked_up(adults) and not is_known:
        raise AnotherAdult


def _adults(attempts: Iterable[Verification]) -> list[Verification]:
    """Return the proofs of adults."""
    return [one for one in attempts if one.succeeded and not one.is_minor]


def _looked_up(proofs: Iterable[Verification]) -> list[Verification]:
    """Return the proofs of those who were looked up, not made in the call."""
    return [one for one in proofs if one.name_digest]


def _search(
    integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, attempt: Verification, said: _Said
) -> identity.Outcome:
    """Return who matches. The caller's number always narrows the search, and counts as a factor only if it is proven:
    the questions that are asked must not depend on who is on file."""
    proven = calls.proven_number(attempt.call) or None
    query = PatientQuery(said.last_name, said.date_of_birth, calls.caller_number(attempt.call))
    try:
        with gateway.reading(
            integration=integration, asker=asker, action="findPatient", phi=True, clock=clock, budget=budget
        ) as access:
            access.pms.require(Capability.READ_PATIENTS)
            found = access.pms.search_patients(query)
            outcome = identity.match(
                found, said.first_name, said.last_name, said.date_of_birth, said.phone_last4 or None, proven
            )
            if isinstance(outcome, identity.NoMatch):
                outcome = _on_its_way(integration, said.first_name, said.last_name, said.date_of_birth) or outcome
            if isinstance(outcome, identity.Verified | identity.Inactive):
                access.patient_id = outcome.patient.id
            access.summary["candidates"] = len(found)
            access.summary["outcome"] = type(outcome).__name__
    except errors.ParlaeError:
        _update(attempt, counts=False)  # the PMS failed, not the caller
        raise
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


def _concluded(attempt: Verification, said: _Said, outcome: identity.Outcome, asker: Asker, now: datetime) -> Patient:
    """Return the patient if they are proven now, else raise what the caller hears."""
    since = now - SUSPENDED_FOR
    guesses = _guesses(attempt, [attempt.name_digest], [attempt.subject_digest], since)
    if isinstance(outcome, identity.Verified | identity.Inactive) and _is_guessed_at(attempt, outcome.patient, since):
        outcome = identity.NoMatch()  # by another name: it must not tell that the rest was right
    if guesses >= MAX_GUESSES:
        _refuse(attempt, said, asker, guesses + 1)
    if isinstance(outcome, identity.Verified):
        _prove(attempt, outcome)
        return outcome.patient
    if not attempt.is_minor and _looked_up(_adults(_attempts(attempt.call))):
        raise AnotherAdult  # a namesake of one birthday, who is on file or not
    if isinstance(outcome, identity.NoMatch) or (isinstance(outcome, identity.Ambiguous) and said.phone_last4):
        _refuse(attempt, said, asker, guesses + 1)  # a wrong extra factor counts as well, or it could be guessed
    _update(attempt, counts=False)
    if isinstance(outcome, identity.Inactive):
        raise left_to_team(account=attempt.call.account, patient=outcome.patient, call=attempt.call)
    raise errors.AmbiguousPatient


def _prove(attempt: Verification, outcome: identity.Verified) -> None:
    """Keep the proof, unless another adult's came first: of two at once the later one sees the earlier."""
    patient = outcome.patient
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=attempt.call_id)
        adults = _adults(_attempts(attempt.call))
        known = {_current_id(one) for one in adults}
        if not attempt.is_minor and _looked_up(adults) and patient.id not in known:
            raise AnotherAdult
        _update(
            attempt,
            succeeded=True,
            patient_id=patient.id,
            guarantor_id=patient.guarantor_id,
            is_strong=outcome.phone_matched,
        )


def _is_guessed_at(attempt: Verification, patient: Patient, since: datetime) -> bool:
    """Return whether a patient has been guessed at too often by what is on their file, whatever is said now."""
    first_names = {patient.first_name, patient.preferred_name or patient.first_name}
    names = [_name(first_name, patient.last_name) for first_name in first_names]
    subjects = [_subject(patient.last_name, patient.date_of_birth)] if patient.date_of_birth else []
    return _guesses(attempt, names, subjects, since) >= MAX_GUESSES


def _guesses(attempt: Verification, names: Sequence[str], subjects: Sequence[str], since: datetime) -> int:
    """Return how many other failures there are about somebody of one of these names, or last names and dates."""
    return _failures_about(attempt.account_id, names, subjects, since).exclude(pk=attempt.pk).count()


def _failures_about(
    account_id: UUID, names: Sequence[str], subjects: Sequence[str], since: datetime
) -> QuerySet[Verification]:
    """Return the failures that count about these; a test call's do not, so that it locks nobody's real callers out."""
    about = Q(name_digest__in=names) | Q(subject_digest__in=subjects)
    return Verification.objects.filter(
        about, account_id=account_id, succeeded=False, counts=True, created_at__gte=since, call__is_test=False
    )


def _refuse(attempt: Verification, said: _Said, asker: Asker, guesses: int) -> NoReturn:
    """Refuse an attempt that counts: the ``guesses``-th about the person within a day."""
    call = attempt.call
    failures = _failures(_attempts(call))
    audit.record_event(
        kind="verification.failed",
        actor=asker.actor,
        account_id=call.account_id,
        detail={"call": str(call.pk), "failures": failures},
        request_id=asker.request_id,
    )
    if guesses >= MAX_GUESSES:
        _warn(attempt, said, asker, guesses)
    if failures >= MAX_FAILURES:
        tasks.open_task(account=call.account, kind="verification_locked", detail={}, call=call, once=True)
    if failures >= MAX_FAILURES or guesses > MAX_GUESSES:
        raise errors.VerificationLocked
    raise errors.PatientNotFound


def _warn(attempt: Verification, said: _Said, asker: Asker, guesses: int) -> None:
    """Tell the team, once a day about one person, that somebody is guessed at and can't be looked up by phone."""
    call = attempt.call
    try:
        for digest in (attempt.name_digest, attempt.subject_digest):
            limits.check(limit="suspensions", key=f"{call.account_id}:{digest}")
    except errors.RateLimited:
        return
    audit.record_event(
        kind="verification.suspended",
        actor=asker.actor,
        account_id=call.account_id,
        detail={"call": str(call.pk), "failures": guesses},
        request_id=asker.request_id,
    )
    tasks.open_task(account=call.account, kind="verification_suspended", detail=said.words, call=call)


def _refuse_locked(attempts: Iterable[Verification]) -> None:
    if _failures(attempts) >= MAX_FAILURES:
        raise errors.VerificationLocked


def _failures(attempts: Iterable[Verification]) -> int:
    """Return how many failures count towards the lock of a call.

    A parent who is verified may ask for children who are no patients yet.
    """
    attempts = list(attempts)
    has_parent = bool(_looked_up(_adults(attempts)))
    return sum(1 for one in attempts if one.counts and not one.succeeded and not (has_parent and one.is_minor))


def _update(attempt: Verification, **changes: object) -> None:
    Verification.objects.filter(pk=attempt.pk).update(**changes)
