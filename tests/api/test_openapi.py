"""The published description of the API: valid, complete, and open to whoever wants to read it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from pms.tools.registry import TOOLS

SCHEMA = "/api/schema/"
METHODS = ("get", "post", "put", "patch", "delete")
# Served at another tool's address, and by voice alone.
WITHOUT_ADDRESS = {"confirmAppointment", "transferToHuman"}
FOR_PEOPLE = {
    "setUpConnection",
    "getConnectionStatus",
    "testConnection",
    "getRules",
    "changeRules",
    "explainOpenings",
}


@pytest.fixture
def schema(client: Client) -> dict[str, Any]:
    response = client.get(SCHEMA)

    assert response.status_code == 200
    described: dict[str, Any] = yaml.safe_load(response.content)
    return described


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [item[method] for item in schema["paths"].values() for method in METHODS if method in item]
    return {operation["operationId"]: operation for operation in found}


def test_the_schema_passes_the_generator_s_own_validator_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_anybody_may_read_the_schema_as_yaml_and_as_json(client: Client) -> None:
    as_json = client.get(SCHEMA, headers={"Accept": "application/json"})

    assert as_json.json()["openapi"].startswith("3.")
    assert yaml.safe_load(client.get(SCHEMA).content) == as_json.json()


def test_a_type_that_the_schema_does_not_have_is_an_error_and_no_crash(client: Client) -> None:
    assert client.get(SCHEMA, headers={"Accept": "text/html"}).status_code == 406
    assert client.get(f"{SCHEMA}?format=xml").status_code == 404


def test_each_operation_has_words_and_examples_and_each_tool_an_operation(schema: dict[str, Any]) -> None:
    found = operations(schema)

    assert set(found) == set(TOOLS) - WITHOUT_ADDRESS | FOR_PEOPLE
    for operation in found.values():
        assert len(operation["description"]) > 40
        done = [response for status, response in operation["responses"].items() if status.startswith("2")]
        assert all(response["content"]["application/json"]["examples"] for response in done)
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"]


def test_each_operation_lists_the_error_codes_by_status(schema: dict[str, Any]) -> None:
    wanted = {
        "400": "arguments_unreadable",
        "401": "signature_invalid",
        "403": "call_required",
        "409": "setup_required",
        "413": "too_large",
        "422": "validation_failed",
        "429": "rate_limited",
        "500": "internal_error",
        "501": "not_supported",
        "502": "credentials_rejected",
        "503": "pms_unavailable",
    }
    more = {
        "bookAppointment": {"404": "patient_not_found", "409": "slot_taken", "422": "outside_hours"},
        "rescheduleAppointment": {"404": "appointment_not_found", "409": "slot_taken", "422": "outside_hours"},
        "cancelAppointment": {"404": "appointment_not_found", "422": "date_in_past", "502": "write_rejected"},
        "createPatient": {"409": "duplicate_patient", "422": "minor_needs_guardian"},
        "getWrite": {"404": "not_found"},
        "getPatientInfo": {"403": "not_verified", "404": "patient_not_found"},
        "updatePatient": {"404": "patient_not_found", "409": "idempotency_conflict"},
        "findPatient": {"403": "verification_locked", "409": "ambiguous_patient"},
        "getPatientNotes": {"403": "not_verified", "404": "patient_not_found"},
        "addPatientNote": {"403": "card_number_refused", "409": "still_working", "502": "write_rejected"},
        "getInsurance": {"404": "patient_not_found"},
        "addInsurance": {"422": "date_invalid"},
        "getBalance": {"404": "patient_not_found"},
        "processPayment": {"403": "card_number_refused", "409": "idempotency_conflict"},
        "setUpConnection": {
            "403": "forbidden",
            "422": "validation_failed",
            "409": "location_required",
            "502": "credentials_rejected",
        },
        "testConnection": {"403": "forbidden", "409": "setup_required"},
        "getRules": {"403": "forbidden", "409": "setup_required", "503": "pms_unavailable"},
        "changeRules": {"403": "forbidden", "409": "idempotency_conflict", "422": "validation_failed"},
        "explainOpenings": {"403": "forbidden", "422": "validation_failed", "503": "pms_unavailable"},
    }
    for_people = wanted | {"401": "session_required"}
    for_people = {status: for_people[status] for status in ("400", "401", "500")}
    without_pms = {status: wanted[status] for status in ("400", "401", "413", "422", "429", "500")}

    for name, operation in operations(schema).items():
        needed = for_people if name in FOR_PEOPLE else wanted if TOOLS[name].needs_pms else without_pms
        expected = needed | more.get(name, {})
        for status, code in expected.items():
            response = operation["responses"][status]
            assert code in response["description"]
            assert response["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")


def test_the_spec_s_parameters_are_described(schema: dict[str, Any]) -> None:
    availability, booking = (operations(schema)[name] for name in ("checkAvailability", "bookAppointment"))

    def names(operation: dict[str, Any], place: str) -> set[str]:
        return {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == place}

    line = {"X-Vapi-Assistant-Id", "X-Vapi-Phone-Number-Id", "X-Vapi-Call-Id"}
    assert {"date", "providerId", "appointmentType", "duration"} <= names(availability, "query")
    assert line <= names(availability, "header")
    assert line | {"Idempotency-Key"} <= names(booking, "header")
    asked = schema["components"]["schemas"]["BookingRequest"]["properties"]
    assert {"patientId", "providerId", "appointmentType", "startTime", "notes"} <= set(asked)


def test_any_one_of_the_ways_to_sign_is_enough(schema: dict[str, Any]) -> None:
    signed = [{"signature": []}, {"bearer": []}, {"secret": []}]

    for name, operation in operations(schema).items():
        assert operation["security"] == ([{"session": []}] if name in FOR_PEOPLE else signed)
    assert set(schema["components"]["securitySchemes"]) == {"signature", "bearer", "secret", "session"}


def test_an_instant_is_a_date_time_and_an_id_is_text(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]

    assert shapes["Slot"]["properties"]["startTime"] == {"type": "string", "format": "date-time"}
    assert shapes["Slot"]["properties"]["providerId"]["type"] == "string"
    assert shapes["BookedAppointment"]["properties"]["id"]["nullable"] is True
