"""What is read of one patient: chart and account, from answers in the documented shape and from the sandbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
from responses import matchers

from pms.domain import errors
from pms.domain.records import Balance, InsurancePolicy, NewPayment, Note, Payment, PaymentMethod
from pms.providers.base import PmsService
from pms.providers.registry import service_class
from pms.providers.sikka.account import DEFAULT_BASE_URL as BASE
from tests.providers.documented import PATHS, filled, masked
from tests.providers.fakes import FakeClock, MemoryTokens, connection, stored_key
from tests.providers.office import ALDER, BIRCH, Build, Command, asked_paths
from tests.providers.test_sikka_client import envelope, flat

PAID = NewPayment("5383", Decimal("75.00"), PaymentMethod.CASH, date(2026, 4, 30), reference="R-1")


@pytest.fixture
def service() -> PmsService:
    clock = FakeClock()
    tokens = MemoryTokens(clock)
    stored_key(tokens, "key-0", clock.now() + timedelta(hours=20))
    return service_class("SIKKA")(connection(tokens=tokens, clock=clock))


def lists(path: str, *rows: dict[str, Any]) -> None:
    responses.get(f"{BASE}{path}", json=envelope(list(rows)))


def refuses(path: str, status: int, code: str) -> None:
    responses.get(f"{BASE}{path}", status=status, json=flat(status, code))


def chart_of(patient: dict[str, str] | None = None, *subscribers: dict[str, str]) -> None:
    """Serve what is asked for a list of insurances."""
    lists("/patients", patient or filled("/patients"))
    lists("/subscribers", *(subscribers or (filled("/subscribers"),)))
    lists("/insurance_companies", filled("/insurance_companies"))


def asked(path: str) -> list[dict[str, str]]:
    """Return the parameters of each request for a path."""
    calls = [call.request for call in responses.calls]
    return [request.params for request in calls if str(request.url).startswith(f"{BASE}{path}?")]  # type: ignore[attr-defined]


class TestProfile:
    @responses.activate
    def test_it_has_the_address_and_the_last_visit(self, service: PmsService) -> None:
        lists("/patients", filled("/patients"))

        profile = service.get_profile("5383")

        assert (profile.street, profile.city) == ("12 Quarry Lane, Unit 4", "Springfield")
        assert (profile.state, profile.postal_code) == ("NY", "10001")
        assert profile.last_visit == date(2026, 2, 11)
        assert (profile.patient.id, profile.patient.phones) == ("5383", ("+12125550147",))
        assert profile.emergency_contact is None

    @responses.activate
    @pytest.mark.parametrize("value", ["", "0001-01-01T00:00:00", "1900-01-01T00:00:00", "9999-12-31", "last visit"])
    def test_a_visit_that_never_was_is_no_visit(self, service: PmsService, value: str) -> None:
        lists("/patients", filled("/patients", last_visit=value))

        assert service.get_profile("5383").last_visit is None

    @responses.activate
    def test_somebody_else_is_not_found(self, service: PmsService) -> None:
        lists("/patients", filled("/patients", patient_id="5384"))

        with pytest.raises(errors.PatientNotFound):
            service.get_profile("5383")

    @responses.activate
    def test_a_plain_patient_is_asked_for_without_an_address(self, service: PmsService) -> None:
        lists("/patients", filled("/patients"))

        service.get_patient("5383")

        assert not {"address_line1", "city", "last_visit"} & set(asked("/patients")[0]["fields"].split(","))


class TestNotes:
    @responses.activate
    def test_the_newest_comes_first(self, service: PmsService) -> None:
        lists(
            "/medical_notes",
            filled("/medical_notes", note_id="7", created_by="ABC"),
            filled("/medical_notes", note_id="8", date="2026-03-09T00:00:00", time_stamp="14:30"),
            filled("/medical_notes", note_id="9", date="date"),
        )

        assert service.list_notes("5383") == [
            Note("8", "Prefers mornings.", "Patient Note", "", datetime(2026, 3, 9, 18, 30, tzinfo=UTC)),
            Note("7", "Prefers mornings.", "Patient Note", "ABC", datetime(2026, 2, 11, 5, 0, tzinfo=UTC)),
            Note("9", "Prefers mornings.", "Patient Note", "", None),
        ]

    @responses.activate
    def test_a_note_of_somebody_else_is_left_out(self, service: PmsService) -> None:
        lists("/medical_notes", filled("/medical_notes", patient_id="5384"), filled("/medical_notes", note_id="7"))

        assert [note.id for note in service.list_notes("5383")] == ["7"]
        assert asked("/medical_notes")[0]["patient_id"] == "5383"

    @responses.activate
    def test_an_answer_about_everybody_is_given_up(self, service: PmsService) -> None:
        rows = [filled("/medical_notes", note_id=str(number), patient_id="1") for number in range(1000)]
        responses.get(f"{BASE}/medical_notes", json=envelope(rows) | {"total_count": "57944"})

        with pytest.raises(errors.UpstreamInvalid):
            service.list_notes("5383")
        assert len(asked("/medical_notes")) == 5

    @responses.activate
    def test_a_patient_without_notes_has_none(self, service: PmsService) -> None:
        responses.get(f"{BASE}/medical_notes", status=204)

        assert service.list_notes("5383") == []

    @responses.activate
    def test_another_practices_note_discards_the_answer(self, service: PmsService) -> None:
        lists("/medical_notes", filled("/medical_notes", practice_id="2"))

        with pytest.raises(errors.TenantMismatch):
            service.list_notes("5383")


class TestInsurance:
    @responses.activate
    def test_the_three_lists_make_one_policy(self, service: PmsService) -> None:
        chart_of()

        (policy,) = service.list_insurance("5383")

        assert replace(policy, id="") == InsurancePolicy(
            id="",
            carrier="Invented Dental Mutual",
            subscriber_id="WID5501234",
            group_number="447120",
            is_primary=True,
            relationship="Self",
            effective_on=date(2025, 1, 1),
        )

    @responses.activate
    @pytest.mark.parametrize(("status", "code"), [(401, "API2004"), (400, "API1026"), (404, "API2009")])
    def test_what_may_not_be_asked_stays_empty(self, service: PmsService, status: int, code: str) -> None:
        lists("/patients", filled("/patients", primary_insurance="Invented Dental"))
        refuses("/subscribers", status, code)
        refuses("/insurance_companies", status, code)

        (policy,) = service.list_insurance("5383")

        assert (policy.carrier, policy.subscriber_id) == ("Invented Dental", "WID5501234")
        assert (policy.group_number, policy.effective_on) == ("", None)

    @responses.activate
    def test_nothing_that_names_an_insurer_is_not_no_insurance(self, service: PmsService) -> None:
        row = filled("/patients")
        del row["primary_insurance_company_id"]
        lists("/patients", row)
        refuses("/subscribers", 401, "API2004")

        with pytest.raises(errors.NotEntitled):
            service.list_insurance("5383")

    @responses.activate
    def test_a_list_that_fails_is_no_answer(self, service: PmsService) -> None:
        lists("/patients", filled("/patients"))
        refuses("/subscribers", 500, "API2001")

        with pytest.raises(errors.PmsUnavailable):
            service.list_insurance("5383")

    @responses.activate
    def test_rows_of_others_play_no_part(self, service: PmsService) -> None:
        chart_of(None, filled("/subscribers", patient_id="5384", insurance_effective_date="2020-01-01"))
        responses.replace("GET", f"{BASE}/insurance_companies", json=envelope([filled("/insurance_companies")] * 0))

        (policy,) = service.list_insurance("5383")

        assert (policy.carrier, policy.effective_on) == ("", None)

    @responses.activate
    def test_row_7b_a_company_with_another_id_gives_no_name(self, service: PmsService) -> None:
        lists("/patients", filled("/patients"))
        lists("/subscribers", filled("/subscribers"))
        lists("/insurance_companies", filled("/insurance_companies", insurance_company_id="2507"))

        assert [one.carrier for one in service.list_insurance("5383")] == [""]

    @responses.activate
    def test_nobody_is_not_uninsured(self, service: PmsService) -> None:
        responses.get(f"{BASE}/patients", status=204)

        with pytest.raises(errors.PatientNotFound):
            service.list_insurance("5383")


class TestBalance:
    @responses.activate
    def test_row_7_it_is_the_patients_own_row(self, service: PmsService) -> None:
        lists("/patient_balance", filled("/patient_balance", patient_id="1"), filled("/patient_balance"))
        lists("/transactions", filled("/transactions", patient_id="1", amount="-9.00"), filled("/transactions"))

        assert service.get_balance("5383") == Balance(
            patient_id="5383",
            total=Decimal("150.50"),
            insurance=Decimal("100.50"),
            patient=Decimal("50.00"),
            as_of=date(2026, 5, 11),
            last_payment=Payment("31008", Decimal("75.00"), date(2026, 4, 30), "cash"),
        )

    @responses.activate
    @pytest.mark.parametrize("name", ["account_balance", "patient_due", "insurance_due"])
    @pytest.mark.parametrize("value", ["", "N/A", "patient due"])
    def test_an_amount_that_is_not_told_is_not_nothing(self, service: PmsService, name: str, value: str) -> None:
        lists("/patient_balance", filled("/patient_balance", **{name: value}))
        responses.get(f"{BASE}/transactions", status=204)

        with pytest.raises(errors.UpstreamInvalid):
            service.get_balance("5383")

    @responses.activate
    def test_no_row_is_not_nothing_owed(self, service: PmsService) -> None:
        responses.get(f"{BASE}/patient_balance", status=204)
        lists("/patients", filled("/patients"))

        with pytest.raises(errors.UpstreamInvalid):
            service.get_balance("5383")

    @responses.activate
    def test_no_row_and_no_patient_is_nobody(self, service: PmsService) -> None:
        responses.get(f"{BASE}/patient_balance", status=204)
        responses.get(f"{BASE}/patients", status=204)

        with pytest.raises(errors.PatientNotFound):
            service.get_balance("5383")

    @responses.activate
    def test_payments_that_cannot_be_read_are_not_none(self, service: PmsService) -> None:
        lists("/patient_balance", filled("/patient_balance"))
        refuses("/transactions", 500, "API2001")

        with pytest.raises(errors.PmsUnavailable):
            service.get_balance("5383")


class TestPayment:
    @responses.activate
    def test_the_entry_of_that_day_and_amount_is_found(self, service: PmsService) -> None:
        lists("/transactions", filled("/transactions"))

        assert service.find_payment(PAID) == "31008"
        assert {asked("/transactions")[0][name] for name in ("startdate", "enddate")} == {"2026-04-30"}

    @responses.activate
    def test_an_equal_entry_of_another_payment_is_not_taken_for_it(self, service: PmsService) -> None:
        lists("/transactions", filled("/transactions"), filled("/transactions", transaction_sr_no="31009"))

        assert service.find_payment(PAID, others=frozenset({"31008"})) == "31009"
        assert service.find_payment(PAID, others=frozenset({"31008", "31009"})) is None


@responses.activate
@pytest.mark.parametrize("path", PATHS)
def test_a_masked_example_is_no_crash(service: PmsService, path: str) -> None:
    """Amounts that are words may be refused, as an unreadable answer; nothing else may happen."""
    ids = {name: "5383" for name in ("patient_id", "insurance_company_id") if name in masked(path)}
    for one in PATHS:
        responses.get(f"{BASE}{one}", json=envelope([masked(one, **ids) if one == path else filled(one)]))

    assert service.get_profile("5383").patient.id == "5383"
    assert all(note.written_at is None or path != "/medical_notes" for note in service.list_notes("5383"))
    assert service.list_insurance("5383")[0].expires_on is None
    if path == "/patient_balance":
        with pytest.raises(errors.UpstreamInvalid):
            service.get_balance("5383")
    else:
        assert (service.get_balance("5383").last_payment is None) is (path == "/transactions")
    assert service.find_payment(PAID) == (None if path == "/transactions" else "31008")


class TestSandbox:
    def test_a_note_with_a_line_break_is_read(self, build: Build) -> None:
        notes = build().list_notes("1020")

        assert len(notes) == 1
        assert "\n" in notes[0].text

    def test_a_childs_plan_is_the_parents(self, build: Build) -> None:
        (policy,) = build().list_insurance("1002")

        assert (policy.carrier, policy.subscriber_id) == ("Larkfield Dental Benefits", "LDB20931847")
        assert (policy.relationship, policy.effective_on, policy.is_primary) == ("Child", date(2024, 1, 1), True)

    def test_the_second_plan_keeps_its_own_numbers(self, build: Build) -> None:
        first, second = build().list_insurance("1010")

        assert (first.carrier, first.subscriber_id, first.group_number) == (
            "Oxbow Mutual Dental",
            "OXM71440265",
            "OX-2207",
        )
        assert (second.carrier, second.subscriber_id, second.is_primary) == (
            "Larkfield Dental Benefits",
            "LDB60318842",
            False,
        )

    def test_a_plan_of_which_nothing_else_is_known(self, build: Build) -> None:
        (policy,) = build().list_insurance("1020")

        assert (policy.carrier, policy.subscriber_id) == ("Pennywort Employees Trust", "PWT-0042")
        assert (policy.group_number, policy.effective_on) == ("", None)

    def test_somebody_without_a_plan_has_none(self, build: Build) -> None:
        assert build().list_insurance("1011") == []

    def test_balance_and_last_payment_are_the_ledgers(self, build: Build) -> None:
        balance = build().get_balance("1001")

        assert (balance.total, balance.insurance, balance.patient) == (
            Decimal("281.50"),
            Decimal("245.20"),
            Decimal("36.30"),
        )
        assert balance.last_payment is not None
        assert (balance.last_payment.amount, balance.last_payment.method) == (Decimal("25.00"), "credit_card")

    def test_what_the_insurer_paid_is_not_the_patients_payment(self, build: Build) -> None:
        assert build().get_balance("1010").last_payment is None

    def test_a_credit_is_negative(self, build: Build) -> None:
        assert build().get_balance("1020").patient == Decimal("-72.00")

    def test_the_same_id_in_another_office_is_somebody_else(self, build: Build) -> None:
        assert build(BIRCH).get_balance("1001").patient == Decimal("100.00")
        assert build(BIRCH).list_insurance("1001")[0].carrier == "Tamarisk Dental Plan"

    @pytest.mark.parametrize("call", ["get_profile", "list_insurance", "get_balance"])
    def test_nobody_is_not_found(self, build: Build, call: str) -> None:
        with pytest.raises(errors.PatientNotFound):
            getattr(build(), call)("999999")

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("Cora Whitfield", {"1001", "1003"}),
            ("whitfield, cora", {"1001", "1003"}),
            ("Whitfield", {"1001", "1002", "1003"}),
            ("José Núñez", {"1010"}),
            ("Bob Lee-O'Brien", {"1020"}),
            ("(212) 555-0147", {"1001", "1002"}),
            ("+1 917 555 0121", {"1010"}),
            ("555-0121", {"1010"}),
            ("Springfieldville", set()),
            ("New York", set()),
            ("", set()),
            ("12", set()),
        ],
    )
    def test_words_find_whom_they_name(self, build: Build, words: str, expected: set[str]) -> None:
        found = {one.id for one in build().find_patients(words, 20)}

        assert found & {"1001", "1002", "1003", "1010", "1020"} == expected

    def test_no_more_are_found_than_are_wanted(self, build: Build, sim: Command) -> None:
        service = build()

        assert len(service.find_patients("Whitfield", 2)) == 2
        assert service.find_patients("Whitfield", 0) == []
        assert asked_paths(sim).count("GET /v4/patients") == 1

    def test_without_the_right_nothing_is_asked(self, build: Build, sim: Command) -> None:
        service = build(ALDER, capabilities=[])

        for call in (service.list_notes, service.list_insurance, service.get_balance, service.get_profile):
            with pytest.raises(errors.NotSupported):
                call("1001")
        with pytest.raises(errors.NotSupported):
            service.find_patients("Whitfield", 5)
        assert asked_paths(sim) == []


@responses.activate
def test_an_address_is_looked_for_as_it_is_written(service: PmsService) -> None:
    responses.get(
        f"{BASE}/patients",
        json=envelope([filled("/patients"), filled("/patients", patient_id="2", email="other@example.test")]),
        match=[matchers.query_param_matcher({"email": "Ada@example.test"}, strict_match=False)],
    )
    responses.get(f"{BASE}/patients", status=400, json=flat(400, "API1026"))

    assert [one.id for one in service.find_patients(" Ada@example.test ", 5)] == ["5383"]
