"""What callers say about themselves and others, and what of it reaches the practice's system."""

from __future__ import annotations

from collections.abc import Sequence

from pms.tools.context import Result
from tests.conftest import Sim
from tests.talking import NOBODY, Caller

Person = dict[str, str]

STRANGER = "+12125550199"
ROBERT = {"firstName": "Robert", "lastName": "Lee-O'Brien", "dateOfBirth": "1969-08-21"}
ROBERTS_NUMBER = "+17185550158"
# What a caller hears only from a number on file.
STRONG = ("getPatientInfo", "getPatientNotes", "getInsurance", "getBalance")
LOCKED = "so I can't open any records in this call"


def find(caller: Caller, person: Person, **more: str) -> Result:
    """Have the caller say who the call is about."""
    return caller.use("findPatient", **person, **more)


def child(number: int = 1) -> Person:
    """Return a child whom the practice has no record of."""
    names = ("Ottilie", "Ludovic", "Clementine", "Barnaby")
    return {**NOBODY, "firstName": names[number], "dateOfBirth": f"2017-03-{number + 1:02}"}


def questions(sim: Sim) -> list[tuple[str, str, frozenset[str]]]:
    """Return what was asked of the PMS: methods, paths and the names of parameters, not their values."""
    rows = sim("GET", "requests")["requests"]
    return [(row["method"], row["path"], frozenset(row["query"])) for row in rows]


def heard(results: Sequence[Result]) -> set[tuple[str, str]]:
    """Return the different answers among these."""
    return {(one.outcome, one.say) for one in results}
