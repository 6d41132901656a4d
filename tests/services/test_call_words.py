"""What happened in a call, in words: every tool, argument and outcome has some."""

from __future__ import annotations

import pytest

from pms.domain import errors
from pms.services import call_words
from pms.services.outcomes import Outcome
from pms.tools import registry
from pms.vapi import rehearsal_end, rehearsal_play, rehearsal_script, rehearsal_words
from tests.services.test_task_words import subclasses


def test_every_tool_has_words() -> None:
    assert set(call_words.TOOLS) == set(registry.TOOLS)
    assert call_words.tool("anything") == call_words.OTHER_TOOL


def test_every_argument_has_a_label() -> None:
    names = {name for tool in registry.TOOLS.values() for name in tool.arguments().fields}

    assert set(call_words.ARGUMENTS) == names


def test_every_outcome_has_words() -> None:
    ours = ("pms.domain", "pms.services", "pms.tools")  # those of the faces never come from a tool
    codes = {one.code for one in subclasses(errors.ParlaeError) if one.__module__.startswith(ours)}

    assert codes | {"", "ok", "not_done"} == set(call_words.OUTCOMES)
    assert call_words.outcome("something_new") == "Something new"


def test_whatever_a_call_has_come_to_has_words() -> None:
    assert set(call_words.CALLS) == {"", *Outcome}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"date": "2026-12-01"}, [("Day", "Tuesday, December 1st, 2026")]),
        ({"policyNumber": "19870412"}, [("Policy number", "19870412")]),
        ({"isPrimary": False, "urgent": True}, [("Pays first", "No"), ("Urgent", "Yes")]),
        ({"address": {"street": "1 Elm St", "city": "", "zip": "10001"}}, [("Address", "1 Elm St, 10001")]),
        ({"amount": 12.5, "reason": "", "notes": None, "accountId": "x"}, [("Amount", "12.5")]),
        ({"date": "2026-02-31"}, [("Day", "2026-02-31")]),
    ],
)
def test_arguments_are_said_as_people_would(given: dict[str, object], told: list[tuple[str, str]]) -> None:
    assert call_words.arguments(given) == told


def test_every_end_of_a_test_call_has_words() -> None:
    ends = {
        value
        for module in (rehearsal_end, rehearsal_play, rehearsal_script)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and name != "TASK"
    }

    assert {"interrupted", "no_times", "not_cancelled"} <= ends
    assert ends <= set(rehearsal_words.ENDS)
    assert set(rehearsal_words.ENDS) <= ends | set(call_words.OUTCOMES)
    for code in {*ends, *call_words.OUTCOMES}:
        told = rehearsal_words.told(code)
        assert told.title.endswith(".")
        assert told.advice
