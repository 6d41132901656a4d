"""Patients whose record is on its way: the handle they go by, and how they are found again.

A new record takes the PMS minutes, and its own search shows it later still. Until there is an id the patient is known
by a handle of ours (``new-`` and the write-back's id), which proofs and bookings carry; ``services.consequences`` puts
the PMS's id in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from pms import vault
from pms.domain import errors, identity
from pms.models import Booking, BookingState, Operation, PmsIntegration, WriteBack, WriteBackState

_HANDLE = re.compile(r"new-([0-9a-f]{32})")
_NO_RECORD = "The record could not be created in the practice's system, so I can't book for it. The team has a note."


@dataclass(frozen=True, slots=True)
class Created:
    """A new patient: the write-back that makes the record, and whether another request had asked for it before."""

    write_back: WriteBack
    stood_before: bool = False

    @property
    def patient_id(self) -> str:
        """The PMS's id or, until there is one, our handle."""
        return self.write_back.record_id or handle_of(self.write_back)


def handle_of(write_back: WriteBack) -> str:
    """Return what stands for a patient whose record is on its way."""
    return f"new-{write_back.pk.hex}"


def is_handle(patient_id: str) -> bool:
    """Return whether an id is a handle of ours and not the PMS's."""
    return _HANDLE.fullmatch(patient_id) is not None


def digest_of(first_name: str, last_name: str, date_of_birth: date) -> str:
    """Return what finds the same person again, however their name is written."""
    first, last = identity.letters(first_name), identity.letters(last_name)
    return vault.digest(f"{last}:{first}:{date_of_birth.isoformat()}", "newcomer")


def under_way(*, integration: PmsIntegration, digest: str) -> Created | None:
    """Return the record of a person that is on its way, or made and not yet shown by the PMS's own search."""
    known = WriteBack.objects.filter(integration=integration, subject_digest=digest, verified_at__isnull=True)
    write_back = known.exclude(state__in=[WriteBackState.FAILED, WriteBackState.PARKED]).first()
    return None if write_back is None else Created(write_back, stood_before=True)


def current_id(*, account_id: UUID, patient_id: str) -> str:
    """Return the PMS's id in place of one of the account's handles once there is one, and any other id as it is."""
    made = _made(patient_id, account_id=account_id)
    return made.record_id or patient_id if made is not None else patient_id


def write_back_of(*, account_id: UUID, patient_id: str) -> WriteBack | None:
    """Return the write-back that one of the account's handles stands for, ``None`` for any other id."""
    return _made(patient_id, account_id=account_id)


def is_new(*, integration: PmsIntegration, patient_id: str, now: datetime) -> bool:
    """Return whether a patient's record was made here, and no appointment of theirs has taken place since."""
    if is_handle(patient_id):
        return True
    made = WriteBack.objects.filter(
        integration=integration, operation=Operation.CREATE_PATIENT, record_id=patient_id, state=WriteBackState.DONE
    )
    seen = Booking.objects.filter(
        integration=integration, patient_id=patient_id, state=BookingState.CONFIRMED, ends_at__lte=now
    )
    return made.exists() and not seen.exists()


def resolve(*, integration: PmsIntegration, patient_id: str) -> tuple[str, WriteBack | None]:
    """Return the PMS's id of a patient, and for a handle whose record is still on its way its write-back.

    Raises ``PatientNotFound`` for a handle that is not the practice's, or whose record could not be made.
    """
    if not is_handle(patient_id):
        return patient_id, None
    made = _made(patient_id, integration=integration)
    if made is None:
        raise errors.PatientNotFound
    if made.record_id:
        return made.record_id, None
    if made.state in (WriteBackState.FAILED, WriteBackState.PARKED):
        raise errors.PatientNotFound(spoken=_NO_RECORD)
    return patient_id, made


def _made(patient_id: str, **owner: object) -> WriteBack | None:
    """Return the write-back that a handle of the owner's stands for, ``None`` for any other id."""
    match = _HANDLE.fullmatch(patient_id)
    if match is None:
        return None
    return WriteBack.objects.filter(pk=UUID(match[1]), operation=Operation.CREATE_PATIENT, **owner).first()
