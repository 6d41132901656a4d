"""The client of Vapi's management API: what it repeats, what it never repeats, and what its errors say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pms.domain.clock import Budget
from pms.sandbox import Sandbox
from pms.sandbox.vapi import API_KEY, PUBLIC_KEY
from pms.vapi import management
from pms.vapi.management import Client
from tests.conftest import Sim
from tests.vapi.office import HastyClock

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "findPatient"}}


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def client(sandbox: Sandbox, clock: HastyClock) -> Client:
    return Client(clock=clock, budget=Budget(120, clock), base_url=sandbox.vapi_url, key=API_KEY)


def other(sandbox: Sandbox, key: str, *, base_url: str = "") -> Client:
    clock = HastyClock()
    return Client(clock=clock, budget=Budget(20, clock), base_url=base_url or sandbox.vapi_url, key=key)


def asked(sim: Sim) -> list[str]:
    return [one["method"] for one in sim("GET", "requests")["requests"]]


def test_an_object_is_made_read_changed_and_deleted(client: Client) -> None:
    made = client.create("tool", TOOL)
    client.patch("tool", made["id"], {"type": "function", "async": True})

    assert client.get("tool", made["id"])["async"] is True
    client.delete("tool", made["id"])
    client.delete("tool", made["id"])  # gone already
    assert client.find("tool", made["id"]) is None
    assert client.find("tool", "") is None
    with pytest.raises(management.NotFound):
        client.get("tool", made["id"])


def test_lists_are_read_to_their_end_each_object_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "PAGE", 2)
    made = [client.create("tool", TOOL)["id"] for _ in range(5)]

    assert [one["id"] for one in client.all("tool")] == made[::-1]


def test_objects_of_the_same_moment_are_all_read(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [client.create("tool", TOOL)["id"] for _ in range(4)]
    for held in list(sandbox.world.vapi.objects["tool"].values())[:3]:
        held["createdAt"] = "2026-11-01T00:00:00.000Z"
    monkeypatch.setattr(management, "PAGE", 3)

    assert {one["id"] for one in client.all("tool")} == set(made)


def test_a_list_may_begin_at_a_moment(client: Client, sandbox: Sandbox) -> None:
    made = [client.create("tool", TOOL) for _ in range(2)]
    sandbox.world.vapi.objects["tool"][made[0]["id"]]["createdAt"] = "2020-01-01T00:00:00.000Z"

    found = client.all("tool", since=datetime(2021, 1, 1, tzinfo=UTC))

    assert [one["id"] for one in found] == [made[1]["id"]]


def test_calls_keep_their_distance(client: Client, clock: HastyClock) -> None:
    for _ in range(3):
        client.all("tool")

    assert len(clock.slept) == 2
    assert all(0 < pause <= management.SPACING_SECONDS for pause in clock.slept)


@pytest.mark.parametrize("method", ["create", "all"])
def test_too_many_requests_are_repeated_whatever_they_were(
    client: Client, sim: Sim, clock: HastyClock, method: str
) -> None:
    sim("POST", "fail", path="/vapi/*", status=429, times=2, retry_after=7)

    if method == "create":
        client.create("tool", TOOL)
    client.all("tool")

    assert [pause for pause in clock.slept if pause >= 7] == [7, 7]


def test_when_vapi_asks_for_more_time_than_there_is_nobody_waits(client: Client, sim: Sim, clock: HastyClock) -> None:
    sim("POST", "fail", path="/vapi/*", status=429, retry_after=600)

    with pytest.raises(management.RateLimited) as limited:
        client.all("tool")

    assert (limited.value.retry_after_seconds, clock.slept) == (600, [])


@pytest.mark.parametrize("fault", [{"status": 502}, {"kind": "html", "status": 503}, {"kind": "drop"}])
def test_a_creation_whose_end_is_unknown_is_not_repeated(client: Client, sim: Sim, fault: dict[str, Any]) -> None:
    sim("POST", "fail", path="/vapi/*", **fault)

    with pytest.raises(management.Unavailable):
        client.create("tool", TOOL)

    assert asked(sim) == ["POST"]


@pytest.mark.parametrize("fault", [{"status": 502}, {"kind": "drop"}])
def test_what_changes_nothing_is_repeated_with_growing_pauses(
    client: Client, sim: Sim, clock: HastyClock, fault: dict[str, Any]
) -> None:
    sim("POST", "fail", path="/vapi/*", times=3, **fault)

    assert client.all("tool") == []
    assert [round(pause) for pause in clock.slept if pause >= 2] == [2, 4, 8]


def test_it_gives_up_after_five_times(client: Client, sim: Sim) -> None:
    sim("POST", "fail", path="/vapi/*", times=100, status=500)

    with pytest.raises(management.Unavailable):
        client.all("tool")

    assert asked(sim) == ["GET"] * 5


@pytest.mark.parametrize("key", [PUBLIC_KEY, "somebody-elses"])
def test_a_wrong_key_is_said_and_not_repeated(sandbox: Sandbox, key: str) -> None:
    with pytest.raises(management.Unauthorized) as refused:
        other(sandbox, key).all("tool")

    assert "Invalid Key" in str(refused.value)


def test_a_key_that_cannot_be_a_header_is_not_sent(sandbox: Sandbox, sim: Sim) -> None:
    with pytest.raises(management.Unauthorized):
        other(sandbox, "schlüssel").all("tool")

    assert asked(sim) == []


def test_without_a_key_there_is_no_client(sandbox: Sandbox) -> None:
    with pytest.raises(management.NotConfigured):
        other(sandbox, "")


def test_the_key_is_not_sent_over_plain_http(sandbox: Sandbox) -> None:
    with pytest.raises(management.NotConfigured):
        other(sandbox, API_KEY, base_url="http://vapi.example").all("tool")


def test_what_vapi_refuses_is_said_in_its_words(client: Client) -> None:
    with pytest.raises(management.Refused) as refused:
        client.create("tool", {**TOOL, "colour": "red", "function": {"name": "find a patient"}})

    assert refused.value.messages[0] == "property colour should not exist"
    assert refused.value.messages[1].startswith("function.name must match")


def test_no_error_repeats_a_secret(client: Client, sim: Sim, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {"type": "hmac", "secretKey": "a-secret-that-is-said-nowhere", "algorithm": "sha256"}
    monkeypatch.setattr(
        "pms.sandbox.vapi.routes._require", _echoing(f"secretKey {plan['secretKey']} is weak, says {API_KEY}")
    )

    with pytest.raises(management.Refused) as refused:
        client.create("credential", {"provider": "custom-credential", "authenticationPlan": plan})

    assert refused.value.messages == ("secretKey •••• is weak, says ••••",)
    assert plan["secretKey"] not in str(sim("GET", "requests"))


def test_a_pinned_tool_is_told_from_other_refusals(client: Client) -> None:
    tool = client.create("tool", TOOL)
    client.create("assistant", {"model": {"provider": "openai", "model": "m", "toolRefs": [{"toolId": tool["id"]}]}})

    with pytest.raises(management.Pinned):
        client.delete("tool", tool["id"])


@pytest.mark.parametrize("status", [403, 405])
def test_what_is_not_offered_is_told_from_refusals(client: Client, sim: Sim, status: int) -> None:
    sim("POST", "fail", path="/vapi/*", status=status)

    with pytest.raises(management.NotOffered):
        client.all("credential")


def test_a_redirect_is_not_followed(client: Client, sim: Sim) -> None:
    sim("POST", "fail", path="/vapi/*", status=307, times=9)

    with pytest.raises(management.Unavailable):
        client.create("tool", TOOL)

    assert asked(sim) == ["POST"]


def test_a_page_that_is_no_json_is_no_answer(client: Client, sim: Sim) -> None:
    sim("POST", "fail", path="/vapi/*", kind="html", status=200)

    with pytest.raises(management.Unavailable):
        client.all("tool")


def test_all_calls_share_one_budget(sandbox: Sandbox, sim: Sim) -> None:
    clock = HastyClock()
    client = Client(clock=clock, budget=Budget(3, clock), base_url=sandbox.vapi_url, key=API_KEY)
    sim("POST", "fail", path="/vapi/*", times=9, status=500)
    began = clock.now()

    with pytest.raises(management.Unavailable):
        client.all("tool")

    assert clock.now() - began < timedelta(seconds=3)


def _echoing(text: str) -> Any:
    from pms.sandbox.vapi.routes import Refusal

    def require(*_: Any) -> None:
        raise Refusal(400, [text])

    return require
