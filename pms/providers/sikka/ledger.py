"""Sikka's rows of a patient's account: what is owed, what was paid, and the practice's own kinds of payment.

Pure functions. An amount that cannot be read is an error and never a zero; a payment left out would make an older one
the latest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pms.domain import errors
from pms.domain.records import Balance, NewPayment, Payment, PaymentMethod
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.values import entered_day, money, text

BALANCE_FIELDS = "patient_id,practice_id,current_date,patient_due,insurance_due,account_balance"
TRANSACTION_FIELDS = (
    "patient_id,practice_id,transaction_sr_no,transaction_type,transaction_date,amount,payment_type,"
    "procedure_description,note"
)
PAYMENT_TYPE_FIELDS = "practice_id,code,description,payment_type_status"
PAYER_FIELDS = "patient_id,practice_id,guarantor_id,provider_id"

# Entries that say "payment" and are none of the patient's.
_NOT_THE_PATIENTS = re.compile(r"insur|\bins\b|refund|revers|\bvoid|adjust|payment plan", re.IGNORECASE)
# Kinds of payment that nobody chooses who pays at a desk, whatever else their description says.
_NOT_PAID_AT_THE_DESK = re.compile(
    r"insur|\bins\b|claim|carrier|medicaid|medicare|capitation|adjust|discount|courtesy|write.?off|refund|return|"
    r"\bnsf\b|void|revers|financ|care ?credit|gift|collection|transfer",
    re.IGNORECASE,
)
_CARD = re.compile(r"\bcards?\b", re.IGNORECASE)
_CREDIT = re.compile(r"\bcredit\b.*\bcards?\b|\bcards?\b.*\bcredit\b|\bcc\b", re.IGNORECASE)
_DEBIT = re.compile(r"\bdebit\b|\bche(?:ck|que) cards?\b", re.IGNORECASE)
_BRAND = re.compile(r"\bvisa\b|\bmaster ?card\b|\bmc\b|\bam(?:erican )?ex(?:press)?\b|\bdiscover\b", re.IGNORECASE)
_BY_WORD = {
    PaymentMethod.CASH: re.compile(r"\bcash\b", re.IGNORECASE),
    PaymentMethod.CHECK: re.compile(r"\be?che(?:ck|que)s?\b(?! card)", re.IGNORECASE),
    PaymentMethod.OTHER: re.compile(r"\bother\b|\bmisc", re.IGNORECASE),
}
_OUT_OF_USE = frozenset({"inactive", "hidden", "deleted", "disabled", "false", "f"})


@dataclass(frozen=True, slots=True)
class PaymentType:
    """A kind of payment as the practice's system names it."""

    code: str
    description: str


def balance(row: Row, last_payment: Payment | None) -> Balance:
    """Return one row of ``patient_balance``. Raises ``UpstreamInvalid`` unless it tells all three amounts.

    How they hang together is not documented, so none is computed from the others.
    """
    total, insurance, due = (money(row.get(name)) for name in ("account_balance", "insurance_due", "patient_due"))
    if total is None or insurance is None or due is None:
        raise errors.UpstreamInvalid("The balance has no readable amount.")
    return Balance(
        patient_id=text(row.get("patient_id")),
        total=total,
        insurance=insurance,
        patient=due,
        as_of=entered_day(row.get("current_date")),
        last_payment=last_payment,
    )


def is_payment(row: Row) -> bool:
    """Return whether a row of ``transactions`` is a payment that the patient made."""
    kind, *details = (text(row.get(name)) for name in ("transaction_type", "payment_type", "procedure_description"))
    return "payment" in kind.lower() and not _NOT_THE_PATIENTS.search(" ".join((kind, *details)))


def last_payment(rows: Iterable[Row]) -> Payment | None:
    """Return the newest payment among a patient's transactions, ``None`` if they made none.

    Raises ``UpstreamInvalid`` if one of them has no readable day or amount, because it may be the newest.
    """
    paid = [_payment(row) for row in rows if is_payment(row)]
    return max((one for one in paid if one.amount), key=_by_age, default=None)


def shows(row: Row, payment: NewPayment, note: str) -> bool:
    """Return whether a row of ``transactions`` is ``payment``, whose note was written as ``note``.

    A system may drop the note, but another note is another payment's; so is another way of paying.
    """
    amount, methods = money(row.get("amount")), _methods(_says(row))
    written = text(row.get("note"))
    return (
        text(row.get("patient_id")) == payment.patient_id
        and is_payment(row)
        and entered_day(row.get("transaction_date")) == payment.paid_on
        and amount is not None
        and abs(amount) == payment.amount
        and (not methods or payment.method in methods)
        and (not written or not note or note.casefold() in written.casefold())
    )


def payment_types(rows: Iterable[Row], insurance: Iterable[Row]) -> list[PaymentType]:
    """Return the kinds of payment in use that a patient can make.

    ``insurance`` is what the list's filter says is the insurers'; a filter that keeps everything was not applied.
    """
    known = [row for row in rows if text(row.get("code")) and text(row.get("description"))]
    insurers = {text(row.get("code")) for row in insurance}
    if insurers.issuperset(text(row.get("code")) for row in known):
        insurers = set()
    return [
        PaymentType(text(row["code"]), text(row["description"]))
        for row in known
        if text(row["code"]) not in insurers
        and text(row.get("payment_type_status")).lower() not in _OUT_OF_USE
        and not _NOT_PAID_AT_THE_DESK.search(text(row["description"]))
    ]


def payment_type(types: Iterable[PaymentType], method: PaymentMethod) -> PaymentType | None:
    """Return the practice's kind of payment for a method, ``None`` if it has none that is certain.

    The one that names nothing but the method comes first. The brand of a card is not known, so the kind of a single
    brand counts only where the practice has no other for cards.
    """
    fitting = [one for one in types if method in _methods(one.description)]
    if len(fitting) > 1:
        fitting = [one for one in fitting if not _is_one_brand(one.description)]
    return min(fitting, key=lambda one: len(_methods(one.description)), default=None)


def _payment(row: Row) -> Payment:
    amount, paid_on = money(row.get("amount")), entered_day(row.get("transaction_date"))
    if amount is None or paid_on is None:
        raise errors.UpstreamInvalid("A payment has no readable day or amount.")
    words, methods = _says(row), _methods(_says(row))
    return Payment(
        id=text(row.get("transaction_sr_no")),
        amount=abs(amount),
        paid_on=paid_on,
        method=next(iter(methods)) if len(methods) == 1 else words,
    )


def _says(row: Row) -> str:
    """Return how a transaction says that it was paid."""
    return text(row.get("payment_type")) or text(row.get("procedure_description"))


def _by_age(payment: Payment) -> tuple[date, int, str]:
    number = payment.id
    return payment.paid_on, int(number) if number.isascii() and number.isdigit() else 0, number


def _methods(words: str) -> frozenset[PaymentMethod]:
    """Return the ways of paying that words name; "Card" alone names both kinds of cards."""
    found = {method for method, pattern in _BY_WORD.items() if pattern.search(words)}
    is_credit, is_debit, is_brand = (bool(pattern.search(words)) for pattern in (_CREDIT, _DEBIT, _BRAND))
    is_any_card = bool(_CARD.search(words)) and not (is_credit or is_debit or is_brand)
    if is_debit or is_any_card:
        found.add(PaymentMethod.DEBIT_CARD)
    if is_credit or is_any_card or (is_brand and not is_debit):
        found.add(PaymentMethod.CREDIT_CARD)
    return frozenset(found)


def _is_one_brand(words: str) -> bool:
    return len(set(_BRAND.findall(words.lower()))) == 1
