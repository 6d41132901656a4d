"""Every case of the addresses that take a person's session."""

from __future__ import annotations

import pytest

from pms.models import PmsIntegration
from tests.contract.people import PEOPLE, PersonRow, ask
from tests.contract.shapes import differences, read
from tests.contract.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("row", PEOPLE, ids=str)
def test_a_person_is_answered_as_the_table_says(row: PersonRow, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = PmsIntegration.objects.order_by("pk").values_list("pk", "provider", "status", "credentials", "config")
    stood = list(before)

    answer = ask(row, stage, monkeypatch)

    body, left = answer.json(), stage.left()
    assert answer.status_code == row.status, body
    assert body.get("error", {}).get("code", "ok") == row.code
    assert bool(left.asked) is row.asks
    assert left.changed == ()
    assert left.tasks == ()
    if row.shape is not None:
        assert differences(row.shape, read(answer.content)) == []
    else:
        assert set(body) == {"success", "error"}
        assert list(before.all()) == stood
    if row.status == 429:
        assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("row", [row for row in PEOPLE if row.asks], ids=str)
def test_trying_a_connection_reads_no_patient(row: PersonRow, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(row, stage, monkeypatch)

    assert [one for one in stage.left().asked if "/patient" in one] == []
    assert [found.phi_accessed for found in stage.rows()] == [False]
