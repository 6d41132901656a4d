"""The stand-in of Vapi's management API: it takes what the real one takes, and refuses what the real one refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from pms.sandbox import Sandbox
from pms.sandbox.vapi import API_KEY, PUBLIC_KEY

Json = dict[str, Any]
Ask = Callable[..., requests.Response]

SERVER = {"url": "https://parlae.example/hook", "timeoutSeconds": 20}
FUNCTION = {
    "name": "findPatient",
    "description": "Confirm who it is about.",
    "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
TOOL: Json = {"type": "function", "function": FUNCTION, "server": SERVER}
ASSISTANT: Json = {"name": "Front desk", "model": {"provider": "openai", "model": "gpt-4.1"}}
HMAC = {"type": "hmac", "secretKey": "a-secret", "algorithm": "sha256"}
CREDENTIAL: Json = {"provider": "custom-credential", "name": "parlae", "authenticationPlan": HMAC}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def ask(sandbox: Sandbox, session: requests.Session) -> Ask:
    def ask(method: str, path: str, body: Any = None, key: str = API_KEY, **params: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"}
        where = f"{sandbox.vapi_url}/{path}"
        return session.request(method, where, json=body, params=params, headers=headers, timeout=5)

    return ask


@pytest.fixture
def sim(sandbox: Sandbox, session: requests.Session) -> Ask:
    def sim(method: str, path: str, /, **body: Any) -> Any:
        return session.request(method, f"{sandbox.url}/_sim/{path}", json=body, timeout=5).json()

    return sim


def refused(answer: requests.Response, status: int = 400) -> Any:
    """Return the message of a refusal in Nest's shape."""
    body = answer.json()
    assert (answer.status_code, body["statusCode"]) == (status, status)
    assert set(body) == {"message", "error", "statusCode"}
    return body["message"]


@pytest.mark.parametrize("key", ["", "wrong", PUBLIC_KEY])
def test_only_the_private_key_opens_it(ask: Ask, key: str) -> None:
    assert refused(ask("GET", "tool", key=key), 401).startswith("Invalid Key. Hot tip")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("tool", TOOL), ("assistant", ASSISTANT), ("credential", CREDENTIAL), ("phone-number", {"provider": "vapi"})],
)
def test_objects_are_made_read_changed_and_deleted(ask: Ask, kind: str, body: Json) -> None:
    made = ask("POST", kind, body)
    changed = ask("PATCH", f"{kind}/{made.json()['id']}", {**body, "name": "Another"} if kind != "tool" else TOOL)
    read = ask("GET", f"{kind}/{made.json()['id']}")
    listed = [one["id"] for one in ask("GET", kind).json()]
    deleted = ask("DELETE", f"{kind}/{made.json()['id']}")

    assert [one.status_code for one in (made, changed, read, deleted)] == [201, 200, 200, 200]
    assert read.json() == changed.json()
    assert {"id", "orgId", "createdAt", "updatedAt"} <= read.json().keys()
    assert made.json()["id"] in listed
    assert refused(ask("GET", f"{kind}/{made.json()['id']}"), 404).startswith("Couldn't find")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("tool", {**TOOL, "colour": 1}, "property colour should not exist"),
        ("tool", {**TOOL, "server": {**SERVER, "secretHeader": "x"}}, "server.property secretHeader should not exist"),
        ("tool", {**TOOL, "server": {**SERVER, "timeoutSeconds": 301}}, "server.timeoutSeconds must not be greater"),
        ("tool", {**TOOL, "server": {**SERVER, "timeoutSeconds": 0}}, "server.timeoutSeconds must not be less"),
        ("tool", {**TOOL, "function": {**FUNCTION, "name": "find patient"}}, "function.name must match"),
        ("tool", {**TOOL, "function": {**FUNCTION, "name": "a" * 65}}, "function.name must match"),
        ("tool", {**TOOL, "function": {**FUNCTION, "description": "a" * 1001}}, "function.description must be shorter"),
        ("tool", {**TOOL, "function": {"description": "x"}}, "function.name should not be empty"),
        (
            "tool",
            {**TOOL, "function": {**FUNCTION, "parameters": {"type": "object"}}},
            "function.parameters.properties",
        ),
        (
            "tool",
            {**TOOL, "function": {**FUNCTION, "parameters": {"type": "object", "properties": {"a": {"minimum": 1}}}}},
            "function.parameters.properties.a.property minimum should not exist",
        ),
        ("tool", {**TOOL, "messages": [{"type": "request-begin"}]}, "messages.0.type must be one of"),
        (
            "tool",
            {**TOOL, "messages": [{"type": "request-start", "content": "a" * 1001}]},
            "messages.0.content must be shorter",
        ),
        (
            "tool",
            {**TOOL, "messages": [{"type": "request-response-delayed", "timingMilliseconds": 99}]},
            "messages.0.timingMilliseconds must not be less",
        ),
        ("tool", {**TOOL, "parameters": {"callId": "1"}}, "parameters must be an array"),
        ("tool", {"function": FUNCTION}, "type must be one of"),
        ("tool", [TOOL], "Unexpected token"),
        ("assistant", {**ASSISTANT, "name": "a" * 41}, "name must be shorter than or equal to 40 characters"),
        ("assistant", {**ASSISTANT, "tools": []}, "property tools should not exist"),
        ("assistant", {**ASSISTANT, "id": NOBODY}, "property id should not exist"),
        ("assistant", {**ASSISTANT, "serverMessages": ["tool-call"]}, "serverMessages.0 must be one of"),
        ("assistant", {"model": {"provider": "nobody", "model": "m"}}, "model.provider must be one of"),
        ("assistant", {"model": {"provider": "openai"}}, "model.model should not be empty"),
        ("assistant", {"model": {**ASSISTANT["model"], "maxTokens": 49}}, "model.maxTokens must not be less"),
        ("assistant", {"model": {**ASSISTANT["model"], "temperature": True}}, "model.temperature must be a number"),
        ("assistant", {"model": {**ASSISTANT["model"], "toolIds": ["x"]}}, "model.toolIds.0 must be a UUID"),
        ("assistant", {"model": {**ASSISTANT["model"], "toolIds": [NOBODY]}}, "Couldn't find tool"),
        ("assistant", {"server": {**SERVER, "credentialId": NOBODY}}, "Couldn't find credential"),
        ("assistant", {"firstMessageMode": "never"}, "firstMessageMode must be one of"),
        ("assistant", {"artifactPlan": {"recordingEnabled": "no"}}, "artifactPlan.recordingEnabled must be a boolean"),
        ("assistant", {"metadata": "x"}, "metadata must be an object"),
        ("phone-number", {}, "provider must be one of"),
        ("phone-number", {"provider": "vapi", "numberDesiredAreaCode": "21"}, "numberDesiredAreaCode must match"),
        ("phone-number", {"provider": "vapi", "number": "+12125550100"}, "property number should not exist"),
        ("phone-number", {"provider": "vapi", "numberDesiredAreaCode": "999"}, "This area code is currently not"),
        (
            "phone-number",
            {"provider": "vapi", "fallbackDestination": {"type": "number", "number": "555"}},
            "fallbackDestination.number must match",
        ),
        ("phone-number", {"provider": "twilio", "number": "+12125550100"}, "twilioAccountSid should not be empty"),
        ("credential", {**CREDENTIAL, "name": ""}, "name must be longer"),
        ("credential", {**CREDENTIAL, "authenticationPlan": {"type": "hmac"}}, "authenticationPlan.secretKey"),
        ("credential", {**CREDENTIAL, "authenticationPlan": {**HMAC, "algorithm": "md5"}}, "authenticationPlan.algor"),
    ],
)
def test_what_vapi_does_not_take_is_refused(ask: Ask, kind: str, body: Any, said: str) -> None:
    message = refused(ask("POST", kind, body))

    texts = message if isinstance(message, list) else [message]
    assert any(text.startswith(said) for text in texts), texts


def test_nothing_is_kept_of_what_was_refused(ask: Ask) -> None:
    made = ask("POST", "tool", TOOL).json()

    refused(ask("PATCH", f"tool/{made['id']}", {**TOOL, "colour": 1}))
    refused(ask("POST", "tool", {**TOOL, "colour": 1}))

    assert ask("GET", "tool").json() == [made]


def test_a_patch_replaces_what_it_names_nested_objects_whole(ask: Ask) -> None:
    made = ask("POST", "assistant", {**ASSISTANT, "metadata": {"a": 1, "b": 2}, "firstMessage": "Hello."}).json()

    changed = ask("PATCH", f"assistant/{made['id']}", {"metadata": {"b": 3}, "server": None}).json()

    assert changed["metadata"] == {"b": 3}
    assert (changed["firstMessage"], changed["model"]) == ("Hello.", made["model"])
    assert changed["updatedAt"] > made["updatedAt"] == made["createdAt"]


def test_null_takes_a_numbers_routing_away(ask: Ask) -> None:
    made = ask("POST", "phone-number", {"provider": "vapi", "server": SERVER}).json()

    changed = ask("PATCH", f"phone-number/{made['id']}", {"provider": "vapi", "server": None}).json()

    assert "server" not in changed
    assert changed["number"] == made["number"]


@pytest.mark.parametrize(("kind", "body"), [("tool", {"server": SERVER}), ("phone-number", {"name": "Main"})])
def test_a_patch_must_say_what_kind_of_object_it_is(ask: Ask, kind: str, body: Json) -> None:
    made = ask("POST", kind, TOOL if kind == "tool" else {"provider": "vapi"}).json()

    assert refused(ask("PATCH", f"{kind}/{made['id']}", body))[0].split()[0] in ("type", "provider")


def test_what_vapi_adds_it_does_not_take_back(ask: Ask) -> None:
    made = ask("POST", "tool", TOOL).json()

    said = refused(ask("PATCH", f"tool/{made['id']}", made))

    assert {text.split()[1] for text in said} == {"id", "orgId", "createdAt", "updatedAt", "isServerUrlSecretSet"}


def test_lists_come_newest_first_in_pages(ask: Ask) -> None:
    made = [ask("POST", "tool", TOOL).json() for _ in range(4)]

    first = ask("GET", "tool", limit="3").json()
    rest = ask("GET", "tool", createdAtLt=first[-1]["createdAt"]).json()

    assert [one["id"] for one in [*first, *rest]] == [one["id"] for one in made[::-1]]
    assert ask("GET", "tool", createdAtGe=made[3]["createdAt"]).json() == [made[3]]
    for wrong in ({"limit": "1001"}, {"page": "2"}, {"createdAtGt": "yesterday"}):
        refused(ask("GET", "tool", **wrong))


def test_a_pinned_tool_is_not_deleted(ask: Ask) -> None:
    tool = ask("POST", "tool", TOOL).json()
    ask("POST", "assistant", {"model": {**ASSISTANT["model"], "toolRefs": [{"toolId": tool["id"]}]}})

    answer = ask("DELETE", f"tool/{tool['id']}")

    assert (answer.status_code, answer.json()["error"]) == (409, "tool_pinned")


def test_a_secret_is_never_answered_and_never_in_the_log(ask: Ask, sim: Ask) -> None:
    made = ask("POST", "credential", CREDENTIAL)
    read = ask("GET", f"credential/{made.json()['id']}")

    assert "a-secret" not in made.text + read.text + json.dumps(sim("GET", "requests"))
    held = sim("GET", "vapi")["objects"]["credential"][made.json()["id"]]
    assert held["authenticationPlan"]["secretKey"] == "a-secret"


def test_credentials_may_be_none_of_the_apis_business(ask: Ask, sim: Ask) -> None:
    sim("POST", "vapi/config", credentials=False)
    made = sim("POST", "vapi/add", kind="credential", body=CREDENTIAL)["object"]

    assert refused(ask("GET", "credential"), 404) == "Cannot GET /credential"
    assert refused(ask("POST", "credential", CREDENTIAL), 404)
    assert ask("POST", "tool", {**TOOL, "server": {**SERVER, "credentialId": made["id"]}}).status_code == 201


def test_faults_come_in_vapis_shape(ask: Ask, sim: Ask) -> None:
    sim("POST", "fail", path="/vapi/tool", status=429, retry_after=3)

    limited, next_one = ask("GET", "tool"), ask("GET", "tool")

    assert refused(limited, 429)
    assert (limited.headers["Retry-After"], next_one.status_code) == ("3", 200)


@pytest.mark.parametrize("path", ["squad", "tool/x/y", "call"])
def test_there_is_nothing_else(ask: Ask, path: str) -> None:
    assert ask("GET", path).status_code in (400, 404)


@pytest.mark.parametrize(("method", "path"), [("PUT", "tool"), ("DELETE", "tool"), ("POST", f"tool/{NOBODY}")])
def test_nor_another_method(ask: Ask, method: str, path: str) -> None:
    refused(ask(method, path, TOOL), 404)


def test_two_numbers_are_never_the_same(ask: Ask) -> None:
    numbers = [ask("POST", "phone-number", {"provider": "vapi"}).json()["number"] for _ in range(5)]

    assert len(set(numbers)) == 5


def test_a_reset_begins_anew(ask: Ask, sim: Ask) -> None:
    ask("POST", "tool", TOOL)
    sim("POST", "vapi/config", credentials=False)

    sim("POST", "reset")

    assert ask("GET", "tool").json() == []
    assert ask("GET", "credential").status_code == 200


def test_everything_outlives_the_process(tmp_path: Path, session: requests.Session) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    state = tmp_path / "state"
    with Sandbox(state=state) as first:
        made = session.post(f"{first.vapi_url}/tool", json=TOOL, headers=headers, timeout=5).json()
    with Sandbox(state=state) as second:
        found = session.get(f"{second.vapi_url}/tool", headers=headers, timeout=5).json()

    assert found == [made]
