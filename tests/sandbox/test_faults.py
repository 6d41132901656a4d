"""Faults: every write and every read can fail, hang or lose its answer, before it is carried out or after."""

from typing import Any

import pytest
import requests

from .conftest import TODAY, Desk

STATUS = {"op": "replace", "path": "/appointment_status", "value": "Appointment Confirmed", "practice_id": "1"}
CHANGE = {"practice_id": "1", "provider_id": "DR1", "time": "21:00"}
PATIENT = {"firstname": "Zephyrine", "lastname": "Ottershaw", "provider_id": "DR1", "practice_id": "1"}


def writes(desk: Desk) -> list[tuple[str, str, dict[str, Any]]]:
    """One of each: method, path, what to send."""
    waiting = desk.book(time="22:00")
    desk.sim("POST", "config", writeback_delay=0)
    created = desk.status(desk.book())["created_id"]
    desk.sim("POST", "config", writeback_delay=60)
    return [
        ("POST", "appointment", {"json": desk.booking(time="23:00")}),
        ("PUT", f"appointments/{created}", {"json": CHANGE}),
        ("PATCH", f"appointments/{created}", {"json": STATUS}),
        ("POST", "patient", {"json": PATIENT}),
        ("DELETE", "writebacks", {"headers": desk.app, "params": {"id": waiting}}),
    ]


def known(desk: Desk) -> set[str]:
    return {row["id"] for row in desk.sim("GET", "writebacks")["writebacks"]}


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("hangs", [False, True])
def test_any_write_can_be_carried_out_without_an_answer(desk: Desk, number: int, hangs: bool) -> None:
    method, path, sent = writes(desk)[number]
    before = known(desk)
    desk.sim("POST", "lose_answer", method=method, path=f"/v4/{path}", hold_seconds=30 if hangs else 0)

    with pytest.raises(requests.ReadTimeout if hangs else requests.ConnectionError):
        desk.call(method, path, timeout=0.2 if hangs else 5, **sent)

    assert len(known(desk) ^ before) == 1
    assert desk.sim("GET", "requests")["requests"][-1]["status"] == 0


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(("kind", "error"), [("timeout", requests.ReadTimeout), ("drop", requests.ConnectionError)])
def test_any_write_can_be_stopped_before_it_is_carried_out(
    desk: Desk, number: int, kind: str, error: type[Exception]
) -> None:
    method, path, sent = writes(desk)[number]
    before = known(desk)
    desk.sim("POST", "fail", method=method, path=f"/v4/{path}", kind=kind, hold_seconds=30)

    with pytest.raises(error):
        desk.call(method, path, timeout=0.2 if kind == "timeout" else 5, **sent)

    assert known(desk) == before
    assert desk.call(method, path, **sent).status_code in (200, 201)


def test_an_answer_is_lost_only_where_the_fault_points(desk: Desk) -> None:
    desk.sim("POST", "lose_answer", method="post", path="/v4/pat*")

    assert desk.call("POST", "appointment", json=desk.booking()).status_code == 201
    assert desk.call("POST", "patient", json={**PATIENT, "lastname": ""}).status_code == 400
    with pytest.raises(requests.ConnectionError):
        desk.call("POST", "patient", json=PATIENT)
    assert desk.call("POST", "patient", json=PATIENT).status_code == 201


def test_without_a_path_only_a_write_loses_its_answer(desk: Desk) -> None:
    desk.sim("POST", "lose_answer")

    assert desk.get("patients").status_code == 200
    assert desk.first_key().status_code == 200
    with pytest.raises(requests.ConnectionError):
        desk.call("POST", "appointment", json=desk.booking())


def test_a_key_can_be_granted_without_an_answer(desk: Desk) -> None:
    desk.sim("POST", "config", rotate_keys=True)
    desk.sim("POST", "lose_answer", path="/v4/request_key")

    with pytest.raises(requests.ConnectionError):
        desk.first_key()

    assert desk.sim("POST", "expire_key", office_id="D10001")["expired"] == 2


def test_a_fault_can_let_the_first_ones_go(desk: Desk) -> None:
    desk.sim("POST", "fail", path="/v4/patients", skip=1, times=2, error_code="API2002")
    desk.sim("POST", "fail", path="/v4/patients", error_code="API2022")

    statuses = [desk.get("patients").status_code for _ in range(5)]

    assert statuses == [504, 503, 503, 200, 200]


def test_the_second_answer_is_lost_not_the_first(desk: Desk) -> None:
    desk.sim("POST", "lose_answer", skip=1)

    assert desk.call("POST", "appointment", json=desk.booking()).status_code == 201
    with pytest.raises(requests.ConnectionError):
        desk.call("POST", "patient", json=PATIENT)


@pytest.mark.parametrize("aim", [{"api": "patient"}, {"method": "post", "api": "patient", "skip": 0}])
def test_the_next_write_back_of_a_kind_fails(desk: Desk, aim: dict[str, Any]) -> None:
    desk.sim("POST", "fail_write", result="The chart is locked", **aim)

    booked = desk.book()
    answers = [desk.call("POST", "patient", json=PATIENT) for _ in range(2)]
    desk.later(60)

    first, second = (desk.status(one.json()["long_message"].removeprefix("Id:")) for one in answers)
    assert (first["status"], first["result"], first["created_id"]) == ("Failed", "The chart is locked", "")
    assert (second["status"], desk.status(booked)["status"]) == ("Success", "Success")


def test_a_change_can_fail_and_a_booking_not(desk: Desk) -> None:
    desk.sim("POST", "fail_write", method="PUT")
    created = writes(desk)[1][1]

    changed = desk.call("PUT", created, json=CHANGE).json()["long_message"].removeprefix("Id:")
    confirmed = desk.call("PATCH", created, json=STATUS).json()["long_message"].removeprefix("Id:")
    desk.later(60)

    assert (desk.status(changed)["result"], desk.status(confirmed)["status"]) == ("Writeback failed", "Success")


def test_each_kind_of_write_can_take_its_own_time(desk: Desk) -> None:
    desk.sim("POST", "config", writeback_delay=10, writeback_delays={"POST patient": 300})

    booked = desk.book()
    patient = desk.call("POST", "patient", json=PATIENT).json()["long_message"].removeprefix("Id:")
    desk.later(10)
    early = (desk.status(booked)["is_completed"], desk.status(patient)["is_completed"])
    desk.later(290)

    assert early == ("True", "False")
    assert desk.status(patient)["is_completed"] == "True"


def test_reads_can_grow_stale_while_writes_go_through(desk: Desk) -> None:
    def inserted() -> str:
        params = {"office_id": "D10001"}
        [row] = desk.call("GET", "data_sync_status", headers=desk.app, params=params).json()["items"]
        return str(row["data_insert_date"])

    desk.sim("POST", "office", office_id="D10001", copying=False)
    created = desk.book()
    desk.later(7200)
    number = desk.status(created)["created_id"]
    while_stale = (inserted(), desk.items("appointments", appointment_sr_no=number))
    desk.sim("POST", "office", office_id="D10001", copying=True)

    assert number
    assert while_stale == (f"{TODAY}T12:00:00", [])
    assert (inserted(), len(desk.items("appointments", appointment_sr_no=number))) == (f"{TODAY}T14:00:00", 1)


def test_an_office_that_comes_back_stays_stale_if_it_shall(desk: Desk) -> None:
    desk.sim("POST", "office", office_id="D10001", copying=False, online=False)
    number = desk.book()
    desk.later(7200)
    desk.sim("POST", "office", office_id="D10001", online=True)
    desk.later(60)

    created = desk.status(number)["created_id"]
    assert created
    assert desk.items("appointments", appointment_sr_no=created) == []


@pytest.mark.parametrize("code", ["API2011", "API2012"])
def test_daily_caps_can_be_had(desk: Desk, code: str) -> None:
    desk.sim("POST", "fail", path="/v4/patients", error_code=code)

    answer = desk.get("patients")

    assert (answer.status_code, answer.json()["error_code"], answer.json()["http_code"]) == (429, code, "429")


@pytest.mark.parametrize(
    ("command", "body", "told"),
    [
        ("fail", {"times": 0}, "times must be at least 1, skip must not be negative"),
        ("lose_answer", {"skip": -1}, "times must be at least 1, skip must not be negative"),
        ("lose_answer", {"hold_seconds": -1}, "seconds must not be negative"),
        ("fail", {"kind": "smoke"}, "kind must be one of status, text, html, timeout, drop"),
        ("office", {"office_id": "D10001", "copying": 1}, "copying must be true or false"),
        (
            "config",
            {"writeback_delays": {"POST appointments": 1}},
            "writeback_delays has seconds for POST appointment, PUT appointment, PATCH appointment, POST patient, "
            "PATCH patient, POST medical_notes, POST transaction",
        ),
    ],
)
def test_a_fault_that_cannot_be_is_explained(desk: Desk, command: str, body: dict[str, Any], told: str) -> None:
    answer = desk.session.post(f"{desk.url}/_sim/{command}", json=body, timeout=5)

    assert (answer.status_code, answer.json()["error"]) == (400, told)
