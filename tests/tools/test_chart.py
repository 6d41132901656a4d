"""getPatientInfo, getPatientNotes, getInsurance and getBalance by voice, against the sandbox."""

from __future__ import annotations

import pytest

from accounts.models import Account
from pms.models import PmsAuditLog, PmsCachedData, Task
from pms.services import tasks
from tests.canaries import without_random
from tests.conftest import Sim
from tests.talking import CORA, JORDAN, Caller, asked_of_the_pms, kinds, without_capability

READS = {
    "getPatientInfo": ("read_patients", "please_tell_patient_info"),
    "getPatientNotes": ("read_notes", "please_tell_notes"),
    "getInsurance": ("read_insurance", "please_tell_insurance"),
    "getBalance": ("read_balance", "please_tell_balance"),
}
STRANGER = "+12125550199"


def test_the_balance_is_told_with_its_day_and_its_parts(cora: Caller) -> None:
    result = cora.use("getBalance")

    assert result.outcome == "ok"
    assert result.say.startswith("As of ")
    assert "281 dollars and 50 cents" in result.say
    assert "the patient's part is 36 dollars and 30 cents" in result.say
    assert "245 dollars and 20 cents is expected from insurance" in result.say


def test_a_credit_is_called_one(practice: Account) -> None:
    bob = Caller(practice, number="+17185550158").verified(
        {"firstName": "Robert", "lastName": "Lee-O'Brien", "dateOfBirth": "1969-08-21"}
    )

    result = bob.use("getBalance")

    assert "a credit of 72 dollars" in result.say


def test_insurance_is_told_without_its_whole_number(cora: Caller) -> None:
    result = cora.use("getInsurance")

    assert "primary insurance with Larkfield" in result.say
    assert "ending in 1 8 4 7" in result.say
    assert "LDB20931847" not in result.say


def test_what_is_on_file_is_told_to_who_calls_from_the_number_on_file(cora: Caller) -> None:
    result = cora.use("getPatientInfo")

    assert "a phone number ending in 0 1 4 7" in result.say
    assert "2125550147" not in result.say


def test_a_caller_hears_no_note_of_the_staff_s(cora: Caller) -> None:
    result = cora.use("getPatientNotes")

    assert result.say == "There are no notes that I can read out. The team can say more."


def test_a_caller_hears_the_kinds_that_the_practice_lets_be_read_out(practice: Account, cora: Caller) -> None:
    integration = practice.integrations.get()
    integration.config = {**integration.config, "voiceNoteTypes": ["PatNote"]}
    integration.save()

    result = cora.use("getPatientNotes")

    assert result.say.startswith("The latest notes say: ")


def test_a_caller_hears_the_note_that_they_left(quick_office: None, cora: Caller) -> None:
    cora.use("addPatientNote", content="Please call before 9 in the morning.")

    result = cora.use("getPatientNotes")

    assert "Please call before 9 in the morning" in result.say


@pytest.mark.parametrize("tool", READS)
def test_nothing_is_told_before_somebody_is_verified(tool: str, caller: Caller, sim: Sim) -> None:
    sim("DELETE", "requests")

    result = caller.use(tool, patientId="1001")

    assert result.outcome == "not_verified"
    assert asked_of_the_pms(sim) == []


@pytest.mark.parametrize("tool", READS)
def test_a_number_that_is_not_on_file_opens_no_chart(tool: str, practice: Account, sim: Sim) -> None:
    stranger = Caller(practice, number=STRANGER).verified(CORA)
    sim("DELETE", "requests")

    result = stranger.use(tool)

    assert result.outcome == "not_verified"
    assert "the phone number the practice has on file" in result.say
    assert asked_of_the_pms(sim) == []


@pytest.mark.parametrize("tool", READS)
def test_another_patient_s_chart_is_closed(tool: str, cora: Caller) -> None:
    assert cora.use(tool, patientId="1010").outcome == "not_verified"


@pytest.mark.parametrize("tool", READS)
def test_what_the_connection_cannot_look_up_is_left_to_the_team_once(
    tool: str, practice: Account, cora: Caller, sim: Sim
) -> None:
    capability, kind = READS[tool]
    without_capability(practice, capability)
    sim("DELETE", "requests")

    results = [cora.use(tool) for _ in range(2)]

    assert [result.outcome for result in results] == ["not_supported"] * 2
    assert "I have left the team a note that you asked" in results[0].say
    assert kinds() == [kind]
    assert tasks.detail(Task.objects.get()) == {"patientId": "1001"}
    assert asked_of_the_pms(sim) == []


@pytest.mark.parametrize("tool", READS)
def test_a_second_question_is_answered_from_the_cache_and_audited_like_the_first(
    tool: str, cora: Caller, sim: Sim
) -> None:
    first = cora.use(tool)
    sim("DELETE", "requests")

    second = cora.use(tool)

    assert second.say == first.say
    assert asked_of_the_pms(sim) == []
    rows = PmsAuditLog.objects.filter(action=tool).order_by("seq")
    assert [(row.patient_id, row.phi_accessed, row.success) for row in rows] == [("1001", True, True)] * 2
    assert '"cached": true' in (rows[1].request_summary or "")
    keys = PmsCachedData.objects.values_list("cache_key", flat=True)
    assert "1001" not in without_random(" ".join(keys))


@pytest.mark.parametrize("tool", READS)
def test_a_pms_that_is_down_is_said_to_be(tool: str, cora: Caller, sim: Sim) -> None:
    sim("POST", "fail", kind="status", status=503, times=50)

    result = cora.use(tool)

    assert result.outcome == "pms_unavailable"


def test_a_note_on_file_does_not_tell_the_model_what_to_do(practice: Account) -> None:
    integration = practice.integrations.get()
    integration.config = {**integration.config, "voiceNoteTypes": ["PatNote"]}
    integration.save()
    jordan = Caller(practice, number="+12125550133").verified({**JORDAN, "phoneLast4": "0133"})

    result = jordan.use("getPatientNotes")

    assert result.say.startswith("The latest notes say: ")
    assert not set(result.say) & set("{}[]<>`*#|\\\n")
