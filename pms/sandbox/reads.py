"""The reads: which rows, which filters. All answer from the cloud copy, never from the PMS truth."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from . import fields, ledger
from .envelope import listing
from .errors import Refusal
from .fields import FieldTable, Row, words
from .message import Answer, Request
from .practice import PAYMENT_TYPES
from .rql import parse
from .truth import Office

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# "value should be true": anything else counts as not asked. Without any of them, adjustments are left out.
_PAYMENT_KINDS = {
    "is_insurance_type": ("insurance",),
    "is_adjustment_type": ("credit",),
    "is_debit_adjustment_type": ("debit",),
    "are_credit_card_details_required": (),
}
_PLAIN_PAYMENTS = ("payment", "insurance")
_SEARCHED = words("firstname lastname middlename email city state zipcode homephone workphone cell")
_PHONES = ("cell", "homephone", "workphone", "other_phone")
_BOOKING_TYPES = ("new_patient", "new_appointment", "lab_result", "medical_note", "patch_appointment")

Narrow = Callable[[list[Row], Request], list[Row]]


def _all(rows: list[Row], _request: Request) -> list[Row]:
    return rows


@dataclass(frozen=True)
class Listing:
    """One list API. `exact` maps query parameters to the field they must equal, case aside; `narrow` does the rest."""

    table: FieldTable
    rows: Callable[[Office], list[Row]]
    exact: Mapping[str, str] = field(default_factory=dict)
    narrow: Narrow = _all

    def answer(self, office: Office, request: Request, base_url: str, extra: Mapping[str, object]) -> Answer:
        """The page asked for; parameters nobody documented are ignored, as at Sikka. `extra` stands in every row."""
        rows = filtered(self.rows(office), request, self.exact)
        rows = [row for row in self.narrow(rows, request) if office.access.get(row.get("practice_id", ""), True)]
        if request.query.get("find"):
            test = parse(request.query["find"])
            rows = [row for row in rows if test(row)]
        return listing(self.table, rows, request, base_url, extra=extra)


def filtered(rows: list[Row], request: Request, exact: Mapping[str, str]) -> list[Row]:
    """The rows whose field equals the parameter; an empty parameter does not count. Dates compare by their day."""
    for parameter, name in exact.items():
        wanted = request.query.get(parameter, "").casefold()
        if wanted:
            dated = _DAY.fullmatch(wanted) is not None
            rows = [row for row in rows if (row[name][:10] if dated else row[name]).casefold() == wanted]
    return rows


def day_of(request: Request, parameter: str) -> str:
    """A date parameter as yyyy-mm-dd, "" if absent; anything else is refused."""
    text = request.query.get(parameter, "")
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat() if _DAY.fullmatch(text) else _refuse()
    except ValueError:
        return _refuse()


def _refuse() -> str:
    raise Refusal("API1026")


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _by_number(rows: Mapping[str, Row]) -> list[Row]:
    return [rows[key] for key in sorted(rows, key=int)]


def _window(*names: str) -> Narrow:
    """startdate to enddate, on the field that date_filter_on names: the first of `names`, or another of them."""

    def narrow(rows: list[Row], request: Request) -> list[Row]:
        name = request.query.get("date_filter_on") or names[0]
        if name not in names:
            raise Refusal("API1026")
        first, last = day_of(request, "startdate"), day_of(request, "enddate")
        if first:
            rows = [row for row in rows if row[name] and row[name][:10] >= first]
        if last:
            rows = [row for row in rows if row[name] and row[name][:10] <= last]
        return rows

    return narrow


def _patients(rows: list[Row], request: Request) -> list[Row]:
    """`phone` equals any stored number as typed; `search` is part of one searched field."""
    phone, text = request.query.get("phone", ""), request.query.get("search", "").casefold()
    if phone:
        rows = [row for row in rows if any(row[name] == phone for name in _PHONES)]
    if text:
        rows = [row for row in rows if any(text in row[name].casefold() for name in _SEARCHED)]
    return rows


def _operatories(rows: list[Row], request: Request) -> list[Row]:
    if not request.query.get("cust_id"):
        raise Refusal("API1020")
    return rows


def _payment_types(rows: list[Row], request: Request) -> list[Row]:
    asked = [kinds for name, kinds in _PAYMENT_KINDS.items() if request.query.get(name, "").casefold() == "true"]
    wanted = asked[0] if asked else _PLAIN_PAYMENTS
    codes = {kind.code for kind in PAYMENT_TYPES if kind.kind in wanted}
    return [row for row in rows if row["code"] in codes]


def _balances(office: Office) -> list[Row]:
    cloud, day = office.cloud, office.local(office.copied_at).date()
    return _by_number(ledger.balances(office.write, cloud.patients, cloud.transactions.values(), day))


def _booking_details(rows: list[Row], request: Request) -> list[Row]:
    kind = request.query.get("writeback_type", "")
    if not kind:
        raise Refusal("API1020")
    if kind not in _BOOKING_TYPES:
        raise Refusal("API1026")
    return rows if kind == "new_appointment" else []


LISTINGS: dict[str, Listing] = {
    "practices": Listing(
        fields.PRACTICES, lambda office: office.practices, _same("practice_id", "national_provider_identifier")
    ),
    "providers": Listing(
        fields.PROVIDERS,
        lambda office: office.providers,
        _same(
            "practice_id",
            "provider_id",
            "provider_type",
            "firstname",
            "lastname",
            "national_provider_identifier",
            "status",
            "is_user",
        ),
    ),
    "operatories": Listing(
        fields.OPERATORIES, lambda office: office.operatories, _same("cust_id", "is_hidden"), _operatories
    ),
    "appointments": Listing(
        fields.APPOINTMENTS,
        lambda office: _by_number(office.cloud.appointments),
        {
            **_same("appointment_sr_no", "practice_id", "patient_id", "guarantor_id", "provider_id", "status"),
            **_same("operatory", "type", "arrival_status"),
            "procedure_code": "procedure_code1",
        },
        _window("date", "last_changed_date", "appointment_made_date", "confirmed_on_date", "cancelled_date"),
    ),
    "patients": Listing(
        fields.PATIENTS,
        lambda office: _by_number(office.cloud.patients),
        {
            **_same("patient_id", "practice_id", "provider_id", "guarantor_id", "firstname", "lastname", "email"),
            **_same("cell", "homephone", "workphone", "status", "first_visit", "last_visit"),
        },
        _patients,
    ),
    "practice_schedule": Listing(
        fields.PRACTICE_SCHEDULE,
        lambda office: office.schedule,
        # No practice_id here: the documentation lists none, so several locations come back mixed.
        _same("resource_id", "resource_type", "date"),
    ),
    "practice_variables": Listing(
        fields.PRACTICE_VARIABLES,
        lambda office: office.practice_variables,
        _same("practice_id", "service_name", "service_item"),
    ),
    "appointment_statuses": Listing(
        fields.APPOINTMENT_STATUSES, lambda office: office.appointment_statuses, _same("practice_id", "status")
    ),
    "medical_notes": Listing(
        fields.MEDICAL_NOTES,
        lambda office: _by_number(office.cloud.notes),
        {**_same("patient_id", "practice_id"), "note_type": "type"},
        _window("date", "procedure_date"),
    ),
    "note_types": Listing(fields.NOTE_TYPES, lambda office: office.note_types, _same("practice_id", "type")),
    "subscribers": Listing(
        fields.SUBSCRIBERS, lambda office: office.subscribers, _same("patient_id", "practice_id", "subscriber_id")
    ),
    "insurance_companies": Listing(
        fields.INSURANCE_COMPANIES,
        lambda office: office.insurance_companies,
        _same("insurance_company_id", "practice_id", "carrier_id"),
    ),
    "patient_balance": Listing(fields.PATIENT_BALANCE, _balances, _same("practice_id", "patient_id", "customer_id")),
    "transactions": Listing(
        fields.TRANSACTIONS,
        lambda office: _by_number(office.cloud.transactions),
        {
            **_same("transaction_sr_no", "practice_id", "patient_id", "guarantor_id", "provider_id", "claim_sr_no"),
            **_same("procedure_code", "transaction_type", "payment_type", "invoice_number"),
            **_same("payment_procedure_link_id"),
        },
        # Nobody knows what dates a person who updated: the documentation names that field all the same.
        _window("transaction_date", "transaction_entry_date", "last_updated_by"),
    ),
    "payment_types": Listing(
        fields.PAYMENT_TYPES,
        lambda office: office.payment_types,
        {**_same("practice_id", "code"), "customer_id": "cust_id"},
        _payment_types,
    ),
    "writeback_details": Listing(
        fields.WRITEBACK_DETAILS, lambda office: office.booking_details, _same("category", "item"), _booking_details
    ),
}
