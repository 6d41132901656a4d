"""Reading one patient's chart: the profile, notes, insurance and balance, each an audited access."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from pms.domain import errors
from pms.domain.clock import Budget, Clock
from pms.domain.records import Balance, InsurancePolicy, Note, Patient, PatientProfile
from pms.models import PmsIntegration
from pms.providers.base import Capability
from pms.services import cache, chart_changes, gateway, limits, newcomers
from pms.services.audit import Asker
from pms.services.gateway import Access

T = TypeVar("T")

CHART_TTL = timedelta(minutes=5)


def profile(
    *, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, patient_id: str
) -> PatientProfile:
    """Return a patient's profile, or raise ``PatientNotFound``."""
    with _reading(integration, asker, clock, budget, "getPatientInfo", patient_id, Capability.READ_PATIENTS) as access:
        return _kept(access, "profile", PatientProfile, access.pms.get_profile)


def notes(
    *, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, patient_id: str
) -> Sequence[Note]:
    """Return the notes of a patient's chart, newest first, or raise ``PatientNotFound``."""
    with _reading(integration, asker, clock, budget, "getPatientNotes", patient_id, Capability.READ_NOTES) as access:
        shown = _kept(access, "notes", list[Note], lambda patient_id: _notes(access, patient_id))
        # The vendor's copy may be older than a note of ours.
        ours = chart_changes.notes_not_shown(integration=integration, patient_id=patient_id, pms=access.pms)
        texts = {note.text for note in shown}
        found = [*(note for note in ours if note.text not in texts), *shown]
        access.summary["rows"] = len(found)
        return found


def insurance(
    *, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, patient_id: str
) -> Sequence[InsurancePolicy]:
    """Return a patient's insurances, the primary one first, or raise ``PatientNotFound``."""
    with _reading(integration, asker, clock, budget, "getInsurance", patient_id, Capability.READ_INSURANCE) as access:
        found = _kept(access, "insurance", list[InsurancePolicy], lambda one: list(access.pms.list_insurance(one)))
        access.summary["rows"] = len(found)
        return found


def balance(*, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, patient_id: str) -> Balance:
    """Return what is owed on a patient's account, or raise ``PatientNotFound``."""
    with _reading(integration, asker, clock, budget, "getBalance", patient_id, Capability.READ_BALANCE) as access:
        return _kept(access, "balance", Balance, access.pms.get_balance)


def search(
    *, integration: PmsIntegration, asker: Asker, clock: Clock, budget: Budget, words: str, limit: int
) -> Sequence[Patient]:
    """Return at most ``limit`` patients whom ``words`` may mean: for the practice's own server only."""
    limits.check(limit="search", key=str(integration.account_id))
    with gateway.reading(
        integration=integration, asker=asker, action="searchPatients", phi=True, clock=clock, budget=budget
    ) as access:
        access.pms.require(Capability.READ_PATIENTS)
        found = access.pms.find_patients(words, limit)[:limit]
        access.summary["rows"] = len(found)
        return found


def _notes(access: Access, patient_id: str) -> list[Note]:
    found = list(access.pms.list_notes(patient_id))
    if not found:  # nobody's notes are none either
        access.pms.get_patient(patient_id)
    return found


def _kept(access: Access, name: str, kind: type[T], fetch: Callable[[str], T]) -> T:
    """Return one part of the access's chart, from the cache if it was read a few minutes ago."""
    patient_id = access.patient_id or ""
    return cache.kept(access, name, kind, CHART_TTL, lambda: fetch(patient_id), patient_id=patient_id)


@contextmanager
def _reading(
    integration: PmsIntegration,
    asker: Asker,
    clock: Clock,
    budget: Budget,
    action: str,
    patient_id: str,
    capability: Capability,
) -> Iterator[Access]:
    """Open an access to one patient's chart; one whose record is still on its way has none yet."""
    patient_id, on_its_way = newcomers.resolve(integration=integration, patient_id=patient_id)
    if on_its_way is not None:
        raise errors.PatientNotFound(spoken="The new record is not in the practice's system yet, so it has none.")
    with gateway.reading(
        integration=integration,
        asker=asker,
        action=action,
        phi=True,
        clock=clock,
        budget=budget,
        patient_id=patient_id,
    ) as access:
        access.pms.require(capability)
        yield access
