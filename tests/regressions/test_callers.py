"""Regressions of lessons.md C8 and C9: whose data a caller gets is proven on the server, never said by a model or a
number.

The attempts are made from the tools' declarations, so that a new tool that takes a patient or an appointment is tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from pms.models import Booking, SecurityEvent, Task, ToolCall, Verification, WriteBack
from pms.tools import registry
from tests.canaries import without_random
from tests.conftest import Sim
from tests.journeys.tenants import ADDRESSES, Door
from tests.practice import live_call
from tests.regressions.kinds import KINDS, NINA, Hasty, at, at_the_desk
from tests.regressions.kinds import MOVED_TO as ANOTHER_TIME
from tests.talking import CORA, JOSE, NOBODY, Caller, asked_of_the_pms, quiet_day

Arguments = dict[str, Any]

# Whom a caller who is Cora must hear nothing of.
SOMEBODY_ELSE = "1010"
OF_SOMEBODY_ELSE = re.compile(r"Jos|N[uú]ñez|9175550121|1980|6:0[1-9] PM", re.IGNORECASE)


def wish(tool: str, visit: str) -> Arguments:
    """Return arguments that a tool takes for Cora."""
    known: dict[str, Arguments] = {kind.tool: kind.wish(visit) for kind in KINDS}
    known |= {
        "checkAvailability": {"appointmentType": "cleaning"},
        "findPatient": dict(CORA),
        "getAppointments": {},
        "takeMessage": {"message": "Hello"},
        "getWrite": {"writeId": visit},
        "getPatientInfo": {},
        "updatePatient": {"phone": "2125550188"},
        "getPatientNotes": {},
        "getInsurance": {},
        "addInsurance": {"provider": "Larkfield", "policyNumber": "L1"},
        "getBalance": {},
        "transferToHuman": {},
        "searchPatients": {"query": "Whitfield"},
    }
    return known[tool]


def taking(*names: str) -> list[tuple[str, str]]:
    """Return every tool that takes one of these arguments, with the argument."""
    return [(tool.name, name) for tool in registry.TOOLS.values() for name in names if name in tool.arguments().fields]


def disclosing() -> list[str]:
    """Return the voice tools that need a proven patient."""
    proving = ("findPatient", "createPatient")
    return [
        tool.name for tool in registry.TOOLS.values() if tool.discloses and tool.for_voice and tool.name not in proving
    ]


@pytest.fixture
def of_jose(practice: Account, sim: Sim) -> dict[str, str]:
    """What there is of José Núñez: an appointment at the desk, and one that he has booked with us."""
    visit = at_the_desk(sim, "18:01", patient_id=SOMEBODY_ELSE)
    booked = Caller(practice, number="", clock=Hasty()).verified(JOSE).book("15:00", providerId="HY2")
    assert booked.outcome == "ok", booked.say
    booking = Booking.objects.get(patient_id=SOMEBODY_ELSE)
    return {
        "patientId": SOMEBODY_ELSE,
        "appointmentId": visit,
        "made": booking.pms_appointment_id,
        "writeId": str(booking.pk),
        "confirmation number": booking.confirmation_number,
    }


def truth_of(sim: Sim, patient_id: str) -> Any:
    return sim("GET", "truth", office_id="D10001", patient_id=patient_id)


# C8: any patient's and any appointment's id that the model sent was believed


def test_c8_every_tool_that_takes_an_id_is_tried() -> None:
    assert {tool for tool, _ in taking("patientId", "appointmentId", "writeId")} == {
        "bookAppointment",
        "getAppointments",
        "rescheduleAppointment",
        "cancelAppointment",
        "confirmAppointment",
        "getWrite",
        "getPatientInfo",
        "updatePatient",
        "getPatientNotes",
        "addPatientNote",
        "getInsurance",
        "addInsurance",
        "getBalance",
        "processPayment",
    }


@pytest.mark.parametrize(("tool", "name"), taking("patientId"))
def test_c8_another_patients_id_gets_nothing_and_is_noted(
    cora: Caller, door: Door, visits: list[str], sim: Sim, of_jose: dict[str, str], tool: str, name: str
) -> None:
    before = truth_of(sim, SOMEBODY_ELSE)
    sim("DELETE", "requests")
    arguments = wish(tool, visits[0]) | {name: of_jose[name], "verified": True, "isVerified": "true"}

    heard = cora.use(tool, **arguments)
    by_rest = door.rest(tool, arguments | {"startTime": ""}, call=cora.call.vapi_call_id)

    assert heard.outcome == "not_verified"  # ID-14, ID-17
    assert by_rest.verdict == "403 not_verified"
    assert not OF_SOMEBODY_ELSE.search(without_random(heard.say + by_rest.text))
    assert asked_of_the_pms(sim) == []
    assert truth_of(sim, SOMEBODY_ELSE) == before
    events = SecurityEvent.objects.filter(kind="verification.scope")
    assert [event.detail for event in events] == [{"call": str(cora.call.pk)}] * 2


@pytest.mark.parametrize(("tool", "name"), taking("appointmentId"))
@pytest.mark.parametrize("which", ["appointmentId", "made", "writeId", "confirmation number"])
def test_c8_another_patients_appointment_is_as_unknown_as_none(
    cora: Caller, door: Door, sim: Sim, of_jose: dict[str, str], tool: str, name: str, which: str
) -> None:
    before = truth_of(sim, SOMEBODY_ELSE)
    arguments = {"rescheduleAppointment": at(ANOTHER_TIME)}.get(tool, {})
    unknown = {"writeId": "00000000-0000-4000-8000-000000000000", "confirmation number": "ZZZZZZ"}.get(which, "99999")

    answers, questions = [], []
    for value in (of_jose[which], unknown):
        sim("DELETE", "requests")
        answers.append(cora.use(tool, **arguments, **{name: value}))
        questions.append(asked_of_the_pms(sim))
    by_rest = door.rest(tool, {**arguments, name: of_jose[which]}, call=cora.call.vapi_call_id)

    assert [one.outcome for one in answers] == ["appointment_not_found"] * 2  # ID-15
    assert answers[0].say == answers[1].say
    assert questions[0] == questions[1]
    assert by_rest.verdict == "404 appointment_not_found"
    assert not OF_SOMEBODY_ELSE.search(without_random(answers[0].say + by_rest.text))
    assert truth_of(sim, SOMEBODY_ELSE) == before
    assert not WriteBack.objects.exclude(patient_id=SOMEBODY_ELSE).exists()


def test_c8_what_became_of_another_patients_booking_is_not_told(
    cora: Caller, door: Door, of_jose: dict[str, str]
) -> None:
    heard = door.rest("getWrite", {"writeId": of_jose["writeId"]}, call=cora.call.vapi_call_id)

    assert heard.verdict == "403 not_verified"
    assert of_jose["confirmation number"] not in heard.text


@pytest.mark.parametrize("tool", disclosing())
def test_c8_a_proof_is_good_in_its_own_call_only(practice: Account, cora: Caller, visits: list[str], tool: str) -> None:
    another = Caller(practice, clock=Hasty())

    result = another.use(tool, **wish(tool, visits[0]), patientId="1001")

    assert cora.use("getAppointments").outcome == "ok"
    assert result.outcome == "not_verified"  # ID-16


# C9: the number that calls was taken for who is calling

NUMBERS = {"Cora's": "+12125550147", "nobody's": "+12125550199", "withheld": ""}


def from_each(practice: Account) -> Iterator[Caller]:
    for number in NUMBERS.values():
        yield Caller(practice, number=number, clock=Hasty())


@pytest.mark.parametrize("tool", disclosing())
def test_c9_a_known_number_alone_opens_nothing(practice: Account, visits: list[str], sim: Sim, tool: str) -> None:
    before = truth_of(sim, "1001")
    sim("DELETE", "requests")

    answers = [caller.use(tool, **wish(tool, visits[0])) for caller in from_each(practice)]

    assert {one.outcome for one in answers} == {"not_verified"}
    assert {one.say for one in answers} == {answers[0].say}  # ID-01
    assert "full name and date of birth" in answers[0].say
    assert (asked_of_the_pms(sim), truth_of(sim, "1001")) == ([], before)


def test_c9_a_known_number_with_a_wrong_birth_date_sounds_like_nobody(practice: Account, sim: Sim) -> None:
    wrong = {**CORA, "dateOfBirth": "1987-12-04"}
    questions, answers = [], []

    for person in (wrong, NOBODY):
        sim("DELETE", "requests")
        answers.append(Caller(practice, clock=Hasty()).use("findPatient", **person))
        questions.append([path for _, path in asked_of_the_pms(sim)])

    assert [one.outcome for one in answers] == ["patient_not_found"] * 2
    assert answers[0].say == answers[1].say
    assert questions[0] == questions[1]
    assert not Verification.objects.filter(succeeded=True).exists()


def test_c9_the_third_guess_locks_every_tool_that_tells_something(
    practice: Account, caller: Caller, visits: list[str]
) -> None:
    for month in ("01", "02", "03"):
        last = caller.use("findPatient", **{**CORA, "dateOfBirth": f"1987-{month}-12"})
    right = caller.use("findPatient", **CORA)

    told = {tool: caller.use(tool, **wish(tool, visits[0])).outcome for tool in (*disclosing(), "createPatient")}

    assert (last.outcome, right.outcome) == ("verification_locked", "verification_locked")
    assert set(told.values()) == {"verification_locked"}  # ID-05
    assert caller.use("takeMessage", message="Please call me back.").outcome == "ok"
    assert {task.kind for task in Task.objects.all()} == {"verification_locked", "message"}
    assert SecurityEvent.objects.filter(kind="verification.failed").count() == 3


def test_c9_no_tool_finds_people_by_their_number(caller: Caller, door: Door, sim: Sim) -> None:
    sim("DELETE", "requests")

    heard = caller.use("findPatient", phone="2125550147", phoneNumber="2125550147", phoneLast4="0147")

    assert heard.outcome == "validation_failed"
    assert asked_of_the_pms(sim) == []
    assert set(ADDRESSES) >= {tool.name for tool in registry.TOOLS.values() if not tool.for_voice}
    assert "Whitfield" not in heard.say


def test_c9_who_is_asked_for_by_a_call_that_is_over_stays_unknown(practice: Account, door: Door) -> None:
    call = live_call(practice, now=timezone.now())
    Caller(practice, call=call).verified()
    type(call).objects.filter(pk=call.pk).update(ended_at=timezone.now())

    heard = door.rest("getAppointments", {}, call=call.vapi_call_id)

    assert heard.verdict == "403 call_required"


def test_c9_a_new_record_reads_back_nothing_but_what_was_said(caller: Caller) -> None:
    said = caller.use("createPatient", **NINA).say

    assert ToolCall.objects.filter(outcome="ok").count() == 1
    assert set(re.findall(r"[A-Z][a-z]+", said)) <= {"There", "Nina"}
    assert quiet_day().isoformat() not in said
