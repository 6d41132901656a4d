"""createPatient: a record for somebody who is new, once, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pms.domain import errors, identity, speech, spoken
from pms.domain.phone import normalize
from pms.domain.records import NewPatient
from pms.models import WriteBackState
from pms.services import calls, newcomers, registering
from pms.services.registering import CreationUnknown
from pms.tools import wording
from pms.tools.context import Answer, Context

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def create_patient(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Create a patient; in a call they count as proven from then on."""
    new = _new(context, arguments)
    try:
        created = registering.create(**context.access, call=context.request.call, new=new)
    except CreationUnknown as unknown:
        created = unknown.created
    state = WriteBackState(created.write_back.state)
    sent = registering.as_sent(created, new)
    patient: dict[str, Any] = {
        "id": created.write_back.record_id or None,
        "firstName": new.first_name,
        "lastName": new.last_name,
        # What somebody else has given is not told, and what is not on the record is not said to be.
        "phone": (new.phone if new.phone == sent.phone else "") or None,
        "email": (new.email if new.email == sent.email else "") or None,
    }
    if not created.write_back.record_id:
        patient |= {"writeId": str(created.write_back.pk), "temporaryId": newcomers.handle_of(created.write_back)}
    return Answer(
        say=wording.new_patient_sentence(state, speech.say_name(new.first_name), speech.one_line(created.patient_id)),
        data={"status": wording.PUBLIC_WRITE_STATES[state], "patient": patient},
        status=201 if state is WriteBackState.DONE else 202,
        outcome=errors.OutcomeUnknown.code if state is WriteBackState.UNKNOWN else "ok",
    )


def _new(context: Context, arguments: Mapping[str, Any]) -> NewPatient:
    address = arguments.get("address") or {}
    said = arguments.get("phone")
    return NewPatient(
        first_name=_name(arguments["firstName"], "firstName", "first name"),
        last_name=_name(arguments["lastName"], "lastName", "last name"),
        date_of_birth=_date_of_birth(context, arguments["dateOfBirth"]),
        clinician_id=arguments.get("providerId") or "",
        phone=phone_of(context, said) if said else _calling_from(context),
        email=email_of(arguments.get("email")),
        street=address.get("street") or "",
        city=address.get("city") or "",
        state=address.get("state") or "",
        postal_code=address.get("zip") or "",
    )


def _name(said: str, field: str, words: str) -> str:
    name = speech.one_line(said)
    if not identity.letters(name):
        raise errors.Invalid(
            "A name needs letters.",
            spoken=f"I did not catch the {words}. What is it, please?",
            fields={field: "Not a name."},
        )
    return name


def _date_of_birth(context: Context, said: str) -> date:
    """Return the date that was said; what systems write for an unknown one is asked about, as it matches nobody."""
    request = context.request
    born = spoken.read_date_of_birth(said, today=request.today)
    if identity.is_placeholder_date(born):
        raise errors.DateInvalid(
            "The date of birth is one that stands for an unknown one.",
            spoken="I did not catch the date of birth. Could you say it again, with the month as a word?",
        )
    return born


def phone_of(context: Context, said: str) -> str:
    """Return the number that was said; one that is none is asked about, never repaired."""
    request = context.request
    number = normalize(said, request.account.country)
    if not number:
        raise errors.Invalid(
            "The phone number is not one.",
            spoken="I did not catch the phone number. What is it, please, with the area code?",
            fields={"phone": "Not a phone number."},
        )
    return number


def _calling_from(context: Context) -> str:
    return calls.caller_number(context.request.call) if context.request.call else ""


def email_of(said: str | None) -> str:
    """Return the address that was said, empty if none was; one that is none is asked about."""
    if said and not _EMAIL.fullmatch(said):
        raise errors.Invalid(
            "The e-mail address is not one.",
            spoken="I did not catch the email address. Could you spell it, please?",
            fields={"email": "Not an e-mail address."},
        )
    return said or ""
