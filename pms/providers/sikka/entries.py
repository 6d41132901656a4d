"""What a note and a payment send to Sikka, and which of the practice's own kinds they are filed under.

Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain

from pms.domain import errors
from pms.domain.records import NewNote, NewPayment
from pms.providers.sikka.envelope import Row
from pms.providers.sikka.ledger import PaymentType
from pms.providers.sikka.values import plain, system_name, text
from pms.providers.sikka.writes import NOTE, TRANSACTION, WriteRequest

# The only documented length that a kind of ours can meet.
_LENGTHS = {"suzydental": 200}
_NO_DATE_OR_CLINICIAN = "planetdds"
# Kinds whose page asks for something that a note does not have: a visit, a transaction, an item, whoever acknowledges.
_ASKS_FOR_MORE = {
    "": re.compile(r"appointment|group"),
    "dentrixenterprise": re.compile(r"medication|allerg|medicalalert|journal"),
    "orthotrac": re.compile(r"medicalalert|medicalnote|treatmentnote"),
}
# What is shorter is in every word.
_SHORTEST_CATEGORY = 4
# Kinds that say more than a note of the front desk may.
_NOT_THE_DESKS = re.compile(
    r"alert|allerg|medic|clinic|treatment|progress|diagnos|prescri|appointment|group|insur|claim"
)
# What a practice calls a note for everybody, the plainest first.
_FOR_EVERYBODY = tuple(
    re.compile(pattern)
    for pattern in (r"pa?t(?:ient)?note|^patient$", r"general", r"office|front|desk|contact|communication")
)


def note_type(rows: Iterable[Row], *, pms: str, category: str = "", configured: str = "") -> str:
    """Return the ``type`` of ``note_types`` under which a note is filed, empty if none fits.

    ``configured`` decides if it is one of the practice's; else the kind that the asker's ``category`` names, else one
    for everybody. Never a medical or clinical kind by itself, nor one that asks for what a note of ours has not.
    """
    system = system_name(pms)
    kinds = {text(row.get("type")): system_name(f"{row.get('type')} {text(row.get('description'))}") for row in rows}
    takes = {kind: words for kind, words in kinds.items() if kind and not _asks_for_more(words, system)}
    if configured:
        return next((kind for kind in takes if system_name(kind) == system_name(configured)), "")
    ours = {kind: words for kind, words in takes.items() if not _NOT_THE_DESKS.search(words)}
    named = re.sub(r"notes?$", "", system_name(category))
    by_category = (kind for kind, words in ours.items() if len(named) >= _SHORTEST_CATEGORY and named in words)
    for_everybody = (kind for pattern in _FOR_EVERYBODY for kind, words in ours.items() if pattern.search(words))
    return next(chain(by_category, for_everybody), "")


def _asks_for_more(words: str, system: str) -> bool:
    return any(pattern.search(words) for name, pattern in _ASKS_FOR_MORE.items() if system.startswith(name))


def note_text(value: str, pms: str) -> str:
    """Return what of a note's text a system takes: plain characters, and no more than its page allows."""
    system = system_name(pms)
    return plain(value, next((longest for name, longest in _LENGTHS.items() if system.startswith(name)), None))


def note(new: NewNote, kind: str, patient: Row, location_id: str, pms: str) -> WriteRequest:
    """Return POST /medical_notes. ``patient`` is the patient's own row.

    Raises ``WriteRejected`` if nothing of the text can be written, or the row names no clinician to file it under.
    """
    clinician = text(patient.get("provider_id"))
    if not clinician:
        raise errors.WriteRejected("The patient's record names no clinician.")
    written = note_text(new.text, pms)
    if not any(map(str.isalnum, written)):
        raise errors.WriteRejected("The note has no letters that can be written.")
    body = {
        "patient_id": new.patient_id,
        "type": kind,
        "text": written,
        "practice_id": location_id,
        "check_spu": "true",
    }
    if not system_name(pms).startswith(_NO_DATE_OR_CLINICIAN):
        body |= {"date": new.written_on.isoformat(), "provider_id": clinician}
    return WriteRequest("POST", NOTE, body)


def payment_note(payment: NewPayment) -> str:
    """Return the note of a payment: its reference first, by which it is known again."""
    parts = (
        f"Ref {payment.reference}" if plain(payment.reference) else "",
        f"card ending {payment.last4}" if payment.last4 else "",
        payment.note,
    )
    return plain(" ".join(filter(None, parts)), None)


def payment(new: NewPayment, kind: PaymentType, payer: Row, location_id: str) -> WriteRequest:
    """Return POST /transaction: a payment is a negative amount.

    ``payer`` is the patient's own row. Raises ``WriteRejected`` for an amount that is no positive number of cents, and
    if the row names no guarantor or clinician.
    """
    if not new.amount.is_finite() or new.amount <= 0 or new.amount != round(new.amount, 2):
        raise errors.WriteRejected("The amount is no positive number of cents.")
    guarantor, clinician = text(payer.get("guarantor_id")), text(payer.get("provider_id"))
    if not guarantor or not clinician:
        raise errors.WriteRejected("The patient's record names no guarantor or no clinician.")
    body = {
        "patient_id": new.patient_id,
        "guarantor_id": guarantor,
        "procedure_code": kind.code,
        "procedure_description": kind.description,
        "provider_id": clinician,
        "amount": f"{-new.amount.quantize(Decimal('0.01'))}",
        "transaction_date": new.paid_on.isoformat(),
        "practice_id": location_id,
        "check_spu": "true",
    }
    words = payment_note(new)
    return WriteRequest("POST", TRANSACTION, body | ({"note": words} if words else {}))
