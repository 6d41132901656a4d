"""Every cell of the contract's table: what is answered, and what is left."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rest_framework.permissions import IsAuthenticated

from pms.api import urls
from pms.api.authentication import DoorAuthentication
from pms.api.session import PersonAuthentication
from pms.models.credential import Scope
from pms.providers.base import Capability
from pms.services import integrations
from pms.tools import registry
from tests.contract.acting import act
from tests.contract.people import ADDRESSES as OF_PEOPLE
from tests.contract.shapes import Shape, differences, read
from tests.contract.stage import Face, Heard, Stage
from tests.contract.table import CALL, HOOK, ROWS, SERVER, Case, Cell, Never, Row, expected
from tests.journeys.tenants import endpoints
from tests.vapi.sending import WEBHOOK

pytestmark = pytest.mark.django_db

_ALL = [
    (row, case, face, cell)
    for row in ROWS
    for case in Case
    for face in Face
    if isinstance(cell := expected(row, case, face), Cell)
]
# Every good case, and of the others every fifth: over the table all cases, faces and rows are in the sample.
CELLS = [
    pytest.param(
        row,
        case,
        face,
        cell,
        id=f"{row}: {case}, {face}",
        marks=[] if case is Case.HAPPY or not number % 5 else pytest.mark.exhaustive,
    )
    for number, (row, case, face, cell) in enumerate(_ALL)
]
# What a row of evidence may name as the endpoint: a route, never a path with ids in it.
_ROUTE = re.compile(r"/api/pms/[a-z/-]+(<str:[a-z_]+>(/[a-z]+)?)?")


@pytest.mark.parametrize(("row", "case", "face", "cell"), CELLS)
def test_is_answered_and_left_as_the_table_says(
    row: Row, case: Case, face: Face, cell: Cell, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = act(row, case, face, stage, monkeypatch)

    left = stage.left()
    assert (heard.status, heard.code) == (status_of(cell, face), cell.code), heard.say or heard.raw
    assert left.audit == cell.audit
    assert left.tasks == cell.tasks
    assert left.changed == cell.changed
    assert bool(left.asked) is cell.asks, left.asked
    assert flaws_of(heard, row, case, face, cell) == []
    assert flaws_of_evidence(stage, row, face) == []


def status_of(cell: Cell, face: Face) -> int:
    """Return the status: a person is on the line, so the webhook's is 200 once the signature is good."""
    return 200 if face is HOOK and cell.status != 401 else cell.status


def flaws_of(heard: Heard, row: Row, case: Case, face: Face, cell: Cell) -> list[str]:
    """Return what is wrong with an answer's form."""
    if face is HOOK:
        is_said = heard.say == " ".join(heard.say.split()) != ""
        return [] if is_said or heard.status == 401 else ["no sentence of one line"]
    if cell.status == 429:
        return [] if heard.retry_after.isdigit() and int(heard.retry_after) > 0 else ["no Retry-After"]
    return differences(shape_of(row, face), read(heard.raw)) if cell.status < 300 and case is Case.HAPPY else []


def shape_of(row: Row, face: Face) -> Shape:
    return row.shape[face] if isinstance(row.shape, dict) and face in row.shape else row.shape


def flaws_of_evidence(stage: Stage, row: Row, face: Face) -> list[str]:
    """Return what is wrong with the audit rows that a use has left."""
    flaws = []
    for found in stage.rows():
        wanted: dict[str, Any] = {
            "account_id": stage.house.alder.pk,
            "phi_accessed": True,
            "method": "POST" if face is HOOK else row.method,
            "vapi_call_id": None if face is SERVER else found.vapi_call_id,
        }
        flaws += [name for name, value in wanted.items() if getattr(found, name) != value]
        flaws += [] if found.actor.startswith("system:" if face is SERVER else "voice:") else ["actor"]
        flaws += [] if _ROUTE.fullmatch(found.endpoint) else [f"endpoint {found.endpoint}"]
        flaws += [] if found.access_id and found.request_id else ["access_id, request_id"]
    accesses = [found.access_id for found in stage.rows() if found.phase != "READ"]
    return flaws if len(set(accesses)) * 2 == len(accesses) else [*flaws, "an intent without its outcome"]


# The table itself


def test_the_sample_has_every_row_and_every_case_at_every_face() -> None:
    sampled = [cell for number, cell in enumerate(_ALL) if cell[1] is Case.HAPPY or not number % 5]

    assert {row.tool for row, _, _, _ in sampled} == {row.tool for row in ROWS}
    assert {(case, face) for _, case, face, _ in sampled} == {(case, face) for _, case, face, _ in _ALL}


def test_every_tool_and_every_address_has_a_row() -> None:
    rows = {(row.method, row.address) for row in ROWS if row.address}

    assert {row.tool for row in ROWS} == set(registry.TOOLS)
    assert endpoints() == rows | OF_PEOPLE | {("POST", WEBHOOK)}


def test_every_address_stands_behind_the_door_or_a_session() -> None:
    views = {str(one.pattern): getattr(one.callback, "view_class", None) for one in urls.urlpatterns}
    of_people = {address.removeprefix("/api/pms/") for _, address in OF_PEOPLE}

    assert views.pop("vapi/webhook") is None  # it is the door itself
    for address, view in views.items():
        assert view is not None, address
        door = PersonAuthentication if address in of_people else DoorAuthentication
        assert view.authentication_classes == [door]
        assert view.permission_classes == [IsAuthenticated]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_says_of_its_tool_what_the_registry_says(row: Row) -> None:
    tool = registry.TOOLS[row.tool]

    assert (row.scope, row.feature) == (tool.scope or "", tool.feature)
    assert (HOOK in row.faces) is tool.for_voice
    assert {row.scope, *row.scopes} - {""} <= set(Scope.values)
    assert bool(row.scope) is not bool(row.scopes)
    assert row.feature in ("", *integrations.FEATURES)
    assert row.capability in ("", *Capability)
    if tool.capability is None:
        assert not row.capability
    elif not row.capability:
        assert "takes it" in str(expected(row, Case.UNSUPPORTED, SERVER))
    elif row.capability != tool.capability:  # a change of an appointment first has to find it
        assert tool.capability is Capability.READ_APPOINTMENTS


def test_a_cell_that_does_not_apply_says_why() -> None:
    never = [
        cell for row in ROWS for case in Case for face in Face if isinstance(cell := expected(row, case, face), Never)
    ]

    assert len(never) + len(CELLS) == len(ROWS) * len(Case) * len(Face)
    assert [cell.why for cell in never if len(cell.why.split()) < 4] == []


def test_the_hundredth_use_of_a_minute_is_the_last_on_every_face(stage: Stage) -> None:
    row = next(one for one in ROWS if one.tool == "getInsurance")
    answers = [stage.use(SERVER, row.tool, row.method, row.address, {"patientId": "1001"}).status for _ in range(97)]

    last = [stage.use(face, row.tool, row.method, row.address, {"patientId": "1001"}) for face in (CALL, HOOK, SERVER)]
    over = [stage.use(face, row.tool, row.method, row.address, {"patientId": "1001"}) for face in (CALL, HOOK, SERVER)]

    assert set(answers) == {200}
    assert [one.code for one in last] == ["ok"] * 3
    assert [one.code for one in over] == ["rate_limited"] * 3
    assert [one.status for one in over] == [429, 200, 429]
