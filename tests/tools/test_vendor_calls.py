"""What docs/api.md says that a tool asks of Sikka is what it asks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from accounts.models import Account
from pms.management.pages import uses
from pms.providers.sikka.service import SikkaService
from pms.tools.registry import TOOLS
from tests.conftest import Sim
from tests.talking import CORA, NOBODY, Caller, asked_of_the_pms

pytestmark = pytest.mark.usefixtures("quick_office")

# Asked for any tool: the key, the office's locations, and what became of a write.
_ALWAYS = {"POST /request_key", "GET /practices", "GET /writeback_status", "GET /request_key_info"}
_DONE: dict[str, Callable[[Caller], object]] = {
    "checkAvailability": lambda cora: cora.open_times(),
    "findPatient": lambda cora: cora.use("findPatient", **CORA),
    "bookAppointment": lambda cora: cora.book(),
    "getAppointments": lambda cora: cora.ahead(),
    "rescheduleAppointment": lambda cora: (cora.book(), cora.move()),
    "cancelAppointment": lambda cora: (cora.book(), cora.cancel()),
    "confirmAppointment": lambda cora: (cora.book(), cora.confirm()),
    "createPatient": lambda cora: cora.use("createPatient", **NOBODY),
    "getPatientInfo": lambda cora: cora.use("getPatientInfo"),
    "getPatientNotes": lambda cora: cora.use("getPatientNotes"),
    "addPatientNote": lambda cora: cora.use("addPatientNote", content="Something to know."),
    "getInsurance": lambda cora: cora.use("getInsurance"),
    "getBalance": lambda cora: cora.use("getBalance"),
    "processPayment": lambda cora: cora.use("processPayment", amount=5, method="check"),
}


def asked(sim: Sim) -> set[str]:
    calls = (f"{method} {re.sub(r'/[0-9]+$', '/{id}', path)}" for method, path in asked_of_the_pms(sim))
    return set(calls) - _ALWAYS


@pytest.mark.parametrize("tool", _DONE)
def test_a_tool_asks_what_its_capabilities_are_said_to_ask(
    tool: str, practice: Account, cora: Caller, sim: Sim
) -> None:
    integration = practice.integrations.get()
    integration.config = {**integration.config, "voicePayments": "ledger"}
    integration.save()
    sim("DELETE", "requests")

    _DONE[tool](cora)

    told = {call for capability in uses(TOOLS[tool]) for call in SikkaService.vendor_calls[capability]} - _ALWAYS
    booked_before = {"POST /appointment", "GET /providers", "GET /operatories", "GET /practice_schedule"}
    assert asked(sim) - (booked_before if tool[-11:] == "Appointment" else set()) <= told
    assert told <= asked(sim)
