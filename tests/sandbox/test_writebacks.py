"""Write-backs: accepted at once, done later, told honestly."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pms.sandbox import Sandbox

from .conftest import TODAY, Desk


def truth(desk: Desk, **params: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = desk.sim("GET", "truth", office_id=desk.office_id, **params)["appointments"]
    return found


def test_pending_then_done_then_visible(desk: Desk) -> None:
    answer = desk.call("POST", "appointment", json=desk.booking(type="2"))
    assert (answer.status_code, answer.json()["error_code"]) == (201, "API2016")
    assert answer.headers["Content-Type"].startswith("text/html")
    number = answer.json()["long_message"].removeprefix("Id:")
    assert answer.json()["more_information"] == f"{desk.url}/v4/writeback_status?id={number}"

    pending = desk.get("writeback_status", id=number).json()
    assert isinstance(pending, list)
    [item] = pending[0]["items"]
    assert (item["is_completed"], item["has_error"], item["created_id"]) == ("False", "False", "")

    desk.later(60)
    item = desk.status(number)
    assert (item["is_completed"], item["has_error"], item["status"]) == ("True", "False", "Success")
    created = item["created_id"]
    assert created != number
    assert [row["status"] for row in truth(desk) if row["appointment_sr_no"] == created] == ["Scheduled"]

    assert desk.items("appointments", appointment_sr_no=created) == []
    desk.sim("POST", "refresh")
    [row] = desk.items("appointments", appointment_sr_no=created, fields="operatory")
    assert (row["date"], row["time"], row["length"]) == ("2026-03-08T00:00:00", "20:00", "30")
    assert (row["patient_name"], row["operatory"], row["type"]) == ("Cora Whitfield", "Op 1", "Cleaning")


def test_reads_lag_until_the_next_refresh_and_say_since_when(desk: Desk) -> None:
    def inserted() -> str:
        params = {"office_id": "D10001"}
        [row] = desk.call("GET", "data_sync_status", headers=desk.app, params=params).json()["items"]
        return str(row["data_insert_date"])

    assert inserted() == "2026-03-02T12:00:00"
    number = desk.book()
    desk.later(890)
    created = desk.status(number)["created_id"]
    assert created
    assert desk.items("appointments", appointment_sr_no=created) == []
    desk.later(10)
    assert inserted() == "2026-03-02T12:15:00"
    assert len(desk.items("appointments", appointment_sr_no=created)) == 1
    assert desk.status(number)["completed_time"] < inserted().replace("T", " ")


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"time": "20:15"}, "Appointment already scheduled"),
        ({"time": "20:15", "provider_id": "DR2"}, "Appointment already scheduled"),
        ({"time": "20:15", "operatory": "Op 2"}, "Appointment already scheduled"),
        ({"time": "20:30"}, ""),
        ({"time": "20:15", "provider_id": "DR2", "operatory": "Op 2"}, ""),
        ({"patient_id": "9999"}, "Patient does not exist"),
        ({"provider_id": "DR9"}, "Provider does not exist"),
        ({"operatory": "O1"}, "Operatory does not exist"),
        ({"type": "Cleaning"}, "Appointment type does not exist"),
    ],
)
def test_the_pms_decides(desk: Desk, changes: dict[str, str], result: str) -> None:
    desk.book()
    number = desk.book(**changes)
    desk.later(60)
    item = desk.status(number)
    failed = bool(result)
    assert (item["is_completed"], item["has_error"]) == ("True", str(failed))
    assert item["status"] == ("Failed" if failed else "Success")
    assert bool(item["created_id"]) is not failed
    if failed:
        assert item["result"] == result


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"patient_id": ""}, "API1020"),
        ({"description": ""}, "API1020"),
        ({"operatory": ""}, "API1020"),
        ({"description": "Cleaning; see #4"}, "API1026"),
        ({"date": "03/08/2026"}, "API1026"),
        ({"date": "2026-02-30"}, "API1026"),
        ({"time": "8:00 PM"}, "API1026"),
        ({"length": "30.5"}, "API1026"),
        ({"practice_id": "7"}, "API1026"),
    ],
)
def test_the_cloud_refuses_what_it_can_see(desk: Desk, changes: dict[str, str], code: str) -> None:
    answer = desk.call("POST", "appointment", json=desk.booking(**changes))
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert desk.sim("GET", "writebacks")["writebacks"] == []


def test_an_offline_office_refuses_only_when_asked_to_check(desk: Desk) -> None:
    desk.sim("POST", "office", office_id="D10001", online=False)
    refused = desk.call("POST", "appointment", json=desk.booking(check_spu="true"))
    assert (refused.status_code, refused.json()["error_code"]) == (412, "API2017")
    number = desk.book()
    desk.later(3600)
    assert desk.status(number)["is_completed"] == "False"
    desk.sim("POST", "office", office_id="D10001", online=True)
    assert desk.status(number)["is_completed"] == "False"
    desk.later(60)
    assert desk.status(number)["status"] == "Success"


def test_an_office_silent_for_a_day_is_not_refresh(desk: Desk) -> None:
    def sync() -> str:
        params = {"office_id": "D10001"}
        return str(desk.call("GET", "data_sync_status", headers=desk.app, params=params).json()["items"][0]["status"])

    desk.sim("POST", "office", office_id="D10001", online=False)
    assert sync() == "refresh"
    desk.later(24 * 3600 + 1)
    assert sync() == "not_refresh"


def test_a_lost_answer_still_lands(desk: Desk) -> None:
    desk.sim("POST", "lose_answer", times=1)
    with pytest.raises(requests.ConnectionError):
        desk.call("POST", "appointment", json=desk.booking())
    params = {"startdate": TODAY.isoformat(), "enddate": TODAY.isoformat()}
    [sent] = desk.call("GET", "writebacks", headers=desk.app, params=params).json()["items"]
    assert sent["result"] == "pending"
    assert "&patient_id=1001&date=2026-03-08&time=20:00&" in sent["api_request_body"]
    assert desk.grant["request_key"] not in sent["api_request_body"]
    desk.later(60)
    assert desk.status(sent["id"])["status"] == "Success"
    assert len([row for row in truth(desk, patient_id="1001") if row["date"] == "2026-03-08T00:00:00"]) == 1


def test_a_stolen_slot_is_seen_only_by_the_pms(desk: Desk) -> None:
    booking = desk.booking()
    taken: dict[str, Any] = {name: booking[name] for name in ("provider_id", "operatory", "date", "time")}
    number = desk.sim("POST", "steal", office_id="D10001", length=30, **taken)["appointment_sr_no"]
    assert desk.items("appointments", appointment_sr_no=number) == []
    written = desk.book()
    desk.later(60)
    assert desk.status(written)["result"] == "Appointment already scheduled"
    whose = {"patient_id": "1003", "type": "Filling", "cloud": True}
    shown = desk.sim("POST", "steal", office_id="D10001", length=30, **whose, **{**taken, "time": "21:00"})
    [row] = desk.items("appointments", appointment_sr_no=shown["appointment_sr_no"])
    assert (row["patient_id"], row["type"]) == ("1003", "Filling")


def test_a_write_can_be_made_to_fail_and_ids_kept_back(desk: Desk) -> None:
    desk.sim("POST", "fail_write", times=1, result="Unexpected error in the PMS")
    desk.sim("POST", "config", tell_created_id=False)
    first, second = desk.book(), desk.book()
    desk.later(60)
    assert (desk.status(first)["status"], desk.status(first)["result"]) == ("Failed", "Unexpected error in the PMS")
    assert (desk.status(second)["status"], desk.status(second)["created_id"]) == ("Success", "")


def test_a_pending_write_can_be_withdrawn_a_done_one_cannot(desk: Desk) -> None:
    def withdraw(number: str) -> requests.Response:
        return desk.call("DELETE", "writebacks", headers=desk.app, params={"id": number})

    first, second = desk.book(), desk.book(time="21:00")
    assert withdraw(first).json()["error_code"] == "API4006"
    desk.later(60)
    assert desk.items("writeback_status", id=first) == []
    assert withdraw(second).json()["error_code"] == "API1026"
    assert desk.status(second)["status"] == "Success"


def test_what_is_withdrawn_is_gone_and_what_is_not_pending_stays(desk: Desk) -> None:
    def withdraw(**params: str) -> tuple[int, str, str]:
        answer = desk.call("DELETE", "writebacks", headers=desk.app, params=params)
        return answer.status_code, answer.json()["error_code"], answer.json()["long_message"]

    listed = {"startdate": TODAY.isoformat(), "enddate": TODAY.isoformat()}
    withdrawn, done, failed = desk.book(), desk.book(time="21:00"), desk.book(patient_id="9999")

    gone = withdraw(id=withdrawn)
    desk.later(60)
    refused = [withdraw(id=one) for one in (withdrawn, done, failed, "1")]

    assert gone == (200, "API4006", "Writeback request deleted successfully.")
    assert refused == [(400, "API1026", "Only pending writeback request can be deleted.")] * 4
    assert withdraw()[:2] == (400, "API1020")
    assert (desk.status(done)["status"], desk.status(failed)["status"]) == ("Success", "Failed")
    assert [row["time"] for row in truth(desk, patient_id="1001") if row["date"] == "2026-03-08T00:00:00"] == ["21:00"]
    rows = desk.call("GET", "writebacks", headers=desk.app, params=listed).json()["items"]
    assert [row["id"] for row in rows] == [done, failed]


def test_a_write_that_waits_for_an_offline_office_can_be_withdrawn(desk: Desk) -> None:
    number = desk.book()
    desk.sim("POST", "office", office_id="D10001", online=False)
    desk.later(3600)

    answer = desk.call("DELETE", "writebacks", headers=desk.app, params={"id": number})
    desk.sim("POST", "office", office_id="D10001", online=True)
    desk.later(3600)

    assert answer.status_code == 200
    assert not [row for row in truth(desk, patient_id="1001") if row["date"] == "2026-03-08T00:00:00"]


def test_nobody_is_born_tomorrow(desk: Desk) -> None:
    body = {"firstname": "Zephyrine", "lastname": "Ottershaw", "provider_id": "DR1", "practice_id": "1"}

    answers = [
        desk.call("POST", "patient", json={**body, "birthdate": f"{TODAY + timedelta(days=days)}"}) for days in (0, 1)
    ]

    assert [one.status_code for one in answers] == [201, 400]


def test_of_many_who_book_one_time_at_once_one_gets_it(desk: Desk) -> None:
    url = f"{desk.url}/v4/appointment"

    def book(_turn: int) -> str:
        with requests.Session() as own:
            own.trust_env = False
            answer = own.post(url, json=desk.booking(), headers=desk.headers, timeout=5)
        return str(answer.json()["long_message"]).removeprefix("Id:")

    with ThreadPoolExecutor(max_workers=4) as pool:
        numbers = list(pool.map(book, range(8)))
    assert len(set(numbers)) == 8
    desk.later(60)
    outcomes = Counter(desk.status(number)["status"] for number in numbers)
    assert outcomes == {"Success": 1, "Failed": 7}


def test_time_passes_by_itself(session: requests.Session) -> None:
    with Sandbox(writeback_delay=0.05, refresh_lag=0) as quick:
        desk = Desk(quick.url, session)
        number = desk.book(date=f"{datetime.now(UTC).date() + timedelta(days=60)}")
        for _ in range(40):
            if desk.status(number)["is_completed"] == "True":
                break
            time.sleep(0.02)
        assert len(desk.items("appointments", appointment_sr_no=desk.status(number)["created_id"])) == 1


def test_writebacks_want_a_week_at_most(desk: Desk) -> None:
    def code(**params: str) -> str:
        return str(desk.call("GET", "writebacks", headers=desk.app, params=params).json()["error_code"])

    assert code() == code(startdate="2026-03-01") == "API1020"
    assert code(startdate="2026-03-01", enddate="2026-03-09") == "API1026"


def test_changing_and_cancelling(desk: Desk) -> None:
    number = desk.book()
    desk.later(60)
    created = desk.status(number)["created_id"]

    def send(method: str, **body: str) -> dict[str, str]:
        answer = desk.call(method, f"appointments/{created}", json={"practice_id": "1", **body})
        assert (answer.status_code, answer.json()["error_code"]) == (200, "API0007")
        desk.later(60)
        return desk.status(answer.json()["long_message"].removeprefix("Id:"))

    assert send("PUT", provider_id="HY1", time="18:30", operatory="Hyg 1")["status"] == "Success"
    status = {"op": "replace", "path": "/appointment_status"}
    assert send("PATCH", **status, value="Appointment Confirmed")["status"] == "Success"
    [row] = [row for row in truth(desk) if row["appointment_sr_no"] == created]
    assert (row["time"], row["hygienist"], row["is_confirmed"]) == ("18:30", "HY1", "True")
    assert send("PATCH", **status, value="Vanished")["status"] == "Failed"
    assert send("PATCH", **status, value="Cancelled")["status"] == "Success"
    again = desk.book(provider_id="HY1", time="18:30", operatory="Hyg 1")
    desk.later(60)
    assert desk.status(again)["status"] == "Success"
    assert send("PATCH", **status, value="Scheduled")["result"] == "Appointment already scheduled"
    wrong = desk.call(
        "PATCH", f"appointments/{created}", json={**status, "path": "/status", "value": "x", "practice_id": "1"}
    )
    assert wrong.json()["error_code"] == "API1026"


def test_a_new_patient(desk: Desk) -> None:
    body = {"firstname": "Zephyrine", "lastname": "Ottershaw", "provider_id": "DR1", "practice_id": "1"}
    body |= {"birthdate": "1990-05-06", "cell": "6465550177"}
    answer = desk.call("POST", "patient", json=body)
    assert answer.status_code == 201
    desk.later(60)
    created = desk.status(answer.json()["long_message"].removeprefix("Id:"))["created_id"]
    assert desk.items("patients", patient_id=created) == []
    desk.sim("POST", "refresh", office_id="D10001")
    [row] = desk.items("patients", patient_id=created)
    assert (row["lastname"], row["birthdate"], row["guarantor_id"]) == ("Ottershaw", "1990-05-06T00:00:00", created)
    assert desk.call("POST", "patient", json={**body, "lastname": ""}).json()["error_code"] == "API1020"
