"""The key life cycle and who may call what."""

from email.utils import parsedate_to_datetime

import pytest

from .conftest import Desk


def error(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]  # type: ignore[attr-defined]


def test_a_grant_is_flat_and_all_strings(desk: Desk) -> None:
    assert all(isinstance(value, str) for value in desk.grant.values())
    assert len(desk.grant["request_key"]) == 32
    assert desk.grant["issued_to"] == "D10001"
    assert desk.grant["expires_in"].endswith(" second(s)")
    assert "POST appointment" in desk.grant["scope"].split(",")


def test_a_repeated_grant_returns_the_active_key_with_less_time(desk: Desk) -> None:
    desk.later(100)
    again = desk.first_key().json()
    assert again["request_key"] == desk.grant["request_key"]
    assert int(again["expires_in"].split()[0]) <= int(desk.grant["expires_in"].split()[0]) - 100


def test_the_refresh_grant_works_without_the_office_secret(desk: Desk) -> None:
    desk.later(25 * 3600)
    body = {"grant_type": "refresh_key", "refresh_key": desk.grant["refresh_key"]}
    body |= {"app_id": desk.app["App-Id"], "app_key": desk.app["App-Key"]}
    fresh = desk.call("POST", "request_key", headers={}, json=body).json()
    assert fresh["issued_to"] == "D10001"
    assert fresh["request_key"] != desk.grant["request_key"]
    assert desk.call("GET", "practices", headers={"Request-Key": fresh["request_key"]}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grant_type": "authorization_code"}, (400, "API1026")),
        ({"grant_type": ""}, (400, "API1020")),
        ({"app_id": ""}, (400, "API1001")),
        ({"app_key": ""}, (400, "API1002")),
        ({"office_id": ""}, (400, "API1003")),
        ({"secret_key": ""}, (400, "API1005")),
        ({"app_key": "wrong"}, (401, "API2003")),
        ({"secret_key": "wrong"}, (401, "API2003")),
        ({"office_id": "D40004"}, (401, "API2007")),
    ],
)
def test_wrong_grants(desk: Desk, changes: dict[str, str], expected: tuple[int, str]) -> None:
    assert error(desk.first_key(**changes)) == expected


def test_a_missing_or_unknown_key_is_a_400(desk: Desk) -> None:
    assert error(desk.call("GET", "patients", headers={})) == (400, "API1004")
    assert error(desk.call("GET", "patients", headers={"Request-Key": "x" * 32})) == (400, "API1004")


@pytest.mark.parametrize("how", ["by time", "by command"])
def test_an_expired_key_is_a_400_and_a_new_one_can_be_had(desk: Desk, how: str) -> None:
    if how == "by time":
        desk.later(24 * 3600)
    else:
        assert desk.sim("POST", "expire_key", office_id="D10001")["expired"] == 1
    assert error(desk.get("patients")) == (400, "API1025")
    fresh = desk.first_key().json()["request_key"]
    assert desk.call("GET", "patients", headers={"Request-Key": fresh}).status_code == 200


def test_the_expiry_header_is_start_plus_24_hours(desk: Desk) -> None:
    first = parsedate_to_datetime(desk.get("practices").headers["Request-Key-Expires"])
    info = desk.get("request_key_info").json()
    assert info["end_time"] == f"{first:%Y-%m-%dT%H:%M:%S}"
    assert info["request_count"] == "3"


def test_keys_can_be_ended(desk: Desk) -> None:
    assert desk.call("DELETE", "request_key").json()["error_code"] == "API0002"
    assert error(desk.get("practices")) == (400, "API1004")
    headers = {**desk.app, "Refresh-Key": desk.grant["refresh_key"]}
    assert desk.call("DELETE", "refresh_key", headers=headers).status_code == 200
    assert error(desk.call("DELETE", "refresh_key", headers=headers)) == (400, "API1026")


def test_scope_is_enforced(desk: Desk) -> None:
    desk.sim("POST", "config", scope=["practices"])
    assert desk.get("practices").status_code == 200
    assert error(desk.get("patients")) == (401, "API2004")
    assert error(desk.call("POST", "appointment", json=desk.booking())) == (401, "API2004")


def test_authorized_practices_show_the_first_location_only_unless_asked(desk: Desk) -> None:
    def seen(**params: str) -> list[tuple[str, str]]:
        items = desk.call("GET", "authorized_practices", headers=desk.app, params=params).json()["items"]
        return [(item["office_id"], item["practice_id"]) for item in items]

    assert seen() == [("D10001", "1"), ("D20002", "1"), ("D30003", "1-1")]
    assert seen(show="all") == [*seen(), ("D30003", "1-2")]
    [one] = desk.call("GET", "authorized_practices/D20002", headers=desk.app).json()["items"]
    assert (one["practice_name"], one["secret_key"]) == ("Birch Dental", "sandbox-secret-d20002-invented-0")
    assert [item["office_id"] for item in desk.items("authorized_practices")] == ["D10001"]


def test_support_apis_want_the_application_headers(desk: Desk) -> None:
    for path in ("supported_pmses", "data_sync_status", "health_check", "writebacks"):
        assert error(desk.get(path)) == (400, "API1001")
    assert error(desk.call("GET", "supported_pmses", headers={**desk.app, "App-Key": "x"})) == (401, "API2003")
    asked = {"practice_management_system": "OpenDental", "practice_management_system_version": "24.2"}
    [mine] = desk.call("GET", "supported_pmses", headers=desk.app, params=asked).json()["items"]
    assert mine["new_appointment_writeback"] == "available"
    health = desk.call("GET", "health_check", headers=desk.app, params={"office_id": "D10001"}).json()["items"]
    assert [one["timezone"] for one in health] == ["Eastern Standard Time"]


def test_the_minute_limit(desk: Desk) -> None:
    desk.sim("POST", "config", rate_limit=3)
    answers = [desk.get("practices") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["X-Rate-Limit-Remaining"] for one in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[-1].headers["X-Rate-Limit-Reset"]) <= 60
    assert "Retry-After" not in answers[-1].headers
    desk.later(60)
    assert desk.get("practices").status_code == 200


def test_the_limit_counts_down_until_its_minute_ends(desk: Desk) -> None:
    def told() -> tuple[int, ...]:
        headers = desk.get("practices").headers
        return tuple(int(headers[f"X-Rate-Limit-{name}"]) for name in ("Limit", "Remaining", "Reset"))

    desk.sim("POST", "config", rate_limit=20)
    first = told()
    desk.later(45)
    second = told()
    desk.later(15)
    third = told()

    assert (first, third) == ((20, 19, 60), (20, 19, 60))
    assert second[:2] == (20, 18)
    assert 0 < second[2] <= 15


def test_each_office_and_the_application_have_a_limit_of_their_own(desk: Desk, birch: Desk) -> None:
    desk.sim("POST", "config", rate_limit=1)

    answers = [desk.get("practices"), desk.get("practices"), birch.get("practices")]
    answers.append(desk.call("GET", "supported_pmses", headers=desk.app))

    assert [one.status_code for one in answers] == [200, 429, 200, 200]


def test_a_location_can_be_switched_off(desk: Desk) -> None:
    def switch(access: str) -> int:
        body = {"office_id": "D10001", "practice_id": "1", "access": access}
        return desk.call("POST", "practice_location", headers=desk.app, json=body).status_code

    assert switch("OFF") == 200
    assert desk.items("patients") == []
    assert error(desk.call("POST", "appointment", json=desk.booking())) == (401, "API2007")
    assert switch("ON") == 200
    assert desk.items("patients")
