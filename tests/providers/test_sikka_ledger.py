"""What an account says was paid, and under which of the practice's own kinds a payment is filed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pms.domain import errors
from pms.domain.records import NewPayment, PaymentMethod
from pms.providers.sikka import ledger, values
from pms.providers.sikka.ledger import PaymentType
from tests.providers.documented import filled

CASH, CHECK, CREDIT, DEBIT, OTHER = (
    PaymentMethod.CASH,
    PaymentMethod.CHECK,
    PaymentMethod.CREDIT_CARD,
    PaymentMethod.DEBIT_CARD,
    PaymentMethod.OTHER,
)
PAID = NewPayment("5383", Decimal("75.00"), CASH, date(2026, 4, 30))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("24.0000", "24.00"),
        ("0", "0.00"),
        ("-0.0000", "0.00"),
        ("-39.3", "-39.30"),
        ("$1,200.50", "1200.50"),
        ("-$5", "-5.00"),
        ("$-5", "-5.00"),
        ("0.005", "0.01"),
        (12.5, "12.50"),
        (7, "7.00"),
    ],
)
def test_money_has_two_decimals(value: object, expected: str) -> None:
    assert str(values.money(value)) == expected


@pytest.mark.parametrize("value", ["", None, "amount", "NaN", "Infinity", "1e5", "1,20.5", "--5", "5-", True, "٣"])
def test_what_is_no_amount_is_none(value: object) -> None:
    assert values.money(value) is None


class TestLastPayment:
    def latest(self, *rows: dict[str, str]) -> str:
        found = ledger.last_payment(rows)
        return found.id if found else ""

    def test_it_is_the_newest_by_day(self) -> None:
        rows = [
            filled("/transactions", transaction_sr_no=number, transaction_date=f"2026-04-{day}T00:00:00")
            for number, day in (("9", "02"), ("10", "30"), ("11", "05"))
        ]

        assert self.latest(*rows) == "10"

    def test_of_one_day_it_is_the_newest_by_number(self) -> None:
        assert self.latest(*(filled("/transactions", transaction_sr_no=one) for one in ("9", "10", "8"))) == "10"

    @pytest.mark.parametrize(
        "changes",
        [
            {"transaction_type": "Procedure"},
            {"transaction_type": "Insurance Payment"},
            {"payment_type": "Insurance check"},
            {"procedure_description": "Ins. Payment"},
            {"transaction_type": "Payment Adjustment"},
            {"transaction_type": "Payment Refund"},
            {"amount": "0.0000"},
        ],
    )
    def test_what_the_patient_did_not_pay_is_none(self, changes: dict[str, str]) -> None:
        assert self.latest(filled("/transactions", **changes)) == ""

    @pytest.mark.parametrize("kind", ["payment", "PAYMENT", "Patient Payment"])
    @pytest.mark.parametrize("amount", ["-75.0000", "75.00"])
    def test_any_spelling_and_sign_is_a_positive_amount(self, kind: str, amount: str) -> None:
        found = ledger.last_payment([filled("/transactions", transaction_type=kind, amount=amount)])

        assert found is not None
        assert str(found.amount) == "75.00"

    @pytest.mark.parametrize("changes", [{"amount": ""}, {"transaction_date": ""}, {"amount": "amount"}])
    def test_one_that_cannot_be_read_may_be_the_newest(self, changes: dict[str, str]) -> None:
        with pytest.raises(errors.UpstreamInvalid):
            self.latest(filled("/transactions"), filled("/transactions", **changes))

    @pytest.mark.parametrize(
        ("words", "method"),
        [
            ("Visa", "credit_card"),
            ("Debit Card", "debit_card"),
            ("Check Payment' Thank You", "check"),
            ("Card Payment", "Card Payment"),
            ("EFT", "EFT"),
            ("", ""),
        ],
    )
    def test_the_method_is_ours_where_it_is_certain(self, words: str, method: str) -> None:
        found = ledger.last_payment([filled("/transactions", procedure_description=words)])

        assert found is not None
        assert found.method == method


class TestShowing:
    def test_a_row_of_the_day_amount_and_method_is_the_payment(self) -> None:
        assert ledger.shows(filled("/transactions"), PAID, "")
        assert ledger.shows(filled("/transactions"), PAID, "Ref 17")
        assert ledger.shows(filled("/transactions", note="REF 17 paid at the desk"), PAID, "Ref 17")
        assert ledger.shows(filled("/transactions", procedure_description="Payment"), PAID, "")

    @pytest.mark.parametrize(
        "changes",
        [
            {"patient_id": "5384"},
            {"transaction_type": "Procedure"},
            {"transaction_type": "Insurance Payment"},
            {"transaction_date": "2026-04-29T00:00:00"},
            {"transaction_date": ""},
            {"amount": "-75.01"},
            {"amount": ""},
            {"procedure_description": "Check Payment"},
            {"note": "Ref 18"},
        ],
    )
    def test_any_other_row_is_not(self, changes: dict[str, str]) -> None:
        assert not ledger.shows(filled("/transactions", **changes), PAID, "Ref 17")


class TestKindsOfPayment:
    def kind(self, method: PaymentMethod, *descriptions: str) -> str:
        rows = [
            filled("/payment_types", code=str(number), description=text) for number, text in enumerate(descriptions)
        ]
        found = ledger.payment_type(ledger.payment_types(rows, []), method)
        return found.description if found else ""

    @pytest.mark.parametrize(
        ("method", "descriptions", "expected"),
        [
            (CASH, ("Check Payment", "Cash Payment' Thank You"), "Cash Payment' Thank You"),
            (CHECK, ("Cashier fee", "Cheque"), "Cheque"),
            (CHECK, ("Check Card", "Personal Check"), "Personal Check"),
            (CASH, ("Cash/Check", "Cash"), "Cash"),
            (CASH, ("Cash/Check",), "Cash/Check"),
            (CREDIT, ("Debit Card", "Card", "Credit Card Payment"), "Credit Card Payment"),
            (CREDIT, ("Visa", "MasterCard", "Visa/MC/Discover"), "Visa/MC/Discover"),
            (CREDIT, ("Cash", "Visa"), "Visa"),
            (CREDIT, ("Card",), "Card"),
            (DEBIT, ("Credit Card", "Debit"), "Debit"),
            (DEBIT, ("Credit/Debit Card",), "Credit/Debit Card"),
            (DEBIT, ("Card Payment", "Visa"), "Card Payment"),
            (OTHER, ("Cash", "Other Payment"), "Other Payment"),
        ],
    )
    def test_the_practices_own_word_is_taken(
        self, method: PaymentMethod, descriptions: tuple[str, ...], expected: str
    ) -> None:
        assert self.kind(method, *descriptions) == expected

    @pytest.mark.parametrize(
        ("method", "descriptions"),
        [
            (CASH, ("Cash Discount", "Cash Courtesy Adjustment", "Insurance Cash", "Cash Refund")),
            (CHECK, ("Insurance Check", "Ins Check", "Returned Check", "Check Card", "Claim check")),
            (CREDIT, ("CareCredit", "Care Credit Card", "Gift Card", "Credit Adjustment", "Account Credit", "Debit")),
            (CREDIT, ("Visa", "MasterCard")),
            (DEBIT, ("Credit Card", "Visa", "Debit Adjustment")),
            (OTHER, ("Cash", "Money Order")),
            (CASH, ()),
        ],
    )
    def test_a_kind_that_is_not_certain_is_none(self, method: PaymentMethod, descriptions: tuple[str, ...]) -> None:
        assert self.kind(method, *descriptions) == ""

    def test_what_the_filter_calls_the_insurers_is_left_out(self) -> None:
        rows = [filled("/payment_types", code=code) for code in ("1", "2")]

        assert ledger.payment_types(rows, rows[:1]) == [PaymentType("2", "Cash Payment")]

    def test_a_filter_that_keeps_everything_was_ignored(self) -> None:
        assert len(ledger.payment_types([filled("/payment_types")], [filled("/payment_types")])) == 1

    @pytest.mark.parametrize(
        "changes", [{"payment_type_status": "Inactive"}, {"code": ""}, {"description": ""}, {"description": "Claim"}]
    )
    def test_a_kind_that_cannot_be_used_is_left_out(self, changes: dict[str, str]) -> None:
        assert ledger.payment_types([filled("/payment_types", **changes)], []) == []


def test_another_amount_in_another_form_is_not_equal() -> None:
    assert not ledger.shows(filled("/transactions", amount="-7500"), replace(PAID, amount=Decimal("75.00")), "")
