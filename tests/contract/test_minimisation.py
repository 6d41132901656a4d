"""What a practice's system sends along unasked passes nowhere: not in an answer, a sentence, or what is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from pms import vault
from pms.tools import registry, runner
from pms.tools.context import Result
from tests.contract.acting import act
from tests.contract.shapes import differences, read
from tests.contract.stage import Face, Stage
from tests.contract.table import HOOK, ROWS, SERVER, Case, Cell, Row, expected
from tests.contract.test_cells import shape_of
from tests.journeys.test_canaries import dump
from tests.sandbox.conftest import Desk

pytestmark = pytest.mark.django_db

CANARY = "CANARY"
EXTRA = {
    "ssn": f"{CANARY}-900-55-0147",
    "driver_license": f"{CANARY}-license",
    "credit_card_on_file": f"{CANARY}-card",
    "medical_alert": f"{CANARY}-alert",
    "clinical_history": f"{CANARY}-history",
    "family": [{"firstname": f"{CANARY}-relative"}],
    "balance_of_the_family": {"amount": f"{CANARY}-12.00"},
}
USES = [
    pytest.param(row, face, id=f"{row}, {face}")
    for row in ROWS
    for face in row.faces
    if isinstance(cell := expected(row, Case.HAPPY, face), Cell) and cell.status < 300
]
# What a tool gives besides its sentence, by its keys: a new one is added here on purpose, or not at all.
DATA = {
    "checkAvailability": "appointmentType date slots[available endTime providerId providerName startTime]",
    "findPatient": "patientId",
    "bookAppointment": "appointment[bookingId confirmationNumber endTime id patientName startTime] status",
    "getAppointments": (
        "appointments[appointmentType endTime id notes patientId patientName providerId providerName startTime status]"
    ),
    "rescheduleAppointment": "appointment[bookingId confirmationNumber endTime id newStartTime startTime] status",
    "cancelAppointment": "appointmentId status writeId",
    "confirmAppointment": "appointmentId status writeId",
    "createPatient": "patient[email firstName id lastName phone] status",
    "getPatientInfo": (
        "patient[address[city state street zip] "
        "balance dateOfBirth email emergencyContact firstName id lastName lastVisit phone]"
    ),
    "getPatientNotes": "notes[content createdAt createdBy id]",
    "addPatientNote": "note[content createdAt id writeId] status",
    "getInsurance": "insurance[effectiveDate expirationDate groupNumber id isPrimary policyNumber provider]",
    "getBalance": "balance[asOf insurance lastPayment[amount date method] patient total]",
    "processPayment": "payment[amount confirmationNumber id status timestamp] status",
    "takeMessage": "message[createdAt id]",
    "transferToHuman": "transfer[available]",
    "searchPatients": "patients[dateOfBirth email firstName id lastName phone]",
    "getWrite": "note[id] operation status",
}
LEFT_TO_THE_TEAM = "payment[amount confirmationNumber id status timestamp] status taskId"


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is sealed from now on, as it was before."""
    seen, seal = list[str](), vault.seal

    def noted(value: Any, place: str) -> bytes:
        seen.append(f"{place}: {json.dumps(value)}")
        return seal(value, place)

    monkeypatch.setattr(vault, "seal", noted)
    return seen


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What tools have given to their face from now on."""
    seen, run = list[Result](), runner.run

    def noted(**how: Any) -> Result:
        seen.append(run(**how))
        return seen[-1]

    monkeypatch.setattr(runner, "run", noted)
    return seen


def keys_of(value: object) -> str:
    """Return the keys of data, sorted, with those of what they hold; all items of a list together."""
    if isinstance(value, Mapping):
        inner = {str(key): keys_of(one) for key, one in value.items()}
        return " ".join(f"{key}[{inside}]" if inside else key for key, inside in sorted(inner.items()))
    if isinstance(value, list):
        return " ".join(sorted({keys_of(one) for one in value} - {""}))
    return ""


@pytest.mark.parametrize(("row", "face"), USES)
def test_fields_that_nobody_asked_for_pass_nowhere(
    row: Row,
    face: Face,
    stage: Stage,
    sealed: list[str],
    given: list[Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage.sim("POST", "config", extra_fields=EXTRA)

    heard = act(row, Case.HAPPY, face, stage, monkeypatch)

    assert heard.code == "ok", heard
    assert CANARY not in heard.raw.decode()
    assert [one for one in sealed if CANARY in one] == []
    assert CANARY not in dump()
    if face is not HOOK:
        assert differences(shape_of(row, face), read(heard.raw)) == []
    [result] = given
    assert result.answer is not None
    wanted = LEFT_TO_THE_TEAM if row.tool == "processPayment" and face is not SERVER else DATA[row.tool]
    assert keys_of(result.answer.data) == wanted


def test_every_tool_that_gives_anything_is_tried() -> None:
    given = {row.tool for row in ROWS if expected(row, Case.HAPPY, row.faces[0]).status < 300}  # type: ignore[union-attr]

    assert given == set(DATA)
    assert set(registry.TOOLS) - given == {"updatePatient", "addInsurance"}


def test_the_fields_are_truly_sent(stage: Stage) -> None:
    stage.sim("POST", "config", extra_fields=EXTRA)

    with requests.Session() as session:
        session.trust_env = False
        rows = Desk(stage.url, session).items("patients")

    assert rows
    assert all(row["ssn"].startswith(CANARY) for row in rows)
