"""Which patients words mean, and what the rows of a chart say."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pms.domain.records import Patient
from pms.providers.sikka import chart, searching
from tests.providers.documented import filled
from tests.providers.fakes import ZONE

ADA = Patient("1", "Ada", "O'Brien-Lund", "Addie", phones=("+12125550147",), email="ada@example.test")


class TestSearching:
    @pytest.mark.parametrize(
        ("words", "filters"),
        [
            ("Ada Lund", ["firstname lastname", "search", "lastname"]),
            ("Lund, Ada", ["firstname lastname", "search", "lastname"]),
            ("Ada Maria Lund", ["firstname lastname", "firstname lastname", "search", "lastname"]),
            ("Lund", ["search", "lastname", "firstname"]),
            ("ada@example.test", ["email", "search"]),
            ("212.555.0147", ["search"] * 3 + ["cell"] * 3 + ["homephone"] * 3),
            ("555-0147", ["search", "search"]),
            ("5550147", ["search"]),
            ("123", []),
            (" ,;! ", []),
            ("", []),
        ],
    )
    def test_each_kind_of_words_has_its_questions(self, words: str, filters: list[str]) -> None:
        assert [" ".join(one) for one in searching.wanted(words).questions()] == filters

    def test_a_name_that_begins_with_the_last_is_turned_round(self) -> None:
        assert searching.wanted("Lund,  Ada").questions()[0] == {"firstname": "Ada", "lastname": "Lund"}

    def test_a_name_of_three_parts_is_split_both_ways(self) -> None:
        assert searching.wanted("Ada Maria Lund").questions()[:2] == [
            {"firstname": "Ada Maria", "lastname": "Lund"},
            {"firstname": "Ada", "lastname": "Maria Lund"},
        ]

    @pytest.mark.parametrize(
        "words",
        ["ada", "ADDIE OBRIEN", "o'brien", "Lund, A", "+1 (212) 555-0147", "555-0147", "0147", "Ada@Example.test"],
    )
    def test_who_is_named_fits(self, words: str) -> None:
        assert searching.wanted(words).fits(ADA)

    @pytest.mark.parametrize(
        "words", ["Ada Smith", "Adam", "Springfield", "212-555-0148", "0148", "ada@example", "@", "", "14"]
    )
    def test_who_is_not_named_does_not_fit(self, words: str) -> None:
        assert not searching.wanted(words).fits(ADA)


class TestNotes:
    def ids(self, *rows: dict[str, str]) -> list[str]:
        return [note.id for note in chart.notes(rows, ZONE)]

    def test_two_equal_notes_without_a_number_stay_two(self) -> None:
        row = filled("/medical_notes")

        first, second = self.ids(row, row)

        assert first != second
        assert {first, second} == set(self.ids(row, filled("/medical_notes", text="Another"), row)) - set(
            self.ids(filled("/medical_notes", text="Another"))
        )

    @pytest.mark.parametrize("name", ["patient_id", "date", "time_stamp", "type", "text"])
    def test_a_note_is_known_by_all_that_it_says(self, name: str) -> None:
        assert self.ids(filled("/medical_notes")) != self.ids(filled("/medical_notes", **{name: "2026-01-02"}))

    def test_a_number_of_zero_is_none(self) -> None:
        assert self.ids(filled("/medical_notes", note_id="0")) == self.ids(filled("/medical_notes"))

    def test_one_note_on_two_pages_is_one(self) -> None:
        row = filled("/medical_notes", note_id="7")

        assert self.ids(row, row) == ["7"]

    def test_two_notes_of_one_number_are_both_told(self) -> None:
        found = chart.notes([filled("/medical_notes", note_id="7", text=words) for words in ("One", "Two")], ZONE)

        assert {note.text for note in found} == {"One", "Two"}
        assert len({note.id for note in found}) == 2

    def test_a_note_that_says_nothing_is_none(self) -> None:
        assert self.ids(filled("/medical_notes", text=" ")) == []
        assert [n.text for n in chart.notes([filled("/medical_notes", text="", description="Called")], ZONE)] == [
            "Called"
        ]

    @pytest.mark.parametrize(
        ("day", "stamp", "expected"),
        [
            ("2026-02-11T00:00:00", "", datetime(2026, 2, 11, 5, tzinfo=UTC)),
            ("2026-02-11T00:00:00", "time stamp", datetime(2026, 2, 11, 5, tzinfo=UTC)),
            ("2026-02-11T00:00:00", "2:30 PM", datetime(2026, 2, 11, 19, 30, tzinfo=UTC)),
            ("2026-02-11T00:00:00", "2026-02-11T14:30:05", datetime(2026, 2, 11, 19, 30, tzinfo=UTC)),
            ("2026-02-11T00:00:00", "2026-03-01T14:30:05", datetime(2026, 2, 11, 5, tzinfo=UTC)),
            ("", "2026-02-11T14:30:05", datetime(2026, 2, 11, 19, 30, tzinfo=UTC)),
            ("", "14:30", None),
            ("0001-01-01T00:00:00", "", None),
        ],
    )
    def test_it_was_written_when_it_says(self, day: str, stamp: str, expected: datetime | None) -> None:
        (note,) = chart.notes([filled("/medical_notes", date=day, time_stamp=stamp)], ZONE)

        assert note.written_at == expected


class TestPolicies:
    def test_a_subscriber_alone_is_a_policy(self) -> None:
        patient = filled("/patients", primary_insurance_company_id="", subscriber_id="", primary_relationship="")

        (policy,) = chart.policies(patient, [filled("/subscribers", patient_relation="Child")], {})

        assert (policy.is_primary, policy.relationship, policy.carrier) == (True, "Child", "")
        assert policy.subscriber_id == ""

    def test_another_insurers_dates_are_not_mixed_in(self) -> None:
        (policy,) = chart.policies(filled("/patients"), [filled("/subscribers", insurance_company_id="9")], {})

        assert policy.effective_on is None

    def test_medical_insurance_is_not_the_dentists(self) -> None:
        medical = filled("/subscribers", type="Medical Primary", insurance_company_id="9")
        patient = filled("/patients", primary_insurance_company_id="")

        assert chart.policies(patient, [medical], {}) == []
        assert chart.company_ids(patient, [medical]) == []

    def test_a_third_insurance_comes_last(self) -> None:
        third = filled("/subscribers", type="Dental Tertiary", insurance_company_id="9", subscriber_id="T-3")

        found = chart.policies(filled("/patients"), [third, filled("/subscribers")], {})

        assert [(one.is_primary, one.subscriber_id) for one in found] == [(True, "WID5501234"), (False, "T-3")]

    @pytest.mark.parametrize(
        ("on_file", "expected"), [("2506_35", ""), ("0", ""), ("", "W-9"), ("WID5501234", "WID5501234")]
    )
    def test_the_vendors_own_key_is_no_number_on_a_card(self, on_file: str, expected: str) -> None:
        subscriber = filled("/subscribers", subscriber_id="W-9" if not on_file else "2506_35")

        (policy,) = chart.policies(filled("/patients", subscriber_id=on_file), [subscriber], {})

        assert policy.subscriber_id == expected

    @pytest.mark.parametrize("value", ["True", "False", "1", "12.50", "None", ""])
    def test_what_is_no_name_is_not_told_as_the_insurer(self, value: str) -> None:
        (policy,) = chart.policies(filled("/patients", primary_insurance=value), [], {})

        assert policy.carrier == ""

    @pytest.mark.parametrize("value", ["0001-01-01T00:00:00", "1900-01-01", "9999-12-31", "date"])
    def test_a_placeholder_is_no_date(self, value: str) -> None:
        (policy,) = chart.policies(filled("/patients"), [filled("/subscribers", insurance_effective_date=value)], {})

        assert policy.effective_on is None

    def test_its_id_stays_the_same(self) -> None:
        first, second = (
            chart.policies(filled("/patients"), [filled("/subscribers", insurance_effective_date=day)], {})[0]
            for day in ("", str(date(2025, 1, 1)))
        )

        assert first.id == second.id
