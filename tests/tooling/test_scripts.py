"""The scripts of the demo, as far as they go without a call: what is in them, and the sandbox that they steer."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings

from accounts.models import Account
from pms.domain.localtime import local_date_of
from pms.domain.speech import say_when
from pms.management import scenes
from pms.management.commands.seeddemo import PRACTICE
from pms.management.witness import Witness
from pms.sandbox import Sandbox
from pms.sandbox.cast import ALDER as CAST
from pms.tools import registry
from pms.vapi.phone import CallFailed
from tests.conftest import Sim
from tests.sandbox.conftest import Desk
from tests.talking import ALDER, NEW_YORK, cancel_at_the_desk

FIRST_WORDS = {"day", "day_said", "next_day", "newcomer", "newcomer_born", "newcomer_born_said"}
FICTIONAL = re.compile(r"(?:\+1\d{3}55501\d\d)?")

Steer = tuple[str, dict[str, Any]]
STEERED: list[Steer] = [
    ("POST fail", {"path": "/v4/*", "kind": "drop", "times": 3, "skip": 2}),
    ("POST fail", {"path": "/v4/*", "error_code": "API2003"}),
    ("POST lose_answer", {"path": "/v4/*", "method": "POST", "times": 2}),
    ("POST office", {"online": False}),
    ("POST office", {"copying": False}),
    ("POST config", {"latency": 0.01, "writeback_delay": 77, "rate_limit": 0}),
    ("POST config", {"latency_path": "/v4/patients", "scope": "appointments"}),
]


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    with requests.Session() as session:
        session.trust_env = False
        return Desk(sandbox.url, session)


@pytest.fixture
def witness(sandbox: Sandbox) -> Witness:
    account = Account(name="Alder Dental", time_zone="America/New_York")
    today = local_date_of(datetime.now(NEW_YORK), NEW_YORK)
    return Witness(url=sandbox.url, office_id=ALDER, patients=["1001", "1010"], account=account, today=today)


@pytest.fixture
def known(sim: Sim) -> tuple[str, str]:
    """Return number and time, as it is said, of the appointment that the practice itself has given José."""
    rows = sim("GET", "truth", office_id=ALDER, patient_id="1010")["appointments"]
    [row] = [row for row in rows if row["date"] >= datetime.now(NEW_YORK).date().isoformat()]
    return row["appointment_sr_no"], say_when(datetime.fromisoformat(f"{row['date'][:10]}T{row['time']}"))


def steps(name: str, kind: str) -> list[dict[str, Any]]:
    return [step for step in scenes.load(name)["steps"] if kind in step]


@pytest.mark.parametrize("name", scenes.names())
class TestScript:
    def test_uses_tools_as_they_are_declared(self, name: str) -> None:
        for step in steps(name, "tool"):
            tool = registry.get(step["tool"], for_voice=True)
            # A model also sends what no tool asks for, to no effect: the claim that somebody is verified.
            assert step["arguments"].keys() - {"verified"} <= tool.arguments().fields.keys()

    def test_names_nobody_but_the_cast(self, name: str) -> None:
        script, people = scenes.load(name), {one.patient_id: one for one in CAST}
        surnames = {one.lastname for one in CAST}

        assert script["patients"]
        assert set(script["patients"]) <= people.keys()
        assert FICTIONAL.fullmatch(script["caller"])
        for step in steps(name, "tool"):
            assert step["arguments"].get("lastName") in {None, *surnames}
            assert FICTIONAL.fullmatch(step["arguments"].get("phoneNumber", ""))

    def test_is_about_the_office_of_the_demo(self, name: str) -> None:
        practice = json.loads(PRACTICE.read_text(encoding="utf-8"))

        assert scenes.load(name)["office_id"] == practice["credentials"]["practiceId"]

    def test_says_only_words_that_are_known_by_then(self, name: str) -> None:
        known = set(FIRST_WORDS)

        for step in scenes.load(name)["steps"]:
            assert set(re.findall(r"\{([a-z]\w*)\}", json.dumps(step))) <= known
            for word in step.get("capture", {}):
                known |= {word, f"{word}_date", f"{word}_time", f"{word}_said"}

    def test_has_a_pattern_for_every_answer_and_says_what_is_new_in_the_end(self, name: str) -> None:
        script = scenes.load(name)

        assert script["title"]
        assert script["read_back"].keys() <= {"booked", "cancelled", "patients", "notes"}
        for step in steps(name, "tool"):
            assert re.compile(step["expect"]).pattern
            assert all(re.compile(pattern).groups == 1 for pattern in step.get("capture", {}).values())


def test_the_readme_lists_every_script() -> None:
    readme = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `(\w+)` \|", readme, flags=re.MULTILINE) == scenes.names()


@pytest.mark.parametrize("step", [{}, {"tol": "findPatient"}, {"caller": "Hi", "tool": "findPatient"}])
def test_a_step_of_no_known_kind_is_refused(tmp_path: Path, step: dict[str, str]) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"title": "A call", "caller": "", "steps": [{"note": "Well."}, step]}), encoding="utf-8")

    with pytest.raises(CallFailed, match="A step must be one of caller, tool, "):
        scenes.load(str(path))


def test_a_script_that_does_not_exist_is_said_with_those_that_do() -> None:
    with pytest.raises(
        CallFailed, match=r"no script nothing, .* booking, changes, chart, family, lost, outage, refusal, slow\."
    ):
        scenes.load("nothing")


def test_everything_that_was_done_to_the_sandbox_is_put_back(witness: Witness, sim: Sim, desk: Desk) -> None:
    sim("POST", "office", office_id=ALDER, copying=False)
    settings, office = sim("POST", "config"), sim("POST", "office", office_id=ALDER)
    for command, asked in STEERED:
        witness.steer(command, asked)
    assert sim("POST", "config") != settings
    assert sim("POST", "office", office_id=ALDER) != office

    witness.put_back()

    assert sim("POST", "config") == settings
    assert sim("POST", "office", office_id=ALDER) == office
    assert [desk.get("patients").status_code for _ in range(6)] == [200] * 6
    assert [desk.first_key().status_code for _ in range(6)] == [200] * 6
    assert desk.call("POST", "appointment", json=desk.booking()).status_code == 201


def test_faults_that_were_met_are_not_used_up_again(witness: Witness, sim: Sim, desk: Desk) -> None:
    witness.steer("POST fail", {"path": "/v4/*", "error_code": "API2003", "times": 2})
    refused = [desk.get("patients").status_code for _ in range(2)]
    witness.put_back()
    sim("DELETE", "requests")

    witness.put_back()

    assert refused == [401, 401]
    assert sim("GET", "requests")["requests"] == []


@pytest.mark.parametrize(
    ("command", "asked", "reason"),
    [
        ("POST reset", {}, "cannot be taken back"),
        ("POST fail_write", {}, "cannot be taken back"),
        ("POST expire_key", {}, "cannot be taken back"),
        ("POST fail", {}, "must be aimed at"),
        ("POST fail", {"path": "/v4/*", "method": "GET"}, "must be aimed at"),
        ("POST lose_answer", {"path": "/v4/appointment"}, "must be aimed at"),
        ("POST config", {"moon": "full"}, "The sandbox refuses POST config: unknown settings: moon"),
    ],
)
def test_what_could_not_be_taken_back_is_not_done(
    witness: Witness, sim: Sim, desk: Desk, command: str, asked: dict[str, Any], reason: str
) -> None:
    before = sim("GET", "truth", office_id=ALDER)

    with pytest.raises(CallFailed, match=reason):
        witness.steer(command, asked)

    assert desk.first_key().status_code == 200
    assert sim("GET", "truth", office_id=ALDER) == before


class TestWitness:
    def test_confirms_what_the_pms_has(self, witness: Witness, known: tuple[str, str]) -> None:
        number, when = known

        assert witness.confirms(f"Coming up: {when} (appointment {number}).")
        assert witness.confirms("There is a record for José now (patient id 1010).")

    def test_confirms_a_change_once_it_is_made(
        self, witness: Witness, sandbox: Sandbox, desk: Desk, sim: Sim, known: tuple[str, str]
    ) -> None:
        number, when = known
        change = {"op": "replace", "path": "/appointment_status", "value": "Appointment Confirmed", "practice_id": "1"}
        desk.call("PATCH", f"appointments/{number}", json=change).raise_for_status()
        sim("POST", "clock", advance_seconds=1)

        assert witness.confirms(f"The appointment on {when} is marked as confirmed.")
        cancel_at_the_desk(sandbox, number)
        assert witness.confirms(f"The appointment on {when} has been cancelled.")

    @pytest.mark.parametrize(
        "lie",
        [
            "Coming up: {when} (appointment 70002).",
            "Coming up: {other} (appointment {number}).",
            "Coming up: {when} (appointment {number}) and {other} (appointment 90001).",
            "The appointment on {when} has been cancelled.",
            "The appointment on {other} has been cancelled.",
            "The appointment on {when} is cancelled.",
            "The appointment on {when} is marked as confirmed.",
            "There is a record for José now (patient id 1001).",
            "There is a record for Ada now (patient id 5001).",
        ],
    )
    def test_contradicts_what_the_pms_does_not_have(self, witness: Witness, known: tuple[str, str], lie: str) -> None:
        number, when = known
        heard = lie.format(number=number, when=when, other="Tuesday, December 1st at 7:30 PM")

        with pytest.raises(CallFailed, match="heard what the PMS does not have: "):
            witness.confirms(heard)

    def test_contradicts_a_list_with_a_cancelled_appointment(
        self, witness: Witness, sandbox: Sandbox, known: tuple[str, str]
    ) -> None:
        number, when = known
        cancel_at_the_desk(sandbox, number)

        with pytest.raises(CallFailed):
            witness.confirms(f"Coming up: {when} (appointment {number}).")

    @pytest.mark.parametrize(
        "heard",
        [
            "On {when} I can offer 9 AM (code A1).",
            "The move to {when} with Dr. Absalom Okonjo has been sent, but it is not final yet.",
            "I don't see any appointment coming up.",
        ],
    )
    def test_has_nothing_to_say_where_nothing_is_claimed(
        self, witness: Witness, known: tuple[str, str], heard: str
    ) -> None:
        assert witness.confirms(heard.format(when=known[1])) is False

    def test_sees_what_is_new_and_what_has_changed(
        self, witness: Witness, sandbox: Sandbox, desk: Desk, sim: Sim, known: tuple[str, str]
    ) -> None:
        at_the_desk = {"provider_id": "DR1", "operatory": "Op 1", "time": "20:00", "office_id": ALDER}
        first = sim("POST", "steal", date="2099-01-01", **at_the_desk)["appointment_sr_no"]
        second = sim("POST", "steal", date="2099-01-02", **at_the_desk)["appointment_sr_no"]
        cancel_at_the_desk(sandbox, second)
        cancel_at_the_desk(sandbox, known[0])
        person = {"firstname": "Ada", "lastname": "Whitfield", "provider_id": "DR1", "practice_id": "1"}
        desk.call("POST", "patient", json=person).raise_for_status()
        sim("POST", "clock", advance_seconds=1)

        changes = witness.changes()

        assert [visit.id for visit in changes.booked] == [first]
        assert [visit.id for visit in changes.cancelled] == [second]
        assert [visit.id for visit in changes.others] == [known[0]]
        assert changes.patients == {"5001": "Ada Whitfield"}
