"""No task is without words: the kinds, and what their details are called, are taken from the code that makes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pms.domain import errors
from pms.domain.localtime import zone
from pms.models import Operation
from pms.services import chart_changes, freshness, task_words, write_backs

ROOT = Path(task_words.__file__).resolve().parents[1]
NEW_YORK = zone("America/New_York")
# What makes a task, with the argument that names its kind, or a part of it.
MAKERS = {"open_task": "kind", "tell_staff": 1, "ask_team": "to", "_or_left_to_team": 1}


def functions() -> Iterator[ast.FunctionDef]:
    """Yield every function of the product."""
    for path in ROOT.rglob("*.py"):
        yield from (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.FunctionDef))


def calls_of(name: str) -> list[ast.Call]:
    found = [one for function in functions() for one in ast.walk(function) if isinstance(one, ast.Call)]
    return [one for one in found if called(one) == name]


def named_by(name: str) -> list[ast.expr]:
    """Return the expressions that name what a maker makes."""
    where = MAKERS[name]
    if isinstance(where, int):
        return [call.args[where] for call in calls_of(name)]
    return [next(one.value for one in call.keywords if one.arg == where) for call in calls_of(name)]


def words_in(expression: ast.expr) -> set[str]:
    """Return what an expression can be, as far as it is written down where it is used."""
    return {one.value for one in ast.walk(expression) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def subclasses(error: type[errors.ParlaeError]) -> Iterator[type[errors.ParlaeError]]:
    yield error
    for one in error.__subclasses__():
        yield from subclasses(one)


def constant(name: str) -> str:
    """Return the value of a module's constant that names a kind."""
    found = [
        node.value.value
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(getattr(target, "id", "") == name for target in node.targets)
        and path.name in ("requests.py", "rehearsal_end.py")
    ]
    [value] = found
    return str(value)


def ends() -> set[str]:
    """Return what can have become of a write that staff are told of: a word, or the code of what the PMS did."""
    known: set[str] = set()
    for expression in named_by("tell_staff"):
        known |= words_in(expression)
        if isinstance(expression, ast.Attribute):
            known |= {one.code for one in subclasses(errors.PmsError) if one.code != errors.ParlaeError.code}
    return known


def kinds() -> set[str]:
    """Return every kind of task that the product can make."""
    made: set[str] = set()
    for expression in named_by("open_task"):
        match expression:
            case ast.Constant(value=str(kind)):
                made.add(kind)
            case ast.Name(id=name):
                made.add(constant(name))
            case ast.JoinedStr():
                pass  # "please_…" and "booking_…": below
            case _:
                pytest.fail(f"A kind that this test cannot read: {ast.unparse(expression)}")
    pleas = {word for name in ("ask_team", "_or_left_to_team") for one in named_by(name) for word in words_in(one)}
    pleas |= set(chart_changes._WHAT.values())
    made |= {f"please_{plea}" for plea in pleas}
    nouns = [write_backs._NOUNS[operation] for operation in Operation]
    return made | {f"{noun}_{end}" for noun in nouns for end in ends()}


def details() -> set[str]:
    """Return every name that a task's detail can have: the keys of what is written down as one."""
    found = {"meanwhile"}
    for function in functions():
        if function.name in ("in_words", "words", "_detail"):
            found |= keys_in(function)
        makers = [one for one in ast.walk(function) if isinstance(one, ast.Call) and called(one) in MAKERS]
        for given in (one for maker in makers for one in maker.keywords if one.arg in ("detail", "wanted")):
            found |= keys_in(given)
        if makers or function.name == "_left_to_team":
            named = [one for one in ast.walk(function) if isinstance(one, ast.Assign | ast.AnnAssign)]
            found |= {key for one in named if target(one) in ("detail", "wanted", "whose") for key in keys_in(one)}
    return found


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def target(assigned: ast.Assign | ast.AnnAssign) -> str:
    place = assigned.targets[0] if isinstance(assigned, ast.Assign) else assigned.target
    return str(getattr(place, "id", ""))


def keys_in(node: ast.AST) -> set[str]:
    keys = [key for one in ast.walk(node) if isinstance(one, ast.Dict) for key in one.keys]
    return {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_the_kinds_are_found() -> None:
    assert {"message", "booking_requested", "test_call_not_cancelled", "please_cancel", "please_tell_notes"} <= kinds()
    assert {"booking_failed", "payment_outcome_unknown", "move_pms_unavailable", "please_collect_payment"} <= kinds()
    assert len(kinds()) > 90


def test_every_kind_has_words_of_its_own() -> None:
    without = {kind for kind in kinds() if task_words.told(kind) == task_words._OTHER}

    assert without == set()


def test_words_are_for_kinds_that_there_are() -> None:
    assert set(task_words.KINDS) <= kinds()
    assert set(task_words.ENDS) <= ends()
    assert set(task_words.NOUNS) == set(write_backs._NOUNS.values())


def test_every_detail_has_a_name_and_every_name_is_one() -> None:
    assert details() == set(task_words.DETAILS)


def test_every_reason_for_a_request_has_words() -> None:
    whys = {one.why for one in subclasses(freshness.RequestsOnly) if "why" in vars(one)} | {"on_request"}

    assert set(task_words.WHY) == whys


def test_an_unknown_kind_is_still_a_task() -> None:
    assert task_words.told("something_new").title == "Something for the team"
    assert task_words.told("booking_something_new").title == "Something for the team"


def test_titles_and_advice_are_sentences_of_people() -> None:
    for kind in kinds():
        told = task_words.told(kind)
        assert "{" not in told.title + told.advice
        assert told.title[0].isupper()
        assert told.advice.endswith(".")


def test_times_and_days_are_said_in_the_practice_s_time() -> None:
    said = {
        "startsAt": "2026-12-01T14:00:00+00:00",
        "dateOfBirth": "1987-04-12",
        "why": "stale",
        "appointmentTypeId": "x",
        "somethingNew": "as it is",
        "newStartsAt": "no time",
    }

    assert task_words.details(said, NEW_YORK) == [
        ("Time", "Tuesday, December 1st at 9 AM"),
        ("Date of birth", "Sunday, April 12th, 1987"),
        ("Why it was not booked", "What was seen of your schedule was too old."),
        ("somethingNew", "as it is"),
        ("New time", "no time"),
    ]
