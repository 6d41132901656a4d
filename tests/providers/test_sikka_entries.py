"""What a note and a payment send, and under which of the practice's own kinds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pms.domain import errors
from pms.domain.records import NewNote, NewPayment, PaymentMethod
from pms.providers.sikka import entries
from pms.providers.sikka.ledger import PaymentType
from tests.providers.documented import filled

NOTE = NewNote("4100", "Prefers mornings; call José first!", date(2026, 5, 12), "preference")
PAID = NewPayment("4100", Decimal("39.30"), PaymentMethod.CASH, date(2026, 5, 12), reference="R-17")
CASH = PaymentType("2", "Cash Payment")
PAYER = {"patient_id": "4100", "guarantor_id": "4099", "provider_id": "DT04"}


def kind(*types: str, pms: str = "OpenDental", category: str = "", configured: str = "") -> str:
    rows = [filled("/note_types", type=one) for one in types]
    return entries.note_type(rows, pms=pms, category=category, configured=configured)


class TestKindOfNote:
    @pytest.mark.parametrize(
        ("types", "expected"),
        [
            (("Clinical Note", "PatNote"), "PatNote"),
            (("Medical Alert", "Office Note", "General Note", "Patient Note"), "Patient Note"),
            (("Office Note", "General"), "General"),
            (("Front Desk",), "Front Desk"),
            (("Patient",), "Patient"),
        ],
    )
    def test_it_is_one_for_everybody(self, types: tuple[str, ...], expected: str) -> None:
        assert kind(*types) == expected

    @pytest.mark.parametrize(
        "types",
        [
            ("Medical Alert", "Allergies", "Appointment Note", "Group Note", "Clinical Note", "Treatment Note"),
            ("Patient Alert Note", "Patient Medical Note", "Insurance Note", "Progress Notes"),
            ("Guarantor",),
            (),
            ("", "type"),
        ],
    )
    def test_none_is_better_than_a_wrong_one(self, types: tuple[str, ...]) -> None:
        assert kind(*types) == ""

    def test_what_it_is_called_may_stand_in_the_description(self) -> None:
        rows = [filled("/note_types", type="4", description="Patient Note")]

        assert entries.note_type(rows, pms="") == "4"

    @pytest.mark.parametrize(
        ("category", "expected"),
        [("billing", "Billing Note"), ("Billing notes", "Billing Note"), ("note", "PatNote"), ("pat", "PatNote")],
    )
    def test_the_category_chooses_among_those_that_fit(self, category: str, expected: str) -> None:
        assert kind("PatNote", "Billing Note", category=category) == expected

    @pytest.mark.parametrize("category", ["medical alert", "clinical", "appointment", "allergies"])
    def test_a_category_never_opens_another_kind(self, category: str) -> None:
        assert kind("Medical Alert", "Clinical Note", "Appointment Note", "Allergies", category=category) == ""

    @pytest.mark.parametrize("configured", ["Clinical Note", "clinicalnote", " CLINICAL NOTE "])
    def test_what_the_practice_has_set_decides(self, configured: str) -> None:
        assert kind("PatNote", "Clinical Note", configured=configured) == "Clinical Note"

    def test_what_is_set_but_not_the_practices_is_none(self) -> None:
        assert kind("PatNote", configured="Journal") == ""

    @pytest.mark.parametrize(
        ("pms", "configured"),
        [
            ("OpenDental", "Appointment Note"),
            ("OpenDental", "Group Note"),
            ("Planet DDS WebV3.0", "Appointment Note"),
            ("Dentrix Enterprise 8", "Journal Note"),
            ("OrthoTrac", "Medical Note"),
            ("OrthoTrac", "Treatment Note"),
        ],
    )
    def test_a_kind_that_asks_for_more_than_we_have_is_none(self, pms: str, configured: str) -> None:
        assert kind(configured, pms=pms, configured=configured) == ""

    def test_the_same_word_may_do_elsewhere(self) -> None:
        assert kind("Journal Note", pms="Dentrix", configured="Journal Note") == "Journal Note"


class TestNote:
    def test_row_7c_every_required_field_is_there(self) -> None:
        request = entries.note(NOTE, "PatNote", PAYER, "1-2", "OpenDental")

        assert (request.method, request.path, request.api) == ("POST", "/medical_notes", "medical_note")
        assert request.body == {
            "patient_id": "4100",
            "type": "PatNote",
            "date": "2026-05-12",
            "text": "Prefers mornings call Jose first",
            "provider_id": "DT04",
            "practice_id": "1-2",
            "check_spu": "true",
        }

    def test_a_record_without_a_clinician_takes_none(self) -> None:
        with pytest.raises(errors.WriteRejected):
            entries.note(NOTE, "PatNote", {**PAYER, "provider_id": ""}, "1", "OpenDental")

    def test_planet_dds_knows_neither_date_nor_clinician(self) -> None:
        body = entries.note(NOTE, "Patient Note", PAYER, "1", "Planet DDS WebV3.0").body

        assert not {"date", "provider_id"} & set(body)

    @pytest.mark.parametrize(
        ("pms", "length"), [("SuzyDental", 199), ("Suzy Dental 5", 199), ("OpenDental", 999), ("OrthoTrac", 999)]
    )
    def test_only_a_documented_length_cuts_it(self, pms: str, length: int) -> None:
        text = "word " * 200

        assert len(entries.note_text(text, pms)) == length
        assert entries.note(replace(NOTE, text=text), "PatNote", PAYER, "1", pms).body["text"] == entries.note_text(
            text, pms
        )

    @pytest.mark.parametrize("text", ["", "  ", "!?", "...", "早上", "(-)"])
    def test_a_text_of_which_nothing_is_left_is_refused(self, text: str) -> None:
        with pytest.raises(errors.WriteRejected):
            entries.note(replace(NOTE, text=text), "PatNote", PAYER, "1", "OpenDental")


class TestPayment:
    def test_row_7d_it_is_a_negative_amount_of_the_practices_own_kind(self) -> None:
        request = entries.payment(PAID, CASH, PAYER, "1-2")

        assert (request.method, request.path, request.api) == ("POST", "/transaction", "transaction")
        assert request.body == {
            "patient_id": "4100",
            "guarantor_id": "4099",
            "procedure_code": "2",
            "procedure_description": "Cash Payment",
            "provider_id": "DT04",
            "amount": "-39.30",
            "transaction_date": "2026-05-12",
            "practice_id": "1-2",
            "note": "Ref R-17",
            "check_spu": "true",
        }

    @pytest.mark.parametrize(("amount", "written"), [("5", "-5.00"), ("0.1", "-0.10"), ("1234.50", "-1234.50")])
    def test_an_amount_has_two_decimals(self, amount: str, written: str) -> None:
        assert entries.payment(replace(PAID, amount=Decimal(amount)), CASH, PAYER, "1").body["amount"] == written

    @pytest.mark.parametrize("amount", ["0", "-5.00", "0.001", "10.005", "NaN", "Infinity"])
    def test_what_is_no_amount_is_refused(self, amount: str) -> None:
        with pytest.raises(errors.WriteRejected):
            entries.payment(replace(PAID, amount=Decimal(amount)), CASH, PAYER, "1")

    @pytest.mark.parametrize("name", ["guarantor_id", "provider_id"])
    def test_a_payer_who_is_not_whole_is_refused(self, name: str) -> None:
        with pytest.raises(errors.WriteRejected):
            entries.payment(PAID, CASH, PAYER | {name: ""}, "1")

    def test_the_reference_comes_first(self) -> None:
        paid = replace(PAID, reference="ch_9/A", last4="4242", note="Copay, for Monday!")

        assert entries.payment_note(paid) == "Ref ch 9 A card ending 4242 Copay for Monday"

    def test_without_words_there_is_no_note(self) -> None:
        assert "note" not in entries.payment(replace(PAID, reference="__"), CASH, PAYER, "1").body
