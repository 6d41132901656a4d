"""findPatient: proves who the call is about. Lists are for system credentials, never for a caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pms.domain import errors, speech, spoken
from pms.services import patients
from pms.tools.context import Answer, Context


def find_patient(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Verify the caller's patient for the rest of this call."""
    request = context.request
    if request.call is None:
        raise errors.CallRequired
    patient = patients.verify(
        **context.access,
        call=request.call,
        first_name=arguments["firstName"],
        last_name=arguments["lastName"],
        date_of_birth=spoken.read_date_of_birth(arguments["dateOfBirth"], today=request.today),
        phone_last4=arguments.get("phoneLast4") or "",
    )
    # Says back nothing that the caller did not say.
    name = speech.say_name(arguments["firstName"])
    return Answer(
        say=f"Thank you, I found the record for {name} (patient id {speech.one_line(patient.id)}).",
        data={"patientId": patient.id},
    )
