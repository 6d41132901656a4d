"""updatePatient, addPatientNote, addInsurance and processPayment by voice, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Account
from pms.models import Operation, Task, ToolCall, WriteBack, WriteBackState
from pms.services import tasks, write_backs
from tests.conftest import Sim, copied_since
from tests.talking import ALDER, CORA, Caller, Slow, kinds, look, without_capability, writes_sent

pytestmark = pytest.mark.usefixtures("quick_office")

NOTE = "Prefers to be called after five."
CARD = "4242 4242 4242 4242"
POLICY = {"provider": "Larkfield Dental", "policyNumber": "LDB100", "groupNumber": "G7", "relationship": "self"}


def truth(sim: Sim, what: str, patient_id: str = "1001") -> list[dict[str, str]]:
    found: list[dict[str, str]] = sim("GET", "truth", office_id=ALDER, patient_id=patient_id)[what]
    return found


def ledger(practice: Account) -> None:
    """Let voice payments be posted to the ledger."""
    integration = practice.integrations.get()
    integration.config = {**integration.config, "voicePayments": "ledger"}
    integration.save()


def test_a_note_is_said_to_be_added_when_the_pms_has_it(cora: Caller, sim: Sim) -> None:
    result = cora.use("addPatientNote", content=NOTE)

    assert result.say == "I have added that note."
    assert [row["text"] for row in truth(sim, "notes")].count(NOTE) == 1


def test_a_note_that_is_not_made_yet_is_not_said_to_be_added(cora: Caller, slow: Slow, sim: Sim) -> None:
    slow()

    result = cora.use("addPatientNote", content=NOTE)

    assert "it is not final yet" in result.say
    assert NOTE not in [row["text"] for row in truth(sim, "notes")]


def test_a_note_that_takes_long_is_followed_and_read_back(cora: Caller, slow: Slow, sim: Sim) -> None:
    slow()
    cora.use("addPatientNote", content=NOTE)
    sim("POST", "clock", advance_seconds=601)

    look(minutes=15)
    copied_since(sim)
    look(minutes=30)

    write_back = WriteBack.objects.get()
    assert write_back.state == WriteBackState.DONE
    assert write_back.verified_at is not None
    assert kinds() == []


def test_what_the_office_refuses_is_said_and_left_to_the_team(cora: Caller, sim: Sim) -> None:
    sim("POST", "fail_write", result="Writeback failed", method="POST", api="medical_notes")

    result = cora.use("addPatientNote", content=NOTE)

    assert result.outcome == "write_rejected"
    assert "nothing has been added" in result.say
    assert kinds() == ["note_failed"]
    assert tasks.detail(Task.objects.get()) == {
        "patientId": "1001",
        "content": NOTE,
        "refusedWith": "Writeback failed",
    }


def test_a_lost_answer_is_unknown_and_found_by_the_worker(cora: Caller, sim: Sim) -> None:
    sim("POST", "lose_answer", path="/v4/medical_notes", method="POST", hold_seconds=0)

    result = cora.use("addPatientNote", content=NOTE)
    copied_since(sim)
    look(minutes=15)

    assert result.outcome == "outcome_unknown"
    assert "I can't say yet" in result.say
    assert WriteBack.objects.get().state == WriteBackState.DONE
    assert [row["text"] for row in truth(sim, "notes")].count(NOTE) == 1


def test_the_same_note_in_the_same_call_is_sent_once(cora: Caller, sim: Sim) -> None:
    sim("DELETE", "requests")

    says = [cora.use("addPatientNote", content=NOTE).say for _ in range(2)]

    assert says == ["I have added that note.", "That was asked for already, and counts once. I have added that note."]
    assert writes_sent(sim) == [("POST", "/medical_notes")]


def test_a_note_that_came_to_nothing_may_be_tried_again(cora: Caller, sim: Sim) -> None:
    sim("POST", "fail_write", result="Writeback failed", method="POST", api="medical_notes")
    cora.use("addPatientNote", content=NOTE)

    result = cora.use("addPatientNote", content=NOTE)

    assert result.say == "I have added that note."


def test_a_note_is_cleaned_for_the_pms_and_kept_as_it_was_said(cora: Caller, sim: Sim) -> None:
    said = "Allergic?\nAsk <b>mother</b>, she's at 50% \N{TOOTH} & co"

    result = cora.use("addPatientNote", content=said)

    assert result.say == "I have added that note."
    written = truth(sim, "notes")[-1]["text"]
    assert not set(written) & set("<>%&?,\n\N{TOOTH}")
    assert write_backs.change_of(WriteBack.objects.get()).text == said  # type: ignore[union-attr]


def test_a_note_needs_a_patient_of_this_call(caller: Caller, sim: Sim) -> None:
    sim("DELETE", "requests")

    result = caller.use("addPatientNote", content=NOTE, patientId="1001")

    assert result.outcome == "not_verified"
    assert writes_sent(sim) == []


def test_what_the_connection_cannot_write_is_left_to_the_team(practice: Account, cora: Caller, sim: Sim) -> None:
    without_capability(practice, "add_note")
    sim("DELETE", "requests")

    result = cora.use("addPatientNote", content=NOTE, category="preference")

    assert result.outcome == "not_supported"
    assert "I have left it for the team" in result.say
    assert kinds() == ["please_add_note"]
    assert tasks.detail(Task.objects.get()) == {"patientId": "1001", "content": NOTE, "category": "preference"}
    assert writes_sent(sim) == []


def test_new_contact_details_are_left_to_the_team_where_the_pms_takes_none(cora: Caller, sim: Sim) -> None:
    result = cora.use("updatePatient", phone="212 555 0188", city="Albany")

    assert result.outcome == "not_supported"
    assert "Until they have entered them, the record stays as it is" in result.say
    assert tasks.detail(Task.objects.get()) == {"patientId": "1001", "phone": "+12125550188", "address": "Albany"}


def test_somebody_who_calls_from_elsewhere_never_changes_the_number_on_file(practice: Account, sim: Sim) -> None:
    integration = practice.integrations.get()
    integration.metadata = {
        **integration.metadata,
        "capabilities": [*integration.metadata["capabilities"], "update_patient"],
    }
    integration.save()
    stranger = Caller(practice, number="+12125550199").verified(CORA)

    result = stranger.use("updatePatient", phone="+12125550199")

    assert result.outcome == "ok"
    assert "I have left the team a note with the new details" in result.say
    assert kinds() == ["please_update_patient"]
    assert not WriteBack.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "What should change"),
        ({"phone": "12"}, "I did not catch the phone number"),
        ({"email": "nobody"}, "I did not catch the email address"),
    ],
)
def test_a_change_that_is_none_is_asked_about(arguments: dict[str, str], said: str, cora: Caller) -> None:
    result = cora.use("updatePatient", **arguments)

    assert result.outcome == "validation_failed"
    assert said in result.say
    assert kinds() == []


def test_insurance_is_left_to_the_team_with_everything_that_was_said(cora: Caller) -> None:
    result = cora.use("addInsurance", **POLICY, subscriberName="Cora Whitfield", subscriberDob="1987-04-12")

    assert result.outcome == "not_supported"
    assert "I have left the team a note with the details" in result.say
    assert tasks.detail(Task.objects.get()) == {
        "patientId": "1001",
        "provider": "Larkfield Dental",
        "policyNumber": "LDB100",
        "groupNumber": "G7",
        "isPrimary": "yes",
        "subscriberName": "Cora Whitfield",
        "subscriberDob": "1987-04-12",
        "relationship": "self",
    }


def test_a_payment_by_voice_is_a_task_and_nothing_is_charged(cora: Caller, sim: Sim) -> None:
    sim("DELETE", "requests")

    result = cora.use("processPayment", amount="$36.30", method="card", notes="copay")

    assert result.outcome == "ok"
    assert result.say == (
        "I have noted the payment of 36 dollars and 30 cents for the team to collect. Nothing has been charged."
    )
    assert tasks.detail(Task.objects.get())["amount"] == "36.30"
    assert kinds() == ["please_collect_payment"]
    assert writes_sent(sim) == []


def test_a_practice_may_have_payments_entered_into_its_ledger(practice: Account, cora: Caller, sim: Sim) -> None:
    ledger(practice)

    result = cora.use("processPayment", amount=36.3, method="check")

    assert result.say == (
        "A payment of 36 dollars and 30 cents has been entered into the account. I have not charged anything."
    )
    assert "-36.30" in truth(sim, "transactions")[-1]["amount"]


def test_a_payment_that_does_not_show_yet_is_said_to_be_missing_from_the_balance(
    practice: Account, cora: Caller
) -> None:
    ledger(practice)
    cora.use("processPayment", amount=36.3, method="check")

    result = cora.use("getBalance")

    assert result.say.endswith("A payment of 36 dollars and 30 cents that was noted here may not be in it yet.")


@pytest.mark.parametrize("amount", [0, -5, "free", "1e9", None, "", True, "12.345", 10_000_000])
def test_an_amount_that_is_none_is_asked_about(amount: Any, cora: Caller) -> None:
    result = cora.use("processPayment", amount=amount)

    assert result.outcome == "validation_failed"
    assert "amount" in result.say
    assert kinds() == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("processPayment", {"amount": 36.3, "notes": f"card {CARD}"}),
        ("processPayment", {"amount": 36.3, "cardNumber": CARD}),
        ("addPatientNote", {"content": f"Pays with {CARD}"}),
        ("takeMessage", {"message": CARD.replace(" ", "-")}),
    ],
)
def test_a_card_number_is_refused_and_kept_nowhere(tool: str, arguments: dict[str, Any], cora: Caller) -> None:
    before = ToolCall.objects.count()

    result = cora.use(tool, **arguments)

    assert result.outcome == "card_number_refused"
    assert "I can't take card numbers" in result.say
    assert ToolCall.objects.count() == before
    assert not Task.objects.exists()
    assert not WriteBack.objects.filter(operation=Operation.POST_PAYMENT).exists()


def test_a_payment_that_is_lost_is_not_sent_again(practice: Account, cora: Caller, sim: Sim) -> None:
    ledger(practice)
    sim("POST", "lose_answer", path="/v4/transaction", method="POST", hold_seconds=0)
    sim("DELETE", "requests")

    first = cora.use("processPayment", amount=36.3, method="check")
    second = cora.use("processPayment", amount=36.3, method="check")
    copied_since(sim)
    look(minutes=15)

    assert first.outcome == second.outcome == "outcome_unknown"
    assert writes_sent(sim) == [("POST", "/transaction")]
    assert WriteBack.objects.get().state == WriteBackState.DONE
