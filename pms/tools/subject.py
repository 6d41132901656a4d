"""Whom a tool acts for: a patient proven in this call, or the one a system credential names."""

from __future__ import annotations

from pms.domain import errors
from pms.models import CredentialKind
from pms.services import newcomers, patients
from pms.tools.context import Context


def is_trusted(context: Context) -> bool:
    """Return whether the practice's own server asks, whose word for a patient counts."""
    return context.request.kind == CredentialKind.SYSTEM and not context.request.from_model


def patient_of(context: Context, patient_id: str | None, *, required: bool = True, strong: bool = False) -> str:
    """Return the id of the patient to act for, empty for a trusted server that may leave it out.

    ``strong`` asks a caller to call from a number on file. Raises ``NotVerified``, ``AmbiguousPatient``,
    ``MinorNeedsGuardian``, ``CallRequired`` or, if it is missing, ``Invalid``.
    """
    request = context.request
    if is_trusted(context):
        if required and not patient_id:
            raise errors.Invalid("A patientId is needed.", fields={"patientId": "This field is required."})
        return newcomers.current_id(account_id=request.account.pk, patient_id=patient_id or "")
    if request.call is None:
        raise errors.CallRequired
    return patients.require_verified(call=request.call, patient_id=patient_id or "", asker=request.asker, strong=strong)
