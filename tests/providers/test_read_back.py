"""Whether reads show what was written, in terms of the contract alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from pms.domain import errors
from pms.domain.records import (
    ConnectionReport,
    InsurancePolicy,
    NewInsurance,
    NewNote,
    NewPayment,
    Note,
    Patient,
    PatientProfile,
    PatientUpdate,
    PaymentMethod,
)
from pms.providers.base import Capability, CredentialField, PmsService
from pms.providers.read_back import Shown, compare, find_record
from tests.providers.fakes import NOW, connection

DAY = date(2026, 5, 12)
# Half past ten in the evening of the practice, a day later in UTC.
WRITTEN = datetime(2026, 5, 13, 2, 30, tzinfo=UTC)
NOTE = NewNote("1", "Prefers mornings!", DAY)
SHOWN_NOTE = Note("7", "prefers  Mornings\n", written_at=WRITTEN)
INSURANCE = NewInsurance("1", "O'Mally Dental", "ab-1")
POLICY = InsurancePolicy("p", "OMally Dental", "AB-1")
UPDATE = PatientUpdate("1", phone="+12125550147", city="Springfield")
PROFILE = PatientProfile(Patient("1", "Ada", "Example", phones=("+12125550147",)), city="springfield")
PAID = NewPayment("1", Decimal("5.00"), PaymentMethod.CASH, DAY)


class Shelf(PmsService):
    """A system that shows what it is given."""

    provider: ClassVar[str] = "SHELF"
    label: ClassVar[str] = "Shelf"
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()

    def __init__(self, *, is_fresh: bool = True, **shown: Any) -> None:
        super().__init__(connection())
        self._is_fresh = is_fresh
        self._shown = shown

    @classmethod
    def possible_capabilities(cls) -> frozenset[Capability]:
        return frozenset(Capability)

    def test_connection(self) -> ConnectionReport:
        raise errors.NotSupported

    def shows(self, instant: datetime) -> bool:
        return self._is_fresh

    def list_notes(self, patient_id: str) -> Sequence[Note]:
        return list(self._shown.get("notes", ()))

    def list_insurance(self, patient_id: str) -> Sequence[InsurancePolicy]:
        if "policies" not in self._shown:
            raise errors.PatientNotFound
        return list(self._shown["policies"])

    def get_profile(self, patient_id: str) -> PatientProfile:
        if "profile" not in self._shown:
            raise errors.PatientNotFound
        profile: PatientProfile = self._shown["profile"]
        return profile

    def find_payment(self, payment: NewPayment, *, others: frozenset[str] = frozenset()) -> str | None:
        return next((one for one in self._shown.get("entries", ()) if one not in others), None)

    def note_as_written(self, text: str) -> str:
        return text.removesuffix("!")


class TestNote:
    def test_a_note_is_known_by_what_it_says(self) -> None:
        assert find_record(Shelf(notes=[replace(SHOWN_NOTE, id="6", text="Another"), SHOWN_NOTE]), NOTE) == "7"

    @pytest.mark.parametrize(
        "shown",
        [
            replace(SHOWN_NOTE, text="Prefers mornings, and more"),
            replace(SHOWN_NOTE, written_at=datetime(2026, 5, 12, 2, 30, tzinfo=UTC)),
            replace(SHOWN_NOTE, written_at=None),
        ],
        ids=["other text", "day before", "no day"],
    )
    def test_another_note_is_not_it(self, shown: Note) -> None:
        assert find_record(Shelf(notes=[shown]), NOTE) is None

    def test_what_belongs_to_another_write_is_not_found(self) -> None:
        assert find_record(Shelf(notes=[SHOWN_NOTE]), NOTE, frozenset({"7"})) is None

    @pytest.mark.parametrize(
        ("notes", "others", "expected"),
        [
            ([replace(SHOWN_NOTE, written_at=None)], (), Shown.EQUAL),
            ([replace(SHOWN_NOTE, text="Prefers")], (), Shown.DIFFERENT),
            ([replace(SHOWN_NOTE, id="digest")], (), Shown.EQUAL),
            ([replace(SHOWN_NOTE, id="8")], ("8",), Shown.ABSENT),
            ([], (), Shown.ABSENT),
        ],
        ids=["by id", "cut", "under another id", "of another write", "none"],
    )
    def test_what_was_told_is_compared(self, notes: list[Note], others: tuple[str, ...], expected: Shown) -> None:
        shelf = Shelf(notes=notes)

        assert compare(shelf, NOTE, record_id="7", done_at=NOW, others=frozenset(others)) is expected


@pytest.mark.parametrize(
    ("entries", "others", "expected"),
    [(["9"], (), Shown.EQUAL), (["8"], (), Shown.EQUAL), (["8"], ("8",), Shown.ABSENT), ([], (), Shown.ABSENT)],
)
def test_a_payment_is_shown_by_an_entry_of_its_own(
    entries: list[str], others: tuple[str, ...], expected: Shown
) -> None:
    assert compare(Shelf(entries=entries), PAID, record_id="9", done_at=NOW, others=frozenset(others)) is expected
    assert compare(Shelf(entries=["9"]), PAID, record_id="9", done_at=NOW, others=frozenset({"9"})) is Shown.EQUAL


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (POLICY, Shown.EQUAL),
        (replace(POLICY, is_primary=False), Shown.ABSENT),
        (replace(POLICY, subscriber_id="AB-2"), Shown.ABSENT),
        (replace(POLICY, carrier="Another"), Shown.ABSENT),
    ],
)
def test_an_insurance_is_known_by_insurer_member_and_rank(shown: InsurancePolicy, expected: Shown) -> None:
    assert compare(Shelf(policies=[shown]), INSURANCE, record_id="", done_at=NOW) is expected
    assert (find_record(Shelf(policies=[shown]), INSURANCE) == "p") is (expected is Shown.EQUAL)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (UPDATE, Shown.EQUAL),
        (replace(UPDATE, phone=None), Shown.EQUAL),
        (replace(UPDATE, phone="+12125550148"), Shown.DIFFERENT),
        (replace(UPDATE, city="Shelbyville"), Shown.DIFFERENT),
        (replace(UPDATE, email="ada@example.test"), Shown.DIFFERENT),
    ],
)
def test_changed_details_are_shown_all_together(update: PatientUpdate, expected: Shown) -> None:
    assert compare(Shelf(profile=PROFILE), update, record_id="1", done_at=NOW) is expected
    assert (find_record(Shelf(profile=PROFILE), update) == "1") is (expected is Shown.EQUAL)


@pytest.mark.parametrize("change", [NOTE, PAID, INSURANCE, UPDATE], ids=lambda one: type(one).__name__)
def test_absence_from_an_old_copy_proves_nothing(change: NewNote | NewPayment | NewInsurance | PatientUpdate) -> None:
    assert compare(Shelf(), change, record_id="7", done_at=NOW) is Shown.ABSENT
    assert compare(Shelf(is_fresh=False), change, record_id="7", done_at=NOW) is Shown.NOT_YET
