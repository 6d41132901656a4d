"""Every case of the shared scheduling cases about people has a test that bears its id, or one that is named here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
CASES = json.loads((TESTS / "data" / "scheduling" / "cases.json").read_text())
IDS = [case["id"] for name in ("identity", "age", "patients") for case in CASES[name]]
# Cases that tests of another name hold.
ELSEWHERE = {
    "ID-01": "regressions/test_callers.py::test_c9_a_known_number_alone_opens_nothing",
    "ID-02": "tools/test_listing.py::test_are_told_by_date_time_and_id_and_nothing_else",
    "ID-05": "regressions/test_callers.py::test_c9_the_third_guess_locks_every_tool_that_tells_something",
    "ID-14": "regressions/test_callers.py::test_c8_another_patients_id_gets_nothing_and_is_noted",
    "ID-16": "regressions/test_callers.py::test_c8_a_proof_is_good_in_its_own_call_only",
    "ID-17": "regressions/test_callers.py::test_c8_another_patients_id_gets_nothing_and_is_noted",
    "ID-A1": "scheduling/test_cases.py::test_age",
    "ID-A3": "scheduling/test_cases.py::test_age",
    "ID-A4": "scheduling/test_cases.py::test_age",
    "PT-07": "tools/test_registering.py::test_somebody_inactive_is_left_to_the_team",
}


def defined_in(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    return set(re.findall(r"^\s*def (test_\w+)\(", path.read_text(), re.MULTILINE))


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
