"""Notes and payments on their way into the PMS."""

from datetime import timedelta

import pytest

from .conftest import TODAY, Desk


def last_note(desk: Desk, patient_id: str = "1001") -> dict[str, str]:
    return desk.truth(patient_id)["notes"][-1]


def due(desk: Desk, patient_id: str = "1001") -> str:
    [row] = desk.items("patient_balance", patient_id=patient_id)
    return row["patient_due"]


def outcome(desk: Desk, number: str) -> tuple[str, str, str]:
    row = desk.status(number)
    return row["status"], row["result"], row["created_id"]


def test_a_note_is_accepted_then_written_then_visible(desk: Desk) -> None:
    number = desk.written("medical_notes", desk.note(description="Phone call"))
    pending, before = desk.status(number), desk.truth()["notes"]
    desk.later(60)
    done, unseen = desk.status(number), desk.items("medical_notes", patient_id="1001")
    desk.sim("POST", "refresh")
    [row] = desk.items("medical_notes", patient_id="1001", startdate=TODAY, fields="get_all")

    assert (pending["is_completed"], pending["method"], pending["api"]) == ("False", "POST", "medical_notes")
    assert (done["status"], done["has_error"], done["patient_id"]) == ("Success", "False", "1001")
    assert len(before) == len(unseen) == 2
    assert (row["text"], row["type"], row["description"]) == ("Called about a sore tooth.", "PatNote", "Phone call")
    assert (row["provider_id"], row["date"], row["note_id"]) == ("DR1", f"{TODAY}T00:00:00", "25001")
    assert row["time_stamp"] == "2026-03-02T12:01:00"


def test_a_written_note_is_not_told_by_its_number(desk: Desk) -> None:
    number = desk.written("medical_notes", desk.note())
    desk.later(60)

    assert outcome(desk, number) == ("Success", "Medical note inserted successfully", "")


@pytest.mark.parametrize("name", ["patient_id", "type", "date", "text", "provider_id", "practice_id"])
def test_a_note_misses_nothing(desk: Desk, name: str) -> None:
    answer = desk.call("POST", "medical_notes", json=desk.note(**{name: " "}))

    assert (answer.status_code, answer.json()["error_code"]) == (400, "API1020")
    assert desk.sim("GET", "writebacks")["writebacks"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"text": "Allergic to <latex>"}, "API1026"),
        ({"text": "First line\nsecond line"}, "API1026"),
        ({"text": "Paid 50%, rest later"}, "API1026"),
        ({"description": "#4"}, "API1026"),
        ({"date": "03/02/2026"}, "API1026"),
        ({"date": "2026-02-30"}, "API1026"),
        ({"practice_id": "7"}, "API1026"),
        ({"type": "Appointment Note"}, "API1020"),
        ({"type": "Group Note"}, "API1020"),
    ],
)
def test_the_cloud_refuses_a_note_that_it_can_see_is_wrong(desk: Desk, changes: dict[str, str], code: str) -> None:
    answer = desk.call("POST", "medical_notes", json=desk.note(**changes))

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"patient_id": "9999"}, "Patient does not exist"),
        ({"provider_id": "DR7"}, "Provider does not exist"),
        ({"type": "Poem"}, "Note type does not exist"),
        ({"type": "patnote"}, "Note type does not exist"),
        ({"type": "Appointment Note", "appointment_sr_no": "70001"}, "Appointment does not exist"),
        ({"type": "Appointment Note", "appointment_sr_no": "70002"}, ""),
        ({"type": "Group Note", "transaction_sr_no": "1"}, "Transaction does not exist"),
        ({"text": "Señor Núñez's friend (José). 12 - 14"}, ""),
    ],
)
def test_the_pms_decides_about_a_note(desk: Desk, changes: dict[str, str], result: str) -> None:
    number = desk.written("medical_notes", desk.note(**changes))
    desk.later(60)

    status, told, _ = outcome(desk, number)
    assert status == ("Failed" if result else "Success")
    assert told == (result or "Medical note inserted successfully")
    assert len(desk.truth()["notes"]) == (2 if result else 3)


def test_a_group_note_is_about_the_patients_own_entries(desk: Desk) -> None:
    own, child = ([row["transaction_sr_no"] for row in desk.truth(one)["transactions"]] for one in ("1001", "1002"))
    good, bad = (
        desk.written("medical_notes", desk.note(type="Group Note", transaction_sr_no="|".join(entries)))
        for entries in (own[:2], [own[0], child[0]])
    )
    desk.later(60)

    assert (desk.status(good)["status"], desk.status(bad)["result"]) == ("Success", "Transaction does not exist")
    assert last_note(desk)["transaction_sr_no"] == own[0]


def test_a_payment_lowers_what_is_due_once_the_copy_has_it(desk: Desk) -> None:
    number = desk.written("transaction", desk.payment(note="By phone", transaction_entry_date="2026-03-01"))
    pending = desk.status(number)
    desk.later(60)
    done, unseen = desk.status(number), due(desk)
    desk.sim("POST", "refresh")
    [row] = desk.items("transactions", transaction_sr_no=done["created_id"], fields="get_all")

    assert (pending["is_completed"], pending["method"], pending["api"]) == ("False", "POST", "transactions")
    assert outcome(desk, number) == ("Success", "Transaction inserted successfully", "60001")
    assert (unseen, due(desk)) == ("36.3000", "25.8000")
    assert (row["amount"], row["transaction_type"], row["note"]) == ("-10.5000", "Payment", "By phone")
    assert (row["procedure_code"], row["payment_type"]) == ("3", "Credit Card Payment")
    assert (row["patient_id"], row["guarantor_id"], row["provider_id"]) == ("1001", "1001", "DR1")
    assert row["transaction_date"] == f"{TODAY}T00:00:00"
    assert (row["transaction_entry_date"], row["transaction_time"]) == ("2026-03-01T00:00:00", "12:01")


def test_a_payment_is_entered_on_the_day_it_arrives(desk: Desk) -> None:
    desk.written("transaction", desk.payment(transaction_date=f"{TODAY - timedelta(days=3)}"))
    desk.later(60)

    row = desk.truth()["transactions"][-1]
    assert (row["transaction_date"], row["transaction_entry_date"]) == ("2026-02-27T00:00:00", "2026-03-02T00:00:00")


@pytest.mark.parametrize(("amount", "left"), [("-36.30", "0.0000"), ("-100", "-63.7000"), ("25.5", "61.8000")])
def test_an_amount_is_taken_as_it_stands(desk: Desk, amount: str, left: str) -> None:
    desk.sim("POST", "config", refresh_lag=0)
    desk.written("transaction", desk.payment(amount=amount))
    desk.later(60)

    assert due(desk) == left


def test_a_credit_is_told_apart_from_what_insurers_owe(desk: Desk) -> None:
    desk.sim("POST", "config", refresh_lag=0)
    desk.written("transaction", desk.payment(amount="-100"))
    desk.later(60)

    [row] = desk.items("patient_balance", patient_id="1001")
    assert (row["patient_due"], row["unapplied"]) == ("-63.7000", "63.7000")
    assert (row["insurance_due"], row["account_balance"]) == ("245.2000", "181.5000")


def test_a_child_is_paid_for_by_the_guarantor(desk: Desk) -> None:
    own, mother = (
        desk.written("transaction", desk.payment(patient_id="1002", guarantor_id=one)) for one in ("1002", "1001")
    )
    desk.later(60)

    assert outcome(desk, own) == ("Failed", "Guarantor does not exist", "")
    assert desk.status(mother)["status"] == "Success"
    assert [row["amount"] for row in desk.truth("1002")["transactions"]] == ["85.0000", "-85.0000", "-10.5000"]


@pytest.mark.parametrize(
    "name",
    [
        *("patient_id", "guarantor_id", "procedure_code", "procedure_description"),
        *("provider_id", "amount", "practice_id", "transaction_date"),
    ],
)
def test_a_payment_misses_nothing(desk: Desk, name: str) -> None:
    answer = desk.call("POST", "transaction", json=desk.payment(**{name: ""}))

    assert (answer.status_code, answer.json()["error_code"]) == (400, "API1020")
    assert desk.sim("GET", "writebacks")["writebacks"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "0"},
        {"amount": "-0.00"},
        {"amount": "-10.505"},
        {"amount": "$-10.50"},
        {"amount": "-10.50|-20"},
        {"amount": "NaN"},
        {"transaction_date": "02/03/2026"},
        {"transaction_entry_date": "2026-13-01"},
        {"note": "50% off!"},
        {"cheque_no": "#17"},
    ],
)
def test_the_cloud_refuses_a_payment_that_it_can_see_is_wrong(desk: Desk, changes: dict[str, str]) -> None:
    answer = desk.call("POST", "transaction", json=desk.payment(**changes))

    assert (answer.status_code, answer.json()["error_code"]) == (400, "API1026")


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"patient_id": "9999"}, "Patient does not exist"),
        ({"guarantor_id": "1003"}, "Guarantor does not exist"),
        ({"provider_id": "DR7"}, "Provider does not exist"),
        ({"provider_id": "ST1"}, "Provider does not exist"),
        ({"procedure_code": "99"}, "Payment type does not exist"),
        ({"procedure_code": "2"}, "Payment type does not exist"),
        ({"procedure_code": "10", "procedure_description": "Insurance Check Payment"}, "Payment type does not exist"),
        ({"procedure_code": "6", "procedure_description": "Money Order Payment"}, "Payment type does not exist"),
        ({"procedure_code": "1", "procedure_description": "Check Payment' Thank You"}, ""),
        ({"procedure_code": "20", "procedure_description": "Courtesy Discount"}, ""),
    ],
)
def test_the_pms_decides_about_a_payment(desk: Desk, changes: dict[str, str], result: str) -> None:
    number = desk.written("transaction", desk.payment(**changes))
    desk.later(60)

    status, told, created = outcome(desk, number)
    assert status == ("Failed" if result else "Success")
    assert told == (result or "Transaction inserted successfully")
    assert created == ("" if result else "60001")
    assert len(desk.truth()["transactions"]) == (3 if result else 4)


def test_a_discount_is_no_payment(desk: Desk) -> None:
    discount = {"procedure_code": "20", "procedure_description": "Courtesy Discount"}
    desk.written("transaction", desk.payment(**discount))
    desk.later(60)

    assert desk.truth()["transactions"][-1]["transaction_type"] == "Adjustment"


def test_what_is_posted_twice_is_there_twice(desk: Desk) -> None:
    for _ in range(2):
        desk.written("transaction", desk.payment())
        desk.written("medical_notes", desk.note())
    desk.later(60)

    rows = desk.truth()
    assert [row["amount"] for row in rows["transactions"][3:]] == ["-10.5000"] * 2
    assert len({row["note_id"] for row in rows["notes"]}) == 4


@pytest.mark.parametrize(("path", "flag"), [("medical_notes", "note"), ("transaction", "payment")])
def test_an_old_pms_takes_neither(desk: Desk, cedar: Desk, path: str, flag: str) -> None:
    place = {"patient_id": "1001", "practice_id": "1-1"}
    body = cedar.note(**place) if flag == "note" else cedar.payment(**place)

    number = cedar.written(path, body)
    cedar.later(60)
    rows = desk.call("GET", "supported_pmses", headers=desk.app).json()["items"]
    flags = {
        row["practice_management_system_version"]: row[f"{flag}_writeback"]
        for row in rows
        if row["practice_management_system"] == "Opendental"
    }

    assert outcome(cedar, number) == (
        "Failed",
        "Writeback is not supported for this practice management system",
        "",
    )
    assert flags == {"21.1": "", "24.2": "available"}


@pytest.mark.parametrize(("path", "scope"), [("medical_notes", "medical_notes"), ("transaction", "transactions")])
def test_a_key_that_may_read_may_not_write(desk: Desk, path: str, scope: str) -> None:
    desk.sim("POST", "config", scope=[scope])

    body = desk.note() if path == "medical_notes" else desk.payment()
    answer = desk.call("POST", path, json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (401, "API2004")
    assert desk.get(scope).status_code == 200


@pytest.mark.parametrize(("api", "other"), [("medical_notes", "transaction"), ("transaction", "medical_notes")])
def test_delays_and_failures_aim_at_one_of_them(desk: Desk, api: str, other: str) -> None:
    bodies = {"medical_notes": desk.note(), "transaction": desk.payment()}
    desk.sim("POST", "config", writeback_delays={f"POST {other}": 300})
    desk.sim("POST", "fail_write", method="POST", api=api, result="The chart is locked")

    late, hit = desk.written(other, bodies[other]), desk.written(api, bodies[api])
    desk.later(60)
    early = desk.status(late)["status"]
    desk.later(240)

    assert outcome(desk, hit) == ("Failed", "The chart is locked", "")
    assert (early, desk.status(late)["status"]) == ("Pending", "Success")


@pytest.mark.parametrize("path", ["medical_notes", "transaction"])
def test_an_offline_office_refuses_them_when_asked_to_check(desk: Desk, path: str) -> None:
    desk.sim("POST", "office", office_id="D10001", online=False)
    body = {**(desk.note() if path == "medical_notes" else desk.payment()), "check_spu": "true"}

    answer = desk.call("POST", path, json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (412, "API2017")


def test_a_note_goes_to_the_office_of_the_key_alone(desk: Desk, birch: Desk) -> None:
    birch.written("medical_notes", birch.note())
    birch.written("transaction", birch.payment())
    before = desk.truth()
    birch.later(60)

    assert desk.truth() == before
    assert last_note(birch)["text"] == "Called about a sore tooth."
    assert birch.truth()["transactions"][-1]["amount"] == "-10.5000"


def test_a_patients_record_cannot_be_changed_in_this_pms(desk: Desk) -> None:
    before = desk.truth()

    empty = desk.call("PATCH", "patient/1001", json={"practice_id": "1", "check_spu": "true"})
    answer = desk.call("PATCH", "patient/1001", json={"practice_id": "1", "lastname": "Whitfield-Jones"})
    number = answer.json()["long_message"].removeprefix("Id:")
    desk.later(60)

    assert (empty.status_code, empty.json()["error_code"]) == (400, "API1020")
    assert (answer.status_code, answer.json()["error_code"]) == (200, "API0011")
    assert outcome(desk, number)[:2] == (
        "Failed",
        "Patient update is not supported for this practice management system",
    )
    assert desk.status(number)["patient_id"] == "1001"
    assert desk.truth() == before


def test_the_truth_of_one_patient_is_all_four_kinds_of_rows(desk: Desk) -> None:
    rows = desk.truth()

    assert {name: len(found) for name, found in rows.items() if name != "ok"} == {
        "patients": 1,
        "appointments": 1,
        "notes": 2,
        "transactions": 3,
    }
