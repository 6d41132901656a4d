"""The ledgers: what was done, what was paid, and what therefore is due. All invented.

Charges are positive, payments and credits negative. What a patient owes is never stored: it is the sum of the entries.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from . import fields
from .fields import AGES, Row
from .practice import ALDER, BIRCH, CEDAR, PAYMENT_TYPES, Profile
from .rows import Entry, RowWriter, cust_id, midnight

FIRST_NUMBER = 30001
PROCEDURE, PAYMENT, INSURANCE_PAYMENT, ADJUSTMENT = "Procedure", "Payment", "Insurance Payment", "Adjustment"
ENTRY_TYPES = {"payment": PAYMENT, "insurance": INSURANCE_PAYMENT, "credit": ADJUSTMENT, "debit": ADJUSTMENT}

_ZERO = Decimal(0)
_FEES = {
    "D0140": ("Limited Oral Evaluation", "78.00"),
    "D0150": ("Comprehensive Oral Evaluation", "120.00"),
    "D0210": ("Intraoral Complete Series", "186.50"),
    "D1110": ("Prophylaxis Adult", "115.00"),
    "D1120": ("Prophylaxis Child", "85.00"),
    "D2391": ("Resin Composite One Surface", "214.00"),
    "D2740": ("Crown Porcelain Ceramic", "1240.00"),
}
_PAID_BY = {kind.code: kind for kind in PAYMENT_TYPES}
_COMMON = ("D0140", "D1110", "D2391")
_INSURER_PAYS = Decimal("0.8")
_INSURER_TAKES = 30  # days

# Days ago, patient, code of a procedure or of a payment type, amount ("" = the usual fee), what the insurer should pay.
_CAST: dict[Profile, tuple[tuple[int, str, str, str, str], ...]] = {
    ALDER: (
        (20, "1001", "D0150", "", "96.00"),
        (20, "1001", "D0210", "", "149.20"),
        (20, "1001", "3", "-25.00", ""),
        (72, "1002", "D1120", "", "85.00"),
        (41, "1002", "10", "-85.00", ""),
        (15, "1003", "D2740", "500.00", ""),
        (40, "1010", "D2740", "", "992.00"),
        (8, "1010", "10", "-620.00", ""),
        (64, "1012", "D1110", "", ""),
        (64, "1012", "1", "-115.00", ""),
        (35, "1020", "D0140", "", ""),
        (12, "1020", "2", "-150.00", ""),
        (130, "1030", "D2391", "210.00", ""),
    ),
    BIRCH: (
        (50, "1001", "D2391", "", "107.00"),
        (45, "1001", "1", "-7.00", ""),
        (9, "1010", "D0140", "", ""),
    ),
    CEDAR: ((25, "1001", "D1110", "", "115.00"),),
}


def money(amount: Decimal) -> str:
    """An amount as Sikka writes it: 24.0000."""
    return f"{amount:.4f}"


def entries(profile: Profile, patients: Mapping[str, Row], today: date, random: Random) -> Iterator[Entry]:
    """All entries, by day; those of the invented patients follow from the random generator handed in."""
    known = {person.patient_id for person in profile.people}
    made = list(_CAST[profile])
    for patient_id, row in patients.items():
        if patient_id not in known and random.random() < 0.5:
            made += _history(patient_id, bool(row["primary_insurance_company_id"]), random)
    for number, (days, patient_id, code, amount, estimate) in enumerate(
        sorted(made, key=lambda one: -one[0]), start=FIRST_NUMBER
    ):
        text, fee = _FEES.get(code) or (_PAID_BY[code].description, "")
        yield Entry(
            str(number),
            patient_id,
            patients[patient_id]["provider_id"],
            today - timedelta(days=days),
            PROCEDURE if code in _FEES else ENTRY_TYPES[_PAID_BY[code].kind],
            code,
            text,
            money(Decimal(amount or fee)),
            estimate=money(Decimal(estimate)) if estimate else "",
        )


def _history(patient_id: str, insured: bool, random: Random) -> list[tuple[int, str, str, str, str]]:
    """One treatment, what the insurer has paid of it by now, and what most people then pay themselves."""
    days, code = random.randint(1, 200), random.choice(_COMMON)
    fee = Decimal(_FEES[code][1])
    share = fee * _INSURER_PAYS if insured else _ZERO
    made = [(days, patient_id, code, "", str(share) if share else "")]
    if share and days > _INSURER_TAKES:
        made.append((days - _INSURER_TAKES, patient_id, "10", str(-share), ""))
    if random.random() < 0.7:
        made.append((days, patient_id, random.choice("123"), str(share - fee), ""))
    return made


def balances(write: RowWriter, patients: Mapping[str, Row], transactions: Iterable[Row], today: date) -> dict[str, Row]:
    """The rows of `patient_balance` as of `today`, by patient id."""
    ledgers: dict[str, list[Row]] = {}
    for row in transactions:
        ledgers.setdefault(row["patient_id"], []).append(row)
    places = {place.practice_id: place.name for place in write.profile.locations}
    return {
        number: _balance(row, places[row["practice_id"]], ledgers.get(number, []), today)
        for number, row in patients.items()
    }


def _balance(patient: Row, practice_name: str, ledger: list[Row], today: date) -> Row:
    """Both sides pay off their oldest share first; what is paid in excess makes the youngest share negative."""
    shares: dict[str, list[tuple[int, Decimal]]] = {"patient": [], "insurance": []}
    paid = {"patient": _ZERO, "insurance": _ZERO}
    for row in sorted(ledger, key=lambda row: row["transaction_date"]):
        amount, estimate = Decimal(row["amount"]), Decimal(row["estimated_insurance_payment"])
        if amount < 0:
            paid["insurance" if row["transaction_type"] == INSURANCE_PAYMENT else "patient"] -= amount
        else:
            age = (today - date.fromisoformat(row["transaction_date"][:10])).days
            shares["patient"].append((age, amount - estimate))
            shares["insurance"].append((age, estimate))
    open_ = {owner: _open(shares[owner], paid[owner]) for owner in shares}
    due = {owner: sum(buckets, _ZERO) for owner, buckets in open_.items()}
    return fields.PATIENT_BALANCE.row(
        patient_id=patient["patient_id"],
        firstname=patient["firstname"],
        lastname=patient["lastname"],
        practice_id=patient["practice_id"],
        practice_name=practice_name,
        customer_id=cust_id(patient["practice_id"]),
        current_date=midnight(today),
        patient_balance=money(due["patient"]),
        patient_due=money(due["patient"]),
        insurance_due=money(due["insurance"]),
        account_balance=money(due["patient"] + due["insurance"]),
        unapplied=money(max(-due["patient"], _ZERO)),
        write_off="0",
        **{
            f"{owner}_amount_{age}": money(amount)
            for owner, buckets in open_.items()
            for age, amount in zip(AGES, buckets, strict=True)
        },
    )


def _open(shares: list[tuple[int, Decimal]], paid: Decimal) -> list[Decimal]:
    """What is still open, by age: up to 30, 60, 90 days, more. `shares` come with their days, oldest first."""
    buckets = [_ZERO] * len(AGES)
    for days, share in shares:
        applied = min(paid, share)
        paid -= applied
        buckets[min(max(days, 0) // 30, len(AGES) - 1)] += share - applied
    buckets[0] -= paid
    return buckets
