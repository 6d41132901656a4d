"""Rows in the shape that Sikka's reference shows: filled in with invented values, and masked as its examples are.

A masked example has the field's own name as every value ("patient id", "date"), or one like "xxx-xxx-xxxx".
"""

from __future__ import annotations

_PATIENT = (
    "href patient_id guarantor_id firstname middlename lastname preferred_name salutation birthdate status "
    "patient_note medical_note alert_note other_note gender address_line1 address_line2 city state zipcode "
    "homephone workphone cell email employer_id billing_type first_visit last_visit provider_id practice_id "
    "primary_insurance_company_id secondary_insurance_company_id primary_relationship country "
    "primary_medical_insurance primary_medical_insurance_id secondary_relationship subscriber_id primary_insurance "
    "secondary_insurance other_phone secondary_subscriber_id primary_subscriber_patient_id "
    "secondary_subscriber_patient_id guarantor_patient_id rowhash chart_number"
)
_NOTE = (
    "href patient_href patient_id provider_id practice_id transaction_sr_no surface clinical_condition_id "
    "created_by date description type tooth_number cust_id procedure_date text procedure_code_id time_stamp "
    "other_description error_code note_id communication_method"
)
_SUBSCRIBER = (
    "href patient_href patient_id firstname middlename lastname salutation birthdate gender address_line1 "
    "address_line2 city state zipcode practice_id subscriber_id type insurance_company_id employer_name "
    "patient_relation identification_type individual_used individual_deductible_remaining ortho_used "
    "insurance_effective_date family_deductible_reamining"
)
_COMPANY = (
    "href address_line1 city state zipcode employer_id practice_id country fee_no cust_id phone "
    "insurance_company_id insurance_company_name payer_id group_plan_name maximum_yearly_benefit group_plan_number "
    "renew_month insurance_type plan_type notes insurance_plan_status eligibility fax carrier_id"
)
_BALANCE = (
    "patient_id firstname lastname practice_id current_date practice_name customer_id chart_number "
    "patient_amount_less_than_30 patient_amount_between_30_60 patient_amount_between_60_90 "
    "patient_amount_greater_than_90 insurance_amount_less_than_30 insurance_amount_between_30_60 "
    "insurance_amount_between_60_90 insurance_amount_greater_than_90 patient_balance unapplied insurance_due "
    "patient_due account_balance write_off"
)
_TRANSACTION = (
    "href patient_href patient_id guarantor_id provider_id practice_id transaction_sr_no transaction_type "
    "transaction_date procedure_code procedure_description amount transaction_entry_date "
    "estimated_insurance_payment quantity claim_sr_no payment_type note cheque_no created_by appointment_sr_no "
    "cust_id rowhash amount_paid payment_method transaction_time"
)
_FIELDS = {
    "/patients": _PATIENT,
    "/medical_notes": _NOTE,
    "/note_types": "href practice_id practice_href description type cust_id item",
    "/subscribers": _SUBSCRIBER,
    "/insurance_companies": _COMPANY,
    "/patient_balance": _BALANCE,
    "/transactions": _TRANSACTION,
    "/payment_types": "href practice_id practice_href description code cust_id payment_type_status",
}
PATHS = tuple(_FIELDS)

_FILLED = {
    "/patients": {
        "patient_id": "5383",
        "guarantor_id": "5380",
        "firstname": "Ada",
        "lastname": "Example",
        "birthdate": "1990-01-31T00:00:00",
        "status": "Active",
        "address_line1": "12 Quarry Lane",
        "address_line2": "Unit 4",
        "city": "Springfield",
        "state": "NY",
        "zipcode": "10001",
        "cell": "212-555-0147",
        "email": "ada@example.test",
        "last_visit": "2026-02-11T00:00:00",
        "provider_id": "DMD2",
        "primary_insurance_company_id": "2506",
        "primary_relationship": "Self",
        "subscriber_id": "WID5501234",
        "secondary_insurance_company_id": "0",
    },
    "/medical_notes": {
        "patient_id": "5383",
        "provider_id": "DMD2",
        "transaction_sr_no": "0",
        "clinical_condition_id": "0",
        "date": "2026-02-11T00:00:00",
        "type": "Patient Note",
        "text": "Prefers mornings.",
        "procedure_date": "2026-02-11T00:00:00",
    },
    "/note_types": {"description": "", "type": "PatNote", "cust_id": "1"},
    "/subscribers": {
        "patient_id": "5383",
        "birthdate": "1990-01-31T00:00:00",
        "subscriber_id": "2506_35",
        "type": "Dental Primary",
        "insurance_company_id": "2506",
        "patient_relation": "Self",
        "identification_type": "Pat_Insd",
        "individual_used": "450.0000",
        "insurance_effective_date": "2025-01-01T00:00:00",
    },
    "/insurance_companies": {
        "insurance_company_id": "2506",
        "insurance_company_name": "Invented Dental Mutual",
        "phone": "(212)5550190",
        "payer_id": "98101",
        "group_plan_number": "447120",
        "maximum_yearly_benefit": "1000.0000",
    },
    "/patient_balance": {
        "patient_id": "5383",
        "current_date": "2026-05-11T00:00:00",
        "patient_balance": "50.0000",
        "unapplied": "0",
        "insurance_due": "100.5000",
        "patient_due": "50.0000",
        "account_balance": "150.5000",
        "write_off": "0",
    },
    "/transactions": {
        "patient_id": "5383",
        "guarantor_id": "5380",
        "provider_id": "DMD2",
        "transaction_sr_no": "31008",
        "transaction_type": "Payment",
        "transaction_date": "2026-04-30T00:00:00",
        "procedure_code": "2",
        "procedure_description": "Cash Payment",
        "amount": "-75.0000",
        "claim_sr_no": "0",
    },
    "/payment_types": {"description": "Cash Payment", "code": "2"},
}


def filled(path: str, **changes: str) -> dict[str, str]:
    """Return a row of an endpoint with all of its fields; what is not invented is empty, as the vendor writes null."""
    return dict.fromkeys(_FIELDS[path].split(), "") | {"practice_id": "1"} | _FILLED[path] | changes


def masked(path: str, **changes: str) -> dict[str, str]:
    """Return a row of an endpoint as the reference masks it: every value is the name of its field."""
    row = {name: name.replace("_", " ") for name in _FIELDS[path].split()}
    return row | {"practice_id": "1", "cell": "xxx-xxx-xxxx"} | changes
