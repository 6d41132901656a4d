"""Envelope, paging, field sets, filters, wrong names."""

from datetime import timedelta

import pytest

from .conftest import TODAY, Desk


def test_every_row_comes_once_when_offset_counts_pages(desk: Desk) -> None:
    seen: list[str] = []
    for page in range(3):
        body = desk.get("appointments", limit=50, offset=page).json()
        assert (body["offset"], body["limit"]) == (str(page), "50")
        seen += [item["appointment_sr_no"] for item in body["items"]]
    assert len(seen) == len(set(seen)) == 150
    assert desk.get("appointments", limit=50, offset=50).status_code == 204


def test_120_rows_are_two_full_pages_and_a_short_one(desk: Desk) -> None:
    numbers = sorted(int(item["appointment_sr_no"]) for item in desk.items("appointments", limit=5000))[:120]
    window = {"find": f"appointment_sr_no=lte_{numbers[-1]}", "limit": 50}
    pages = [desk.items("appointments", offset=page, **window) for page in range(4)]
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert [int(item["appointment_sr_no"]) for page in pages for item in page] == numbers


def test_the_envelope_is_strings_and_links_forget_filters(desk: Desk) -> None:
    body = desk.get("patients", status="active", limit=50, offset=1).json()
    links = body.pop("pagination")
    items = body.pop("items")
    assert all(isinstance(value, str) for value in (*body.values(), *links.values()))
    assert all(isinstance(value, str) for item in items for value in item.values())
    assert links["next"].endswith("/v4/patients?offset=2&limit=50")
    assert links["previous"].endswith("?offset=0&limit=50")
    last = int(links["last"].split("offset=")[1].split("&")[0])
    assert last == (int(body["total_count"]) - 1) // 50


def test_default_limit_is_50_and_the_largest_is_5000(desk: Desk) -> None:
    assert len(desk.items("appointments")) == 50
    assert desk.get("appointments", limit=99999).json()["limit"] == "5000"
    for wrong in ({"limit": "0"}, {"limit": "ten"}, {"offset": "-1"}):
        assert desk.get("appointments", **wrong).json()["error_code"] == "API1026"


def test_nothing_found_is_204_without_a_body(desk: Desk) -> None:
    for answer in (desk.get("patients", lastname="Nobody"), desk.get("appointments_available_slots")):
        assert (answer.status_code, answer.content) == (204, b"")


def test_field_sets(desk: Desk) -> None:
    [plain] = desk.items("appointments", limit=1)
    assert len(plain) == 32
    assert not {"operatory", "cancelled", "is_confirmed", "hygienist", "cust_id"} & plain.keys()
    [added] = desk.items("appointments", limit=1, fields="operatory,cancelled,no_such_field")
    assert added.keys() - plain.keys() == {"operatory", "cancelled"}
    [whole] = desk.items("appointments", limit=1, fields="get_all")
    assert len(whole) == 69
    [light] = desk.items("appointments", limit=1, fields="date,operatory", lightweight="true")
    assert light.keys() == {"date", "operatory"}
    assert "homephone" not in desk.items("patients", limit=1)[0]
    assert "homephone" in desk.items("patients", limit=1, fields="get_all")[0]


def test_unknown_and_camel_case_parameters_are_ignored(desk: Desk) -> None:
    everyone = desk.get("patients").json()["total_count"]
    assert desk.get("patients", lastName="Whitfield", q="x").json()["total_count"] == everyone


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "appointments", 405, "API2014"),
        ("GET", "appointment", 405, "API2014"),
        ("DELETE", "appointments/70001", 405, "API2014"),
        ("GET", "request_key", 405, "API2014"),
        ("GET", "patients/search", 404, "API2009"),
        ("GET", "patients/1001", 404, "API2009"),
        ("GET", "appointment_types", 404, "API2009"),
        ("GET", "availability", 404, "API2009"),
        ("GET", "patients/", 404, "API2009"),
    ],
)
def test_wrong_names_and_methods_fail(desk: Desk, method: str, path: str, status: int, code: str) -> None:
    answer = desk.call(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_below_another_version_there_is_nothing(desk: Desk) -> None:
    assert desk.session.get(f"{desk.url}/v2/patients", headers=desk.headers, timeout=5).status_code == 404


def ids(items: list[dict[str, str]]) -> list[str]:
    return [item["patient_id"] for item in items]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"firstname": "cora", "lastname": "WHITFIELD"}, ["1001", "1003"]),
        ({"firstname": "josé", "lastname": "núñez"}, ["1010"]),
        ({"firstname": "Jose", "lastname": "Nunez"}, []),
        ({"cell": "(212) 555-0147"}, ["1001"]),
        ({"homephone": "(212) 555-0147"}, ["1002"]),
        ({"phone": "(212) 555-0147"}, ["1001", "1002"]),
        ({"phone": "2125550147"}, []),
        ({"search": ") 555-0147", "lastname": "whitfield"}, ["1001", "1002"]),
        ({"search": "WHITFI"}, ["1001", "1002", "1003"]),
        ({"search": "Cora Whitfield"}, []),
        ({"guarantor_id": "1001"}, ["1001", "1002"]),
        ({"find": "firstname=like_jord::AND::birthdate=eq_1975-06-15"}, ["1011", "1012"]),
        ({"find": "patient_id=eq_1020::OR::lastname=eq_quist::AND::status=neq_active"}, ["1020", "1030"]),
        ({"find": "birthdate=gte_2017-09-30::AND::patient_id=lt_1031"}, ["1002"]),
    ],
)
def test_patient_filters(desk: Desk, params: dict[str, str], found: list[str]) -> None:
    assert ids(desk.items("patients", **params)) == found


@pytest.mark.parametrize("text", ["lastname=whitfield", "nothing=eq_1", "lastname=almost_eq"])
def test_a_malformed_find_is_refused(desk: Desk, text: str) -> None:
    assert desk.get("patients", find=text).json()["error_code"] == "API1026"


def test_appointment_windows(desk: Desk) -> None:
    first, last = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
    rows = desk.items("appointments", startdate=first, enddate=last, limit=5000, fields="operatory")
    assert {row["date"][:10] for row in rows} == {f"{first + timedelta(days=n)}" for n in range(3)}
    assert {row["operatory"] for row in rows} <= {"Op 1", "Op 2", "Op 3", "Hyg 1", "Hyg 2"}
    some = rows[0]
    narrowed = desk.items(
        "appointments",
        startdate=first,
        enddate=last,
        provider_id=some["provider_id"],
        operatory=some["operatory"],
        status=some["status"].lower(),
        appointment_sr_no=some["appointment_sr_no"],
    )
    assert [row["appointment_sr_no"] for row in narrowed] == [some["appointment_sr_no"]]
    for wrong in ({"startdate": "03/02/2026"}, {"date_filter_on": "birthdate"}):
        assert desk.get("appointments", **wrong).json()["error_code"] == "API1026"


def test_people_rooms_and_words(desk: Desk) -> None:
    assert len(desk.items("providers", status="active", provider_type="Provider")) == 4
    assert [row["provider_id"] for row in desk.items("providers", status="INACTIVE")] == ["DR9"]
    assert len(desk.items("providers", provider_type="staff")) == 2
    assert desk.get("operatories").json()["error_code"] == "API1020"
    assert len(desk.items("operatories", cust_id="1", is_hidden="F")) == 5
    assert len(desk.items("operatories", cust_id="1")) == 6
    words = desk.items("practice_variables", service_name="Appointment Status", service_item="appointment status")
    assert [row["value"] for row in words] == [row["status"] for row in desk.items("appointment_statuses")]
    both = desk.items("practice_variables", service_name="Appointment Status", fields="get_all")
    assert {row["service_item"] for row in both} == {"appointment status", "appointment confirmed status"}
    kinds = desk.items("writeback_details", writeback_type="new_appointment", category="appttype")
    types = desk.items("practice_variables", service_name="Appointment Type")
    assert [(row["item"], row["description"]) for row in kinds] == [(row["value"], row["description"]) for row in types]


def test_the_schedule_needs_get_all_and_has_two_time_formats(desk: Desk) -> None:
    assert "monday_start_1" not in desk.items("practice_schedule", limit=1)[0]
    rows = desk.items("practice_schedule", fields="get_all", limit=5000)
    assert len(rows) == 39 * (1 + 4 + 5)
    week = [row for row in rows if row["date"] == "2026-03-01T00:00:00"]
    practice = next(row for row in week if row["resource_type"] == "practice")
    assert (practice["monday_start_1"], practice["monday_end_2"]) == ("8:00 AM", "5:00 PM")
    assert (practice["friday_end_1"], practice["friday_start_2"]) == ("1:00 PM", "")
    assert practice["saturday_start_1"] == practice["sunday_start_1"] == ""
    hygienist = next(row for row in week if row["resource_id"] == "HY2")
    assert (hygienist["monday_start_1"], hygienist["wednesday_start_1"]) == ("08:00", "")
    closed = [(row["resource_type"], name) for row in rows for name, value in row.items() if value == "True"]
    assert closed == [("practice", "thursday_holiday")]


def test_two_offices_never_see_each_other(desk: Desk, birch: Desk) -> None:
    assert [row["firstname"] for row in desk.items("patients", patient_id="1001")] == ["Cora"]
    assert [row["firstname"] for row in birch.items("patients", patient_id="1001")] == ["Desmond"]
    assert ids(birch.items("patients", lastname="Whitfield")) == ["1004"]
    assert desk.items("practices")[0]["practice_id"] == birch.items("practices")[0]["practice_id"] == "1"
    number = desk.book()
    assert birch.items("writeback_status", id=number) == []


def test_two_offices_share_appointment_numbers_for_different_people(desk: Desk, birch: Desk) -> None:
    alders = {row["appointment_sr_no"]: row for row in desk.items("appointments", limit=5000)}
    birchs = {row["appointment_sr_no"]: row for row in birch.items("appointments", limit=5000)}

    assert len(birchs) > 50
    assert birchs.keys() <= alders.keys()
    assert all(row["patient_name"] != alders[number]["patient_name"] for number, row in birchs.items())


def test_new_numbers_are_shared_too_and_write_back_ids_are_not(desk: Desk, birch: Desk) -> None:
    ours, theirs = desk.book(), birch.book(patient_id="1002")
    desk.later(60)
    made = [one.status(number)["created_id"] for one, number in ((desk, ours), (birch, theirs))]

    assert ours != theirs
    assert made == ["90001", "90001"]
    assert [row["patient_id"] for row in birch.sim("GET", "truth", office_id="D20002")["appointments"][-1:]] == ["1002"]
    assert birch.get("writeback_status", id=ours).status_code == 204
    assert desk.get("writeback_status", id=theirs).status_code == 204


def test_an_appointment_is_changed_in_the_office_of_the_key_alone(desk: Desk, birch: Desk) -> None:
    def row(office_id: str) -> dict[str, str]:
        rows: list[dict[str, str]] = desk.sim("GET", "truth", office_id=office_id)["appointments"]
        return next(row for row in rows if row["appointment_sr_no"] == "70003")

    before = row("D10001")
    status = {"op": "replace", "path": "/appointment_status", "value": "Cancelled", "practice_id": "1"}

    birch.call("PATCH", "appointments/70003", json=status)
    desk.later(60)

    assert row("D20002")["status"] == "Cancelled"
    assert row("D10001") == before


def test_two_locations(cedar: Desk) -> None:
    assert [row["practice_id"] for row in cedar.items("practices")] == ["1-1", "1-2"]
    assert [row["provider_id"] for row in cedar.items("providers", practice_id="1-2")] == ["DR2"]
    assert {row["practice_id"] for row in cedar.items("appointments", practice_id="1-1")} == {"1-1"}
