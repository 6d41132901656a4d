"""getPatientInfo, getPatientNotes, getInsurance and getBalance: what a patient's chart says.

The practice's own server gets the spec's shapes; a caller hears only what they need, after a stronger proof than for
appointments. What is not in these shapes never leaves, whatever a PMS sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import structlog

from pms.domain import errors, speech
from pms.domain.localtime import resolve_edge
from pms.domain.records import Balance, InsurancePolicy, Note, Patient, PatientProfile, Payment
from pms.models import Scope
from pms.services import chart_changes, charts, tasks
from pms.tools import subject
from pms.tools.context import Answer, Context

log = structlog.get_logger(__name__)

_MOST_SAID = 3
_CENT = Decimal("0.01")
_BY_THE_TEAM = "I can't look that up in this practice's system, so I have left the team a note that you asked."


def get_patient_info(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Tell what is on file about a patient."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), strong=True)
    with _or_left_to_team(context, "tell_patient_info", patient_id):
        profile = charts.profile(**context.access, patient_id=patient_id)
    public = _public_profile(context, profile)
    if not subject.is_trusted(context):  # a model reads it: no more than is said
        public |= {"dateOfBirth": None, "phone": _end_of(public["phone"])}
    return Answer(say=_say_profile(profile), data={"patient": public})


def get_patient_notes(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Tell the notes of a chart; to a caller, those left through Parlae and the kinds that the practice names."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), strong=True)
    with _or_left_to_team(context, "tell_notes", patient_id):
        notes = charts.notes(**context.access, patient_id=patient_id)
    if not subject.is_trusted(context):
        notes = _readable(context, notes, patient_id)
    return Answer(say=_say_notes(notes), data={"notes": [_public_note(note) for note in notes]})


def get_insurance(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Tell which insurances are on file; never what they cover."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), strong=True)
    with _or_left_to_team(context, "tell_insurance", patient_id):
        policies = charts.insurance(**context.access, patient_id=patient_id)
    public = [_public_policy(policy) for policy in policies]
    if not subject.is_trusted(context):
        public = [policy | {"policyNumber": _end_of(policy["policyNumber"])} for policy in public]
    return Answer(say=_say_policies(policies), data={"insurance": public})


def get_balance(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Tell what is owed, of which day the figures are, and what they lack."""
    patient_id = subject.patient_of(context, arguments.get("patientId"), strong=True)
    with _or_left_to_team(context, "tell_balance", patient_id):
        balance = charts.balance(**context.access, patient_id=patient_id)
    unseen = chart_changes.payments_not_shown(integration=context.integration, patient_id=patient_id)
    return Answer(
        say=_say_balance(context, balance, unseen), data={"balance": _public_balance(context, balance, unseen)}
    )


def search_patients(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """List patients for the practice's own server; a caller never gets a list."""
    if not subject.is_trusted(context):
        raise errors.Forbidden
    found = charts.search(**context.access, words=arguments["query"], limit=arguments["limit"])
    return Answer(say="", data={"patients": [_public_patient(one) for one in found]})


def _public_note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "content": note.text, "createdBy": note.author or None, "createdAt": note.written_at}


def _public_policy(policy: InsurancePolicy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "provider": policy.carrier,
        "policyNumber": policy.subscriber_id or None,
        "groupNumber": policy.group_number or None,
        "isPrimary": policy.is_primary,
        "effectiveDate": policy.effective_on,
        "expirationDate": policy.expires_on,
    }


@contextmanager
def _or_left_to_team(context: Context, what: str, patient_id: str) -> Iterator[None]:
    """Leave a caller's question to the team where the PMS, or what we may ask it, has no answer."""
    try:
        yield
    except errors.NotSupported as error:
        call = context.request.call
        if call is None:
            raise
        tasks.open_task(
            account=context.request.account,
            kind=f"please_{what}",
            detail={"patientId": patient_id},
            call=call,
            unless_said=True,
        )
        raise errors.NotSupported(error.message, spoken=_BY_THE_TEAM) from None


def _public_patient(patient: Patient) -> dict[str, Any]:
    return {
        "id": patient.id,
        "firstName": patient.first_name,
        "lastName": patient.last_name,
        "phone": next(iter(patient.phones), None),
        "email": patient.email or None,
        "dateOfBirth": patient.date_of_birth,
    }


def _public_profile(context: Context, profile: PatientProfile) -> dict[str, Any]:
    contact = profile.emergency_contact
    return {
        **_public_patient(profile.patient),
        "address": {
            "street": profile.street,
            "city": profile.city,
            "state": profile.state,
            "zip": profile.postal_code,
        },
        "emergencyContact": {"name": contact.name, "phone": contact.phone, "relationship": contact.relationship}
        if contact
        else None,
        "balance": _total(context, profile.patient.id),
        "lastVisit": _midnight(context, profile.last_visit),
    }


def _total(context: Context, patient_id: str) -> Decimal | None:
    """Return what is owed for a server that may know it, ``None`` if that cannot be told."""
    is_allowed = Scope.BALANCE_READ in context.request.scopes and (context.integration.features or {}).get("payments")
    if not subject.is_trusted(context) or not is_allowed:
        return None
    try:
        return charts.balance(**context.access, patient_id=patient_id).total.quantize(_CENT)
    except errors.PmsError as error:
        log.info("balance left out", code=error.code)
        return None


def _public_balance(context: Context, balance: Balance, unseen: Sequence[Decimal]) -> dict[str, Any]:
    missing = {"mayNotInclude": sum(unseen, Decimal()).quantize(_CENT)} if unseen else {}
    return {
        "total": balance.total.quantize(_CENT),
        "insurance": balance.insurance.quantize(_CENT),
        "patient": balance.patient.quantize(_CENT),
        "lastPayment": _public_payment(context, balance.last_payment),
        "asOf": balance.as_of,
        **missing,
    }


def _public_payment(context: Context, payment: Payment | None) -> dict[str, Any] | None:
    if payment is None:
        return None
    return {
        "amount": payment.amount.quantize(_CENT),
        "date": _midnight(context, payment.paid_on),
        "method": payment.method or None,
    }


def _end_of(number: str | None) -> str | None:
    """Return how a number ends, by which its owner knows it."""
    return f"...{number[-4:]}" if number else None


def _midnight(context: Context, day: date | None) -> datetime | None:
    """Return the instant at which a local day begins: the PMS tells the day only."""
    return resolve_edge(day, time.min, context.request.account.zone).astimezone(UTC) if day else None


def _readable(context: Context, notes: Sequence[Note], patient_id: str) -> list[Note]:
    kinds = {str(kind) for kind in (context.integration.config or {}).get("voiceNoteTypes") or []}
    own = chart_changes.notes_left(integration=context.integration, patient_id=patient_id, pms=context.pms)
    return [note for note in notes if note.text in own or note.kind in kinds]


def _say_profile(profile: PatientProfile) -> str:
    patient = profile.patient
    parts = []
    if patient.phones:
        parts.append(f"a phone number ending in {speech.spell(patient.phones[0][-4:])}")
    if patient.email:
        parts.append(f"the email address {speech.say_email(patient.email)}")
    address = ", ".join(filter(None, (profile.street, profile.city, profile.state)))
    if address:
        parts.append(f"the address {speech.one_line(address)}")
    return f"The practice has on file {speech.say_list(parts)}." if parts else "The practice has no contact details."


def _say_notes(notes: Sequence[Note]) -> str:
    if not notes:
        return "There are no notes that I can read out. The team can say more."
    said = " ".join(f"{speech.one_line(note.text).rstrip('.')}." for note in notes[:_MOST_SAID])
    return f"The latest notes say: {said}"


def _say_policies(policies: Sequence[InsurancePolicy]) -> str:
    if not policies:
        return "The practice has no dental insurance on file for that patient."
    others = [policy for policy in policies if not policy.is_primary]
    second = others[0] if len(others) == 1 else None
    said = [
        f"{'primary' if policy.is_primary else 'secondary' if policy is second else 'further'} insurance with "
        f"{speech.one_line(policy.carrier)}"
        + (f", member number ending in {speech.spell(policy.subscriber_id[-4:])}" if policy.subscriber_id else "")
        for policy in policies[:_MOST_SAID]
    ]
    return f"On file: {'; '.join(said)}. What it covers, the team has to say."


def _say_balance(context: Context, balance: Balance, unseen: Sequence[Decimal]) -> str:
    today = context.request.today
    as_of = f"As of {speech.say_date(balance.as_of, today)}, the" if balance.as_of else "The"
    parts = [f"the patient's part is {speech.say_amount(balance.patient)}"] if balance.patient > 0 else []
    if balance.insurance > 0:
        parts.append(f"{speech.say_amount(balance.insurance)} is expected from insurance")
    said = f"{as_of} account balance is {speech.say_amount(balance.total)}"
    lately = speech.say_list([speech.say_amount(amount) for amount in unseen])
    lacks = f" A payment of {lately} that was noted here may not be in it yet." if unseen else ""
    return f"{said}{': ' if parts else ''}{speech.say_list(parts)}.{lacks}"
