"""What Parlae reads from Sikka about one patient: who is meant, their chart and their account."""

from __future__ import annotations

from collections.abc import Sequence

from pms.domain import errors
from pms.domain.records import (
    Balance,
    InsurancePolicy,
    NewPayment,
    Note,
    Patient,
    PatientProfile,
)
from pms.providers.base import Capability
from pms.providers.sikka import chart, entries, ledger, mapping, searching
from pms.providers.sikka.envelope import RequestRefused, Row
from pms.providers.sikka.ledger import PaymentType
from pms.providers.sikka.reads import SikkaReads
from pms.providers.sikka.values import text

# What one patient has fits into a few pages, unless the vendor has ignored whom it was asked about.
_PAGE = 1000
_PAGES = 5
_COMPANIES = 10


class SikkaDetails(SikkaReads):
    """The part of the reading half of `SikkaService` that is about one patient."""

    # Who is meant

    def find_patients(self, words: str, limit: int) -> Sequence[Patient]:
        self.require(Capability.READ_PATIENTS)
        sought = searching.wanted(words)
        found: dict[str, Patient] = {}
        for question in sought.questions():
            if len(found) >= limit:
                break
            for one in map(mapping.patient, self._candidates(question)):
                if sought.fits(one):
                    found.setdefault(one.id, one)
        return list(found.values())[: max(limit, 0)]

    # The chart

    def get_profile(self, patient_id: str) -> PatientProfile:
        self.require(Capability.READ_PATIENTS)
        return chart.profile(self._patient_row(patient_id, chart.PROFILE_FIELDS))

    def list_notes(self, patient_id: str) -> Sequence[Note]:
        self.require(Capability.READ_NOTES)
        rows = self._rows_of(patient_id, "/medical_notes", chart.NOTE_FIELDS)
        return chart.notes(rows, self.connection.time_zone)

    def list_insurance(self, patient_id: str) -> Sequence[InsurancePolicy]:
        """Return the dental insurances on a patient's record.

        What the plan or the system leaves out stays empty, unless nothing would be left that says who insures them.
        """
        self.require(Capability.READ_INSURANCE)
        patient = self._patient_row(patient_id, chart.INSURED_FIELDS)
        try:
            subscribers = self._rows_of(patient_id, "/subscribers", chart.SUBSCRIBER_FIELDS)
        except (errors.NotEntitled, RequestRefused):
            if "primary_insurance_company_id" not in patient:
                raise
            subscribers = []
        companies = {one: self._company(one) for one in chart.company_ids(patient, subscribers)[:_COMPANIES]}
        return chart.policies(patient, subscribers, companies)

    def _company(self, company_id: str) -> Row:
        params = {"insurance_company_id": company_id, "lightweight": "true", "fields": chart.COMPANY_FIELDS}
        try:
            rows = self._client.first_rows(
                "/insurance_companies", {"practice_id": self._location_id, **params}, limit=_COMPANIES
            )
        except (errors.NotEntitled, RequestRefused):
            return {}
        return next((row for row in rows if text(row.get("insurance_company_id")) == company_id), {})

    # The account

    def get_balance(self, patient_id: str) -> Balance:
        """Return what is owed on a patient's account.

        Raises ``UpstreamInvalid`` for a patient whose balance Sikka does not tell, and whatever keeps the last payment
        from being read: without it the answer would say that there was none.
        """
        self.require(Capability.READ_BALANCE)
        rows = self._rows_of(patient_id, "/patient_balance", ledger.BALANCE_FIELDS)
        if not rows:
            self._patient_row(patient_id, ledger.PAYER_FIELDS)
            raise errors.UpstreamInvalid("Sikka tells no balance of this patient.")
        transactions = self._rows_of(patient_id, "/transactions", ledger.TRANSACTION_FIELDS)
        return ledger.balance(rows[0], ledger.last_payment(transactions))

    def find_payment(self, payment: NewPayment, *, others: frozenset[str] = frozenset()) -> str | None:
        day, note = payment.paid_on.isoformat(), entries.payment_note(payment)
        params = {"startdate": day, "enddate": day}
        rows = self._rows_of(payment.patient_id, "/transactions", ledger.TRANSACTION_FIELDS, params)
        shown = (text(row.get("transaction_sr_no")) for row in rows if ledger.shows(row, payment, note))
        return next((number for number in shown if number and number not in others), None)

    def _payment_types(self) -> list[PaymentType]:
        params = {"lightweight": "true", "fields": ledger.PAYMENT_TYPE_FIELDS}
        insurance = self._own_rows("/payment_types", {"is_insurance_type": "true", **params})
        return ledger.payment_types(self._own_rows("/payment_types", params), insurance)

    def _rows_of(self, patient_id: str, path: str, fields: str, params: dict[str, str] | None = None) -> list[Row]:
        """Return the rows that are this patient's: the filter may have been ignored."""
        asked = {"practice_id": self._location_id, "patient_id": patient_id, "lightweight": "true", "fields": fields}
        rows = self._client.rows(path, asked | (params or {}), limit=_PAGE, pages=_PAGES)
        return [row for row in rows if patient_id and text(row.get("patient_id")) == patient_id]
