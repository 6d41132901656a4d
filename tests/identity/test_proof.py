"""ID cases: how much of a record a proof opens, what it needs, and what a wrong one tells."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Account
from pms.domain.errors import NotVerified
from pms.models import Call, Task, Verification, VoiceLine
from pms.services import calls, patients
from pms.tools import registry
from tests.conftest import Sim
from tests.identity.saying import LOCKED, ROBERT, ROBERTS_NUMBER, STRANGER, STRONG, find, heard, questions
from tests.journeys.tenants import BIRCH
from tests.practice import CALLER, live_call
from tests.regressions.kinds import at_the_desk
from tests.talking import (
    ALDER,
    CORA,
    JORDAN,
    JOSE,
    MILO,
    NOBODY,
    Caller,
    aged,
    asked_of_the_pms,
    kinds,
    quiet_day,
    writes_sent,
)
from tests.vapi.sending import post, results, secret_of, tool_call, tool_calls

BOB = {**ROBERT, "firstName": "Rob"}
HALF = {**ROBERT, "lastName": "Lee"}
NOT_FROM_HERE = (
    "I can only share that when you call from the phone number the practice has on file. "
    "I can take a message for the team."
)


def attested(account: Account, attestation: str, number: str = CALLER) -> Caller:
    """Return somebody on the line whose carrier says that of their number."""
    return Caller(account, call=live_call(account, caller=number, attestation=attestation))


def told(caller: Caller, **arguments: Any) -> set[tuple[str, str]]:
    """Return the different answers to everything that needs the stronger proof."""
    return heard([caller.use(tool, **arguments) for tool in STRONG])


# ID-03 and ID-12: the proof without a number on file


@pytest.mark.parametrize("number", [STRANGER, ROBERTS_NUMBER], ids=["nobody's", "somebody else's"])
def test_id_03_from_an_unknown_number_only_dates_and_times_are_told(practice: Account, sim: Sim, number: str) -> None:
    visit = at_the_desk(sim, "09:00")
    caller = Caller(practice, number=number).verified()
    sim("DELETE", "requests")

    refused = told(caller)

    assert refused == {("not_verified", NOT_FROM_HERE)}
    assert asked_of_the_pms(sim) == []
    assert f"(appointment {visit})" in caller.ahead()


def test_id_12_from_a_withheld_number_a_new_appointment_is_booked_and_nothing_else_told(practice: Account) -> None:
    caller = Caller(practice, number="anonymous").verified()

    refused = told(caller)

    assert refused == {("not_verified", NOT_FROM_HERE)}
    assert caller.book().outcome == "ok"


def test_id_12_digits_that_were_said_are_no_number_that_calls(practice: Account) -> None:
    caller = Caller(practice, number="")

    found = find(caller, CORA, phoneLast4="0147")

    assert found.outcome == "ok"
    assert told(caller) == {("not_verified", NOT_FROM_HERE)}


def test_from_the_number_on_file_the_rest_is_told(cora: Caller) -> None:
    said = [cora.use(tool) for tool in STRONG]

    assert [one.outcome for one in said] == ["ok"] * len(STRONG)
    assert Verification.objects.get().is_strong


def test_who_made_their_record_in_the_call_has_not_proven_that_it_is_theirs(caller: Caller, sim: Sim) -> None:
    caller.use("createPatient", **NOBODY)

    assert told(caller) == {("not_verified", NOT_FROM_HERE)}
    assert caller.book().outcome == "ok"


def test_a_child_is_opened_by_the_number_on_its_parents_file(practice: Account, caller: Caller) -> None:
    caller.verified().verified(MILO)
    Verification.objects.filter(patient_id="1002").update(is_strong=False)

    strong = patients.require_verified(call=caller.call, patient_id="1002", asker=caller.request().asker, strong=True)

    assert strong == "1002"


def test_a_child_is_not_opened_from_another_number_with_its_parent(practice: Account) -> None:
    caller = Caller(practice, number=STRANGER).verified().verified(MILO)

    assert told(caller, patientId="1002") == {("not_verified", NOT_FROM_HERE)}


# ID-04: one sentence and one way of asking, whatever is wrong


@pytest.mark.parametrize(
    "person",
    [{**CORA, "dateOfBirth": "1987-04-21"}, {**CORA, "firstName": "Clara"}, {**MILO, "dateOfBirth": "2017-10-30"}],
    ids=["wrong date", "wrong first name", "a child's wrong date"],
)
@pytest.mark.parametrize("number", [CALLER, STRANGER, ""], ids=["on file", "unknown", "withheld"])
def test_id_04_a_wrong_detail_sounds_and_asks_like_nobody_and_counts(
    practice: Account, sim: Sim, number: str, person: dict[str, str]
) -> None:
    Caller(practice).open_times()  # so that the office's key is known
    answers, asked = [], []

    for one in (NOBODY, person):
        sim("DELETE", "requests")
        caller = Caller(practice, number=number)
        answers.append(find(caller, one))
        asked.append(questions(sim))

    assert len(heard(answers)) == 1
    assert answers[0].outcome == "patient_not_found"
    assert asked[0] == asked[1] != []
    assert [one.counts for one in caller.call.verifications.all()] == [True]


# ID-07: namesakes of one birthday


def test_id_07_namesakes_are_told_apart_by_the_number_that_calls_or_its_digits(practice: Account) -> None:
    by_number, by_digits = Caller(practice, number="+12125550133"), Caller(practice, number=STRANGER)

    unsure = find(by_digits, JORDAN)
    found = [find(by_number, JORDAN), find(by_digits, JORDAN, phoneLast4="0134")]

    assert unsure.outcome == "ambiguous_patient"
    assert not re.search(r"Jordan|Lee|two|several|1011|1012", unsure.say)
    assert [one.answer and one.answer.data["patientId"] for one in found] == ["1011", "1012"]


def test_id_07_who_does_not_know_the_digits_is_left_to_the_team(practice: Account) -> None:
    caller = Caller(practice, number=STRANGER)

    said = [find(caller, JORDAN, phoneLast4=digits) for digits in ("0190", "0191", "0192")]

    assert LOCKED in said[-1].say
    assert kinds() == ["verification_locked"]
    assert caller.book().outcome == "verification_locked"


# ID-11: eighteen today


def test_id_11_who_turns_eighteen_today_books_for_themselves(caller: Caller, sim: Sim) -> None:
    made = caller.use("createPatient", **{**NOBODY, "dateOfBirth": aged(18)})

    assert made.outcome == "ok"
    assert caller.book().outcome == "ok"
    assert writes_sent(sim) == [("POST", "/patient"), ("POST", "/appointment")]


# ID-13: whether the carrier vouches for the number


@pytest.mark.parametrize("attestation", ["C", ""])
@pytest.mark.parametrize("person", [BOB, HALF], ids=["a nickname", "half of a double name"])
def test_id_13_a_number_that_nobody_vouches_for_is_no_factor(
    practice: Account, attestation: str, person: dict[str, str]
) -> None:
    caller = attested(practice, attestation, ROBERTS_NUMBER)

    result = find(caller, person)

    assert result.outcome == "patient_not_found"
    assert calls.caller_number(caller.call) == ROBERTS_NUMBER


@pytest.mark.parametrize("attestation", ["A", "B"])
@pytest.mark.parametrize("person", [BOB, HALF], ids=["a nickname", "half of a double name"])
def test_id_13_a_number_that_the_carrier_vouches_for_is_one(
    practice: Account, attestation: str, person: dict[str, str]
) -> None:
    result = find(attested(practice, attestation, ROBERTS_NUMBER), person)

    assert result.answer
    assert result.answer.data == {"patientId": "1020"}


@pytest.mark.parametrize(
    ("attestation", "is_trusted", "is_strong"),
    [
        ("A", False, True),
        ("B", False, True),
        ("C", False, False),
        ("", False, False),
        ("", True, True),
        ("C", True, False),
    ],
)
def test_id_13_only_a_proven_number_opens_more_than_dates(
    practice: Account, attestation: str, is_trusted: bool, is_strong: bool
) -> None:
    practice.trusts_caller_number = is_trusted
    practice.save()

    caller = attested(practice, attestation).verified()

    assert Verification.objects.get().is_strong is is_strong
    assert {outcome for outcome, _ in told(caller)} == {"ok" if is_strong else "not_verified"}


def test_id_13_a_doubt_that_comes_later_takes_back_what_the_number_opened(cora: Caller) -> None:
    Call.objects.update(attestation="C")

    cora.call.refresh_from_db()

    assert told(cora) == {("not_verified", NOT_FROM_HERE)}
    assert cora.book().outcome == "ok"


def test_id_13_namesakes_are_not_told_apart_by_a_number_that_nobody_vouches_for(practice: Account) -> None:
    assert find(attested(practice, "C", "+12125550133"), JORDAN).outcome == "ambiguous_patient"


@pytest.mark.parametrize("person", [NOBODY, CORA, BOB], ids=["nobody", "somebody", "a nickname"])
def test_id_13_the_same_is_asked_of_the_pms_whether_the_number_counts_or_not(
    practice: Account, sim: Sim, person: dict[str, str]
) -> None:
    Caller(practice).open_times()
    asked = []

    for attestation in ("A", "C"):
        sim("DELETE", "requests")
        find(attested(practice, attestation, ROBERTS_NUMBER), person)
        asked.append(questions(sim))

    assert asked[0] == asked[1] != []


# ID-15: an appointment of somebody else


@pytest.mark.parametrize("tool", ["cancelAppointment", "rescheduleAppointment", "confirmAppointment"])
def test_id_15_an_appointment_of_another_patient_or_practice_is_as_unknown_as_none(
    cora: Caller, sim: Sim, tool: str
) -> None:
    of_jose = at_the_desk(sim, "18:01", patient_id="1010")
    of_birch = [at_the_desk(sim, hour, office=BIRCH) for hour in ("09:00", "10:00")][-1]  # a number Alder has not
    wish = {"date": quiet_day().isoformat(), "time": "10:00"} if tool == "rescheduleAppointment" else {}
    before = [sim("GET", "truth", office_id=office) for office in (ALDER, BIRCH)]
    assert of_birch not in {row["appointment_sr_no"] for row in before[0]["appointments"]}
    answers, asked = [], []

    for appointment in ("99999", of_jose, of_birch):
        sim("DELETE", "requests")
        answers.append(cora.use(tool, appointmentId=appointment, **wish))
        asked.append(questions(sim))

    assert {outcome for outcome, _ in heard(answers)} == {"appointment_not_found"}
    assert len(heard(answers)) == 1
    assert asked[0] == asked[1] == asked[2] != []
    assert [sim("GET", "truth", office_id=office) for office in (ALDER, BIRCH)] == before


# ID-18: another assistant takes the call over


def test_id_18_after_a_handover_to_another_assistant_the_proof_still_stands(
    practice: Account, client: Client, settings: Settings
) -> None:
    settings.VAPI_WEBHOOK_SECRETS = []
    line = VoiceLine.objects.get(account=practice)

    def use(assistant: str, one: dict[str, Any]) -> str:
        body = tool_calls(line, [one], call_id="call-1")
        body["message"]["assistant"] = {"id": assistant}
        return results(post(client, body, secret_of(line)))[0]

    first = use(line.vapi_assistant_id, tool_call("findPatient", CORA, "call_1"))
    second = use(str(uuid.uuid4()), tool_call("getAppointments", {}, "call_2"))

    assert "found the record" in first
    assert second == "I don't see any appointment coming up."


# ID-19: somebody answers a call that the practice has made


def test_id_19_before_a_name_is_confirmed_nothing_tells_what_the_practice_is_or_why_it_calls(
    caller: Caller, sim: Sim
) -> None:
    reason = re.compile(
        r"dent|teeth|tooth|clean|hygien|filling|crown|doctor|appointment on|Cora|Whitfield", re.IGNORECASE
    )
    at_the_desk(sim, "09:00")
    asking = [tool.name for tool in registry.TOOLS.values() if tool.discloses and tool.for_voice]
    named = {"appointmentType": "checkup", "date": quiet_day().isoformat(), "time": "09:00"}

    said = [caller.use(tool, **named).say for tool in asking]
    fillers = [registry.TOOLS[tool].filler for tool in asking]

    assert asking
    assert [one for one in (*said, *fillers) if reason.search(one)] == []
    assert not Verification.objects.exists()


# ID-20: somebody who is no patient yet


def test_id_20_a_new_caller_is_looked_for_then_made_then_booked_and_hears_only_their_own_words(
    caller: Caller, sim: Sim
) -> None:
    caller.open_times()
    sim("DELETE", "requests")

    made = caller.use("createPatient", **NOBODY, email="theodora@example.test")
    asked = asked_of_the_pms(sim)
    booked = caller.book()

    looked = asked.index(("GET", "/patients"))
    assert looked < asked.index(("POST", "/patient"))
    assert re.fullmatch(r"There is a record for Theodora now \(patient id \d+\)\.", made.say)
    assert booked.outcome == "ok"
    assert writes_sent(sim) == [("POST", "/patient"), ("POST", "/appointment")]


def test_id_20_a_new_caller_who_is_on_file_is_not_made_again(caller: Caller, sim: Sim) -> None:
    result = caller.use("createPatient", **JOSE)

    assert result.outcome == "duplicate_patient"
    assert not re.search(r"José|Núñez|1980|0121", result.say)
    assert writes_sent(sim) == []


def test_a_proof_that_is_too_weak_is_not_an_attack(caller: Caller) -> None:
    weak = Caller(caller.call.account, number="").verified()

    with pytest.raises(NotVerified):
        patients.require_verified(call=weak.call, patient_id="", asker=weak.request().asker, strong=True)

    assert not Task.objects.exists()
