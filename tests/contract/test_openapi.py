"""What the published description says is what is answered, to generated requests for every operation.

The practice's system is up all the while, so that an answer 503 is a defect, and 501 and 502 pass only with a code that
the operation names. The examples are the same in every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from parlae.wsgi import application
from pms.services import limits
from tests.contract.stage import Stage
from tests.talking import quiet_day

pytestmark = pytest.mark.django_db

SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
SCHEMA.app = application
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
# Ids that exist in Alder, in place of half of those that are invented, to get behind the first look-up.
KNOWN = {"patient_id": "1001", "appointment_id": "90001", "write_id": ""}
MISSES = {404, 405}

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)


def bounded(count: int) -> Any:
    """Return settings for so many examples; a test's practice serves them all."""
    return settings(
        max_examples=count,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def _many_requests_of_one_test(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let them come as often as they like, over the connection in which the test's changes are taken back."""
    settings.ALLOWED_HOSTS = ["*"]
    for name in limits.LIMITS:
        monkeypatch.setitem(limits.LIMITS, name, "100000/m")
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def proof_for(operation: APIOperation, stage: Stage) -> dict[str, str]:
    """Return the headers of somebody who may use an operation: a server with every scope, or a signed-in owner."""
    if not {"connection", "rules"} & set(operation.tags):
        return {"Authorization": f"Bearer {stage.house.token}"}
    client, token = Client(), "a" * 32
    client.force_login(User.objects.get(email="owner@alder.example"))
    session = client.cookies["sessionid"].value
    return {"Cookie": f"sessionid={session}; csrftoken={token}", "X-CSRFToken": token}


def answered(case: Case, headers: dict[str, str]) -> Any:
    """Send a request, and check that the answer is one of those that the operation describes, with a code it names."""
    for name in ("Authorization", "X-Signature", "X-Vapi-Secret", "Cookie", "X-CSRFToken"):
        case.headers.pop(name, None)
    case.cookies.clear()
    response = case.call(headers=headers)
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 400:
        described = case.operation.definition.raw["responses"][str(response.status_code)]["description"]
        code = response.json()["error"]["code"]
        assert code in re.findall(r"[a-z_]+", described), f"{response.status_code} {code} is not described"
    assert response.status_code not in (500, 503, 504), response.text
    return response


@every_operation
@pytest.mark.parametrize("mode", GenerationMode)
def test_generated_requests_are_answered_as_described(
    operation: APIOperation, mode: GenerationMode, stage: Stage
) -> None:
    headers = proof_for(operation, stage)
    known = KNOWN | {"write_id": stage.house.write}

    @bounded(12)
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def check(case: Case, is_known: bool) -> None:
        if is_known:
            case.path_parameters.update({name: known[name] for name in case.path_parameters})
            if isinstance(case.body, dict) and "patientId" in case.body:
                case.body["patientId"] = known["patient_id"]
            case.headers.pop("X-Vapi-Call-Id", None)  # an invented call is none, and opens nothing
        answered(case, headers)

    check()


@every_operation
def test_the_examples_of_the_description_are_answered_as_described(operation: APIOperation, stage: Stage) -> None:
    body = operation.definition.raw.get("requestBody", {})
    examples = body.get("content", {}).get("application/json", {}).get("examples", {"none": {"value": None}})
    headers = proof_for(operation, stage)

    for example in examples.values():
        path = {name: KNOWN[name] or stage.house.write for name in re.findall(r"\{(\w+)\}", operation.path)}
        case = operation.Case(path_parameters=path, query={"query": "Whitfield", "date": quiet_day().isoformat()})
        case.body = example["value"] if example["value"] is not None else case.body
        case.media_type = "application/json"
        assert answered(case, headers).status_code not in MISSES


@every_operation
def test_without_a_credential_everything_is_refused(operation: APIOperation, stage: Stage) -> None:
    stage.forget()

    @bounded(5)
    @given(case=operation.as_strategy())
    def check(case: Case) -> None:
        assert answered(case, {}).status_code == 401

    check()
    assert (stage.left().asked, stage.left().audit) == ((), ())
