"""Notes, insurance and money, as the cloud tells them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pms.sandbox import Sandbox, fields
from pms.sandbox.fields import FieldTable

from .conftest import TODAY, Desk

READS = {
    "medical_notes": fields.MEDICAL_NOTES,
    "note_types": fields.NOTE_TYPES,
    "subscribers": fields.SUBSCRIBERS,
    "insurance_companies": fields.INSURANCE_COMPANIES,
    "patient_balance": fields.PATIENT_BALANCE,
    "transactions": fields.TRANSACTIONS,
    "payment_types": fields.PAYMENT_TYPES,
}


def balance(desk: Desk, patient_id: str) -> dict[str, str]:
    [row] = desk.items("patient_balance", patient_id=patient_id)
    return row


def dues(desk: Desk, patient_id: str) -> tuple[str, str, str]:
    row = balance(desk, patient_id)
    return row["patient_due"], row["insurance_due"], row["account_balance"]


@pytest.mark.parametrize(("name", "table"), READS.items())
def test_each_has_its_field_sets_in_text(desk: Desk, name: str, table: FieldTable) -> None:
    [plain] = desk.items(name, limit=1)
    [whole] = desk.items(name, limit=1, fields="get_all")
    [light] = desk.items(name, limit=1, fields="practice_id", lightweight="true")

    assert tuple(plain) == table.default
    assert tuple(whole) == table.everything
    assert all(isinstance(value, str) for value in whole.values())
    assert light.keys() == {"practice_id"}


@pytest.mark.parametrize("name", READS)
def test_each_is_paged_by_page_number(desk: Desk, name: str) -> None:
    everything = desk.items(name, limit=5000, fields="get_all")

    pages = [desk.items(name, limit=2, offset=page, fields="get_all") for page in (0, 1)]

    assert pages[0] + pages[1] == everything[:4]


@pytest.mark.parametrize("name", READS)
def test_each_wants_its_name_in_the_scope_and_its_location_switched_on(desk: Desk, name: str) -> None:
    whole = {"office_id": "D10001", "practice_id": "1"}

    desk.call("POST", "practice_location", headers=desk.app, json={**whole, "access": "OFF"})
    off = desk.get(name)
    desk.sim("POST", "config", scope=["patients"])
    refused = desk.get(name)

    assert (off.status_code, off.content) == (204, b"")
    assert (refused.status_code, refused.json()["error_code"]) == (401, "API2004")


@pytest.mark.parametrize("name", READS)
def test_each_finds_nothing_for_another_practice(desk: Desk, name: str) -> None:
    answer = desk.get(name, practice_id="7")

    assert (answer.status_code, answer.content) == (204, b"")


def test_ledgers_say_whether_the_copy_is_complete(desk: Desk) -> None:
    desk.sim("POST", "config", data_insert="in progress")

    assert desk.get("transactions").headers["Data-Insert"] == "in progress"


def test_notes_are_found_by_patient_type_and_day(desk: Desk) -> None:
    def texts(**params: object) -> list[str]:
        return [row["text"] for row in desk.items("medical_notes", patient_id="1001", **params)]

    series, mornings = "Full mouth series taken. Watch tooth 19.", "Prefers mornings. Nervous about injections."
    old, new = TODAY - timedelta(days=20), TODAY - timedelta(days=6)

    assert texts() == [series, mornings]
    assert texts(note_type="clinical note") == [series]
    assert texts(startdate=new) == texts(startdate=new, date_filter_on="procedure_date") == [mornings]
    assert texts(enddate=new - timedelta(days=1)) == [series]
    assert texts(startdate=old + timedelta(days=1), enddate=new - timedelta(days=1)) == []
    assert desk.get("medical_notes", date_filter_on="time_stamp").json()["error_code"] == "API1026"
    assert desk.get("medical_notes", startdate="03/02/2026").json()["error_code"] == "API1026"


def test_notes_are_as_people_type_them(desk: Desk) -> None:
    [bob] = desk.items("medical_notes", patient_id="1020", fields="note_id")
    [jose] = desk.items("medical_notes", patient_id="1010")

    assert bob["text"] == "Allergies: penicillin & latex!\r\nCall <daughter> first @ 718-555-0159"
    assert bob["date"] == f"{TODAY - timedelta(days=40)}T00:00:00"
    assert bob["note_id"].isdigit()
    assert (bob["transaction_sr_no"], bob["clinical_condition_id"]) == ("0", "0")
    assert "Señor Núñez" in jose["text"]


def test_note_types_are_the_words_of_the_notes(desk: Desk) -> None:
    types = [row["type"] for row in desk.items("note_types")]

    assert types == ["PatNote", "Clinical Note", "Appointment Note", "Group Note"]
    assert [row["type"] for row in desk.items("note_types", type="group note")] == ["Group Note"]
    assert {row["type"] for row in desk.items("medical_notes", limit=5000)} <= set(types)


def test_a_child_is_covered_by_the_mothers_plan(desk: Desk) -> None:
    [own], [child] = desk.items("subscribers", patient_id="1001"), desk.items("subscribers", patient_id="1002")
    [company] = desk.items(
        "insurance_companies", insurance_company_id=own["insurance_company_id"], fields="insurance_company_name"
    )
    [milo] = desk.items("patients", patient_id="1002", fields="get_all")

    assert (own["subscriber_id"], own["type"], own["patient_relation"]) == ("LDB20931847", "Dental Primary", "Self")
    assert (own["insurance_effective_date"], own["individual_used"]) == ("2024-01-01T00:00:00", "320.0000")
    assert (child["subscriber_id"], child["patient_relation"]) == ("LDB20931847", "Child")
    assert (child["firstname"], child["birthdate"]) == ("Cora", "1987-04-12T00:00:00")
    assert company["insurance_company_name"] == "Larkfield Dental Benefits"
    assert (company["payer_id"], company["group_plan_number"]) == ("98101", "447120")
    assert (company["maximum_yearly_benefit"], company["phone"]) == ("1500.0000", "(212) 555-0190")
    assert (milo["primary_insurance_company_id"], milo["subscriber_id"]) == ("301", "LDB20931847")
    assert (milo["primary_relationship"], milo["primary_subscriber_patient_id"]) == ("Child", "1001")


def test_a_second_plan_is_told_in_the_larger_set_alone(desk: Desk) -> None:
    [plain], [whole] = (desk.items("patients", patient_id="1010", **more) for more in ({}, {"fields": "get_all"}))
    rows = desk.items("subscribers", patient_id="1010")

    assert "secondary_insurance_company_id" not in plain
    assert (plain["primary_insurance_company_id"], plain["subscriber_id"]) == ("302", "OXM71440265")
    assert (whole["secondary_insurance_company_id"], whole["secondary_subscriber_id"]) == ("301", "LDB60318842")
    assert (whole["primary_insurance"], whole["secondary_insurance"]) == (
        "Oxbow Mutual Dental",
        "Larkfield Dental Benefits",
    )
    assert [(row["type"], row["insurance_company_id"]) for row in rows] == [
        ("Dental Primary", "302"),
        ("Dental Secondary", "301"),
    ]


def test_without_a_plan_there_is_nothing(desk: Desk) -> None:
    [row] = desk.items("patients", patient_id="1011", fields="get_all")

    assert desk.items("subscribers", patient_id="1011") == []
    assert row["primary_insurance_company_id"] == row["subscriber_id"] == row["secondary_insurance"] == ""
    assert row["primary_insurance_company_href"].endswith("/practices/1/insurance_companies/")


def test_a_plan_may_be_little_more_than_a_name(desk: Desk) -> None:
    [row] = desk.items("subscribers", patient_id="1020")
    [company] = desk.items("insurance_companies", insurance_company_id="303", fields="get_all")

    assert (row["subscriber_id"], row["insurance_effective_date"]) == ("PWT-0042", "")
    assert company["insurance_company_name"] == "Pennywort Employees Trust"
    assert company["payer_id"] == company["group_plan_number"] == company["phone"] == ""


def test_patients_and_subscribers_tell_the_same_of_everybody(sandbox: Sandbox) -> None:
    for office in sandbox.world.offices.values():
        told = {
            (row["patient_id"], "Dental Primary", row["primary_insurance_company_id"], row["subscriber_id"])
            for row in office.truth.patients.values()
            if row["primary_insurance_company_id"]
        } | {
            (
                row["patient_id"],
                "Dental Secondary",
                row["secondary_insurance_company_id"],
                row["secondary_subscriber_id"],
            )
            for row in office.truth.patients.values()
            if row["secondary_insurance_company_id"]
        }
        names = ("patient_id", "type", "insurance_company_id", "subscriber_id")
        companies = {row["insurance_company_id"] for row in office.insurance_companies}

        assert told == {tuple(row[name] for name in names) for row in office.subscribers}
        assert {row["insurance_company_id"] for row in office.subscribers} <= companies
        assert len(told) < len(office.truth.patients)


@pytest.mark.parametrize(
    ("patient_id", "due"),
    [
        ("1001", ("36.3000", "245.2000", "281.5000")),
        ("1002", ("0.0000", "0.0000", "0.0000")),
        ("1003", ("500.0000", "0.0000", "500.0000")),
        ("1010", ("248.0000", "372.0000", "620.0000")),
        ("1011", ("0.0000", "0.0000", "0.0000")),
        ("1012", ("0.0000", "0.0000", "0.0000")),
        ("1020", ("-72.0000", "0.0000", "-72.0000")),
        ("1030", ("210.0000", "0.0000", "210.0000")),
    ],
)
def test_what_the_cast_owes(desk: Desk, patient_id: str, due: tuple[str, str, str]) -> None:
    assert dues(desk, patient_id) == due


def test_a_balance_says_whose_since_when_and_of_which_day(desk: Desk) -> None:
    cora, nora, bob = balance(desk, "1001"), balance(desk, "1030"), balance(desk, "1020")

    assert (cora["firstname"], cora["lastname"], cora["practice_name"]) == ("Cora", "Whitfield", "Alder Dental")
    assert (cora["current_date"], cora["customer_id"]) == (f"{TODAY}T00:00:00", "1")
    assert (cora["patient_amount_less_than_30"], cora["insurance_amount_less_than_30"]) == ("36.3000", "245.2000")
    assert nora["patient_amount_greater_than_90"] == "210.0000"
    assert (bob["unapplied"], bob["patient_amount_less_than_30"]) == ("72.0000", "-72.0000")
    assert desk.items("patient_balance", patient_id="9999") == []


def test_a_balance_is_the_sum_of_the_ledger_and_of_its_ages(desk: Desk) -> None:
    sums: dict[str, Decimal] = {}
    for row in desk.items("transactions", limit=5000):
        sums[row["patient_id"]] = sums.get(row["patient_id"], Decimal(0)) + Decimal(row["amount"])

    rows = desk.items("patient_balance", limit=5000)

    assert len(rows) == 200
    for row in rows:
        aged = {
            owner: sum(Decimal(row[f"{owner}_amount_{age}"]) for age in fields.AGES)
            for owner in ("patient", "insurance")
        }
        assert Decimal(row["account_balance"]) == sums.get(row["patient_id"], 0)
        assert (Decimal(row["patient_due"]), Decimal(row["insurance_due"])) == (aged["patient"], aged["insurance"])


def test_a_ledger_has_charges_and_negative_payments(desk: Desk) -> None:
    rows = desk.items("transactions", patient_id="1001")
    [payment] = desk.items("transactions", patient_id="1001", transaction_type="payment", fields="get_all")

    assert [(row["transaction_type"], row["amount"]) for row in rows] == [
        ("Procedure", "120.0000"),
        ("Procedure", "186.5000"),
        ("Payment", "-25.0000"),
    ]
    assert (payment["procedure_code"], payment["payment_type"]) == ("3", "Credit Card Payment")
    assert payment["transaction_date"] == f"{TODAY - timedelta(days=20)}T00:00:00"
    assert (payment["guarantor_id"], payment["estimated_insurance_payment"]) == ("1001", "0")


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"guarantor_id": "1001"}, 5),
        ({"patient_id": "1002"}, 2),
        ({"patient_id": "1002", "transaction_type": "Insurance Payment"}, 1),
        ({"patient_id": "1001", "procedure_code": "d0210"}, 1),
        ({"patient_id": "1012", "payment_type": "Check Payment' Thank You"}, 1),
        ({"patient_id": "1010", "startdate": f"{TODAY - timedelta(days=8)}"}, 1),
        ({"patient_id": "1010", "enddate": f"{TODAY - timedelta(days=41)}"}, 0),
        ({"patient_id": "1010", "enddate": f"{TODAY}", "date_filter_on": "transaction_entry_date"}, 2),
        ({"patient_id": "1010", "enddate": f"{TODAY}", "date_filter_on": "last_updated_by"}, 0),
        ({"patient_id": "1010", "provider_id": "DR2"}, 0),
        ({"claim_sr_no": "1"}, 0),
    ],
)
def test_transaction_filters(desk: Desk, params: dict[str, str], found: int) -> None:
    assert len(desk.items("transactions", **params)) == found


def test_a_transaction_window_on_another_field_is_refused(desk: Desk) -> None:
    assert desk.get("transactions", date_filter_on="rowhash").json()["error_code"] == "API1026"


@pytest.mark.parametrize(
    ("params", "codes"),
    [
        ({}, ["1", "2", "3", "6", "10"]),
        ({"is_insurance_type": "true"}, ["10"]),
        ({"is_insurance_type": "false"}, ["1", "2", "3", "6", "10"]),
        ({"is_adjustment_type": "TRUE"}, ["20"]),
        ({"is_debit_adjustment_type": "true"}, ["30"]),
        ({"are_credit_card_details_required": "true"}, []),
        ({"code": "2"}, ["2"]),
        ({"customer_id": "1", "code": "3"}, ["3"]),
        ({"customer_id": "2"}, []),
    ],
)
def test_payment_types(desk: Desk, params: dict[str, str], codes: list[str]) -> None:
    assert [row["code"] for row in desk.items("payment_types", **params)] == codes


def test_a_payment_type_can_be_out_of_use(desk: Desk) -> None:
    told = {row["code"]: row["payment_type_status"] for row in desk.items("payment_types", fields="get_all")}

    assert [code for code, status in told.items() if status != "Active"] == ["6"]


def test_two_offices_tell_different_things_of_the_same_ids(desk: Desk, birch: Desk) -> None:
    ours, theirs = ([one.items(name, limit=5000, fields="get_all") for name in READS] for one in (desk, birch))
    company = birch.items("insurance_companies", insurance_company_id="301", fields="insurance_company_name")

    assert dues(birch, "1001") == ("100.0000", "107.0000", "207.0000")
    assert [row["text"] for row in birch.items("medical_notes", patient_id="1001")] == [
        "Needs the ramp at the back door."
    ]
    assert [row["subscriber_id"] for row in birch.items("subscribers", patient_id="1002")] == ["TDP11830027"]
    assert company[0]["insurance_company_name"] == "Tamarisk Dental Plan"
    for name, mine, other in zip(READS, ours, theirs, strict=True):
        shared = name in ("note_types", "payment_types")
        assert bool([row for row in mine if row in other]) is shared


def test_each_location_has_its_own_types_and_plans(cedar: Desk) -> None:
    for name, every in (("note_types", 8), ("payment_types", 10), ("insurance_companies", 2)):
        assert len(cedar.items(name)) == every
        assert {row["practice_id"] for row in cedar.items(name, practice_id="1-2")} == {"1-2"}
    assert {row["practice_name"] for row in cedar.items("patient_balance", practice_id="1-2")} == {"Cedar Dental South"}


@pytest.mark.parametrize(
    "name", [*READS, "patients", "appointments", "providers", "practices", "practice_schedule", "appointment_statuses"]
)
def test_rows_can_carry_fields_that_nobody_expects(desk: Desk, name: str) -> None:
    desk.sim("POST", "config", extra_fields={"pin": "0147", "practice_id": "no", "kin": [{"name": "X"}]})
    rows: list[dict[str, Any]] = [
        *desk.items(name, limit=2),
        *desk.items(name, limit=2, fields="get_all"),
        *desk.items(name, limit=2, fields="practice_id", lightweight="true"),
    ]
    desk.sim("POST", "config", extra_fields=False)
    [clean] = desk.items(name, limit=1)

    assert {row["pin"] for row in rows} == {"0147"}
    assert {row["practice_id"] for row in rows} == {"1"}
    assert all(row["kin"] == [{"name": "X"}] for row in rows)
    assert not {"pin", "kin"} & clean.keys()


def test_unexpected_fields_can_be_had_without_naming_them(desk: Desk) -> None:
    told = desk.sim("POST", "config", extra_fields=True)["extra_fields"]
    [row] = desk.items("patients", patient_id="1001")

    assert "ssn" in told
    assert told.items() <= row.items()
    assert desk.sim("POST", "config")["extra_fields"] == told
