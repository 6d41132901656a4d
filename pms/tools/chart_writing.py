"""updatePatient, addPatientNote, addInsurance and processPayment: what became of it, in the words of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pms.domain import errors, speech, spoken
from pms.domain.records import NewInsurance, NewNote, NewPayment, PatientUpdate
from pms.models import Operation, WriteBackState
from pms.services import chart_changes, limits
from pms.services.chart_changes import ChartChange, ChartChangeUnknown, Written
from pms.tools import subject, wording
from pms.tools.context import Answer, Context
from pms.tools.registering import email_of, phone_of

_ADDRESS = ("street", "city", "state", "zip")
_NOT_POSTED = {"confirmationNumber": None, "timestamp": None}
_NOTHING_CHARGED = "I have noted the payment of {amount} for the team to collect. Nothing has been charged."


def update_patient(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Change a patient's contact details; somebody without the stronger proof leaves them to the team.

    Whoever could change the number on file would be proven by it from then on.
    """
    patient_id = subject.patient_of(context, arguments.get("patientId"))
    update = _update(context, arguments, patient_id)
    if not _is_strong(context, patient_id):
        return _left_to_team(context, update, {"patient": {"id": patient_id, **_public_update(update)}})
    written = _write(context, update)
    return _answer(written, {"patient": {"id": patient_id, **_public_update(update)}}, done=200)


def add_patient_note(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Add a note to a patient's record."""
    patient_id = subject.patient_of(context, arguments.get("patientId"))
    note = NewNote(
        patient_id=patient_id,
        text=arguments["content"],
        written_on=context.request.today,
        category=arguments.get("category") or "",
    )
    written = _write(context, note)
    public = {"content": context.pms.note_as_written(note.text), "createdAt": written.write_back.created_at}
    return _answer(written, {"note": {"id": written.write_back.record_id or None, **public}})


def add_insurance(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Add an insurance to a patient's record."""
    patient_id = subject.patient_of(context, arguments.get("patientId"))
    born = arguments.get("subscriberDob")
    insurance = NewInsurance(
        patient_id=patient_id,
        carrier=speech.one_line(arguments["provider"]),
        subscriber_id=arguments["policyNumber"],
        group_number=arguments.get("groupNumber") or "",
        is_primary=arguments.get("isPrimary") is not False,
        subscriber_name=speech.one_line(arguments.get("subscriberName") or ""),
        subscriber_date_of_birth=spoken.read_date_of_birth(born, today=context.request.today) if born else None,
        relationship=arguments.get("relationship") or "",
    )
    written = _write(context, insurance)
    public = {
        "provider": insurance.carrier,
        "policyNumber": insurance.subscriber_id,
        "isPrimary": insurance.is_primary,
    }
    return _answer(written, {"insurance": {"id": written.write_back.record_id or None, **public}})


def process_payment(context: Context, arguments: Mapping[str, Any]) -> Answer:
    """Enter a payment into the patient's ledger; by voice, unless the practice wants that, leave it to the team.

    Nothing is charged here, and the agent says so.
    """
    request = context.request
    is_trusted = subject.is_trusted(context)
    if is_trusted and not request.idempotency_key:
        raise errors.Invalid(
            "A payment needs an Idempotency-Key, or a repetition would be posted twice.",
            fields={"Idempotency-Key": "This header is required."},
        )
    patient_id = subject.patient_of(context, arguments.get("patientId"))
    limits.check(limit="payments", key=str(request.account.pk))
    payment = NewPayment(
        patient_id=patient_id,
        amount=arguments["amount"],
        method=arguments["method"],
        paid_on=context.request.today,
        reference=arguments.get("reference") or "",
        note=arguments.get("notes") or "",
        last4=arguments.get("last4") or "",
    )
    amount = speech.say_amount(payment.amount)
    if not is_trusted and not _may_post(context, patient_id):
        return _left_to_team(
            context,
            payment,
            {"payment": {"id": None, "amount": payment.amount, "status": "requested"} | _NOT_POSTED},
            say=_NOTHING_CHARGED.format(amount=amount),
        )
    written = _write(context, payment)
    row = written.write_back
    public = {
        "id": row.record_id or None,
        "amount": payment.amount,
        "status": "completed" if written.state is WriteBackState.DONE else wording.PUBLIC_WRITE_STATES[written.state],
        "confirmationNumber": _confirmation_number(row.pk),
        "timestamp": row.sent_at,
    }
    return _answer(written, {"payment": public}, amount=amount)


def _may_post(context: Context, patient_id: str) -> bool:
    """Return whether a caller's payment is posted: if the practice wants that, with the proof that money needs."""
    return (context.integration.config or {}).get("voicePayments") == "ledger" and _is_strong(context, patient_id)


def _is_strong(context: Context, patient_id: str) -> bool:
    try:
        subject.patient_of(context, patient_id, strong=True)
    except errors.NotVerified:
        return False
    return True


def _confirmation_number(write_id: Any) -> str:
    """Return what a payment is called by: ours, made from its write-back."""
    return f"PAY{write_id.hex[:10].upper()}"


def _update(context: Context, arguments: Mapping[str, Any], patient_id: str) -> PatientUpdate:
    """Return what is to change. Raises ``Invalid`` if that is nothing."""
    nested = arguments.get("address") or {}
    address = {name: nested.get(name) or arguments.get(name) for name in _ADDRESS}
    said = arguments.get("phone")
    update = PatientUpdate(
        patient_id=patient_id,
        phone=phone_of(context, said) if said else None,
        email=email_of(arguments.get("email")) or None,
        street=address.get("street") or None,
        city=address.get("city") or None,
        state=address.get("state") or None,
        postal_code=address.get("zip") or None,
    )
    if update == PatientUpdate(patient_id=patient_id):
        raise errors.Invalid(
            "Nothing is to be changed.",
            spoken="What should change: the phone number, the email address or the address?",
            fields={"phone": "Give at least one of phone, email and address."},
        )
    return update


def _public_update(update: PatientUpdate) -> dict[str, Any]:
    """Return what was to change, by the names of the spec; what was not is left out."""
    address = {"street": update.street, "city": update.city, "state": update.state, "zip": update.postal_code}
    given = {name: value for name, value in address.items() if value}
    public = {"phone": update.phone, "email": update.email, "address": given or None}
    return {name: value for name, value in public.items() if value}


def _write(context: Context, change: ChartChange) -> Written:
    """Write a change, unless the same request, or the same call, has asked for the same before."""
    request = context.request
    key = request.idempotency_key or (chart_changes.key_in_call(request.call, change) if request.call else "")
    try:
        return chart_changes.write(**context.access, change=change, call=request.call, key=key)
    except ChartChangeUnknown as unknown:
        return unknown.written


def _left_to_team(context: Context, change: ChartChange, data: dict[str, Any], *, say: str = "") -> Answer:
    task = chart_changes.leave_to_team(integration=context.integration, change=change, call=context.request.call)
    return Answer(
        say=say or chart_changes.said_by_team(change),
        data={"status": "requested", **data, "taskId": str(task.pk)},
        status=202,
    )


def _answer(written: Written, data: dict[str, Any], *, done: int = 201, amount: str = "") -> Answer:
    state = written.state
    name = next(iter(data))
    if state is not WriteBackState.DONE or data[name]["id"] is None:
        data[name]["writeId"] = str(written.write_back.pk)
    return Answer(
        say=wording.chart_sentence(
            Operation(written.write_back.operation), state, amount, stood_before=written.stood_before
        ),
        data={"status": wording.PUBLIC_WRITE_STATES[state], **data},
        status=done if state is WriteBackState.DONE else 202,
        outcome=errors.OutcomeUnknown.code if state is WriteBackState.UNKNOWN else "ok",
    )
