"""What somebody wanted changed, in the words of the task in which a person does it by hand."""

from __future__ import annotations

from pms.domain.records import (
    Change,
    MovedAppointment,
    NewAppointment,
    NewInsurance,
    NewNote,
    NewPatient,
    NewPayment,
    PatientUpdate,
    StatusChange,
)


def in_words(change: Change) -> dict[str, str]:
    """Return the parts of a change by the names that the public API gives them; what is empty says nothing."""
    match change:
        case NewAppointment() | MovedAppointment():
            return {"startsAt": change.starts_at.isoformat()}
        case StatusChange():
            return {"startsAt": change.starts_at.isoformat(), "reason": change.reason}
        case NewPatient():
            return {
                "firstName": change.first_name,
                "lastName": change.last_name,
                "dateOfBirth": change.date_of_birth.isoformat(),
                "phone": change.phone,
                "email": change.email,
                "address": _address(change),
                "guarantorId": change.guarantor_id,
            }
        case PatientUpdate():
            return {"phone": change.phone or "", "email": change.email or "", "address": _address(change)}
        case NewNote():
            return {"content": change.text, "category": change.category}
        case NewInsurance():
            born = change.subscriber_date_of_birth
            return {
                "provider": change.carrier,
                "policyNumber": change.subscriber_id,
                "groupNumber": change.group_number,
                "isPrimary": "yes" if change.is_primary else "no",
                "subscriberName": change.subscriber_name,
                "subscriberDob": born.isoformat() if born else "",
                "relationship": change.relationship,
            }
        case NewPayment():
            return {
                "amount": str(change.amount),
                "method": change.method,
                "last4": change.last4,
                "reference": change.reference,
                "notes": change.note,
                "paidOn": change.paid_on.isoformat(),
            }


def _address(change: NewPatient | PatientUpdate) -> str:
    return ", ".join(filter(None, (change.street, change.city, change.state, change.postal_code)))
