"""The control plane, the HTTP manners, the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from pms.sandbox import Sandbox
from pms.sandbox.practice import APP_ID, APP_KEY, PROFILES

from .conftest import Desk


def test_the_log_holds_names_of_headers_and_no_secret(desk: Desk) -> None:
    desk.get("patients", lastname="Whitfield")
    desk.get("patients", request_key=desk.grant["request_key"])
    desk.call("GET", "supported_pmses", headers=desk.app)
    desk.call("DELETE", "refresh_key", headers={**desk.app, "Refresh-Key": desk.grant["refresh_key"]})
    log = desk.sim("GET", "requests")["requests"]
    assert [entry["path"] for entry in log][:2] == ["/v4/request_key", "/v4/patients"]
    assert log[1]["query"] == {"lastname": "Whitfield"}
    assert (log[1]["method"], log[1]["status"]) == ("GET", 200)
    assert "request-key" in log[1]["headers"]
    text = json.dumps(log)
    secrets = [APP_ID, APP_KEY, desk.grant["request_key"], desk.grant["refresh_key"]]
    secrets += [profile.secret_key for profile in PROFILES]
    assert [secret for secret in secrets if secret in text] == []
    desk.sim("DELETE", "requests")
    assert desk.sim("GET", "requests")["requests"] == []


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        ({"error_code": "API2002"}, 503, "application/json"),
        ({"status": 429}, 429, "application/json"),
        ({"kind": "text", "status": 500}, 500, "text/plain"),
        ({"kind": "html", "status": 502}, 502, "text/html"),
    ],
)
def test_the_next_answers_fail_as_asked(desk: Desk, fault: dict[str, object], status: int, content_type: str) -> None:
    desk.sim("POST", "fail", path="/v4/pati*", method="GET", times=2, **fault)
    assert desk.get("practices").status_code == 200
    answers = [desk.get("patients") for _ in range(3)]
    assert [one.status_code for one in answers] == [status, status, 200]
    assert answers[0].headers["Content-Type"].startswith(content_type)


def test_a_dropped_write_is_not_carried_out(desk: Desk) -> None:
    desk.sim("POST", "fail", path="/v4/appointment", kind="drop")
    with pytest.raises(requests.ConnectionError):
        desk.call("POST", "appointment", json=desk.booking())
    assert desk.sim("GET", "writebacks")["writebacks"] == []
    assert desk.sim("GET", "requests")["requests"][-1]["status"] == 0


def test_silence_and_latency(desk: Desk) -> None:
    desk.sim("POST", "fail", kind="timeout", hold_seconds=30)
    with pytest.raises(requests.ReadTimeout):
        desk.call("GET", "practices", timeout=0.15)
    desk.sim("POST", "config", latency=0.6, latency_path="/v4/practices")
    began = time.monotonic()
    desk.get("providers")
    quick = time.monotonic()
    desk.get("practices")
    assert quick - began < 0.6 <= time.monotonic() - quick


def test_reset_forgets_everything(desk: Desk) -> None:
    desk.book()
    desk.sim("POST", "config", writeback_delay=1, rate_limit=1, latency=1)
    desk.sim("POST", "office", office_id="D10001", online=False)
    desk.sim("POST", "reset")
    assert desk.sim("GET", "writebacks")["writebacks"] == []
    assert desk.sim("POST", "config")["writeback_delay"] == 60
    assert desk.get("practices").json()["error_code"] == "API1004"


def test_what_still_waits_at_a_reset_is_not_carried_out(desk: Desk) -> None:
    desk.sim("POST", "config", latency=0.6, latency_path="/v4/appointment")
    with pytest.raises(requests.ReadTimeout):
        desk.call("POST", "appointment", json=desk.booking(), timeout=0.1)
    desk.sim("POST", "reset")
    time.sleep(0.8)
    assert desk.sim("GET", "writebacks")["writebacks"] == []
    assert desk.sim("GET", "requests")["requests"] == []


def test_commands_explain_what_is_wrong(desk: Desk) -> None:
    def tell(command: str, **body: object) -> tuple[int, str]:
        answer = desk.session.post(f"{desk.url}/_sim/{command}", json=body, timeout=5)
        return answer.status_code, answer.json()["error"]

    assert tell("config", writeback_dely=1) == (400, "unknown settings: writeback_dely")
    assert tell("config", extra_fields="ssn") == (
        400,
        "extra_fields must be true, false or fields with their values",
    )
    assert tell("office", office_id="D10001", online="no") == (400, "online must be true or false")
    assert tell("office", office_id="D1", online=True) == (400, "unknown office_id")
    assert tell("steal", office_id="D10001") == (400, "missing 'provider_id'")
    assert tell("nothing") == (404, "unknown command")


def test_a_body_over_a_megabyte_is_413(desk: Desk) -> None:
    answer = desk.call("POST", "appointment", data=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert desk.get("practices").status_code == 200


def test_closing_ends_open_connections_at_once(session: requests.Session) -> None:
    sandbox = Sandbox()
    url = f"{sandbox.url}/_sim/credentials"
    assert session.get(url, timeout=5).status_code == 200
    began = time.monotonic()
    sandbox.close()
    sandbox.close()
    assert time.monotonic() - began < 5
    with pytest.raises(requests.ConnectionError):
        session.get(url, timeout=5)


def test_the_command_line(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "pms.sandbox", "--port-file", str(port_file), "--writeback-delay", "0.5"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONTZPATH": ""}
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url == f"http://127.0.0.1:{port_file.read_text().strip()}"
        with requests.Session() as session:
            session.trust_env = False
            assert session.post(f"{url}/_sim/config", json={}, timeout=5).json()["writeback_delay"] == 0.5
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=3) == 0
