"""Every race and write-back case of the shared scheduling cases has a test that bears its id, or is named here."""

from __future__ import annotations

import json

import pytest

from tests.identity.test_every_case import TESTS, defined_in

CASES = json.loads((TESTS / "data" / "scheduling" / "cases.json").read_text())
IDS = [case["id"] for name in ("races", "writeback") for case in CASES[name]]
# Cases that tests of another name hold.
ELSEWHERE = {
    "WB-16": "tools/test_cancelling.py::test_where_the_pms_cannot_is_left_to_the_team",
    "WB-18": "regressions/test_tenants.py::"
    "test_c1_an_answer_for_another_practice_switches_the_connection_off_and_is_never_adopted",
}


@pytest.fixture(scope="module")
def names() -> set[str]:
    """The names of all tests."""
    return {name for path in TESTS.rglob("test_*.py") for name in defined_in(path)}


@pytest.mark.parametrize("case_id", IDS)
def test_a_case_has_its_test(case_id: str, names: set[str]) -> None:
    if case_id in ELSEWHERE:
        path, _, name = ELSEWHERE[case_id].partition("::")
        assert name in defined_in(TESTS / path)
    else:
        prefix = f"test_{case_id.lower().replace('-', '_')}_"
        assert [name for name in names if name.startswith(prefix)], prefix


def test_no_case_is_named_that_there_is_not() -> None:
    assert set(ELSEWHERE) <= set(IDS)
